package gen

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// thirdParty is a module that nobody wrote for exploring: a cache under an RWMutex, in
// three packages, one of them internal.
const (
	thirdParty        = "github.com/hashicorp/golang-lru/v2"
	thirdPartyVersion = "v2.0.7"
)

// thirdPartyMod is the module that explores it.
const thirdPartyMod = `module example.com/third

go 1.26.0

require (
	` + thirdParty + ` ` + thirdPartyVersion + `
	github.com/refbench/refbench v0.0.0
)

replace github.com/refbench/refbench => `

const thirdPartySum = thirdParty + ` ` + thirdPartyVersion + ` h1:a+bsQ5rvGLjzHuww6tVxozPZFVghXaHOwFs4luLUK2k=
` + thirdParty + ` ` + thirdPartyVersion + `/go.mod h1:QeFd9opnmA6QUJc5vARoKUSoFhyfM2/ZepoAG6RGpeM=
`

// thirdPartyUse keeps counted objects in the cache, which holds a reference of each and
// drops it when the entry is evicted. A lookup takes another: with Get, which is wrong,
// because the entry may be gone between, or with TryGet.
const thirdPartyUse = `package main

import (
	"fmt"

	lru "example.com/third/explored/github.com/hashicorp/golang-lru/v2"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

type object struct {
	refs     atomic.Int64
	released atomic.Bool
}

func (o *object) put() {
	if n := o.refs.Add(-1); n == 0 {
		if o.released.Swap(true) {
			explore.Failf("released twice")
		}
	}
}

func (o *object) take(try bool) bool {
	if !try {
		o.refs.Add(1)
		return true
	}
	for {
		n := o.refs.Load()
		if n == 0 {
			return false
		}
		if o.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func main() {
	for _, try := range []bool{false, true} {
		s := &explore.Scenario{Name: "evict", Make: func(explore.Program) explore.Case {
			var cache *lru.Cache[string, *object]
			object0 := func() *object {
				o := new(object)
				o.refs.Store(1)
				return o
			}
			return explore.Case{
				Setup: func() {
					cache, _ = lru.NewWithEvict(1, func(_ string, o *object) { o.put() })
					cache.Add("a", object0())
				},
				Threads: []func(){
					func() {
						if o, ok := cache.Get("a"); ok && o.take(try) {
							o.put()
						}
					},
					func() { cache.Add("b", object0()) },
				},
				Finish: func() {
					cache.Purge()
				},
			}
		}}
		r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: explore.Unbounded})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("try %v: %s, exhaustive %v, executions %v\n", try, r.Verdict, r.Exhaustive, r.Executions > 1)
		if r.Failure != nil {
			fmt.Print(r.Failure.Text())
		}
	}
}
`

// TestThirdPartyModule: a module from the module cache goes through the same door as
// our own code, and is explored together with the code that uses it.
func TestThirdPartyModule(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a module")
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (string, error) {
		c := exec.Command("go", args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -mod=mod", "GOWORK=off")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	write("go.mod", thirdPartyMod+root+"\n")
	write("go.sum", thirdPartySum)
	if out, err := run("mod", "download", thirdParty); err != nil {
		t.Skipf("%s %s is neither in the module cache nor to be had: %s", thirdParty, thirdPartyVersion, out)
	}
	files, err := Packages(Options{
		Dir: dir, Env: append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -mod=mod", "GOWORK=off"), Root: "example.com/third/explored",
		Patterns: []string{thirdParty, thirdParty + "/simplelru", thirdParty + "/internal"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		write("explored/"+f.Path, string(f.Data))
	}
	write("main.go", thirdPartyUse)
	out, err := run("run", ".")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"try false: violation, ", "violation: released twice", "lru.go:98", "main.go:26",
		"try true: passed, exhaustive true, executions true",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("want %q in:\n%s", want, out)
		}
	}
}

// TestThirdPartyRefused: what a module uses that isn't modelled is named with its place.
func TestThirdPartyRefused(t *testing.T) {
	for pkg, want := range map[string]string{
		"github.com/puzpuzpuz/xsync/v4":       "unsupported: go:linkname in ",
		"github.com/rogpeppe/go-internal/par": "unsupported: math/rand.Intn in ",
	} {
		_, err := Packages(Options{Patterns: []string{pkg}, Root: "example.com/explored"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pkg, err, want)
		}
	}
}

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore/gen"
)

// The files of a module that nobody prepared for refbench: a strategy whose TryGet looks
// and then adds, its test, and a refbench that has it in both forms.
var outsideFiles = map[string]string{
	"mine/mine.go": `// Package mine counts in one word.
package mine

import (
	"math"
	"sync/atomic"

	"github.com/refbench/refbench/strategies"
)

// Count is the counter.
type Count struct{ n atomic.Int64 }

func (c *Count) Init() { c.n.Store(1) }
func (c *Count) Get()  { c.n.Add(1) }
func (c *Count) TryGet() bool {
	if c.n.Load() <= 0 {
		return false
	}
	c.n.Add(1) // it may be 0 by now
	return true
}
func (c *Count) Put() bool  { return c.n.Add(-1) == 0 }
func (c *Count) Kill() bool { return c.Put() }

// Strategy is the strategy.
var Strategy = &strategies.Strategy{
	Name: "mine", Doc: "one word", New: func() strategies.Counter { return new(Count) },
	Promise: strategies.Promise{
		Limit: math.MaxInt64, Width: 64, Overflow: strategies.Wraps, Underflow: strategies.Wraps,
		GetOnZero: strategies.Revives, Zero: strategies.Immediate, TryGet: strategies.Exact,
		Count: strategies.None, Progress: strategies.WaitFree, Bytes: 8,
	},
}
`,
	"mine/mine_test.go": `package mine_test

import (
	"testing"

	"example.com/outside/mine"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, mine.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, mine.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, mine.Strategy) }
`,
	"main.go": `package main

import (
	explored "example.com/outside/explored/mine"
	"example.com/outside/mine"
	"github.com/refbench/refbench/cmd/refbench/cli"
)

func main() {
	parts := cli.Builtin()
	parts.Strategies = append(parts.Strategies, mine.Strategy)
	parts.Explored.Strategies = append(parts.Explored.Strategies, explored.Strategy)
	parts.Explored.Version += " mine v1"
	cli.Main(parts)
}
`,
}

// TestOutsideStrategy does what the README says with a strategy of another module: its
// test, its explored form, and a refbench that finds its bug and replays it.
func TestOutsideStrategy(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a module")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	// The same dependencies as here, which are in the module cache.
	_, requires, _ := strings.Cut(read("go.mod"), "\nrequire (")
	requires, _, _ = strings.Cut(requires, "\ntool (")
	write("go.mod", "module example.com/outside\n\ngo 1.26.0\n\nrequire github.com/refbench/refbench v0.0.0\n\nreplace github.com/refbench/refbench => "+root+"\n\nrequire ("+requires)
	write("go.sum", read("go.sum"))
	for name, text := range outsideFiles {
		write(name, text)
	}
	env := append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir, c.Env = dir, env
		out, err := c.CombinedOutput()
		if c.ProcessState == nil {
			t.Fatalf("%s %v: %v", name, args, err)
		}
		return string(out)
	}
	expect := func(out string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Fatalf("want %q in:\n%s", want, out)
			}
		}
	}
	expect(run("go", "test", "./mine"), "strategy mine breaks the rule Underflow", "REFBENCH_SEED=")

	files, err := gen.Packages(gen.Options{
		Dir: dir, Env: env, Patterns: []string{"example.com/outside/mine"},
		Keep: []string{"github.com/refbench/refbench/strategies"}, Replace: dropins.Replace(), Root: "example.com/outside/explored",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		write("explored/"+f.Path, string(f.Data))
	}
	exe := filepath.Join(dir, "outside.exe")
	if out := run("go", "build", "-o", exe, "."); out != "" {
		t.Fatalf("go build: %s", out)
	}
	out := run(exe, "explore", "--strategy", "mine", "--workload", "count", "--executions", "2000")
	expect(out, "mine/count: violation: TryGet took a reference after the last had been dropped", "mine.go:20", "\nsee it again: refbench replay rx3.")
	_, token, _ := strings.Cut(out, "\nsee it again: refbench replay ")
	expect(run(exe, "replay", strings.Fields(token)[0]), "mine/count: violation: ")
}

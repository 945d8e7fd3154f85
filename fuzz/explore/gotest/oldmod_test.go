package gotest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/goproxytest"
)

// Before Go 1.17 a go.mod names only the modules that its own packages import. Package a is copied
// into the main module, and what it imports isn't named: the tests are explored all the same, and
// go.mod stays as it is.
func TestOldGoMod(t *testing.T) {
	write := func(dir string, files map[string]string) {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	mods, dir := t.TempDir(), t.TempDir()
	write(mods, map[string]string{
		"example.com_a_v1.0.0.txtar": `-- .mod --
module example.com/a

go 1.13

require example.com/b v1.0.0
-- .info --
{"Version": "v1.0.0"}
-- go.mod --
module example.com/a

go 1.13

require example.com/b v1.0.0
-- a.go --
package a

import "example.com/b"

func Send(c chan int) { c <- b.Two }
`,
		"example.com_b_v1.0.0.txtar": `-- .mod --
module example.com/b

go 1.13
-- .info --
{"Version": "v1.0.0"}
-- go.mod --
module example.com/b

go 1.13
-- b.go --
package b

const Two = 2
`,
	})
	const mod = "module example.com/old\n\ngo 1.13\n\nrequire example.com/a v1.0.0\n"
	write(dir, map[string]string{
		"go.mod": mod,
		"old_test.go": `package old

import (
	"testing"

	"example.com/a"
)

func TestSend(t *testing.T) {
	c := make(chan int)
	go a.Send(c)
	if got := <-c; got != 2 {
		t.Errorf("received %d, want 2", got)
	}
}
`,
	})
	server, err := goproxytest.NewServer(mods, "")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	t.Setenv("GOPROXY", server.URL)
	t.Setenv("GONOSUMDB", "example.com")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GOWORK", "off")

	ctx := context.Background()
	if _, err := goCommand(ctx, dir, "mod", "download", "all"); err != nil {
		t.Fatal(err)
	}
	if _, err := goCommand(ctx, dir, "vet", "."); err != nil {
		t.Fatal("without the explorer:", err)
	}
	w, err := Load(ctx, Options{Dir: dir, Patterns: []string{"."}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	p := w.Packages[0]
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	if err := w.Build(ctx, p); err != nil {
		t.Fatal(err)
	}
	r, err := p.Try(ctx, Trial{Test: "TestSend", Seed: 1, Time: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != Passed || !r.Exhaustive {
		t.Errorf("%s, %s %s, want passed in all schedules", r.Verdict, r.Message, r.Complete)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "go.mod")); err != nil || string(data) != mod {
		t.Errorf("go.mod is %q, %v", data, err)
	}
}

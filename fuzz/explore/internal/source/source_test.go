package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOperands: each line says in its comment what is asked, and what the answer is.
func TestOperands(t *testing.T) {
	const text = `package p

func f() {
	c.refs.Add(1)                            // Add: c.refs
	pool.idle[2].state.Load()                // Load: pool.idle[2].state
	n.Store(n.Load() + m.Load())             // Load: n m
	n.Store(n.Load() + 1)                    // Store: n
	atomic.AddInt64(&c.n, 1)                 // Add: c.n
	atomic.AddInt64(&(c.n), add(&x))         // Add: c.n
	(*p).mu.Lock()                           // Lock: (*p).mu
	c.CompareAndSwap(a.Load(), 2)            // CompareAndSwap: c
	ch <- <-in                               // <-: in
	ch <- <-in                               // ->: ch
	close(done)                              // close: done
	for range queue {                        // <-: queue
	}
	select {                                 // select: a b c[i]
	case <-a:
	case v, ok := <-b:
	case c[i] <- 1:
	default:
	}
	go func() { x.Lock(); defer y.Unlock() }() // Unlock: y
	explore.Read(&c.body)                    // Read: c.body
	LoadAll()                                // Load:
}
`
	name := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	var f Files
	for i, line := range strings.Split(text, "\n") {
		_, ask, ok := strings.Cut(line, "// ")
		if !ok {
			continue
		}
		method, want, _ := strings.Cut(ask, ":")
		if got := f.Operands(name, i+1, []string{method}); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("line %d: %q, want %s", i+1, got, want)
		}
		if got := f.Line(name, i+1); got != strings.TrimSpace(line) {
			t.Errorf("line %d is %q", i+1, got)
		}
	}
	if got := f.Operands("none.go", 1, []string{"Add"}); got != nil || f.Line("none.go", 1) != "" {
		t.Errorf("of a file that isn't there: %q", got)
	}
}

func TestPlace(t *testing.T) {
	for file, want := range map[string]string{
		"/home/me/pool/idle.go":           "pool/idle.go:7",
		"example.com/mod@v1.2.3/a/b/c.go": "b/c.go:7",
		"idle.go":                         "idle.go:7",
		"/idle.go":                        "idle.go:7",
	} {
		if got := Place(file, 7); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

// A program that was built with -trimpath names a file by its module.
func TestFilesOfTrimmedProgramsAreInTheModuleOfTheWorkingDirectory(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/m\n", "p/p.go": "package p\n", "q/q.go": "package q\n"} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ from, file, want string }{
		{root, "example.org/m/p/p.go", "package p"},
		{filepath.Join(root, "q"), "example.org/m/p/p.go", "package p"},
		{root, "example.org/mine/p/p.go", ""},
		{t.TempDir(), "example.org/m/p/p.go", ""},
		{t.TempDir(), filepath.Join(root, "p", "p.go"), "package p"},
	} {
		t.Chdir(c.from)
		if got := new(Files).Line(c.file, 1); got != c.want {
			t.Errorf("from %s line 1 of %s is %q, want %q", c.from, c.file, got, c.want)
		}
	}
}

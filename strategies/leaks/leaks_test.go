package leaks

import (
	"os/exec"
	"strings"
	"testing"
	"unsafe"
)

type conn struct{ _ int }

// The books are called as the exported functions of a program with the build tag call them,
// so that what stands first in a report is the program's line.
func get(b *books, c *conn) *reference { return func() *reference { return b.take(c) }() }
func put(b *books, r *reference)       { func() { b.drop(r) }() }
func putSome(b *books, c *conn)        { func() { b.dropSome(c) }() }

func forgets(b *books, c *conn) *reference { return get(b, c) }
func drops(b *books, r *reference)         { put(b, r) }
func dropsAgain(b *books, r *reference)    { put(b, r) }
func dropsSome(b *books, c *conn)          { putSome(b, c) }

func TestReports(t *testing.T) {
	for _, c := range []struct {
		name  string
		run   func(b *books, c *conn)
		wants []string // in this order, in the one text; none: nothing is wrong
	}{
		{"all dropped", func(b *books, c *conn) { drops(b, forgets(b, c)) }, nil},
		{"leaked", func(b *books, c *conn) { drops(b, forgets(b, c)); forgets(b, c) }, []string{"references left of *leaks.conn 0x", ": 1. They were taken:\n", ".forgets\n", "leaks_test.go:"}},
		{"leaked at one place twice", func(b *books, c *conn) {
			for range 2 {
				forgets(b, c)
			}
		}, []string{": 2. They were taken:\n", "2 times\n", ".forgets\n"}},
		{"dropped twice", func(b *books, c *conn) { r := forgets(b, c); drops(b, r); dropsAgain(b, r) },
			[]string{"a reference of *leaks.conn 0x", "was dropped twice. It was taken:\n", ".forgets\n", "It was dropped:\n", ".drops\n", "and dropped again:\n", ".dropsAgain\n"}},
		{"never taken", func(b *books, c *conn) { drops(b, nil) }, []string{"a reference that was never taken was dropped:\n", ".drops\n"}},
		{"some dropped", func(b *books, c *conn) { forgets(b, c); dropsSome(b, c) }, nil},
		{"some left", func(b *books, c *conn) { forgets(b, c); forgets(b, c); dropsSome(b, c) }, []string{"references left of ", ": 1, of those that were taken:\n", ".forgets\n", "and some were dropped:\n", ".dropsSome\n"}},
		{"too many", func(b *books, c *conn) { forgets(b, c); dropsSome(b, c); dropsSome(b, c) }, []string{"references of ", "dropped more than taken: 1. They were taken:\n", ".forgets\n", "and dropped:\n", ".dropsSome\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b books
			c.run(&b, new(conn))
			texts := b.report()
			if len(c.wants) == 0 {
				if len(texts) > 0 {
					t.Fatalf("%q", texts)
				}
				return
			}
			if len(texts) != 1 {
				t.Fatalf("%d reports, want 1: %q", len(texts), texts)
			}
			rest := texts[0]
			for _, want := range c.wants {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%q isn't there, or not in this order:\n%s", want, texts[0])
				}
				rest = after
			}
			b.reset()
			if texts := b.report(); len(texts) > 0 {
				t.Errorf("after a reset: %q", texts)
			}
		})
	}
}

// Without the build tag nothing costs anything.
func TestOffIsFree(t *testing.T) {
	if Enabled {
		t.Skip("it is on")
	}
	if n := unsafe.Sizeof(Ref{}); n != 0 {
		t.Errorf("a Ref takes %d bytes", n)
	}
	c := new(conn)
	if n := testing.AllocsPerRun(100, func() { Take(c).Drop(); Drop(c); Check(t) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// With the tag the exported functions keep the books.
func TestOn(t *testing.T) {
	if testing.Short() || Enabled {
		t.Skip("it runs the go command, or is run by it")
	}
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-tags", "refbench_leaks", "-run", "TestCheck", ".").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// failures are those of a test, and what it does in the end.
type failures struct {
	TB
	texts []string
	end   func()
}

func (f *failures) Helper()                      {}
func (f *failures) Errorf(_ string, args ...any) { f.texts = append(f.texts, args[0].(string)) }
func (f *failures) Cleanup(end func())           { f.end = end }

// What the program itself calls is what the books are told, if it is on.
func TestCheck(t *testing.T) {
	var f failures
	Check(&f)
	c := new(conn)
	r := Take(c)
	Take(c).Drop()
	if f.end != nil {
		f.end()
	}
	if Enabled {
		if len(f.texts) != 1 || !strings.Contains(f.texts[0], "references left of *leaks.conn") || !strings.Contains(f.texts[0], "They were taken:\n    github.com/refbench/refbench/strategies/leaks.TestCheck\n") {
			t.Errorf("%q", f.texts)
		}
	} else if len(f.texts) > 0 || f.end != nil {
		t.Errorf("%q", f.texts)
	}
	r.Drop()
}

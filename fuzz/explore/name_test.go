package explore_test

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

type shelf struct {
	refs atomic.Int64
	mu   sync.Mutex
	idle [3]struct{ state atomic.Uint32 }
	body int
	wake *channel.Chan[int]
}

// TestNamesOfTheSource: pictures and messages call memory what the source calls it, and
// files with their folder, also if nobody has named anything.
func TestNamesOfTheSource(t *testing.T) {
	c := new(shelf)
	for _, x := range []struct {
		kind    explore.Kind
		message string
		shown   []string
		a, b    func()
	}{
		{explore.Violation, "", []string{"load c.refs = ", "store c.refs ", "lock c.mu", "load c.idle[2].state = ", "swap c.idle[1].state ", "cas c.idle[1].state fails"},
			func() {
				c.mu.Lock()
				c.idle[2].state.Load()
				c.mu.Unlock()
				c.idle[1].state.Swap(3)
				if v := c.refs.Load(); c.idle[2].state.Load() == 0 {
					c.refs.Store(v + 1)
				}
			}, func() {
				c.mu.Lock()
				c.idle[2].state.Load()
				c.mu.Unlock()
				if !c.idle[1].state.CompareAndSwap(0, 1) && c.idle[2].state.Load() == 0 && c.refs.Load() == 1 {
					explore.Failf("met")
				}
			}},
		{explore.Race, "plain write of c.body by T2 at explore/name_test.go:", []string{"write c.body"},
			func() { explore.Write(&c.body) }, func() { explore.Write(&c.body) }},
		{explore.Deadlock, "waits in lock c.mu", nil,
			func() { c.mu.Lock() }, func() { c.mu.Lock() }},
		{explore.Deadlock, "waits in receive c.wake", nil,
			func() { c.wake.Receive() }, func() {}},
	} {
		s := &explore.Scenario{Name: "names", CPUs: 2, Make: func(explore.Program) explore.Case {
			return explore.Case{Threads: []func(){func() {
				*c = shelf{wake: channel.Make[int](0)}
				explore.Go(x.a)
				explore.Go(x.b)
			}}}
		}}
		r, err := explore.Explore(s, explore.Options{Seed: 1, Search: explore.Random})
		if err != nil || r.Failure == nil || r.Failure.Kind != x.kind {
			t.Fatalf("%+v, %v: want %s", r, err, x.kind)
		}
		text := r.Failure.Text()
		if !strings.Contains(r.Failure.Message, x.message) && !strings.Contains(strings.ReplaceAll(r.Failure.Message, "T1", "T2"), x.message) {
			t.Errorf("%q, want %q", r.Failure.Message, x.message)
		}
		for _, want := range append(x.shown, "explore/name_test.go:") {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", x.kind, want, text)
			}
		}
		if strings.Contains(text, "#") {
			t.Errorf("%s: numbers instead of names in\n%s", x.kind, text)
		}
	}
}

// TestOwnIsFolded: what no other thread touches is one row of the picture, however much
// it is, and what others touch isn't.
func TestOwnIsFolded(t *testing.T) {
	s := buried(25)
	r, err := explore.Explore(s, explore.Options{Seed: 1, NoRaces: true})
	if err != nil || r.Failure == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	text := r.Failure.Text()
	if n := strings.Count(text, "accesses of its own)"); n != 3 {
		t.Errorf("%d rows of accesses of one's own, want one for each of 3 threads:\n%s", n, text)
	}
	if n := strings.Count(text, "(50 accesses of its own)"); n != 3 {
		t.Errorf("%d rows of 50 accesses, want 3:\n%s", n, text)
	}
	if lines := strings.Count(text, "\n"); lines > 25 {
		t.Errorf("%d lines:\n%s", lines, text)
	}
	if !strings.Contains(text, "add refs 1 -> 0") {
		t.Errorf("the drop of the last reference isn't shown:\n%s", text)
	}
	t.Log(text)
}

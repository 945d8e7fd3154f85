package explore_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
)

// A session finds each planted bug but the one that takes a long wait, in the same way
// each time, and its token shows it again.
func TestSessionFinds(t *testing.T) {
	s := explore.NewSession()
	defer s.Close()
	for _, p := range bank() {
		o := explore.Schedules{N: 2000, Seed: 7, CPUs: 2}
		n, points, f := s.Run(p.bug.Make(p.bug.Program), o)
		if f == nil {
			t.Errorf("%s, seed 7: not found in %d executions", p.bug.Name, n)
			continue
		}
		for range 3 {
			m, again, g := s.Run(p.bug.Make(p.bug.Program), o)
			if m != n || again != points || g == nil || g.Kind() != f.Kind() {
				t.Errorf("%s: %d executions, %d points, %v; the first time %d, %d, %v", p.bug.Name, m, again, g, n, points, f)
			}
		}
		failure, err := f.Failure(p.bug, explore.Options{})
		if err != nil {
			t.Fatalf("%s: %v", p.bug.Name, err)
		}
		t.Logf("%-30s %4d executions: %v, %v, %d preemptions", p.bug.Name, n, failure, failure.Program, failure.Preemptions)
		if failure.Preemptions > 3 || failure.Executions != n {
			t.Errorf("%s: %d preemptions in execution %d, want at most 3 in execution %d", p.bug.Name, failure.Preemptions, failure.Executions, n)
		}
		if g, err := explore.Replay(failure.Token, []*explore.Scenario{p.bug}, explore.Options{}); err != nil || g.Text() != failure.Text() {
			t.Errorf("%s: replayed %v, %v", p.bug.Name, g, err)
		}
		if n, _, f := s.Run(p.fixed.Make(p.fixed.Program), o); f != nil || n != o.N {
			t.Errorf("%s, seed 7: false alarm in execution %d of %d: %v", p.fixed.Name, n, o.N, f)
		}
	}
}

// The prefix decides: one execution, one schedule. Each byte says who goes on and for
// how many points.
func TestSessionFollowsPrefix(t *testing.T) {
	s := explore.NewSession()
	defer s.Close()
	for _, c := range []struct {
		prefix []byte
		want   string
	}{
		// Each thread passes a point before each of its three turns, and none
		// when it begins. A thread that ends is followed by the first.
		{nil, "000111222"},
		{[]byte{0}, "000111222"},
		{[]byte{1}, "111000222"},
		{[]byte{2}, "222000111"},
		{[]byte{2<<2 | 1}, "111000222"},
		{[]byte{2 << 2, 1}, "001110222"},               // 0 goes on twice, then the next
		{[]byte{2 << 2, 2}, "002220111"},               // ... the one after that
		{[]byte{2 << 2, 3}, "000111222"},               // ... modulo three: itself
		{[]byte{1 << 2, 1, 1 << 2, 1, 1}, "011001222"}, // 1 begins and goes on once, 2 begins, and 0 goes on
		{[]byte{0, 0, 1, 1, 1, 1}, "001110222"},
	} {
		var ran string
		body := func(id int) func() {
			return func() {
				for range 3 {
					explore.Point(&ran)
					ran += fmt.Sprint(id)
				}
			}
		}
		if _, _, f := s.Run(explore.Case{
			Setup: func() { ran = "" }, Threads: []func(){body(0), body(1), body(2)},
		}, explore.Schedules{N: 1, Prefix: c.prefix, CPUs: 2, NoRaces: true}); f != nil {
			t.Fatal(f)
		}
		if ran != c.want {
			t.Errorf("prefix %v: threads ran %s, want %s", c.prefix, ran, c.want)
		}
	}
}

// Sessions work on a goroutine that is locked to its thread, as the targets of
// libFuzzer are, beside sessions on goroutines that aren't.
func TestSessionOnLockedThread(t *testing.T) {
	p := bank()[0]
	run := func(s *explore.Session) error {
		for range 20 {
			if _, _, f := s.Run(p.bug.Make(p.bug.Program), explore.Schedules{N: 500, Seed: 1, CPUs: 2}); f == nil {
				return fmt.Errorf("%s: not found", p.bug.Name)
			}
		}
		return nil
	}
	unlocked := explore.NewSession()
	defer unlocked.Close()
	if err := run(unlocked); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // The thread ends with the goroutine.
		locked := explore.NewSession()
		err := run(locked)
		locked.Close()
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error("on a locked thread: ", err)
	}
	// From another goroutine that isn't locked either.
	go func() { done <- run(unlocked) }()
	if err := <-done; err != nil {
		t.Error("from another goroutine: ", err)
	}
}

// Once warm, running a case allocates nothing but what the case does.
func TestSessionAllocatesNothing(t *testing.T) {
	s := explore.NewSession()
	defer s.Close()
	sc := fiftyPoints(true)
	c := sc.Make(nil)
	o := explore.Schedules{N: 64, CPUs: 4}
	if n := testing.AllocsPerRun(100, func() {
		if _, _, f := s.Run(c, o); f != nil {
			t.Error(f)
		}
		o.Seed++
	}); n > 1 {
		t.Errorf("%v allocations for 64 executions, want none", n)
	}
}

// A case that can't be run is the caller's mistake.
func TestSessionRefuses(t *testing.T) {
	s := explore.NewSession()
	defer s.Close()
	for _, c := range []explore.Schedules{{N: 1, CPUs: 0}, {N: 1, CPUs: 17}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d CPUs: no panic", c.CPUs)
				}
			}()
			s.Run(explore.Case{Threads: []func(){func() {}}}, c)
		}()
	}
}

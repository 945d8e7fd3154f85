package explore_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// TestRecoverSeesNothing: code that recovers from panics sees none of the scheduler's
// own when an execution is given up, however it fails. What it has deferred runs.
func TestRecoverSeesNothing(t *testing.T) {
	var caught []any
	recovering := func(f func()) {
		defer func() {
			if r := recover(); r != nil {
				caught = append(caught, r)
			}
		}()
		f()
	}
	for _, c := range []struct {
		kind explore.Kind
		fail func()
	}{
		{explore.Violation, func() { explore.Failf("no") }},
		{explore.Deadlock, func() {
			var m sync.Mutex
			m.Lock()
			m.Lock()
		}},
		{explore.Misuse, func() {
			var m sync.Mutex
			m.Unlock()
		}},
		{explore.Panic, func() { panic("mine") }},
		{explore.Goexit, runtime.Goexit},
	} {
		for _, protected := range []bool{false, true} {
			if protected && c.kind == explore.Panic {
				continue // it is caught, rightly
			}
			caught = nil
			deferred := 0
			worker := func(n *atomic.Int64) {
				// A worker that goes on whatever happens.
				defer func() { deferred++ }()
				for range 1000 {
					recovering(func() { n.Add(1) })
				}
			}
			s := &explore.Scenario{Name: "recovering", Make: func(explore.Program) explore.Case {
				var n atomic.Int64
				return explore.Case{
					Setup: func() { n.Store(0); deferred = 0 },
					Threads: []func(){
						func() { worker(&n) },
						func() { worker(&n) },
						func() {
							for n.Load() < 3 {
							}
							if protected {
								recovering(c.fail)
								recovering(c.fail)
							} else {
								c.fail()
							}
							n.Add(1)
						},
					},
				}
			}}
			r, err := explore.Explore(s, explore.Options{Search: explore.Random, Seed: 1, Executions: 50, NoShrink: true})
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure == nil {
				if c.kind == explore.Deadlock {
					continue // the workers go on
				}
				t.Errorf("%s, protected %v: not found", c.kind, protected)
				continue
			}
			if r.Failure.Kind != c.kind {
				t.Errorf("%s, protected %v: %v", c.kind, protected, r.Failure)
			}
			if len(caught) > 0 {
				t.Errorf("%s, protected %v: explored code caught %v", c.kind, protected, caught)
			}
			if deferred != 2 {
				t.Errorf("%s, protected %v: %d of 2 deferred calls ran", c.kind, protected, deferred)
			}
		}
	}
}

// TestManyGivenUp: a session goes on after thousands of executions that were given up,
// on the goroutine of its caller, and leaves none behind.
func TestManyGivenUp(t *testing.T) {
	before := runtime.NumGoroutine()
	s := explore.NewSession()
	var n atomic.Int64
	var m sync.Mutex
	c := explore.Case{
		Setup: func() { n.Store(0) },
		Threads: []func(){
			func() {
				defer func() { _ = recover() }()
				m.Lock()
				defer m.Unlock()
				n.Add(1)
				n.Add(1)
			},
			func() {
				n.Add(1)
				explore.Failf("always")
			},
			func() { panic(fmt.Sprint("or this, ", n.Add(1))) },
		},
	}
	for i := range 3000 {
		if _, _, f := s.Run(c, explore.Schedules{N: 3, Seed: uint64(i), CPUs: 2}); f == nil {
			t.Fatalf("run %d: no finding", i)
		}
	}
	s.Close()
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

package explore_test

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// TestPoolOrders: each object that comes out of a Pool comes after it was put there,
// also if another goroutine has put something else since.
func TestPoolOrders(t *testing.T) {
	explore.Run(t, explore.Options{Executions: 2000}, func() {
		var pool sync.Pool
		var put sync.WaitGroup
		for range 2 {
			put.Add(1)
			explore.Go(func() {
				x := new(int)
				explore.Write(x)
				pool.Put(x)
				put.Done()
			})
		}
		// Not the group: it orders everything.
		explore.Go(func() {
			for range 2 {
				if x, ok := pool.Get().(*int); ok {
					explore.Write(x)
				}
			}
		})
		put.Wait()
	})
}

// TestMapScanIsNoSpin: a goroutine that looks at one key after the other doesn't wait
// for anything, so it may come to the end before anybody else begins.
func TestMapScanIsNoSpin(t *testing.T) {
	first := false
	s := &explore.Scenario{Name: t.Name(), Make: func(explore.Program) explore.Case {
		var m sync.Map
		var seen, began int
		return explore.Case{
			Setup: func() {
				m.Clear()
				for i := range 6 {
					m.Store(i, i)
				}
				seen, began = 0, 0
			},
			Threads: []func(){
				func() {
					m.Range(func(_, v any) bool { seen++; return true })
					first = first || began == 0 && seen == 6
				},
				func() { m.Load(0); began++; m.Load(1); m.Store(0, 7) },
			},
		}
	}}
	r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 100_000})
	if err != nil || r.Failure != nil {
		t.Fatal(err, r.Failure)
	}
	if !first {
		t.Error("in no schedule did Range end before the other goroutine began")
	}
}

// TestValueChecksTypesInOneStep: of two goroutines that store values of different
// types one panics, in every schedule.
func TestValueChecksTypesInOneStep(t *testing.T) {
	for name, store := range map[string]func(*atomic.Value, any){
		"Store":          func(v *atomic.Value, x any) { v.Store(x) },
		"Swap":           func(v *atomic.Value, x any) { v.Swap(x) },
		"CompareAndSwap": func(v *atomic.Value, x any) { v.CompareAndSwap(nil, x) },
	} {
		s := &explore.Scenario{Name: name, Make: func(explore.Program) explore.Case {
			var v atomic.Value
			panics := 0
			body := func(x any) func() {
				return func() {
					defer func() {
						if r := recover(); r != nil {
							panics++
							if _, ok := r.(string); !ok {
								panic(r) // the explorer's
							}
						}
					}()
					store(&v, x)
				}
			}
			return explore.Case{
				Setup:   func() { v, panics = atomic.Value{}, 0 },
				Threads: []func(){body(1), body("a")},
				Finish: func() {
					if panics != 1 {
						explore.Failf("%d of two panicked", panics)
					}
				},
			}
		}}
		for _, search := range []explore.Search{explore.PlainDFS, explore.DFS} {
			r, err := explore.Explore(s, explore.Options{Search: search, Bound: explore.Unbounded})
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure != nil || !r.Exhaustive {
				t.Errorf("%s, %s: %s: %v", name, search, r.Verdict, r.Failure)
			}
		}
	}
}

// TestWaitGroupReusedTooSoon: who waits goes on when the number has been zero, also if
// it isn't any more, and panics then as with the original.
func TestWaitGroupReusedTooSoon(t *testing.T) {
	reuse := func(again func(g *sync.WaitGroup)) *explore.Result {
		s := &explore.Scenario{Name: t.Name(), Make: func(explore.Program) explore.Case {
			var g sync.WaitGroup
			return explore.Case{
				Setup:   func() { g = sync.WaitGroup{}; g.Add(1) },
				Threads: []func(){func() { g.Wait() }, func() { g.Done(); again(&g) }},
			}
		}}
		r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: explore.Unbounded})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for name, again := range map[string]func(*sync.WaitGroup){
		"Add and Done": func(g *sync.WaitGroup) { g.Add(1); g.Done() },
		"Add":          func(g *sync.WaitGroup) { g.Add(1) },
	} {
		r := reuse(again)
		if f := r.Failure; f == nil || f.Kind != explore.Panic || f.Message != "sync: WaitGroup is reused before previous Wait has returned" {
			t.Errorf("%s: %s: %v, want the original's panic", name, r.Verdict, f)
		}
	}
	if r := reuse(func(*sync.WaitGroup) {}); !r.Exhaustive || r.Failure != nil {
		t.Errorf("used once: %s: %v", r.Verdict, r.Failure)
	}
}

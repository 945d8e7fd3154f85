package explore_test

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync"
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

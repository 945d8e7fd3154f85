package ownerbiased_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/strategies/ownerbiased"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, ownerbiased.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, ownerbiased.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, ownerbiased.Strategy) }

// References are handed on to other goroutines, and so to other Ps, where they are dropped:
// one drop of each life is the last.
func TestReferencesThatMove(t *testing.T) {
	const workers, hops = 4, 20
	var c ownerbiased.Count
	for life := range 500 {
		c.Init()
		var last atomic.Int64
		told := func(is bool) {
			if is {
				last.Add(1)
			}
		}
		var wg sync.WaitGroup
		// hop has a reference, takes one for the next, and drops its own.
		var hop func(left int)
		hop = func(left int) {
			if left > 0 && c.TryGet() {
				wg.Go(func() { hop(left - 1) })
			}
			told(c.Put())
		}
		for range workers {
			c.Get()
			wg.Go(func() { hop(hops) })
		}
		told(c.Kill())
		wg.Wait()
		if last.Load() != 1 || c.Count() != 0 || c.TryGet() {
			t.Fatalf("life %d: %d drops were the last, and %d references are left, want 1 and 0", life, last.Load(), c.Count())
		}
	}
}

// An immortal count never dies, wherever its references are dropped, and whoever was about
// to merge it.
func TestImmortal(t *testing.T) {
	for life := range 500 {
		var c ownerbiased.Count
		c.Init()
		c.Get()
		var wg sync.WaitGroup
		for range 4 {
			c.Get()
			wg.Go(func() {
				for range 3 {
					c.Get()
					if c.Put() || !c.TryGet() || c.Put() {
						t.Errorf("life %d: dead while references are held", life)
					}
				}
				if c.Put() {
					t.Errorf("life %d: a Put is the last, while another reference is held", life)
				}
			})
		}
		c.Immortalize()
		wg.Wait()
		for range 4 {
			if c.Put() || c.Kill() || !c.TryGet() {
				t.Fatalf("life %d: an immortal count dies", life)
			}
		}
	}
}

package tlref_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/strategies/strategytest"
	"github.com/refbench/refbench/strategies/tlref"
)

func Test(t *testing.T)         { strategytest.Run(t, tlref.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, tlref.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, tlref.Strategy) }

// References are handed on to other goroutines while the words are collected: one drop of
// each life is the last.
func TestCollectedWhileCounting(t *testing.T) {
	const workers, hops = 4, 20
	var c tlref.Count
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

func TestSecondKillPanics(t *testing.T) {
	var c tlref.Count
	c.Init()
	c.Get()
	c.Kill()
	defer func() {
		if recover() == nil || c.Count() != 1 {
			t.Errorf("a second Kill doesn't panic, or leaves %d references, want 1", c.Count())
		}
	}()
	c.Kill()
}

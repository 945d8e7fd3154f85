package refcache_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/refcache"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, refcache.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, refcache.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, refcache.Strategy) }

// Kill returns when the last has left, though references are handed on all the time, so that
// what one CPU has taken others drop, and TryGet succeeds until then.
func TestKillWaitsForAll(t *testing.T) {
	const chains, hops = 4, 50
	for life := range 100 {
		var c refcache.Count
		c.Init()
		var inside atomic.Int64
		var wg sync.WaitGroup
		// hop has a reference, takes one for the next, and drops its own.
		var hop func(left int)
		hop = func(left int) {
			if !c.TryGet() {
				t.Error("TryGet fails while there are references")
				return
			}
			if left == 0 {
				inside.Add(-1)
				c.Put()
			} else {
				wg.Go(func() { hop(left - 1) })
			}
			c.Put()
		}
		for range chains {
			c.Get()
			inside.Add(1)
			wg.Go(func() { hop(hops) })
		}
		if !c.Kill() {
			t.Fatal("Kill reports false")
		}
		if n := inside.Load(); n != 0 || c.TryGet() || c.Count() != 0 {
			t.Fatalf("life %d: Kill is over: %d are inside, TryGet or Count says that the count lives", life, n)
		}
		wg.Wait()
	}
}

// A drop too many isn't seen before Kill, which doesn't wait for nobody then.
func TestKillSeesADropTooMany(t *testing.T) {
	var c refcache.Count
	c.Init()
	c.Put()
	defer func() {
		if recover() == nil {
			t.Error("Kill doesn't panic")
		}
	}()
	c.Kill()
}

// Kill goes on looking, with pauses, until a reference that is held for long is dropped.
func TestKillWaitsLong(t *testing.T) {
	var c refcache.Count
	c.Init()
	c.Get()
	var dropped atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		time.Sleep(30 * time.Millisecond) // most likely Kill pauses by now
		dropped.Store(true)
		c.Put()
	})
	if !c.Kill() || !dropped.Load() {
		t.Error("Kill returned before the last reference was dropped, or didn't report it")
	}
	wg.Wait()
}

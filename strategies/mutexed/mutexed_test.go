package mutexed_test

import (
	"sync"
	"testing"

	"github.com/refbench/refbench/strategies/mutexed"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, mutexed.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, mutexed.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, mutexed.Strategy) }

// What one operation makes of each value at a boundary.
func TestBoundaries(t *testing.T) {
	const largest = 1<<32 - 1
	get := func(c *mutexed.Count) bool { c.Get(); return true }
	getLocked := func(c *mutexed.Count) bool {
		c.Lock()
		defer c.Unlock()
		c.GetLocked()
		return true
	}
	for _, tt := range []struct {
		op    string
		run   func(*mutexed.Count) bool
		start int64
		want  int64
		ret   bool
	}{
		{"Get", get, 0, 1, true},
		{"Get", get, 1, 2, true},
		{"Get", get, 1<<31 - 1, 1 << 31, true},
		{"Get", get, largest, 0, true},
		{"GetLocked", getLocked, 1, 2, true},
		{"GetLocked", getLocked, largest, 0, true},
		{"TryGet", (*mutexed.Count).TryGet, 0, 0, false},
		{"TryGet", (*mutexed.Count).TryGet, 1, 2, true},
		{"TryGet", (*mutexed.Count).TryGet, largest - 1, largest, true},
		{"TryGet", (*mutexed.Count).TryGet, largest, 0, true},
		{"Put", (*mutexed.Count).Put, 0, largest, false},
		{"Put", (*mutexed.Count).Put, 1, 0, true},
		{"Put", (*mutexed.Count).Put, 2, 1, false},
		{"Put", (*mutexed.Count).Put, 1 << 31, 1<<31 - 1, false},
		{"Put", (*mutexed.Count).Put, largest, largest - 1, false},
		{"Kill", (*mutexed.Count).Kill, 1, 0, true},
		{"Kill", (*mutexed.Count).Kill, 2, 1, false},
	} {
		var c mutexed.Count
		c.InitAt(tt.start)
		ret := tt.run(&c)
		if c.Count() != tt.want || ret != tt.ret {
			t.Errorf("%s at %d: left %d and returned %v, want %d and %v", tt.op, tt.start, c.Count(), ret, tt.want, tt.ret)
		}
	}
}

// Who holds the object's mutex sees a count that stays as it is, and takes references in
// one step with what else it does.
func TestTheMutexGuardsTheCount(t *testing.T) {
	const workers, each = 4, 500
	var c mutexed.Count
	c.Init()
	events := 0 // guarded by the mutex, as the poll events of a node are
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				c.Lock()
				events++
				c.GetLocked()
				c.Unlock()
				c.Get()
				c.Put()
			}
		})
	}
	wg.Wait()
	if got, want := c.Count(), int64(1+workers*each); got != want || events != workers*each {
		t.Errorf("%d workers with %d references each left %d and %d events, want %d and %d", workers, each, got, events, want, workers*each)
	}
}

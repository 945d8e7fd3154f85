package rundown_test

import (
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/rundown"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, rundown.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, rundown.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, rundown.Strategy) }

// What one operation makes of each value at a boundary.
func TestBoundaries(t *testing.T) {
	const largest = math.MaxInt64
	get := func(c *rundown.Count) bool { c.Get(); return true }
	for _, tt := range []struct {
		op     string
		run    func(*rundown.Count) bool
		start  int64 // 0: killed
		want   int64
		ret    bool
		panics bool
	}{
		{"Get", get, 0, 0, false, true},
		{"Get", get, 1, 2, true, false},
		{"Get", get, largest - 1, largest, true, false},
		{"Get", get, largest, 0, true, false},
		{"TryGet", (*rundown.Count).TryGet, 0, 0, false, false},
		{"TryGet", (*rundown.Count).TryGet, 1, 2, true, false},
		{"TryGet", (*rundown.Count).TryGet, largest, 0, true, false},
		{"Put", (*rundown.Count).Put, 0, 0, false, true},
		{"Put", (*rundown.Count).Put, 2, 1, false, false},
		{"Put", (*rundown.Count).Put, largest, largest - 1, false, false},
		{"Kill", (*rundown.Count).Kill, 1, 0, true, false},
	} {
		var c rundown.Count
		c.InitAt(max(tt.start, 1))
		if tt.start == 0 {
			c.Kill()
		}
		ret, panicked := false, false
		func() {
			defer func() { panicked = recover() != nil }()
			ret = tt.run(&c)
		}()
		if c.Count() != tt.want || ret != tt.ret || panicked != tt.panics {
			t.Errorf("%s at %d: left %d, returned %v and panicked %v, want %d, %v and %v", tt.op, tt.start, c.Count(), ret, panicked, tt.want, tt.ret, tt.panics)
		}
	}
}

// From when Kill has begun nobody gets in, while those inside may still take more, and it
// waits for all of them.
func TestKillClosesAndWaits(t *testing.T) {
	var c rundown.Count
	c.Init()
	c.Get()
	var dropped atomic.Bool
	done := make(chan bool)
	go func() {
		last := c.Kill()
		done <- last && dropped.Load()
	}()
	for c.TryGet() { // until it has begun
		c.Put()
		time.Sleep(100 * time.Microsecond)
	}
	c.Get()
	if n := c.Count(); n != 3 {
		t.Errorf("two are inside and the owner waits, and the count is %d, want 3", n)
	}
	if c.TryGet() {
		t.Error("TryGet succeeds after one that had failed")
	}
	if c.Put() {
		t.Error("a Put reports the last reference")
	}
	time.Sleep(2 * time.Millisecond)
	dropped.Store(true)
	if c.Put() {
		t.Error("the last Put reports it, and Kill will too")
	}
	if !<-done {
		t.Error("Kill returned before the last reference was dropped, or didn't report it")
	}
	c.Init()
	if !c.TryGet() || c.Count() != 2 {
		t.Errorf("the next life isn't like the first: the count is %d after a TryGet, want 2", c.Count())
	}
}

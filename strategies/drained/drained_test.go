package drained_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/drained"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, drained.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, drained.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, drained.Strategy) }

// What one operation makes of each value at a boundary.
func TestBoundaries(t *testing.T) {
	const largest = 1<<32 - 1
	get := func(c *drained.Count) bool { c.Get(); return true }
	getLocked := func(c *drained.Count) bool { c.Lock(); c.GetLocked(); c.Unlock(); return true }
	putLocked := func(c *drained.Count) bool { c.Lock(); c.PutLocked(); c.Unlock(); return true }
	for _, tt := range []struct {
		op    string
		run   func(*drained.Count) bool
		start int64 // 0: killed
		want  int64
		ret   bool
	}{
		{"Get", get, 0, 1, true},
		{"Get", get, 1, 2, true},
		{"Get", get, largest, 0, true},
		{"GetLocked", getLocked, 1, 2, true},
		{"TryGet", (*drained.Count).TryGet, 0, 0, false},
		{"TryGet", (*drained.Count).TryGet, 1, 2, true},
		{"TryGet", (*drained.Count).TryGet, largest, 0, true},
		{"Put", (*drained.Count).Put, 0, largest, false},
		{"Put", (*drained.Count).Put, 2, 1, false},
		{"Put", (*drained.Count).Put, largest, largest - 1, false},
		{"PutLocked", putLocked, 2, 1, true},
		{"Kill", (*drained.Count).Kill, 1, 0, true},
	} {
		var c drained.Count
		c.InitAt(max(tt.start, 1))
		if tt.start == 0 {
			c.Kill()
		}
		ret := tt.run(&c)
		if c.Count() != tt.want || ret != tt.ret {
			t.Errorf("%s at %d: left %d and returned %v, want %d and %v", tt.op, tt.start, c.Count(), ret, tt.want, tt.ret)
		}
	}
}

// Kill waits for the references that are there, and for those that are taken meanwhile.
func TestKillWaits(t *testing.T) {
	var c drained.Count
	c.Init()
	c.Get()
	var dropped atomic.Bool
	done := make(chan bool)
	go func() {
		last := c.Kill()
		done <- last && dropped.Load()
	}()
	time.Sleep(2 * time.Millisecond) // most likely it waits by now
	if !c.TryGet() {
		t.Error("TryGet fails while Kill waits; the source's number refuses nobody")
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
	if c.TryGet() {
		t.Error("TryGet succeeds after Kill")
	}
}

package lockref_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/refbench/refbench/strategies/lockref"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, lockref.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, lockref.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, lockref.Strategy) }

// What one operation makes of each value at a boundary, and whether it leaves the lock
// held.
func TestBoundaries(t *testing.T) {
	const limit = 1<<31 - 1
	get := func(c *lockref.Count) bool { c.Get(); return true }
	dead := func(c *lockref.Count) { c.Lock(); c.MarkDead(); c.Unlock() }
	for _, tt := range []struct {
		op     string
		run    func(*lockref.Count) bool
		start  int64 // -1: marked dead
		want   int64
		ret    bool
		locked bool
	}{
		{"Get", get, -1, 0, true, false},
		{"Get", get, 0, 1, true, false},
		{"Get", get, 1, 2, true, false},
		{"Get", get, limit - 1, limit, true, false},
		{"Get", get, limit, 0, true, false}, // and dead
		{"TryGet", (*lockref.Count).TryGet, -1, 0, false, false},
		{"TryGet", (*lockref.Count).TryGet, 0, 1, true, false},
		{"TryGet", (*lockref.Count).TryGet, limit - 1, limit, true, false},
		{"GetNotZero", (*lockref.Count).GetNotZero, -1, 0, false, false},
		{"GetNotZero", (*lockref.Count).GetNotZero, 0, 0, false, false},
		{"GetNotZero", (*lockref.Count).GetNotZero, 1, 2, true, false},
		{"GetOrLock", (*lockref.Count).GetOrLock, -1, 0, false, true},
		{"GetOrLock", (*lockref.Count).GetOrLock, 0, 0, false, true},
		{"GetOrLock", (*lockref.Count).GetOrLock, 1, 2, true, false},
		{"PutOrLock", (*lockref.Count).PutOrLock, -1, 0, false, true},
		{"PutOrLock", (*lockref.Count).PutOrLock, 0, 0, false, true},
		{"PutOrLock", (*lockref.Count).PutOrLock, 1, 1, false, true},
		{"PutOrLock", (*lockref.Count).PutOrLock, 2, 1, true, false},
		{"Put", (*lockref.Count).Put, -1, 0, false, false},
		{"Put", (*lockref.Count).Put, 0, 0, false, false},
		{"Put", (*lockref.Count).Put, 1, 0, true, false},
		{"Put", (*lockref.Count).Put, 2, 1, false, false},
		{"Put", (*lockref.Count).Put, limit, limit - 1, false, false},
		{"Kill", (*lockref.Count).Kill, 1, 0, true, false},
		{"Kill", (*lockref.Count).Kill, 2, 1, false, false},
	} {
		var c lockref.Count
		c.InitAt(max(tt.start, 0))
		if tt.start < 0 {
			dead(&c)
		}
		ret := tt.run(&c)
		locked := tt.locked
		if locked {
			c.Unlock()
		}
		if c.Count() != tt.want || ret != tt.ret {
			t.Errorf("%s at %d: left %d and returned %v, want %d and %v", tt.op, tt.start, c.Count(), ret, tt.want, tt.ret)
		}
		c.Lock() // hangs if it is held
		//lint:ignore SA2001 there is nothing to do
		c.Unlock()
	}
}

// The life of a directory entry: unused is not dead, and found again it is used again.
func TestUnusedIsAlive(t *testing.T) {
	var c lockref.Count
	c.Init()
	if c.PutOrLock() {
		t.Fatal("the last reference is dropped without the lock")
	}
	c.PutLocked()
	c.Unlock()
	if c.Count() != 0 || !c.TryGet() {
		t.Fatalf("an unused entry isn't found again; the count is %d", c.Count())
	}
	if c.PutOrLock() {
		t.Fatal("the last reference is dropped without the lock")
	}
	c.MarkDead()
	c.Unlock()
	for range 200 { // more often than the mark is away from 0
		c.Get()
		if c.TryGet() {
			t.Fatal("a dead entry is found")
		}
	}
}

// Others count without the lock, but not while somebody holds it.
func TestTheLockFreezesTheCount(t *testing.T) {
	const workers, each = 4, 2000
	var c lockref.Count
	c.Init()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range each {
				c.Get()
				if i%2 == 0 {
					c.Put()
				}
			}
		})
	}
	for i := range 500 {
		c.Lock()
		was := c.Count()
		for range 20 {
			if i%50 == 0 {
				runtime.Gosched()
			}
			if now := c.Count(); now != was {
				t.Fatalf("the count went from %d to %d while the lock was held", was, now)
			}
		}
		c.Unlock()
	}
	wg.Wait()
	if got, want := c.Count(), int64(1+workers*each/2); got != want {
		t.Errorf("%d references are left, want %d", got, want)
	}
}

package freezable_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/freezable"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, freezable.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, freezable.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, freezable.Strategy) }

// What one operation makes of each value at a boundary.
func TestBoundaries(t *testing.T) {
	const lowest, largest = -1 << 31, freezable.Max
	get := func(c *freezable.Count) bool { c.Get(); return true }
	getN := func(c *freezable.Count) bool { c.GetN(4); return true }
	tryGetN := func(c *freezable.Count) bool { return c.TryGetN(4) }
	putN := func(c *freezable.Count) bool { return c.PutN(4) }
	pin := func(c *freezable.Count) bool { c.Pin(); return true }
	freeze := func(n int) func(c *freezable.Count) bool {
		return func(c *freezable.Count) bool { return c.Freeze(n) }
	}
	unfreeze := func(n int) func(c *freezable.Count) bool {
		return func(c *freezable.Count) bool { c.Unfreeze(n); return true }
	}
	for _, tt := range []struct {
		op          string
		run         func(*freezable.Count) bool
		start, want int64
		ret         bool
	}{
		{"Get", get, 0, 1, true},
		{"Get", get, largest, lowest, true},
		{"Get", get, -1, 0, true},
		{"GetN(4)", getN, largest - 3, lowest, true},
		{"TryGet", (*freezable.Count).TryGet, 0, 0, false},
		{"TryGet", (*freezable.Count).TryGet, 1, 2, true},
		{"TryGet", (*freezable.Count).TryGet, largest, lowest, true},
		{"TryGet", (*freezable.Count).TryGet, -1, 0, true},
		{"TryGetN(4)", tryGetN, 0, 0, false},
		{"TryGetN(4)", tryGetN, 1, 5, true},
		{"TryGetN(4)", tryGetN, lowest, lowest + 4, true},
		{"Put", (*freezable.Count).Put, 2, 1, false},
		{"Put", (*freezable.Count).Put, 1, 0, true},
		{"Put", (*freezable.Count).Put, 0, -1, false},
		{"Put", (*freezable.Count).Put, lowest, largest, false},
		{"Kill", (*freezable.Count).Kill, 1, 0, true},
		{"Kill", (*freezable.Count).Kill, 2, 1, false},
		{"PutN(4)", putN, 4, 0, true},
		{"PutN(4)", putN, 5, 1, false},
		{"Freeze(1)", freeze(1), 1, 0, true},
		{"Freeze(1)", freeze(1), 2, 2, false},
		{"Freeze(1)", freeze(1), 0, 0, false},
		{"Freeze(3)", freeze(3), 3, 0, true},
		{"Freeze(3)", freeze(3), 2, 2, false},
		{"Freeze(3)", freeze(3), 4, 4, false},
		{"Freeze(1)", freeze(1), 1 + freezable.Bias, 1 + freezable.Bias, false},
		{"Freeze(Max)", freeze(largest), largest, 0, true},
		{"Unfreeze(1)", unfreeze(1), 0, 1, true},
		{"Unfreeze(3)", unfreeze(3), 0, 3, true},
		{"Unfreeze(Max)", unfreeze(largest), 0, largest, true},
		{"Pin", pin, 1, 1025, true},
		{"Pin", pin, largest, lowest + 1023, true},
		{"Unpin", (*freezable.Count).Unpin, 1025, 1, false},
		{"Unpin", (*freezable.Count).Unpin, 1024, 0, true},
		{"Unpin", (*freezable.Count).Unpin, 1, -1023, false},
		{"MaybePinned", (*freezable.Count).MaybePinned, 0, 0, false},
		{"MaybePinned", (*freezable.Count).MaybePinned, 1023, 1023, false},
		{"MaybePinned", (*freezable.Count).MaybePinned, 1024, 1024, true},
		{"MaybePinned", (*freezable.Count).MaybePinned, largest, largest, true},
		{"MaybePinned", (*freezable.Count).MaybePinned, lowest, lowest, true},
		{"MaybePinned", (*freezable.Count).MaybePinned, -1, -1, true},
	} {
		var c freezable.Count
		c.InitAt(tt.start)
		if ret := tt.run(&c); c.Count() != tt.want || ret != tt.ret {
			t.Errorf("%s at %d: left %d and returned %v, want %d and %v", tt.op, tt.start, c.Count(), ret, tt.want, tt.ret)
		}
	}
}

// What the promise says of PutN and InitAt, Freeze and Unfreeze do: one is told, nobody gets
// in, and a life begins again.
func TestFreezeIsALastDropAndUnfreezeABeginning(t *testing.T) {
	for n := range 5 {
		n++
		var frozen, dropped freezable.Count
		frozen.InitAt(int64(n))
		dropped.InitAt(int64(n))
		if f, p := frozen.Freeze(n), dropped.PutN(n); !f || !p {
			t.Errorf("%d references: Freeze reports %v and PutN %v, want true of both", n, f, p)
		}
		if f, p := frozen.TryGet(), dropped.TryGet(); f || p {
			t.Errorf("%d references: TryGet of a frozen count reports %v, of a dead one %v, want false of both", n, f, p)
		}
		frozen.Unfreeze(n)
		dropped.InitAt(int64(n))
		if f, p := frozen.Count(), dropped.Count(); f != int64(n) || p != int64(n) || !frozen.TryGet() {
			t.Errorf("%d references: Unfreeze leaves %d and InitAt %d, want as many, and a TryGet that succeeds", n, f, p)
		}
	}
}

// One goroutine writes while it has the count frozen, and others read while they have a
// reference, without any other lock: each sees a whole page, and the race detector no race.
func TestFrozenIsAlone(t *testing.T) {
	const freezes, readers, own = 300, 3, 2
	var page [2]int
	var c freezable.Count
	c.InitAt(own)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if c.TryGet() {
					first := page[0]
					runtime.Gosched()
					if second := page[1]; first != second {
						t.Errorf("a reader with a reference sees half of a change: %d and %d", first, second)
					}
					if c.Put() {
						t.Error("a reader's Put is told that it was the last, while the owner has two references")
					}
				}
				runtime.Gosched()
			}
		})
	}
	deadline := time.Now().Add(time.Minute)
	for i := range freezes {
		for !c.Freeze(own) {
			if time.Now().After(deadline) {
				close(done)
				t.Fatalf("freeze %d of %d never succeeds: there are %d references, want %d once readers are out", i+1, freezes, c.Count(), own)
			}
			runtime.Gosched()
		}
		page[0] = i
		runtime.Gosched()
		page[1] = i
		c.Unfreeze(own)
		runtime.Gosched()
	}
	close(done)
	wg.Wait()
	if got := c.Count(); got != own {
		t.Errorf("%d references after all readers, want %d", got, own)
	}
}

func TestPinsAreNeverMissed(t *testing.T) {
	var c freezable.Count
	c.Init()
	const pins = 3
	for i := range pins {
		c.Pin()
		if !c.MaybePinned() {
			t.Errorf("%d pins: MaybePinned reports false", i+1)
		}
	}
	c.Put()
	for i := range pins {
		if !c.MaybePinned() {
			t.Errorf("%d pins and no reference: MaybePinned reports false", pins-i)
		}
		if last := c.Unpin(); last != (i == pins-1) {
			t.Errorf("Unpin of pin %d of %d reports %v", i+1, pins, last)
		}
	}
}

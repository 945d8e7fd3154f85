package owned

import (
	"math"
	"runtime"
	"testing"

	"github.com/refbench/refbench/strategies/pin"
)

// While words count, actors leave shared alone: that is what makes them fast. References
// that went there would be counted all the same.
func TestActorsLeaveSharedAlone(t *testing.T) {
	for name, op := range map[string]func(*Count) bool{
		"TakeAs":            func(c *Count) bool { return c.TakeAs(1) },
		"TakeAs and DropAs": func(c *Count) bool { return c.TakeAs(1) && c.DropAs(1) },
		"of the last line":  func(c *Count) bool { return c.TakeAs(pin.CPUs()) && c.DropAs(pin.CPUs()) },
	} {
		var c Count
		c.Init()
		if did, got := op(&c), c.shared.Load(); !did || got != 1+bias {
			t.Errorf("%s: it did: %v, and shared is %d, want true and %d", name, did, got, int64(1+bias))
		}
	}
}

// Whoever has no word, or comes when Kill is over, changes nothing and is told so.
func TestOthersHaveNoWord(t *testing.T) {
	for _, killed := range []bool{false, true} {
		for _, actor := range []int{math.MinInt, -1, 0, 1, pin.CPUs(), pin.CPUs() + 1, math.MaxInt} {
			if !killed && actor >= 1 && actor <= pin.CPUs() {
				continue
			}
			var c Count
			c.InitAt(3)
			if killed {
				c.Kill()
			}
			before := c.Count()
			took, dropped := c.TakeAs(actor), c.DropAs(actor)
			busy := false
			for i := range c.lines {
				busy = busy || c.lines[i].taken.Load() != 0 || c.lines[i].dropped.Load() != 0
			}
			if took || dropped || busy || c.Count() != before {
				t.Errorf("actor %d, killed: %v: TakeAs %v, DropAs %v, a word was written: %v, %d references, want false, false, false and %d", actor, killed, took, dropped, busy, c.Count(), before)
			}
		}
	}
}

// An operation that has looked before Kill and looks again after it does nothing.
func TestTheSecondLookCounts(t *testing.T) {
	for name, begin := range map[string]func(*line) *pin.Word{
		"TakeAs": func(l *line) *pin.Word { return &l.taken },
		"DropAs": func(l *line) *pin.Word { return &l.dropped },
	} {
		var c Count
		c.InitAt(3)
		w := begin(&c.lines[0])
		v := w.Load()
		w.Store(v | pin.Busy) // and is stopped
		killed := make(chan bool)
		go func() { killed <- c.Kill() }()
		for c.open.Load() != 0 {
			runtime.Gosched()
		}
		for range 100 {
			runtime.Gosched() // to Kill
		}
		select {
		case <-killed:
			t.Errorf("%s: Kill is over while the word is busy", name)
			continue
		default:
		}
		w.Store(v + pin.One) // it had found that words count
		if <-killed {
			t.Errorf("%s: Kill is told of the last reference", name)
		}
		if want := map[string]int64{"TakeAs": 3, "DropAs": 1}[name]; c.Count() != want {
			t.Errorf("%s: %d references, want %d: Kill has read the word before it was stored", name, c.Count(), want)
		}
	}
}

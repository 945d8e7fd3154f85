package fdmutex_test

import (
	"fmt"
	"testing"

	"github.com/refbench/refbench/strategies/fdmutex"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, fdmutex.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, fdmutex.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, fdmutex.Strategy) }

// What one operation makes of each value at a boundary, open and closed. A life that is
// closed begins with one reference more, which Kill drops.
func TestBoundaries(t *testing.T) {
	get := func(c *fdmutex.Count) bool { c.Get(); return true }
	for _, tt := range []struct {
		op     string
		run    func(*fdmutex.Count) bool
		start  int64
		closed bool
		want   int64
		ret    bool
		panics string
	}{
		{"Get", get, 0, false, 0, false, "fdmutex: Get on a count of 0, closed false"},
		{"Get", get, 0, true, 0, false, "fdmutex: Get on a count of 0, closed true"},
		{"Get", get, 1, false, 2, true, ""},
		{"Get", get, 1, true, 2, true, ""},
		{"Get", get, fdmutex.Max - 1, false, fdmutex.Max, true, ""},
		{"Get", get, fdmutex.Max, false, fdmutex.Max, false, "fdmutex: Get on a count of 1048575, closed false"},
		{"TryGet", (*fdmutex.Count).TryGet, 0, false, 0, false, ""},
		{"TryGet", (*fdmutex.Count).TryGet, 0, true, 0, false, ""},
		{"TryGet", (*fdmutex.Count).TryGet, 1, false, 2, true, ""},
		{"TryGet", (*fdmutex.Count).TryGet, 1, true, 1, false, ""},
		{"TryGet", (*fdmutex.Count).TryGet, fdmutex.Max - 1, true, fdmutex.Max - 1, false, ""},
		{"TryGet", (*fdmutex.Count).TryGet, fdmutex.Max, false, fdmutex.Max, false, "fdmutex: TryGet on a count of 1048575, closed false"},
		{"Put", (*fdmutex.Count).Put, 0, false, 0, false, "fdmutex: Put on a count of 0, closed false"},
		{"Put", (*fdmutex.Count).Put, 0, true, 0, false, "fdmutex: Put on a count of 0, closed true"},
		{"Put", (*fdmutex.Count).Put, 1, false, 0, true, ""},
		{"Put", (*fdmutex.Count).Put, 1, true, 0, true, ""},
		{"Put", (*fdmutex.Count).Put, 2, true, 1, false, ""},
		{"Put", (*fdmutex.Count).Put, fdmutex.Max, false, fdmutex.Max - 1, false, ""},
		{"Kill", (*fdmutex.Count).Kill, 0, false, 0, false, "fdmutex: Kill on a count of 0, closed false"},
		{"Kill", (*fdmutex.Count).Kill, 1, false, 0, true, ""},
		{"Kill", (*fdmutex.Count).Kill, 2, false, 1, false, ""},
	} {
		var c fdmutex.Count
		c.InitAt(tt.start)
		if tt.closed {
			c.InitAt(tt.start + 1)
			c.Kill()
		}
		ret, panicked := try(func() bool { return tt.run(&c) })
		if c.Count() != tt.want || ret != tt.ret || panicked != tt.panics {
			t.Errorf("%s at %d, closed %v: left %d, returned %v, panicked with %q, want %d, %v and %q",
				tt.op, tt.start, tt.closed, c.Count(), ret, panicked, tt.want, tt.ret, tt.panics)
		}
	}
}

// try returns what run returns, and what it panics with.
func try(run func() bool) (ret bool, panicked string) {
	defer func() {
		if p := recover(); p != nil {
			panicked = fmt.Sprint(p)
		}
	}()
	return run(), ""
}

func TestANextLifeIsOpen(t *testing.T) {
	var c fdmutex.Count
	c.Init()
	c.Kill()
	c.Init()
	if !c.TryGet() {
		t.Error("a life after one that was closed is closed")
	}
}

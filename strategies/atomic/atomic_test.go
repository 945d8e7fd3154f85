package atomic_test

import (
	"math"
	"testing"

	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, atomic.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, atomic.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, atomic.Strategy) }

// What one operation makes of each value at a boundary.
func TestBoundaries(t *testing.T) {
	const lowest, largest = math.MinInt32, math.MaxInt32
	get := func(c *atomic.Count) bool { c.Get(); return true }
	getN := func(c *atomic.Count) bool { c.GetN(4); return true }
	tryGetN := func(c *atomic.Count) bool { return c.TryGetN(4) }
	putN := func(c *atomic.Count) bool { return c.PutN(4) }
	resurrect := func(c *atomic.Count) bool { c.Resurrect(); return true }
	for _, tt := range []struct {
		op    string
		run   func(*atomic.Count) bool
		start int64
		want  int64
		ret   bool
	}{
		{"Get", get, 0, 1, true},
		{"Get", get, largest, lowest, true},
		{"Get", get, -1, 0, true},
		{"GetN(4)", getN, largest - 3, lowest, true},
		{"TryGet", (*atomic.Count).TryGet, 0, 0, false},
		{"TryGet", (*atomic.Count).TryGet, 1, 2, true},
		{"TryGet", (*atomic.Count).TryGet, largest, lowest, true},
		{"TryGet", (*atomic.Count).TryGet, lowest, lowest + 1, true},
		{"TryGet", (*atomic.Count).TryGet, -1, 0, true},
		{"TryGetN(4)", tryGetN, 0, 0, false},
		{"TryGetN(4)", tryGetN, largest, lowest + 3, true},
		{"Put", (*atomic.Count).Put, 2, 1, false},
		{"Put", (*atomic.Count).Put, 1, 0, true},
		{"Put", (*atomic.Count).Put, 0, -1, false},
		{"Put", (*atomic.Count).Put, lowest, largest, false},
		{"Kill", (*atomic.Count).Kill, 1, 0, true},
		{"Kill", (*atomic.Count).Kill, 2, 1, false},
		{"PutN(4)", putN, 4, 0, true},
		{"PutN(4)", putN, 3, -1, false},
		{"PutN(4)", putN, 5, 1, false},
		{"Resurrect", resurrect, 0, 1, true},
		{"Resurrect", resurrect, 1, 2, true},
		{"PutIfOne", (*atomic.Count).PutIfOne, 1, 0, true},
		{"PutIfOne", (*atomic.Count).PutIfOne, 2, 2, false},
		{"PutIfOne", (*atomic.Count).PutIfOne, 0, 0, false},
		{"PutUnlessOne", (*atomic.Count).PutUnlessOne, 1, 1, false},
		{"PutUnlessOne", (*atomic.Count).PutUnlessOne, 2, 1, true},
		{"PutUnlessOne", (*atomic.Count).PutUnlessOne, 0, -1, true},
		{"PutUnlessOne", (*atomic.Count).PutUnlessOne, lowest, largest, true},
	} {
		var c atomic.Count
		c.InitAt(tt.start)
		ret := tt.run(&c)
		if c.Count() != tt.want || ret != tt.ret {
			t.Errorf("%s at %d: left %d and returned %v, want %d and %v", tt.op, tt.start, c.Count(), ret, tt.want, tt.ret)
		}
	}
}

// A leak that can be repeated wraps the count of a live object to zero
// (CVE-2016-0728): the promise says "wraps", and this is what it means.
func TestLeakWrapsToAnEarlyRelease(t *testing.T) {
	var c atomic.Count
	c.Init()
	for range 4 {
		c.GetN(1 << 30) // 2^32 Gets whose Puts were forgotten
	}
	if c.Count() != 1 {
		t.Fatalf("after 2^32 leaked references the count is %d, want 1", c.Count())
	}
	if !c.Put() {
		t.Error("the first Put after the leak doesn't report the last reference, though 2^32 are left")
	}
}

package biased_test

import (
	"math"
	"testing"

	"github.com/refbench/refbench/strategies/biased"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, biased.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, biased.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, biased.Strategy) }

// What one operation makes of each number at a boundary: 0 is dead, 1 idle, and the
// largest is one more than a signed number of 32 bits.
func TestBoundaries(t *testing.T) {
	const lowest, largest = math.MinInt32 + 1, math.MaxInt32 + 1
	get := func(c *biased.Count) bool { c.Get(); return true }
	getN := func(c *biased.Count) bool { c.GetN(4); return true }
	tryGetN := func(c *biased.Count) bool { return c.TryGetN(4) }
	putN := func(c *biased.Count) bool { return c.PutN(4) }
	drop := func(c *biased.Count) bool { c.Drop(); return true }
	for _, tt := range []struct {
		op    string
		run   func(*biased.Count) bool
		start int64
		want  int64
		ret   bool
	}{
		{"Get", get, 0, 1, true},
		{"Get", get, 1, 2, true},
		{"Get", get, largest, lowest, true},
		{"Get", get, -1, 0, true},
		{"GetN(4)", getN, largest - 3, lowest, true},
		{"TryGet", (*biased.Count).TryGet, 0, 0, false},
		{"TryGet", (*biased.Count).TryGet, 1, 2, true},
		{"TryGet", (*biased.Count).TryGet, largest, lowest, true},
		{"TryGet", (*biased.Count).TryGet, -1, 0, true},
		{"TryGetN(4)", tryGetN, 0, 0, false},
		{"TryGetN(4)", tryGetN, largest, lowest + 3, true},
		{"Put", (*biased.Count).Put, 2, 1, false},
		{"Put", (*biased.Count).Put, 1, 0, true},
		// The original of ip_vs freed here as well.
		{"Put", (*biased.Count).Put, 0, -1, false},
		{"Put", (*biased.Count).Put, lowest, largest, false},
		{"Kill", (*biased.Count).Kill, 1, 0, true},
		{"Kill", (*biased.Count).Kill, 2, 1, false},
		{"PutN(4)", putN, 4, 0, true},
		{"PutN(4)", putN, 3, -1, false},
		{"PutN(4)", putN, 5, 1, false},
		{"Drop", drop, 2, 1, true},
		{"Drop", drop, 1, 0, true},
		{"PutIfOne", (*biased.Count).PutIfOne, 1, 0, true},
		{"PutIfOne", (*biased.Count).PutIfOne, 2, 2, false},
		{"PutIfOne", (*biased.Count).PutIfOne, 0, 0, false},
		{"PutUnlessOne", (*biased.Count).PutUnlessOne, 1, 1, false},
		{"PutUnlessOne", (*biased.Count).PutUnlessOne, 2, 1, true},
		{"PutUnlessOne", (*biased.Count).PutUnlessOne, 0, -1, true},
		{"PutUnlessOne", (*biased.Count).PutUnlessOne, lowest, largest, true},
	} {
		var c biased.Count
		c.InitAt(tt.start)
		ret := tt.run(&c)
		if c.Count() != tt.want || ret != tt.ret {
			t.Errorf("%s at %d: left %d and returned %v, want %d and %v", tt.op, tt.start, c.Count(), ret, tt.want, tt.ret)
		}
	}
}

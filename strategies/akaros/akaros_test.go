package akaros_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/akaros"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, akaros.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, akaros.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, akaros.Strategy) }

const (
	lowest  = math.MinInt64
	largest = math.MaxInt64
)

// What one operation makes of each value at a boundary: what it leaves, what it returns,
// and what it panics with.
func TestBoundaries(t *testing.T) {
	get := func(c *akaros.Count) bool { c.Get(); return true }
	getN := func(c *akaros.Count) bool { c.GetN(4); return true }
	tryGetN := func(c *akaros.Count) bool { return c.TryGetN(4) }
	resurrect := func(c *akaros.Count) bool { c.Resurrect(); return true }
	for _, tt := range []struct {
		op          string
		run         func(*akaros.Count) bool
		start, want int64
		ret         bool
		panics      string
	}{
		{"Get", get, 0, 0, false, "akaros: Get on a count of 0"},
		{"Get", get, 1, 2, true, ""},
		{"Get", get, largest, lowest, true, ""},
		{"Get", get, -1, 0, true, ""},
		{"GetN(4)", getN, 0, 0, false, "akaros: GetN on a count of 0"},
		{"GetN(4)", getN, 1, 5, true, ""},
		{"GetN(4)", getN, largest - 3, lowest, true, ""},
		{"TryGet", (*akaros.Count).TryGet, 0, 0, false, ""},
		{"TryGet", (*akaros.Count).TryGet, 1, 2, true, ""},
		{"TryGet", (*akaros.Count).TryGet, largest, lowest, true, ""},
		{"TryGet", (*akaros.Count).TryGet, -1, 0, true, ""},
		{"TryGetN(4)", tryGetN, 0, 0, false, ""},
		{"TryGetN(4)", tryGetN, largest, lowest + 3, true, ""},
		{"Put", (*akaros.Count).Put, 2, 1, false, ""},
		{"Put", (*akaros.Count).Put, 1, 0, true, ""},
		{"Put", (*akaros.Count).Put, 0, 0, false, "akaros: Put on a count of 0"},
		{"Put", (*akaros.Count).Put, -1, -1, false, "akaros: Put on a count of -1"},
		{"Put", (*akaros.Count).Put, lowest, lowest, false, "akaros: Put on a count of -9223372036854775808"},
		{"Put", (*akaros.Count).Put, largest, largest - 1, false, ""},
		{"Kill", (*akaros.Count).Kill, 1, 0, true, ""},
		{"Kill", (*akaros.Count).Kill, 2, 1, false, ""},
		{"Kill", (*akaros.Count).Kill, 0, 0, false, "akaros: Kill on a count of 0"},
		{"Resurrect", resurrect, 0, 1, true, ""},
		{"Resurrect", resurrect, 1, 2, true, ""},
		{"Resurrect", resurrect, -1, 0, true, ""},
	} {
		var c akaros.Count
		c.InitAt(tt.start)
		ret, panicked := try(func() bool { return tt.run(&c) })
		if c.Count() != tt.want || ret != tt.ret || panicked != tt.panics {
			t.Errorf("%s at %d: left %d, returned %v, panicked with %q, want %d, %v and %q", tt.op, tt.start, c.Count(), ret, panicked, tt.want, tt.ret, tt.panics)
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

func TestSeveralAreTakenAndNeverDropped(t *testing.T) {
	if !akaros.Strategy.Has(strategies.PowerMultiGetter) || akaros.Strategy.Has(strategies.PowerMulti) {
		t.Errorf("the powers are %q, want multigetter and not multi", akaros.Strategy.Powers())
	}
}

package fileref_test

import (
	"math"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/fileref"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, fileref.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, fileref.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, fileref.Strategy) }

// The boundaries of the zones, as numbers of references: InitAt stores one less.
const (
	largest   = math.MaxInt64 // and one more, which is the lowest int64
	saturated = -0x6000000000000000 + 1
	lowDead   = -0x4000000000000000 + 1
	dead      = -0x2000000000000000 + 1
	highDead  = -2 + 1
	noref     = 0 // a Put is between its two steps
)

// What one operation makes of each value at a boundary: what Count says after it, what it
// returns, and of what misuse it warns. Count says 0 for every dead value.
func TestBoundaries(t *testing.T) {
	const quiet = strategies.Misuse(-1)
	get := func(c *fileref.Count) bool { c.Get(); return true }
	for _, tt := range []struct {
		op    string
		run   func(*fileref.Count) bool
		start int64
		want  int64
		ret   bool
		warns strategies.Misuse
	}{
		{"Get", get, 1, 2, true, quiet},
		{"Get", get, noref, 1, true, quiet},
		{"Get", get, largest - 1, largest, true, quiet},
		{"Get", get, largest, math.MinInt64, true, quiet},
		{"Get", get, dead, 0, true, strategies.GetAfterFree},
		{"TryGet", (*fileref.Count).TryGet, 1, 2, true, quiet},
		{"TryGet", (*fileref.Count).TryGet, noref, 1, true, quiet},
		{"TryGet", (*fileref.Count).TryGet, largest - 1, largest, true, quiet},
		{"TryGet", (*fileref.Count).TryGet, largest, math.MinInt64, true, quiet},
		{"TryGet", (*fileref.Count).TryGet, math.MinInt64, math.MinInt64 + 1, false, quiet},
		{"TryGet", (*fileref.Count).TryGet, saturated, saturated + 1, false, quiet},
		{"TryGet", (*fileref.Count).TryGet, lowDead, 0, false, quiet},
		{"TryGet", (*fileref.Count).TryGet, dead, 0, false, quiet},
		{"TryGet", (*fileref.Count).TryGet, highDead, 0, false, quiet},
		{"Put", (*fileref.Count).Put, 2, 1, false, quiet},
		{"Put", (*fileref.Count).Put, 1, 0, true, quiet},
		{"Put", (*fileref.Count).Put, noref, 0, false, strategies.PutAfterFree},
		{"Put", (*fileref.Count).Put, dead, 0, false, strategies.PutAfterFree},
		{"Put", (*fileref.Count).Put, saturated, saturated, false, strategies.PutAfterFree},
		{"Put", (*fileref.Count).Put, math.MinInt64, largest, false, quiet},
		{"Kill", (*fileref.Count).Kill, 1, 0, true, quiet},
		{"Kill", (*fileref.Count).Kill, 2, 1, false, quiet},
		{"Kill", (*fileref.Count).Kill, dead, 0, false, strategies.PutAfterFree},
	} {
		var m strategies.Monitor
		heard := quiet
		m.Hook = func(k strategies.Misuse) { heard = k }
		var c fileref.Count
		c.Monitor(&m)
		c.InitAt(tt.start)
		ret := tt.run(&c)
		if c.Count() != tt.want || ret != tt.ret || heard != tt.warns || m.Total() > 1 {
			t.Errorf("%s at %#x: left %#x, returned %v, warned of %q, want %#x, %v and %q", tt.op, tt.start-1, c.Count(), ret, heard, tt.want, tt.ret, tt.warns)
		}
	}
}

// A TryGet that fails writes once, so that a life which begins right after is whole.
func TestAFailedTryGetMovesADeadCountByOne(t *testing.T) {
	var c fileref.Count
	c.InitAt(highDead)
	if c.TryGet() {
		t.Fatal("TryGet took a reference of a dead count")
	}
	if !c.TryGet() {
		t.Error("two steps up from fffffffffffffffe TryGet fails: something has restored the middle of the zone")
	}
}

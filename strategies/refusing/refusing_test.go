package refusing_test

import (
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/refusing"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, refusing.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, refusing.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, refusing.Strategy) }

// What one operation makes of each value at a boundary, and whether it warns.
func TestBoundaries(t *testing.T) {
	const lowest, largest = -1 << 31, refusing.Max
	get := func(c *refusing.Count) bool { c.Get(); return true }
	getN := func(c *refusing.Count) bool { c.GetN(4); return true }
	tryGetN := func(c *refusing.Count) bool { return c.TryGetN(4) }
	putN := func(c *refusing.Count) bool { return c.PutN(4) }
	drop := func(c *refusing.Count) bool { c.Drop(); return true }
	for _, tt := range []struct {
		op    string
		run   func(*refusing.Count) bool
		start int64
		want  int64
		ret   bool
		warns uint64
	}{
		{"Get", get, 0, 1, true, 0},
		{"Get", get, largest, lowest, true, 0},
		{"Get", get, lowest, lowest + 1, true, 0},
		{"Get", get, -1, 0, true, 0},
		{"GetN(4)", getN, largest - 3, lowest, true, 0},
		{"TryGet", (*refusing.Count).TryGet, 0, 0, false, 0},
		{"TryGet", (*refusing.Count).TryGet, 1, 2, true, 0},
		{"TryGet", (*refusing.Count).TryGet, largest, lowest, true, 0},
		{"TryGet", (*refusing.Count).TryGet, lowest, lowest, false, 1},
		{"TryGet", (*refusing.Count).TryGet, -1, -1, false, 1},
		{"TryGetN(4)", tryGetN, 0, 0, false, 0},
		{"TryGetN(4)", tryGetN, largest - 1, lowest + 2, true, 0},
		{"TryGetN(4)", tryGetN, -1, -1, false, 1},
		{"Put", (*refusing.Count).Put, 2, 1, false, 0},
		{"Put", (*refusing.Count).Put, 1, 0, true, 0},
		{"Put", (*refusing.Count).Put, 0, -1, false, 0},
		{"Put", (*refusing.Count).Put, lowest, largest, false, 0},
		{"Kill", (*refusing.Count).Kill, 1, 0, true, 0},
		{"Kill", (*refusing.Count).Kill, 2, 1, false, 0},
		{"PutN(4)", putN, 4, 0, true, 0},
		{"PutN(4)", putN, lowest + 1, largest - 2, false, 0},
		{"Drop", drop, 2, 1, true, 0},
		{"Drop", drop, 1, 0, true, 0},
	} {
		var m strategies.Monitor
		var c refusing.Count
		c.Monitor(&m)
		c.InitAt(tt.start)
		ret := tt.run(&c)
		if c.Count() != tt.want || ret != tt.ret || m.Count(strategies.TryGetOverflow) != tt.warns || m.Total() != tt.warns {
			t.Errorf("%s at %d: left %d, returned %v, warned %d times, want %d, %v and %d", tt.op, tt.start, c.Count(), ret, m.Total(), tt.want, tt.ret, tt.warns)
		}
	}
}

// A saturating count would have stuck, and leaked the page.
func TestACountThatCameBackFromPastTheLimitIsRight(t *testing.T) {
	var c refusing.Count
	c.InitAt(refusing.Max)
	c.Get()
	if c.TryGet() {
		t.Error("TryGet past the limit took a reference")
	}
	c.Put()
	if got := c.Count(); got != refusing.Max || !c.TryGet() {
		t.Errorf("back at the limit the count is %d, want %d and a TryGet that succeeds", got, refusing.Max)
	}
}

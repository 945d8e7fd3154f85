package sloppy_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/sloppy"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, sloppy.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, sloppy.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, sloppy.Strategy) }

// However many references are dropped, a CPU keeps few spares, and none is lost.
func TestSparesAreGivenBack(t *testing.T) {
	const n = 10 * sloppy.MostSpares
	var c sloppy.Count
	c.Init()
	for range n {
		c.Get()
	}
	for i := range n {
		if c.Put() || c.Count() != int64(n-i) {
			t.Fatalf("Put %d leaves %d references, want %d and no last one", i+1, c.Count(), n-i)
		}
	}
	if !c.Kill() || c.TryGet() {
		t.Errorf("Kill isn't the last with %d references", c.Count())
	}
}

func TestSecondKillPanics(t *testing.T) {
	var c sloppy.Count
	c.Init()
	c.Get()
	c.Kill()
	defer func() {
		if recover() == nil || c.Count() != 1 {
			t.Errorf("a second Kill doesn't panic, or leaves %d references, want 1", c.Count())
		}
	}()
	c.Kill()
}

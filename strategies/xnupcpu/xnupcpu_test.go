package xnupcpu_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/strategytest"
	"github.com/refbench/refbench/strategies/xnupcpu"
)

func Test(t *testing.T)         { strategytest.Run(t, xnupcpu.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, xnupcpu.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, xnupcpu.Strategy) }

// A second Kill is seen on whichever word is looked at first.
func TestSecondKillPanics(t *testing.T) {
	var c xnupcpu.Count
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

package tlref_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/strategytest"
	"github.com/refbench/refbench/strategies/tlref"
)

func Test(t *testing.T)         { strategytest.Run(t, tlref.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, tlref.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, tlref.Strategy) }

func TestSecondKillPanics(t *testing.T) {
	var c tlref.Count
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

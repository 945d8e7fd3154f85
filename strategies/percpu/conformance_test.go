package percpu_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, percpu.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, percpu.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, percpu.Strategy) }

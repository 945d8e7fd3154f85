package native_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/baseline"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/gobench"
	"github.com/refbench/refbench/workloads/native"
)

// BenchmarkRef measures every built-in strategy and baseline under every built-in workload,
// from one CPU to all, under the names that result files have.
func BenchmarkRef(b *testing.B) {
	m, err := bench.NewMachine()
	if err != nil {
		b.Fatal(err)
	}
	s := bench.Selection{Strategies: append(builtin.All(), baseline.All()...), CPUs: m.CPUs.Sweep(), Loops: native.Loops}
	for _, w := range workloads.All {
		s.Variants = append(s.Variants, bench.Variant{Workload: w})
	}
	cells, err := s.Cells()
	if err != nil {
		b.Fatal(err)
	}
	gobench.Benchmark(b, cells...)
}

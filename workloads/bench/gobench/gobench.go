// Package gobench makes the cells of package bench ordinary Go benchmarks, with
// the names that they have in result files. It is apart from bench so that
// programs that measure don't link package testing.
package gobench

import (
	"runtime"
	"testing"

	"github.com/refbench/refbench/workloads/bench"
)

// Benchmark runs each cell as a sub-benchmark. Called from a benchmark named
// BenchmarkRef, the names are those of result files:
//
//	BenchmarkRef/workload=getput/cpus=2/strategy=atomic-2
//
// except that package testing leaves "-1" away. b.N operations are done in
// total by the cell's workers, each on a thread bound to its own CPU; ns/op is
// wall time over operations, as in result files. A cell that needs more CPUs
// than are allowed is skipped with the reason. Books that don't balance fail the
// benchmark.
func Benchmark(b *testing.B, cells ...bench.Cell) {
	m, err := bench.NewMachine()
	if err != nil {
		b.Fatal(err)
	}
	for i, c := range cells {
		b.Run(c.Key(), func(b *testing.B) { one(b, m, c, uint64(i)) })
	}
}

func one(b *testing.B, m *bench.Machine, c bench.Cell, seed uint64) {
	b.StopTimer()
	if err := m.CheckCPUs(c.CPUs); err != nil {
		b.Skip(err)
	}
	room, err := bench.Room(b.Context(), m, c, bench.Length{}, seed)
	if err != nil {
		b.Fatal(err)
	}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	runtime.GOMAXPROCS(max(room, before))

	// The timer runs on some worker's goroutine; MeasureFixed orders that
	// before its return.
	ops, books, err := bench.MeasureFixed(b.Context(), m, c, b.N, seed, func() { b.ResetTimer(); b.StartTimer() }, b.StopTimer)
	if err != nil {
		b.Fatal(err)
	}
	elapsed := b.Elapsed()
	if ops != b.N {
		b.ReportMetric(float64(elapsed.Nanoseconds())/float64(ops), bench.UnitTime)
	}
	b.ReportMetric(float64(ops)/elapsed.Seconds(), bench.UnitRate)
	b.ReportMetric(float64(books.Violations()), bench.UnitViolations)
	if err := books.Err(); err != nil {
		b.Errorf("%s (seed %d): reference accounting failed: %v", c, seed, err)
	}
}

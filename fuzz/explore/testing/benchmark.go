package testing

import (
	"github.com/refbench/refbench/fuzz/explore/time"
)

// B is a benchmark. Benchmarks don't run: it is there for them to compile.
type B struct {
	common
	// N is how often to do what is measured.
	N int
}

// PB is what RunParallel gives.
type PB struct{}

// Next returns false.
func (*PB) Next() bool { return false }

// Elapsed returns 0.
func (b *B) Elapsed() time.Duration { return 0 }

// Loop returns false.
func (b *B) Loop() bool { return false }

// ReportAllocs does nothing.
func (b *B) ReportAllocs() {}

// ReportMetric does nothing.
func (b *B) ReportMetric(n float64, unit string) {}

// ResetTimer does nothing.
func (b *B) ResetTimer() {}

// Run does nothing.
func (b *B) Run(name string, f func(b *B)) bool { return true }

// RunParallel does nothing.
func (b *B) RunParallel(body func(*PB)) {}

// SetBytes does nothing.
func (b *B) SetBytes(n int64) {}

// SetParallelism does nothing.
func (b *B) SetParallelism(p int) {}

// StartTimer does nothing.
func (b *B) StartTimer() {}

// StopTimer does nothing.
func (b *B) StopTimer() {}

// Benchmark isn't modelled.
func Benchmark(f func(b *B)) BenchmarkResult {
	unmodelled("testing.Benchmark")
	return BenchmarkResult{}
}

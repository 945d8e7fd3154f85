package native_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/puzpuzpuz/xsync/v4"

	refatomic "github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

// BenchmarkPairRatio reports how long a pair of the per-CPU count takes, divided
// by a pair of something else on the same object: the median over b.N rounds, in
// each of which both run, in turn first. All workers are bound to CPUs and begin
// together, and the time is that of the slowest. Use -benchtime 200x.
//
// The pairs are the loops written by hand of handwritten_test.go.
func BenchmarkPairRatio(b *testing.B) {
	m, err := bench.NewMachine()
	if err != nil {
		b.Fatal(err)
	}
	percpuPairs := func() func(int) {
		c := new(struct {
			_ [256]byte
			percpu.Count
			_ [256]byte
		})
		c.Init()
		return func(n int) { mustBeZero(byHandPercpu(&c.Count, n)) }
	}
	atomicPairs := func() func(int) {
		c := new(struct {
			_ [256]byte
			refatomic.Count
			_ [256]byte
		})
		c.Init()
		return func(n int) { mustBeZero(byHandAtomic(&c.Count, n)) }
	}
	xsyncPairs := func() func(int) {
		c := xsync.NewCounter()
		return func(n int) { byHandXsync(c, n) }
	}
	for _, over := range []struct {
		name  string
		pairs func() func(int)
	}{
		{"atomic", atomicPairs},
		{"xsync", xsyncPairs},
	} {
		for _, cpus := range m.CPUs.Sweep() {
			b.Run(fmt.Sprintf("percpu-over=%s/cpus=%d", over.name, cpus), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(cpus+1, runtime.GOMAXPROCS(0))))
				count, other := percpuPairs(), over.pairs()
				var ratios, times []float64
				for i := range b.N {
					var c, o time.Duration
					if i%2 == 0 {
						c = together(b, m.CPUs.Order[:cpus], count)
						o = together(b, m.CPUs.Order[:cpus], other)
					} else {
						o = together(b, m.CPUs.Order[:cpus], other)
						c = together(b, m.CPUs.Order[:cpus], count)
					}
					ratios = append(ratios, float64(c)/float64(o))
					times = append(times, float64(c)/pairsEach)
				}
				slices.Sort(ratios)
				slices.Sort(times)
				b.ReportMetric(ratios[len(ratios)/2], "ratio")
				b.ReportMetric(ratios[len(ratios)/10], "ratio-p10")
				b.ReportMetric(ratios[len(ratios)*9/10], "ratio-p90")
				b.ReportMetric(times[len(times)/2], "ns/pair")
			})
		}
	}
}

// pairsEach is how many pairs each worker does in a round.
const pairsEach = 100_000

// together runs the pairs on all the CPUs at the same time and returns how long
// the slowest worker took.
func together(b *testing.B, cpus []int, pairs func(n int)) time.Duration {
	b.Helper()
	var ready atomic.Int32
	var wg sync.WaitGroup
	took := make([]time.Duration, len(cpus))
	for i, c := range cpus {
		wg.Go(func() {
			runtime.LockOSThread() // and never unlock: the thread is bound
			if err := cpu.Bind(c); err != nil && len(cpus) > 1 {
				b.Error(err)
			}
			pairs(pairsEach / 20) // warm
			ready.Add(1)
			for ready.Load() < int32(len(cpus)) {
			}
			begin := time.Now()
			pairs(pairsEach)
			took[i] = time.Since(begin)
		})
	}
	wg.Wait()
	return slices.Max(took)
}

func mustBeZero(lasts int) {
	if lasts != 0 {
		panic("an object died that its owner holds")
	}
}

func byHandXsync(c *xsync.Counter, n int) {
	for range n {
		c.Inc()
		c.Dec()
	}
}

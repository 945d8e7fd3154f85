package builtin_test

import (
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/rseq"
	"github.com/refbench/refbench/strategies/xnupcpu"
)

// BenchmarkPairCPUTime measures a Get and a Put on one CPU by the time that the thread had it,
// divided by that of the plain atomic: the median over b.N rounds in which all take turns. So
// it can be told on a machine that others use, too. Use -benchtime 61x.
func BenchmarkPairCPUTime(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const pairs = 200_000
	var a atomic.Count
	var p percpu.Count
	var r rseq.Count
	var x xnupcpu.Count
	loops := []struct {
		name string
		init func()
		run  func()
	}{
		{"atomic", a.Init, func() {
			for range pairs {
				a.Get()
				a.Put()
			}
		}},
		{"percpu", p.Init, func() {
			for range pairs {
				p.Get()
				p.Put()
			}
		}},
		{"rseq", r.Init, func() {
			for range pairs {
				r.Get()
				r.Put()
			}
		}},
		{"xnupcpu", x.Init, func() {
			for range pairs {
				x.Get()
				x.Put()
			}
		}},
	}
	times := make([][]float64, len(loops)) // ns of a pair, by loop and round
	for i := range loops {
		loops[i].init()
		loops[i].run()
	}
	for b.Loop() {
		for i, l := range loops {
			before := threadTime(b)
			l.run()
			times[i] = append(times[i], float64(threadTime(b)-before)/pairs)
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, l := range loops {
		var ratios []float64
		for round, t := range times[i] {
			ratios = append(ratios, t/times[0][round])
		}
		slices.Sort(ratios)
		slices.Sort(times[i])
		n := len(ratios)
		b.Logf("%-8s %6.2f ns, ratio %.2f (%.2f .. %.2f)", l.name, times[i][n/2], ratios[n/2], ratios[n/10], ratios[n*9/10])
	}
}

// threadTime returns how long the calling thread has had a CPU, in ns.
func threadTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}

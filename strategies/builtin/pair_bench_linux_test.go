package builtin_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	stdatomic "sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/owned"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/rseq"
	"github.com/refbench/refbench/strategies/xnupcpu"
)

// BenchmarkPairCPUTime measures a Get and a Put of one object by one thread, and by two at the
// same time, by the time that each thread had a CPU, divided by that of the plain atomic: the
// median over b.N rounds in which all take turns. So it can be told on a machine that others
// use, too. Two threads that don't get two CPUs at the same time don't disturb each other, and
// so the atomic seems cheaper then. Use -benchtime 61x.
func BenchmarkPairCPUTime(b *testing.B) {
	const pairs = 200_000
	var a atomic.Count
	var p percpu.Count
	var r rseq.Count
	var x xnupcpu.Count
	var o owned.Count
	loops := []struct {
		name string
		init func()
		run  func(actor int)
	}{
		{"atomic", a.Init, func(int) {
			for range pairs {
				a.Get()
				a.Put()
			}
		}},
		{"percpu", p.Init, func(int) {
			for range pairs {
				p.Get()
				p.Put()
			}
		}},
		{"rseq", r.Init, func(int) {
			for range pairs {
				r.Get()
				r.Put()
			}
		}},
		{"xnupcpu", x.Init, func(int) {
			for range pairs {
				x.Get()
				x.Put()
			}
		}},
		{"owned", o.Init, func(actor int) {
			// strategies.GetAs and PutAs, which aren't inlined.
			for range pairs {
				if !o.TakeAs(actor) {
					o.Get()
				}
				if !o.DropAs(actor) {
					o.Put()
				}
			}
		}},
	}
	for i := range loops {
		loops[i].init()
		loops[i].run(1)
	}
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			times := make([][]float64, len(loops)) // ns of a pair, by loop and round
			for b.Loop() {
				for i, l := range loops {
					times[i] = append(times[i], together(threads, l.run)/pairs)
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
				b.Logf("%-8s %6.2f ns, ratio %.3f (%.3f .. %.3f)", l.name, times[i][n/2], ratios[n/2], ratios[n/10], ratios[n*9/10])
			}
		})
	}
}

// together runs a loop on so many threads that begin at the same time, and returns how long each
// of them has had a CPU meanwhile, in ns: the mean.
func together(threads int, run func(actor int)) float64 {
	var ready, total stdatomic.Int64
	var wg sync.WaitGroup
	for actor := 1; actor <= threads; actor++ {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for ready.Add(1); ready.Load() < int64(threads); {
			}
			before := threadTime()
			run(actor)
			total.Add(threadTime() - before)
		})
	}
	wg.Wait()
	return float64(total.Load()) / float64(threads)
}

// threadTime returns how long the calling thread has had a CPU, in ns.
func threadTime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // it may be called on any goroutine
	}
	return t.Nano()
}

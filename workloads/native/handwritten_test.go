package native_test

import (
	"slices"
	"testing"
	"time"

	refatomic "github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/lockperatomic"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/native"
)

// The loops that somebody would write by hand who wants to know what a pair
// costs.

func byHandAtomic(c *refatomic.Count, n int) (lasts int) {
	for range n {
		c.Get()
		if c.Put() {
			lasts++
		}
	}
	return lasts
}

func byHandSaturating(c *saturating.Count, n int) (lasts int) {
	for range n {
		c.Get()
		if c.Put() {
			lasts++
		}
	}
	return lasts
}

func byHandPercpu(c *percpu.Count, n int) (lasts int) {
	for range n {
		c.Get()
		if c.Put() {
			lasts++
		}
	}
	return lasts
}

func byHandLockperatomic(c *lockperatomic.Count, n int) (lasts int) {
	for range n {
		c.Get()
		if c.Put() {
			lasts++
		}
	}
	return lasts
}

// byHand returns a function that runs n pairs by hand, on a count with its own
// cache lines as the workload's objects have.
func byHand(strategy string) func(n int) int {
	switch strategy {
	case "atomic":
		c := &make([]struct {
			c refatomic.Count
			_ [256]byte
		}, 1)[0].c
		c.Init()
		return func(n int) int { return byHandAtomic(c, n) }
	case "saturating":
		c := &make([]struct {
			c saturating.Count
			_ [256]byte
		}, 1)[0].c
		c.Init()
		return func(n int) int { return byHandSaturating(c, n) }
	case "percpu":
		c := &make([]struct {
			c percpu.Count
			_ [256]byte
		}, 1)[0].c
		c.Init()
		return func(n int) int { return byHandPercpu(c, n) }
	case "lockperatomic":
		c := &make([]struct {
			c lockperatomic.Count
			_ [256]byte
		}, 1)[0].c
		c.Init()
		return func(n int) int { return byHandLockperatomic(c, n) }
	}
	return nil
}

// BenchmarkGeneratedOverHand reports the time of the generated getput loop
// divided by that of the loop written by hand: the median over b.N rounds, in
// each of which the two run one after the other several times and the fastest
// run of each counts. Use -benchtime 200x.
func BenchmarkGeneratedOverHand(b *testing.B) {
	for _, loop := range native.Loops {
		if loop.Workload != "getput" {
			continue
		}
		b.Run("strategy="+loop.Strategy, func(b *testing.B) {
			inst, err := workloads.GetPut.Start(loop.New, workloads.Config{Workers: 1})
			if err != nil {
				b.Fatal(err)
			}
			hand := byHand(loop.Strategy)
			if hand == nil {
				b.Skipf("no loop by hand for %s: write one to compare with", loop.Strategy)
			}
			const pairs, tries = 50_000, 7
			fastest := func(f func()) time.Duration {
				best := time.Duration(1 << 62)
				for range tries {
					start := time.Now()
					f()
					best = min(best, time.Since(start))
				}
				return best
			}
			var ratios []float64
			for i := range b.N {
				var g, h time.Duration
				generated := func() { g = fastest(func() { inst.Work(0, pairs) }) }
				written := func() { h = fastest(func() { hand(pairs) }) }
				if i%2 == 0 {
					generated()
					written()
				} else {
					written()
					generated()
				}
				ratios = append(ratios, float64(g)/float64(h))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
			b.ReportMetric(ratios[len(ratios)/10], "ratio-p10")
			b.ReportMetric(ratios[len(ratios)*9/10], "ratio-p90")
			if err := inst.Close().Err(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

package search

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

type pctDriver struct {
	s        PCT
	c        engine.Case
	o        engine.Options
	i, n     int
	points   int
	switches int
	fails    int
}

func (d *pctDriver) Begin(e *engine.Engine) bool {
	if d.i == d.n {
		return false
	}
	d.s.Begin(d.i, 50)
	e.Prepare(&d.c, &d.s, d.o)
	d.i++
	return true
}
func (d *pctDriver) End(e *engine.Engine) {
	d.points += e.Step()
	d.switches += e.Switches()
	if e.Failure() != nil {
		d.fails++
	}
}

func benchPCT(b *testing.B, depth int, races bool) {
	var count atomic.Int64
	d := &pctDriver{n: b.N}
	d.s = PCT{Seed: 1, Depth: depth}
	body := func() {
		for range 6 {
			count.Add(1)
			count.Add(-1)
		}
	}
	d.c = engine.Case{CPUs: 4, Setup: func() { count.Store(1) }, Threads: []func(){body, body, body, body}, MaxPoints: 1000, Races: races}
	b.ReportAllocs()
	engine.Run(d)
	b.ReportMetric(float64(d.points)/float64(b.N), "points/op")
	b.ReportMetric(float64(d.switches)/float64(b.N), "switches/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "exec/s")
	if d.fails > 0 {
		b.Fatal(d.fails)
	}
}

func BenchmarkPCT2(b *testing.B)      { benchPCT(b, 2, false) }
func BenchmarkPCT3(b *testing.B)      { benchPCT(b, 3, false) }
func BenchmarkPCT3Races(b *testing.B) { benchPCT(b, 3, true) }

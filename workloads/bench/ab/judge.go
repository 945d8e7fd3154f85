package ab

import (
	"math"

	"github.com/refbench/refbench/report/family"
	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/paired"
)

// A Verdict is what is said of a row.
type Verdict string

// The verdicts. Slower and Faster are significant and at least the minimum effect,
// Unchanged has the whole interval within it. Unclear is all else.
const (
	Slower    Verdict = "slower"
	Faster    Verdict = "faster"
	Unchanged Verdict = "unchanged"
	Unclear   Verdict = "can't tell"
	NoData    Verdict = "no data"
)

// confidence is that of intervals, each for itself.
const confidence = 0.95

// A Row is what is known of one cell.
type Row struct {
	Cell    string
	Verdict Verdict
	Ratio   float64 // of times per operation, new over old; NaN without data
	Lo, Hi  float64 // the interval of the ratio; 0 and +Inf if there are too few pairs
	P       float64 // corrected for the number of rows
	Pairs   int
	Aside   int    // rounds whose samples were all spoiled
	Failed  string // why it was left out
	// Control is the same ratio of the old side to itself, where it was measured.
	Control *Control
}

// A Control is the old side beside itself.
type Control struct {
	Ratio  float64
	Lo, Hi float64
}

// A Result is what a comparison found.
type Result struct {
	Old, New  string
	Alpha     float64
	MinEffect float64
	Seed      uint64
	Layouts   int
	Rounds    int
	Rows      []Row
	OnlyOld   []string
	OnlyNew   []string
	Gates     []GateResult

	Spoiled     int     // pairs that were measured again or excluded
	Violations  float64 // on the new side
	Interrupted bool
}

// estimate turns differences of logarithms into a ratio with its interval.
func estimate(diffs []float64) (ratio, lo, hi float64) {
	e := paired.HodgesLehmann(diffs, confidence)
	return math.Exp(e.Center), math.Exp(e.Lo), math.Exp(e.Hi)
}

// diffs are those of a cell's pairs that have a value.
func (s *series) diffs(over, under role, unit string) []float64 {
	var ds []float64
	for _, p := range s.pairs {
		if d := p.diff(over, under, unit); !math.IsNaN(d) && !math.IsInf(d, 0) {
			ds = append(ds, d)
		}
	}
	return ds
}

// judge judges all rows by what there is, and keeps what was decided at an earlier look.
func (c *comparison) judge() {
	level := c.Alpha / float64(c.planned)
	ps := make([]float64, len(c.cells))
	for i, s := range c.cells {
		ps[i] = paired.SignedRank(s.diffs(roleNew, roleOld, bench.UnitTime))
	}
	corrected := family.Holm(ps, len(ps))
	var rows []Row
	for i, s := range c.cells {
		if old := c.result.row(s.key); old != nil && old.decided() {
			rows = append(rows, *old)
			continue
		}
		r := Row{Cell: s.key, P: corrected[i], Pairs: len(s.pairs), Aside: s.aside, Failed: s.failed}
		r.Ratio, r.Lo, r.Hi = estimate(s.diffs(roleNew, roleOld, bench.UnitTime))
		most := 1 + c.MinEffect
		switch {
		case r.Pairs == 0:
			r.Verdict = NoData
		case r.P <= level && r.Ratio >= most:
			r.Verdict = Slower
		case r.P <= level && r.Ratio <= 1/most:
			r.Verdict = Faster
		case r.Hi <= most && r.Lo >= 1/most:
			r.Verdict = Unchanged
		default:
			r.Verdict = Unclear
		}
		if ds := s.diffs(roleControl, roleOld, bench.UnitTime); len(ds) > 0 {
			r.Control = &Control{}
			r.Control.Ratio, r.Control.Lo, r.Control.Hi = estimate(ds)
		}
		rows = append(rows, r)
	}
	c.result.Rows = rows
	c.result.Gates, c.open = nil, make(map[string]bool)
	for _, g := range c.Gates {
		result, open := judgeGate(&g, c.cells, level)
		c.result.Gates = append(c.result.Gates, result)
		for _, s := range open {
			c.open[s.key] = s.failed == ""
		}
	}
	for _, r := range rows {
		if !r.decided() {
			c.open[r.Cell] = true
		}
	}
}

// decided is how many rows nothing more has to be known of, neither for themselves nor for
// a gate.
func (c *comparison) decided() int {
	n := 0
	for _, r := range c.result.Rows {
		if !c.open[r.Cell] {
			n++
		}
	}
	return n
}

func (r *Row) decided() bool {
	return r.Verdict == Slower || r.Verdict == Faster || r.Verdict == Unchanged || r.Failed != ""
}

// row returns the row of a cell, nil if there is none yet.
func (r *Result) row(key string) *Row {
	for i := range r.Rows {
		if r.Rows[i].Cell == key {
			return &r.Rows[i]
		}
	}
	return nil
}

// Count is how many rows have a verdict.
func (r *Result) Count(v Verdict) int {
	n := 0
	for i := range r.Rows {
		if r.Rows[i].Verdict == v {
			n++
		}
	}
	return n
}

// Failed reports whether a gate was passed: a regression beyond what it allows.
func (r *Result) Failed() bool {
	for _, g := range r.Gates {
		if len(g.Worse) > 0 {
			return true
		}
	}
	return false
}

// Usable reports whether there is enough to go by: pairs of at least half of the rows.
func (r *Result) Usable() bool { return 2*r.Count(NoData) <= len(r.Rows) && len(r.Rows) > 0 }

// NoiseFloor is by how much the same code measured twice differed at most, the larger
// of the two ratios over 1: 0.01 is 1 %. It is NaN if there was no control.
func (r *Result) NoiseFloor() float64 {
	most := math.NaN()
	for _, row := range r.Rows {
		if row.Control != nil && !(most >= off(row.Control.Ratio)) {
			most = off(row.Control.Ratio)
		}
	}
	return most
}

// Sees is the difference that a row could have shown: half the width of its interval,
// as a share of 1; +Inf if it has none.
func (r *Row) Sees() float64 {
	if r.Lo == 0 || math.IsNaN(r.Ratio) {
		return math.Inf(1)
	}
	return math.Sqrt(r.Hi/r.Lo) - 1
}

// off is how far a ratio is from 1, in either direction.
func off(ratio float64) float64 { return max(ratio, 1/ratio) - 1 }

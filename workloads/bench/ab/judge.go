package ab

import (
	"fmt"
	"math"
	"slices"

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
	// Sees is the difference that the row could have shown, in about half of such comparisons: half the
	// width of the interval at the confidence at which rows are called different, as a share of 1. It is
	// +Inf if there were too few pairs to call the row different, whatever they had been.
	Sees float64
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
func estimate(diffs []float64, confidence float64) (ratio, lo, hi float64) {
	e := paired.HodgesLehmann(diffs, confidence)
	return math.Exp(e.Center), math.Exp(e.Lo), math.Exp(e.Hi)
}

// correct returns the p-values of rows, corrected for those that have any difference, and the
// confidence that goes with the level: the interval of a row leaves out 1 if it would be called
// different with no other row to help it. A row without differences isn't tested, and has 1.
func correct(rows [][]float64, level float64) (ps []float64, strict float64) {
	ps = make([]float64, len(rows))
	var tested []float64
	var at []int
	for i, diffs := range rows {
		ps[i] = 1
		if len(diffs) > 0 {
			tested, at = append(tested, paired.SignedRank(diffs)), append(at, i)
		}
	}
	for i, p := range family.Holm(tested, len(tested)) {
		ps[at[i]] = p
	}
	return ps, 1 - level/float64(max(1, len(tested)))
}

// sees is the difference that so many pairs of a row could have shown: see Row.
func sees(diffs []float64, confidence float64) float64 {
	e := paired.HodgesLehmann(diffs, confidence)
	return math.Expm1((e.Hi - e.Lo) / 2)
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
	all := make([][]float64, len(c.cells))
	for i, s := range c.cells {
		all[i] = s.diffs(roleNew, roleOld, bench.UnitTime)
	}
	corrected, strict := correct(all, level)
	var rows []Row
	for i, s := range c.cells {
		if old := c.result.row(s.key); old != nil && old.decided() {
			rows = append(rows, *old)
			continue
		}
		r := Row{Cell: s.key, P: corrected[i], Pairs: len(s.pairs), Aside: s.aside, Failed: s.failed}
		r.Ratio, r.Lo, r.Hi = estimate(all[i], confidence)
		r.Sees = sees(all[i], strict)
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
			r.Control.Ratio, r.Control.Lo, r.Control.Hi = estimate(ds, confidence)
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

// Unusable says why there isn't enough to go by, or "" if there is: pairs of at least half of the rows, and of
// the comparison and of each gate a row that is decided or had enough rounds to be.
func (r *Result) Unusable() string {
	if n := r.Count(NoData); 2*n > len(r.Rows) || len(r.Rows) == 0 {
		return fmt.Sprintf("%d of %s have none, because something else used the CPUs or they failed: see refbench ab --all", n, plural(len(r.Rows), "row"))
	}
	const more = "give --rounds and --budget more, or name fewer cells"
	if !slices.ContainsFunc(r.Rows, func(row Row) bool { return row.decided() && row.Failed == "" || !math.IsInf(row.Sees, 1) }) {
		return fmt.Sprintf("with %s no row could have been called different: %s", plural(r.Rounds, "round"), more)
	}
	for _, g := range r.Gates {
		if g.Few == g.Rows {
			return fmt.Sprintf("with %s no row could have been beyond the gate %q: %s", plural(r.Rounds, "round"), g.Gate, more)
		}
	}
	return ""
}

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

// off is how far a ratio is from 1, in either direction.
func off(ratio float64) float64 { return max(ratio, 1/ratio) - 1 }

package ab

import (
	"math"

	"github.com/refbench/refbench/report/gate"
)

// A GateResult is what became of a gate.
type GateResult struct {
	Gate  string
	Rows  int // that it is about
	Few   int // of them aren't settled, and had too few pairs to be beyond it, whatever they had been
	Worse []GateRow
}

// A GateRow is one cell, or two, beyond a gate's bound.
type GateRow struct {
	Cells  string
	Ratio  float64
	Lo, Hi float64
	P      float64 // corrected
}

// A gatePair is what a gate looks at: a cell, or one over another.
type gatePair struct{ over, under *series }

func (p gatePair) String() string {
	if p.under == nil {
		return p.over.key
	}
	return p.over.key + " over " + p.under.key
}

// gateRows returns what a gate looks at.
func gateRows(g *gate.Gate, cells []*series) []gatePair {
	keys := make([]string, len(cells))
	for i, s := range cells {
		keys[i] = s.key
	}
	var pairs []gatePair
	for _, r := range g.Rows(keys) {
		p := gatePair{over: cells[r.Over]}
		if r.Under >= 0 {
			p.under = cells[r.Under]
		}
		pairs = append(pairs, p)
	}
	return pairs
}

// diffs are the differences of what a gate looks at, round by round.
func (p gatePair) diffs(g *gate.Gate) []float64 {
	overUnit, underUnit := g.Units()
	if p.under == nil {
		return p.over.diffs(roleNew, roleOld, overUnit)
	}
	under := make(map[int]float64)
	for _, q := range p.under.pairs {
		under[q.round] = q.diff(roleNew, roleOld, underUnit)
	}
	var ds []float64
	for _, q := range p.over.pairs {
		d, ok := under[q.round]
		if d = q.diff(roleNew, roleOld, overUnit) - d; ok && !math.IsNaN(d) && !math.IsInf(d, 0) {
			ds = append(ds, d)
		}
	}
	return ds
}

// judgeGate holds a gate to what was measured. open are the cells of rows that aren't
// settled: neither beyond the bound nor with the whole interval within it.
func judgeGate(g *gate.Gate, cells []*series, level float64) (r GateResult, open []*series) {
	rows := gateRows(g, cells)
	r = GateResult{Gate: g.Text, Rows: len(rows)}
	all := make([][]float64, len(rows))
	for i, row := range rows {
		all[i] = row.diffs(g)
	}
	ps, strict := correct(all, level)
	for i, p := range ps {
		ratio, lo, hi := estimate(all[i], confidence)
		switch {
		case p <= level && g.Beyond(ratio):
			r.Worse = append(r.Worse, GateRow{rows[i].String(), ratio, lo, hi, p})
		case g.Beyond(lo) || g.Beyond(hi) || math.IsNaN(ratio):
			if math.IsInf(sees(all[i], strict), 1) {
				r.Few++
			}
			open = append(open, rows[i].over)
			if rows[i].under != nil {
				open = append(open, rows[i].under)
			}
		}
	}
	return r, open
}

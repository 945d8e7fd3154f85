package report

import (
	"math"
	"strings"

	"github.com/refbench/refbench/report/family"
	"github.com/refbench/refbench/report/gate"
)

// A GateResult is what became of a gate.
type GateResult struct {
	Gate  string
	Rows  int // that it is about
	Few   int // of them have too few samples to be beyond it, whatever they had been
	Worse []GateRow
}

// A GateRow is a cell beyond a gate's bound.
type GateRow struct {
	Key
	Ratio float64 // of the medians, new to old
	P     float64 // corrected for the rows of the gate
}

// Hold holds the comparison to a gate, and keeps what became of it in Gates. A row is beyond
// it if its medians are, and the U-test's p-value, corrected for the rows of the gate (Holm),
// is at most Alpha. The error is a [gate.Error]: the gate is about a ratio of two cells,
// for which there is no test without rounds that have both, or about no row.
func (c *Comparison) Hold(g *gate.Gate) error {
	unit, under := g.Units()
	if under != "" {
		return &gate.Error{Gate: g.Text, Text: "a ratio of two cells can be judged only where both were measured by turns: use refbench ab"}
	}
	var rows []Change
	var keys []string
	exact := false
	for _, u := range c.Units {
		if u.Unit.Name != unit && u.Unit.Tidied != unit {
			continue
		}
		exact = u.Unit.Exact
		for _, r := range u.Rows {
			if r.Old != nil && r.New != nil {
				rows, keys = append(rows, r), append(keys, c.Old.layout.name(r.labels))
			}
		}
	}
	result := GateResult{Gate: g.Text}
	var meant []Change
	var ps []float64
	for _, r := range g.Rows(keys) {
		meant, ps = append(meant, rows[r.Over]), append(ps, rows[r.Over].P)
	}
	if len(meant) == 0 {
		return &gate.Error{Gate: g.Text, Text: "no row of this comparison is meant by it"}
	}
	result.Rows = len(meant)
	for i, p := range family.Holm(ps, len(ps)) {
		if meant[i].tested && leastP(meant[i].NOld, meant[i].NNew)*float64(len(ps)) > c.Alpha {
			result.Few++
		}
		if ratio := meant[i].ratio(exact); p <= c.Alpha && g.Beyond(ratio) {
			result.Worse = append(result.Worse, GateRow{meant[i].Key, ratio, p})
		}
	}
	c.Gates = append(c.Gates, result)
	return nil
}

// Untold returns the first gate that no row could have been beyond, as all have too few samples; "" if
// there is none.
func (c *Comparison) Untold() string {
	for _, g := range c.Gates {
		if g.Few == g.Rows {
			return g.Gate
		}
	}
	return ""
}

// ratio returns new to old: of the medians, or of the largest values of an exact unit if
// these are equal.
func (r Change) ratio(exact bool) float64 {
	old, now := r.deciding(exact)
	switch {
	case old == now:
		return 1
	case old == 0:
		return math.Inf(1)
	}
	return now / old
}

// name returns labels as benchmarks are named: "workload=getput/cpus=2/strategy=atomic".
func (l *layout) name(labels [3]*Label) string {
	var parts []string
	for i, a := range []*axis{l.table, l.row, l.column} {
		for _, f := range a.projection.FlattenedFields() {
			v := labels[i].key.Get(f)
			switch {
			case v == "":
			case f.Name == ".fullname":
				if _, settings, ok := strings.Cut(v, "/"); ok {
					parts = append(parts, settings)
				}
			default:
				parts = append(parts, strings.TrimPrefix(f.Name, "/")+"="+v)
			}
		}
	}
	return strings.Join(parts, "/")
}

// Beyond returns how many rows are beyond the gates that the comparison was held to.
func (c *Comparison) Beyond() (rows int) {
	for _, g := range c.Gates {
		rows += len(g.Worse)
	}
	return rows
}

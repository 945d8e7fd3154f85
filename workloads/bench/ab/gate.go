package ab

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"

	"github.com/refbench/refbench/workloads/bench/paired"
)

// A Gate is a bound on a change. As text:
//
//	UNIT > 5%                         no cell's UNIT may grow by more than 5 %
//	UNIT < -5%                        nor shrink by more than 5 %
//	UNIT{FILTER} > 5%                 only of the cells that FILTER matches
//	UNIT{FILTER} / UNIT{FILTER} > 5%  of two cells of the same run the ratio
//
// FILTER is benchstat's, as in /strategy:percpu /cpus:2. In a ratio each cell that the
// first filter matches stands over the one that the second matches and that differs from
// it in nothing but the keys that the filters name. A bound is passed by a change that is
// significant after Holm's correction over all rows of the gate, and estimated beyond the
// bound.
type Gate struct {
	Text        string
	over, under *term   // under is nil without a ratio
	limit       float64 // the logarithm of the ratio at which it is passed
	grow        bool    // it is passed above the limit, not below
}

// A term is a unit of some cells.
type term struct {
	unit   string
	filter *benchproc.Filter
	keys   []string // that the filter names
}

// A GateError is a gate that can't be used.
type GateError struct{ Gate, Text string }

func (e *GateError) Error() string { return fmt.Sprintf("gate %q: %s", e.Gate, e.Text) }

// A GateResult is what became of a gate.
type GateResult struct {
	Gate  string
	Rows  int // that it was judged by
	Worse []GateRow
}

// A GateRow is one cell, or two, beyond a gate's bound.
type GateRow struct {
	Cells  string
	Ratio  float64
	Lo, Hi float64
	P      float64 // corrected
}

var (
	gateForm = regexp.MustCompile(`^(.*?)\s*([<>])\s*(-?[0-9.]+)\s*%$`)
	termForm = regexp.MustCompile(`^([^\s{}/]+(?:/[^\s{}/]+)?)\s*(?:\{([^{}]*)\})?$`)
	keyForm  = regexp.MustCompile(`(/?[\w.-]+):`)
)

const gateExample = `want as in 'ns/op > 5%' or 'ns/op{/strategy:percpu} / ns/op{/strategy:atomic} > 5%'`

// ParseGate reads a gate.
func ParseGate(text string) (Gate, error) {
	g := Gate{Text: text}
	m := gateForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return g, &GateError{text, gateExample}
	}
	percent, err := strconv.ParseFloat(m[3], 64)
	if err != nil || percent <= -100 {
		return g, &GateError{text, fmt.Sprintf("%s %% is no bound on a change", m[3])}
	}
	g.grow = m[2] == ">"
	g.limit = math.Log1p(percent / 100)
	if g.grow != (g.limit >= 0) && g.limit != 0 {
		return g, &GateError{text, "a change of nothing at all is beyond it: " + gateExample}
	}
	over, under, ratio := strings.Cut(m[1], " / ")
	if g.over, err = parseTerm(over); err != nil {
		return g, &GateError{text, err.Error()}
	}
	if ratio {
		if g.under, err = parseTerm(under); err != nil {
			return g, &GateError{text, err.Error()}
		}
	}
	return g, nil
}

func parseTerm(text string) (*term, error) {
	m := termForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return nil, fmt.Errorf("%q is no unit with a filter: %s", strings.TrimSpace(text), gateExample)
	}
	query := strings.TrimSpace(m[2])
	if query == "" {
		query = "*"
	}
	t := &term{unit: m[1]}
	var err error
	if t.filter, err = benchproc.NewFilter(query); err != nil {
		return nil, fmt.Errorf("filter %q: %s", m[2], oneLine(err.Error()))
	}
	for _, k := range keyForm.FindAllStringSubmatch(query, -1) {
		t.keys = append(t.keys, strings.TrimPrefix(k[1], "/"))
	}
	return t, nil
}

func (t *term) matches(key string) bool {
	r := &benchfmt.Result{Name: benchfmt.Name("Ref/" + key), Values: []benchfmt.Value{{Unit: t.unit, Value: 1}}}
	ok, err := t.filter.Match(r)
	return err == nil && ok.All()
}

// rest is a cell's key without the keys that either term names.
func (g *Gate) rest(key string) string {
	named := make(map[string]bool)
	for _, k := range g.over.keys {
		named[k] = true
	}
	for _, k := range g.under.keys {
		named[k] = true
	}
	var kept []string
	for part := range strings.SplitSeq(key, "/") {
		if name, _, _ := strings.Cut(part, "="); !named[name] {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "/")
}

// A gatePair is what a gate looks at: a cell, or one over another.
type gatePair struct{ over, under *series }

func (p gatePair) String() string {
	if p.under == nil {
		return p.over.key
	}
	return p.over.key + " over " + p.under.key
}

// rows returns what the gate looks at.
func (g *Gate) rows(cells []*series) []gatePair {
	var rows []gatePair
	for _, s := range cells {
		if !g.over.matches(s.key) {
			continue
		}
		if g.under == nil {
			rows = append(rows, gatePair{over: s})
			continue
		}
		for _, d := range cells {
			if d != s && g.under.matches(d.key) && g.rest(d.key) == g.rest(s.key) {
				rows = append(rows, gatePair{s, d})
			}
		}
	}
	return rows
}

// diffs are the differences of what the gate looks at, round by round.
func (g *Gate) diffs(p gatePair) []float64 {
	if p.under == nil {
		return p.over.diffs(roleNew, roleOld, g.over.unit)
	}
	under := make(map[int]float64)
	for _, q := range p.under.pairs {
		under[q.round] = q.diff(roleNew, roleOld, g.under.unit)
	}
	var ds []float64
	for _, q := range p.over.pairs {
		d, ok := under[q.round]
		if d = q.diff(roleNew, roleOld, g.over.unit) - d; ok && !math.IsNaN(d) && !math.IsInf(d, 0) {
			ds = append(ds, d)
		}
	}
	return ds
}

// judge holds the gate to what was measured. open are the cells of rows that aren't
// settled: neither beyond the bound nor with the whole interval within it.
func (g *Gate) judge(cells []*series, level float64) (r GateResult, open []*series) {
	rows := g.rows(cells)
	r = GateResult{Gate: g.Text, Rows: len(rows)}
	ps := make([]float64, len(rows))
	for i, row := range rows {
		ps[i] = paired.SignedRank(g.diffs(row))
	}
	for i, p := range paired.Holm(ps) {
		ratio, lo, hi := estimate(g.diffs(rows[i]))
		switch {
		case p <= level && g.beyond(ratio):
			r.Worse = append(r.Worse, GateRow{rows[i].String(), ratio, lo, hi, p})
		case g.beyond(lo) || g.beyond(hi) || math.IsNaN(ratio):
			open = append(open, rows[i].over)
			if rows[i].under != nil {
				open = append(open, rows[i].under)
			}
		}
	}
	return r, open
}

// beyond reports whether a ratio is beyond the bound.
func (g *Gate) beyond(ratio float64) bool {
	if g.grow {
		return math.Log(ratio) > g.limit
	}
	return math.Log(ratio) < g.limit
}

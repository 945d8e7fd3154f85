// Package gate holds changes to bounds: what a user says must not happen, as text, to which
// cells it applies, and whether a change is beyond it. How a change is estimated and whether
// it is significant is for whoever measured it.
package gate

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"
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

// A Error is a gate that can't be used.
type Error struct{ Gate, Text string }

func (e *Error) Error() string { return fmt.Sprintf("gate %q: %s", e.Gate, e.Text) }

var (
	form     = regexp.MustCompile(`^(.*?)\s*([<>])\s*(-?[0-9.]+)\s*%$`)
	termForm = regexp.MustCompile(`^([^\s{}/]+(?:/[^\s{}/]+)?)\s*(?:\{([^{}]*)\})?$`)
	keyForm  = regexp.MustCompile(`(/?[\w.-]+):`)
)

const example = `want as in 'ns/op > 5%' or 'ns/op{/strategy:percpu} / ns/op{/strategy:atomic} > 5%'`

// Parse reads a gate.
func Parse(text string) (Gate, error) {
	g := Gate{Text: text}
	m := form.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return g, &Error{text, example}
	}
	percent, err := strconv.ParseFloat(m[3], 64)
	if err != nil || percent <= -100 {
		return g, &Error{text, fmt.Sprintf("%s %% is no bound on a change", m[3])}
	}
	g.grow = m[2] == ">"
	g.limit = math.Log1p(percent / 100)
	if g.grow != (g.limit >= 0) && g.limit != 0 {
		return g, &Error{text, "a change of nothing at all is beyond it: " + example}
	}
	over, under, ratio := strings.Cut(m[1], " / ")
	if g.over, err = parseTerm(over); err != nil {
		return g, &Error{text, err.Error()}
	}
	if ratio {
		if g.under, err = parseTerm(under); err != nil {
			return g, &Error{text, err.Error()}
		}
	}
	return g, nil
}

func parseTerm(text string) (*term, error) {
	m := termForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return nil, fmt.Errorf("%q is no unit with a filter: %s", strings.TrimSpace(text), example)
	}
	query := strings.TrimSpace(m[2])
	if query == "" {
		query = "*"
	}
	t := &term{unit: m[1]}
	var err error
	if t.filter, err = benchproc.NewFilter(query); err != nil {
		return nil, fmt.Errorf("filter %q: %s", m[2], strings.Join(strings.Fields(err.Error()), " "))
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

// Units returns the unit that the gate is about, and the one that stands below it in a
// ratio, or "".
func (g *Gate) Units() (over, under string) {
	if g.under != nil {
		under = g.under.unit
	}
	return g.over.unit, under
}

// A Row is what a gate looks at: a cell, or one over another, as indexes in a list of
// cells. Under is -1 without a ratio.
type Row struct{ Over, Under int }

// Rows returns what the gate looks at among cells, whose keys are their benchmarks' names
// without the first part: "workload=getput/cpus=2/strategy=atomic".
func (g *Gate) Rows(keys []string) []Row {
	var rows []Row
	for i, over := range keys {
		if !g.over.matches(over) {
			continue
		}
		if g.under == nil {
			rows = append(rows, Row{i, -1})
			continue
		}
		for j, under := range keys {
			if j != i && g.under.matches(under) && g.rest(under) == g.rest(over) {
				rows = append(rows, Row{i, j})
			}
		}
	}
	return rows
}

// Beyond reports whether a change, as the ratio of new to old, is beyond the bound.
func (g *Gate) Beyond(ratio float64) bool {
	if g.grow {
		return math.Log(ratio) > g.limit
	}
	return math.Log(ratio) < g.limit
}

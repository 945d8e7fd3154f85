package report

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchmath"
)

// CompareOptions are the settings of [Compare]. The zero value is benchstat's
// defaults.
type CompareOptions struct {
	// Alpha is the level of significance: a difference counts if p <= Alpha. 0 is
	// benchstat's default, 0.05.
	Alpha float64
	// AllUnits compares also the units that say how a sample was measured and not
	// what was found, as overlap-% and shared.
	AllUnits bool
}

// A Comparison is what changed from one set to another.
type Comparison struct {
	Old, New   *Set // read with the same layout
	Alpha      float64
	Units      []UnitComparison
	OnlyOld    []*Cell
	OnlyNew    []*Cell
	LeftOut    []string // units that weren't compared
	Warnings   []string
	Violations float64 // in the new set
}

// A UnitComparison compares one unit in all cells that have it.
type UnitComparison struct {
	Unit    Unit
	Rows    []Change
	Geomean Geomean
}

// A Change compares one unit of one cell. Old or New is nil if that set has no sample.
type Change struct {
	Key
	Old, New *benchmath.Summary
	NOld     int
	NNew     int
	P        float64 // 0 for exact units
	Delta    string  // as benchstat writes it: "-3.10%", "~", "?"; "" if a side is missing
	Verdict  Verdict
	Warnings []string

	labels [3]*Label
}

// A Verdict is the answer of a change.
type Verdict string

// The verdicts.
const (
	Better    Verdict = "better"
	Worse     Verdict = "worse"
	Differs   Verdict = "differs" // and the unit doesn't say what is better
	Same      Verdict = "same"    // exact and equal
	Unclear   Verdict = "no measurable difference"
	OnlyInOld Verdict = "only in old"
	OnlyInNew Verdict = "only in new"
)

// A Geomean sums up a unit: the geometric means of the medians and of the ratios.
// A field is NaN where it isn't defined.
type Geomean struct {
	Old, New float64
	Ratio    float64 // new / old
	Warnings []string
}

// Compare compares two sets with benchstat's statistics: medians and their
// intervals, the Mann-Whitney U-test, equality for exact units, geometric means.
// It differs from benchstat in one thing: samples that were measured while the
// CPUs were shared are set aside.
func Compare(older, newer *Set, opts CompareOptions) *Comparison {
	thresholds := benchmath.DefaultThresholds
	if opts.Alpha != 0 {
		thresholds.CompareAlpha = opts.Alpha
	}
	c := &Comparison{Old: older, New: newer, Alpha: thresholds.CompareAlpha, Violations: newer.Violations()}
	pairs := pairCells(older, newer)
	for _, p := range pairs {
		switch {
		case p.newer == nil:
			c.OnlyOld = append(c.OnlyOld, p.older)
		case p.older == nil:
			c.OnlyNew = append(c.OnlyNew, p.newer)
		}
	}
	measured := make(map[string][]pair) // by unit
	for _, p := range pairs {
		for _, name := range p.units(older, newer) {
			measured[name] = append(measured[name], p)
		}
	}
	for _, u := range mergeUnits(older, newer) {
		if witness(u.Tidied) && !opts.AllUnits {
			c.LeftOut = append(c.LeftOut, u.Name)
			continue
		}
		uc := UnitComparison{Unit: u}
		for _, p := range measured[u.Tidied] {
			if change, ok := compareCells(p, u, older, newer, &thresholds); ok {
				uc.Rows = append(uc.Rows, change)
			}
		}
		if len(uc.Rows) > 0 {
			uc.Geomean = geomean(uc.Rows)
			c.Units = append(c.Units, uc)
		}
	}
	c.Warnings = compareWarnings(older, newer, len(c.OnlyOld)+len(c.OnlyNew))
	return c
}

func compareCells(p pair, u Unit, older, newer *Set, t *benchmath.Thresholds) (Change, bool) {
	a := older.sample(p.older, u.Tidied, t)
	b := newer.sample(p.newer, u.Tidied, t)
	row := Change{Key: p.either().Key(), labels: p.either().labels, P: math.NaN()}
	if a != nil {
		sum := u.assumption.Summary(a, Confidence)
		row.Old, row.NOld = &sum, len(a.Values)
	}
	if b != nil {
		sum := u.assumption.Summary(b, Confidence)
		row.New, row.NNew = &sum, len(b.Values)
	}
	for _, sum := range []*benchmath.Summary{row.Old, row.New} {
		if sum != nil {
			row.warn(sum.Warnings)
		}
	}
	switch {
	case a == nil && b == nil:
		return row, false
	case b == nil:
		row.Verdict = OnlyInOld
		return row, true
	case a == nil:
		row.Verdict = OnlyInNew
		return row, true
	}
	cmp := u.assumption.Compare(a, b)
	row.P = cmp.P
	row.Delta = cmp.FormatDelta(row.Old.Center, row.New.Center)
	row.warn(cmp.Warnings)
	old, now := row.Old.Center, row.New.Center
	if u.Exact && old == now {
		// The commonest value is the same, as when one sample of ten has a violation:
		// the largest decides.
		old, now = row.Old.Hi, row.New.Hi
	}
	switch {
	case cmp.P > cmp.Alpha:
		row.Verdict = Unclear
	case old == now && !u.Exact:
		row.Verdict = Unclear
	case old == now:
		row.Verdict = Same
	case u.Better == 0:
		row.Verdict = Differs
	case (now > old) == (u.Better > 0):
		row.Verdict = Better
	default:
		row.Verdict = Worse
	}
	return row, true
}

func (r *Change) warn(errs []error) {
	for _, err := range errs {
		if !slices.Contains(r.Warnings, err.Error()) {
			r.Warnings = append(r.Warnings, err.Error())
		}
	}
}

// geomean follows benchstat: the mean of the ratios, and not the ratio of the
// means, so that rows of one set alone don't bend it.
func geomean(rows []Change) Geomean {
	var olds, news, ratios []float64
	var g Geomean
	nOld, pairs, undefined := 0, 0, false
	for _, r := range rows {
		if r.Old != nil {
			olds = append(olds, r.Old.Center)
			nOld++
		}
		if r.New != nil {
			news = append(news, r.New.Center)
		}
		if r.Old == nil || r.New == nil {
			continue
		}
		pairs++
		switch {
		case r.Old.Center == r.New.Center:
			ratios = append(ratios, 1) // also 0/0
		case r.Old.Center == 0:
			undefined = true
		default:
			ratios = append(ratios, r.New.Center/r.Old.Center)
		}
	}
	if pairs != nOld {
		g.Warnings = append(g.Warnings, "benchmark set differs from baseline; geomeans may not be comparable")
	}
	mean := func(xs []float64, what string) float64 {
		m := math.NaN()
		if len(xs) > 0 {
			m = stats.GeoMean(xs)
		}
		if math.IsNaN(m) {
			if w := what + " must be >0 to compute geomean"; !slices.Contains(g.Warnings, w) {
				g.Warnings = append(g.Warnings, w)
			}
		}
		return m
	}
	g.Old, g.New = mean(olds, "summaries"), mean(news, "summaries")
	g.Ratio = math.NaN()
	if !undefined {
		g.Ratio = mean(ratios, "ratios")
	}
	return g
}

// A pair is a cell of both sets; one of them may be nil.
type pair struct{ older, newer *Cell }

func (p pair) either() *Cell {
	if p.older != nil {
		return p.older
	}
	return p.newer
}

// units returns the units that a cell of the pair has, tidied.
func (p pair) units(older, newer *Set) []string {
	var names []string
	if p.older != nil {
		for _, m := range p.older.measures {
			names = append(names, older.Units[m.unit].Tidied)
		}
	}
	if p.newer == nil {
		return names
	}
	for _, m := range p.newer.measures {
		name := newer.Units[m.unit].Tidied
		id, ok := older.unitID[name]
		if p.older == nil || !ok || p.older.find(id, 0) < 0 {
			names = append(names, name)
		}
	}
	return names
}

// pairCells returns the cells of both sets in the order of their tables.
func pairCells(older, newer *Set) []pair {
	all := make(map[Key]int)
	var pairs []pair
	for _, c := range older.cells {
		all[c.Key()] = len(pairs)
		pairs = append(pairs, pair{older: c})
	}
	for _, c := range newer.cells {
		if i, ok := all[c.Key()]; ok {
			pairs[i].newer = c
		} else {
			pairs = append(pairs, pair{newer: c})
		}
	}
	places := [3]map[string]int{
		mergeLabels(older.layout.table, newer.layout.table, true),
		mergeLabels(older.layout.row, newer.layout.row, true),
		mergeLabels(older.layout.column, newer.layout.column, false),
	}
	slices.SortStableFunc(pairs, func(x, y pair) int {
		for i, a := range x.either().labels {
			if c := places[i][a.Text] - places[i][y.either().labels[i].Text]; c != 0 {
				return c
			}
		}
		return 0
	})
	return pairs
}

// mergeLabels returns the places of the labels of two axes: as people order them, or
// else those of the first axis and behind them what the second has besides.
func mergeLabels(a, b *axis, sorted bool) map[string]int {
	var all []string
	places := make(map[string]int)
	for _, l := range slices.Concat(a.List, b.List) {
		if _, ok := places[l.Text]; !ok {
			places[l.Text] = len(all)
			all = append(all, l.Text)
		}
	}
	if sorted && !a.ordered {
		slices.SortFunc(all, naturally)
		for i, text := range all {
			places[text] = i
		}
	}
	return places
}

// mergeUnits returns the units of both sets; what one leaves open, the other says.
func mergeUnits(a, b *Set) []Unit {
	units := slices.Clone(a.Units)
	for _, u := range b.Units {
		i, ok := a.unitID[u.Tidied]
		if !ok {
			units = append(units, u)
			continue
		}
		if u.Exact {
			units[i].Exact, units[i].assumption = true, u.assumption
		}
		if units[i].Better == 0 {
			units[i].Better = u.Better
		}
	}
	return units
}

func compareWarnings(older, newer *Set, lone int) []string {
	var ws []string
	for _, key := range []string{"cpu", "goos", "goarch", "cpus", "kernel"} {
		a, b := older.factValues(key), newer.factValues(key)
		if !slices.Equal(a, b) {
			ws = append(ws, fmt.Sprintf("the machines differ in %s: %s, then %s: the differences may be the machines'",
				key, orNone(a), orNone(b)))
		}
	}
	// Files of earlier versions don't say it.
	if a, b := older.factValues("cpu-order"), newer.factValues("cpu-order"); len(a) > 0 && len(b) > 0 && !slices.Equal(a, b) {
		ws = append(ws, fmt.Sprintf("the workers had other CPUs, in this order: %s, then %s: the differences may be those of the CPUs", orNone(a), orNone(b)))
	}
	ws = append(ws, contentsWarnings(older, newer)...)
	for _, side := range []struct {
		name string
		set  *Set
	}{{"old", older}, {"new", newer}} {
		for _, w := range side.set.Warnings {
			ws = append(ws, side.name+": "+w)
		}
		aside := 0
		for _, c := range side.set.cells {
			aside += len(c.SetAside)
		}
		if aside > 0 {
			ws = append(ws, fmt.Sprintf("%s: %s set aside: the CPUs were shared with something else", side.name, plural(aside, "sample")))
		}
		if n := side.set.ProblemCount; n > 0 {
			ws = append(ws, fmt.Sprintf("%s: %s in the files, the first: %s", side.name, plural(n, "problem"), side.set.Problems[0]))
		}
	}
	if lone > 0 {
		ws = append(ws, plural(lone, "cell")+" in one of the sets only: see the end")
	}
	return ws
}

func (s *Set) factValues(key string) []string {
	for _, f := range s.Facts {
		if f.Key == key {
			return slices.Sorted(slices.Values(f.Values))
		}
	}
	return nil
}

// contentsWarnings says of which workloads the two sets read different contents.
func contentsWarnings(older, newer *Set) []string {
	var ws []string
	names := slices.Concat(slices.Collect(maps.Keys(older.contents)), slices.Collect(maps.Keys(newer.contents)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		a, b := older.contents[name], newer.contents[name]
		if slices.Equal(a, b) || !older.ran(name) || !newer.ran(name) {
			continue
		}
		who := "workload " + name
		if name == "" {
			who = "workloads"
		}
		ws = append(ws, fmt.Sprintf("the files that %s read differ: %s, then %s: so may what reading them takes", who, orBuiltin(a), orBuiltin(b)))
	}
	return ws
}

// ran reports whether a set may have a cell of a workload.
func (s *Set) ran(workload string) bool { return s.has("/workload", workload) }

// has reports whether a set may have a cell with the value of a key: a layout may not say,
// and neither may a file, which gives "".
func (s *Set) has(key, value string) bool {
	known := false
	for _, a := range []*axis{s.layout.table, s.layout.row, s.layout.column} {
		for _, f := range a.projection.FlattenedFields() {
			if f.Name != key {
				continue
			}
			known = true
			if slices.ContainsFunc(a.List, func(l *Label) bool { return l.key.Get(f) == value }) {
				return true
			}
		}
	}
	return !known || value == ""
}

// LeaveAsked leaves of the pairs that can't run, which a file has of all strategies and
// workloads that there are, those of which both were measured in another pair: the others
// nobody asked for.
func (s *Set) LeaveAsked() {
	s.Unsupported = slices.DeleteFunc(s.Unsupported, func(u Unsupported) bool {
		return !s.has("/strategy", u.Strategy) || !s.has("/workload", u.Workload)
	})
}

func orBuiltin(values []string) string {
	if len(values) == 0 {
		return "built-in ones"
	}
	return orNone(values)
}

func orNone(values []string) string {
	if len(values) == 0 {
		return "not said"
	}
	return strings.Join(values, " / ")
}

// CheckAlpha returns an error if a level of significance can't be used.
func CheckAlpha(alpha float64) error {
	if !(alpha > 0 && alpha <= 1) {
		return errors.New("alpha must be above 0 and at most 1")
	}
	return nil
}

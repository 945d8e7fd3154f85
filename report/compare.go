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

	"github.com/refbench/refbench/report/family"
)

// CompareOptions are the settings of [Compare]. The zero value is benchstat's
// defaults.
type CompareOptions struct {
	// Alpha is the level of significance: a difference counts if its corrected p is at
	// most Alpha. 0 is benchstat's default, 0.05.
	Alpha float64
	// MinEffect is the least difference that is called better or worse, as a share of
	// the smaller value: 0.02 is 2 %. Exact units have none.
	MinEffect float64
	// AllUnits compares also the units that say how a sample was measured and not
	// what was found, as overlap-% and shared.
	AllUnits bool
}

// A Comparison is what changed from one set to another.
type Comparison struct {
	Old, New   *Set // read with the same layout
	Alpha      float64
	MinEffect  float64
	Tests      int // rows that the U-test judged: p-values are corrected for so many
	Units      []UnitComparison
	OnlyOld    []*Cell
	OnlyNew    []*Cell
	LeftOut    []string // units that weren't compared
	Warnings   []string
	Violations float64 // in the new set
	Gates      []GateResult

	common int // cells that are in both sets
	usable int // of these, with usable samples in both
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
	P        float64 // as benchstat has it: of this row alone; 0 for exact units
	Delta    string  // likewise: "-3.10%", "~", "?"; "" if a side is missing
	// Corrected is P corrected for all rows that were judged (Holm): the verdict goes
	// by it.
	Corrected float64
	Verdict   Verdict
	Warnings  []string

	labels [3]*Label
	tested bool // by a U-test that could say something
	lone   bool // the cell is in one of the sets only
}

// A Verdict is the answer of a change.
type Verdict string

// The verdicts.
const (
	Better    Verdict = "better"
	Worse     Verdict = "worse"
	Differs   Verdict = "differs" // and the unit doesn't say what is better
	Same      Verdict = "same"    // exact and equal
	Small     Verdict = "below the minimum effect"
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
// It differs from benchstat in three things: samples that were measured while the
// CPUs were shared are excluded, p-values are corrected for all rows of the comparison,
// and differences below the minimum effect aren't called any.
func Compare(older, newer *Set, opts CompareOptions) *Comparison {
	thresholds := benchmath.DefaultThresholds
	if opts.Alpha != 0 {
		thresholds.CompareAlpha = opts.Alpha
	}
	c := &Comparison{Old: older, New: newer, Alpha: thresholds.CompareAlpha, MinEffect: opts.MinEffect, Violations: newer.Violations()}
	pairs := pairCells(older, newer)
	for _, p := range pairs {
		switch {
		case p.newer == nil:
			c.OnlyOld = append(c.OnlyOld, p.older)
		case p.older == nil:
			c.OnlyNew = append(c.OnlyNew, p.newer)
		default:
			if c.common++; p.older.usable() && p.newer.usable() {
				c.usable++
			}
		}
	}
	measured := make(map[string][]pair) // by unit
	for _, p := range pairs {
		for _, name := range p.units(older, newer) {
			measured[name] = append(measured[name], p)
		}
	}
	for _, u := range mergeUnits(older, newer) {
		if !opts.AllUnits && (witness(u.Tidied) || u.Tidied == unitThroughput && older.timed() && newer.timed()) {
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
	blind := c.judge()
	c.Warnings = compareWarnings(older, newer, len(c.OnlyOld)+len(c.OnlyNew))
	if blind {
		c.Warnings = append(c.Warnings, fmt.Sprintf("with so few samples no difference can count among %s: measure more rounds, or choose rows with --filter", plural(c.Tests, "row")))
	}
	return c
}

// timed reports whether a set has times, of which throughput is the inverse.
func (s *Set) timed() bool { _, ok := s.unitID[unitTime]; return ok }

// usable reports whether not all samples of a cell were excluded.
func (c *Cell) usable() bool { return c.Samples > 0 || len(c.Excluded) == 0 }

// judge corrects the p-values for all rows that the U-test judged and gives every row its
// verdict. Blind is true if these rows have so few samples that none could have counted.
func (c *Comparison) judge() (blind bool) {
	var tested []*Change
	var ps []float64
	for _, u := range c.Units {
		for i := range u.Rows {
			if r := &u.Rows[i]; r.tested {
				tested, ps = append(tested, r), append(ps, r.P)
			}
		}
	}
	c.Tests, blind = len(tested), len(tested) > 0
	for i, p := range family.Holm(ps, len(ps)) {
		tested[i].Corrected = p
		blind = blind && leastP(tested[i].NOld, tested[i].NNew)*float64(c.Tests) > c.Alpha
	}
	for _, u := range c.Units {
		for i := range u.Rows {
			u.Rows[i].judge(u.Unit, c.Alpha, c.MinEffect)
		}
	}
	return blind
}

// Nothing says why nothing could be compared, or "" if something was.
func (c *Comparison) Nothing() string {
	switch {
	case c.common == 0:
		return "no cell is in both files"
	case c.usable == 0:
		return fmt.Sprintf("of %s in both files none has a usable sample in both: the CPUs were shared with something else", plural(c.common, "cell"))
	}
	if slices.ContainsFunc(c.Units, UnitComparison.compared) {
		return ""
	}
	return fmt.Sprintf("%s in both files, but no unit that can be compared in both", plural(c.common, "cell"))
}

func compareCells(p pair, u Unit, older, newer *Set, t *benchmath.Thresholds) (Change, bool) {
	a := older.sample(p.older, u.Tidied, t)
	b := newer.sample(p.newer, u.Tidied, t)
	row := Change{Key: p.either().Key(), labels: p.either().labels, P: math.NaN(), Corrected: math.NaN(), lone: p.older == nil || p.newer == nil}
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
	if a == nil || b == nil {
		return row, a != nil || b != nil
	}
	cmp := u.assumption.Compare(a, b)
	row.P, row.Corrected = cmp.P, cmp.P
	row.Delta = cmp.FormatDelta(row.Old.Center, row.New.Center)
	row.warn(cmp.Warnings)
	// If all samples are the same there is nothing to test.
	row.tested = !u.Exact && (a.Values[0] != a.Values[len(a.Values)-1] || b.Values[0] != b.Values[len(b.Values)-1] || a.Values[0] != b.Values[0])
	return row, true
}

// judge gives the row its verdict.
func (row *Change) judge(u Unit, alpha, minEffect float64) {
	switch {
	case row.New == nil:
		row.Verdict = OnlyInOld
		return
	case row.Old == nil:
		row.Verdict = OnlyInNew
		return
	}
	old, now := row.deciding(u.Exact)
	switch {
	case row.Corrected > alpha:
		row.Verdict = Unclear
	case old == now && !u.Exact:
		row.Verdict = Unclear
	case !u.Exact && max(old, now) < (1+minEffect)*min(old, now):
		row.Verdict = Small
	case old == now:
		row.Verdict = Same
	case u.Better == 0:
		row.Verdict = Differs
	case (now > old) == (u.Better > 0):
		row.Verdict = Better
	default:
		row.Verdict = Worse
	}
}

// deciding returns the values by which a row with both sides is judged: the medians. If the
// commonest value of an exact unit is the same, as when one sample of ten has a violation,
// the largest decides.
func (r *Change) deciding(exact bool) (old, now float64) {
	if exact && r.Old.Center == r.New.Center {
		return r.Old.Hi, r.New.Hi
	}
	return r.Old.Center, r.New.Center
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
			aside += len(c.Excluded)
		}
		if aside > 0 {
			ws = append(ws, fmt.Sprintf("%s: %s excluded: the CPUs were shared with something else", side.name, plural(aside, "sample")))
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

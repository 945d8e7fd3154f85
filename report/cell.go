package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

// A Cell is one column of one row of one table: by default, one strategy under one
// workload on one number of CPUs.
type Cell struct {
	Row        *Row
	Date       *Date     // on which it was measured
	Samples    int       // timed and used
	Excluded   []float64 // seconds per operation of the samples measured while the CPUs were shared
	Shared     int       // of the samples used, those measured while the CPUs were shared: see [Options]
	Checked    float64   // operations that an oracle judged
	Violations float64   // in the operations checked
	Kinds      []KindCount
	Warnings   []string

	general  []string  // of each of Warnings: what it says without its numbers, so that cells are named together
	labels   [3]*Label // of table, row and column
	measures []measure
	byUnit   map[int]int // index in measures, once there are many
	rests    []remainder // of the lines, each that differs from the line before

	// P-values against the table's first column and against the fastest of the row,
	// corrected as [Ranking] says; NaN if there is nothing to compare.
	toFirst, toFastest float64
}

// A measure is what the lines of a cell say in one unit.
type measure struct {
	unit    int       // index in the set's units
	values  []float64 // ascending once summarised
	aside   []float64 // of the samples excluded
	sum     float64   // of all lines: what was excluded for time is in
	line    int       // the latest that has the unit
	summary *benchmath.Summary
}

// A KindCount is how often one kind of violation was seen.
type KindCount struct {
	Kind  string
	Count float64
}

// A Key names a cell by the texts of its labels.
type Key struct{ Table, Row, Column string }

func (k Key) String() string { return fmt.Sprintf("%s, %s, %s", k.Table, k.Row, k.Column) }

// Key returns the name of a cell.
func (c *Cell) Key() Key { return Key{c.labels[0].Text, c.labels[1].Text, c.labels[2].Text} }

// Column returns the label of the column that a cell stands in.
func (c *Cell) Column() *Label { return c.labels[2] }

// manyUnits is the number of units from which a map finds one faster than a look at
// each.
const manyUnits = 32

// measure returns the cell's measure of a unit, a new one if need be. Hint is where
// it stands in most lines.
func (c *Cell) measure(unit, hint int) *measure {
	if i := c.find(unit, hint); i >= 0 {
		return &c.measures[i]
	}
	c.measures = append(c.measures, measure{unit: unit})
	n := len(c.measures)
	if n >= manyUnits {
		if c.byUnit == nil {
			c.byUnit = make(map[int]int)
			for i, m := range c.measures {
				c.byUnit[m.unit] = i
			}
		}
		c.byUnit[unit] = n - 1
	}
	return &c.measures[n-1]
}

// find returns the index of the measure of a unit, or -1.
func (c *Cell) find(unit, hint int) int {
	if hint < len(c.measures) && c.measures[hint].unit == unit {
		return hint
	}
	if c.byUnit != nil {
		if i, ok := c.byUnit[unit]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(c.measures, func(m measure) bool { return m.unit == unit })
}

// measure returns what a cell has of a unit; without values if it has none or is nil.
func (s *Set) measure(c *Cell, tidied string) measure {
	if id, ok := s.unitID[tidied]; ok && c != nil {
		if i := c.find(id, 0); i >= 0 {
			return c.measures[i]
		}
	}
	return measure{}
}

// Time returns the summary of the seconds per operation, or nil.
func (s *Set) Time(c *Cell) *benchmath.Summary { return s.summary(c, unitTime) }

// Throughput returns the summary of the operations per second, or nil. Lines of
// "go test -bench" have times only: then it is their inverse.
func (s *Set) Throughput(c *Cell) *benchmath.Summary {
	if o := s.summary(c, unitThroughput); o != nil {
		return o
	}
	t := s.Time(c)
	if t == nil || t.Center <= 0 {
		return nil
	}
	o := &benchmath.Summary{Center: 1 / t.Center, Lo: 1 / t.Hi, Hi: math.Inf(1), Confidence: t.Confidence}
	if t.Lo > 0 {
		o.Hi = 1 / t.Lo
	}
	if math.IsInf(t.Hi, 1) {
		o.Lo = math.Inf(-1)
	}
	return o
}

func (s *Set) summary(c *Cell, tidied string) *benchmath.Summary { return s.measure(c, tidied).summary }

// sample returns the values of a unit, or nil if the cell has none.
func (s *Set) sample(c *Cell, tidied string, t *benchmath.Thresholds) *benchmath.Sample {
	if m := s.measure(c, tidied); len(m.values) > 0 {
		return &benchmath.Sample{Values: m.values, Thresholds: t}
	}
	return nil
}

// judge adds up what the oracles saw.
func (s *Set) judge(c *Cell) {
	var kinds float64
	for _, m := range c.measures {
		u := s.Units[m.unit]
		switch {
		case u.Tidied == unitViolations:
			c.Violations = m.sum
		case u.Kind && m.sum > 0:
			c.Kinds = append(c.Kinds, KindCount{u.Name, m.sum})
			kinds += m.sum
		}
	}
	c.Violations = max(c.Violations, kinds)
}

// warn notes a warning, and what it says without its numbers if it has some.
func (c *Cell) warn(general, text string) {
	c.Warnings, c.general = append(c.Warnings, text), append(c.general, cmp.Or(general, text))
}

// warn notes what limits what a cell's numbers are worth.
func (s *Set) warn(c *Cell) {
	if n := len(c.Excluded); n > 0 {
		c.warn("samples are excluded: the CPUs were shared with something else", fmt.Sprintf("%s excluded: the CPUs were shared with something else (%s to %s)",
			plural(n, "sample"), duration(slices.Min(c.Excluded)), duration(slices.Max(c.Excluded))))
	}
	if c.Shared > 0 {
		c.warn("samples were measured while the CPUs were SHARED with something else: not ranked",
			fmt.Sprintf("%d of %s measured while the CPUs were SHARED with something else: not ranked", c.Shared, plural(c.Samples, "sample")))
	}
	if c.Generic() {
		c.warn("", "the count is called through an interface, which takes time too: not compared with native loops")
	}
	t := s.Time(c)
	if t == nil {
		return
	}
	for _, w := range t.Warnings {
		c.warn("", w.Error())
	}
	if m := modes(s.measure(c, unitTime).values); m != "" {
		c.warn("samples fall in two modes", m)
	}
	if p := s.summary(c, unitParallel); p != nil && p.Center < 0.9 {
		c.warn("the workers weren't all running: each had less than 90 % of a CPU", fmt.Sprintf("the workers weren't all running: each had %.0f %% of a CPU", 100*p.Center))
	}
	if o := s.summary(c, unitOverlap); o != nil && o.Center < 80 {
		c.warn("less than 80 % of the timed part had all workers in it", fmt.Sprintf("only %.0f %% of the timed part had all workers in it", o.Center))
	}
}

// modes reports in words if sorted times fall in two groups with nothing between.
// The median of such a sample is in neither group or flips between them, so both
// are shown.
func modes(times []float64) string {
	n := len(times)
	least := max(3, n/5) // members of the smaller group
	split := 0
	for i := least; i <= n-least; i++ {
		if split == 0 || times[i]-times[i-1] > times[split]-times[split-1] {
			split = i
		}
	}
	if split == 0 {
		return ""
	}
	gap := times[split] - times[split-1]
	spread := max(times[split-1]-times[0], times[n-1]-times[split])
	if gap < 2*spread || gap < times[split-1]/10 {
		return ""
	}
	mid := func(part []float64) string { return duration(part[len(part)/2]) }
	return fmt.Sprintf("two modes: %d samples near %s, %d near %s", split, mid(times[:split]), n-split, mid(times[split:]))
}

// unitValue formats a value of a tidied unit for people.
func unitValue(tidied string, v float64) string {
	switch tidied {
	case unitTime:
		return duration(v)
	case unitThroughput:
		return rate(v)
	}
	if v == 0 {
		return "0"
	}
	if n := fmt.Sprint(v); len(n) <= 6 {
		return n
	}
	return benchunit.Scale(v, benchunit.ClassOf(tidied))
}

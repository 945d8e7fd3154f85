package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchproc"
)

// Units of result lines, tidied: benchfmt reads "ns/op" as "sec/op".
const (
	unitTime       = "sec/op"     // wall time of the timed part / operations of all workers
	unitThroughput = "ops/s"      // operations of all workers / wall time
	unitViolations = "violations" // broken rules that the oracles saw
	unitChecked    = "ops-checked"
	unitShared     = "shared"
	unitJain       = "jain"
	unitParallel   = "parallel"
	unitOverlap    = "overlap-%"
	unitLives      = "lives"    // objects that were initialized
	unitReleased   = "released" // drops that were the last
	unitRound      = "round"
	unitLatencies  = "latencies" // single operations that were timed
	unitCounted    = "counted-%" // of the time in which hardware counters ran
)

// kindKey is the metadata of a unit that says what the unit is a part of: a kind of
// violation has "Unit leak of=violations".
const kindKey = "of"

// Confidence is the level of all intervals.
const Confidence = 0.95

// A Set is what a group of result files says.
type Set struct {
	Paths         []string
	ExcludedPaths []string // of samples excluded, read besides
	Lines         int      // result lines used
	Filtered      int      // result lines that the filter left out
	Facts         []Fact
	Promises      []Promise
	Unsupported   []Unsupported
	Problems      []Problem // the first ones; ProblemCount counts all
	ProblemCount  int
	Warnings      []string // about the set as a whole

	Units   []Unit
	Tables  []*Table // in order
	Columns []*Label // of all tables, in order

	// Machines are those that the results are of: each has tables of its own. There are none
	// if an axis tells them apart.
	Machines []*Machine

	// History is how cells went over the dates on which they were measured, for those that
	// were on several. The tables have the latest date of each.
	History []*History

	layout     *layout
	dates      []*Date             // all, in order
	earlier    []*Cell             // of dates that aren't the latest of their table, in order
	controls   []*Cell             // twins of cells, in no order
	cells      []*Cell             // by table, row and column
	unitID     map[string]int      // index in Units
	plotted    int                 // how many tables get plots at most
	scaling    func() scaling      // fits once
	contents   map[string][]string // what workloads read, by their names; "" if the file doesn't say which
	conditions []Condition         // see Had
	runs       []Run               // see Ran
}

// A Table is what stands together: by default, one workload with its settings.
type Table struct {
	*Label
	Columns []*Label // that have a cell in it, in order
	Rows    []*Row
}

// A Row is one line of a table: by default, one number of CPUs.
type Row struct {
	*Label
	Table *Table
	Cells []*Cell // that there are, in the order of the columns

	ranking Ranking
}

// A Unit is a unit of measure with what its Unit line says.
type Unit struct {
	Name   string // as written: "ns/op"
	Tidied string // as benchfmt has it: "sec/op"
	Better int    // -1 lower, +1 higher, 0 not said
	Exact  bool   // the value has no distribution
	Kind   bool   // counts one kind of violation: its Unit line says of=violations

	assumption benchmath.Assumption
}

// Cells returns all cells by table, row and column.
func (s *Set) Cells() []*Cell { return s.cells }

func (s *Set) setUnits(tidied []string, meta benchfmt.UnitMetadataMap) {
	s.unitID = make(map[string]int)
	for i, name := range tidied {
		u := Unit{
			Name:       clean(name),
			Tidied:     name,
			Better:     meta.GetBetter(name),
			assumption: meta.GetAssumption(name),
		}
		if name == unitTime {
			u.Name = "ns/op"
		}
		u.Exact = u.assumption == benchmath.AssumeExact
		s.unitID[name] = i
		s.Units = append(s.Units, u)
	}
	for i := range s.Units {
		u := &s.Units[i]
		// Nothing else says it: what is exact and better low may be anything, as
		// "allocs/op" or "retries".
		of := meta.Get(u.Tidied, kindKey)
		u.Kind = of != nil && of.Value == unitViolations && u.Tidied != unitViolations
	}
}

// witness reports whether a unit says how a sample was measured, or how much was done in
// it, and not what was found.
func witness(tidied string) bool {
	switch tidied {
	case unitChecked, unitShared, unitParallel, unitOverlap, unitRound, unitLives, unitReleased, unitLatencies, unitCounted:
		return true
	}
	return false
}

// setOrder sorts the cells into tables and rows.
func (s *Set) setOrder(cells map[[3]*Label]*Cell) {
	l := s.layout
	l.nameMachines()
	for _, a := range []*axis{l.table, l.row, l.column} {
		a.sort(s.Promises)
	}
	s.Columns = l.column.List
	s.Machines = l.machines
	s.cells = slices.SortedFunc(maps.Values(cells), func(a, b *Cell) int {
		return cmp.Or(a.labels[0].place-b.labels[0].place, a.labels[1].place-b.labels[1].place, a.labels[2].place-b.labels[2].place)
	})
	var table *Table
	var row *Row
	for _, c := range s.cells {
		if table == nil || table.Label != c.labels[0] {
			table, row = &Table{Label: c.labels[0]}, nil
			s.Tables = append(s.Tables, table)
		}
		if row == nil || row.Label != c.labels[1] {
			row = &Row{Label: c.labels[1], Table: table}
			table.Rows = append(table.Rows, row)
		}
		row.Cells = append(row.Cells, c)
		c.Row = row
	}
	for _, t := range s.Tables {
		seen := make(map[*Label]bool)
		for _, r := range t.Rows {
			for _, c := range r.Cells {
				if !seen[c.Column()] {
					seen[c.Column()] = true
					t.Columns = append(t.Columns, c.Column())
				}
			}
		}
		slices.SortFunc(t.Columns, func(a, b *Label) int { return a.place - b.place })
	}
}

func (s *Set) summarize() {
	mixed := make(map[string]bool)
	shared := 0
	for _, c := range s.cells {
		s.summarizeCell(c)
		shared += c.Shared
		s.warn(c)
		for _, name := range c.varying() {
			mixed[name] = true
			c.warn("", "samples vary in "+name+": they were measured under different conditions and shouldn't be averaged")
		}
		c.rests = nil
	}
	for _, t := range s.Tables {
		for _, r := range t.Rows {
			s.rank(r)
		}
	}
	if shared > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s are averaged in though the CPUs were SHARED with something else: the times of their cells say how busy the machine was, and aren't ranked", plural(shared, "sample")))
	}
	for _, name := range slices.Sorted(maps.Keys(mixed)) {
		s.Warnings = append(s.Warnings, fmt.Sprintf("the files mix results that vary in %s: read them one by one, or choose with a filter", name))
	}
	for _, p := range s.Promises {
		if len(p.Others) > 0 {
			s.Warnings = append(s.Warnings, "strategy "+p.Strategy+" has different promises in these files: its results are of different versions")
		}
	}
}

// summarizeCell sums up the samples of a cell in each unit, and what oracles saw in them.
func (s *Set) summarizeCell(c *Cell) {
	for i := range c.measures {
		m := &c.measures[i]
		u := s.Units[m.unit]
		// A disturbed sample has a wrong time, but what was counted in it stays
		// counted: above all, violations.
		if u.Exact {
			m.values = append(m.values, m.aside...)
		}
		if len(m.values) > 0 {
			sum := u.assumption.Summary(benchmath.NewSample(m.values, &benchmath.DefaultThresholds), Confidence)
			m.summary = &sum
		}
	}
	s.judge(c)
}

// varying names what differs between lines of a cell and tells runs apart.
func (c *Cell) varying() []string {
	if len(c.rests) < 2 {
		return nil
	}
	var names []string
	for _, of := range []func(remainder) benchproc.Key{
		func(r remainder) benchproc.Key { return r.threads },
		func(r remainder) benchproc.Key { return r.residue },
	} {
		keys := make([]benchproc.Key, 0, len(c.rests))
		for _, r := range c.rests {
			keys = append(keys, of(r))
		}
		for _, f := range benchproc.NonSingularFields(keys) {
			switch {
			case f.Name == "/gomaxprocs":
				names = append(names, "GOMAXPROCS")
			case f.Name == ".fullname":
				names = append(names, "their names")
			case identifies(f.Name):
				names = append(names, clean(f.Name))
			}
		}
	}
	return slices.Sorted(slices.Values(names))
}

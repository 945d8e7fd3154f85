package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"
)

// A Finding is something that the cells show, in words.
type Finding struct {
	Workload string // "" for a finding about all
	Text     string
	Bad      bool // a violation
}

// Findings says what was found: first about correctness, then what was fastest
// under each workload.
func (s *Set) Findings() []Finding {
	var fs []Finding
	fs = append(fs, s.correctness()...)
	for _, w := range s.Workloads {
		for _, text := range s.fastest(w) {
			fs = append(fs, Finding{Workload: w, Text: text})
		}
	}
	return fs
}

// Violations returns how many violations all cells have.
func (s *Set) Violations() float64 {
	var n float64
	for _, c := range s.cells {
		n += c.Violations
	}
	return n
}

// maxBad bounds the violations that are listed one by one.
const maxBad = 20

func (s *Set) correctness() []Finding {
	var fs []Finding
	var clear []string
	var checked float64
	bad, cells := 0, s.Cells()
	for _, name := range s.Strategies {
		var n, violations float64
		for _, c := range cells {
			if c.Strategy != name {
				continue
			}
			n += c.Checked
			violations += c.Violations
			if c.Violations > 0 {
				if bad++; bad <= maxBad {
					fs = append(fs, Finding{Text: "violations: " + c.Key.String() + ": " + c.Correctness(), Bad: true})
				}
			}
		}
		if violations == 0 && n > 0 {
			clear = append(clear, name)
			checked = max(checked, n)
		}
	}
	if bad > maxBad {
		fs = append(fs, Finding{Text: fmt.Sprintf("violations in %d more cells: see the tables", bad-maxBad), Bad: true})
	}
	for _, name := range clear {
		var n float64
		for _, c := range cells {
			if c.Strategy == name {
				n += c.Checked
			}
		}
		fs = append(fs, Finding{Text: fmt.Sprintf("no violation by %s in %s checked operations: fewer than %s, with 95 %% confidence",
			name, quantity(n), bound(upperBound(n)))})
	}
	if len(clear) == 0 && bad == 0 {
		fs = append(fs, Finding{Text: "correctness: nothing was checked in these files"})
	}
	return fs
}

// Correctness says what the oracles saw of a cell: how many violations, or the
// bound that seeing none in so many operations gives.
func (c *Cell) Correctness() string {
	switch {
	case c.Violations > 0:
		text := quantity(c.Violations) + " VIOLATIONS in " + quantity(c.Checked)
		if c.Violations == 1 {
			text = "1 VIOLATION in " + quantity(c.Checked)
		}
		var kinds []string
		for _, k := range c.Kinds {
			kinds = append(kinds, k.Kind+" "+quantity(k.Count))
		}
		if len(kinds) > 0 {
			text += " (" + strings.Join(kinds, ", ") + ")"
		}
		return text
	case c.Checked == 0:
		return "not checked"
	}
	return fmt.Sprintf("0 in %s, < %s", quantity(c.Checked), bound(upperBound(c.Checked)))
}

// A Ranking is the order of the strategies in one row.
type Ranking struct {
	Leaders []string // the fastest, and those whose intervals overlap its own
	Next    string   // the fastest of the others, "" if there is none
	Ratio   float64  // how many times as fast the fastest is as Next, median by median
	TooFew  bool     // the fastest has too few samples for an interval
}

// Rank ranks the strategies of a row by their times. Strategies with violations
// and those without usable samples aren't in it.
func (s *Set) Rank(workload string, cpus int) Ranking {
	type entry struct {
		name string
		t    *benchmath.Summary
	}
	var es []entry
	for _, name := range s.Strategies {
		c := s.cells[Key{workload, cpus, name}]
		if t := s.Time(c); t != nil && t.Center > 0 && c.Violations == 0 {
			es = append(es, entry{name, t})
		}
	}
	slices.SortStableFunc(es, func(a, b entry) int { return compareFloat(a.t.Center, b.t.Center) })
	var r Ranking
	for _, e := range es {
		best := es[0]
		if e == best || e.t.Lo <= best.t.Hi {
			r.Leaders = append(r.Leaders, e.name)
			continue
		}
		// No break: one that is slower by its median may have the wider interval.
		if r.Next == "" {
			r.Next, r.Ratio = e.name, e.t.Center/best.t.Center
		}
	}
	if len(es) > 0 {
		r.TooFew = math.IsInf(es[0].t.Hi, 0)
	}
	return r
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// fastest says what was fastest under a workload, one sentence for each run of
// CPU counts with the same answer.
func (s *Set) fastest(workload string) []string {
	type span struct {
		from, to    int
		first, last Ranking
		best        *benchmath.Summary // of the leader at from
	}
	var spans []span
	for _, n := range s.cpus[workload] {
		r := s.Rank(workload, n)
		if k := len(spans) - 1; k >= 0 && sameAnswer(spans[k].first, r) {
			spans[k].to, spans[k].last = n, r
			continue
		}
		sp := span{from: n, to: n, first: r, last: r}
		if len(r.Leaders) > 0 {
			sp.best = s.Time(s.cells[Key{workload, n, r.Leaders[0]}])
		}
		spans = append(spans, sp)
	}
	var out []string
	for _, sp := range spans {
		at := "at " + plural(sp.from, "CPU")
		if sp.to != sp.from {
			at = fmt.Sprintf("from %d to %s", sp.from, plural(sp.to, "CPU"))
		}
		r := sp.first
		var text string
		switch {
		case len(r.Leaders) == 0:
			text = "nothing to rank: no strategy has both usable samples and no violations"
		case len(r.Leaders) == 1 && r.Next == "":
			text = "only " + r.Leaders[0] + " can be ranked"
		case r.TooFew:
			text = "too few samples to say which is fastest"
		case len(r.Leaders) > 1:
			text = "no measurable difference between " + list(r.Leaders) + " (their intervals overlap)"
			if r.Next != "" {
				text += ", which are ahead of the rest"
			}
		default:
			text = r.Leaders[0] + " is the fastest"
			if sp.from == sp.to {
				text += fmt.Sprintf(": %s per operation, %s as fast as %s, the next", duration(sp.best.Center), times(r.Ratio), r.Next)
			} else {
				text += fmt.Sprintf(": %s as fast as the next at %d, %s at %d", times(r.Ratio), sp.from, times(sp.last.Ratio), sp.to)
			}
		}
		out = append(out, at+", "+text)
	}
	return out
}

// sameAnswer reports whether two rows of different CPU counts are said in one
// sentence.
func sameAnswer(a, b Ranking) bool {
	return a.TooFew == b.TooFew && slices.Equal(a.Leaders, b.Leaders) && (a.Next == "") == (b.Next == "")
}

// Ratio compares a cell with the row's first strategy by throughput: 2 means twice
// as fast. Differs is false if the times can't be told apart. OK is false if there
// is nothing to compare: a cell is missing or has violations.
func (s *Set) Ratio(c *Cell) (ratio float64, differs, ok bool) {
	row := s.StrategiesOf(c.Workload)
	base := s.cells[Key{c.Workload, c.CPUs, row[0]}]
	if base == nil || base == c || base.Violations > 0 || c.Violations > 0 {
		return 0, false, false
	}
	a := s.sample(base, unitTime, &benchmath.DefaultThresholds)
	b := s.sample(c, unitTime, &benchmath.DefaultThresholds)
	if a == nil || b == nil || s.Time(c).Center == 0 {
		return 0, false, false
	}
	cmp := benchmath.AssumeNothing.Compare(a, b)
	return s.Time(base).Center / s.Time(c).Center, cmp.P <= cmp.Alpha, true
}

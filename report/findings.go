package report

import (
	"fmt"
	"slices"
	"strings"
)

// A Finding is something that the cells show, in words.
type Finding struct {
	Table *Table // nil for a finding about all
	Text  string
	Bad   bool // a violation
}

// Findings says what was found: first about correctness, then what was fastest
// in each table.
func (s *Set) Findings() []Finding {
	fs := s.correctness()
	for _, t := range s.Tables {
		for _, text := range s.fastest(t) {
			fs = append(fs, Finding{Table: t, Text: text})
		}
	}
	return fs
}

// Violations returns how many violations all cells have, on whatever date.
func (s *Set) Violations() float64 {
	n := violationsOf(s.cells)
	return n + violationsOf(s.earlier)
}

func violationsOf(cells []*Cell) (n float64) {
	for _, c := range cells {
		n += c.Violations
	}
	return n
}

// maxBad bounds the violations that are listed one by one.
const maxBad = 20

func (s *Set) correctness() []Finding {
	var fs []Finding
	var bad []*Cell
	checked, violations := make([]float64, len(s.Columns)), make([]float64, len(s.Columns))
	for _, c := range s.cells {
		checked[c.Column().place] += c.Checked
		violations[c.Column().place] += c.Violations
		if c.Violations > 0 {
			bad = append(bad, c)
		}
	}
	slices.SortStableFunc(bad, func(a, b *Cell) int { return a.Column().place - b.Column().place })
	for _, c := range bad[:min(len(bad), maxBad)] {
		fs = append(fs, Finding{Text: "violations: " + c.Key().String() + ": " + c.Correctness(), Bad: true})
	}
	if n := len(bad) - maxBad; n > 0 {
		fs = append(fs, Finding{Text: fmt.Sprintf("violations in %d more cells: see the tables", n), Bad: true})
	}
	for i, column := range s.Columns {
		if n := checked[i]; violations[i] == 0 && n > 0 {
			fs = append(fs, Finding{Text: fmt.Sprintf("no violation by %s in %s checked operations: fewer than %s, with 95 %% confidence if operations are independent",
				column.Text, quantity(n), bound(upperBound(n)))})
		}
	}
	if len(fs) == 0 {
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
	case c.baseline():
		return "baseline: no count"
	case c.Checked == 0:
		return "not checked"
	}
	return fmt.Sprintf("0 in %s, < %s", quantity(c.Checked), bound(upperBound(c.Checked)))
}

// names returns the leaders' columns in words.
func (r Ranking) names() []string {
	var names []string
	for _, c := range r.Leaders[:min(len(r.Leaders), maxNamed)] {
		names = append(names, c.Column().Text)
	}
	if n := len(r.Leaders) - maxNamed; n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return names
}

// maxNamed bounds the columns that one sentence names.
const maxNamed = 40

// A span is a run of rows with the same answer to what is fastest.
type span struct {
	from, to    *Row
	first, last Ranking
}

// fastest says what was fastest in a table, one sentence for each run of rows with
// the same answer.
func (s *Set) fastest(t *Table) []string {
	var spans []span
	for _, row := range t.Rows {
		r := s.Rank(row)
		if k := len(spans) - 1; k >= 0 && sameAnswer(spans[k].first, r) {
			spans[k].to, spans[k].last = row, r
			continue
		}
		spans = append(spans, span{row, row, r, r})
	}
	var out []string
	for _, sp := range spans {
		at := "at " + sp.from.Text
		if sp.to != sp.from {
			at = "from " + sp.from.Short + " to " + sp.to.Text
		}
		out = append(out, at+", "+s.answer(sp))
	}
	return out
}

// answer says what is fastest in some rows.
func (s *Set) answer(sp span) string {
	r := sp.first
	switch {
	case len(r.Leaders) == 0:
		return "nothing to rank: no strategy has both usable samples and no violations"
	case len(r.Leaders) == 1 && r.Next == nil:
		return "only " + r.Leaders[0].Column().Text + " can be ranked"
	case r.TooFew:
		return "too few samples to say which is fastest"
	case len(r.Leaders) > 1:
		text := "no measurable difference between " + list(r.names())
		if r.Next != nil {
			text += ", which are ahead of the rest"
		}
		return text
	}
	best := r.Leaders[0]
	text := best.Column().Text + " is the fastest"
	if sp.from == sp.to {
		return text + fmt.Sprintf(": %s per operation, %s as fast as %s, the next", duration(s.Time(best).Center), times(r.Ratio), r.Next.Column().Text)
	}
	return text + fmt.Sprintf(": %s as fast as the next at %s, %s at %s", times(r.Ratio), sp.from.Short, times(sp.last.Ratio), sp.to.Short)
}

// sameAnswer reports whether two rows are said in one sentence.
func sameAnswer(a, b Ranking) bool {
	if few := func(r Ranking) bool { return r.TooFew && len(r.Leaders) > 1 }; few(a) && few(b) {
		return true // whichever have them
	}
	return a.TooFew == b.TooFew && (a.Next == nil) == (b.Next == nil) &&
		slices.EqualFunc(a.Leaders, b.Leaders, func(x, y *Cell) bool { return x.Column() == y.Column() })
}

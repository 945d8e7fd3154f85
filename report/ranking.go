package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/aclements/go-moremath/mathx"
	"golang.org/x/perf/benchmath"

	"github.com/refbench/refbench/report/family"
)

// Level is the level of significance at which the cells of a row are told apart.
const Level = 0.05

// A Ranking is the order of the cells in one row. Cells with violations, those without
// usable samples and, beside native loops, those that call their count through an
// interface aren't in it. Two cells are told apart if the U-test of their times gives
// at most [Level], corrected for all pairs of cells in the row. Nothing else decides,
// wherever two of them are compared: intervals may overlap or not.
type Ranking struct {
	Leaders []*Cell // the fastest, and those that can't be told apart from it
	Next    *Cell   // the fastest of the others, nil if there is none
	Ratio   float64 // how many times as fast the fastest is as Next, median by median
	TooFew  bool    // no cell has enough samples to be told apart from the fastest
	Pairs   int     // of cells in it, for which p-values are corrected
}

// Rank ranks the cells of a row by their times.
func (s *Set) Rank(row *Row) Ranking { return row.ranking }

// RankAmong ranks some cells of a row among themselves, as [Set.Rank] ranks all: p-values are
// corrected for the pairs of these alone.
func (s *Set) RankAmong(row *Row, in func(*Cell) bool) Ranking {
	part := &Row{Label: row.Label, Table: row.Table}
	for _, c := range row.Cells {
		if in(c) {
			own := *c // ranking notes p-values in its cells
			own.Row = part
			part.Cells = append(part.Cells, &own)
		}
	}
	s.rank(part)
	return part.ranking
}

// A contrast is two cells of a row whose times are compared.
type contrast struct{ a, b *Cell }

// rank ranks the cells of a row, and notes in each how it compares with the first column
// and with the fastest. Only these pairs are tested, so that the work grows as the cells
// do; the correction is for all, as the fastest is known only from the same samples.
func (s *Set) rank(row *Row) {
	var cells, baselines []*Cell
	// A call through an interface costs as much as many a count, so what has one isn't
	// compared with what hasn't.
	native := slices.ContainsFunc(row.Cells, func(c *Cell) bool { return s.rankable(c) && !c.Generic() })
	for _, c := range row.Cells {
		c.toFirst, c.toFastest = math.NaN(), math.NaN()
		switch {
		case c.Generic() == native:
		case s.rankable(c):
			cells = append(cells, c)
		case c.baseline() && s.comparable(c):
			baselines = append(baselines, c)
		}
	}
	slices.SortStableFunc(cells, func(a, b *Cell) int { return cmp.Compare(s.Time(a).Center, s.Time(b).Center) })
	n := len(cells) + len(baselines)
	r := Ranking{Pairs: n * (n - 1) / 2, TooFew: true}
	row.ranking = Ranking{}
	if len(cells) == 0 {
		return
	}
	best, first := cells[0], row.Cells[0]
	if first.Column() != row.Table.Columns[0] || !slices.Contains(cells, first) {
		first = nil
	}
	var pairs []contrast
	for _, c := range cells[1:] {
		pairs = append(pairs, contrast{best, c})
		if first != nil && first != best && c != first {
			pairs = append(pairs, contrast{first, c})
		}
	}
	for _, c := range baselines {
		if first != nil {
			pairs = append(pairs, contrast{first, c})
		}
	}
	ps := make([]float64, len(pairs))
	for i, p := range pairs {
		var least float64
		ps[i], least = s.differ(p.a, p.b)
		if p.a == best && !p.b.baseline() && least*float64(r.Pairs) <= Level {
			r.TooFew = false
		}
	}
	for i, p := range family.Holm(ps, r.Pairs) {
		c := pairs[i]
		if c.a == best && !c.b.baseline() {
			c.b.toFastest = p
		}
		switch {
		case c.a == first:
			c.b.toFirst = p
		case c.b == first:
			c.a.toFirst = p
		}
	}
	r.Leaders = []*Cell{best}
	for _, c := range cells[1:] {
		// No break: one that is slower by its median may vary more.
		switch {
		case c.toFastest > Level:
			r.Leaders = append(r.Leaders, c)
		case r.Next == nil:
			r.Next, r.Ratio = c, s.Time(c).Center/s.Time(best).Center
		}
	}
	row.ranking = r
}

// comparable reports whether a cell's time means something: it has one, and none of its
// samples were measured beside something else or had violations.
func (s *Set) comparable(c *Cell) bool {
	t := s.Time(c)
	return t != nil && t.Center > 0 && c.Violations == 0 && c.Shared == 0
}

// rankable reports whether a cell is ranked by its time: it is comparable, and of a count.
func (s *Set) rankable(c *Cell) bool { return s.comparable(c) && !c.baseline() }

// Generic reports whether the cell is of loops that call their count through an interface.
func (c *Cell) Generic() bool {
	return slices.ContainsFunc(c.labels[:], func(l *Label) bool { return l.generic })
}

// baseline reports whether the cell is of a baseline, a reference point and no count.
func (c *Cell) baseline() bool {
	return slices.ContainsFunc(c.labels[:], func(l *Label) bool { return l.Baseline })
}

// differ returns the p-value of the U-test of two cells' times, and the least that so many
// samples could have given.
func (s *Set) differ(a, b *Cell) (p, least float64) {
	x, y := s.sample(a, unitTime, &benchmath.DefaultThresholds), s.sample(b, unitTime, &benchmath.DefaultThresholds)
	return benchmath.AssumeNothing.Compare(x, y).P, leastP(len(x.Values), len(y.Values))
}

// leastP returns the p-value of the U-test of two samples of which every value of one is
// below every one of the other: two of all the ways to divide the values.
func leastP(n1, n2 int) float64 { return min(1, 2/mathx.Choose(n1+n2, n1)) }

// leading returns the cells of a row that are the fastest, or not told apart from it.
func (r Ranking) leading() map[*Cell]bool {
	if r.TooFew {
		return nil
	}
	cells := make(map[*Cell]bool, len(r.Leaders))
	for _, c := range r.Leaders {
		cells[c] = true
	}
	return cells
}

// Ratio compares a cell with the table's first column by throughput: 2 means twice
// as fast. Differs is false if the times can't be told apart, as [Ranking] has it. OK is
// false if there is nothing to compare: a cell is missing or has violations.
func (s *Set) Ratio(c *Cell) (ratio float64, differs, ok bool) {
	if math.IsNaN(c.toFirst) {
		return 0, false, false
	}
	return s.Time(c.Row.Cells[0]).Center / s.Time(c).Center, c.toFirst <= Level, true
}

package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/perf/benchmath"
)

func overlap(a, b *benchmath.Summary) bool { return a.Lo <= b.Hi && b.Lo <= a.Hi }

// The table's ratio, the ranking in words, the star and JSON go by one criterion. Once the
// ratio went by a U-test and the ranking by intervals: in these rows they contradicted each
// other.
func TestOneCriterionTellsCellsApart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		a, b   []float64
		others int  // columns beside, for which the test is corrected
		meet   bool // the intervals
		differ bool // by the test
	}{
		{"intervals overlap, the test differs",
			[]float64{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, []float64{15, 16.5, 17.5, 18.5, 19.5, 20.5, 21.5, 22.5, 23.5, 24.5}, 0, true, true},
		{"intervals don't meet, the test can't tell",
			[]float64{10, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7, 99}, []float64{8, 12, 12.1, 12.2, 12.3, 12.4, 12.5, 12.6, 12.7}, 2, false, false},
	} {
		text := samples("a", 1, "", tt.a...) + samples("b", 1, "", tt.b...)
		for i := range tt.others {
			text += samples(fmt.Sprint("c", i), 1, "", tt.b...)
		}
		s := readBytes(t, []byte(header+text))
		a, b := cellOf(t, s, "getput", 1, "a"), cellOf(t, s, "getput", 1, "b")
		if got := overlap(s.Time(a), s.Time(b)); got != tt.meet {
			t.Fatalf("%s: intervals %v and %v overlap: %v, want %v", tt.name, s.Time(a), s.Time(b), got, tt.meet)
		}
		checkOneCriterion(t, s, s.Tables[0].Rows[0])
		if got := b.toFirst <= Level; got != tt.differ {
			t.Errorf("%s: p is %v, told apart %v, want %v", tt.name, b.toFirst, got, tt.differ)
		}
	}
	// And in whatever rows there are.
	rng := rand.New(rand.NewPCG(5, 6))
	contradicted := 0
	for range 200 {
		var text strings.Builder
		for i := range 2 + rng.IntN(5) {
			centre, n := 10+rng.Float64(), 5+rng.IntN(8)
			times := make([]float64, n)
			for j := range times {
				times[j] = centre * math.Exp(0.05*rng.NormFloat64())
			}
			text.WriteString(samples(fmt.Sprint("s", i), 1, "", times...))
		}
		s := readBytes(t, []byte(header+text.String()))
		row := s.Tables[0].Rows[0]
		checkOneCriterion(t, s, row)
		best := row.ranking.Leaders[0]
		for _, c := range row.Cells {
			if c != best && overlap(s.Time(c), s.Time(best)) == (c.toFastest <= Level) {
				contradicted++
			}
		}
	}
	if contradicted < 20 {
		t.Errorf("intervals and test contradict each other %d times: the test shows nothing", contradicted)
	}
}

// checkOneCriterion compares whatever says of two cells of a row whether they differ.
func checkOneCriterion(t *testing.T, s *Set, row *Row) {
	t.Helper()
	r := s.Rank(row)
	best, first := r.Leaders[0], row.Cells[0]
	for _, c := range row.Cells {
		told := c != best && c.toFastest <= Level
		if leads := slices.Contains(r.Leaders, c); leads == told {
			t.Errorf("%s: p to the fastest is %v, and it leads: %v", c.Key(), c.toFastest, leads)
		}
		ratio, differs, ok := s.Ratio(c)
		if !ok {
			continue
		}
		if differs != (c.toFirst <= Level) || first == best && differs == slices.Contains(r.Leaders, c) {
			t.Errorf("%s: differs %v, p to the first is %v, leaders %v", c.Key(), differs, c.toFirst, r.names())
		}
		if tilde := strings.Contains(s.ratioText(c), "~"); tilde == differs {
			t.Errorf("%s: ratio %q, differs %v", c.Key(), s.ratioText(c), differs)
		}
		if jc := s.jsonCell(c, r.leading()[c]); *jc.RatioDiffer != differs || *jc.ToFirst != c.toFirst || *jc.SpeedRatio != ratio {
			t.Errorf("%s: JSON has %v, %v, %v; want %v, %v, %v", c.Key(), *jc.RatioDiffer, *jc.ToFirst, *jc.SpeedRatio, differs, c.toFirst, ratio)
		}
		switch {
		case first == best && c.toFirst != c.toFastest:
			t.Errorf("%s: p is %v to the first, and %v to the fastest, which is the same", c.Key(), c.toFirst, c.toFastest)
		case c == best && c.toFirst != first.toFastest:
			t.Errorf("%s: p is %v to the first, and the first's is %v to it", c.Key(), c.toFirst, first.toFastest)
		}
	}
}

// p-values are corrected for all pairs of a row, though not all are tested: the fastest is
// known only from the same samples.
func TestRowsAreCorrectedForAllPairs(t *testing.T) {
	slow := []float64{11, 12, 13, 14, 15, 16}
	s := readBytes(t, []byte(header+samples("a", 1, "", 1, 2, 3, 4, 5, 6)+samples("b", 1, "", slow...)+samples("c", 1, "", slow...)+samples("d", 1, "", slow...)))
	const want = 6 * 2. / 924 // six pairs; 924 ways to divide twelve values
	for _, name := range []string{"b", "c", "d"} {
		if got := cellOf(t, s, "getput", 1, name).toFirst; math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%s: p is %v, want %v", name, got, want)
		}
	}
}

// Of rows in which all cells are the same, one in twenty at most has a cell that is told
// apart from another, however many cells it has.
func TestRowsOfEqualsAreToldApartAsSeldomAsTheLevelSays(t *testing.T) {
	const rows = 2000
	rng := rand.New(rand.NewPCG(7, 8))
	for _, columns := range []int{2, 4, 9} {
		var text strings.Builder
		for i := range rows {
			for j := range columns {
				for range 9 {
					fmt.Fprintf(&text, "BenchmarkRef/workload=w/cpus=%d/strategy=s%d-2 10 %g ns/op\n", i+1, j, 10*math.Exp(0.1*rng.NormFloat64()))
				}
			}
		}
		s := readBytes(t, []byte(text.String()))
		wrong := 0
		for _, row := range s.Tables[0].Rows {
			if slices.ContainsFunc(row.Cells, func(c *Cell) bool { return c.toFirst <= Level || c.toFastest <= Level }) {
				wrong++
			}
		}
		if most := rows*Level + 3*math.Sqrt(rows*Level*(1-Level)); float64(wrong) > most {
			t.Errorf("%d columns: %d of %d rows have cells told apart, want at most %.0f", columns, wrong, rows, most)
		}
	}
}

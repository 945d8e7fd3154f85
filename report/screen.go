package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// The size of a [Screen] in a terminal.
const (
	ScreenLines   = 24
	ScreenColumns = 80
)

// Screen writes on at most [ScreenLines] lines of [ScreenColumns] what was found: for each
// table the fastest and by how much, on the first, the middle and the last number of CPUs,
// and whether anything was wrong; then what the numbers can be trusted for. Around are lines
// for its end that the files don't have: what was left out and why, and where the results
// are. [Text] has all of it.
func Screen(w io.Writer, s *Set, around ...string) error {
	b := bufio.NewWriter(w)
	for _, line := range s.screenText(ScreenLines-len(around), ScreenColumns) {
		b.WriteString(line + "\n")
	}
	for _, line := range around { // paths are of use only whole
		b.WriteString(clean(line) + "\n")
	}
	return b.Flush()
}

// screenText returns the screen in so many lines and columns at most.
func (s *Set) screenText(lines, columns int) []string {
	notes := s.screenNotes()
	out := append(s.screenRows(lines-len(notes), columns), notes...)
	for i, line := range out {
		out[i] = fitted(line, columns)
	}
	return out
}

// fitted cuts a line to so many columns.
func fitted(line string, columns int) string {
	return strings.TrimRight(text.Snip(clean(line), columns, "…"), " ")
}

// heading of the column of violations, and the width that it and its numbers need.
const (
	wrongHeading = "violations"
	wrongColumns = len(wrongHeading) + 1
)

// screenRows returns the lines of the tables, no more than so many.
func (s *Set) screenRows(most, columns int) []string {
	layout := s.screenLayout()
	names := len(s.layout.table.Name)
	for _, t := range s.Tables {
		names = max(names, text.StringWidthWithoutEscSequences(t.Text))
	}
	names = min(names, columns/3)
	each := (columns - names - wrongColumns) / max(len(layout.head)-2, 1)
	line := func(cells []string) string {
		var b strings.Builder
		last := len(cells) - 1
		b.WriteString(text.Pad(fitted(cells[0], names), names, ' '))
		for _, c := range cells[1:last] {
			b.WriteString(" " + text.Pad(fitted(c, each-1), each-1, ' '))
		}
		return b.String() + " " + fmt.Sprintf("%*s", wrongColumns-1, cells[last])
	}
	lines := []string{line(layout.head)}
	tables := s.screenTables()
	room := max(most-len(lines)-len(screenLegend), 2)
	shown := tables
	if len(tables) > room {
		shown = tables[:room-1]
	}
	for _, t := range shown {
		lines = append(lines, line(s.screenRow(layout, t, each-1)))
	}
	if n := len(tables) - len(shown); n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more: refbench report --verbose has them", n))
	}
	return append(lines, screenLegend...)
}

// A screenLayout is which rows of tables a screen has: the first, the middle and the last of
// those that tables have, or of each machine if machines have others.
type screenLayout struct {
	head []string
	of   map[*Machine][]*Label // of each machine, nil for none
	own  bool                  // each machine has its own
}

func (s *Set) screenLayout() screenLayout {
	tables := make(map[*Machine][]*Table)
	for _, t := range s.Tables {
		tables[t.Machine] = append(tables[t.Machine], t)
	}
	l := screenLayout{head: []string{s.layout.table.Name}, of: make(map[*Machine][]*Label, len(tables))}
	var one []*Label // of any
	most := 0
	for m, ts := range tables {
		ends := thirds(countsOf(ts))
		l.own = l.own || one != nil && !slices.Equal(ends, one)
		l.of[m], one, most = ends, ends, max(most, len(ends))
	}
	if !l.own {
		for _, c := range one {
			l.head = append(l.head, c.Text)
		}
	} else {
		names := []string{"first", "some", "last"}
		if s.layout.row.Name == cpusName {
			names = []string{"fewest CPUs", "some", "most CPUs"}
		}
		l.head = append(l.head, spread3(names, most)...)
		for m, ends := range l.of {
			l.of[m] = spread3(ends, most)
		}
	}
	l.head = append(l.head, wrongHeading)
	return l
}

// screenRow returns the row of a table, each cell in so many columns if it can be said in
// them.
func (s *Set) screenRow(l screenLayout, t *Table, columns int) []string {
	row := []string{t.Text}
	for _, c := range l.of[t.Machine] {
		switch {
		case c == nil || t.row(c) == nil:
			row = append(row, "-")
		case l.own:
			row = append(row, c.Short+": "+s.screenCell(t, c, columns-len(c.Short)-len(": ")))
		default:
			row = append(row, s.screenCell(t, c, columns))
		}
	}
	return append(row, s.screenWrong(t))
}

var screenLegend = []string{
	"Named is the fastest (a=b: can't be told apart), and how many times as",
	"fast as the next .. the slowest.",
}

// screenTables returns the tables, those with violations first.
func (s *Set) screenTables() []*Table {
	tables := slices.Clone(s.Tables)
	slices.SortStableFunc(tables, func(a, b *Table) int {
		switch x, y := a.violations() > 0, b.violations() > 0; {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	return tables
}

// thirds returns the first, the middle and the last of some labels.
func thirds(all []*Label) []*Label {
	if len(all) <= 3 {
		return all
	}
	return []*Label{all[0], all[len(all)/2], all[len(all)-1]}
}

// spread3 puts up to three values in so many places: the first at the beginning, the last at
// the end.
func spread3[T any](values []T, n int) []T {
	out := make([]T, n)
	for i, v := range values {
		switch {
		case i == 0:
			out[0] = v
		case i == len(values)-1:
			out[n-1] = v
		case n > 2:
			out[1] = v
		}
	}
	return out
}

// row returns the table's row with the label, or nil.
func (t *Table) row(l *Label) *Row {
	if i := slices.IndexFunc(t.Rows, func(r *Row) bool { return r.Label == l }); i >= 0 {
		return t.Rows[i]
	}
	return nil
}

// screenCell says what is fastest in a row that the table has, in so many columns.
func (s *Set) screenCell(t *Table, l *Label, columns int) string {
	row := t.row(l)
	r := s.Rank(row)
	switch {
	case len(r.Leaders) == 0:
		return unranked(row)
	case len(r.Leaders) == 1 && r.Next == nil:
		return "only " + r.Leaders[0].Column().Text
	case r.TooFew:
		return "too few samples"
	}
	var names []string
	for _, c := range r.Leaders {
		names = append(names, c.Column().Text)
	}
	who, tied := strings.Join(names, "="), fmt.Sprintf("%d tied", len(names))
	if len(names) == 1 {
		tied = who
	}
	next, ahead := "", ""
	if r.Next != nil {
		next, ahead = " "+briefly(r.Ratio)+"×", " "+s.lead(row, r)
	}
	for _, cell := range []string{who + ahead, tied + ahead} {
		if text.StringWidthWithoutEscSequences(cell) <= columns {
			return cell
		}
	}
	return tied + next
}

// lead says how many times as fast the fastest of a row is as the next and as the slowest.
func (s *Set) lead(row *Row, r Ranking) string {
	next, slowest := r.Ratio, r.Ratio
	for _, c := range row.Cells {
		if s.rankable(c) {
			slowest = max(slowest, s.Time(c).Center/s.Time(r.Leaders[0]).Center)
		}
	}
	from, to := briefly(next), briefly(slowest)
	if from == to {
		return from + "×"
	}
	return from + ".." + to + "×"
}

// briefly formats a ratio of at least 1 with two digits or more.
func briefly(r float64) string {
	switch {
	case r < 1.095:
		return fmt.Sprintf("%.2f", r)
	case r < 9.95:
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}

// violations returns how many violations the table's cells have.
func (t *Table) violations() (n float64) {
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			n += c.Violations
		}
	}
	return n
}

// screenWrong says how many violations a table has.
func (s *Set) screenWrong(t *Table) string {
	if n := t.violations(); n > 0 {
		return quantity(n) + " !"
	}
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			if c.Checked > 0 {
				return "0"
			}
		}
	}
	return "unchecked"
}

// How many lines of warnings a screen has, and of machines.
const (
	mostWarned   = 2
	mostMachines = 3
)

// trustLines says how far the numbers can be trusted: the noise floor, the samples that are
// excluded, and how many cells have warnings, which stand where is said.
func (s *Set) trustLines(where string) []string {
	var lines []string
	if d, n := s.NoiseFloor(); n > 0 {
		lines = append(lines, fmt.Sprintf("Noise floor: %s measured twice differed by up to %s.", plural(n, "cell"), percent(d)))
	} else {
		lines = append(lines, "Noise floor: unknown, as no cell was measured twice.")
	}
	excluded, used, warned := 0, 0, 0
	for _, c := range s.cells {
		excluded, used = excluded+len(c.Excluded), used+c.Samples
		if len(c.Warnings) > 0 {
			warned++
		}
	}
	if excluded > 0 {
		lines = append(lines, fmt.Sprintf("%d of %d samples are excluded: something else used their CPUs.", excluded, excluded+used))
	}
	if warned > 0 {
		lines = append(lines, fmt.Sprintf("%d of %s have warnings: %s.", warned, plural(len(s.cells), "cell"), where))
	}
	return lines
}

// screenNotes returns a line each on how far the numbers can be trusted, and on which
// machine they are.
func (s *Set) screenNotes() []string {
	lines := append(s.historyNotes(), s.trustLines("--verbose lists them")...)
	shown := s.Warnings
	if len(shown) > mostWarned {
		shown = shown[:mostWarned-1]
	}
	for _, w := range shown {
		lines = append(lines, "! "+sentence(w)+".")
	}
	if n := len(s.Warnings) - len(shown); n > 0 {
		lines = append(lines, fmt.Sprintf("! %d warnings more: --verbose has them.", n))
	}
	if n := len(s.Unsupported); n > 0 {
		lines = append(lines, fmt.Sprintf("Not run: %s that can't be: --verbose says why.", plural(n, "pair")))
	}
	if n := len(s.Machines); n > 1 {
		for _, m := range s.Machines[:min(n, mostMachines)] {
			lines = append(lines, fmt.Sprintf("On machine %d: %s", m.Number, m.Name))
		}
		if n > mostMachines {
			lines = append(lines, fmt.Sprintf("and %s: the page names them.", plural(n-mostMachines, "more machine")))
		}
		return lines
	}
	if m := s.MachineLine(); m != "" {
		lines = append(lines, "On "+m)
	}
	return lines
}

// MachineLine names the machine and what ran on it.
func (s *Set) MachineLine() string {
	var parts []string
	for _, f := range [...]struct{ key, before string }{
		{"cpu", ""}, {"cpus", ""}, {"kernel", ""}, {"go", ""}, {"commit", "commit "},
	} {
		i := slices.IndexFunc(s.Facts, func(x Fact) bool { return x.Key == f.key })
		if i < 0 {
			continue
		}
		vs := s.Facts[i].Values
		if d := s.newestDate(); d != nil && len(vs) > 1 {
			vs = []string{cmp.Or(d.facts[f.key], "?")}
		}
		switch {
		case len(vs) == 1 && f.key == "commit":
			parts = append(parts, f.before+shortCommit(vs[0]))
		case len(vs) == 1 && f.key == "kernel":
			release, _, _ := strings.Cut(vs[0], "-")
			parts = append(parts, release)
		case len(vs) == 1 && f.key == "cpus":
			parts = append(parts, cpusOf(vs[0]))
		case len(vs) == 1:
			parts = append(parts, f.before+vs[0])
		default:
			parts = append(parts, fmt.Sprintf("%d values of %s", len(vs), f.key))
		}
	}
	if d := s.newestDate(); d != nil {
		parts = append(parts, d.Text)
	}
	return strings.Join(parts, ", ")
}

// cpusOf says a number of CPUs as a file has it.
func cpusOf(text string) string {
	if text == "1" {
		return "1 CPU"
	}
	return clean(text) + " CPUs"
}

// newestDate returns the latest date if there are several, or else nil.
func (s *Set) newestDate() *Date {
	if len(s.earlier) == 0 {
		return nil
	}
	return s.dates[len(s.dates)-1]
}

// shortCommit cuts a hash to what git shows, and keeps what is no hash and the mark of
// changes.
func shortCommit(commit string) string {
	const long = 40
	if len(commit) < long || strings.ContainsAny(commit[:long], "-+ ") {
		return commit
	}
	return commit[:12] + commit[long:]
}

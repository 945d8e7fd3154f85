package report

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Text writes the comparison for a terminal: the rows in which something changed, how
// many others there are, and as the last line what it comes to. With all it has every row
// that has samples.
func (c *Comparison) Text(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "old: %s\nnew: %s\n", list(cleanAll(c.Old.Paths)), list(cleanAll(c.New.Paths)))
	for _, line := range c.method() {
		b.WriteString(line + "\n")
	}
	for _, warning := range c.Warnings {
		b.WriteString("! " + warning + "\n")
	}
	same := c.same(all)
	for _, u := range c.Units {
		if !all && (!u.compared() || slices.Contains(same, u.Unit.Name)) {
			continue
		}
		fmt.Fprintf(&b, "\n%s: %s\n", u.Unit.Name, u.counts())
		t, notes := c.table(u, all, func(s string) string { return s })
		if t == nil {
			continue
		}
		t.SetStyle(table.StyleLight)
		t.Style().Format.Header = text.FormatDefault
		t.Style().Format.Footer = text.FormatDefault
		t.Style().Options.DrawBorder = false
		b.WriteString(t.Render() + "\n")
		for i, note := range notes {
			fmt.Fprintf(&b, "%s %s\n", superscript(i+1), note)
		}
	}
	b.WriteString("\n")
	c.ends(&b, all, "", "  ", func(s string) string { return s })
	b.WriteString(c.Conclusion() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Screen writes on at most [ScreenLines] lines of [ScreenColumns] what the comparison comes
// to: the largest changes, what is wrong, and as the last lines the conclusion. [Comparison.Text]
// has all of it.
func (c *Comparison) Screen(w io.Writer) error {
	head := []string{"old: " + list(cleanAll(c.Old.Paths)), "new: " + list(cleanAll(c.New.Paths))} // paths are of use only whole
	for i, warning := range c.Warnings {
		if i == mostWarned && len(c.Warnings) > mostWarned+1 {
			head = append(head, fmt.Sprintf("! %d warnings more: --verbose has them.", len(c.Warnings)-i))
			break
		}
		head = append(head, fitted("! "+sentence(warning), ScreenColumns))
	}
	var ends []string
	if c.Violations > 0 {
		ends = append(ends, fitted(fmt.Sprintf("! %s VIOLATIONS in new: --verbose names the cells.", quantity(c.Violations)), ScreenColumns))
	}
	for _, g := range c.Gates {
		if len(g.Worse) > 0 {
			ends = append(ends, fitted(fmt.Sprintf("! gate %q: %s beyond it, as %s: %+.1f%%", g.Gate, plural(len(g.Worse), "row"), g.Worse[0].Key, 100*(g.Worse[0].Ratio-1)), ScreenColumns))
		}
	}
	const mostConcluded = 5
	conclusion := strings.Split(text.WrapSoft(c.Conclusion(), ScreenColumns), "\n")
	if len(conclusion) > mostConcluded {
		conclusion = append(conclusion[:mostConcluded-1], "…: --verbose has all.")
	}
	ends = append(ends, conclusion...)
	type change struct {
		size float64
		text string
	}
	var changes []change
	for _, u := range c.Units {
		for _, r := range u.Rows {
			if !r.changed() {
				continue
			}
			size := math.Inf(1)
			old, now := "-", "-"
			if r.Old != nil {
				old = unitValue(u.Unit.Tidied, r.Old.Center)
			}
			if r.New != nil {
				now = unitValue(u.Unit.Tidied, r.New.Center)
			}
			if p := r.percent(); !math.IsNaN(p) && p > -100 {
				size = math.Abs(math.Log1p(p / 100))
			}
			changes = append(changes, change{size, fmt.Sprintf("%-7s %-37s %11s %11s %9s", r.Verdict, fitted(r.Table+", "+r.labels[1].Text+", "+r.Column, 37), old, now, r.Delta)})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(b.size, a.size) })
	room := ScreenLines - len(head) - len(ends) - 1
	lines := head
	if len(changes) > 0 {
		lines = append(lines, fmt.Sprintf("%-45s %11s %11s %9s", "the largest changes", "old", "new", "new/old"))
		if len(changes) > room {
			room--
		}
		for _, x := range changes[:min(len(changes), room)] {
			lines = append(lines, fitted(x.text, ScreenColumns))
		}
		if n := len(changes) - room; n > 0 {
			lines = append(lines, fmt.Sprintf("and %s: --verbose has them.", plural(n, "more change")))
		}
	}
	for i := range ends {
		ends[i] = strings.TrimRight(ends[i], " ")
	}
	_, err := io.WriteString(w, strings.Join(append(lines, ends...), "\n")+"\n")
	return err
}

// Markdown writes the comparison for a pull request: the conclusion first.
func (c *Comparison) Markdown(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### refbench: %s → %s\n\n**%s**\n\n", mdText(list(cleanAll(c.Old.Paths))), mdText(list(cleanAll(c.New.Paths))), mdText(c.Conclusion()))
	for _, warning := range c.Warnings {
		b.WriteString("> ⚠ " + mdText(warning) + "\n>\n")
	}
	same := c.same(all)
	for _, u := range c.Units {
		if !all && (!u.compared() || slices.Contains(same, u.Unit.Name)) {
			continue
		}
		fmt.Fprintf(&b, "\n#### %s: %s\n", mdText(u.Unit.Name), u.counts())
		t, notes := c.table(u, all, mdText)
		if t == nil {
			continue
		}
		b.WriteString("\n" + t.RenderMarkdown() + "\n")
		for i, note := range notes {
			fmt.Fprintf(&b, "\n%s %s\n", superscript(i+1), mdText(note))
		}
	}
	b.WriteString("\n")
	c.ends(&b, all, "\n", "- ", mdText)
	b.WriteString("\n")
	for _, line := range c.method() {
		b.WriteString(mdText(line) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// method says in lines how the rows were judged, and what the files can't tell.
func (c *Comparison) method() []string {
	effect := ""
	if c.MinEffect > 0 {
		effect = fmt.Sprintf(", minimum effect %.2g %%", 100*c.MinEffect)
	}
	return []string{
		fmt.Sprintf("Mann-Whitney U-test of the samples, corrected for %s (Holm), level %g%s.", plural(c.Tests, "row"), c.Alpha, effect),
		fmt.Sprintf("Medians; ± is how far the farther end of the %g %% interval is.", 100*Confidence),
		"The files were measured one after the other: a drift from one to the other counts as a difference. \"refbench ab\" measures in turn.",
	}
}

// Conclusion says in one line what got slower and faster, what else changed, and how much
// is inconclusive.
func (c *Comparison) Conclusion() string {
	if why := c.Nothing(); why != "" {
		return "nothing to compare: " + why
	}
	var parts []string
	count := make(map[Verdict]int)
	for _, u := range c.Units {
		words := map[Verdict]string{Worse: u.Unit.Name + " worse", Better: u.Unit.Name + " better", Differs: u.Unit.Name + " differs"}
		speed := u.Unit.Tidied == unitTime || u.Unit.Tidied == unitThroughput
		if speed {
			words = map[Verdict]string{Worse: "slower", Better: "faster", Differs: u.Unit.Name + " differs"}
		}
		columns := make(map[Verdict][]string)
		rows := make(map[Verdict]int)
		for _, r := range u.Rows {
			if r.lone {
				continue
			}
			rows[r.Verdict]++
			count[r.Verdict]++
			if names := columns[r.Verdict]; len(names) < maxNamed && !slices.Contains(names, r.Column) {
				columns[r.Verdict] = append(names, r.Column)
			}
		}
		for _, v := range []Verdict{Worse, Better, Differs} {
			switch {
			case rows[v] > 0:
				parts = append(parts, fmt.Sprintf("%s: %s (%s)", words[v], list(columns[v]), plural(rows[v], "row")))
			case speed && v != Differs:
				parts = append(parts, "nothing "+words[v])
			}
		}
	}
	for _, rest := range []struct {
		n    int
		text string
	}{
		{count[Small], "%s below the minimum effect"},
		{count[Unclear], "%s inconclusive"},
		{count[OnlyInOld] + count[OnlyInNew], "%s without usable samples in one of the files"},
	} {
		if rest.n > 0 {
			parts = append(parts, fmt.Sprintf(rest.text, plural(rest.n, "row")))
		}
	}
	if n := len(c.OnlyOld) + len(c.OnlyNew); n > 0 {
		parts = append(parts, plural(n, "cell")+" in one of the files only")
	}
	if len(parts) == 0 {
		parts = []string{"nothing changed"}
	}
	if d, known := c.NoiseFloor(); known {
		parts = append(parts, "noise floor "+percent(d))
	}
	return strings.Join(parts, "; ")
}

// NoiseFloor returns the larger noise floor of the two sets, and whether one of them has
// any: how far the same cell, measured twice in one run, lay apart.
func (c *Comparison) NoiseFloor() (difference float64, known bool) {
	for _, s := range []*Set{c.Old, c.New} {
		if d, cells := s.NoiseFloor(); cells > 0 {
			difference, known = max(difference, d), true
		}
	}
	return difference, known
}

// mdText keeps untrusted text from being markup.
func mdText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "&#96;", "[", "&#91;", "]", "&#93;",
		"*", "&#42;", "_", "&#95;", "@", "&#64;", "~", "&#126;", "\\", "&#92;").Replace(s)
}

// ends writes what stands below the tables: gap is an empty line or nothing, item
// opens a line of a list.
// Without all it names the first cells only that are in one set.
func (c *Comparison) ends(b *strings.Builder, all bool, gap, item string, esc func(string) string) {
	for _, side := range []struct {
		name  string
		cells []*Cell
	}{{"old", c.OnlyOld}, {"new", c.OnlyNew}} {
		if len(side.cells) == 0 {
			continue
		}
		fmt.Fprintf(b, "Only in %s:\n%s", side.name, gap)
		for i, c := range side.cells {
			if i == maxListed && !all {
				fmt.Fprintf(b, "%sand %s: --all names them\n", item, plural(len(side.cells)-i, "more cell"))
				break
			}
			b.WriteString(item + esc(c.Key().String()) + "\n")
		}
		b.WriteString(gap)
	}
	if c.Violations > 0 {
		fmt.Fprintf(b, "VIOLATIONS in new:\n%s", gap)
		for _, cell := range c.New.Cells() {
			if cell.Violations > 0 {
				b.WriteString(item + esc(cell.Key().String()+": "+cell.Correctness()) + "\n")
			}
		}
		b.WriteString(gap)
	}
	for _, g := range c.Gates {
		if kept := g.Rows - g.Few; len(g.Worse) == 0 && kept > 0 {
			fmt.Fprintf(b, "%sgate %s: kept by %s\n", item, esc(strconv.Quote(g.Gate)), plural(kept, "row"))
		}
		if g.Few > 0 {
			fmt.Fprintf(b, "%sgate %s: %s had too few samples to tell\n", item, esc(strconv.Quote(g.Gate)), plural(g.Few, "row"))
		}
		for _, w := range g.Worse {
			fmt.Fprintf(b, "%sgate %s: %s: %+.1f%% (p=%.2g)\n", item, esc(strconv.Quote(g.Gate)), esc(w.Key.String()), 100*(w.Ratio-1), w.P)
		}
	}
	if len(c.Gates) > 0 {
		b.WriteString(gap)
	}
	if same := c.same(all); len(same) > 0 {
		fmt.Fprintf(b, "The same in both files: %s.\n%s", esc(list(same)), gap)
	}
	if len(c.LeftOut) > 0 {
		fmt.Fprintf(b, "Not compared, because they say how it was measured or follow from what is: %s.\n", esc(list(c.LeftOut)))
	}
}

// same returns the units of which every value is exact and equal, unless all rows are
// shown.
func (c *Comparison) same(all bool) (names []string) {
	for _, u := range c.Units {
		if all || !u.compared() || slices.ContainsFunc(u.Rows, func(r Change) bool { return r.Old != nil && r.New != nil && r.Verdict != Same }) {
			continue
		}
		names = append(names, u.Unit.Name)
	}
	return names
}

// compared reports whether any row has samples in both sets.
func (u UnitComparison) compared() bool {
	return slices.ContainsFunc(u.Rows, func(r Change) bool { return r.Old != nil && r.New != nil })
}

// counts says how many rows of a unit have which verdict.
func (u UnitComparison) counts() string {
	var parts []string
	for _, v := range []Verdict{Better, Worse, Differs, Same, Small, Unclear, OnlyInOld, OnlyInNew} {
		n := 0
		for _, r := range u.Rows {
			if r.Verdict == v {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}

// changed reports whether something changed in the row, or may have.
func (r Change) changed() bool {
	return r.Verdict == Better || r.Verdict == Worse || r.Verdict == Differs
}

// table returns a unit's table and its foot notes: the rows that changed, or all. It is
// nil if there is none.
func (c *Comparison) table(u UnitComparison, all bool, esc func(string) string) (table.Writer, []string) {
	t := table.NewWriter()
	l := c.Old.layout
	t.AppendHeader(table.Row{l.table.Name, l.row.Name, l.column.Name, "old", "new", "new vs old", ""})
	var configs []table.ColumnConfig
	for _, n := range []int{2, 4, 5, 6} {
		configs = append(configs, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
	var notes []string
	index := make(map[string]int)
	mark := func(warnings []string) string {
		var marks strings.Builder
		for _, w := range warnings {
			i, ok := index[w]
			if !ok {
				i = len(notes)
				index[w] = i
				notes = append(notes, w)
			}
			marks.WriteString(" " + superscript(i+1))
		}
		return marks.String()
	}
	for _, r := range u.Rows {
		if !all && !r.changed() {
			continue
		}
		old, now := "-", "-"
		if r.Old != nil {
			old = unitValue(u.Unit.Tidied, r.Old.Center) + " " + interval(*r.Old)
		}
		if r.New != nil {
			now = unitValue(u.Unit.Tidied, r.New.Center) + " " + interval(*r.New)
		}
		t.AppendRow(table.Row{esc(r.Table), esc(r.labels[1].Short), esc(r.Column), old, now, esc(r.delta()), string(r.Verdict) + mark(r.Warnings)})
	}
	if t.Length() == 0 {
		return nil, nil
	}
	g := u.Geomean
	footer := table.Row{"geomean of " + plural(len(u.Rows), "row"), "", "", "", "", "", strings.TrimSpace(mark(g.Warnings))}
	if !math.IsNaN(g.Old) {
		footer[3] = unitValue(u.Unit.Tidied, g.Old)
	}
	if !math.IsNaN(g.New) {
		footer[4] = unitValue(u.Unit.Tidied, g.New)
	}
	if !math.IsNaN(g.Ratio) {
		footer[5] = fmt.Sprintf("%+.2f%%", 100*(g.Ratio-1))
	}
	t.AppendFooter(footer)
	return t, notes
}

// delta formats the difference with its corrected p-value and samples:
// "-3.10% (p=0.001 n=10)".
func (r Change) delta() string {
	if r.Delta == "" {
		return ""
	}
	delta := r.Delta
	if r.Verdict == Unclear {
		delta = "~"
	}
	n := fmt.Sprintf("n=%d", r.NOld)
	if r.NOld != r.NNew {
		n = fmt.Sprintf("n=%d+%d", r.NOld, r.NNew)
	}
	if r.P == 0 {
		return fmt.Sprintf("%s (%s)", delta, n)
	}
	return fmt.Sprintf("%s (p=%0.3f %s)", delta, r.Corrected, n)
}

// percent returns the difference in percent, or NaN if there is none to give: a
// side is missing, it isn't significant, or old is zero.
func (r Change) percent() float64 {
	if r.Old == nil || r.New == nil || r.Verdict == Unclear || r.Old.Center == r.New.Center {
		if r.Verdict == Same {
			return 0
		}
		return math.NaN()
	}
	if r.Old.Center == 0 {
		return math.NaN()
	}
	return 100 * (r.New.Center/r.Old.Center - 1)
}

// CSV writes one line for each unit and cell. Numbers are not rounded; an empty
// field is a number that isn't known or has no bound.
func (c *Comparison) CSV(w io.Writer) error {
	o := csv.NewWriter(w)
	names := []string{"workload", "cpus", "strategy"}
	if !c.Old.layout.standard {
		names = []string{"table", "row", "column"}
	}
	o.Write(append(append([]string{"unit"}, names...), "old_median", "old_low", "old_high", "old_samples",
		"new_median", "new_low", "new_high", "new_samples", "delta_percent", "p", "p_corrected", "verdict", "warnings"))
	for _, u := range c.Units {
		factor := u.Unit.factor()
		for _, r := range u.Rows {
			line := []string{u.Unit.Name, r.Table, r.labels[1].Short, r.Column}
			line = append(line, csvSummary(summaryJSON(r.Old, factor), r.NOld)...)
			line = append(line, csvSummary(summaryJSON(r.New, factor), r.NNew)...)
			line = append(line, csvNumber(finite(r.percent())), csvNumber(finite(r.P)), csvNumber(finite(r.Corrected)), string(r.Verdict), strings.Join(r.Warnings, "; "))
			o.Write(line)
		}
		g := u.Geomean
		o.Write([]string{u.Unit.Name, "geomean", "", "", csvNumber(finite(g.Old * factor)), "", "", "",
			csvNumber(finite(g.New * factor)), "", "", "", csvNumber(finite(100 * (g.Ratio - 1))), "", "", "", strings.Join(g.Warnings, "; ")})
	}
	o.Flush()
	return o.Error()
}

// factor turns tidied values into values of the unit's name.
func (u Unit) factor() float64 {
	if u.Tidied == unitTime {
		return 1e9
	}
	return 1
}

func csvSummary(s *jsonSummary, n int) []string {
	if s == nil {
		return []string{"", "", "", "0"}
	}
	return []string{csvNumber(&s.Median), csvNumber(s.Low), csvNumber(s.High), strconv.Itoa(n)}
}

func csvNumber(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

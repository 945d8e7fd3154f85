package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Text writes the comparison for a terminal.
func (c *Comparison) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "old: %s\nnew: %s\n", list(cleanAll(c.Old.Paths)), list(cleanAll(c.New.Paths)))
	for _, warning := range c.Warnings {
		b.WriteString("! " + warning + "\n")
	}
	for _, u := range c.Units {
		t, notes := c.table(u, func(s string) string { return s })
		t.SetStyle(table.StyleLight)
		t.Style().Format.Header = text.FormatDefault
		t.Style().Format.Footer = text.FormatDefault
		t.Style().Options.DrawBorder = false
		fmt.Fprintf(&b, "\n%s: %s\n%s\n", u.Unit.Name, u.counts(), t.Render())
		for i, note := range notes {
			fmt.Fprintf(&b, "%s %s\n", superscript(i+1), note)
		}
	}
	b.WriteString("\n")
	c.ends(&b, "", "  ", func(s string) string { return s })
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown writes the comparison for a pull request.
func (c *Comparison) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### refbench: %s → %s\n\n", mdText(list(cleanAll(c.Old.Paths))), mdText(list(cleanAll(c.New.Paths))))
	for _, warning := range c.Warnings {
		b.WriteString("> ⚠ " + mdText(warning) + "\n>\n")
	}
	for _, u := range c.Units {
		t, notes := c.table(u, mdText)
		fmt.Fprintf(&b, "\n#### %s: %s\n\n%s\n", mdText(u.Unit.Name), u.counts(), t.RenderMarkdown())
		for i, note := range notes {
			fmt.Fprintf(&b, "\n%s %s\n", superscript(i+1), mdText(note))
		}
	}
	b.WriteString("\n")
	c.ends(&b, "\n", "- ", mdText)
	_, err := io.WriteString(w, b.String())
	return err
}

// mdText keeps untrusted text from being markup.
func mdText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "&#96;", "[", "&#91;", "]", "&#93;",
		"*", "&#42;", "_", "&#95;", "@", "&#64;", "~", "&#126;", "\\", "&#92;").Replace(s)
}

// ends writes what stands below the tables: gap is an empty line or nothing, item
// opens a line of a list.
func (c *Comparison) ends(b *strings.Builder, gap, item string, esc func(string) string) {
	for _, side := range []struct {
		name  string
		cells []*Cell
	}{{"old", c.OnlyOld}, {"new", c.OnlyNew}} {
		if len(side.cells) == 0 {
			continue
		}
		fmt.Fprintf(b, "Only in %s:\n%s", side.name, gap)
		for _, c := range side.cells {
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
	if len(c.LeftOut) > 0 {
		fmt.Fprintf(b, "Not compared, because they say how it was measured: %s.\n", esc(list(c.LeftOut)))
	}
}

// counts says how many rows of a unit have which verdict.
func (u UnitComparison) counts() string {
	var parts []string
	for _, v := range []Verdict{Better, Worse, Differs, Same, Unclear, OnlyInOld, OnlyInNew} {
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

// table returns a unit's table and its foot notes.
func (c *Comparison) table(u UnitComparison, esc func(string) string) (table.Writer, []string) {
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
		old, now := "-", "-"
		if r.Old != nil {
			old = unitValue(u.Unit.Tidied, r.Old.Center) + " " + interval(*r.Old)
		}
		if r.New != nil {
			now = unitValue(u.Unit.Tidied, r.New.Center) + " " + interval(*r.New)
		}
		t.AppendRow(table.Row{esc(r.Table), esc(r.labels[1].Short), esc(r.Column), old, now, esc(r.delta()), string(r.Verdict) + mark(r.Warnings)})
	}
	g := u.Geomean
	footer := table.Row{"geomean", "", "", "", "", "", strings.TrimSpace(mark(g.Warnings))}
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

// delta formats the difference with its p-value and samples: "-3.10% (p=0.001 n=10)".
func (r Change) delta() string {
	if r.Delta == "" {
		return ""
	}
	n := fmt.Sprintf("n=%d", r.NOld)
	if r.NOld != r.NNew {
		n = fmt.Sprintf("n=%d+%d", r.NOld, r.NNew)
	}
	if r.P == 0 {
		return fmt.Sprintf("%s (%s)", r.Delta, n)
	}
	return fmt.Sprintf("%s (p=%0.3f %s)", r.Delta, r.P, n)
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
		"new_median", "new_low", "new_high", "new_samples", "delta_percent", "p", "verdict", "warnings"))
	for _, u := range c.Units {
		factor := u.Unit.factor()
		for _, r := range u.Rows {
			line := []string{u.Unit.Name, r.Table, r.labels[1].Short, r.Column}
			line = append(line, csvSummary(summaryJSON(r.Old, factor), r.NOld)...)
			line = append(line, csvSummary(summaryJSON(r.New, factor), r.NNew)...)
			line = append(line, csvNumber(finite(r.percent())), csvNumber(finite(r.P)), string(r.Verdict), strings.Join(r.Warnings, "; "))
			o.Write(line)
		}
		g := u.Geomean
		o.Write([]string{u.Unit.Name, "geomean", "", "", csvNumber(finite(g.Old * factor)), "", "", "",
			csvNumber(finite(g.New * factor)), "", "", "", csvNumber(finite(100 * (g.Ratio - 1))), "", "", strings.Join(g.Warnings, "; ")})
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

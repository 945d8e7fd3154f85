package report

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// tableColumns is how many columns stand side by side, so that a table fits
// into a terminal of 100 columns. More of them make more tables.
const tableColumns = 4

// tablesSection is the numbers for a terminal.
func tablesSection() section { return section{text: tablesText} }

func tablesText(w *bufio.Writer, s *Set) {
	for i, t := range s.Tables {
		if i > 0 {
			w.WriteByte('\n')
		}
		s.tableText(w, t)
	}
	w.WriteString("\nEach cell: time per operation of all workers together: median ± farther end of its 95 % interval;\n" +
		"throughput, and how many times that of the first " + s.layout.column.Name + " (~: can't be told apart);\n" +
		"violations in the operations checked, or the 95 % upper bound of their rate if there was none,\n" +
		"which takes operations for independent trials.\n")
}

// tableText writes a table, a few columns at a time, each time with the rows that
// have a cell in these columns.
func (s *Set) tableText(w *bufio.Writer, t *Table) {
	index := make(map[*Label]int, len(t.Columns))
	for i, l := range t.Columns {
		index[l] = i
	}
	type line struct {
		row   *Row
		cells [tableColumns]*Cell
	}
	groups := make([][]line, (len(t.Columns)+tableColumns-1)/tableColumns)
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			i := index[c.Column()]
			g := &groups[i/tableColumns]
			if n := len(*g); n == 0 || (*g)[n-1].row != r {
				*g = append(*g, line{row: r})
			}
			(*g)[len(*g)-1].cells[i%tableColumns] = c
		}
	}
	for g, lines := range groups {
		part := t.Columns[g*tableColumns : min((g+1)*tableColumns, len(t.Columns))]
		header := []string{s.layout.row.Name}
		for _, l := range part {
			header = append(header, l.Text)
		}
		tw := newTable(header)
		tw.Style().Options.SeparateRows = true
		for _, l := range lines {
			row := table.Row{l.row.Short}
			for _, c := range l.cells[:len(part)] {
				row = append(row, s.cellText(c))
			}
			tw.AppendRow(row)
		}
		w.WriteString(t.Text)
		if g > 0 {
			w.WriteString(" (ratios to " + t.Columns[0].Text + ")")
		}
		w.WriteString("\n" + tw.Render() + "\n")
	}
}

// newTable returns a table for a terminal with that header. All its columns are aligned to
// the right but the words, which are named by their numbers from 0.
func newTable(header []string, words ...int) table.Writer {
	tw := table.NewWriter()
	tw.SetStyle(table.StyleLight)
	tw.Style().Format.Header = text.FormatDefault
	tw.Style().Options.DrawBorder = false
	var configs []table.ColumnConfig
	for i := range header {
		if !slices.Contains(words, i) {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	tw.SetColumnConfigs(configs)
	tw.AppendHeader(cellsOf(header))
	return tw
}

// cellsOf returns texts as a row of a table.
func cellsOf(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, t := range texts {
		row[i] = t
	}
	return row
}

func (s *Set) cellText(c *Cell) string {
	if c == nil {
		return "-"
	}
	var lines []string
	if c.Shared > 0 {
		lines = append(lines, fmt.Sprintf("!! %d of %d SHARED", c.Shared, c.Samples))
	}
	if t := s.Time(c); t != nil {
		lines = append(lines, duration(t.Center)+" "+interval(*t))
	} else if len(c.Excluded) > 0 {
		lines = append(lines, "all excluded: shared")
	}
	var speed []string
	if o := s.Throughput(c); o != nil {
		speed = append(speed, rate(o.Center))
	}
	if ratio := s.ratioText(c); ratio != "" {
		speed = append(speed, ratio)
	}
	if len(speed) > 0 {
		lines = append(lines, strings.Join(speed, " "))
	}
	if c.Violations > 0 {
		lines = append(lines, "!! "+quantity(c.Violations)+" VIOLATIONS", "in "+quantity(c.Checked)+", not ranked")
	} else {
		// In two lines, so that four columns fit beside each other.
		lines = append(lines, strings.ReplaceAll(c.Correctness(), ", ", "\n"))
	}
	return strings.Join(lines, "\n")
}

func (s *Set) ratioText(c *Cell) string {
	ratio, differs, ok := s.Ratio(c)
	switch {
	case !ok:
		return ""
	case !differs:
		return times(ratio) + " ~"
	}
	return times(ratio)
}

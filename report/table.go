package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// tableColumns is how many strategies stand side by side, so that a table fits
// into a terminal of 100 columns. More strategies make more tables.
const tableColumns = 4

// maxListed bounds lists of problems and warnings that are meant for reading.
const maxListed = 20

// Text writes the tables and findings for a terminal.
func Text(w io.Writer, s *Set) error {
	var b strings.Builder
	for i, workload := range s.Workloads {
		if i > 0 {
			b.WriteByte('\n')
		}
		s.workloadTable(&b, workload)
	}
	b.WriteString("\nEach cell: time per operation of all workers together (median, half width of the 95 % interval);\n" +
		"throughput, and how many times that of the first strategy (~: can't be told apart);\n" +
		"violations in the operations checked, or the 95 % upper bound of their rate if there was none.\n")
	b.WriteString("\nFound:\n")
	for _, f := range s.Findings() {
		mark := "  "
		if f.Bad {
			mark = "! "
		}
		if f.Workload != "" {
			f.Text = f.Workload + ": " + f.Text
		}
		fmt.Fprintf(&b, "%s%s\n", mark, f.Text)
	}
	if len(s.Unsupported) > 0 {
		b.WriteString("\nNot run:\n")
		for _, u := range s.Unsupported {
			fmt.Fprintf(&b, "  %s under %s: %s\n", u.Strategy, u.Workload, u.Reason)
		}
	}
	if lines := s.doubts(); len(lines) > 0 {
		b.WriteString("\nDoubts:\n")
		for _, line := range lines {
			b.WriteString("  " + line + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Set) workloadTable(b *strings.Builder, workload string) {
	strategies := s.StrategiesOf(workload)
	first := strategies[0]
	for from := 0; from < len(strategies); from += tableColumns {
		part := strategies[from:min(from+tableColumns, len(strategies))]
		t := table.NewWriter()
		t.SetStyle(table.StyleLight)
		t.Style().Format.Header = text.FormatDefault
		t.Style().Options.SeparateRows = true
		t.Style().Options.DrawBorder = false
		configs := []table.ColumnConfig{{Number: 1, Align: text.AlignRight, AlignHeader: text.AlignRight}}
		header := table.Row{"CPUs"}
		for i, name := range part {
			header = append(header, name)
			configs = append(configs, table.ColumnConfig{Number: i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
		t.AppendHeader(header)
		t.SetColumnConfigs(configs)
		for _, n := range s.cpus[workload] {
			row := table.Row{n}
			for _, name := range part {
				row = append(row, s.cellText(s.cells[Key{workload, n, name}]))
			}
			t.AppendRow(row)
		}
		b.WriteString(workload)
		if from > 0 {
			b.WriteString(" (ratios to " + first + ")")
		}
		b.WriteString("\n" + t.Render() + "\n")
	}
}

func (s *Set) cellText(c *Cell) string {
	if c == nil {
		return "-"
	}
	var lines []string
	if t := s.Time(c); t != nil {
		lines = append(lines, duration(t.Center)+" "+interval(*t))
	} else if len(c.SetAside) > 0 {
		lines = append(lines, "all set aside: shared")
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
		// In two lines, so that four strategies fit beside each other.
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

// doubts lists the warnings and problems, the same warning of many cells in one
// line.
func (s *Set) doubts() []string {
	var lines []string
	lines = append(lines, s.Warnings...)
	for _, g := range s.cellWarnings() {
		line := g.Cells[0].Key.String() + ": " + g.Text
		if n := len(g.Cells) - 1; n > 0 {
			line = g.Cells[0].Key.String() + " and " + plural(n, "more cell") + ": " + g.Text
		}
		lines = append(lines, line)
	}
	if n := len(lines); n > maxListed {
		lines = append(lines[:maxListed], fmt.Sprintf("and %d more: the page of refbench report -o DIR has them", n-maxListed))
	}
	for i, p := range s.Problems {
		if i == maxListed {
			break
		}
		lines = append(lines, p.String())
	}
	if n := s.ProblemCount - maxListed; n > 0 {
		lines = append(lines, fmt.Sprintf("and %s in the files", plural(n, "more problem")))
	}
	return lines
}

// A warningGroup is one warning and the cells that have it.
type warningGroup struct {
	Text  string
	Cells []*Cell
}

// cellWarnings groups the warnings of all cells by their text.
func (s *Set) cellWarnings() []warningGroup {
	var groups []warningGroup
	index := make(map[string]int)
	for _, c := range s.Cells() {
		for _, text := range c.Warnings {
			i, ok := index[text]
			if !ok {
				i = len(groups)
				index[text] = i
				groups = append(groups, warningGroup{Text: text})
			}
			groups[i].Cells = append(groups[i].Cells, c)
		}
	}
	return groups
}

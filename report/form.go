package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// A Form is how results are written for people and programs.
type Form string

// The forms.
const (
	FormText     Form = "text"     // one screen of a terminal
	FormASCII    Form = "ascii"    // the same for mail: 72 columns, nothing but ASCII
	FormMarkdown Form = "markdown" // the same as tables, and the numbers of each workload
	FormCSV      Form = "csv"      // a line for each cell
	FormJSON     Form = "json"     // everything: see JSON.md
)

// Forms lists the forms.
func Forms() []Form {
	return []Form{FormText, FormASCII, FormMarkdown, FormCSV, FormJSON}
}

// WriteAs writes the set in a form.
func WriteAs(w io.Writer, s *Set, f Form) error {
	switch f {
	case FormText:
		return Screen(w, s)
	case FormASCII:
		return writeASCII(w, s)
	case FormMarkdown:
		return writeMarkdown(w, s)
	case FormCSV:
		return writeCSV(w, s)
	case FormJSON:
		return JSON(w, s)
	}
	return fmt.Errorf("no format is called %q", string(f))
}

// mailColumns is how wide a line of a mail is.
const mailColumns = 72

// ascii writes what the reports have beyond ASCII.
var ascii = strings.NewReplacer("×", "x", "±", "+-", "µ", "u", "…", "~", "≥", ">=", "λ", "lambda", "κ", "kappa", "σ", "sigma")

func writeASCII(w io.Writer, s *Set) error {
	b := bufio.NewWriter(w)
	for _, line := range s.screenText(ScreenLines, mailColumns) {
		line = ascii.Replace(line)
		for _, r := range line {
			if r > 127 {
				r = '?'
			}
			b.WriteRune(r)
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

func writeMarkdown(w io.Writer, s *Set) error {
	b := bufio.NewWriter(w)
	tw := table.NewWriter()
	layout := s.screenLayout()
	tw.AppendHeader(cellsOf(cleanAll(layout.head)))
	for _, t := range s.screenTables() {
		tw.AppendRow(cellsOf(cleanAll(s.screenRow(layout, t, math.MaxInt))))
	}
	b.WriteString(tw.RenderMarkdown() + "\n\n" + strings.Join(screenLegend, " ") + "\n")
	for _, line := range s.screenNotes() {
		b.WriteString("\n- " + clean(line))
	}
	b.WriteString("\n")
	for _, t := range s.Tables {
		tw := table.NewWriter()
		head := []string{s.layout.row.Name}
		for _, l := range t.Columns {
			head = append(head, l.Text)
		}
		tw.AppendHeader(cellsOf(cleanAll(head)))
		for _, r := range t.Rows {
			row := make([]string, 1, len(head))
			row[0] = r.Short
			for _, l := range t.Columns {
				row = append(row, s.markdownCell(r, l))
			}
			tw.AppendRow(cellsOf(cleanAll(row)))
		}
		b.WriteString("\n### " + clean(t.Text) + "\n\n" + tw.RenderMarkdown() + "\n")
	}
	return b.Flush()
}

// markdownCell says what is known of a cell in one line.
func (s *Set) markdownCell(r *Row, l *Label) string {
	for _, c := range r.Cells {
		if c.Column() != l {
			continue
		}
		var parts []string
		if t := s.Time(c); t != nil {
			parts = append(parts, duration(t.Center)+" "+interval(*t))
		} else if len(c.Excluded) > 0 {
			parts = append(parts, "excluded")
		}
		if ratio := s.ratioText(c); ratio != "" {
			parts = append(parts, ratio)
		}
		if c.Violations > 0 {
			parts = append(parts, quantity(c.Violations)+" VIOLATIONS")
		}
		return strings.Join(parts, ", ")
	}
	return "-"
}

// writeCSV writes a line for each cell.
func writeCSV(w io.Writer, s *Set) error { return s.cellsCSV(w, s.cells) }

// cellsCSV writes a line for each of some cells. A number that isn't known is empty.
func (s *Set) cellsCSV(w io.Writer, cells []*Cell) error {
	cw := csv.NewWriter(w)
	l := s.layout
	head := []string{l.table.Name, l.row.Name, l.column.Name,
		"ns_per_operation", "ns_low", "ns_high", "operations_per_second", "ratio_to_first", "p_to_first", "p_to_fastest",
		"samples", "samples_excluded", "operations_checked", "violations"}
	if err := cw.Write(head); err != nil {
		return err
	}
	for _, c := range cells {
		line := []string{clean(c.Row.Table.Text), clean(c.Row.Short), clean(c.Column().Text)}
		var ns, low, high, rate, ratio = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
		if t := s.Time(c); t != nil {
			ns, low, high = 1e9*t.Center, 1e9*t.Lo, 1e9*t.Hi
		}
		if o := s.Throughput(c); o != nil {
			rate = o.Center
		}
		if x, _, ok := s.Ratio(c); ok {
			ratio = x
		}
		for _, v := range []float64{ns, low, high, rate, ratio, c.toFirst, c.toFastest, float64(c.Samples), float64(len(c.Excluded)), c.Checked, c.Violations} {
			text := ""
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				text = strconv.FormatFloat(v, 'g', 6, 64)
			}
			line = append(line, text)
		}
		if err := cw.Write(line); err != nil {
			return err
		}
	}
	cw.Flush()
	return cw.Error()
}

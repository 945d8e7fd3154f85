package report

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html/template"
	"strconv"

	"golang.org/x/perf/benchmath"
)

// cellsSection is the numbers for the page and for programs, with the plots.
func cellsSection() section {
	return section{json: cellsJSON, page: cellsPage, html: cellsHTML, files: plotFiles}
}

// A jsonKey names a cell: by workload, cpus and strategy in the default layout, and
// by table, row and column in a chosen one.
type jsonKey struct {
	Workload string `json:"workload,omitempty"`
	Machine  int    `json:"machine,omitempty"` // its number, if there are several
	CPUs     int    `json:"cpus,omitempty"`
	Strategy string `json:"strategy,omitempty"`

	Table  string `json:"table,omitempty"`
	Row    string `json:"row,omitempty"`
	Column string `json:"column,omitempty"`
}

func (l *layout) jsonKey(k [3]*Label) jsonKey {
	if !l.standard {
		return jsonKey{Table: k[0].Text, Row: k[1].Text, Column: k[2].Text}
	}
	n, _ := strconv.Atoi(k[1].Short) // checked with the name
	key := jsonKey{Workload: k[0].Text, CPUs: n, Strategy: k[2].Text}
	if k[0].bare != "" {
		key.Workload, key.Machine = k[0].bare, k[0].Machine.Number
	}
	return key
}

// The fields of a cell in JSON. A number that isn't known or has no bound is null.
type jsonCell struct {
	jsonKey
	Samples  int `json:"samples"`
	Excluded int `json:"samples_excluded"`
	Shared   int `json:"samples_shared"` // of samples

	Time       *jsonSummary `json:"time_per_operation_ns"`
	Throughput *jsonSummary `json:"throughput_operations_per_second"`
	// SpeedRatio is the throughput relative to the table's first column.
	SpeedRatio  *float64 `json:"speed_ratio_to_first_strategy"`
	RatioDiffer *bool    `json:"speed_ratio_is_significant"`
	// Corrected p-values: see [Ranking].
	ToFirst   *float64 `json:"p_to_first_strategy"`
	ToFastest *float64 `json:"p_to_fastest"`
	Ranked    bool     `json:"ranked"`  // false: has violations or no usable sample
	Leading   bool     `json:"leading"` // the fastest, or not told apart from it

	OperationsChecked float64    `json:"operations_checked"`
	Violations        float64    `json:"violations"`
	Kinds             []jsonKind `json:"violations_by_kind"`
	// Rate is violations / operations checked; RateBelow bounds it at 95 %
	// confidence when no violation was seen.
	Rate      *float64 `json:"violations_per_operation"`
	RateBelow *float64 `json:"violations_per_operation_below"`

	Others   []jsonValue `json:"other_units"`
	Warnings []string    `json:"warnings"`
}

type jsonKind struct {
	Kind  string  `json:"kind"`
	Count float64 `json:"count"`
}

type jsonSummary struct {
	Median     float64  `json:"median"`
	Low        *float64 `json:"low"`  // of the interval; null: too few samples
	High       *float64 `json:"high"` // likewise
	Confidence float64  `json:"confidence"`
}

type jsonValue struct {
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
}

func cellsJSON(s *Set) []jsonField {
	return []jsonField{{"cells", jsonList(func(yield func(any) bool) {
		for _, t := range s.Tables {
			for _, r := range t.Rows {
				leading := s.Rank(r).leading()
				for _, c := range r.Cells {
					if !yield(s.jsonCell(c, leading[c])) {
						return
					}
				}
			}
		}
	})}}
}

func (s *Set) jsonCell(c *Cell, leading bool) jsonCell {
	jc := jsonCell{
		jsonKey: s.layout.jsonKey(c.labels), Samples: c.Samples, Excluded: len(c.Excluded), Shared: c.Shared,
		Time: summaryJSON(s.Time(c), 1e9), Throughput: summaryJSON(s.Throughput(c), 1), Leading: leading,
		OperationsChecked: c.Checked, Violations: c.Violations, Kinds: []jsonKind{}, Others: []jsonValue{},
		Warnings: nonNil(c.Warnings),
	}
	if ratio, differs, ok := s.Ratio(c); ok {
		jc.SpeedRatio, jc.RatioDiffer = finite(ratio), &differs
	}
	jc.ToFirst, jc.ToFastest = finite(c.toFirst), finite(c.toFastest)
	jc.Ranked = s.rankable(c)
	for _, k := range c.Kinds {
		jc.Kinds = append(jc.Kinds, jsonKind(k))
	}
	if c.Checked > 0 {
		jc.Rate = finite(c.Violations / c.Checked)
		if c.Violations == 0 {
			jc.RateBelow = finite(upperBound(c.Checked))
		}
	}
	for _, m := range c.measures {
		u := s.Units[m.unit]
		switch u.Tidied {
		case unitTime, unitThroughput, unitViolations, unitShared, unitChecked, unitRound:
			continue
		}
		if m.summary != nil && !u.Kind {
			jc.Others = append(jc.Others, jsonValue{u.Name, m.summary.Center})
		}
	}
	return jc
}

func summaryJSON(sum *benchmath.Summary, factor float64) *jsonSummary {
	if sum == nil {
		return nil
	}
	return &jsonSummary{Median: sum.Center * factor, Low: finite(sum.Lo * factor), High: finite(sum.Hi * factor), Confidence: sum.Confidence}
}

// maxPageCells bounds the cells on the page: with many more a browser takes seconds
// for every touch.
const maxPageCells = 10_000

// shown returns the tables that the page shows, the last one cut, and says what it
// leaves out and why.
func (s *Set) shown() (tables []*Table, leftOut []string) {
	room := maxPageCells
	for _, t := range s.Tables {
		if room == 0 {
			break
		}
		cut := *t
		cut.Rows = nil
		for _, r := range t.Rows {
			if room == 0 {
				break
			}
			part := *r
			part.Cells = r.Cells[:min(len(r.Cells), room)]
			room -= len(part.Cells)
			cut.Rows = append(cut.Rows, &part)
		}
		tables = append(tables, &cut)
	}
	if len(s.cells) > maxPageCells {
		leftOut = append(leftOut, fmt.Sprintf("This page shows the first %d of %d cells, because a browser can't show so many. The text and --json have all; --filter chooses others.",
			maxPageCells, len(s.cells)))
	}
	return tables, leftOut
}

// id returns the table's anchor on the page.
func (t *Table) id() string { return "w" + strconv.Itoa(t.place+1) }

type cellsData struct {
	Name     string
	Findings []string
	Charts   *chartsData // nil if there are none
	Axis     string      // of the rows
	Columns  string      // what a column is, as a heading
	Column   string      // the same in a sentence
	Rows     []cellsRow
	Fold     bool
	CSV      template.URL // the numbers
	File     string       // what the CSV is called
	Marks    bool         // the table's first part has the controls
	Choices  []choice
	Many     bool // so many columns that one chart can't show them well
}

// A choice is a column that can be left out of what is shown.
type choice struct {
	Place int
	Name  string
}

// chartsData is what stands beside each other: throughput as charts in several views, of
// which one is seen, and correctness as a table.
type chartsData struct {
	Views  []chartView
	Counts []string
	Rows   []rightRow
	Fitted bool
}

// A chartView is the chart of all series and one for each.
type chartView struct {
	Class   string // "va" to "vd"
	Caption string
	Chart   template.HTML
	Minis   []miniature
}

// A rightRow is what the oracles saw of a column, by count.
type rightRow struct {
	Place int
	Name  string
	Cells []rightCell
}

type rightCell struct {
	Text string
	Bad  bool
}

type cellsRow struct {
	Name  string
	Place int // in the table
	Cells []cellData
}

type cellData struct {
	Column            string
	Place             int
	Time, Plus        string
	Throughput, Ratio string
	Correctness       string
	Bad, Lead         bool
	Samples           string
	Warnings          []string
}

// maxOpenRows is the longest table that is shown unfolded, and manyColumns how many one chart
// shows well.
const (
	maxOpenRows = 48
	manyColumns = 8
)

func cellsPage(s *Set) []part {
	plotted := make(map[*Label]bool)
	for _, t := range s.plottedTables() {
		plotted[t.Label] = true
	}
	tables, _ := s.shown()
	parts := make([]part, 0, len(tables)+1)
	parts = append(parts, s.chooser())
	used := make(names)
	for _, t := range tables {
		d := cellsData{
			Name: t.Text, Findings: s.fastestSentences(t),
			Axis: sentence(s.layout.row.Name), Columns: sentence(s.layout.column.Name),
			CSV: s.csvURL(t), File: used.of(t.Text) + ".csv",
		}
		if plotted[t.Label] {
			d.Charts = s.chartsOf(t)
		}
		n := 0
		for i, r := range t.Rows {
			row := s.cellsRow(r)
			row.Place = i
			n += len(row.Cells)
			d.Rows = append(d.Rows, row)
		}
		d.Fold = n > maxOpenRows
		parts = append(parts, part{ID: t.id(), Title: t.Text, Class: "wl", Data: d})
	}
	return parts
}

// csvURL returns the numbers of a table as a file within the page.
func (s *Set) csvURL(t *Table) template.URL {
	var b bytes.Buffer
	var cells []*Cell
	for _, r := range t.Rows {
		cells = append(cells, r.Cells...)
	}
	if err := s.cellsCSV(&b, cells); err != nil {
		panic(err) // a buffer takes everything
	}
	return template.URL("data:text/csv;charset=utf-8;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}

// chooser returns what stands above the tables: which columns are shown, and how.
func (s *Set) chooser() part {
	d := cellsData{Marks: true, Columns: sentence(s.layout.column.Name), Column: s.layout.column.Name}
	if len(s.Columns) <= maxSeries {
		for _, l := range s.Columns {
			d.Choices = append(d.Choices, choice{l.place, l.Text})
		}
	}
	counts := 0 // reference points stand in few tables
	for _, l := range s.Columns {
		if !l.Baseline {
			counts++
		}
	}
	d.Many = counts > manyColumns
	name := cmp.Or(s.layout.table.Name, "table")
	return part{ID: "workloads", Nav: sentence(name) + "s", Title: sentence(name) + "s", Data: d}
}

// chartsOf returns the charts of a table, or nil if it has no throughput.
func (s *Set) chartsOf(t *Table) *chartsData {
	yes, no := func(_, _ float64) bool { return true }, func(_, _ float64) bool { return false }
	var d chartsData
	for _, v := range []struct {
		class   string
		perCPU  bool
		scale   func(_, _ float64) bool
		caption string
	}{
		{"va", false, yes, "Operations per second, all CPUs together; log scale."},
		{"vb", false, no, "Operations per second, all CPUs together; linear scale."},
		{"vc", true, yes, "Operations per second and CPU; log scale."},
		{"vd", true, no, "Operations per second and CPU; linear scale."},
	} {
		f := s.speedFigure(t, v.perCPU, v.scale)
		if f == nil {
			continue
		}
		id := t.id() + v.class
		view := chartView{Class: v.class, Caption: v.caption, Chart: f.page(id), Minis: f.miniatures(id)}
		if len(f.fits) > 0 {
			view.Caption += " Dashed: a fit, not measured."
		}
		d.Views = append(d.Views, view)
	}
	if d.Views == nil {
		return nil
	}
	rows := make(map[*Label]*rightRow)
	for i, r := range t.Rows {
		d.Counts = append(d.Counts, r.Short)
		for _, c := range r.Cells {
			row := rows[c.Column()]
			if row == nil {
				row = &rightRow{Place: c.Column().place, Name: c.Column().Text, Cells: make([]rightCell, len(t.Rows))}
				rows[c.Column()] = row
			}
			row.Cells[i] = rightCellOf(c)
		}
	}
	for _, l := range t.Columns {
		d.Rows = append(d.Rows, *rows[l])
	}
	return &d
}

// rightCellOf says briefly what the oracles saw of a cell.
func rightCellOf(c *Cell) rightCell {
	switch {
	case c.Violations > 0:
		return rightCell{quantity(c.Violations) + " in " + quantity(c.Checked), true}
	case c.Checked == 0:
		return rightCell{Text: "not checked"}
	}
	m, e := mantissa(upperBound(c.Checked))
	return rightCell{Text: fmt.Sprintf("< %se%d", m, e)}
}

func (s *Set) cellsRow(r *Row) cellsRow {
	row := cellsRow{Name: r.Text}
	rank := s.Rank(r)
	leading := rank.leading()
	for _, c := range r.Cells {
		d := cellData{
			Column: c.Column().Text, Place: c.Column().place, Correctness: powers(c.Correctness()), Bad: c.Violations > 0,
			Ratio: s.ratioText(c), Samples: strconv.Itoa(c.Samples), Warnings: c.Warnings,
			Time: "–", Throughput: "–",
		}
		if t := s.Time(c); t != nil {
			d.Time, d.Plus = duration(t.Center), interval(*t)
		}
		if o := s.Throughput(c); o != nil {
			d.Throughput = rate(o.Center)
		}
		if c.Shared > 0 {
			d.Samples += fmt.Sprintf(", %d SHARED", c.Shared)
		}
		if n := len(c.Excluded); n > 0 {
			d.Samples += fmt.Sprintf(" + %d excluded", n)
		}
		if c.Column() == r.Table.Columns[0] && !d.Bad && s.Time(c) != nil {
			d.Ratio = "1"
		}
		d.Lead = rank.Next != nil && leading[c]
		row.Cells = append(row.Cells, d)
	}
	return row
}

const cellsHTML = `{{if .Marks}}<p class="soft screen">Point at a name, a line or a number of CPUs in one of the pictures to see it in the others.</p>
<form>
<fieldset><legend>Throughput</legend>
<label><input type="radio" name="of" id="total" checked> total</label> <label><input type="radio" name="of" id="each"> per CPU</label></fieldset>
<fieldset><legend>Scale</legend>
<label><input type="radio" name="scale" id="log" checked> logarithmic</label> <label><input type="radio" name="scale" id="linear"> linear</label></fieldset>
<fieldset><legend>Charts</legend>
<label><input type="radio" name="charts" id="one"{{if not .Many}} checked{{end}}> one for all</label> <label><input type="radio" name="charts" id="minis"{{if .Many}} checked{{end}}> one for each</label></fieldset>
{{with .Choices}}<fieldset class="choose"><legend>{{$.Columns}}</legend>
{{range .}}<label class="k k{{.Place}}"><input type="checkbox" id="c{{.Place}}" checked> {{.Name}}</label> {{end}}
<button type="reset">all</button></fieldset>
{{end}}</form>
<p class="soft">Numbers are medians; ± is the farther end of the 95&nbsp;% interval. Ratio: throughput relative to the table's first {{.Column}}; ~ means that the two can't be told apart. ★: the fastest, or not told apart from it. ▲: has warnings. Violations: where none was seen, a bound at 95&nbsp;% of their share of operations.</p>
{{else}}{{range .Findings}}<p>{{.}}</p>
{{end}}{{with .Charts}}<div class="plots">
<div class="views">
{{range .Views}}<figure class="v {{.Class}}">
<div class="one">{{.Chart}}</div>
<div class="minis">{{range .Minis}}<div class="mini k{{.Place}}">{{.SVG}}<div><strong>{{.Name}}</strong> {{.Rates}}</div></div>{{end}}</div>
<figcaption class="soft">{{.Caption}}</figcaption>
</figure>
{{end}}</div>
<div class="scroll" tabindex="0" role="region" aria-label="Violations of {{$.Name}}">
<table class="right">
<caption>Violations per operation</caption>
<thead><tr><th scope="col" class="l">{{$.Columns}}</th>{{range $i, $n := .Counts}}<th scope="col" class="b{{$i}}">{{$n}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr class="k k{{.Place}}"><th scope="row" class="l">{{.Name}}</th>{{range $i, $c := .Cells}}<td class="b{{$i}}{{if .Bad}} bad{{end}}">{{if .Bad}}! {{end}}{{.Text}}</td>{{end}}</tr>
{{end}}</tbody>
</table>
</div>
</div>
{{end}}<p class="screen"><a href="{{.CSV}}" download="{{.File}}">These numbers as CSV</a></p>
{{if .Fold}}<details><summary>All numbers</summary>
{{end}}<div class="scroll" tabindex="0" role="region" aria-label="Numbers of {{.Name}}">
<table class="cells">
<thead><tr><th scope="col" class="l">{{.Columns}}</th><th scope="col">Time per operation</th><th scope="col">Throughput</th><th scope="col">Ratio</th><th scope="col">Violations</th><th scope="col">Samples</th></tr></thead>
{{range .Rows}}<tbody>
<tr class="b{{.Place}}"><th scope="rowgroup" colspan="6" class="l">{{.Name}}</th></tr>
{{range .Cells}}<tr class="k{{.Place}}{{if .Bad}} bad{{else if .Lead}} lead{{end}}"><th scope="row" class="l name">{{.Column}}{{if .Lead}} <span role="img" aria-label="fastest, or not told apart from it">★</span>{{end}}</th><td class="time nowrap">{{.Time}} <span class="plus">{{.Plus}}</span></td><td class="nowrap">{{.Throughput}}</td><td class="nowrap">{{.Ratio}}</td><td class="corr">{{.Correctness}}</td><td>{{.Samples}}{{range .Warnings}} <span class="flag" role="img" title="{{.}}" aria-label="{{.}}">▲</span>{{end}}</td></tr>
{{end}}</tbody>
{{end}}</table>
</div>
{{if .Fold}}</details>
{{end}}{{end}}`

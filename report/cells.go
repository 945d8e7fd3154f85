package report

import (
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
	return jsonKey{Workload: k[0].Text, CPUs: n, Strategy: k[2].Text}
}

// The fields of a cell in JSON. A number that isn't known or has no bound is null.
type jsonCell struct {
	jsonKey
	Samples  int `json:"samples"`
	SetAside int `json:"samples_set_aside"`
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
		jsonKey: s.layout.jsonKey(c.labels), Samples: c.Samples, SetAside: len(c.SetAside), Shared: c.Shared,
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
	Plots    []template.HTML
	Axis     string // of the rows
	Columns  string // what a column is, as a heading
	Base     string // the column that ratios refer to
	Rows     []cellsRow
	Fold     bool
}

type cellsRow struct {
	Name  string
	Cells []cellData
}

type cellData struct {
	Column            string
	Time, Plus        string
	Throughput, Ratio string
	Correctness       string
	Bad, Lead         bool
	Samples           string
	Warnings          []string
}

// maxOpenRows is the longest table that is shown unfolded.
const maxOpenRows = 48

func cellsPage(s *Set) []part {
	plots := make(map[*Label][]namedPlot)
	for _, p := range s.plots() {
		plots[p.table] = append(plots[p.table], p)
	}
	tables, _ := s.shown()
	var parts []part
	for _, t := range tables {
		d := cellsData{
			Name: t.Text, Findings: s.fastestSentences(t), Base: t.Columns[0].Text,
			Axis: sentence(s.layout.row.Name), Columns: sentence(s.layout.column.Name),
		}
		for _, p := range plots[t.Label] {
			d.Plots = append(d.Plots, p.figure.inline())
		}
		n := 0
		for _, r := range t.Rows {
			row := s.cellsRow(r)
			n += len(row.Cells)
			d.Rows = append(d.Rows, row)
		}
		d.Fold = n > maxOpenRows
		parts = append(parts, part{ID: t.id(), Nav: t.Text, Title: t.Text, Data: d})
	}
	return parts
}

func (s *Set) cellsRow(r *Row) cellsRow {
	row := cellsRow{Name: r.Short}
	rank := s.Rank(r)
	leading := rank.leading()
	for _, c := range r.Cells {
		d := cellData{
			Column: c.Column().Text, Correctness: powers(c.Correctness()), Bad: c.Violations > 0,
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
		if n := len(c.SetAside); n > 0 {
			d.Samples += fmt.Sprintf(" + %d set aside", n)
		}
		if c.Column() == r.Table.Columns[0] && !d.Bad {
			d.Ratio = "1"
		}
		d.Lead = rank.Next != nil && leading[c]
		row.Cells = append(row.Cells, d)
	}
	return row
}

const cellsHTML = `{{range .Findings}}<p>{{.}}</p>
{{end}}{{with .Plots}}<div class="plots">
{{range .}}<figure>{{.}}</figure>
{{end}}</div>
{{end}}<p class="soft">Medians; ± is the farther end of the 95&nbsp;% interval. Ratio: throughput relative to {{.Base}}; ~ means that they can't be told apart. ★: the fastest, or not told apart from it.</p>
{{if .Fold}}<details><summary>All numbers</summary>
{{end}}<div class="scroll" tabindex="0" role="region" aria-label="Numbers of {{.Name}}">
<table>
<thead><tr><th scope="col">{{.Axis}}</th><th scope="col" class="l">{{.Columns}}</th><th scope="col">Time per operation</th><th scope="col">Throughput</th><th scope="col">Ratio</th><th scope="col">Violations</th><th scope="col">Samples</th></tr></thead>
{{range .Rows}}<tbody class="cpus">
{{$name := .Name}}{{$span := len .Cells}}{{range $i, $c := .Cells}}<tr{{if .Bad}} class="bad"{{else if .Lead}} class="lead"{{end}}>{{if not $i}}<th scope="rowgroup" rowspan="{{$span}}">{{$name}}</th>{{end}}<th scope="row" class="l nowrap name">{{.Column}}{{if .Lead}} <span aria-label="fastest, or not told apart from the fastest" title="fastest, or not told apart from the fastest">★</span>{{end}}</th><td class="nowrap time">{{.Time}} <span class="plus">{{.Plus}}</span></td><td class="nowrap">{{.Throughput}}</td><td class="nowrap">{{if .Bad}}not ranked{{else}}{{.Ratio}}{{end}}</td><td class="corr">{{.Correctness}}</td><td class="nowrap">{{.Samples}}{{if .Warnings}} <span class="flag" role="img" aria-label="doubts: {{range .Warnings}}{{.}}. {{end}}" title="{{range .Warnings}}{{.}}. {{end}}">⚠</span>{{end}}</td></tr>
{{end}}</tbody>
{{end}}</table>
</div>
{{if .Fold}}</details>
{{end}}`

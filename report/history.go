package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aclements/go-moremath/stats"
	"gonum.org/v1/plot"

	"github.com/refbench/refbench/report/changepoint"
)

// historySection is how the cells of one machine went over the dates on which they were
// measured.
func historySection() section {
	return section{text: historyText, json: historyJSON, page: historyPage, html: historyHTML, files: historyFiles}
}

// A History is how one cell went over several dates.
type History struct {
	Points []*Cell // in the order of their dates; each has samples of its date alone
	Steps  []Step  // in the order of their dates

	// Searched is how many of the points changes were looked for in: the latest that have
	// times to compare. With fewer than [changepoint.LeastDates] none could be found.
	Searched int
}

// A Step is a change of level: a change point.
type Step struct {
	At    int     // index of the first point of the new level
	Last  int     // index of the last point of the level before
	Ratio float64 // of the medians: the level from here to the next step over that since the one before
	P     float64 // see package changepoint
}

const (
	// leastStep is the smallest change of level that is called one, as in a comparison: what a
	// build changes in the layout of the code is often as much as that.
	leastStep = 0.02

	// maxDates bounds the dates of one cell in which changes are looked for: the latest.
	maxDates = 200
)

// Key returns the name of the cell that the history is of.
func (h *History) Key() Key { return h.Points[0].Key() }

func (h *History) last() *Cell { return h.Points[len(h.Points)-1] }

// setHistory keeps the cells of earlier dates, and finds where cells changed.
func (s *Set) setHistory(earlier []*Cell) {
	if len(earlier) == 0 {
		return
	}
	slices.SortFunc(earlier, byPlace)
	s.earlier = earlier
	of := make(map[[3]*Label][]*Cell)
	var labels [][3]*Label
	violations := 0.0
	for _, c := range earlier {
		s.summarizeCell(c)
		c.rests = nil
		violations += c.Violations
		if of[c.labels] == nil {
			labels = append(labels, c.labels)
		}
		of[c.labels] = append(of[c.labels], c)
	}
	gone := len(labels) // from the latest date
	for _, c := range s.cells {
		if of[c.labels] != nil {
			of[c.labels] = append(of[c.labels], c)
			gone--
		}
	}
	for _, l := range labels {
		h := &History{Points: of[l]} // in the order of their dates, the latest last
		if len(h.Points) > 1 {
			s.findSteps(h)
			s.History = append(s.History, h)
		}
	}
	if violations > 0 {
		text := quantity(violations) + " violations are of earlier dates"
		if violations == 1 {
			text = "1 violation is of an earlier date"
		}
		s.Warnings = append(s.Warnings, text+" than the latest: see the history")
	}
	if gone > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("the tables leave out %s that the latest date of its workload doesn't have: read the files one by one", plural(gone, "cell")))
	}
}

func byPlace(a, b *Cell) int {
	return cmp.Or(a.labels[0].place-b.labels[0].place, a.labels[1].place-b.labels[1].place, a.labels[2].place-b.labels[2].place, a.Date.compare(b.Date))
}

// findSteps finds where a cell changed: in the medians of its dates, so that what differs
// from one day to the next is the noise, and not what differs within a minute.
func (s *Set) findSteps(h *History) {
	var times []float64
	var at []int // index of the point
	for i, c := range h.Points {
		if s.comparable(c) {
			times, at = append(times, s.Time(c).Center), append(at, i)
		}
	}
	if n := len(times) - maxDates; n > 0 {
		times, at = times[n:], at[n:]
	}
	h.Searched = len(times)
	all := changepoint.Find(times)
	for len(all) > 0 {
		ratios := ratiosOf(times, all)
		least := 0
		for i := range all {
			if math.Abs(math.Log(ratios[i])) < math.Abs(math.Log(ratios[least])) {
				least = i
			}
		}
		if max(ratios[least], 1/ratios[least]) >= 1+leastStep {
			for i, c := range all {
				h.Steps = append(h.Steps, Step{at[c.At], at[c.At-1], ratios[i], c.P})
			}
			return
		}
		all = slices.Delete(all, least, least+1)
	}
}

// ratiosOf returns how much each change changes: the median from it to the next one over that
// of what is before it.
func ratiosOf(times []float64, changes []changepoint.Change) []float64 {
	level := func(from, to int) float64 {
		return stats.Sample{Xs: slices.Sorted(slices.Values(times[from:to])), Sorted: true}.Quantile(0.5)
	}
	ratios := make([]float64, len(changes))
	for i, c := range changes {
		from, to := 0, len(times)
		if i > 0 {
			from = changes[i-1].At
		}
		if i+1 < len(changes) {
			to = changes[i+1].At
		}
		ratios[i] = level(c.At, to) / level(from, c.At)
	}
	return ratios
}

// A stepOf is a step of a history.
type stepOf struct {
	*History
	Step
}

// steps returns all steps, the largest first.
func (s *Set) steps() []stepOf {
	var all []stepOf
	for _, h := range s.History {
		for _, step := range h.Steps {
			all = append(all, stepOf{h, step})
		}
	}
	slices.SortStableFunc(all, func(a, b stepOf) int {
		return cmp.Compare(math.Abs(math.Log(b.Ratio)), math.Abs(math.Log(a.Ratio)))
	})
	return all
}

// change says how much a step changes: "8.2 % slower".
func (st Step) change() string {
	if st.Ratio < 1 {
		return percent(1-st.Ratio) + " faster"
	}
	return percent(st.Ratio-1) + " slower"
}

// cause says what else is different on the date of a step than on the last one of the level
// before: dates between the two have no times to compare.
func (st stepOf) cause() string {
	return st.Points[st.At].Date.differences(st.Points[st.Last].Date)
}

func (st stepOf) String() string {
	text := fmt.Sprintf("%s: %s from %s on", st.Key(), st.change(), st.Points[st.At].Date.Text)
	if cause := st.cause(); cause != "" {
		text += " (" + cause + ")"
	}
	return text
}

// historyLine sums up what was found over the dates, "" if there is one only.
func (s *Set) historyLine() string {
	if len(s.History) == 0 {
		return ""
	}
	dates, searched := make(map[*Date]bool), 0
	for _, h := range s.History {
		for _, c := range h.Points {
			dates[c.Date] = true
		}
		if h.Searched >= changepoint.LeastDates {
			searched++
		}
	}
	var first *Date
	for _, d := range s.dates {
		if dates[d] && (first == nil || d.compare(first) < 0) {
			first = d
		}
	}
	text := fmt.Sprintf("History: %s since %s; ", plural(len(dates), "date"), first.Text)
	if searched == 0 {
		return text + fmt.Sprintf("a change takes %d with times.", changepoint.LeastDates)
	}
	return text + fmt.Sprintf("%s in %d series (chance: %s).", plural(len(s.steps()), "change point"), searched, briefCount(changepoint.Level*float64(searched)))
}

// briefCount formats an expected number.
func briefCount(n float64) string {
	digits := 0
	switch {
	case n < 0.1:
		digits = 2
	case n < 10:
		digits = 1
	}
	return strconv.FormatFloat(n, 'f', digits, 64)
}

// mostSteps is how many changes a screen has: the largest.
const mostSteps = 2

// historyNotes returns what was found over the dates, for a screen.
func (s *Set) historyNotes() []string {
	line := s.historyLine()
	if line == "" {
		return nil
	}
	lines := []string{line}
	all := s.steps()
	for _, st := range all[:min(len(all), mostSteps)] {
		lines = append(lines, "  "+st.String())
	}
	return lines
}

func historyText(w *bufio.Writer, s *Set) {
	line := s.historyLine()
	if line == "" {
		return
	}
	fmt.Fprintf(w, "\n%s The tables are of the latest date.\n", line)
	for _, h := range s.History {
		if len(h.Steps) == 0 {
			continue
		}
		fmt.Fprintf(w, "  %s: %s\n", h.Key(), s.historyOf(h))
		for _, step := range h.Steps {
			st := stepOf{h, step}
			fmt.Fprintf(w, "    %s: %s (p %.2g)", h.Points[st.At].Date.Text, st.change(), st.P)
			if cause := st.cause(); cause != "" {
				w.WriteString(": " + cause)
			}
			w.WriteByte('\n')
		}
	}
}

// historyOf says from where to where a cell went.
func (s *Set) historyOf(h *History) string {
	from, to := "no time", "no time"
	if t := s.Time(h.Points[0]); t != nil {
		from = duration(t.Center)
	}
	if t := s.Time(h.last()); t != nil {
		to = duration(t.Center)
	}
	return fmt.Sprintf("%s on %s, %s on %s", from, h.Points[0].Date.Text, to, h.last().Date.Text)
}

type jsonHistory struct {
	jsonKey
	Points   []jsonPoint `json:"points"`
	Searched int         `json:"points_searched"`
	Steps    []jsonStep  `json:"change_points"`
}

type jsonPoint struct {
	Date       *string      `json:"date"`
	Commit     string       `json:"commit"`
	Time       *jsonSummary `json:"time_per_operation_ns"`
	Samples    int          `json:"samples"`
	Checked    float64      `json:"operations_checked"`
	Violations float64      `json:"violations"`
}

type jsonStep struct {
	Point   int      `json:"point"`
	Ratio   *float64 `json:"ratio_to_level_before"`
	P       float64  `json:"p"`
	Besides string   `json:"besides"`
}

func historyJSON(s *Set) []jsonField {
	if len(s.History) == 0 {
		return nil
	}
	return []jsonField{{"history", jsonList(func(yield func(any) bool) {
		for _, h := range s.History {
			jh := jsonHistory{jsonKey: s.layout.jsonKey(h.Points[0].labels), Searched: h.Searched, Steps: []jsonStep{}}
			for _, c := range h.Points {
				p := jsonPoint{Commit: c.Date.Commit, Time: summaryJSON(s.Time(c), 1e9), Samples: c.Samples, Checked: c.Checked, Violations: c.Violations}
				if !c.Date.Started.IsZero() {
					text := c.Date.Started.Format("2006-01-02T15:04:05Z")
					p.Date = &text
				}
				jh.Points = append(jh.Points, p)
			}
			for _, st := range h.Steps {
				jh.Steps = append(jh.Steps, jsonStep{st.At, finite(st.Ratio), st.P, stepOf{h, st}.cause()})
			}
			if !yield(jh) {
				return
			}
		}
	})}}
}

// A historyTable is what one table was on several dates.
type historyTable struct {
	table *Label
	dates []*Date // of its cells, in order
	all   []*History
	rows  []historyRow
}

// A historyRow is the histories of one row of a table.
type historyRow struct {
	row *Label
	all []*History
}

// historyTables returns the histories by table and row.
func (s *Set) historyTables() []*historyTable {
	var tables []*historyTable
	var seen map[*Date]bool
	for _, h := range s.History {
		labels := h.Points[0].labels
		if n := len(tables); n == 0 || tables[n-1].table != labels[0] {
			tables = append(tables, &historyTable{table: labels[0]})
			seen = make(map[*Date]bool)
		}
		t := tables[len(tables)-1]
		t.all = append(t.all, h)
		if n := len(t.rows); n == 0 || t.rows[n-1].row != labels[1] {
			t.rows = append(t.rows, historyRow{row: labels[1]})
		}
		r := &t.rows[len(t.rows)-1]
		r.all = append(r.all, h)
		for _, c := range h.Points {
			if !seen[c.Date] {
				seen[c.Date] = true
				t.dates = append(t.dates, c.Date)
			}
		}
	}
	for _, t := range tables {
		slices.SortFunc(t.dates, func(a, b *Date) int { return a.compare(b) })
	}
	return tables
}

// searched returns in how many dates of a cell changes were looked for, at most.
func (t *historyTable) searched() (n int) {
	for _, h := range t.all {
		n = max(n, h.Searched)
	}
	return n
}

// areSo says how many there are.
func areSo(n int) string {
	if n == 1 {
		return "is 1"
	}
	return fmt.Sprintf("are %d", n)
}

// mostHistories is how many rows of a table have a chart of their history.
const mostHistories = 3

// shown returns the rows that have a chart: the last one, and the first others of those in
// which something changed.
func (t *historyTable) shown() []historyRow {
	var rows []historyRow
	last := len(t.rows) - 1
	for i, r := range t.rows {
		changed := slices.ContainsFunc(r.all, func(h *History) bool { return len(h.Steps) > 0 })
		if i == last || changed && len(rows) < mostHistories-1 {
			rows = append(rows, r)
		}
	}
	return rows
}

// historyFigure returns the chart of a row's history, or nil if it has nothing to show: times
// relative to the first of each column, so that a step of one is as high as that of another.
func (s *Set) historyFigure(t *historyTable, r historyRow) *figure {
	place := make(map[*Date]int, len(t.dates))
	f := &figure{axis: "date", title: t.table.Text + ", " + r.row.Text + ": history", subtitle: "time per operation relative to the first date; vertical bar: a change point"}
	for i, d := range t.dates {
		place[d] = i + 1
		f.counts, f.dates = append(f.counts, i+1), append(f.dates, d.Text)
	}
	var columns []*Label
	least, most := 1.0, 1.0
	for _, h := range r.all {
		base := 0.0
		series := len(columns)
		for i, c := range h.Points {
			tm := s.Time(c)
			if tm == nil || tm.Center < leastPlotted {
				continue
			}
			if base == 0 {
				base = tm.Center
				columns = append(columns, c.Column())
			}
			p := figurePoint{series: series, cpus: place[c.Date], y: tm.Center / base, open: c.Violations > 0, wrong: c.Violations > 0}
			p.step = slices.ContainsFunc(h.Steps, func(st Step) bool { return st.At == i })
			f.points = append(f.points, p)
			least, most = min(least, p.y), max(most, p.y)
		}
	}
	if len(f.points) == 0 || len(columns) > maxSeries || len(f.points) > maxPlottedCells {
		return nil
	}
	f.series = newSeries(columns)
	f.yTicks, f.yMin, f.yMax = shareTicks(least, most)
	return f
}

// shareTicks returns ticks in percent around 1 that cover lo to hi, and the axis' ends.
func shareTicks(lo, hi float64) (ticks plot.ConstantTicks, from, to float64) {
	step := 0.01
	for _, m := range []float64{2, 5, 10, 20, 50, 100, 1000, 1e4, 1e6} {
		if (hi-lo)/step <= 6 {
			break
		}
		step = 0.01 * m
	}
	for (hi-lo)/step > 8 { // a first date gone wrong
		step *= 10
	}
	a, b := math.Floor((lo-1)/step), math.Ceil((hi-1)/step)
	if a == b {
		a, b = a-1, b+1
	}
	for k := a; k <= b; k++ {
		v := 1 + k*step
		label := "0"
		if k != 0 {
			label = fmt.Sprintf("%+.4g%%", 100*k*step)
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
	}
	return ticks, 1 + a*step, 1 + b*step
}

// dateTicks labels an axis of dates: so many of them at most, the first and the last among
// them.
func dateTicks(dates []string, most int) (ticks plot.ConstantTicks) {
	last := len(dates) - 1
	labels := min(most, len(dates)) - 1 // besides the first
	labelled := map[int]bool{last: true}
	for k := range labels {
		labelled[k*last/labels] = true
	}
	for i, d := range dates {
		tick := plot.Tick{Value: float64(i + 1)}
		if labelled[i] {
			tick.Label = d
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// historyFiles returns the pictures of histories, as SVG and PNG.
func historyFiles(s *Set) []file {
	var files []file
	used := make(names)
	tables := s.historyTables()
	for _, t := range tables[:min(len(tables), s.plotted)] {
		for _, r := range t.shown() {
			if f := s.historyFigure(t, r); f != nil {
				name := used.of(t.table.Text+" "+r.row.Text) + "-history"
				files = append(files, file{name + ".svg", f.writeSVG}, file{name + ".png", f.writePNG})
			}
		}
	}
	return files
}

type historyData struct {
	Line   string
	Tables []historyPart
	More   string // how many tables have no room, "" if none
}

type historyPart struct {
	Name, Axis, Columns string
	Charts              []historyChart
	Few                 string // why no change was looked for, "" if it was
	Steps               []historyStep
	More                int // steps
	CSV                 template.URL
	File                string
}

type historyChart struct {
	Row   string
	Chart template.HTML
}

type historyStep struct {
	Place                          int
	Column, Row, Date, By, Besides string
	P                              string
}

// maxPageSteps bounds the steps of one table that the page lists.
const maxPageSteps = 100

func historyPage(s *Set) []part {
	line := s.historyLine()
	if line == "" {
		return nil
	}
	d := historyData{Line: line}
	tables := s.historyTables()
	if n := len(tables) - maxPlotted; n > 0 {
		d.More = plural(n, sentenceWord(s.layout.table.Name))
	}
	used := make(names)
	for i, t := range tables[:min(len(tables), maxPlotted)] {
		p := historyPart{Name: t.table.Text, Axis: sentence(s.layout.row.Name), Columns: sentence(s.layout.column.Name),
			CSV: s.historyCSV(t), File: used.of(t.table.Text) + "-history.csv"}
		if n := t.searched(); n < changepoint.LeastDates {
			p.Few = fmt.Sprintf("No change point is looked for: that takes %d dates with times, and there %s.", changepoint.LeastDates, areSo(n))
		}
		for j, r := range t.shown() {
			if f := s.historyFigure(t, r); f != nil && i < s.plotted {
				p.Charts = append(p.Charts, historyChart{r.row.Text, f.page(fmt.Sprintf("h%d-%d", i, j))})
			}
		}
		for _, h := range t.all {
			for _, step := range h.Steps {
				st := stepOf{h, step}
				if len(p.Steps) == maxPageSteps {
					p.More++
					continue
				}
				c := h.Points[st.At]
				p.Steps = append(p.Steps, historyStep{Place: c.Column().place, Column: c.Column().Text, Row: c.labels[1].Text, Date: c.Date.Text,
					By: st.change(), Besides: cmp.Or(st.cause(), "nothing"), P: fmt.Sprintf("%.2g", st.P)})
			}
		}
		d.Tables = append(d.Tables, p)
	}
	return []part{{ID: "history", Nav: "History", Title: "History", Data: d}}
}

// historyCSV returns the points of a table as a file within the page.
func (s *Set) historyCSV(t *historyTable) template.URL {
	var b bytes.Buffer
	cw := csv.NewWriter(&b)
	l := s.layout
	lines := [][]string{{l.table.Name, l.row.Name, l.column.Name, "date", "commit", "ns_per_operation", "ns_low", "ns_high", "samples", "operations_checked", "violations", "change_ratio", "change_p"}}
	number := func(v float64) string {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', 6, 64)
	}
	for _, h := range t.all {
		for i, c := range h.Points {
			line := []string{clean(t.table.Text), clean(c.labels[1].Short), clean(c.Column().Text), c.Date.Text, c.Date.Commit}
			ns, low, high := math.NaN(), math.NaN(), math.NaN()
			if tm := s.Time(c); tm != nil {
				ns, low, high = 1e9*tm.Center, 1e9*tm.Lo, 1e9*tm.Hi
			}
			ratio, p := math.NaN(), math.NaN()
			for _, st := range h.Steps {
				if st.At == i {
					ratio, p = st.Ratio, st.P
				}
			}
			for _, v := range []float64{ns, low, high, float64(c.Samples), c.Checked, c.Violations, ratio, p} {
				line = append(line, number(v))
			}
			lines = append(lines, line)
		}
	}
	if err := cw.WriteAll(lines); err != nil {
		panic(err) // a buffer takes everything
	}
	return template.URL("data:text/csv;charset=utf-8;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}

var historyHTML = strings.NewReplacer("LEAST", fmt.Sprintf("%.0f&nbsp;%%", 100*leastStep), "DATES", strconv.Itoa(maxDates)).Replace(`<p>{{.Line}} All else on this page is of the latest date; no two dates are averaged.</p>
<p class="soft">A change point is where the medians of dates have another level than before, by at least LEAST, among the latest DATES dates of a cell: by a permutation test of their ranks, which raises a false alarm in at most 1&nbsp;% of series whose dates could have come in any order. A machine that drifts raises more.</p>
{{range $t := .Tables}}<h3>{{.Name}}</h3>
<div class="wl">
{{with .Charts}}<div class="pair">
{{range .}}<figure>{{.Chart}}<figcaption class="soft">{{.Row}}: time per operation, relative to the first date. A bar is a change point.</figcaption></figure>
{{end}}</div>
{{end}}{{with .Steps}}<div class="scroll" tabindex="0" role="region" aria-label="Change points of {{$t.Name}}">
<table class="steps">
<thead><tr><th scope="col" class="l">{{$t.Columns}}</th><th scope="col" class="l">{{$t.Axis}}</th><th scope="col" class="l">From</th><th scope="col" class="l">Change</th><th scope="col" class="l">What else changed</th><th scope="col">p</th></tr></thead>
<tbody>
{{range .}}<tr class="k{{.Place}}"><th scope="row" class="l">{{.Column}}</th><td class="l nowrap">{{.Row}}</td><td class="l nowrap">{{.Date}}</td><td class="l nowrap">{{.By}}</td><td class="l">{{.Besides}}</td><td>{{.P}}</td></tr>
{{end}}</tbody>
</table>
</div>
{{else}}<p>{{or .Few "No change point."}}</p>
{{end}}{{if .More}}<p class="soft">And {{.More}} more: --json has all.</p>
{{end}}<p class="screen"><a href="{{.CSV}}" download="{{.File}}">These numbers as CSV</a></p>
</div>
{{end}}{{with .More}}<p class="soft">The histories of {{.}} are left out: --json has all.</p>
{{end}}`)

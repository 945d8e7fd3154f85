package report

import (
	"bufio"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/refbench/refbench/report/usl"
)

// scalingSection is how throughput grows with the CPUs, as a law that is fitted to it. It is
// called a fit everywhere: nothing of it was measured.
func scalingSection() section {
	return section{text: scalingText, json: scalingJSON, page: scalingPage, html: scalingHTML}
}

// A scaling is the curves of a set that a law was fitted to, and the others.
type scaling struct {
	fits    []curveFit
	refused []refusal
	leftOut int // tables without plots, and so without fits
}

// A curveFit is the law fitted to one column of one table.
type curveFit struct {
	labels [3]*Label // of table, some row and column
	fit    *usl.Fit
}

// A refusal is why there is no fit of some curves.
type refusal struct {
	reason string
	curves [][3]*Label
}

// fitCurves fits the law to the curves of all tables that have plots. It is nothing where
// rows aren't numbers of CPUs.
func (s *Set) fitCurves() scaling {
	var all scaling
	if s.layout.row.Name != cpusName {
		return all
	}
	tables := s.Tables[:min(len(s.Tables), s.plotted)]
	all.leftOut = len(s.Tables) - len(tables)
	places := make(map[string]int)
	for _, t := range tables {
		if t.unplottable() != "" {
			all.leftOut++
			continue
		}
		real, known := s.realCPUs(t)
		curves := make(map[*Label][]*Cell)
		for _, r := range t.Rows {
			for _, c := range r.Cells {
				curves[c.Column()] = append(curves[c.Column()], c)
			}
		}
		for _, column := range t.Columns {
			cells := curves[column]
			fit, why := s.fitCurve(cells, real, known)
			if fit != nil {
				all.fits = append(all.fits, curveFit{cells[0].labels, fit})
				continue
			}
			i, ok := places[why]
			if !ok {
				i = len(all.refused)
				places[why] = i
				all.refused = append(all.refused, refusal{reason: why})
			}
			all.refused[i].curves = append(all.refused[i].curves, cells[0].labels)
		}
	}
	return all
}

// realCPUs returns how many CPUs the table's machine has, the fewest if it may be several.
func (s *Set) realCPUs(t *Table) (n int, known bool) {
	if t.Machine != nil {
		return t.Machine.CPUs, t.Machine.CPUs > 0
	}
	for _, v := range s.factValues("cpus") {
		if m, err := strconv.Atoi(v); err == nil && m > 0 && (!known || m < n) {
			n, known = m, true
		}
	}
	return n, known
}

// fitCurve fits the law to the cells of a column, or says why not. Workers that have to
// share CPUs scale by another law, and so does a count that is wrong.
func (s *Set) fitCurve(cells []*Cell, real int, known bool) (*usl.Fit, string) {
	var points []usl.Point
	beyond, wrong, few := 0, 0, 0
	for _, c := range cells {
		n, _ := strconv.Atoi(c.labels[1].Short) // unplottable has looked
		o := s.Throughput(c)
		switch {
		case known && n > real:
			beyond++
		case c.Violations > 0:
			wrong++
		case c.Shared > 0 || o == nil || math.IsInf(o.Lo, 0) || math.IsInf(o.Hi, 0) || o.Lo < leastPlotted:
			few++
		default:
			points = append(points, usl.Point{CPUs: n, Throughput: s.throughputs(c)})
		}
	}
	fit, err := usl.New(points)
	if err == nil {
		return fit, ""
	}
	why := err.Error()
	for _, aside := range []struct {
		n    int
		what string
	}{{beyond, fmt.Sprintf("beyond the machine's %s", plural(real, "CPU"))}, {wrong, "with violations"}, {few, "with too few usable samples"}} {
		if aside.n > 0 {
			why += fmt.Sprintf("; %d more %s", aside.n, aside.what)
		}
	}
	return nil, why
}

// throughputs returns the samples of which [Set.Throughput] is the summary.
func (s *Set) throughputs(c *Cell) []float64 {
	if m := s.measure(c, unitThroughput); m.summary != nil {
		return m.values
	}
	var out []float64
	for _, t := range s.measure(c, unitTime).values {
		out = append(out, 1/t)
	}
	return out
}

// What the law is, and what its parameters say, for text and page.
const (
	scalingLaw   = "X(N) = λN / (1 + σ(N-1) + κN(N-1))"
	scalingWords = "in brackets 95 % intervals of bootstrap; λ: throughput of one CPU; σ: contention; κ: coherence; off by: from a median at most"
)

// maxRefused bounds the curves that are named in a sentence about having no fit.
const maxRefused = 8

// refusals says in sentences of what there is no fit and why.
func (a scaling) refusals() []string {
	var lines []string
	for _, r := range a.refused {
		var names []string
		for _, c := range r.curves[:min(len(r.curves), maxRefused)] {
			names = append(names, c[0].Text+" "+c[2].Text)
		}
		if n := len(r.curves) - len(names); n > 0 {
			names = append(names, fmt.Sprintf("%d more", n))
		}
		lines = append(lines, fmt.Sprintf("no fit of %s: %s", list(names), r.reason))
	}
	if len(a.fits) == 0 && len(a.refused) == 1 { // whatever it is
		lines = []string{"no fit of the Universal Scalability Law: " + a.refused[0].reason}
	}
	if a.leftOut > 0 && len(a.fits)+len(a.refused) > 0 {
		lines = append(lines, fmt.Sprintf("%s without plots and fits: choose some with --filter", plural(a.leftOut, "more table")))
	}
	return lines
}

// row returns what is said of a fit: λ, σ, κ, the peak and how far it is off. Between two
// rows λ differs little, and JSON has its interval.
func (c curveFit) row() [5]string {
	f := c.fit
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 2, 64) }
	with := func(e usl.Estimate, format func(float64) string) string {
		return fmt.Sprintf("%s (%s .. %s)", format(e.Value), format(e.Lo), format(e.Hi))
	}
	return [5]string{
		rate(f.Lambda.Value), with(f.Sigma, number), with(f.Kappa, number), c.peak(),
		fmt.Sprintf("%.0f %%", 100*f.Deviation),
	}
}

// peak says where the fit is largest. What is beyond the measured range is never said
// without the word.
func (c curveFit) peak() string {
	f := c.fit
	most := f.CPUs[len(f.CPUs)-1]
	number := func(v float64) string {
		if math.IsInf(v, 1) {
			return "∞"
		}
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	interval := fmt.Sprintf("(%s .. %s)", number(f.Peak.Lo), number(f.Peak.Hi))
	switch {
	case math.IsInf(f.Peak.Value, 1):
		none := "none up to " + strconv.Itoa(most)
		if math.IsInf(f.Peak.Lo, 1) {
			return none
		}
		return none + "; extrapolated: " + interval
	case f.Peak.Value > float64(most):
		return number(f.Peak.Value) + " " + interval + ", extrapolated"
	case f.Extrapolated():
		return number(f.Peak.Value) + " " + interval + ", extrapolated beyond " + strconv.Itoa(most)
	}
	return number(f.Peak.Value) + " " + interval
}

func scalingText(w *bufio.Writer, s *Set) {
	all := s.scaling()
	lines := all.refusals()
	if len(all.fits)+len(lines) == 0 {
		return
	}
	if len(all.fits) == 0 {
		fmt.Fprintf(w, "\nScaling: %s\n", strings.Join(lines, "\n  "))
		return
	}
	w.WriteString("\nScaling: fits of the Universal Scalability Law, not measured:\n")
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options.DrawBorder = false
	t.AppendHeader(table.Row{s.layout.table.Name, s.layout.column.Name, "λ", "σ", "κ", "peak, CPUs", "off by"})
	for _, f := range all.fits {
		r := f.row()
		t.AppendRow(table.Row{f.labels[0].Text, f.labels[2].Text, r[0], r[1], r[2], r[3], r[4]})
	}
	fmt.Fprintf(w, "%s\n%s\n%s.\n", t.Render(), scalingLaw, scalingWords)
	for _, line := range lines {
		w.WriteString("  " + line + "\n")
	}
}

// A jsonFit is a fit in JSON. Numbers have four digits, as the last ones depend on the
// machine that fits.
type jsonFit struct {
	jsonKey
	Fit       string       `json:"fit"` // "usl"
	CPUs      []int        `json:"cpus_fitted"`
	Lambda    jsonEstimate `json:"lambda_operations_per_second"`
	Sigma     jsonEstimate `json:"sigma"`
	Kappa     jsonEstimate `json:"kappa"`
	Peak      jsonPeak     `json:"peak_cpus"`
	Deviation float64      `json:"largest_deviation"`
}

type jsonEstimate struct {
	Value *float64 `json:"value"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
}

type jsonPeak struct {
	jsonEstimate
	Extrapolated bool `json:"extrapolated"`
}

type jsonRefusal struct {
	jsonKey
	Reason string `json:"reason"`
}

func scalingJSON(s *Set) []jsonField {
	all := s.scaling()
	digits := func(v float64) float64 {
		r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
		if err != nil {
			panic(err) // it was a number
		}
		return r
	}
	estimate := func(e usl.Estimate) jsonEstimate {
		return jsonEstimate{finite(digits(e.Value)), finite(digits(e.Lo)), finite(digits(e.Hi))}
	}
	curve := func(l [3]*Label) jsonKey {
		k := s.layout.jsonKey(l)
		k.CPUs, k.Row = 0, "" // it is of all rows
		return k
	}
	fits, refused := []jsonFit{}, []jsonRefusal{}
	for _, f := range all.fits {
		fits = append(fits, jsonFit{
			curve(f.labels), "usl", f.fit.CPUs, estimate(f.fit.Lambda), estimate(f.fit.Sigma), estimate(f.fit.Kappa),
			jsonPeak{estimate(f.fit.Peak), f.fit.Extrapolated()}, digits(f.fit.Deviation),
		})
	}
	for _, r := range all.refused {
		for _, c := range r.curves {
			refused = append(refused, jsonRefusal{curve(c), r.reason})
		}
	}
	return []jsonField{{"scaling", fits}, {"scaling_refused", refused}}
}

type scalingData struct {
	Law, Words, Table, Column string
	Rows                      []scalingRow
	Lines                     []string
}

type scalingRow struct {
	Table, Column string
	Cells         [5]string
}

func scalingPage(s *Set) []part {
	all := s.scaling()
	d := scalingData{Law: scalingLaw, Words: sentence(scalingWords), Table: sentence(s.layout.table.Name), Column: sentence(s.layout.column.Name)}
	for _, line := range all.refusals() {
		d.Lines = append(d.Lines, sentence(line)+".")
	}
	for _, f := range all.fits {
		d.Rows = append(d.Rows, scalingRow{f.labels[0].Text, f.labels[2].Text, f.row()})
	}
	if len(d.Rows)+len(d.Lines) == 0 {
		return nil
	}
	return []part{{ID: "scaling", Nav: "Scaling", Title: "Scaling: a fit", Data: d}}
}

const scalingHTML = `{{if .Rows}}<p>The Universal Scalability Law, {{.Law}}, fitted to what was measured up to the number of real CPUs. It is a fit, not a measurement: in the plots it is dashed.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Fits">
<table>
<thead><tr><th scope="col" class="l">{{.Table}}</th><th scope="col" class="l">{{.Column}}</th><th scope="col">λ</th><th scope="col">σ</th><th scope="col">κ</th><th scope="col">Peak, CPUs</th><th scope="col">Off by</th></tr></thead>
<tbody>
{{range .Rows}}<tr><th scope="row" class="l nowrap name">{{.Table}}</th><td class="l nowrap">{{.Column}}</td>{{range .Cells}}<td class="nowrap">{{.}}</td>{{end}}</tr>
{{end}}</tbody>
</table>
</div>
<p class="soft">{{.Words}}.</p>
{{end}}{{range .Lines}}<p class="soft">{{.}}</p>
{{end}}`

// fitsOf returns the laws fitted to the columns of a table, by their index in it.
func (a scaling) fitsOf(t *Table) map[int]*usl.Fit {
	fits := make(map[int]*usl.Fit)
	for _, f := range a.fits {
		if f.labels[0] == t.Label {
			fits[slices.Index(t.Columns, f.labels[2])] = f.fit
		}
	}
	return fits
}

// fitName is what the legend calls the dashed lines.
const fitName = "fit (USL), not measured"

// describeFits says of a figure which lines are fits, for those who can't see it.
func describeFits(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " Dashed: a fit of the Universal Scalability Law to " + list(names) + ", not measured."
}

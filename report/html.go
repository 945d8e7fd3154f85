package report

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageCSS string

// The page's data: everything is text, ready to be shown. Only the plots, which
// this package draws itself, are markup.
type page struct {
	Title       string
	Files       []string
	Results     string
	CSS         template.CSS
	Machine     []Fact
	Findings    []Finding
	Bad         bool
	Workloads   []pageWorkload
	Promisers   []string
	Promises    []pagePromise
	Unsupported []Unsupported
	Warnings    []string
	CellWarns   []pageWarning
	Problems    []Problem
	MoreProblem int
	Unplotted   int
	Reproduce   []string
}

type pageWorkload struct {
	ID, Name  string
	Findings  []string
	Plots     []pagePlot
	Base      string // the strategy that ratios refer to
	Rows      []pageRow
	Collapsed bool
}

type pagePlot struct {
	Name, Alt string
	SVG       template.HTML
}

// A pageRow is one CPU count.
type pageRow struct {
	CPUs  int
	Cells []pageCell
}

type pageCell struct {
	First             bool // of its row
	Span              int  // cells of the row
	Strategy          string
	Time, Plus        string
	Throughput, Ratio string
	Correctness       string
	Bad, Lead         bool
	Samples           string
	Warnings          []string
}

// A pagePromise is one line of what strategies promise, or of what they cost.
type pagePromise struct {
	Name   string
	Speed  bool
	Values []string // by strategy
}

type pageWarning struct {
	Text  string
	Where string
}

// maxOpenRows is the longest table that is shown unfolded.
const maxOpenRows = 48

// maxCells bounds the cells that a grouped warning names.
const maxCells = 8

func (s *Set) writeHTML(w io.Writer, plots []namedPlot) error {
	data, err := s.page(plots)
	if err != nil {
		return err
	}
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	if err := t.Execute(b, data); err != nil {
		return err
	}
	return b.Flush()
}

func (s *Set) page(plots []namedPlot) (*page, error) {
	p := &page{
		Title:       "refbench report",
		Results:     plural(s.Lines, "result line"),
		CSS:         template.CSS(pageCSS + seriesCSS()),
		Machine:     s.Facts,
		Unsupported: s.Unsupported,
		Warnings:    s.Warnings,
		Problems:    s.Problems[:min(len(s.Problems), 100)],
		Unplotted:   max(0, len(s.Workloads)-maxPlotted),
		Bad:         s.Violations() > 0,
	}
	for _, path := range s.Paths {
		p.Files = append(p.Files, clean(path))
	}
	p.MoreProblem = s.ProblemCount - len(p.Problems)
	byWorkload := make(map[string][]string)
	for _, f := range s.Findings() {
		f.Text = powers(sentence(f.Text) + ".")
		if f.Workload == "" {
			p.Findings = append(p.Findings, f)
			continue
		}
		byWorkload[f.Workload] = append(byWorkload[f.Workload], f.Text)
	}
	for i, name := range s.Workloads {
		pw := pageWorkload{
			ID: "w" + strconv.Itoa(i+1), Name: name, Findings: byWorkload[name], Base: s.StrategiesOf(name)[0],
		}
		for _, plot := range plots {
			if plot.Workload != name {
				continue
			}
			svg, err := inlineSVG(plot.figure)
			if err != nil {
				return nil, err
			}
			pw.Plots = append(pw.Plots, pagePlot{Name: plot.Name, Alt: plot.figure.describe(), SVG: svg})
		}
		rows := 0
		for _, n := range s.cpus[name] {
			row := s.pageRow(name, n)
			rows += len(row.Cells)
			pw.Rows = append(pw.Rows, row)
		}
		pw.Collapsed = rows > maxOpenRows
		p.Workloads = append(p.Workloads, pw)
	}
	for _, g := range s.cellWarnings() {
		var where []string
		for _, c := range g.Cells[:min(len(g.Cells), maxCells)] {
			where = append(where, c.Key.String())
		}
		text := strings.Join(where, "; ")
		if n := len(g.Cells) - maxCells; n > 0 {
			text += fmt.Sprintf("; and %s", plural(n, "more cell"))
		}
		p.CellWarns = append(p.CellWarns, pageWarning{sentence(g.Text), text})
	}
	s.pagePromises(p)
	p.Reproduce = s.reproduce()
	return p, nil
}

func (s *Set) pageRow(workload string, cpus int) pageRow {
	row := pageRow{CPUs: cpus}
	rank := s.Rank(workload, cpus)
	for _, name := range s.StrategiesOf(workload) {
		c := s.cells[Key{workload, cpus, name}]
		if c == nil {
			continue
		}
		pc := pageCell{
			Strategy: name, Correctness: powers(c.Correctness()), Bad: c.Violations > 0,
			Ratio: s.ratioText(c), Samples: strconv.Itoa(c.Samples), Warnings: c.Warnings,
			Time: "–", Throughput: "–",
		}
		if t := s.Time(c); t != nil {
			pc.Time, pc.Plus = duration(t.Center), interval(*t)
		}
		if o := s.Throughput(c); o != nil {
			pc.Throughput = rate(o.Center)
		}
		if n := len(c.SetAside); n > 0 {
			pc.Samples += fmt.Sprintf(" + %d set aside", n)
		}
		if name == s.StrategiesOf(workload)[0] && !pc.Bad {
			pc.Ratio = "1"
		}
		pc.Lead = !rank.TooFew && rank.Next != "" && slices.Contains(rank.Leaders, name)
		row.Cells = append(row.Cells, pc)
	}
	row.Cells[0].First, row.Cells[0].Span = true, len(row.Cells)
	return row
}

// maxSpeeds bounds the workloads whose speeds stand beside the promises.
const maxSpeeds = 8

// pagePromises lists the promises, a column for each strategy, and the speeds that
// they cost.
func (s *Set) pagePromises(p *page) {
	if len(s.Promises) == 0 {
		return
	}
	var keys []string
	for _, promise := range s.Promises {
		p.Promisers = append(p.Promisers, promise.Strategy)
		for _, f := range promise.Fields {
			if !slices.Contains(keys, f[0]) {
				keys = append(keys, f[0])
			}
		}
	}
	for _, key := range keys {
		row := pagePromise{Name: key}
		for _, promise := range s.Promises {
			value := "–"
			for _, f := range promise.Fields {
				if f[0] == key {
					value = f[1]
				}
			}
			row.Values = append(row.Values, value)
		}
		p.Promises = append(p.Promises, row)
	}
	for i, w := range s.Workloads {
		if i == maxSpeeds {
			break
		}
		counts := s.cpus[w]
		for _, n := range slices.Compact([]int{counts[0], counts[len(counts)-1]}) {
			row := pagePromise{Name: w + ", " + plural(n, "CPU"), Speed: true}
			for _, name := range p.Promisers {
				text, c := "–", s.cells[Key{w, n, name}]
				if t := s.Time(c); t != nil {
					text = duration(t.Center)
					if c.Violations > 0 {
						text += ", with violations"
					}
				}
				row.Values = append(row.Values, text)
			}
			p.Promises = append(p.Promises, row)
		}
	}
}

// reproduce returns the commands that make a page like this one.
func (s *Set) reproduce() []string {
	var lines []string
	for _, f := range s.Facts {
		if f.Key == "command" {
			lines = append(lines, f.Values...)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "refbench run")
	}
	line := "refbench report"
	for _, path := range s.Paths {
		line += " " + shellQuote(clean(path))
	}
	return append(lines, line+" -o report")
}

// powers writes "10^9" with the digits raised.
func powers(s string) string {
	return regexp.MustCompile(`10\^\d+`).ReplaceAllStringFunc(s, func(p string) string {
		n, err := strconv.Atoi(p[3:])
		if err != nil {
			return p
		}
		return "10" + superscript(n)
	})
}

func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-=+,@%", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// inlineSVG draws a figure for the page: without a header of its own, scaled by
// the page, with colours that follow light and dark.
func inlineSVG(f *figure) (template.HTML, error) {
	svg, err := f.svg()
	if err != nil {
		return "", err
	}
	start := bytes.Index(svg, []byte("<svg"))
	end := start + bytes.IndexByte(svg[start:], '>') + 1
	body := string(svg[end:])
	body = regexp.MustCompile(`#[0-9A-Fa-f]{6}`).ReplaceAllStringFunc(body, cssColour)
	body = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:[^;"]*;font-style:[^;"]*;?`).ReplaceAllString(body, "")
	// The description stands in aria-label: a <title> would show as a tool tip all
	// over the plot.
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">%s`,
		float64(plotWidth), float64(plotHeight), template.HTMLEscapeString(f.describe()), body)), nil
}

// cssColour replaces a colour of a plot by the page's variable for it.
func cssColour(hex string) string {
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return hex
	}
	light, _ := seriesColours()
	switch uint32(v) {
	case inkText:
		return "var(--text)"
	case inkGrid:
		return "var(--grid)"
	case inkPage:
		return "var(--plot)"
	}
	if i := slices.Index(light, uint32(v)); i >= 0 {
		return "var(--s" + strconv.Itoa(i) + ")"
	}
	return hex
}

// seriesCSS defines the variables of the series' colours.
func seriesCSS() string {
	light, dark := seriesColours()
	var b strings.Builder
	vars := func(colours []uint32) {
		for i, c := range colours {
			fmt.Fprintf(&b, "--s%d:#%06x;", i, c)
		}
	}
	b.WriteString(":root{")
	vars(light)
	b.WriteString("}\n@media screen and (prefers-color-scheme:dark){:root{")
	vars(dark)
	b.WriteString("}}\n")
	return b.String()
}

package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// overviewSection is the first screen of the page: which is fastest where and by how much,
// whether anything is wrong, on what machine, and how far the numbers can be trusted.
func overviewSection() section {
	return section{page: overviewPage, html: overviewHTML + heatHTML}
}

// The bounds of what the overview shows.
const (
	maxHeats     = 12 // machines
	maxHeatRows  = 64
	maxHeatCells = 64 // in a row
	maxWrong     = 8  // cells with violations that are named
)

type overviewData struct {
	Wrong    string // how many violations, or the bound
	IsWrong  bool
	Cells    []wrongCell // with violations
	Fast     string
	Machine  string
	Trust    []string
	Warnings []string
	LeftOut  []string
	Heats    []heat
	Markers  template.HTML
}

// A wrongCell is a cell with violations, and where it stands.
type wrongCell struct{ ID, Text string }

// A heat is a table that says of each row and count which is fastest.
type heat struct {
	Title string // "" if there is one machine
	Row   string // what a row is
	Heads []string
	Rows  []heatRow
	More  int // rows that have no room
}

type heatRow struct {
	ID, Name string
	Cells    []heatCell
	Wrong    string
	IsWrong  bool
}

// A heatCell is which is fastest. Its colour is that of the fastest, and as strong as its
// lead is.
type heatCell struct {
	Class string // "k3 h2": of a column and of a margin; "tie", "none"
	Text  string
	Title string // all of it, where Text is short
	Lead  string
	Wrong bool
}

func overviewPage(s *Set) []part {
	shown, leftOut := s.shown()
	d := overviewData{
		Warnings: s.Warnings, LeftOut: append(leftOut, s.unplotted(shown)...), Fast: s.fastestWhere(),
		Machine: s.MachineLine(), Trust: s.trustLines("the warnings below name them"), Markers: markers(min(len(s.Columns), maxSeries)),
	}
	d.Wrong, d.IsWrong = s.wrongLine()
	if len(s.Machines) > 1 {
		d.Machine = fmt.Sprintf("%d machines, whose results are never pooled", len(s.Machines))
	}
	for _, c := range s.wrongCells()[:min(len(s.wrongCells()), maxWrong)] {
		d.Cells = append(d.Cells, wrongCell{c.Row.Table.id(), c.Key().String() + ": " + powers(c.Correctness())})
	}
	if n := len(s.wrongCells()) - maxWrong; n > 0 {
		d.Cells = append(d.Cells, wrongCell{Text: fmt.Sprintf("and %s: see the workloads", plural(n, "more cell"))})
	}
	ids := make(map[*Label]string)
	for _, t := range shown {
		ids[t.Label] = t.id()
	}
	tables := s.screenTables()
	machines := s.Machines
	if len(machines) == 0 {
		machines = []*Machine{nil}
	}
	if n := len(machines) - maxHeats; n > 0 {
		d.LeftOut = append(d.LeftOut, fmt.Sprintf("The overview leaves out %s.", plural(n, "more machine")))
		machines = machines[:maxHeats]
	}
	of := make(map[*Machine][]*Table)
	for _, t := range tables {
		of[t.Machine] = append(of[t.Machine], t)
	}
	for _, m := range machines {
		h := s.heat(of[m], ids)
		if len(machines) > 1 {
			h.Title = fmt.Sprintf("Machine %d: %s", m.Number, m.Name)
		}
		d.Heats = append(d.Heats, h)
	}
	return []part{{ID: "overview", Nav: "Overview", Title: "What was found", Data: d}}
}

// heat returns the map of some tables. Ids are the anchors of those that the page shows.
func (s *Set) heat(tables []*Table, ids map[*Label]string) heat {
	h := heat{Row: sentence(s.layout.table.Name), More: max(0, len(tables)-maxHeatRows)}
	tables = tables[:min(len(tables), maxHeatRows)]
	counts := countsOf(tables)
	counts = counts[:min(len(counts), maxHeatCells)]
	for _, l := range counts {
		h.Heads = append(h.Heads, l.Text)
	}
	for _, t := range tables {
		name := t.Text
		if t.bare != "" {
			name = t.bare
		}
		row := heatRow{ID: ids[t.Label], Name: name, Wrong: s.screenWrong(t), IsWrong: t.violations() > 0}
		rows := t.byLabel()
		for _, l := range counts {
			row.Cells = append(row.Cells, s.heatCell(rows[l]))
		}
		h.Rows = append(h.Rows, row)
	}
	return h
}

// countsOf returns the labels of the rows that some tables have, in order.
func countsOf(tables []*Table) []*Label {
	seen := make(map[*Label]bool)
	var all []*Label
	for _, t := range tables {
		for _, r := range t.Rows {
			if !seen[r.Label] {
				seen[r.Label] = true
				all = append(all, r.Label)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Label) int { return a.place - b.place })
	return all
}

func (t *Table) byLabel() map[*Label]*Row {
	rows := make(map[*Label]*Row, len(t.Rows))
	for _, r := range t.Rows {
		rows[r.Label] = r
	}
	return rows
}

// mostTied is how many names a cell of a heat map has.
const mostTied = 2

// heatCell says what is fastest in a row, which may be nil.
func (s *Set) heatCell(row *Row) heatCell {
	if row == nil {
		return heatCell{Class: "none", Text: "–"}
	}
	cell := heatCell{Class: "none"}
	for _, c := range row.Cells {
		cell.Wrong = cell.Wrong || c.Violations > 0
	}
	r := s.Rank(row)
	switch {
	case len(r.Leaders) == 0:
		cell.Text = unranked(row)
		return cell
	case len(r.Leaders) == 1 && r.Next == nil:
		cell.Text = "only " + r.Leaders[0].Column().Text
		return cell
	case r.TooFew:
		cell.Text = "too few samples"
		return cell
	}
	cell.Text = list(r.names())
	if n := len(r.Leaders); n > 1 {
		if cell.Class = "tie"; n > mostTied {
			cell.Title, cell.Text = cell.Text, fmt.Sprintf("%d tied", n)
		}
	} else {
		cell.Class = fmt.Sprintf("k%d h%d", r.Leaders[0].Column().place, strength(r.Ratio))
	}
	if r.Next != nil {
		cell.Lead = briefly(r.Ratio) + "×"
	}
	return cell
}

// unranked says briefly why a row has nothing to rank.
func unranked(row *Row) string {
	wrong, excluded := 0, 0
	for _, c := range row.Cells {
		switch {
		case c.Violations > 0:
			wrong++
		case c.Samples == 0 && len(c.Excluded) > 0:
			excluded++
		}
	}
	switch len(row.Cells) {
	case wrong:
		return "all wrong"
	case excluded:
		return "all excluded"
	case wrong + excluded:
		return "wrong or excluded"
	}
	return "no usable sample"
}

// strength returns from 1 to 4 how strong the colour of a lead is.
func strength(ratio float64) int {
	for i, least := range []float64{8, 3, 1.5} {
		if ratio >= least {
			return 4 - i
		}
	}
	return 1
}

// wrongCells returns the cells with violations.
func (s *Set) wrongCells() []*Cell {
	var bad []*Cell
	for _, c := range s.cells {
		if c.Violations > 0 {
			bad = append(bad, c)
		}
	}
	return bad
}

// mostWrong is how many columns the first screen names as wrong.
const mostWrong = 8

// wrongLine says whether anything is wrong.
func (s *Set) wrongLine() (text string, wrong bool) {
	var checked float64
	for _, c := range s.cells {
		checked += c.Checked
	}
	if n := violationsOf(s.cells); n > 0 {
		var names []string
		for _, c := range s.wrongCells() {
			if name := c.Column().Text; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if n := len(names) - mostWrong; n > 0 {
			names = append(names[:mostWrong], fmt.Sprintf("%d more", n))
		}
		return fmt.Sprintf("%s violations in %s checked operations, by %s", quantity(n), quantity(checked), list(names)), true
	}
	if checked == 0 {
		return "nothing was checked in these files", false
	}
	return fmt.Sprintf("no violation in %s checked operations: fewer than %s (at 95 %%, if they are independent)", quantity(checked), powers(bound(upperBound(checked)))), false
}

// fastestWhere says which columns are the fastest in how many rows.
func (s *Set) fastestWhere() string {
	wins := make([]int, len(s.Columns))
	most := make([]float64, len(s.Columns)) // lead
	rows, tied, unknown := 0, 0, 0
	for _, t := range s.Tables {
		for _, row := range t.Rows {
			rows++
			switch r := s.Rank(row); {
			case r.Next == nil || r.TooFew:
				if len(r.Leaders) > 1 && !r.TooFew {
					tied++
				} else {
					unknown++
				}
			case len(r.Leaders) > 1:
				tied++
			default:
				i := r.Leaders[0].Column().place
				wins[i]++
				most[i] = math.Max(most[i], r.Ratio)
			}
		}
	}
	order := make([]int, len(wins))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return wins[j] - wins[i] })
	var parts []string
	for k, i := range order[:min(len(order), 4)] {
		if wins[i] == 0 {
			break
		}
		if k == 0 {
			parts = append(parts, fmt.Sprintf("%s in %d of %s, up to %s× as fast as the next", s.Columns[i].Text, wins[i], plural(rows, "place"), briefly(most[i])))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s in %d, up to %s×", s.Columns[i].Text, wins[i], briefly(most[i])))
	}
	if tied > 0 {
		parts = append(parts, fmt.Sprintf("a tie in %d", tied))
	}
	if unknown > 0 && len(parts) == 0 {
		return "nothing can be ranked"
	}
	if unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d can't be ranked", unknown))
	}
	return strings.Join(parts, "; ")
}

const overviewHTML = `{{.Markers}}<dl class="short">
<dt>Wrong?</dt><dd{{if .IsWrong}} class="bad"{{end}}>{{if .IsWrong}}<strong>Yes:</strong> {{end}}{{.Wrong}}.</dd>
<dt>Fastest</dt><dd>{{.Fast}}.</dd>
<dt>Machine</dt><dd>{{with .Machine}}{{.}}.{{else}}the files don't say.{{end}}</dd>
<dt>Trust</dt><dd>{{range $i, $l := .Trust}}{{if $i}} {{end}}{{.}}{{end}}</dd>
</dl>
<div class="heats">
{{range .Heats}}{{template "heat" .}}{{end}}</div>
<p class="soft">Named is the fastest and how many times as fast as the next it is; the more, the stronger is the colour. <span class="key tie">Hatched</span>: a tie, as the samples can't tell them apart. <span class="key wrong">!</span>: a strategy has violations there, and isn't ranked.</p>
{{with .Cells}}<h3>Violations</h3>
<ul class="found">
{{range .}}<li class="bad">{{if .ID}}<a href="#{{.ID}}">{{.Text}}</a>{{else}}{{.Text}}{{end}}</li>
{{end}}</ul>
{{end}}{{range .Warnings}}<p class="warn">{{.}}</p>
{{end}}{{range .LeftOut}}<p class="warn">{{.}}</p>
{{end}}`

// heatHTML is the template of a heat.
const heatHTML = `{{define "heat"}}<div class="scroll" tabindex="0" role="region" aria-label="{{with .Title}}{{.}}{{else}}Which is fastest{{end}}">
<table class="heat">
{{with .Title}}<caption>{{.}}</caption>
{{end}}<thead><tr><th scope="col" class="l">{{.Row}}</th>{{range .Heads}}<th scope="col" class="l">{{.}}</th>{{end}}<th scope="col">Wrong</th></tr></thead>
<tbody>
{{range .Rows}}<tr><th scope="row" class="l">{{if .ID}}<a href="#{{.ID}}">{{.Name}}</a>{{else}}{{.Name}}{{end}}</th>{{range .Cells}}<td class="l {{.Class}}{{if .Wrong}} wrong{{end}}"{{with .Title}} title="{{.}}"{{end}}>{{if .Wrong}}<strong>!</strong> {{end}}{{.Text}}{{with .Lead}} <small>{{.}}</small>{{end}}</td>{{end}}<td{{if .IsWrong}} class="bad"{{end}}>{{.Wrong}}</td></tr>
{{end}}{{if .More}}<tr><td class="l" colspan="2">and {{.More}} more below</td></tr>
{{end}}</tbody>
</table>
</div>
{{end}}`

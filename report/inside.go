package report

import (
	"bufio"
	"fmt"
)

// insideSection is what samples of their own found out about the cells, beside their
// speed.
func insideSection() section {
	return section{text: insideText, json: insideJSON, page: insidePage, html: insideHTML}
}

// A probe is what such samples are about.
type probe struct {
	id, title, note string
	units           []probeUnit
}

type probeUnit struct {
	tidied, heading string
	json            string
	scale           float64 // of the JSON field
}

// probes returns the probes that there are, in the order in which they are shown.
func probes() []probe {
	return []probe{
		{
			"latency", "Latency of single operations",
			"median over the samples; the slowest of all. The timer's own time is in them.",
			[]probeUnit{
				{"p50-sec", "50 %", "p50_ns", 1e9},
				{"p99-sec", "99 %", "p99_ns", 1e9},
				{"p99.9-sec", "99.9 %", "p999_ns", 1e9},
				{unitSlowest, "slowest", "slowest_ns", 1e9},
				{"timer-sec", "timer", "timer_ns", 1e9},
			},
		},
		{
			"counters", "Hardware counters",
			"per operation, median over the samples, with what the kernel did for the workers.",
			[]probeUnit{
				{"cycles/op", "cycles", "cycles", 1},
				{"instructions/op", "instructions", "instructions", 1},
				{"cache-misses/op", "cache misses", "cache_misses", 1},
			},
		},
	}
}

const unitSlowest = "max-sec"

// A probed cell is what was found out about one.
type probedCell struct {
	cell   *Cell
	values []float64 // by the probe's units; -1 if there is none
}

// probed returns the cells that the probe was made of, in their order.
func (s *Set) probed(p probe) []probedCell {
	var list []probedCell
	for _, c := range s.cells {
		found := false
		values := make([]float64, len(p.units))
		for i, u := range p.units {
			values[i] = -1
			m := s.measure(c, u.tidied)
			if m.summary == nil || len(m.values) == 0 {
				continue
			}
			found = true
			if values[i] = m.summary.Center; u.tidied == unitSlowest {
				values[i] = m.values[len(m.values)-1]
			}
		}
		if found {
			list = append(list, probedCell{c, values})
		}
	}
	return list
}

func (u probeUnit) text(v float64) string {
	switch {
	case v < 0:
		return "-"
	case u.scale != 1:
		return duration(v)
	}
	return fmt.Sprintf("%.3g", v)
}

// A probeTable is a probe's numbers of one table.
type probeTable struct {
	Title  string
	Header []string
	Rows   [][]string
}

// probeTables returns the probe's numbers as text, table by table.
func (s *Set) probeTables(p probe) []probeTable {
	var list []probeTable
	var of *Table
	for _, c := range s.probed(p) {
		if t := c.cell.Row.Table; t != of {
			of = t
			pt := probeTable{Title: t.Text, Header: []string{s.layout.row.Name, s.layout.column.Name}}
			for _, u := range p.units {
				pt.Header = append(pt.Header, u.heading)
			}
			list = append(list, pt)
		}
		row := []string{c.cell.Row.Short, c.cell.Column().Text}
		for i, u := range p.units {
			row = append(row, u.text(c.values[i]))
		}
		last := &list[len(list)-1]
		last.Rows = append(last.Rows, row)
	}
	return list
}

func insideText(w *bufio.Writer, s *Set) {
	for _, p := range probes() {
		tables := s.probeTables(p)
		if len(tables) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s: %s\n", p.title, p.note)
		for _, t := range tables {
			tw := newTable(t.Header, 1)
			for _, r := range t.Rows {
				tw.AppendRow(cellsOf(r))
			}
			w.WriteString("\n" + t.Title + "\n" + tw.Render() + "\n")
		}
	}
}

func insideJSON(s *Set) []jsonField {
	var fields []jsonField
	for _, p := range probes() {
		all := s.probed(p)
		fields = append(fields, jsonField{p.id, jsonList(func(yield func(any) bool) {
			for _, c := range all {
				values := make(map[string]float64)
				for i, u := range p.units {
					if c.values[i] >= 0 {
						values[u.json] = c.values[i] * u.scale
					}
				}
				if !yield(jsonProbed{s.layout.jsonKey(c.cell.labels), values}) {
					return
				}
			}
		})})
	}
	return fields
}

type jsonProbed struct {
	jsonKey
	Values map[string]float64 `json:"values"`
}

type insideData struct {
	Note   string
	Tables []probeTable
}

func insidePage(s *Set) []part {
	var parts []part
	for _, p := range probes() {
		if tables := s.probeTables(p); len(tables) > 0 {
			parts = append(parts, part{ID: p.id, Nav: p.title, Title: p.title, Data: insideData{sentence(p.note), tables}})
		}
	}
	return parts
}

const insideHTML = `<p>{{.Note}}</p>
{{range .Tables}}<div class="scroll" tabindex="0" role="region" aria-label="{{.Title}}">
<table>
<caption>{{.Title}}</caption>
<thead><tr>{{range .Header}}<th scope="col">{{.}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</tbody></table></div>
{{end}}`

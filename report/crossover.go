package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// crossoverSection is which is fastest as a setting of a workload grows, from runs that vary
// one.
func crossoverSection() section {
	return section{page: crossoverPage, html: crossoverHTML + heatHTML}
}

// A knob is a setting of a workload with the tables in which it varies and nothing else does.
type knob struct {
	name, rest string // "hold", "getput private=1"
	machine    *Machine
	tables     []*Table
	values     []string
}

// maxKnobs bounds the knobs that have a map.
const maxKnobs = 16

// knobs returns the settings that tables of one workload differ in, by at least two values.
func (s *Set) knobs() []*knob {
	var all []*knob
	type key struct {
		name, rest string
		machine    *Machine
	}
	index := make(map[key]*knob)
	for _, t := range s.Tables {
		text := t.Text
		if t.bare != "" {
			text = t.bare
		}
		words := strings.Fields(text)
		for i, w := range words {
			name, value, ok := strings.Cut(w, "=")
			if !ok || i == 0 {
				continue
			}
			rest := strings.Join(slices.Delete(slices.Clone(words), i, i+1), " ")
			k := index[key{name, rest, t.Machine}]
			if k == nil {
				k = &knob{name: name, rest: rest, machine: t.Machine}
				index[key{name, rest, t.Machine}] = k
				all = append(all, k)
			}
			k.tables, k.values = append(k.tables, t), append(k.values, value)
		}
	}
	// A workload with its defaults doesn't name the setting: it can't be said where on the
	// scale it stands, so that it isn't in the map.
	return slices.DeleteFunc(all, func(k *knob) bool { return len(k.tables) < 2 })
}

type crossoverData struct {
	Heats []heat
	More  int
}

func crossoverPage(s *Set) []part {
	shown, _ := s.shown()
	ids := make(map[*Label]string)
	for _, t := range shown {
		ids[t.Label] = t.id()
	}
	var d crossoverData
	all := s.knobs()
	d.More = max(0, len(all)-maxKnobs)
	for _, k := range all[:min(len(all), maxKnobs)] {
		order := make([]int, len(k.tables))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int { return naturally(k.values[i], k.values[j]) })
		tables := make([]*Table, len(order))
		for i, j := range order {
			tables[i] = k.tables[j]
		}
		h := s.heat(tables, ids)
		for i := range h.Rows {
			h.Rows[i].Name = k.values[order[i]]
			for j := range h.Rows[i].Cells {
				if i > 0 && h.Rows[i].Cells[j].Text != h.Rows[i-1].Cells[j].Text {
					h.Rows[i].Cells[j].Class += " x"
				}
			}
		}
		h.Row, h.Title = k.name, k.rest+": "+k.name+" by number of "+cmp.Or(s.layout.row.Name, "rows")
		if len(s.Machines) > 1 {
			h.Title += fmt.Sprintf(", machine %d", k.machine.Number)
		}
		d.Heats = append(d.Heats, h)
	}
	if len(d.Heats) == 0 {
		return nil
	}
	return []part{{ID: "crossover", Nav: "Crossover", Title: "Where another one becomes the fastest", Data: d}}
}

const crossoverHTML = `<p>Each row is a value of a setting, from runs that vary it. Above a thick line another one is the fastest than below it.</p>
<div class="heats">
{{range .Heats}}{{template "heat" .}}{{end}}</div>
{{if .More}}<p class="soft">{{.More}} more settings vary: choose some with --filter.</p>
{{end}}`

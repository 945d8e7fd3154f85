package report

import (
	"bufio"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/perf/benchfmt"
)

// machinesSection is several machines side by side: which is fastest where, in what the
// machines differ, and how far the numbers of each can be trusted. There is none for one.
func machinesSection() section {
	return section{text: machinesText, json: machinesJSON, page: machinesPage, html: machinesHTML + heatHTML}
}

// differingKeys are the configuration lines of which it is said how machines differ. Others
// say what was run.
var differingKeys = []string{"node", "cpu", "cpus", "topology", "goos", "goarch", "kernel", "go", "commit", "placement", "barrier"}

// note notes where a result was measured: once for each configuration of a file, as runs of
// another commit or kernel may have added to it.
func (m *Machine) note(path string, r *benchfmt.Result) {
	if n := len(m.paths); n == 0 || m.paths[n-1] != path {
		m.paths = append(m.paths, path)
	}
	if m.facts == nil {
		m.facts = make(map[string][]string)
	}
	for _, key := range differingKeys {
		if v := clean(r.GetConfig(key)); v != "" && !slices.Contains(m.facts[key], v) && len(m.facts[key]) < maxFacts {
			m.facts[key] = append(m.facts[key], v)
			slices.SortFunc(m.facts[key], naturally) // whichever file was first
		}
	}
}

// A Difference is a configuration line in which machines differ.
type Difference struct {
	Key    string
	Values [][]string // of each machine, in their order
}

// Differences returns in what the machines differ.
func (s *Set) Differences() (ds []Difference) {
	for _, key := range differingKeys {
		d := Difference{Key: key}
		differ := false
		for _, m := range s.Machines {
			d.Values = append(d.Values, m.facts[key])
			differ = differ || !slices.Equal(m.facts[key], s.Machines[0].facts[key])
		}
		if differ {
			ds = append(ds, d)
		}
	}
	return ds
}

// line says the difference, machines with the same together.
func (d Difference) line() string {
	var values []string
	of := make(map[string][]string)
	for i, vs := range d.Values {
		v := cmp.Or(strings.Join(vs, " or "), "not said")
		if of[v] == nil {
			values = append(values, v)
		}
		of[v] = append(of[v], fmt.Sprint(i+1))
	}
	var parts []string
	for _, v := range values {
		who := "machine "
		if len(of[v]) > 1 {
			who = "machines "
		}
		numbers := of[v]
		if n := len(numbers) - maxNamed; n > 0 {
			numbers = append(slices.Clone(numbers[:maxNamed]), fmt.Sprintf("%d more", n))
		}
		parts = append(parts, v+" ("+who+list(numbers)+")")
	}
	return d.Key + ": " + strings.Join(parts, "; ")
}

// A machineRow is a machine with a number of CPUs.
type machineRow struct {
	machine *Machine
	name    string
	rows    map[string]*Row // by workload
}

// byMachine returns which workloads there are, and for each machine its first and its last
// row of each.
func (s *Set) byMachine() (workloads []string, rows []machineRow) {
	tables := make(map[*Machine][]*Table)
	for _, t := range s.Tables {
		tables[t.Machine] = append(tables[t.Machine], t)
		if !slices.Contains(workloads, t.bare) {
			workloads = append(workloads, t.bare)
		}
	}
	for _, m := range s.Machines {
		counts := countsOf(tables[m])
		if len(counts) == 0 {
			continue
		}
		ends := []*Label{counts[0]}
		if last := counts[len(counts)-1]; last != counts[0] {
			ends = append(ends, last)
		}
		for _, l := range ends {
			r := machineRow{m, fmt.Sprintf("machine %d, %s", m.Number, l.Text), make(map[string]*Row)}
			for _, t := range tables[m] {
				if row := t.byLabel()[l]; row != nil {
					r.rows[t.bare] = row
				}
			}
			rows = append(rows, r)
		}
	}
	return workloads, rows
}

// trust says of a machine how far its numbers can be trusted: its noise floor, and what held
// while it was measured.
func (s *Set) trust(m *Machine) (lines []string) {
	if d, n := s.noiseFloor(m); n > 0 {
		lines = append(lines, fmt.Sprintf("noise floor %s (of %s)", percent(d), plural(n, "cell")))
	} else {
		lines = append(lines, "noise floor unknown: no cell was measured twice")
	}
	for _, c := range s.byState(m) {
		line := c.State + ": " + c.Name + ": " + c.Is
		if c.Effect != "" {
			line += "; " + c.Effect
		}
		lines = append(lines, line)
	}
	return lines
}

// mostMachineRows bounds what text and page show; JSON has all.
const mostMachineRows = 64

func machinesText(w *bufio.Writer, s *Set) {
	if len(s.Machines) < 2 {
		return
	}
	workloads, rows := s.byMachine()
	w.WriteString("Which is fastest on which machine\n")
	table := [][]string{append([]string{""}, workloads...)}
	for _, r := range rows[:min(len(rows), mostMachineRows)] {
		line := []string{r.name}
		for _, name := range workloads {
			c := s.heatCell(r.rows[name])
			cell := strings.TrimSpace(c.Text + " " + c.Lead)
			if c.Wrong {
				cell = "! " + cell
			}
			line = append(line, cell)
		}
		table = append(table, line)
	}
	widths := make([]int, len(table[0]))
	for _, line := range table {
		for i, cell := range line {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(cell))
		}
	}
	for _, line := range table {
		var b strings.Builder
		for i, cell := range line {
			b.WriteString(text.Pad(cell, widths[i]+2, ' '))
		}
		w.WriteString("  " + strings.TrimRight(b.String(), " ") + "\n")
	}
	if n := len(rows) - mostMachineRows; n > 0 {
		fmt.Fprintf(w, "  and %s: --json has all\n", plural(n, "more row"))
	}
	if ds := s.Differences(); len(ds) > 0 {
		w.WriteString("\nIn what the machines differ\n")
		for _, d := range ds {
			w.WriteString("  " + d.line() + "\n")
		}
	}
	w.WriteString("\nHow far the numbers of each can be trusted\n")
	for _, m := range s.Machines[:min(len(s.Machines), mostMachineRows)] {
		fmt.Fprintf(w, "  machine %d: %s\n", m.Number, strings.Join(s.trust(m), "; "))
	}
	w.WriteString("\n")
}

type jsonMachineCell struct {
	Machine  int      `json:"machine"`
	CPUs     string   `json:"cpus"`
	Workload string   `json:"workload"`
	Fastest  []string `json:"fastest"`
	Ratio    float64  `json:"ratio,omitempty"`
}

type jsonDifference struct {
	Key    string     `json:"key"`
	Values [][]string `json:"values"`
}

type jsonTrust struct {
	Machine    int      `json:"machine"`
	NoiseFloor *float64 `json:"noise_floor_percent"`
	Conditions []string `json:"conditions"`
}

func machinesJSON(s *Set) []jsonField {
	if len(s.Machines) < 2 {
		return nil
	}
	cells, ds, ts := []jsonMachineCell{}, []jsonDifference{}, []jsonTrust{}
	workloads, rows := s.byMachine()
	for _, r := range rows {
		for _, name := range workloads {
			row := r.rows[name]
			if row == nil {
				continue
			}
			c := jsonMachineCell{Machine: r.machine.Number, CPUs: row.Text, Workload: name, Fastest: []string{}}
			if x := s.Rank(row); !x.TooFew {
				for _, l := range x.Leaders {
					c.Fastest = append(c.Fastest, l.Column().Text)
				}
				c.Ratio = x.Ratio
			}
			cells = append(cells, c)
		}
	}
	for _, d := range s.Differences() {
		for i, vs := range d.Values {
			d.Values[i] = append([]string{}, vs...)
		}
		ds = append(ds, jsonDifference(d))
	}
	for _, m := range s.Machines {
		t := jsonTrust{Machine: m.Number, Conditions: s.trust(m)[1:]}
		if d, n := s.noiseFloor(m); n > 0 {
			d *= 100
			t.NoiseFloor = &d
		}
		ts = append(ts, t)
	}
	return []jsonField{{"fastest_by_machine", cells}, {"machine_differences", ds}, {"machine_trust", ts}}
}

type machinesData struct {
	Heat        heat
	Differences []string
	Machines    []machineTrust
}

type machineTrust struct {
	Number int
	Name   string
	Lines  []string
}

func machinesPage(s *Set) []part {
	if len(s.Machines) < 2 {
		return nil
	}
	workloads, rows := s.byMachine()
	h := heat{Title: "Which is fastest on which machine", Row: "Machine", Heads: workloads[:min(len(workloads), maxHeatCells)], More: max(0, len(rows)-mostMachineRows)}
	for _, r := range rows[:min(len(rows), mostMachineRows)] {
		row := heatRow{Name: r.name, Wrong: "no"}
		wrong := 0
		for _, name := range h.Heads {
			c := s.heatCell(r.rows[name])
			if c.Wrong {
				wrong++
			}
			row.Cells = append(row.Cells, c)
		}
		if wrong > 0 {
			row.IsWrong, row.Wrong = true, "in "+plural(wrong, sentenceWord(s.layout.table.Name))
		}
		h.Rows = append(h.Rows, row)
	}
	d := machinesData{Heat: h}
	for _, x := range s.Differences() {
		d.Differences = append(d.Differences, x.line())
	}
	for _, m := range s.Machines[:min(len(s.Machines), mostMachineRows)] {
		d.Machines = append(d.Machines, machineTrust{m.Number, m.Name, s.trust(m)})
	}
	return []part{{ID: "machines", Nav: "Machines", Title: "Machines side by side", Data: d}}
}

func sentenceWord(s string) string { return cmp.Or(strings.ToLower(s), "table") }

const machinesHTML = `<p>Results of machines are never pooled. Each has its first and its last number of CPUs.</p>
<div class="heats">
{{template "heat" .Heat}}</div>
{{if .Differences}}<h3>In what they differ</h3>
<ul>
{{range .Differences}}<li>{{.}}</li>
{{end}}</ul>
{{end}}<h3>How far their numbers can be trusted</h3>
<dl>
{{range .Machines}}<dt>Machine {{.Number}}: {{.Name}}</dt>{{range .Lines}}<dd>{{.}}</dd>
{{end}}{{end}}</dl>
`

package report

import (
	"cmp"
	"slices"
)

// A Condition is what held on the machine while samples were measured and isn't in the
// result files: the program that measured keeps it in a file beside them.
type Condition struct {
	Name   string
	State  string // how bad it is: "spoils", "note" or "unknown"
	Is     string // what was found
	Effect string // what it does to numbers, "" if nothing
	Path   string // of the result file
}

// Had says what held while the samples of the set were measured. What held more than once
// is shown once.
func (s *Set) Had(c Condition) {
	c = Condition{clean(c.Name), clean(c.State), clean(c.Is), clean(c.Effect), c.Path}
	if len(s.conditions) < maxFacts && !slices.Contains(s.conditions, c) {
		s.conditions = append(s.conditions, c)
	}
}

// A Run is how results were measured: the program that measured keeps it beside them.
type Run struct {
	Started string // date and time
	Command string // that measures the same again, with its seed
}

// Ran says how some of the set's results were measured.
func (s *Set) Ran(r Run) {
	if r = (Run{clean(r.Started), cleanLong(r.Command)}); len(s.runs) < maxFacts && !slices.Contains(s.runs, r) {
		s.runs = append(s.runs, r)
	}
}

// machineSection is what the configuration lines say of the machine and of the run, and
// what held then.
func machineSection() section {
	return section{json: machineJSON, page: machinePage, html: machineHTML}
}

type jsonFact struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

type jsonMachine struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
	CPUs   int    `json:"cpus"`
}

type jsonCondition struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Is     string `json:"is"`
	Effect string `json:"effect"`
}

func machineJSON(s *Set) []jsonField {
	fs := []jsonFact{}
	for _, f := range s.Facts {
		fs = append(fs, jsonFact(f))
	}
	ms := []jsonMachine{}
	for _, m := range s.Machines {
		ms = append(ms, jsonMachine{m.Number, m.Name, m.CPUs})
	}
	fields := []jsonField{{"machines", ms}, {"facts", fs}}
	if len(s.conditions) > 0 {
		var cs []jsonCondition
		for _, c := range s.byState() {
			cs = append(cs, jsonCondition{c.Name, c.State, c.Is, c.Effect})
		}
		fields = append(fields, jsonField{"conditions", cs})
	}
	return fields
}

// byState returns the conditions of some machines, nil for all, those that spoil first. What
// held more than once is there once.
func (s *Set) byState(of ...*Machine) []Condition {
	states := []string{"spoils", "note"}
	rank := func(c Condition) int {
		if i := slices.Index(states, c.State); i >= 0 {
			return i
		}
		return len(states)
	}
	var cs []Condition
	for _, c := range s.conditions {
		if len(of) > 0 && !slices.ContainsFunc(of, func(m *Machine) bool { return slices.Contains(m.paths, c.Path) }) {
			continue
		}
		if c.Path = ""; !slices.Contains(cs, c) {
			cs = append(cs, c)
		}
	}
	slices.SortStableFunc(cs, func(a, b Condition) int { return cmp.Compare(rank(a), rank(b)) })
	return cs
}

type machineData struct {
	Machines   []*Machine // if there are several
	Facts      []Fact
	Conditions []Condition
}

func machinePage(s *Set) []part {
	d := machineData{Facts: s.Facts}
	if len(s.Machines) > 1 {
		d.Machines = s.Machines // each has its conditions where they stand side by side
	} else {
		d.Conditions = s.byState()
	}
	return []part{{ID: "machine", Nav: "Machine", Title: "Machine", Data: d}}
}

const machineHTML = `{{if .Machines}}<ul>
{{range .Machines}}<li>Machine {{.Number}}: {{.Name}}</li>
{{end}}</ul>
{{end}}{{if .Facts}}<dl>
{{range .Facts}}<dt>{{.Key}}</dt><dd>{{range $i, $v := .Values}}{{if $i}}; {{end}}{{$v}}{{end}}</dd>
{{end}}</dl>
{{else}}<p>The files don't say on what machine they were measured.</p>
{{end}}{{if .Conditions}}<h3>What held while it was measured</h3>
<dl>
{{range .Conditions}}<dt>{{.Name}}</dt><dd>{{.State}}: {{.Is}}{{if .Effect}}; {{.Effect}}{{end}}</dd>
{{end}}</dl>
{{end}}`

package report

import "fmt"

// promisesSection is what strategies say of themselves, and the speeds that it costs.
func promisesSection() section {
	return section{json: promisesJSON, page: promisesPage, html: promisesHTML}
}

type jsonPromise struct {
	Strategy string            `json:"strategy"`
	Fields   []jsonPromisePair `json:"fields"`
}

type jsonPromisePair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func promisesJSON(s *Set) []jsonField {
	ps := []jsonPromise{}
	for _, p := range s.Promises {
		jp := jsonPromise{Strategy: p.Strategy, Fields: []jsonPromisePair{}}
		for _, f := range p.Fields {
			jp.Fields = append(jp.Fields, jsonPromisePair{f[0], f[1]})
		}
		ps = append(ps, jp)
	}
	return []jsonField{{"promises", ps}}
}

type promisesData struct {
	Strategies []string
	Rows       []promiseRow
	LeftOut    string
}

// A promiseRow is one field of the promises, or one of the speeds.
type promiseRow struct {
	Name   string
	Speed  bool
	Values []string // by strategy
}

// The bounds of the table of promises: a foreign file may have thousands.
const (
	maxPromisers     = 100
	maxPromiseFields = 100
	maxSpeeds        = 8 // tables whose speeds stand below
)

func promisesPage(s *Set) []part {
	if len(s.Promises) == 0 {
		return nil
	}
	var d promisesData
	promises := s.Promises
	if n := len(promises) - maxPromisers; n > 0 {
		promises = promises[:maxPromisers]
		d.LeftOut = fmt.Sprintf("%d more strategies are left out, because the table would be too wide. --json has them.", n)
	}
	fields := make(map[string][]string) // by name: values by strategy
	var names []string
	for i, p := range promises {
		d.Strategies = append(d.Strategies, p.Strategy)
		for _, f := range p.Fields {
			values := fields[f[0]]
			if values == nil {
				if len(names) == maxPromiseFields {
					d.LeftOut = fmt.Sprintf("Promises have more than %d fields. --json has the others.", maxPromiseFields)
					continue
				}
				values = make([]string, len(promises))
				for i := range values {
					values[i] = "–"
				}
				names, fields[f[0]] = append(names, f[0]), values
			}
			values[i] = f[1]
		}
	}
	for _, name := range names {
		d.Rows = append(d.Rows, promiseRow{Name: name, Values: fields[name]})
	}
	d.Rows = append(d.Rows, s.speedRows(d.Strategies)...)
	return []part{{ID: "promises", Nav: "Promises", Title: "Promises", Data: d}}
}

// speedRows returns the times of the first and of the last row of some tables, if
// their columns are strategies.
func (s *Set) speedRows(names []string) []promiseRow {
	index := make(map[string]int)
	for i, name := range names {
		index[name] = i
	}
	var rows []promiseRow
	for _, t := range s.Tables[:min(len(s.Tables), maxSpeeds)] {
		ends := t.Rows
		if len(ends) > 1 {
			ends = []*Row{ends[0], ends[len(ends)-1]}
		}
		for _, r := range ends {
			row := promiseRow{Name: t.Text + ", " + r.Text, Speed: true, Values: make([]string, len(names))}
			for i := range row.Values {
				row.Values[i] = "–"
			}
			known := false
			for _, c := range r.Cells {
				i, ok := index[c.Column().Text]
				if t := s.Time(c); ok && t != nil {
					row.Values[i] = duration(t.Center)
					if c.Violations > 0 {
						row.Values[i] += ", with violations"
					}
				}
				known = known || ok
			}
			if known {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

const promisesHTML = `<p>What each strategy says of itself, and the time per operation that it takes. A strategy is judged against its own promise, not against the others.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Promises">
<table class="promises">
<thead><tr><th scope="col" class="l">Promise</th>{{range .Strategies}}<th scope="col" class="nowrap">{{.}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr{{if .Speed}} class="speed"{{end}}><th scope="row" class="l">{{.Name}}</th>{{range .Values}}<td class="nowrap">{{.}}</td>{{end}}</tr>
{{end}}</tbody>
</table>
</div>
{{with .LeftOut}}<p class="warn">{{.}}</p>
{{end}}`

package report

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
)

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
	Tables  []promisesTable
	LeftOut string
}

// A promisesTable has a row for each strategy.
type promisesTable struct {
	Title string
	Heads []string
	Rows  []promiseRow
}

type promiseRow struct {
	Strategy string
	Values   []string // by head
}

// The bounds of the tables of promises: a foreign file may have thousands.
const (
	maxPromisers     = 100
	maxPromiseFields = 100
)

// limitHeads are the promises of what happens past each limit, and what they are called.
func limitHeads() [][2]string {
	return [][2]string{
		{"limit", "Largest count"},
		{"overflow", "A Get past it"},
		{"trygetrefuses", "TryGet refuses"},
		{"underflow", "A Put too many"},
		{"stray", "which may spoil"},
		{"getonzero", "Get once dead"},
		{"zero", "Last drop seen"},
		{"bytes", "Bytes"},
	}
}

func promisesPage(s *Set) []part {
	if len(s.Promises) == 0 {
		return nil
	}
	var d promisesData
	promises := s.Promises
	if n := len(promises) - maxPromisers; n > 0 {
		promises = promises[:maxPromisers]
		d.LeftOut = fmt.Sprintf("%d more strategies are left out. --json has them.", n)
	}
	limits := promisesTable{Title: "What happens past each limit"}
	others := promisesTable{Title: "What else is promised"}
	at := make(map[string]struct {
		table *promisesTable
		i     int
	})
	enter := func(t *promisesTable, field, head string) {
		at[field] = struct {
			table *promisesTable
			i     int
		}{t, len(t.Heads)}
		t.Heads = append(t.Heads, head)
	}
	for _, h := range limitHeads() {
		if slices.ContainsFunc(promises, func(p Promise) bool {
			return slices.ContainsFunc(p.Fields, func(f [2]string) bool { return f[0] == h[0] })
		}) {
			enter(&limits, h[0], h[1])
		}
	}
	for _, p := range promises {
		for _, f := range p.Fields {
			if _, ok := at[f[0]]; ok {
				continue
			}
			if len(at) == maxPromiseFields {
				d.LeftOut = fmt.Sprintf("Promises have more than %d fields. --json has the others.", maxPromiseFields)
				continue
			}
			enter(&others, f[0], f[0])
		}
	}
	speeds := s.speeds()
	for _, p := range promises {
		rows := make(map[*promisesTable][]string)
		for _, t := range []*promisesTable{&limits, &others} {
			rows[t] = make([]string, len(t.Heads))
			for i := range rows[t] {
				rows[t][i] = "–"
			}
		}
		for _, f := range p.Fields {
			if place, ok := at[f[0]]; ok {
				rows[place.table][place.i] = f[1]
				if f[0] == "limit" {
					rows[place.table][place.i] = powerOfTwo(f[1])
				}
			}
		}
		for _, row := range speeds {
			rows[&limits] = append(rows[&limits], s.speedOf(row, p.Strategy))
		}
		limits.Rows = append(limits.Rows, promiseRow{p.Strategy, rows[&limits]})
		others.Rows = append(others.Rows, promiseRow{p.Strategy, rows[&others]})
	}
	for _, row := range speeds {
		limits.Heads = append(limits.Heads, row.Table.Text+", "+row.Text)
	}
	d.Tables = append(d.Tables, limits)
	if len(others.Heads) > 0 {
		d.Tables = append(d.Tables, others)
	}
	return []part{{ID: "promises", Nav: "Promises", Title: "Promises", Data: d}}
}

// powerOfTwo writes a number as a power of two, or one less, if it is.
func powerOfTwo(text string) string {
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err != nil || n < 1<<10:
		return text
	case n&(n-1) == 0:
		return "2" + superscript(bits.Len64(n)-1)
	case n&(n+1) == 0:
		return "2" + superscript(bits.Len64(n)) + "-1"
	}
	return text
}

// speeds returns the rows whose times stand beside the promises: the first and the last of
// the first table.
func (s *Set) speeds() []*Row {
	if len(s.Tables) == 0 || s.layout.column.Name != "strategy" {
		return nil
	}
	rows := s.Tables[0].Rows
	if len(rows) > 1 {
		rows = []*Row{rows[0], rows[len(rows)-1]}
	}
	return rows
}

// speedOf returns the time of a strategy in a row.
func (s *Set) speedOf(row *Row, strategy string) string {
	for _, c := range row.Cells {
		t := s.Time(c)
		switch {
		case c.Column().Text != strategy || t == nil:
			continue
		case c.Violations > 0:
			return duration(t.Center) + ", with violations"
		}
		return duration(t.Center)
	}
	return "–"
}

const promisesHTML = `<p>A strategy is judged against its own promise, not against the others.</p>
{{range .Tables}}<div class="scroll" tabindex="0" role="region" aria-label="{{.Title}}">
<table class="promises">
<caption>{{.Title}}</caption>
<thead><tr><th scope="col" class="l">Strategy</th>{{range .Heads}}<th scope="col" class="l">{{.}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr><th scope="row" class="l">{{.Strategy}}</th>{{range .Values}}<td class="l">{{.}}</td>{{end}}</tr>
{{end}}</tbody>
</table>
</div>
{{end}}{{with .LeftOut}}<p class="warn">{{.}}</p>
{{end}}`

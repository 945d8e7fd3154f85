package report

import (
	"bufio"
	"fmt"
)

// foundSection says in words what the cells show.
func foundSection() section {
	return section{text: foundText, json: foundJSON, page: foundPage, html: foundHTML}
}

func foundText(w *bufio.Writer, s *Set) {
	w.WriteString("\nFound:\n")
	for _, f := range s.Findings() {
		mark := "  "
		if f.Bad {
			mark = "! "
		}
		if f.Table != nil {
			f.Text = f.Table.Text + ": " + f.Text
		}
		fmt.Fprintf(w, "%s%s\n", mark, f.Text)
	}
}

type jsonFinding struct {
	Workload  string `json:"workload"` // the table; "" for all
	Text      string `json:"text"`
	Violation bool   `json:"violation"`
}

func foundJSON(s *Set) []jsonField {
	return []jsonField{{"findings", jsonList(func(yield func(any) bool) {
		for _, f := range s.Findings() {
			jf := jsonFinding{Text: f.Text, Violation: f.Bad}
			if f.Table != nil {
				jf.Workload = f.Table.Text
			}
			if !yield(jf) {
				return
			}
		}
	})}}
}

type foundData struct {
	Warnings []string
	Right    []Finding
	Fast     []fastData
	LeftOut  []string
}

// fastData is what is fastest in a table.
type fastData struct {
	ID, Name string
	Findings []string
}

// maxRight bounds the findings about correctness on the page.
const maxRight = 200

func foundPage(s *Set) []part {
	shown, leftOut := s.shown()
	d := foundData{Warnings: s.Warnings, LeftOut: append(leftOut, s.unplotted(shown)...)}
	right := s.correctness()
	if n := len(right) - maxRight; n > 0 {
		right = append(right[:maxRight], Finding{Text: fmt.Sprintf("%d more findings are in the text and with --json", n)})
	}
	for _, f := range right {
		f.Text = powers(sentence(f.Text) + ".")
		d.Right = append(d.Right, f)
	}
	for _, t := range shown {
		d.Fast = append(d.Fast, fastData{t.id(), t.Text, s.fastestSentences(t)})
	}
	return []part{{ID: "found", Nav: "Found", Title: "What was found", Data: d}}
}

// maxSentences bounds what is said about one table on the page.
const maxSentences = 50

// fastestSentences says for the page what was fastest in a table.
func (s *Set) fastestSentences(t *Table) []string {
	texts := s.fastest(t)
	if n := len(texts) - maxSentences; n > 0 {
		texts = append(texts[:maxSentences], fmt.Sprintf("%d more findings are in the text and with --json", n))
	}
	for i, text := range texts {
		texts[i] = powers(sentence(text) + ".")
	}
	return texts
}

const foundHTML = `{{range .Warnings}}<p class="warn">{{.}}</p>
{{end}}<h3>Is it right?</h3>
<ul class="found">
{{range .Right}}<li{{if .Bad}} class="bad"{{end}}>{{.Text}}</li>
{{end}}</ul>
<h3>How fast is it?</h3>
<dl>
{{range .Fast}}<dt><a href="#{{.ID}}">{{.Name}}</a></dt><dd>{{range .Findings}}<div>{{.}}</div>{{end}}</dd>
{{end}}</dl>
{{range .LeftOut}}<p class="warn">{{.}}</p>
{{end}}`

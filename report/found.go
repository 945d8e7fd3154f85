package report

import (
	"bufio"
	"fmt"
)

// foundSection says in words what the cells show. On the page the overview does, and each table.
func foundSection() section {
	return section{text: foundText, json: foundJSON}
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

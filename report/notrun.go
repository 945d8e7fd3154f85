package report

import (
	"bufio"
	"fmt"
)

// notRunSection is the pairs that can't run, and why.
func notRunSection() section {
	return section{text: notRunText, json: notRunJSON, page: notRunPage, html: notRunHTML}
}

func notRunText(w *bufio.Writer, s *Set) {
	if len(s.Unsupported) == 0 {
		return
	}
	w.WriteString("\nNot run:\n")
	for _, u := range s.Unsupported {
		fmt.Fprintf(w, "  %s under %s: %s\n", u.Strategy, u.Workload, u.Reason)
	}
}

type jsonUnsupported struct {
	Workload string `json:"workload"`
	Strategy string `json:"strategy"`
	Reason   string `json:"reason"`
}

func notRunJSON(s *Set) []jsonField {
	us := []jsonUnsupported{}
	for _, u := range s.Unsupported {
		us = append(us, jsonUnsupported(u))
	}
	return []jsonField{{"unsupported", us}}
}

func notRunPage(s *Set) []part {
	if len(s.Unsupported) == 0 {
		return nil
	}
	return []part{{ID: "notrun", Nav: "Not run", Title: "Not run", Data: s.Unsupported}}
}

const notRunHTML = `<div class="scroll" tabindex="0" role="region" aria-label="Pairs that were not run">
<table>
<thead><tr><th scope="col" class="l">Workload</th><th scope="col" class="l">Strategy</th><th scope="col" class="l">Why</th></tr></thead>
<tbody>
{{range .}}<tr><th scope="row" class="l nowrap">{{.Workload}}</th><td class="l nowrap">{{.Strategy}}</td><td class="l reason">{{.Reason}}</td></tr>
{{end}}</tbody>
</table>
</div>
`

package report

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
)

// warningsSection is what limits what numbers are worth, and the lines that couldn't be used.
func warningsSection() section {
	return section{text: warningsText, json: warningsJSON, page: warningsPage, html: warningsHTML}
}

// maxListed bounds lists of problems and warnings in the text, maxPageListed on the
// page.
const (
	maxListed     = 20
	maxPageListed = 500
)

func warningsText(w *bufio.Writer, s *Set) {
	lines := slices.Clone(s.Warnings)
	for _, g := range s.cellWarnings() {
		line := g.Cells[0].Key().String() + ": " + g.Text
		if n := len(g.Cells) - 1; n > 0 {
			line = g.Cells[0].Key().String() + " and " + plural(n, "more cell") + ": " + g.Text
		}
		lines = append(lines, line)
	}
	if n := len(lines); n > maxListed {
		lines = append(lines[:maxListed], fmt.Sprintf("and %d more: \"refbench report --json\" has all", n-maxListed))
	}
	for _, p := range s.Problems[:min(len(s.Problems), maxListed)] {
		lines = append(lines, p.String())
	}
	if n := s.ProblemCount - maxListed; n > 0 {
		lines = append(lines, fmt.Sprintf("and %s in the files", plural(n, "more problem")))
	}
	if len(lines) == 0 {
		return
	}
	w.WriteString("\nWarnings:\n")
	for _, line := range lines {
		w.WriteString("  " + line + "\n")
	}
}

type jsonProblem struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

func warningsJSON(s *Set) []jsonField {
	ps := []jsonProblem{}
	for _, p := range s.Problems {
		ps = append(ps, jsonProblem(p))
	}
	// The list has the first ones, the count is of all.
	return []jsonField{{"warnings", nonNil(s.Warnings)}, {"problems", ps}, {"problem_count", s.ProblemCount}}
}

type warningsData struct {
	Warnings []string
	Cells    []warningData
	Problems []Problem
	More     int // problems
}

type warningData struct{ Text, Where string }

// maxCells bounds the cells that a grouped warning names.
const maxCells = 8

func warningsPage(s *Set) []part {
	d := warningsData{Warnings: s.Warnings, Problems: s.Problems[:min(len(s.Problems), 100)]}
	d.More = s.ProblemCount - len(d.Problems)
	groups := s.cellWarnings()
	for _, g := range groups[:min(len(groups), maxPageListed)] {
		var where []string
		for _, c := range g.Cells[:min(len(g.Cells), maxCells)] {
			where = append(where, c.Key().String())
		}
		text := strings.Join(where, "; ")
		if n := len(g.Cells) - maxCells; n > 0 {
			text += fmt.Sprintf("; and %s", plural(n, "more cell"))
		}
		d.Cells = append(d.Cells, warningData{sentence(g.Text), text})
	}
	if n := len(groups) - maxPageListed; n > 0 {
		d.Cells = append(d.Cells, warningData{Text: fmt.Sprintf("And %d more: --json has all", n)})
	}
	if len(d.Warnings)+len(d.Cells)+len(d.Problems) == 0 {
		return nil
	}
	return []part{{ID: "warnings", Nav: "Warnings", Title: "Warnings", Data: d}}
}

// A warningGroup is one warning and the cells that have it: without its numbers, if they are
// several.
type warningGroup struct {
	Text  string
	Cells []*Cell
}

// cellWarnings groups the warnings of all cells by what they say.
func (s *Set) cellWarnings() []warningGroup {
	var groups []warningGroup
	index := make(map[string]int)
	for _, c := range s.cells {
		for k, general := range c.general {
			i, ok := index[general]
			if !ok {
				i = len(groups)
				index[general] = i
				groups = append(groups, warningGroup{Text: c.Warnings[k]})
			} else {
				groups[i].Text = general
			}
			groups[i].Cells = append(groups[i].Cells, c)
		}
	}
	return groups
}

const warningsHTML = `{{range .Warnings}}<p class="warn">{{.}}</p>
{{end}}{{with .Cells}}<h3>Cells</h3>
<ul>
{{range .}}<li>{{.Text}}<br><span class="soft">{{.Where}}</span></li>
{{end}}</ul>
{{end}}{{with .Problems}}<h3>Lines of the files</h3>
<ul>
{{range .}}<li class="soft">{{.}}</li>
{{end}}</ul>
{{end}}{{if .More}}<p>And {{.More}} more.</p>
{{end}}`

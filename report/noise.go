package report

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// noiseSection is how far cells that were measured twice lie apart.
func noiseSection() section {
	return section{text: noiseText, json: noiseJSON, page: noisePage, html: noiseHTML}
}

// controlSuffix stands behind the strategy's name in the lines of a control cell: the
// twin of another one, measured beside it.
const controlSuffix = "+control"

// twinOf returns the name of the cell of which lines of this name are a control, or nil if
// they are none.
func twinOf(n benchfmt.Name) benchfmt.Name {
	const key = "/strategy="
	i := bytes.Index(n, []byte(key))
	if i < 0 {
		return nil
	}
	value, rest := n[i+len(key):], []byte(nil)
	if end := bytes.IndexAny(value, "/-"); end >= 0 {
		value, rest = value[:end], value[end:]
	}
	value, ok := bytes.CutSuffix(value, []byte(controlSuffix))
	if !ok {
		return nil
	}
	return slices.Concat(n[:i+len(key)], benchfmt.Name(value), benchfmt.Name(rest))
}

// setControls keeps control cells apart from those that they are twins of. Only what
// their checks saw counts for these: it was the same strategy under the same workload.
func (s *Set) setControls(cells, controls map[cellKey]*Cell) {
	for key, c := range controls {
		s.controls = append(s.controls, c)
		twin := cells[key]
		if twin == nil {
			twin = &Cell{labels: key.labels, Date: key.date}
			cells[key] = twin
		}
		twin.Checked += c.Checked
		for _, m := range c.measures {
			if u := s.Units[m.unit]; u.Tidied == unitViolations || u.Kind {
				to := twin.measure(m.unit, 0)
				to.sum += m.sum
				to.aside = slices.Concat(to.aside, m.values, m.aside)
			}
		}
	}
}

// A Control is a cell that was measured twice.
type Control struct {
	Cell       *Cell
	Again      float64 // seconds per operation the second time: the median
	Difference float64 // how many times as slow the slower of the two was, less 1
}

// Controls returns the cells that were measured twice and have times, in the order of the
// cells.
func (s *Set) Controls() []Control {
	twins := make(map[cellKey]*Cell, len(s.controls))
	for _, c := range s.controls {
		twins[cellKey{c.labels, c.Date}] = c
	}
	var all []Control
	for _, c := range s.cells {
		twin, t := twins[cellKey{c.labels, c.Date}], s.Time(c)
		if twin == nil || t == nil || t.Center <= 0 {
			continue
		}
		m := s.measure(twin, unitTime)
		if len(m.values) == 0 {
			continue
		}
		sum := s.Units[m.unit].assumption.Summary(benchmath.NewSample(slices.Clone(m.values), &benchmath.DefaultThresholds), Confidence)
		if again := sum.Center; again > 0 {
			all = append(all, Control{c, again, math.Max(again/t.Center, t.Center/again) - 1})
		}
	}
	return all
}

// NoiseFloor returns how far the cells that were measured twice lie apart at most: a
// smaller difference between two cells may be chance. Cells is how many there are.
func (s *Set) NoiseFloor() (difference float64, cells int) {
	return s.noiseFloor(nil)
}

// noiseFloor is NoiseFloor of one machine, or of all if it is nil.
func (s *Set) noiseFloor(m *Machine) (difference float64, cells int) {
	for _, c := range s.Controls() {
		if m == nil || c.Cell.labels[0].Machine == m {
			difference = max(difference, c.Difference)
			cells++
		}
	}
	return difference, cells
}

// noiseLine says the noise floor in words, "" if it isn't known.
func (s *Set) noiseLine() string {
	d, n := s.NoiseFloor()
	switch n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("noise floor of this run: the same cell measured twice differed by %s (1 cell)", percent(d))
	}
	return fmt.Sprintf("noise floor of this run: the same cell measured twice differed by %s (worst of %d cells)", percent(d), n)
}

// percent formats a share with two or more digits.
func percent(v float64) string {
	if v < 0.1 {
		return fmt.Sprintf("%.1f %%", 100*v)
	}
	return fmt.Sprintf("%.0f %%", 100*v)
}

func noiseText(w *bufio.Writer, s *Set) {
	if line := s.noiseLine(); line != "" {
		w.WriteString("\n" + sentence(line) + ".\n")
	}
}

type jsonNoise struct {
	Difference float64     `json:"difference_percent"`
	Cells      []jsonTwice `json:"cells"`
}

type jsonTwice struct {
	jsonKey
	First      float64 `json:"time_per_operation_ns"`
	Again      float64 `json:"again_ns"`
	Difference float64 `json:"difference_percent"`
}

func noiseJSON(s *Set) []jsonField {
	all := s.Controls()
	if len(all) == 0 {
		return []jsonField{{"noise_floor", nil}}
	}
	worst, _ := s.NoiseFloor()
	n := jsonNoise{Difference: 100 * worst}
	for _, c := range all {
		n.Cells = append(n.Cells, jsonTwice{s.layout.jsonKey(c.Cell.labels), 1e9 * s.Time(c.Cell).Center, 1e9 * c.Again, 100 * c.Difference})
	}
	return []jsonField{{"noise_floor", n}}
}

type noiseData struct {
	Line  string
	Cells []string
	More  int
}

// maxTwice bounds the cells that the page lists.
const maxTwice = 100

func noisePage(s *Set) []part {
	line := s.noiseLine()
	if line == "" {
		return nil
	}
	d := noiseData{Line: sentence(line) + "."}
	all := s.Controls()
	for _, c := range all[:min(len(all), maxTwice)] {
		d.Cells = append(d.Cells, fmt.Sprintf("%s: %s, and %s", c.Cell.Key(), duration(s.Time(c.Cell).Center), duration(c.Again)))
	}
	d.More = len(all) - len(d.Cells)
	return []part{{ID: "noise", Nav: "Noise floor", Title: "Noise floor", Data: d}}
}

const noiseHTML = `<p>{{.Line}} A smaller difference between two cells may be chance.</p>
<details><summary>Cells measured twice</summary>
<ul>
{{range .Cells}}<li>{{.}}</li>
{{end}}{{if .More}}<li>{{.More}} more: --json has all</li>
{{end}}</ul>
</details>
`

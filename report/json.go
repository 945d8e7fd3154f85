package report

import (
	"encoding/json"
	"io"
	"math"

	"golang.org/x/perf/benchmath"
)

// ReportSchema names the fields that [JSON] writes. It changes when a field changes
// its meaning or goes; new fields may come without notice.
const ReportSchema = "refbench-report/1"

// The fields of a report in JSON. Arrays are in the order of the tables. A number
// that isn't known or has no bound is null.
type jsonReport struct {
	Schema      string            `json:"schema"`
	Files       []string          `json:"files"`
	ResultLines int               `json:"result_lines"`
	Facts       []jsonFact        `json:"facts"`
	Promises    []jsonPromise     `json:"promises"`
	Unsupported []jsonUnsupported `json:"unsupported"`
	Findings    []jsonFinding     `json:"findings"`
	Cells       []jsonCell        `json:"cells"`
	Warnings    []string          `json:"warnings"`
	Problems    []jsonProblem     `json:"problems"`
	ProblemsAll int               `json:"problem_count"` // problems lists the first ones
}

type jsonFact struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

type jsonPromise struct {
	Strategy string            `json:"strategy"`
	Fields   []jsonPromisePair `json:"fields"`
}

type jsonPromisePair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type jsonUnsupported struct {
	Workload string `json:"workload"`
	Strategy string `json:"strategy"`
	Reason   string `json:"reason"`
}

type jsonFinding struct {
	Workload  string `json:"workload"` // "" for all
	Text      string `json:"text"`
	Violation bool   `json:"violation"`
}

type jsonCell struct {
	Workload string `json:"workload"`
	CPUs     int    `json:"cpus"`
	Strategy string `json:"strategy"`
	Samples  int    `json:"samples"`
	SetAside int    `json:"samples_set_aside"`

	Time       *jsonSummary `json:"time_per_operation_ns"`
	Throughput *jsonSummary `json:"throughput_operations_per_second"`
	// SpeedRatio is the throughput relative to the workload's first strategy.
	SpeedRatio  *float64 `json:"speed_ratio_to_first_strategy"`
	RatioDiffer *bool    `json:"speed_ratio_is_significant"`
	Ranked      bool     `json:"ranked"`  // false: has violations or no usable sample
	Leading     bool     `json:"leading"` // the fastest, or not told apart from it

	OperationsChecked float64    `json:"operations_checked"`
	Violations        float64    `json:"violations"`
	Kinds             []jsonKind `json:"violations_by_kind"`
	// Rate is violations / operations checked; RateBelow bounds it at 95 %
	// confidence when no violation was seen.
	Rate      *float64 `json:"violations_per_operation"`
	RateBelow *float64 `json:"violations_per_operation_below"`

	Others   []jsonValue `json:"other_units"`
	Warnings []string    `json:"warnings"`
}

type jsonKind struct {
	Kind  string  `json:"kind"`
	Count float64 `json:"count"`
}

type jsonSummary struct {
	Median     float64  `json:"median"`
	Low        *float64 `json:"low"`  // of the interval; null: too few samples
	High       *float64 `json:"high"` // likewise
	Confidence float64  `json:"confidence"`
}

type jsonValue struct {
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
}

type jsonProblem struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// JSON writes what [Text] says, for programs. The document's schema field is
// [ReportSchema].
func JSON(w io.Writer, s *Set) error {
	r := jsonReport{
		Schema: ReportSchema, Files: cleanAll(s.Paths), ResultLines: s.Lines,
		Facts: []jsonFact{}, Promises: []jsonPromise{}, Unsupported: []jsonUnsupported{}, Findings: []jsonFinding{},
		Cells: []jsonCell{}, Warnings: nonNil(s.Warnings), Problems: jsonProblems(s), ProblemsAll: s.ProblemCount,
	}
	for _, f := range s.Facts {
		r.Facts = append(r.Facts, jsonFact(f))
	}
	for _, p := range s.Promises {
		jp := jsonPromise{Strategy: p.Strategy, Fields: []jsonPromisePair{}}
		for _, f := range p.Fields {
			jp.Fields = append(jp.Fields, jsonPromisePair{f[0], f[1]})
		}
		r.Promises = append(r.Promises, jp)
	}
	for _, u := range s.Unsupported {
		r.Unsupported = append(r.Unsupported, jsonUnsupported(u))
	}
	for _, f := range s.Findings() {
		r.Findings = append(r.Findings, jsonFinding{f.Workload, f.Text, f.Bad})
	}
	var rank Ranking
	var row Key
	for _, c := range s.Cells() {
		if row.Workload != c.Workload || row.CPUs != c.CPUs {
			row, rank = c.Key, s.Rank(c.Workload, c.CPUs)
		}
		r.Cells = append(r.Cells, s.jsonCell(c, rank))
	}
	return writeJSON(w, r)
}

func (s *Set) jsonCell(c *Cell, rank Ranking) jsonCell {
	jc := jsonCell{
		Workload: c.Workload, CPUs: c.CPUs, Strategy: c.Strategy, Samples: c.Samples, SetAside: len(c.SetAside),
		Time: summaryJSON(s.Time(c), 1e9), Throughput: summaryJSON(s.Throughput(c), 1),
		OperationsChecked: c.Checked, Violations: c.Violations, Kinds: []jsonKind{}, Others: []jsonValue{},
		Warnings: nonNil(c.Warnings),
	}
	if ratio, differs, ok := s.Ratio(c); ok {
		jc.SpeedRatio, jc.RatioDiffer = finite(ratio), &differs
	}
	jc.Ranked = jc.Time != nil && c.Violations == 0
	for _, name := range rank.Leaders {
		jc.Leading = jc.Leading || name == c.Strategy && !rank.TooFew
	}
	for _, k := range c.Kinds {
		jc.Kinds = append(jc.Kinds, jsonKind(k))
	}
	if c.Checked > 0 {
		jc.Rate = finite(c.Violations / c.Checked)
		if c.Violations == 0 {
			jc.RateBelow = finite(upperBound(c.Checked))
		}
	}
	for _, u := range s.Units {
		switch u.Tidied {
		case unitTime, unitThroughput, unitViolations, unitShared, unitChecked:
			continue
		}
		if sum := s.summary(c, u.Tidied); sum != nil && !u.Kind {
			jc.Others = append(jc.Others, jsonValue{u.Name, sum.Center})
		}
	}
	return jc
}

func summaryJSON(sum *benchmath.Summary, factor float64) *jsonSummary {
	if sum == nil {
		return nil
	}
	return &jsonSummary{Median: sum.Center * factor, Low: finite(sum.Lo * factor), High: finite(sum.Hi * factor), Confidence: sum.Confidence}
}

// finite returns nil for what JSON has no number for.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

func jsonProblems(s *Set) []jsonProblem {
	ps := []jsonProblem{}
	for _, p := range s.Problems {
		ps = append(ps, jsonProblem(p))
	}
	return ps
}

func cleanAll(texts []string) []string {
	out := []string{}
	for _, t := range texts {
		out = append(out, clean(t))
	}
	return out
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

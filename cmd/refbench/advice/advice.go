package advice

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/refbench/refbench/report"
)

// Schema names the fields of an [Advice] in JSON. It changes when a field changes its meaning
// or goes.
const Schema = "refbench-advice/1"

// An Advice is which strategies have what is needed, the cheapest first, and why the others
// don't. Field names are part of the interface: see JSON.md.
type Advice struct {
	Schema     string      `json:"schema"`
	Needs      []Asked     `json:"needs"`
	Workload   string      `json:"workload"` // that the cost is measured by, with its settings
	CPUs       int         `json:"cpus"`
	Machine    string      `json:"machine"`
	Conclusion string      `json:"conclusion"`
	Candidates []Candidate `json:"candidates"`
	Others     []Other     `json:"others"`
	NoiseFloor *float64    `json:"noise_floor_percent"`
	Warnings   []string    `json:"warnings"` // about the files as a whole
}

// Asked is a need and what it means.
type Asked struct {
	Need    string `json:"need"`
	Means   string `json:"means"`
	Promise string `json:"promise,omitempty"`
}

// A Candidate is a strategy that has what is needed.
type Candidate struct {
	Strategy string   `json:"strategy"`
	Cheapest bool     `json:"cheapest"` // or not told apart from the cheapest
	Median   float64  `json:"time_per_operation_ns"`
	Low      *float64 `json:"time_low_ns"` // of the interval; null: too few samples
	High     *float64 `json:"time_high_ns"`
	Samples  int      `json:"samples"`
	Ratio    float64  `json:"ratio_to_cheapest"`
	Bytes    string   `json:"bytes"`
	Actors   bool     `json:"actors"`             // its callers said who they are
	Checked  float64  `json:"operations_checked"` // in all cells of the files, without a violation
	Checks   []Check  `json:"checks,omitempty"`   // that were run for this advice
}

// A Check is what one check said of a candidate.
type Check struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
}

// An Other is a strategy that isn't a candidate.
type Other struct {
	Strategy string `json:"strategy"`
	Reason   string `json:"reason"` // what it and others with the same reason do

	// untimed says that the reason is about the files, and not about the strategy: it has what
	// is needed, and may be cheaper than any that has a time.
	untimed bool
}

// A CantTell says that the files don't have what it takes to give advice.
type CantTell struct{ Reason string }

func (e *CantTell) Error() string { return e.Reason }

// Of gives advice from results. Broken are strategies that a check has found broken, with what
// found it. It returns a [*CantTell] if no strategy that has what is needed has a usable
// time, and another error if the results aren't those of one machine, or don't have the
// workload or the number of CPUs.
func Of(s *report.Set, n *Needs, broken map[string]string) (*Advice, error) {
	if len(s.Machines) > 1 {
		return nil, fmt.Errorf("the files have results of %d machines: give those of one", len(s.Machines))
	}
	if len(s.Promises) == 0 {
		return nil, fmt.Errorf("the files have no promises, which needs are compared with: give files that \"refbench run\" wrote")
	}
	row, err := rowOf(s, n)
	if err != nil {
		return nil, err
	}
	a := &Advice{Schema: Schema, Needs: []Asked{}, Workload: row.Table.Text, Machine: s.MachineLine(), Candidates: []Candidate{}, Others: []Other{},
		Warnings: append([]string{}, s.Warnings...)}
	fmt.Sscan(row.Short, &a.CPUs)
	for _, w := range n.List {
		a.Needs = append(a.Needs, Asked{w.String(), w.Doc, w.Means})
	}
	if d, cells := s.NoiseFloor(); cells > 0 {
		d *= 100
		a.NoiseFloor = &d
	}
	checked, violations := make(map[string]float64), make(map[string]float64)
	for _, c := range s.Cells() {
		checked[strategyOf(c)] += c.Checked
		violations[strategyOf(c)] += c.Violations
	}
	cells := make(map[string]*report.Cell)
	for _, c := range row.Cells {
		if old := cells[strategyOf(c)]; old == nil || old.Generic() { // native loops before others
			cells[strategyOf(c)] = c
		}
	}
	in := make(map[*report.Cell]report.Promise)
	native, generic := false, false
	for _, p := range s.Promises {
		why, untimed := n.Lacks(p.Fields), false
		switch {
		case why != "":
		case broken[p.Strategy] != "":
			why = "break their promise (" + broken[p.Strategy] + ")"
		case violations[p.Strategy] > 0:
			why = "have violations in these files"
		case cells[p.Strategy] == nil:
			why, untimed = "weren't measured under "+a.Workload, true
			for _, u := range s.Unsupported {
				if u.Strategy == p.Strategy && u.Workload == strings.Fields(a.Workload)[0] {
					why, untimed = "can't run "+u.Workload, false
				}
			}
		case !usable(s, cells[p.Strategy]):
			why, untimed = "have no usable sample", true
		default:
			in[cells[p.Strategy]] = p
			native = native || !cells[p.Strategy].Generic()
			continue
		}
		a.Others = append(a.Others, Other{p.Strategy, why, untimed})
	}
	for _, p := range s.Promises {
		// A call through an interface costs as much as many a count: no ratio compares the two.
		if c := cells[p.Strategy]; in[c].Strategy == p.Strategy && native && c.Generic() {
			delete(in, c)
			generic = true
			a.Others = append(a.Others, Other{p.Strategy, "were called through an interface, and candidates weren't", false})
		}
	}
	rank := s.RankAmong(row, func(c *report.Cell) bool { _, ok := in[c]; return ok })
	a.rank(s, row, rank, in, checked)
	names := a.unmeasured()
	among := ""
	switch {
	case len(names) > 0:
		among = "those measured"
	case generic:
		among = "those with native loops"
	}
	a.conclude(rank, among)
	if len(in) == 0 && len(names) > 0 {
		again := "measure "
		if !slices.ContainsFunc(a.Others, func(o Other) bool { return o.untimed && cells[o.Strategy] == nil }) {
			again = "something else used the CPUs while they were measured: measure again "
		}
		return a, &CantTell{"no strategy that has what is needed has a usable time in these files: " + again + strings.Join(names, ", ")}
	}
	return a, nil
}

// usable reports whether a cell has a time that means something.
func usable(s *report.Set, c *report.Cell) bool {
	t := s.Time(c)
	return t != nil && t.Center > 0
}

// unmeasured returns the strategies that have what is needed, and no time.
func (a *Advice) unmeasured() (names []string) {
	for _, o := range a.Others {
		if o.untimed {
			names = append(names, o.Strategy)
		}
	}
	return names
}

// strategyOf returns the strategy of a cell, without what its loops call through.
func strategyOf(c *report.Cell) string {
	name, _, _ := strings.Cut(c.Column().Text, " ")
	return name
}

// rowOf returns the row of a report that has the cost: of the workload that is asked for on
// as many CPUs.
func rowOf(s *report.Set, n *Needs) (*report.Row, error) {
	var names []string
	for _, t := range s.Tables {
		if sorted(t.Text) != sorted(n.table()) {
			names = append(names, t.Text)
			continue
		}
		if n.CPUs == 0 {
			return t.Rows[len(t.Rows)-1], nil
		}
		var counts []string
		for _, r := range t.Rows {
			if r.Short == fmt.Sprint(n.CPUs) {
				return r, nil
			}
			counts = append(counts, r.Short)
		}
		return nil, fmt.Errorf("%s wasn't measured on %d CPUs: there are %s", t.Text, n.CPUs, strings.Join(counts, ", "))
	}
	return nil, fmt.Errorf("%s isn't in the files: there are %s", n.table(), strings.Join(names, ", "))
}

// sorted returns the name of a table with its settings in order: whichever was named first, they
// are the same.
func sorted(table string) string {
	fields := strings.Fields(table)
	if len(fields) > 1 {
		slices.Sort(fields[1:])
	}
	return strings.Join(fields, " ")
}

// rank fills in the candidates, the cheapest first.
func (a *Advice) rank(s *report.Set, row *report.Row, rank report.Ranking, in map[*report.Cell]report.Promise, checked map[string]float64) {
	leading := make(map[string]bool)
	if !rank.TooFew || len(in) == 1 {
		for _, c := range rank.Leaders {
			leading[strategyOf(c)] = true
		}
	}
	least := math.Inf(1)
	for _, c := range row.Cells {
		p, ok := in[c]
		if !ok {
			continue
		}
		t := s.Time(c)
		cand := Candidate{Strategy: p.Strategy, Cheapest: leading[p.Strategy], Median: 1e9 * t.Center, Low: finite(1e9 * t.Lo), High: finite(1e9 * t.Hi),
			Samples: c.Samples, Checked: checked[p.Strategy]}
		for _, f := range p.Fields {
			switch f[0] {
			case "bytes":
				cand.Bytes = f[1]
			case "actors":
				cand.Actors = f[1] == "yes"
			}
		}
		least = min(least, cand.Median)
		a.Candidates = append(a.Candidates, cand)
	}
	for i := range a.Candidates {
		a.Candidates[i].Ratio = a.Candidates[i].Median / least
	}
	slices.SortStableFunc(a.Candidates, func(x, y Candidate) int { return cmp.Compare(x.Median, y.Median) })
}

func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// conclude says in one sentence which is the cheapest. Among are those that could be compared, if
// others have what is needed, too.
func (a *Advice) conclude(rank report.Ranking, among string) {
	where := fmt.Sprintf("under %s on %s", a.Workload, cpus(a.CPUs))
	var names []string
	for _, c := range a.Candidates {
		if c.Cheapest {
			names = append(names, c.Strategy)
		}
	}
	of, only := "", fmt.Sprint("Only ", strings.Join(names, ""))
	if among != "" {
		of, only = " of "+among, fmt.Sprint("Of ", among, ", only ", strings.Join(names, ""))
	}
	switch {
	case among != "" && len(a.Candidates) == 0:
		a.Conclusion = "It can't be told: what has all of it has no usable time " + where + "."
	case len(a.Candidates) == 0:
		a.Conclusion = "No strategy has all of it."
	case len(a.Candidates) == 1:
		a.Conclusion = fmt.Sprintf("%s qualifies %s.", only, where)
	case rank.TooFew:
		a.Conclusion = fmt.Sprintf("%d%s qualify %s; too few samples to say which is the cheapest.", len(a.Candidates), of, where)
	case len(names) > 1:
		a.Conclusion = fmt.Sprintf("A tie%s %s: %s.", of, where, strings.Join(names, ", "))
	default:
		a.Conclusion = fmt.Sprintf("The cheapest%s %s is %s.", of, where, names[0])
	}
}

func cpus(n int) string {
	if n == 1 {
		return "1 CPU"
	}
	return fmt.Sprintf("%d CPUs", n)
}

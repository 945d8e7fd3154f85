// Package matrix runs the planted bugs and their twins through the checks and says which
// of them finds which bug, after how much, and how few preemptions it takes: the
// mutation score of the checks themselves.
package matrix

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/refbench/refbench/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored"
	exploredbugs "github.com/refbench/refbench/fuzz/explored/fuzz/bugs"
	exploredworkloads "github.com/refbench/refbench/fuzz/explored/workloads"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
)

// An Entry is a planted bug in its two forms.
type Entry struct {
	Native   *bugs.Bug
	Explored *exploredbugs.Bug
}

// Builtin returns every planted bug.
func Builtin() []Entry { return pair(bugs.All, exploredbugs.All) }

// pair pairs bugs by name. A new one has no explored form yet in the refbench that is to
// generate it: that one goes without.
func pair(native []*bugs.Bug, explored []*exploredbugs.Bug) []Entry {
	var es []Entry
	for _, b := range native {
		for _, x := range explored {
			if x.Name == b.Name {
				es = append(es, Entry{b, x})
			}
		}
	}
	return es
}

// Subject returns the bug, or its twin, as what is checked.
func (e Entry) Subject(fixed bool) check.Subject {
	b := e.Native
	s := check.Subject{
		Strategy: b.Strategy(fixed), Others: builtin.All(), Unordered: !fixed && !b.Unordered,
		Explored: scenarios.Forms{Version: explored.Version, Strategies: []*strategies.Strategy{e.Explored.Strategy(fixed)}},
	}
	if b.Workload != nil {
		s.Uses, s.Wrong = true, !fixed
		s.Workloads = []*workloads.Workload{b.Workload}
		s.Explored.Workloads = []*exploredworkloads.Workload{e.Explored.Workload}
		return s
	}
	p, err := program.Parse(b.Program)
	if err != nil {
		panic(fmt.Sprintf("bug %s: %v", b.Name, err)) // it is a constant
	}
	s.Programs = []program.Program{p}
	s.Workloads = workloads.All
	return s
}

// Alone returns a wrong count, or its twin, as a strategy that nobody knows anything of: what is
// tried follows from its promise and its powers alone, as with one of another module.
func (e Entry) Alone(fixed bool) check.Subject {
	s := e.Subject(fixed)
	s.Programs, s.Unordered = nil, false
	s.Explored.Workloads = exploredworkloads.All
	return s
}

// Scenarios returns what is explored of every bug and every twin: what a replay token may
// be of.
func Scenarios(list []Entry) []*explore.Scenario {
	var all []*explore.Scenario
	for _, e := range list {
		for _, fixed := range []bool{false, true} {
			ss, _ := e.Subject(fixed).Scenarios()
			all = append(all, ss...)
		}
	}
	return all
}

// A State is what a cell says.
type State string

// The states.
const (
	Found       State = "found"
	Missed      State = "missed"      // not found within the time
	Blind       State = "blind"       // the check can't see it
	Unavailable State = "unavailable" // the check can't run here
)

// A Cell is one check on one bug and its twin.
type Cell struct {
	Check string `json:"check"`
	State State  `json:"state"`
	// Why says why the check is blind or unavailable.
	Why string `json:"why,omitempty"`
	// Sure says that the check is expected to find the bug.
	Sure bool `json:"sure"`

	Bug  *check.Result `json:"bug,omitempty"`
	Twin *check.Result `json:"twin,omitempty"`
}

// A Row is one bug.
type Row struct {
	Bug   string `json:"bug"`
	Doc   string `json:"doc"`
	Cells []Cell `json:"cells"`

	// Preemptions is how few the smallest schedule needs that was found, migrations to
	// another CPU among them; -1 if there is none.
	Preemptions int `json:"preemptions"`

	// Failure is that schedule, or nil.
	Failure *explore.Failure `json:"failure,omitempty"`
}

// Found reports whether some check found the bug.
func (r Row) Found() bool {
	return slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.State == Found })
}

// With returns the row with the cells of another one of the same bug, in the order of the checks.
func (r Row) With(o Row, checks []check.Check) Row {
	r.Cells = slices.Concat(r.Cells, o.Cells)
	slices.SortStableFunc(r.Cells, func(a, b Cell) int { return place(checks, a) - place(checks, b) })
	if r.Failure == nil {
		r.Failure, r.Preemptions = o.Failure, o.Preemptions
	}
	return r
}

func place(checks []check.Check, c Cell) int {
	return slices.IndexFunc(checks, func(k check.Check) bool { return k.Name == c.Check })
}

// Problems returns what is wrong with the row: a check that flags the twin, a bug
// that no check finds though one of those that ran is expected to.
func (r Row) Problems() []string {
	var ps []string
	expected := ""
	for _, c := range r.Cells {
		if c.Twin != nil && c.Twin.Verdict == check.Broken {
			ps = append(ps, fmt.Sprintf("%s: %s flags the twin, which is right: %s", r.Bug, c.Check, c.Twin.Findings[0].What))
		}
		if c.Sure && c.State == Missed && expected == "" {
			expected = c.Check
		}
	}
	if expected != "" && !r.Found() {
		ps = append(ps, fmt.Sprintf("%s: found by no check, and %s should", r.Bug, expected))
	}
	return ps
}

// Budget is how much may be spent on one bug or twin by one check.
type Budget struct {
	// Budget has the seed, and for how long to look: [Run] gives more to a check that is
	// expected to find the bug. One finding is enough.
	check.Budget

	// Child returns the command line of a process for [check.Subject]'s Child. It is nil
	// if there is none.
	Child func(bug string, fixed bool) []string
}

// enough is how long a check may look for a bug that it is expected to find. It is more
// than it takes, but for a machine that does something else as well.
const enough = 10 * time.Second

// Run runs a bug and its twin through the checks.
func Run(ctx context.Context, e Entry, checks []check.Check, b Budget) (Row, error) {
	row := Row{Bug: e.Native.Name, Doc: e.Native.Doc, Preemptions: -1}
	for _, k := range checks {
		x := e.Native.Expected[k.Name]
		c := Cell{Check: k.Name, State: Blind, Why: x.Blind, Sure: x.Sure}
		if x.Blind == "" {
			c.run(ctx, e, k, b)
		}
		if err := ctx.Err(); err != nil {
			return row, err
		}
		row.Cells = append(row.Cells, c)
		if c.State != Found {
			continue
		}
		if f := c.Bug.Findings[0].Failure; f != nil && row.Failure == nil {
			row.Failure, row.Preemptions = f, f.Preemptions+f.Migrations
		}
	}
	return row, nil
}

// run runs the check on the bug, and then on its twin.
func (c *Cell) run(ctx context.Context, e Entry, k check.Check, b Budget) {
	on := func(fixed bool) *check.Result {
		s, mine := e.Subject(fixed), b.Budget
		if mine.First = true; c.Sure && !fixed {
			mine.Time = max(b.Time, enough)
		}
		if b.Child != nil {
			s.Child = b.Child(e.Native.Name, fixed)
		}
		r := k.Do(ctx, s, mine)
		return &r
	}
	c.Bug = on(false)
	switch c.Bug.Verdict {
	case check.Unsupported:
		c.State, c.Why, c.Bug = Unavailable, c.Bug.Reason, nil
		return
	case check.Broken:
		c.State = Found
	default:
		c.State = Missed
	}
	c.Twin = on(true)
}

package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/refbench/refbench/fuzz/bugs/matrix"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored"
)

// bugRows runs bugs through checks.
type bugRows struct {
	self   string // the program for processes, or ""
	jobs   int    // how many bugs at the same time, in processes
	checks []check.Check
	budget matrix.Budget
}

// run runs bugs through the checks, in other processes, and hands on each row, or why there is none,
// until row returns false. Checks without real threads look at several bugs at the same time before
// the others look at these, one after the other.
func (b bugRows) run(ctx context.Context, chosen []matrix.Entry, row func(matrix.Row, error) bool) {
	const many = 8 // bugs for each process before the other checks look at them
	var alone, beside []check.Check
	for _, k := range b.checks {
		if k.Alone() {
			alone = append(alone, k)
		} else {
			beside = append(beside, k)
		}
	}
	solo := helper{self: b.self, command: bugChildName}
	defer solo.end()
	if b.jobs < 2 || len(chosen) < 2 || b.self == "" {
		one := func(e matrix.Entry) (matrix.Row, error) { return matrix.Run(ctx, e, b.checks, b.budget) }
		if b.self != "" {
			one = func(e matrix.Entry) (matrix.Row, error) { return b.apart(ctx, &solo, e, b.checks) }
		}
		for _, e := range chosen {
			if !row(one(e)) {
				return
			}
		}
		return
	}
	for some := range slices.Chunk(chosen, many*b.jobs) {
		rows := make([]matrix.Row, len(some))
		errs := make([]error, len(some))
		helped(b.self, bugChildName, b.jobs, len(some), func(h *helper, i int) {
			rows[i], errs[i] = b.apart(ctx, h, some[i], beside)
		})
		for i, e := range some {
			late, err := matrix.Row{}, errs[i]
			if err == nil {
				late, err = b.apart(ctx, &solo, e, alone)
			}
			if !row(rows[i].With(late, b.checks), err) {
				return
			}
		}
	}
}

// apart has a process run a bug through the checks.
func (b bugRows) apart(ctx context.Context, h *helper, e matrix.Entry, checks []check.Check) (matrix.Row, error) {
	if err := ctx.Err(); err != nil {
		return matrix.Row{}, err
	}
	o := bugOrder{Bug: e.Native.Name, Seed: b.budget.Seed, Time: b.budget.Time}
	for _, k := range checks {
		o.Checks = append(o.Checks, k.Name)
	}
	var a bugAnswer
	if err := h.do(ctx, o, &a); err != nil {
		return matrix.Row{}, err
	}
	if a.Left {
		h.kill() // something is still at it there
	}
	if a.Error != "" {
		return matrix.Row{}, errors.New(a.Error)
	}
	if f := a.Row.Failure; f != nil && f.Token != "" {
		// What crossed over has no picture.
		if again, err := explore.Replay(f.Token, matrix.Scenarios([]matrix.Entry{e}), explore.Options{Version: explored.Version}); err == nil {
			again.Executions = f.Executions
			a.Row.Failure = again
		}
	}
	return a.Row, nil
}

// bugChildName is the command of a process that runs bugs through checks for another one: see
// [helper].
const bugChildName = "bug-child"

// A bugOrder says which bug to run through which checks.
type bugOrder struct {
	Bug    string
	Checks []string
	Seed   uint64
	Time   time.Duration
}

// A bugAnswer is what came out.
type bugAnswer struct {
	Row   matrix.Row
	Left  bool   // of a result of the row
	Error string // why there is no row
}

// carryOut runs the bug through the checks.
func (o bugOrder) carryOut(ctx context.Context, parts Parts, all []check.Check) (a bugAnswer) {
	chosen, err := chooseBugs(parts.Bugs, []string{o.Bug})
	if err == nil {
		var checks []check.Check
		if checks, err = chooseChecks(all, o.Checks); err == nil {
			a.Row, err = matrix.Run(ctx, chosen[0], checks, bugBudget(o.Seed, o.Time))
		}
	}
	if err != nil {
		a.Error = err.Error()
	}
	a.Left = slices.ContainsFunc(a.Row.Cells, func(c matrix.Cell) bool {
		return c.Bug != nil && c.Bug.Left || c.Twin != nil && c.Twin.Left
	})
	return a
}

// bugBudget is what a check may spend on a bug, and on its twin.
func bugBudget(seed uint64, each time.Duration) matrix.Budget {
	b := matrix.Budget{Budget: check.Budget{Seed: seed, Time: each}}
	b.Child = func(name string, fixed bool) []string { return raceChild(bugSubject(name, fixed)) }
	return b
}

package workloads

import (
	"fmt"
	"strconv"
	"strings"
)

// A Plan is a short use of a workload, for checks that make many instances and use each
// for some operations: under a scheduler, or on real threads. Its settings have few
// objects and no waiting, so that objects change and die within some operations.
//
// An action is a word: "w0.Work" is one operation of worker 0, "r0.Step" one step of
// the first role.
type Plan struct {
	// Settings are knobs, as [Workload.ParseSettings] takes them.
	Settings string
	// Before are actions before the threads start, separated by blanks.
	Before string
	// Program is what each thread does: "w0.Work w0.Work|w1.Work|r0.Step".
	Program string
}

// planned is the plan of a workload that has none: the defaults of its knobs, two
// workers and a role.
const planned = "w0.Work w0.Work|w1.Work w1.Work|r0.Step r0.Step"

// Threads returns the text of each thread of the plan's program.
func (p Plan) Threads() []string {
	if p.Program == "" {
		p.Program = planned
	}
	return strings.Split(p.Program, "|")
}

// Workers returns how many workers the plan has.
func (p Plan) Workers() int {
	n := 1
	for word := range strings.FieldsSeq(p.Before + " " + strings.Join(p.Threads(), " ")) {
		if a, err := ParseAction(word); err == nil && !a.Role {
			n = max(n, a.Index+1) // one that isn't an action is refused when it is used
		}
	}
	return n
}

// Actions returns the actions of a text, one thread's. They are of the plan's workers.
func (p Plan) Actions(text string) ([]Action, error) {
	var out []Action
	for word := range strings.FieldsSeq(text) {
		a, err := ParseAction(word)
		if n := p.Workers(); err == nil && !a.Role && a.Index >= n {
			err = fmt.Errorf("action %q: there are %d workers, the first is w0", word, n)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// StartPlan makes an instance for the workload's plan. What is to be done before the
// threads start is left to the caller. c says the rest.
func (w *Workload) StartPlan(c Config) (Instance, error) {
	knobs, err := w.ParseSettings(w.Plan.Settings)
	if err != nil {
		return nil, err
	}
	c.Workers, c.Knobs = w.Plan.Workers(), knobs
	return w.Start(w.New, c)
}

// An Action is a word of a plan.
type Action struct {
	Role  bool // a step of a role, not an operation of a worker
	Index int
}

// ParseAction returns the action of a word.
func ParseAction(word string) (Action, error) {
	for _, form := range []struct {
		prefix, suffix string
		role           bool
	}{{"w", ".Work", false}, {"r", ".Step", true}} {
		number, ok := strings.CutPrefix(word, form.prefix)
		number, closed := strings.CutSuffix(number, form.suffix)
		if n, err := strconv.ParseUint(number, 10, 8); ok && closed && err == nil {
			return Action{form.role, int(n)}, nil
		}
	}
	return Action{}, fmt.Errorf("action %q: want w0.Work for an operation of worker 0, or r0.Step for a step of the first role", word)
}

// Name returns who does the action on the instance.
func (a Action) Name(inst Instance) string {
	if !a.Role {
		return WorkerName(a.Index)
	}
	if roles := inst.Roles(); a.Index < len(roles) {
		return roles[a.Index].Name
	}
	return "nobody"
}

// Do does the action, and reports whether there was something to do: a role always acts,
// and the pause after its step is for the caller. What the instance hasn't got does
// nothing.
func (a Action) Do(inst Instance) bool {
	if !a.Role {
		return inst.Work(a.Index, 1) > 0
	}
	if roles := inst.Roles(); a.Index < len(roles) {
		roles[a.Index].Step()
	}
	return true
}

// IdleRounds is how often a role may have to act before some worker can go on.
const IdleRounds = 100

// Idle reports whether nobody can go on: the workers and roles, one after the other, for
// [IdleRounds] rounds, come to no operation. Workers that wait for each other so do it
// without blocking.
func Idle(inst Instance, workers int) bool {
	for range IdleRounds {
		for w := range workers {
			if inst.Work(w, 1) > 0 {
				return false
			}
		}
		for _, r := range inst.Roles() {
			r.Step()
		}
	}
	return true
}

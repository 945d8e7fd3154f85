package scenarios

import (
	"reflect"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored/workloads"
	"github.com/refbench/refbench/fuzz/explored/workloads/arena"
	"github.com/refbench/refbench/strategies"
)

// instanceSeed fixes what workers choose at random. It is a constant, since tokens
// name schedules and not seeds.
const instanceSeed = 1

// load is a strategy under a workload in its checked form. What it does wrong
// stands in its books at the end, and somebody must be able to go on: see judgeBooks.
func load(judged func(b workloads.Books, idle bool), s *strategies.Strategy, w *workloads.Workload, wrong bool) *explore.Scenario {
	return &explore.Scenario{
		Name: name(s, w.Name, wrong), Program: w.Plan.Threads(), CPUs: 2, MaxPoints: 100_000, DropIns: dropins.Paths(),
		Judges: []string{reflect.TypeFor[arena.Shadow]().PkgPath()},
		Make: func(program explore.Program) explore.Case {
			var inst workloads.Instance
			var idle bool // a worker came and did nothing
			var threads [][]workloads.Action
			for _, text := range append(program[:len(program):len(program)], w.Plan.Before) {
				actions, err := w.Plan.Actions(text)
				if err != nil {
					return explore.Case{Err: err}
				}
				threads = append(threads, actions)
			}
			threads, before := threads[:len(program)], threads[len(program)]
			c := explore.Case{
				Setup: func() {
					var err error
					idle = false
					inst, err = w.StartPlan(workloads.Config{Seed: instanceSeed, Checked: true, Wrong: wrong, NewCounter: s.New})
					if err != nil {
						panic(err)
					}
					for _, a := range before {
						act(inst, a)
					}
				},
				Finish: func() {
					// Who did something could go on, and mostly that is all: what
					// goes wrong here is in no picture.
					if idle {
						explore.Notef("can anybody go on?")
						idle = workloads.Idle(inst, w.Plan.Workers())
					}
					judged(inst.Close(), idle)
				},
			}
			for _, as := range threads {
				c.Threads = append(c.Threads, func() {
					for _, a := range as {
						if !act(inst, a) {
							idle = true
						}
					}
				})
			}
			return c
		},
	}
}

// act does one action, and reports whether there was something to do.
func act(inst workloads.Instance, a workloads.Action) bool {
	explore.Notef("%s", a.Name(inst))
	return a.Do(inst)
}

// judgeBooks fails the execution if the books don't balance, or else if no worker could go
// on.
func judgeBooks(b workloads.Books, idle bool) {
	switch what, leak := b.Wrong(idle); {
	case leak:
		explore.Leakf("%s", what)
	case what != "":
		explore.Failf("%s", what)
	}
}

package scenarios

import (
	"reflect"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored/workloads"
	"github.com/refbench/refbench/fuzz/explored/workloads/arena"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
)

// instanceSeed fixes what workers choose at random. It is a constant, since tokens
// name schedules and not seeds.
const instanceSeed = 1

// load is a strategy under a workload in its checked form. What it does wrong
// stands in its books at the end, and somebody must be able to go on.
func load(s *strategies.Strategy, w *workloads.Workload, wrong bool) *explore.Scenario {
	return loadJudgedBy(judgeBooks, s, w, wrong)
}

// Judges returns the packages whose accesses pictures draw as one step: the arena, in
// explored form.
func Judges() []string { return []string{reflect.TypeFor[arena.Shadow]().PkgPath()} }

func loadJudgedBy(judged func(b workloads.Books, idle bool), s *strategies.Strategy, w *workloads.Workload, wrong bool) *explore.Scenario {
	return &explore.Scenario{
		Name: name(s, w.Name, wrong), Program: w.Plan.Threads(), CPUs: 2, MaxPoints: 100_000, Judges: Judges(), DropIns: dropins.Paths(),
		Make: func(program explore.Program) explore.Case {
			var inst workloads.Instance
			var idle bool // a worker came and did nothing
			threads := make([][]workloads.Action, len(program))
			for i, text := range program {
				var err error
				if threads[i], err = w.Plan.Actions(text); err != nil {
					return explore.Case{Err: err}
				}
			}
			before, err := w.Plan.Actions(w.Plan.Before)
			if err != nil {
				return explore.Case{Err: err}
			}
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
// on. If all that is wrong is that objects are left, it is a leak.
func judgeBooks(b workloads.Books, idle bool) {
	leaks := b.Kinds[judge.Leak]
	switch {
	case b.Violations() > leaks:
		explore.Failf("%s", b.Sentence())
	case idle:
		explore.Failf("no worker can go on: when all threads had ended, every worker and every role came %d times more and no operation was done", workloads.IdleRounds)
	case leaks > 0:
		explore.Leakf("%s", b.Sentence())
	case b.Released != b.Lives:
		explore.Leakf("%d objects were made and %d released", b.Lives, b.Released)
	}
}

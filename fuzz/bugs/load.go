package bugs

import (
	"strings"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/arena"
)

// A load is how programs use a workload. Each word is an action and says whose:
// "w0.Work" is one operation of the first worker, "r0.Step" one step of the first role.
type load struct {
	w        *workloads.Workload
	settings string // knobs, as Workload.ParseSettings takes them
	before   string // actions before the threads start
}

// loadSeed fixes what workers choose at random: what a program does must not
// depend on anything else.
const loadSeed = 1

// program returns the start of a bug that is a workload's known-wrong variant; its
// right one is the twin.
func (l load) program() func(Config) Run {
	return func(c Config) Run {
		r := &loadRun{judge: c.Judge}
		crew := 0
		for _, ops := range append([]string{l.before}, c.Program...) {
			for _, op := range strings.Fields(ops) {
				if worker, _ := action(op); worker >= 0 {
					crew = max(crew, worker+1)
				}
			}
		}
		knobs, err := l.w.ParseSettings(l.settings)
		if err == nil {
			r.inst, err = l.w.Start(l.w.New, workloads.Config{
				Workers: max(crew, 1), Seed: loadSeed, Knobs: knobs,
				Checked: !c.Bare, Wrong: !c.Fixed, NewCounter: atomic.Strategy.New,
			})
		}
		if err != nil {
			panic(err) // the settings are constants
		}
		r.roles = r.inst.Roles()
		for _, op := range strings.Fields(l.before) {
			r.Do(0, op)
		}
		return r
	}
}

type loadRun struct {
	inst  workloads.Instance
	roles []workloads.Role
	judge Judge
}

func (r *loadRun) Do(_ int, op string) {
	if worker, role := action(op); worker >= 0 {
		r.inst.Work(worker, 1)
	} else if role >= 0 && role < len(r.roles) {
		r.roles[role].Step() // Its pause is for whoever runs this.
	}
}

// action returns whose action the word is, and -1 for the other.
func action(word string) (worker, role int) {
	if len(word) == len("w0.Work") && word[1] >= '0' && word[1] <= '9' {
		switch n := int(word[1] - '0'); word[:1] + word[2:] {
		case "w.Work":
			return n, -1
		case "r.Step":
			return -1, n
		}
	}
	return -1, -1
}

func (r *loadRun) End(int) {}
func (r *loadRun) Close()  { judgeBooks(r.judge, r.inst.Close()) }

// judgeBooks tells the judge what is wrong with the books. If all that is wrong is
// that objects are left, it is a leak.
func judgeBooks(j Judge, b workloads.Books) {
	switch {
	case b.Violations() == 0 && b.Released != b.Lives:
		j.Leakf("%d objects were made and %d released", b.Lives, b.Released)
	case b.Violations() == 0:
	case b.Violations() == b.Kinds[judge.Leak]:
		j.Leakf("%s", b.Sentence())
	default:
		j.Failf("%s", b.Sentence())
	}
}

// The counts of the runs below are chosen when the run starts.
type (
	counter = workloads.Dynamic
	holder  = workloads.Holder[counter]
)

// kit returns the options of the arena of a run, and what makes its holders.
func (c Config) kit(s *strategies.Strategy) (arena.Options[counter], func(name string) holder) {
	prepare := func(d *counter) { d.Counter = s.New() }
	if c.Bare {
		k := workloads.TimedKit[counter](prepare)
		return arena.Options[counter]{Prepare: k.Prepare}, func(name string) holder { return k.Holder(name) }
	}
	k := workloads.CheckedKit[counter](prepare)
	return arena.Options[counter]{Prepare: k.Prepare, Log: k.Log}, func(name string) holder { return k.Holder(name) }
}

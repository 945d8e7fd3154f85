package bugs

import (
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/arena"
)

// A load is how programs use a workload. Each byte is an action and says whose: a
// digit is one operation of that worker, a letter one step of a role, 'a' the first.
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
		for _, ops := range c.Program {
			for _, op := range []byte(ops) {
				if op >= '0' && op <= '9' {
					crew = max(crew, int(op-'0')+1)
				}
			}
		}
		for _, op := range []byte(l.before) {
			if op >= '0' && op <= '9' {
				crew = max(crew, int(op-'0')+1)
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
		for _, op := range []byte(l.before) {
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

func (r *loadRun) Do(_ int, op byte) {
	if op <= '9' {
		r.inst.Work(int(op-'0'), 1)
	} else if i := int(op - 'a'); i < len(r.roles) {
		r.roles[i].Step() // Its pause is for whoever runs this.
	}
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
	case b.Violations() == b.Kinds[arena.Leak]:
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

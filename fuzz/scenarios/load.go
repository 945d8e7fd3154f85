package scenarios

import (
	"reflect"
	"strings"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored/workloads"
	"github.com/refbench/refbench/fuzz/explored/workloads/arena"
	"github.com/refbench/refbench/strategies"
)

// A plan says how a workload is explored.
type plan struct {
	settings string // knobs, as Workload.ParseSettings takes them
	before   string // actions before the threads start
	program  explore.Program
}

// In programs a word is one action, and says whose: "w0.Work" is one operation of the
// first worker, "r0.Step" one step of the first role. So threads and actions can be
// taken away and the rest still means the same.
var (
	workers  = explore.Program{"w0.Work w0.Work", "w1.Work w1.Work"}
	withRole = explore.Program{"w0.Work w0.Work", "w1.Work w1.Work", "r0.Step r0.Step"}
)

// plans are settings with few objects and no waiting: objects change and die
// within some operations, since schedules must be short to be searched.
var plans = map[string]plan{
	"getput": {settings: "objects=1,tryget=50", program: workers},
	// Mailboxes for two, so that they can be full.
	"handoff":    {settings: "lifetime=1,hops=2,depth=2", program: explore.Program{"w0.Work w0.Work w0.Work", "w1.Work w1.Work w1.Work"}},
	"listmutex":  {settings: "entries=2,skew=0,lifetime=1,release=0", program: workers},
	"listtryget": {settings: "entries=2,skew=0,lifetime=1,release=0", program: workers},
	"listrcu":    {settings: "entries=2,skew=0,lifetime=1,release=0", program: workers},
	// The cache holds a route that was replaced since.
	"dstcache": {settings: "tunnels=1,pause=1", before: "w0.Work r0.Step", program: explore.Program{"w0.Work w0.Work", "w1.Work w1.Work", "r0.Step r0.Step r0.Step"}},
	"pnode":    {settings: "files=1,skew=0,polls=50,queue=2,answer=1,pause=1", program: explore.Program{"w0.Work w0.Work", "w1.Work w1.Work", "r0.Step r0.Step", "r1.Step r1.Step"}},
	"unmount":  {settings: "mounts=1,pause=1", program: withRole},
	"pid2proc": {settings: "processes=1,skew=0,destroy=500,wake=50,teardown=0,pause=1", program: withRole},
	"inetpeer": {settings: "addresses=1,ttl=0,pause=1", before: "w0.Work", program: withRole},
	"ipvsdest": {settings: "destinations=1,away=100,connections=1,period=0,pause=1", program: explore.Program{"w0.Work w0.Work", "w1.Work w1.Work", "r0.Step r0.Step", "r1.Step r1.Step"}},
	"dentry":   {settings: "names=1,open=1,keep=0,pause=1", before: "w0.Work", program: withRole},
	"churn":    {settings: "routes=1,gets=1,errors=50", program: workers},
	"buffers":  {settings: "files=2,skew=0,capacity=50,shards=1,verify=1", program: explore.Program{"w0.Work w0.Work w0.Work", "w1.Work w1.Work w1.Work"}},
}

// planFor returns the plan of a workload. One that isn't among the built-in ones is
// explored with the defaults of its knobs, two workers and a role.
func planFor(w *workloads.Workload) plan {
	if p, ok := plans[w.Name]; ok {
		return p
	}
	return plan{program: withRole}
}

// instanceSeed fixes what workers choose at random. It is a constant, since tokens
// name schedules and not seeds.
const instanceSeed = 1

// load is a strategy under a workload in its checked form. What it does wrong
// stands in its books at the end, and somebody must be able to go on.
func load(s *strategies.Strategy, w *workloads.Workload, wrong bool) *explore.Scenario {
	return loadJudgedBy(judge, s, w, wrong)
}

// Judges returns the packages whose accesses pictures draw as one step: the arena, in
// explored form.
func Judges() []string { return []string{reflect.TypeFor[arena.Shadow]().PkgPath()} }

func loadJudgedBy(judge func(b workloads.Books, stuck bool), s *strategies.Strategy, w *workloads.Workload, wrong bool) *explore.Scenario {
	p := planFor(w)
	crew := 0
	for _, ops := range p.program {
		for _, op := range strings.Fields(ops) {
			if worker, _ := action(op); worker >= 0 {
				crew = max(crew, worker+1)
			}
		}
	}
	return &explore.Scenario{
		Name: name(s, w.Name, wrong), Program: p.program, CPUs: 2, MaxPoints: 100_000, Judges: Judges(), DropIns: dropins.Paths(),
		Make: func(program explore.Program) explore.Case {
			var inst workloads.Instance
			var idle bool // a worker came and did nothing
			c := explore.Case{
				Setup: func() {
					idle = false
					inst = start(s, w, p.settings, crew, wrong)
					for _, op := range strings.Fields(p.before) {
						act(inst, op)
					}
				},
				Finish: func() {
					// Who did something could go on, and mostly that is all: what
					// goes wrong here is in no picture.
					stuck := idle && stuck(inst, crew)
					judge(inst.Close(), stuck)
				},
			}
			for _, words := range program.Words() {
				c.Threads = append(c.Threads, func() {
					for _, op := range words {
						if !act(inst, op) {
							idle = true
						}
					}
				})
			}
			return c
		},
	}
}

// start makes an instance.
func start(s *strategies.Strategy, w *workloads.Workload, settings string, crew int, wrong bool) workloads.Instance {
	knobs, err := w.ParseSettings(settings)
	if err != nil {
		panic(err)
	}
	inst, err := w.Start(w.New, workloads.Config{
		Workers: crew, Seed: instanceSeed, Knobs: knobs, Checked: true, Wrong: wrong, NewCounter: s.New,
	})
	if err != nil {
		panic(err)
	}
	return inst
}

// act does one action of a program, and reports whether there was something to do.
func act(inst workloads.Instance, op string) bool {
	worker, role := action(op)
	if worker >= 0 {
		explore.Notef("%s", workloads.WorkerName(worker))
		return inst.Work(worker, 1) > 0
	}
	if roles := inst.Roles(); role >= 0 && role < len(roles) {
		r := roles[role]
		explore.Notef("%s", r.Name)
		r.Step() // The pause after it is the scheduler's to choose.
	}
	return true
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

// stuckRounds is for how many rounds somebody must go on. A role may have to act some
// times before a worker can.
const stuckRounds = 100

// stuck reports whether nobody can go on: the workers and roles, one after the other
// and round after round, come to no operation. Workers that wait for each other so
// do it without blocking, so that it is no deadlock.
func stuck(inst workloads.Instance, crew int) bool {
	explore.Notef("can anybody go on?")
	for range stuckRounds {
		for w := range crew {
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

// judge fails the execution if the books don't balance, or else if no worker could go
// on. If all that is wrong is that objects are left, it is a leak.
func judge(b workloads.Books, stuck bool) {
	leaks := b.Kinds[arena.Leak]
	switch {
	case b.Violations() > leaks:
		explore.Failf("%s", b.Sentence())
	case stuck:
		explore.Failf("no worker can go on: when all threads had ended, every worker and every role came %d times more and no operation was done", stuckRounds)
	case leaks > 0:
		explore.Leakf("%s", b.Sentence())
	case b.Released != b.Lives:
		explore.Leakf("%d objects were made and %d released", b.Lives, b.Released)
	}
}

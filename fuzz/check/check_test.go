package check

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	xatomic "github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

// word is what sync/atomic and its drop-in have in common.
type word interface {
	Load() int64
	Store(int64)
	CompareAndSwap(old, new int64) bool
}

// count is an atomic count, with faults.
type count struct {
	n     word
	yield func()        // between two steps that should be one, so that others meet it
	hook  func(spec.Op) // before Get, TryGet and Put

	racy  bool // Get and Put load and store
	blind bool // TryGet takes what is dead
	low   bool // Put looks for zero in 16 bits of the number
}

func (c *count) add(d int64) int64 {
	for {
		n := c.n.Load()
		if c.racy {
			c.yield()
			c.n.Store(n + d)
			return n + d
		}
		if c.n.CompareAndSwap(n, n+d) {
			return n + d
		}
	}
}
func (c *count) Init() { c.n.Store(1) }
func (c *count) Get()  { c.hook(spec.Get); c.add(1) }
func (c *count) TryGet() bool {
	c.hook(spec.TryGet)
	for {
		n := c.n.Load()
		if n == 0 && !c.blind {
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}
func (c *count) Put() bool {
	c.hook(spec.Put)
	n := c.add(-1)
	return n == 0 || c.low && n > 0 && n < 1<<40 && int16(n) == 0 // far from the limit
}
func (c *count) Kill() bool   { return c.add(-1) == 0 }
func (c *count) Count() int64 { return c.n.Load() }
func (c *count) InitAt(n int64) {
	c.n.Store(n)
}

// strategy returns a strategy whose counts are changed so, in both forms.
func strategy(name string, change func(*count)) (native, explored *strategies.Strategy) {
	nothing := func() {}
	form := func(newWord func() word, yield func()) *strategies.Strategy {
		return &strategies.Strategy{
			Name: name, Doc: "a count for tests",
			Promise: strategies.Promise{
				Limit: math.MaxInt64, Width: 64, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
				Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.Exact, Progress: strategies.LockFree,
				Bytes: 64, TypeStable: true,
			},
			New: func() strategies.Counter {
				c := &count{n: newWord(), yield: yield, hook: func(spec.Op) {}}
				if change != nil {
					change(c)
				}
				return c
			},
		}
	}
	return form(func() word { return new(atomic.Int64) }, runtime.Gosched), form(func() word { return new(xatomic.Int64) }, nothing)
}

func subject(name string, change func(*count), others ...*strategies.Strategy) Subject {
	native, explored := strategy(name, change)
	return Subject{
		Strategy: native, Others: append(others, native), Workloads: workloads.All[:4],
		Explored: scenarios.Forms{Version: "test", Strategies: []*strategies.Strategy{explored}},
	}
}

// find returns the check of that name.
func find(t *testing.T, name string) Check {
	for _, c := range All() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %s", name)
	return Check{}
}

func TestEachCheckFindsWhatItIsFor(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	blind := func(c *count) { c.blind = true }
	racy := func(c *count) { c.racy = true }
	low := func(c *count) { c.low = true }
	for _, c := range []struct {
		check  string
		change func(*count)
	}{
		{"kernel", blind}, {"operations", blind}, {"rules", blind}, {"crossings", blind}, {"programs", blind}, {"programs", low}, {"stress", blind},
		{"crossings", racy}, {"schedules", racy}, {"stress", racy}, {"histories", racy}, {"workloads", racy},
	} {
		// What is broken is found at once, where the machine isn't too busy.
		var r Result
		for _, limit := range []time.Duration{3 * time.Second, time.Minute} {
			if r = find(t, c.check).Do(context.Background(), subject("planted", c.change), Budget{Time: limit, Seed: seed}); r.Verdict == Broken {
				break
			}
		}
		if r.Verdict != Broken || len(r.Findings) == 0 || r.Bound != 0 {
			t.Errorf("%s: %s (%s), bound %g, %d findings, want %s with a finding and no bound", c.check, r.Verdict, r.Reason, r.Bound, len(r.Findings), Broken)
			continue
		}
		if r.Strategy != "planted" || r.Check != c.check || r.Findings[0].Seed != seed || strings.Contains(r.Findings[0].What, "\n") {
			t.Errorf("%s: %+v", c.check, r)
		}
	}
}

func TestRightStrategiesAreNotBroken(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	forms := scenarios.Builtin()
	for _, s := range builtin.All() {
		for _, c := range All() {
			if c.Weight == 0 || c.Doc == "" {
				t.Errorf("check %s has no weight or no doc", c.Name)
			}
			r := c.Do(context.Background(), Subject{Strategy: s, Others: builtin.All(), Workloads: workloads.All, Explored: forms}, Budget{Time: 30 * time.Millisecond, Seed: seed})
			if r.Verdict == Broken || r.Verdict == Unsupported && c.Name != "race" || len(r.Findings) > 0 {
				t.Errorf("%s, %s, seed %d: %s %s %+v", s.Name, c.Name, seed, r.Verdict, r.Reason, r.Findings)
			}
			if r.Verdict == Unknown && r.Reason == "" {
				t.Errorf("%s, %s: unknown without a reason", s.Name, c.Name)
			}
			if r.Verdict == Kept && (len(r.Tried) == 0 || r.Tried[0].N == 0) {
				t.Errorf("%s, %s: kept, and nothing was tried", s.Name, c.Name)
			}
			// Of what a search or a drawn program chose no share says anything.
			want := 0.0
			if c.Name == "workloads" && r.Verdict == Kept {
				want = 3 / float64(r.Tried[0].N)
			}
			if r.Bound != want {
				t.Errorf("%s, %s: bound %g after %v, want %g", s.Name, c.Name, r.Bound, r.Tried, want)
			}
		}
	}
}

// A bare count can't begin with many references.
type bare struct{ strategies.Counter }

// A count that can't begin near a power of two isn't brought there one reference after the other: that
// would take years.
func TestProgramsOfCountsThatBeginWithOne(t *testing.T) {
	plain, _ := strategy("plain", nil)
	native, _ := strategy("bare", nil)
	native.Promise.Count = strategies.None // which is hidden as well
	inner := native.New
	native.New = func() strategies.Counter { return &bare{inner()} }
	for _, s := range []Subject{{Strategy: native, Others: []*strategies.Strategy{plain}}, {Strategy: plain, Others: []*strategies.Strategy{native}}} {
		r := find(t, "programs").Do(context.Background(), s, Budget{Time: time.Minute, Each: 2000, Seed: 1})
		if r.Verdict != Kept || r.Hang != "" {
			t.Errorf("%s: %s %s, hang %q: %+v", s.Strategy.Name, r.Verdict, r.Reason, r.Hang, r.Findings)
		}
	}
}

// A wrong strategy isn't held against those that it is compared with.
func TestTheRightOneIsBlamed(t *testing.T) {
	blind, _ := strategy("blind", func(c *count) { c.blind = true })
	r := find(t, "programs").Do(context.Background(), subject("right", nil, blind), Budget{Time: 300 * time.Millisecond, Seed: 1})
	if r.Verdict != Kept || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "not compared with blind any more") }) {
		t.Errorf("%s: %+v, want %s without blind", r.Verdict, r, Kept)
	}
}

// A call that doesn't return is found by every check, and named. How the explorer,
// which can't be used any more then, does it is tested by the command's tests.
func TestCallsThatDontReturnAreFound(t *testing.T) {
	for i, c := range All() {
		if c.Name == "schedules" || c.Name == "race" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel() // They wait most of the time.
			ops := []spec.Op{spec.TryGet, spec.Get, spec.Put}
			if c.Name != "operations" {
				ops = ops[i%len(ops):][:1] // Naming them is common to all checks.
			}
			for _, op := range ops {
				stop := make(chan struct{})
				s := subject("hanging", func(c *count) {
					c.hook = func(o spec.Op) {
						if o == op {
							<-stop
						}
					}
				})
				s.Workloads = []*workloads.Workload{workloads.ListTryGet, workloads.Handoff}
				b := Budget{Time: 300 * time.Millisecond, Timeout: 1500 * time.Millisecond}
				if c.Name == "workloads" {
					// Others are to be finished first, also on a busy machine.
					b = Budget{Time: 2 * time.Second, Timeout: 5 * time.Second}
				}
				clock := cpu.NewShareClock(runtime.GOMAXPROCS(0), time.Hour)
				r := c.Do(context.Background(), s, b)
				if r.Verdict != Broken || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].What, "return") || !strings.Contains(r.Findings[0].What, op.String()) ||
					strings.Contains(r.Findings[0].What, "\n") || !strings.Contains(r.Hang, op.String()) || !strings.Contains(r.Findings[0].Detail, "(*count)."+op.String()) {
					t.Errorf("%v that doesn't return: %s %s, hang %q, %+v", op, r.Verdict, r.Reason, r.Hang, r.Findings)
				}
				if took := clock.Now(); took > 30*time.Second {
					t.Errorf("%v that doesn't return: given up after %v", op, took)
				}
				close(stop)
			}
		})
	}
}

// Who is to blame for a program that isn't finished is found out.
func TestOnlyWhatHangsIsBlamed(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	hanging, _ := strategy("hanging", func(c *count) {
		c.hook = func(op spec.Op) {
			if op == spec.TryGet {
				<-stop
			}
		}
	})
	r := find(t, "programs").Do(context.Background(), subject("right", nil, hanging), Budget{Time: 50 * time.Millisecond, Timeout: time.Second, Seed: 7})
	if r.Verdict != Unknown || r.Hang != "" || len(r.Others) != 1 {
		t.Fatalf("%s %s, hang %q, others %+v, want %s because of hanging", r.Verdict, r.Reason, r.Hang, r.Others, Unknown)
	}
	o := r.Others[0]
	if o.Strategy != "hanging" || o.Check != "programs" || o.Verdict != Broken || o.Hang != "a call of TryGet doesn't return" || o.Findings[0].Seed != 7 || len(o.Findings[0].Attachments) != 1 {
		t.Errorf("%+v", o)
	}
	p, err := program.Parse(o.Findings[0].Program)
	if err != nil {
		t.Fatal(err)
	}
	right, _ := strategy("right", nil)
	if hung := lockstep.Hung([]*strategies.Strategy{right, hanging}, &p, time.Second); hung[0] != nil || hung[1] == nil || hung[1].Calls != o.Hang {
		t.Errorf("the program hangs so: %v, want hanging alone", hung)
	}
}

// dry is an instance whose workers can't go on.
type dry struct{}

func (dry) Work(int, int) int       { return 0 }
func (dry) Roles() []workloads.Role { return nil }
func (dry) Close() workloads.Books  { return workloads.Books{Lives: 1, Released: 1} }

// A workload in which nobody can go on is a finding.
func TestStuckWorkloadsAreFound(t *testing.T) {
	s := subject("right", nil)
	s.Workloads = []*workloads.Workload{{
		Name: "dry", Doc: "a load for tests", Source: "tests", Operation: "none",
		New: func(workloads.Config) (workloads.Instance, error) { return dry{}, nil },
	}}
	r := find(t, "workloads").Do(context.Background(), s, Budget{Time: 50 * time.Millisecond, Timeout: 5 * time.Second})
	if r.Verdict != Broken || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].What, "no worker can go on") {
		t.Errorf("%s %s %+v", r.Verdict, r.Reason, r.Findings)
	}
}

// A check that doesn't come to an end is given up, whatever it does.
func TestEndlessChecksAreGivenUp(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	c := Check{Name: "endless", Run: func(context.Context, Subject, Budget) Result { <-stop; return Result{} }}
	r := c.Do(context.Background(), subject("right", nil), Budget{Time: 50 * time.Millisecond, Timeout: 50 * time.Millisecond})
	// No call of the count was seen that doesn't return, so it isn't to blame.
	if r.Verdict != Unknown || r.Reason != "its time was 50ms: not finished after 200ms: no call is seen that doesn't return" || r.Hang != "" || !r.Left {
		t.Errorf("%s %s %+v", r.Verdict, r.Reason, r.Findings)
	}
}

func TestInterruptedChecks(t *testing.T) {
	// Nothing here would end by itself: how late it does is left to the machine.
	const late = time.Minute
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	begin := time.Now()
	for _, c := range All() {
		c.Do(ctx, subject("right", nil), Budget{Time: time.Hour})
	}
	if took := time.Since(begin); took > late {
		t.Errorf("all checks together took %v after an interrupt", took)
	}
}

// What has no form for a check is said to have none.
func TestUnsupported(t *testing.T) {
	s := subject("right", nil)
	s.Explored = scenarios.Forms{}
	s.Workloads = nil
	for _, name := range []string{"schedules", "workloads", "race"} {
		if r := find(t, name).Do(context.Background(), s, Budget{Time: time.Millisecond}); r.Verdict != Unsupported || r.Reason == "" {
			t.Errorf("%s: %s %q, want %s with a reason", name, r.Verdict, r.Reason, Unsupported)
		}
	}
	s.Strategy.Promise.Limit, s.Strategy.Promise.Width = 1, 0
	if r := find(t, "histories").Do(context.Background(), s, Budget{Time: time.Millisecond}); r.Verdict != Unsupported {
		t.Errorf("histories of a count of 1: %s %q, want %s", r.Verdict, r.Reason, Unsupported)
	}
}

func TestHazardsAreThoseOfThePromise(t *testing.T) {
	for _, s := range builtin.All() {
		hazards := strings.Join(Hazards(s.Promise), "\n")
		for words, want := range map[string]bool{
			"the number wraps":     s.Promise.Overflow == strategies.Wraps && s.Promise.Limit < 1<<62,
			"the count sticks":     s.Promise.Overflow == strategies.Saturates,
			"revives":              s.Promise.GetOnZero == strategies.Revives,
			"before Kill":          s.Promise.Zero == strategies.AfterKill,
			"a new life must not":  !s.Promise.TypeStable,
			"fail on a live count": s.Promise.TryGet == strategies.Spurious,
		} {
			if strings.Contains(hazards, words) != want {
				t.Errorf("%s: hazard %q: %v, want %v:\n%s", s.Name, words, !want, want, hazards)
			}
		}
	}
}

// What goroutines can hardly show on one CPU is said, and nothing is said where there are more.
func TestOneCPUIsSaid(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{1, 2} {
		runtime.GOMAXPROCS(n)
		r := find(t, "crossings").Do(context.Background(), subject("right", nil), Budget{Time: 10 * time.Millisecond, Seed: 1})
		said := slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasPrefix(n, "there is one CPU") })
		if r.Verdict != Kept || said != (min(n, runtime.NumCPU()) < 2) {
			t.Errorf("%s %s with GOMAXPROCS %d: notes %q", r.Verdict, r.Reason, n, r.Notes)
		}
	}
}

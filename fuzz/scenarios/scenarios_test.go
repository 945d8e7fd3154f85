package scenarios

import (
	"regexp"
	"slices"
	"strings"
	stdatomic "sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/explored/workloads"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/judge"
)

func run(t *testing.T, s *explore.Scenario, o explore.Options) *explore.Result {
	t.Helper()
	r, err := explore.Explore(s, o)
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	return r
}

// sampled reports whether a pair gets all of a test's time: every workload with the first
// strategies, and with each other strategy every seventh, another one for the next. The
// variants are wrong whatever the count, so a product would only take longer.
func sampled(p Pair, forms Forms) bool {
	if slices.Contains(builtin.Default()[:3], p.Strategy) {
		return true
	}
	i := slices.IndexFunc(forms.Strategies, func(s *strategies.Strategy) bool { return s.Name == p.Strategy })
	j := slices.IndexFunc(forms.Workloads, func(w *workloads.Workload) bool { return w.Name == p.Workload })
	return (i+j)%7 == 0
}

// What is right gives no alarm.
func TestRightPairsPass(t *testing.T) {
	executions := 300
	if testing.Short() {
		executions = 60
	}
	for _, p := range Builtin().Pairs(false) {
		if p.Scenario == nil {
			continue
		}
		n := executions
		if !sampled(p, Builtin()) {
			n = 60
		}
		if r := run(t, p.Scenario, explore.Options{Seed: 11, Executions: n}); r.Failure != nil {
			t.Errorf("%s, seed 11: false alarm in execution %d by %s:\n%s", r.Scenario, r.Failure.Executions, r.Search, r.Failure.Text())
		}
	}
}

// Each known-wrong variant is found, becomes small, and its token shows it again.
func TestWrongPairsAreFound(t *testing.T) {
	forms := Builtin()
	if testing.Short() {
		forms.Strategies = forms.Strategies[:1]
	}
	all := forms.All()
	for _, p := range forms.Pairs(true) {
		if p.Scenario == nil || !sampled(p, forms) {
			continue
		}
		r := run(t, p.Scenario, explore.Options{Seed: 3, Executions: 5000, Version: forms.Version})
		f := r.Failure
		if f == nil {
			t.Errorf("%s, seed 3: not found in %d executions: %s", r.Scenario, r.Executions, p.Wrong)
			continue
		}
		t.Logf("%-28s %5d executions %5.2f s  %-10s %d preemptions  %s", r.Scenario, f.Executions, r.Seconds, f.Kind, f.Preemptions, f.Program)
		if f.Preemptions > 3 {
			t.Errorf("%s: %d preemptions, want at most 3", r.Scenario, f.Preemptions)
		}
		for _, ops := range f.Program {
			if n := len(strings.Fields(ops)); n > 3 {
				t.Errorf("%s: a thread has %d operations (%s), want at most 3", r.Scenario, n, f.Program)
			}
		}
		g, err := explore.Replay(f.Token, all, explore.Options{Version: forms.Version})
		if err != nil {
			t.Errorf("%s: %v", r.Scenario, err)
		} else if g.Text() != f.Text() {
			t.Errorf("%s: replayed:\n%s\nfound:\n%s", r.Scenario, g.Text(), f.Text())
		}
	}
}

// The double release of tunnels' routes is found also by who looks for nothing
// else: one slot for all CPUs leaks routes as well, which is found sooner.
func TestDoubleReleaseIsFound(t *testing.T) {
	underflows := func(b workloads.Books, _ bool) {
		if n := b.Kinds[judge.Underflow] + b.Kinds[judge.DoubleFree]; n > 0 {
			explore.Failf("%v", b.Err())
		}
	}
	for _, s := range Builtin().Strategies {
		if workloads.DstCache.Unsupported(s) != "" || !slices.Contains(builtin.Default(), s.Name) {
			continue
		}
		r := run(t, load(underflows, s, workloads.DstCache, true), explore.Options{Seed: 1, Executions: 20_000})
		if r.Failure == nil {
			t.Errorf("%s: not found in %d executions", s, r.Executions)
			continue
		}
		t.Logf("%s: execution %d, %.2f s", s, r.Failure.Executions, r.Seconds)
		noticed := s.Promise.Underflow == strategies.Panics && strings.Contains(r.Failure.Message, s.Name)
		if !noticed && !strings.Contains(r.Failure.Message, "dropped already") {
			t.Errorf("%s: %v", s, r.Failure)
		}
	}
}

// A workload says how it is used in short, with settings that it has and actions of
// workers that there are.
func TestEveryPlanCanBeCarriedOut(t *testing.T) {
	for _, w := range Builtin().Workloads {
		if w.Plan.Program == "" {
			t.Errorf("workload %s: give it a Plan with small settings", w)
		}
		if _, err := w.ParseSettings(w.Plan.Settings); err != nil {
			t.Errorf("workload %s: %v", w, err)
		}
		for _, text := range append(w.Plan.Threads(), w.Plan.Before) {
			if _, err := w.Plan.Actions(text); err != nil {
				t.Errorf("workload %s: %v", w, err)
			}
		}
	}
}

// A program whose actions are of workers that there aren't is refused, as a token with it is.
func TestActionsOfNobodyAreRefused(t *testing.T) {
	f := Builtin()
	for _, p := range f.Pairs(false) {
		if p.Workload == CountName || p.Scenario == nil {
			continue
		}
		for _, word := range []string{"w9.Work", "w99999999999999999999.Work", "w-1.Work", "w0.Step", "r0", "a.Get"} {
			if c := p.Scenario.Make(explore.Program{"w0.Work", word}); c.Err == nil || !strings.Contains(c.Err.Error(), word) {
				t.Errorf("%s: action %s gives a case with %d threads and the error %v", p.Scenario.Name, word, len(c.Threads), c.Err)
			}
		}
	}
}

// flawed is a count whose flaw says what is wrong with it.
type flawed struct {
	n    atomic.Int64
	flaw string
}

func (c *flawed) Init() { c.n.Store(1) }
func (c *flawed) Get() {
	switch c.flaw {
	case "get in two steps":
		c.n.Store(c.n.Load() + 1)
	case "get does nothing":
	default:
		c.n.Add(1)
	}
}
func (c *flawed) TryGet() bool {
	for {
		n := c.n.Load()
		if n == 0 {
			return false
		}
		if c.flaw == "try in two steps" {
			c.n.Add(1)
			return true
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
		if c.flaw == "tries once" {
			return false
		}
	}
}
func (c *flawed) Put() bool {
	switch c.flaw {
	case "put reads after":
		c.n.Add(-1)
		return c.n.Load() == 0
	case "never last":
		c.n.Add(-1)
		return false
	}
	return c.n.Add(-1) == 0
}
func (c *flawed) Kill() bool { return c.Put() }

// unordered is a right count, but one whose accesses order nothing: the explorer
// doesn't know them.
type unordered struct {
	n stdatomic.Int64
}

func (c *unordered) Init() { c.n.Store(1) }
func (c *unordered) Get()  { c.n.Add(1) }
func (c *unordered) TryGet() bool {
	if c.n.Load() == 0 {
		return false
	}
	c.n.Add(1)
	return true
}
func (c *unordered) Put() bool  { return c.n.Add(-1) == 0 }
func (c *unordered) Kill() bool { return c.Put() }

func planted(name string, exact strategies.Exactness, n func() strategies.Counter) *strategies.Strategy {
	return &strategies.Strategy{
		Name: name, Doc: "a count for tests", New: n,
		Promise: strategies.Promise{
			Limit: 1 << 62, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
			Zero: strategies.Immediate, TryGet: exact, Count: strategies.None, Progress: strategies.LockFree, Bytes: 8,
		},
	}
}

// The op programs find every flaw, and call it by its name.
func TestOpProgramsFindFlaws(t *testing.T) {
	for _, c := range []struct {
		flaw  string
		exact strategies.Exactness
		kind  explore.Kind
		want  string // a regular expression; "": no failure
	}{
		{"", strategies.Exact, "", ""},
		// Two Gets leave one reference, or a Put between is lost. Then nothing
		// orders the holder that made it and the releaser.
		{"get in two steps", strategies.Exact, "", "reported the last|is not ordered with"},
		{"get does nothing", strategies.Exact, explore.Violation, "reported the last reference while"},
		{"try in two steps", strategies.Exact, explore.Violation, "TryGet took a reference after the last had been dropped"},
		{"tries once", strategies.Exact, explore.Violation, "TryGet failed while its caller held a reference"},
		{"tries once", strategies.Spurious, "", ""},
		{"put reads after", strategies.Exact, explore.Violation, "reported the last reference, as another drop had before"},
		{"never last", strategies.Exact, explore.Leak, "no drop reported the last"},
	} {
		s := planted("flawed", c.exact, func() strategies.Counter { return &flawed{flaw: c.flaw} })
		for _, search := range []explore.Options{{Search: explore.Portfolio}, {Search: explore.DFS, Bound: 2}, {Search: explore.DFS, Bound: explore.Unbounded}} {
			search.Seed, search.Executions = 1, 100_000
			r := run(t, counts(s, false)[0], search)
			switch f := r.Failure; {
			case c.want == "" && f != nil:
				t.Errorf("%q, %s: false alarm:\n%s", c.flaw, search.Search, f.Text())
			case c.want != "" && f == nil:
				t.Errorf("%q, %s: not found in %d executions", c.flaw, search.Search, r.Executions)
			case c.want != "" && (c.kind != "" && f.Kind != c.kind || !regexp.MustCompile(c.want).MatchString(f.Message)):
				t.Errorf("%q, %s: %v, want %s: %s", c.flaw, search.Search, f, c.kind, c.want)
			}
		}
	}
	r := run(t, counts(planted("unordered", strategies.Exact, func() strategies.Counter { return new(unordered) }), false)[0], explore.Options{Seed: 1})
	if r.Failure == nil || r.Failure.Kind != explore.Race {
		t.Errorf("a count that orders nothing: %v, want a race on the object", r.Failure)
	}
}

// The shrinker may take any thread and any operation away: what is left of a right
// program is right.
func TestPartsOfOpProgramsAreRight(t *testing.T) {
	right := planted("right", strategies.Exact, func() strategies.Counter { return new(flawed) })
	seen := make(map[string]bool)
	var parts func(explore.Program)
	parts = func(p explore.Program) {
		if seen[p.String()] || len(p) == 0 {
			return
		}
		seen[p.String()] = true
		s := counts(right, false)[0]
		s.Program = p
		if r := run(t, s, explore.Options{Seed: 1, Executions: 30}); r.Failure != nil {
			t.Errorf("program %s: %v", p, r.Failure)
		}
		for i := range p {
			parts(slices.Delete(slices.Clone(p), i, i+1))
			words := strings.Fields(p[i])
			for j := range words {
				q := slices.Clone(p)
				q[i] = strings.Join(slices.Delete(slices.Clone(words), j, j+1), " ")
				parts(q)
			}
		}
	}
	parts(counts(right, false)[0].Program)
	if len(seen) < 100 {
		t.Errorf("only %d programs", len(seen))
	}
}

// shelf is an instance whose books are given.
type shelf struct{ books workloads.Books }

func (shelf) Work(_, n int) int { return n }
func (shelf) Roles() []workloads.Role {
	return []workloads.Role{{Name: "role", Step: func() time.Duration { return 0 }}}
}
func (s shelf) Close() workloads.Books { return s.books }

// idlers are an instance that comes to an operation only after so many steps of its
// role, and then only as the worker that is named.
type idlers struct {
	shelf
	steps, worker int
}

func (i *idlers) Work(worker, n int) int {
	if i.steps > 0 || worker != i.worker {
		return 0
	}
	return n
}
func (i *idlers) Roles() []workloads.Role {
	return []workloads.Role{{Name: "role", Step: func() time.Duration { i.steps--; return 0 }}}
}

// Somebody must be able to go on. What is wrong with the books beside a leak is worse.
func TestStuckWorkersAreSeen(t *testing.T) {
	const never = 1 << 30
	balanced := workloads.Books{Lives: 1, Released: 1}
	leak := workloads.Books{Lives: 1, Kinds: [judge.Kinds]uint64{judge.Leak: 1}}
	freed := workloads.Books{Lives: 1, Released: 1, Kinds: [judge.Kinds]uint64{judge.DoubleFree: 1}}
	for _, c := range []struct {
		name          string
		books         workloads.Books
		steps, worker int
		want          string // a part of the failure; "": none
	}{
		{"all go on", balanced, 0, 0, ""},
		{"one goes on", balanced, 0, 1, ""},
		{"one goes on when the role has acted", balanced, 20, 1, ""},
		{"none goes on", balanced, never, 0, "no worker can go on"},
		{"none goes on, and a leak", leak, never, 0, "no worker can go on"},
		{"none goes on, and a double free", freed, never, 0, "double-free"},
		{"one goes on, and a leak", leak, 0, 1, "leak"},
	} {
		w := &workloads.Workload{
			Name: "idlers", Doc: "workers for tests", Source: "tests", Operation: "none",
			New: func(workloads.Config) (workloads.Instance, error) {
				return &idlers{shelf: shelf{c.books}, steps: c.steps, worker: c.worker}, nil
			},
		}
		s := planted("right", strategies.Exact, func() strategies.Counter { return new(flawed) })
		r := run(t, load(judgeBooks, s, w, false), explore.Options{Executions: 3})
		got := ""
		if r.Failure != nil {
			got = r.Failure.Error()
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Books that don't balance are failures: leaks if nothing else is wrong. And a pair
// that lacks a power says so.
func TestBooksAreJudged(t *testing.T) {
	for _, c := range []struct {
		books workloads.Books
		want  string
	}{
		{workloads.Books{Lives: 3, Released: 3}, explore.Passed},
		{workloads.Books{Lives: 3, Released: 2}, string(explore.Leak)},
		{workloads.Books{Lives: 1, Kinds: [judge.Kinds]uint64{judge.Leak: 1}}, string(explore.Leak)},
		{workloads.Books{Lives: 1, Released: 1, Kinds: [judge.Kinds]uint64{judge.UseAfterFree: 1}}, string(explore.Violation)},
		{workloads.Books{Lives: 1, Kinds: [judge.Kinds]uint64{judge.Leak: 1, judge.DoubleFree: 1}}, string(explore.Violation)},
	} {
		w := &workloads.Workload{
			Name: "shelf", Doc: "books for tests", Source: "tests", Operation: "none",
			New: func(workloads.Config) (workloads.Instance, error) { return shelf{c.books}, nil },
		}
		f := Forms{Strategies: []*strategies.Strategy{planted("right", strategies.Exact, func() strategies.Counter { return new(flawed) })}, Workloads: []*workloads.Workload{w}}
		pairs := f.Pairs(false)
		if len(pairs) != 2 || pairs[0].Workload != CountName || pairs[1].Workload != "shelf" {
			t.Fatalf("pairs %+v", pairs)
		}
		if r := run(t, pairs[1].Scenario, explore.Options{Executions: 3}); r.Verdict != c.want {
			t.Errorf("%+v: verdict %s, want %s", c.books, r.Verdict, c.want)
		}
		w.Needs = []strategies.Power{strategies.PowerOnePutter}
		if p := f.Pairs(false)[1]; p.Scenario != nil || !strings.Contains(p.Unsupported, "oneputter") {
			t.Errorf("a pair without the power: %+v", p)
		}
		if n := len(f.Pairs(true)); n != 1 {
			t.Errorf("%d known-wrong pairs though the workload has none", n)
		}
	}
}

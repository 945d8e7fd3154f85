package scenarios

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/explored/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	"github.com/refbench/refbench/fuzz/explored/strategies/percpu"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// Every schedule of a program is tried, on every strategy. The program that explore
// runs by default is exhausted on two of them here; on percpu that takes half a
// minute.
func TestCountIsExhausted(t *testing.T) {
	for _, c := range []struct {
		strategies string
		program    string
	}{
		{"atomic saturating", countPrograms[0].text},
		{"atomic saturating percpu", "a.Get a.Kill|a.TryGet a.Put|a.Put"},
		{"percpu", "a.TryGet a.KillAndConfirm a.ResurrectLive|a.TryGetLive"},
		{"atomic saturating percpu lockperatomic", "a.Kill|a.TryGet a.Put"},
		{"atomic saturating percpu lockperatomic", "a.Put a.Resurrect|a.Put a.Resurrect a.TryGet a.Kill"},
		{"atomic saturating percpu lockperatomic", "a.PutAndLock a.PutN(2)|a.TryGetN(2) a.PutUnlessOne a.PutIfOne a.Kill"},
		{"lockperatomic", "a.Get a.Put a.Kill|a.TryGet a.Get a.Put a.Put"},
		{"owned", "a.GetAs a.Kill|a.TryGetAs a.Put"},
	} {
		for _, s := range builtin.All() {
			if !slices.Contains(strings.Fields(c.strategies), s.Name) {
				continue
			}
			sc, err := CountText(s, c.program)
			if err != nil {
				t.Fatal(err)
			}
			r := run(t, sc, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 1_000_000})
			t.Logf("%-13s %-75s %7d executions %.2f s %s", s, c.program, r.Executions, r.Seconds, r.Complete)
			if r.Failure != nil {
				t.Errorf("%s: false alarm:\n%s", s, r.Failure.Text())
			} else if !r.Exhaustive {
				t.Errorf("%s, %s: not exhausted in %d executions", s, c.program, r.Executions)
			}
		}
	}
}

// notLive is a count whose TryGetLive doesn't know about Kill.
type notLive struct{ *percpu.Count }

func (c notLive) TryGetLive() bool { return c.TryGet() }

// TryGetLive must fail once a Kill is confirmed, until it is undone.
func TestTryGetLiveIsJudged(t *testing.T) {
	s := *percpu.Strategy
	s.New = func() strategies.Counter { return notLive{new(percpu.Count)} }
	for _, text := range []string{"a.Kill|a.TryGetLive", "a.TryGet a.KillAndConfirm a.ResurrectLive|a.TryGetLive"} {
		sc, err := CountText(&s, text)
		if err != nil {
			t.Fatal(err)
		}
		r := run(t, sc, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 1_000_000})
		if r.Failure == nil || !strings.Contains(r.Failure.Message, "after Kill was confirmed") {
			t.Errorf("%s: %v after %d executions, want a violation", text, r.Failure, r.Executions)
		}
	}
}

type percpuCount = percpu.Count

// looksOnce is a count whose TryGetLive looks whether it is killed, and then takes a
// reference, with nothing that makes Kill wait for it in between.
type looksOnce struct {
	percpuCount
	killed atomic.Bool
}

func (c *looksOnce) Init()            { c.killed.Store(false); c.percpuCount.Init() }
func (c *looksOnce) TryGetLive() bool { return !c.killed.Load() && c.TryGet() }
func (c *looksOnce) KillAndConfirm(confirm func()) bool {
	c.killed.Store(true)
	return c.percpuCount.KillAndConfirm(confirm)
}

// What package percpu says of itself, beyond the interface: once confirm is called, no
// TryGetLive takes a reference any more, not even one that had begun before. In shared
// mode its Count is exact, so it can't grow then.
func TestNoTryGetLiveTakesAfterConfirm(t *testing.T) {
	for _, atomically := range []bool{false, true} {
		for name, c := range map[string]struct {
			make  func() strategies.Counter
			found bool
		}{
			"percpu":     {func() strategies.Counter { return new(percpu.Count) }, false},
			"looks once": {func() strategies.Counter { return new(looksOnce) }, true},
		} {
			var x strategies.Counter
			kill := func() {
				x.Get()
				confirmed := int64(0)
				x.(strategies.Switcher).KillAndConfirm(func() { confirmed = x.(strategies.Reader).Count() - 1 })
				if n := x.(strategies.Reader).Count(); n > confirmed {
					explore.Failf("%d references when Kill was confirmed, and %d later", confirmed, n)
				}
			}
			r := run(t, &explore.Scenario{
				Name: "confirm", Program: explore.Program{"k", "l"}, CPUs: countCPUs,
				Make: func(explore.Program) explore.Case {
					return explore.Case{
						Setup: func() {
							x = c.make()
							if x.Init(); atomically {
								x.(strategies.Switcher).SwitchToAtomic()
							}
						},
						Threads: []func(){kill, func() { x.(strategies.Switcher).TryGetLive() }},
						Finish:  func() {},
					}
				},
			}, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 200_000, NoShrink: true})
			if found := r.Failure != nil; found != c.found || !found && !r.Exhaustive || found && r.Failure.Kind != explore.Violation {
				t.Errorf("%s, switched to atomic first: %v: %v after %d executions, %s", name, atomically, r.Failure, r.Executions, r.Complete)
			}
			t.Logf("%s, switched to atomic first: %v: %d executions, %v", name, atomically, r.Executions, r.Failure)
		}
	}
}

// dropsLate is a count whose PutN of many looks whether there is a last drop to report,
// and then drops, with nothing that keeps the mode as it is in between.
type dropsLate struct {
	percpuCount
	killed atomic.Bool
}

func (c *dropsLate) Init()      { c.killed.Store(false); c.percpuCount.Init() }
func (c *dropsLate) Kill() bool { c.killed.Store(true); return c.percpuCount.Kill() }
func (c *dropsLate) PutN(n int) bool {
	exact := n < 1<<15 || c.killed.Load()
	return c.percpuCount.PutN(n) && exact
}

// The op program of the powers has changes of the mode meet operations of all kinds.
func TestChangesOfTheModeMeetOperations(t *testing.T) {
	s := *percpu.Strategy
	s.New = func() strategies.Counter { return new(dropsLate) }
	scs := counts(&s, false)
	if len(scs) != 2 || scs[1].Name != "percpu/count/switcher" {
		t.Fatalf("the op programs of %s are %v", s.Name, scs)
	}
	for seed := range uint64(3) {
		r := run(t, scs[1], explore.Options{Seed: seed, Executions: 20_000})
		if r.Failure == nil || r.Failure.Kind != explore.Leak {
			t.Errorf("seed %d: %v after %d executions, want a last drop that isn't reported", seed, r.Failure, r.Executions)
		}
	}
	for _, s := range builtin.All() {
		if want := 1 + len(slices.DeleteFunc(s.Powers(), func(p strategies.Power) bool { return p != strategies.PowerSwitcher && p != strategies.PowerActor })); len(counts(s, false)) != want {
			t.Errorf("%s has %d op programs, want %d", s, len(counts(s, false)), want)
		}
	}
}

// A recorder writes down what each thread is told by a count.
type recorder struct {
	strategies.Counter
	told *[explore.MaxThreads + 1]string
}

func (r recorder) tell(what string, result bool) bool {
	r.told[explore.Thread()] += fmt.Sprintf(" %s %v", what, result)
	return result
}

func (r recorder) Init() {
	*r.told = [explore.MaxThreads + 1]string{}
	r.Counter.Init()
}
func (r recorder) TryGet() bool { return r.tell("TryGet", r.Counter.TryGet()) }
func (r recorder) Put() bool    { return r.tell("Put", r.Counter.Put()) }
func (r recorder) Kill() bool   { return r.tell("Kill", r.Counter.Kill()) }

// That strategies retry without counting, which makes exhaustive search shorter, is
// true of them: without being told, it comes to the same ends.
func TestRetriesLoseNothing(t *testing.T) {
	for _, s := range builtin.All() {
		if !s.Retries {
			continue
		}
		for _, text := range []string{"a.Kill|a.TryGet", "a.TryGet a.Put|a.Kill", "a.TryGet|a.TryGet|a.Put"} {
			if (s.Promise.Progress == strategies.Blocking || s.Name == "rseq") && strings.Count(text, "|") > 1 {
				continue // too many schedules if it isn't told
			}
			var executions [2]int
			var ends [2]map[string]bool
			for i := range ends {
				var told [explore.MaxThreads + 1]string
				recorded := *s
				recorded.New = func() strategies.Counter { return recorder{s.New(), &told} }
				sc, err := CountText(&recorded, text)
				if err != nil {
					t.Fatal(err)
				}
				ends[i] = make(map[string]bool)
				make := sc.Make
				sc.Make = func(words explore.Program) explore.Case {
					c := make(words)
					c.Retries = i == 1
					finish := c.Finish
					c.Finish = func() {
						ends[i][strings.Join(told[:3], "|")] = true
						finish()
					}
					return c
				}
				r := run(t, sc, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 1_000_000})
				if r.Failure != nil || !r.Exhaustive {
					t.Fatalf("%s, %s: exhaustive %v, %v", s, text, r.Exhaustive, r.Failure)
				}
				executions[i] = r.Executions
			}
			if !maps.Equal(ends[0], ends[1]) {
				t.Errorf("%s, %s: told %v, not told %v", s, text, ends[1], ends[0])
			}
			t.Logf("%-13s %-25s %2d ends in %6d executions, not told in %6d", s, text, len(ends[1]), executions[1], executions[0])
		}
	}
}

// A scenario's words are the program's text; and what isn't a program, or does nothing,
// is refused.
func TestWords(t *testing.T) {
	s := builtin.All()[0]
	for _, text := range []string{"a.Get", "a.Get|", "|b.PutN(3) a.Put", "a:SwitchToAtomic c:SwitchToAtomic d.Kill|a.TryGetN(64)", countPrograms[0].text, countPrograms[1].text, countWrongProgram, "a.Get|a.Put|a.Put|a.Put|a.Put"} {
		sc, err := CountText(s, text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := strings.Join(sc.Program, "|"); got != text {
			t.Errorf("%q: became %q", text, got)
		}
		if c := sc.Make(sc.Program); len(c.Threads) != strings.Count(text, "|")+1 {
			t.Errorf("%q: makes %d threads", text, len(c.Threads))
		}
	}
	p, err := program.Parse(countWrongProgram)
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range p.All() {
		if want := i == 1 && step.Call.Op == spec.Get; step.Wild != want {
			t.Errorf("%s: thread %d, %v is unguarded: %v", countWrongProgram, i, step, step.Wild)
		}
	}
	for _, text := range []string{"", "|", "a", "a.", "e.Get", "a.get", "a.GetN", "a.InitAt(3)", "b:share", "a:shared a.Get", "a:InitAt(2) a.Get", "a.Get,a.Put", "a.Get" + strings.Repeat("|a.Put", program.MaxThreads)} {
		if sc, err := CountText(s, text); err == nil {
			t.Errorf("%q: taken for %v", text, sc.Program)
		}
	}
}

// The fuzzer finds each flaw of a count within some inputs, in the same way each time,
// and its token shows it again; and it finds nothing in a right one.
func TestFuzzerFindsFlaws(t *testing.T) {
	const limit = 3000
	for _, c := range []struct {
		flaw  string
		exact strategies.Exactness
		found bool
	}{
		{"", strategies.Exact, false},
		{"get in two steps", strategies.Exact, true},
		{"try in two steps", strategies.Exact, true},
		{"tries once", strategies.Exact, true},
		{"tries once", strategies.Spurious, false},
		{"put reads after", strategies.Exact, true},
		{"never last", strategies.Exact, true},
	} {
		s := planted("flawed", c.exact, func() strategies.Counter { return &flawed{flaw: c.flaw} })
		forms := Forms{Version: "test", Strategies: []*strategies.Strategy{s}}
		z := forms.NewFuzzer()
		r := rand.New(rand.NewPCG(5, 0))
		var failure *FuzzError
		for i := 0; i < limit && failure == nil; i++ {
			data := make([]byte, r.IntN(60))
			for j := range data {
				data[j] = byte(r.Uint32())
			}
			n, err := z.Run(data)
			if err == nil {
				if n != FuzzSchedules {
					t.Errorf("%q: %d schedules, want %d", c.flaw, n, FuzzSchedules)
				}
				continue
			}
			if !errors.As(err, &failure) {
				t.Fatalf("%q: %v", c.flaw, err)
			}
			t.Logf("%q, %v: input %d, schedule %d: %v; %v", c.flaw, c.exact, i, n, failure.Failure, failure.Failure.Program)
			for range 3 {
				if m, again := z.Run(data); m != n || again == nil || again.Error() != err.Error() {
					t.Errorf("%q: the same input gave %v, and before %v", c.flaw, again, err)
				}
			}
			if f, err := explore.Replay(failure.Token, []*explore.Scenario{counts(s, false)[0]}, explore.Options{Version: "test"}); err != nil || f.Text() != failure.Text() {
				t.Errorf("%q: replayed %v, %v", c.flaw, f, err)
			}
			if q, err := program.Parse(failure.Whole); err != nil || len(q.Threads) == 0 {
				t.Errorf("%q: the program of the input: %v", c.flaw, err)
			}
		}
		z.Close()
		if c.found != (failure != nil) {
			t.Errorf("%q, %v, seed 5: found %v in %d inputs, want %v", c.flaw, c.exact, failure != nil, limit, c.found)
		}
	}
}

// A search of all schedules finds each planted bug of a count that right use can show,
// and finds nothing in its twin: so the reductions leave nothing out that matters.
func TestExhaustiveSearchFindsPlanted(t *testing.T) {
	programs := map[string]string{
		"checktheninc":   "a.Put a.TryGet|a.Kill",
		"loadstoreput":   "a.Get|a.Put a.Kill",
		"plaincount":     "a.Get|a.Put a.Kill",
		"peersetdead":    "a.PutIfOne|a.Kill a.TryGet",
		"rampmixedlocks": "a.TryGet|a.Get a.Kill",
		"percpufold":     "a.Get|a.Kill",
		"percpukill":     "a.Get|a.Kill",
		"percpuunpinned": "a.Get|a.TryGet",
	}
	names := make(map[string]bool)
	for _, b := range bugs.All {
		text := programs[b.Name]
		if text == "" {
			continue
		}
		names[b.Name] = true
		for _, s := range []*strategies.Strategy{b.Wrong, b.Fixed} {
			sc, err := CountText(s, text)
			if err != nil {
				t.Fatal(err)
			}
			r := run(t, sc, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 1_000_000})
			switch {
			case s == b.Wrong && r.Failure == nil:
				t.Errorf("%s, %s: not found in %d executions, exhaustive %v", s, text, r.Executions, r.Exhaustive)
			case s == b.Fixed && r.Failure != nil:
				t.Errorf("%s: false alarm:\n%s", s, r.Failure.Text())
			case s == b.Fixed && !r.Exhaustive:
				t.Errorf("%s, %s: not exhausted in %d executions", s, text, r.Executions)
			}
			t.Logf("%-20s %-30s %6d executions: %s", s, text, r.Executions, r.Verdict)
		}
	}
	for name := range programs {
		if !names[name] {
			t.Errorf("no planted bug %s", name)
		}
	}
}

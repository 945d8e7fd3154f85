package matrix

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored"
	exploredbugs "github.com/refbench/refbench/fuzz/explored/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
)

// seeds returns how many seeds to try: BUGS_SEEDS, or one, as making small what is
// found takes longer than finding it.
func seeds(t testing.TB) uint64 {
	v := os.Getenv("BUGS_SEEDS")
	if v == "" {
		return 1
	}
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n == 0 {
		t.Fatalf("BUGS_SEEDS=%q: want a number of seeds", v)
	}
	return n
}

// slow reports whether exploring the bug takes too long here. Under the race detector,
// which is blind to explored threads, the explorer takes ten times as long, so that
// only bugs in counts are explored, whose executions are short.
func slow(e Entry) bool { return check.RaceEnabled && e.Native.Workload != nil }

// find returns the check of that name.
func find(t testing.TB, name string) check.Check {
	for _, c := range check.All() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %s", name)
	return check.Check{}
}

// entry returns a bug of its own, so that it can be spoilt.
func entry(t *testing.T, name string) Entry {
	for _, e := range Builtin() {
		if e.Native.Name == name {
			n, x := *e.Native, *e.Explored
			return Entry{&n, &x}
		}
	}
	t.Fatalf("no bug %s", name)
	return Entry{}
}

// what says what was found, without its details.
func what(r check.Result) string {
	var texts []string
	for _, f := range r.Findings {
		texts = append(texts, f.What)
	}
	return strings.Join(texts, "; ")
}

// scenario returns what is explored of the bug, or its twin, first.
func scenario(e Entry, fixed bool) *explore.Scenario {
	ss, _ := e.Subject(fixed).Scenarios()
	return ss[0]
}

// Both forms are of the same source, so they have the same bugs.
func TestFormsAgree(t *testing.T) {
	if len(bugs.All) != len(exploredbugs.All) {
		t.Fatalf("%d bugs, %d of them explored", len(bugs.All), len(exploredbugs.All))
	}
	for _, e := range Builtin() {
		if e.Native.Name != e.Explored.Name || e.Native.Text() != e.Explored.Text() {
			t.Errorf("bug %s %q beside %s %q", e.Native.Name, e.Native.Text(), e.Explored.Name, e.Explored.Text())
		}
	}
}

// A bug that is new has no explored form in the refbench that generates it.
func TestNewBugsGoWithout(t *testing.T) {
	es := pair(bugs.All[:3], exploredbugs.All[1:2])
	if len(es) != 1 || es[0].Native != bugs.All[1] || es[0].Explored != exploredbugs.All[1] {
		t.Errorf("%d pairs of 3 bugs with 1 explored form: %+v, want that of %s", len(es), es, bugs.All[1].Name)
	}
}

// Programs are in the form that they are printed in, and what is expected is of checks that
// there are.
func TestBugsFitTheChecks(t *testing.T) {
	for _, b := range bugs.All {
		if b.Workload == nil {
			if p, err := program.Parse(b.Program); err != nil || p.String() != b.Program {
				t.Errorf("bug %s: program %q: %v, want it as it is printed: %q", b.Name, b.Program, err, p.String())
			}
		}
		for name := range b.Expected {
			find(t, name)
		}
	}
}

// The explorer finds every bug, and makes it small: as few preemptions as the bug says,
// migrations among them, and at most three operations of a thread. The token shows the same
// failure again. BUGS_SEEDS says how many seeds are tried; from 20 on the median is to be
// under a second, on a quiet machine.
func TestSchedulesFindBugs(t *testing.T) {
	n, known := seeds(t), Scenarios(Builtin())
	for _, e := range Builtin() {
		if x := e.Native.Expected["schedules"]; !x.Sure && x.Blind == "" {
			t.Errorf("%s: the explorer isn't expected to find it, and no reason is given", e.Native.Name)
		}
		if slow(e) || !e.Native.Expected["schedules"].Sure {
			continue
		}
		most := cmp.Or(e.Native.Preemptions, 3)
		var took []float64
		for seed := range n {
			r := find(t, "schedules").Do(t.Context(), e.Subject(false), check.Budget{Seed: seed + 1, Time: time.Minute, First: true})
			if r.Verdict != check.Broken {
				t.Errorf("%s, seed %d: %s %s after %v", e.Native.Name, seed+1, r.Verdict, r.Reason, r.Tried)
				continue
			}
			f := r.Findings[0].Failure
			took = append(took, r.Findings[0].Seconds)
			if p := f.Preemptions + f.Migrations; p > most {
				t.Errorf("%s, seed %d: %d preemptions and migrations, want at most %d:\n%s", e.Native.Name, seed+1, p, most, f.Text())
			}
			for i, words := range f.Program.Words() {
				words = slices.DeleteFunc(words, func(w string) bool { return strings.Contains(w, ":") })
				if len(words) > 3 {
					t.Errorf("%s, seed %d: thread %d has %d operations (%s), want at most 3", e.Native.Name, seed+1, i, len(words), words)
				}
			}
			g, err := explore.Replay(f.Token, known, explore.Options{Version: explored.Version})
			if err != nil {
				t.Errorf("%s, seed %d: %v", e.Native.Name, seed+1, err)
			} else if g.Error() != f.Error() {
				t.Errorf("%s, seed %d: replayed %v, found %v", e.Native.Name, seed+1, g, f)
			}
		}
		slices.Sort(took)
		if len(took) > 0 {
			median := took[len(took)/2]
			t.Logf("%-15s found in %.3f s (median of %d seeds), at most %.3f s", e.Native.Name, median, n, took[len(took)-1])
			if n >= 20 && median >= 1 {
				t.Errorf("%s: the median of %d seeds is %.3f s, want less than 1 s", e.Native.Name, n, median)
			}
		}
	}
}

// Whatever the seed, the explorer finds what it should in few executions. Each run looks for
// another third of the bugs.
func TestSchedulesFindBugsWithAnySeed(t *testing.T) {
	const most = 20_000
	third := rand.IntN(3)
	for i, e := range Builtin() {
		if i%3 != third {
			continue
		}
		if slow(e) || !e.Native.Expected["schedules"].Sure {
			continue
		}
		seed := rand.Uint64()
		if e.Native.Apart {
			if r := find(t, "schedules").Do(t.Context(), e.Subject(false), check.Budget{Seed: seed, Time: time.Minute, First: true}); r.Verdict != check.Broken {
				t.Errorf("%s, seed %d: %s %s after %v", e.Native.Name, seed, r.Verdict, r.Reason, r.Tried)
			}
			continue
		}
		r, err := explore.Explore(scenario(e, false), explore.Options{Seed: seed, Executions: most, NoShrink: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure == nil {
			t.Errorf("%s, seed %d: not found in %d executions", e.Native.Name, seed, r.Executions)
		}
	}
}

// alone are the wrong counts that a test without their op programs looks for: a third of
// them, or all if there is a number of seeds.
func alone() (es []Entry) {
	third := rand.IntN(3)
	for i, e := range Builtin() {
		if e.Native.Workload == nil && (i%3 == third || os.Getenv("BUGS_SEEDS") != "") {
			es = append(es, e)
		}
	}
	return es
}

// tally runs a check that is to find the bug with each seed, and logs how often and how soon it
// does. want is in how many of twenty runs it must.
func tally(t *testing.T, e Entry, want uint64, run func(t *testing.T, seed uint64) check.Result) {
	t.Run(e.Native.Name, func(t *testing.T) { tallied(t, want, run) })
}

func tallied(t *testing.T, want uint64, run func(t *testing.T, seed uint64) check.Result) {
	n, first := seeds(t), uint64(1)
	if n == 1 {
		first = rand.Uint64()
	}
	found := uint64(0)
	var took []float64
	var missed []string
	for seed := first; seed-first < n; seed++ {
		begin := time.Now()
		r := run(t, seed)
		if r.Verdict != check.Broken {
			missed = append(missed, fmt.Sprintf("seed %d: %s %s after %v", seed, r.Verdict, r.Reason, r.Tried))
			continue
		}
		found++
		took = append(took, time.Since(begin).Seconds())
	}
	slices.Sort(took)
	if found > 0 {
		t.Logf("found in %d of %d, in %.2f s (median), at most %.2f s", found, n, took[len(took)/2], took[len(took)-1])
	} else {
		t.Logf("found in 0 of %d", n)
	}
	if 20*found < want*n {
		t.Errorf("found in %d of %d: %s", found, n, strings.Join(missed, "; "))
	}
}

// What the schedules of its own op program show of a wrong count, they show without that too:
// it is what strategytest.Explore does, and check with a strategy of another module.
// With BUGS_SEEDS each gets as long as Explore takes.
func TestSchedulesFindCountsAlone(t *testing.T) {
	for _, e := range alone() {
		if !e.Native.Expected["schedules"].Sure {
			continue
		}
		tally(t, e, 20, func(t *testing.T, seed uint64) check.Result {
			b := check.Budget{Seed: seed, Time: time.Minute, First: true}
			if os.Getenv("BUGS_SEEDS") != "" {
				b.Time = 10 * time.Second
			}
			return find(t, "schedules").Do(t.Context(), e.Alone(false), b)
		})
	}
}

// ruled are the checks that rules are made into.
var ruled = []string{"kernel", "operations", "rules", "crossings"}

// One run of all rules finds the wrong counts that they see whatever the seed: that is what
// strategytest.Run does, here with -short. Others are a matter of how goroutines meet; with
// BUGS_SEEDS it is logged how often that is, without -short.
func TestRulesFindCounts(t *testing.T) {
	for _, e := range alone() {
		sees := func(x func(bugs.Expectation) bool) bool {
			return slices.ContainsFunc(ruled, func(name string) bool { return x(e.Native.Expected[name]) })
		}
		want := uint64(19)
		if !sees(func(x bugs.Expectation) bool { return x.Sure }) {
			if want = 0; os.Getenv("BUGS_SEEDS") == "" || !sees(func(x bugs.Expectation) bool { return x.Blind == "" }) {
				continue
			}
		}
		tally(t, e, want, func(t *testing.T, seed uint64) (r check.Result) {
			for _, rule := range rules.All() {
				if rule.Unsupported(e.Native.Wrong) != "" {
					continue
				}
				if err := rule.Run(t.Context(), e.Native.Wrong, rules.Config{Seed: seed, Short: os.Getenv("BUGS_SEEDS") == "", Rounds: 60, Time: 150 * time.Millisecond}).Err(); err != nil {
					r.Verdict = check.Broken
					break
				}
			}
			return r
		})
	}
}

// What one thread alone shows is found by the checks with one thread, and what it
// doesn't show isn't. What they can't see for another reason isn't asked for.
func TestSequentialChecksSeeWhatTheyShould(t *testing.T) {
	for _, e := range Builtin() {
		if e.Native.Workload != nil {
			continue
		}
		for _, name := range []string{"operations", "programs"} {
			x := e.Native.Expected[name]
			b := check.Budget{Seed: 1, Time: 30 * time.Millisecond, First: true}
			if x.Sure {
				b.Time = 30 * time.Second
			} else if !e.Native.Concurrent || e.Native.Wraps {
				continue
			}
			r := find(t, name).Do(t.Context(), e.Subject(false), b)
			if (r.Verdict == check.Broken) != x.Sure {
				t.Errorf("%s, %s: %s after %v, expected to be blind because %q: %s", e.Native.Name, name, r.Verdict, r.Tried, x.Blind, what(r))
			}
		}
	}
}

// No check flags a twin: a third of them, or all if there is a number of seeds. BUGS_TIME is
// how long the checks of a twin take together, which is 10 ms each otherwise.
func TestTwinsPass(t *testing.T) {
	third, each := rand.IntN(3), 10*time.Millisecond
	if v := os.Getenv("BUGS_TIME"); v != "" {
		together, err := time.ParseDuration(v)
		if err != nil || together <= 0 {
			t.Fatalf("BUGS_TIME=%q: want a time such as 60s", v)
		}
		each = together / time.Duration(len(check.All()))
	}
	for i, e := range Builtin() {
		if i%3 != third && os.Getenv("BUGS_SEEDS") == "" {
			continue
		}
		t.Run(e.Native.Name, func(t *testing.T) {
			for seed := range seeds(t) {
				for _, c := range check.All() {
					if e.Native.Expected[c.Name].Blind != "" || check.RaceEnabled && c.Threads {
						continue
					}
					r := c.Do(t.Context(), e.Subject(true), check.Budget{Seed: seed + 3, Time: each})
					if r.Verdict == check.Broken {
						t.Errorf("%s flags the twin with seed %d: %s", c.Name, seed+3, what(r))
					}
				}
			}
		})
	}
}

// The twins of counts pass under every schedule that their programs have, where
// those are few enough.
func TestTwinsPassUnderAllSchedules(t *testing.T) {
	for _, e := range Builtin() {
		if e.Native.Workload != nil {
			continue
		}
		r, err := explore.Explore(scenario(e, true), explore.Options{Search: explore.DFS, Bound: 2, Executions: 20_000})
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure != nil {
			t.Errorf("%s: the twin is flagged:\n%s", e.Native.Name, r.Failure.Text())
		}
		if r.Complete == "" {
			t.Errorf("%s: not all schedules with 2 preemptions were tried in %d executions", e.Native.Name, r.Executions)
		}
	}
}

// Histories of the bugs that real threads show by luck, and that take uses of their own,
// are illegal under the scheduler, and those of the twins aren't.
func TestHistoriesUnderTheScheduler(t *testing.T) {
	for name, text := range map[string]string{
		"reviveget": linear.Revival, "reviveinit": linear.Revival, "saturationrace": linear.Limit,
		"percpukill": linear.Modes, "percpurevive": linear.Modes, "rampwrap": linear.Limit,
	} {
		of := func(s *strategies.Strategy) *explore.Scenario { return linear.Scenario(s.Name, s, text) }
		e := entry(t, name)
		r, err := explore.Explore(of(e.Explored.Wrong), explore.Options{Seed: 1, Executions: 50_000, NoShrink: true})
		if err != nil || r.Failure == nil {
			t.Errorf("%s: not found in %d executions, %v", name, r.Executions, err)
		} else {
			t.Logf("%s: after %d executions: %s", name, r.Failure.Executions, r.Failure.Message)
		}
		r, err = explore.Explore(of(e.Explored.Fixed), explore.Options{Seed: 1, Executions: 5000})
		if err != nil || r.Failure != nil {
			t.Errorf("%s: the twin is flagged: %v, %v", name, r.Failure, err)
		}
	}
}

// planted returns a check that finds the bug, or flags the twin.
func planted(name string, finds, flags bool) check.Check {
	return check.Check{Name: name, Run: func(_ context.Context, s check.Subject, _ check.Budget) check.Result {
		if twin := strings.HasSuffix(s.Strategy.Name, "twin"); twin && flags || !twin && finds {
			return check.Result{Verdict: check.Broken, Tried: []check.Amount{{N: 7}}, Findings: []check.Finding{{What: "that"}}}
		}
		return check.Result{}
	}}
}

// A new check is a value in the list: its column is there, whatever bugs expect of
// others.
func TestRunSaysWhatIsWrong(t *testing.T) {
	spoilt := func(name string) Entry {
		e := entry(t, name)
		e.Native.Expected = bugs.Expected{"a": {Sure: true}, "blind": {Blind: "of that"}}
		return e
	}
	for _, c := range []struct {
		name   string
		checks []check.Check
		want   string
	}{
		{"found", []check.Check{planted("a", true, false)}, ""},
		{"found by one", []check.Check{planted("a", false, false), planted("new", true, false)}, ""},
		{"missed", []check.Check{planted("a", false, false), planted("new", false, false)}, "peerplaininc: found by no check, and a should"},
		{"flagged", []check.Check{planted("a", true, true)}, "peerplaininc: a flags the twin, which is right: that"},
	} {
		row, err := Run(t.Context(), spoilt("peerplaininc"), c.checks, Budget{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(row.Problems(), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if len(row.Cells) != len(c.checks) || row.Cells[len(c.checks)-1].Check != c.checks[len(c.checks)-1].Name {
			t.Errorf("%s: cells %+v, want one of each check", c.name, row.Cells)
		}
	}
	// Who is blind isn't run, and not blamed. Nor is who can't run here.
	cannot := planted("cannot", true, true)
	cannot.Unsupported = func(check.Subject) string { return "no disk" }
	row, err := Run(t.Context(), spoilt("checktheninc"), []check.Check{planted("blind", true, true), cannot}, Budget{})
	if err != nil || len(row.Problems()) > 0 || row.Cells[0].State != Blind || row.Cells[0].Why != "of that" || row.Cells[0].Bug != nil {
		t.Errorf("%v: %+v", err, row)
	}
	if c := row.Cells[1]; c.State != Unavailable || c.Why != "no disk" || c.Bug != nil || c.Twin != nil {
		t.Errorf("%+v, want it unavailable", c)
	}
}

// The checks themselves flag a twin that is wrong.
func TestChecksFlagWrongTwins(t *testing.T) {
	e := entry(t, "peerplaininc")
	e.Native.Fixed, e.Explored.Fixed = e.Native.Wrong, e.Explored.Wrong
	for _, name := range []string{"operations", "programs", "schedules"} {
		row, err := Run(t.Context(), e, []check.Check{find(t, name)}, Budget{Budget: check.Budget{Seed: 1, Time: 10 * time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		if ps := row.Problems(); len(ps) != 1 || !strings.Contains(ps[0], name+" flags the twin") {
			t.Errorf("%s: %q", name, ps)
		}
	}
}

// The judges of explored runs see a double release, a stolen reference, a
// reference to the dead, an unordered access, and that nobody can go on.
func TestFindingsSayWhatIsWrong(t *testing.T) {
	for name, want := range map[string]string{
		"checktheninc":  "TryGet took a reference after the last had been dropped",
		"plaincount":    "is not ordered with the read",
		"peersetdead":   "PutIfOne reported the last reference while another was held",
		"peernotzero":   "TryGet failed while its caller held a reference",
		"destbelowzero": "reported the last reference, as another drop had before",
		"loadstoreput":  "no drop reported the last",
		"reviveget":     "Get on a count of zero",
		"reviveinit":    "Count returns -1",
		"freelist":      "a slot was used by two objects at a time",
		"fdrecycled":    "files were used that are another descriptor's",
		"tunnelreset":   "never released",
		"fullring":      "no worker can go on",
	} {
		if slow(entry(t, name)) {
			continue
		}
		r := find(t, "schedules").Do(t.Context(), entry(t, name).Subject(false), check.Budget{Seed: 1, Time: time.Minute, First: true})
		if r.Verdict != check.Broken || !strings.Contains(r.Findings[0].What, want) {
			t.Errorf("%s: %s %+v, want %q", name, r.Verdict, r.Findings, want)
		}
	}
}

// BenchmarkExplored reports how long the explorer takes to find each bug: the median
// over as many seeds as there are iterations.
func BenchmarkExplored(b *testing.B) {
	for _, e := range Builtin() {
		b.Run(e.Native.Name, func(b *testing.B) {
			var took []float64
			executions := 0
			for seed := range b.N {
				r, err := explore.Explore(scenario(e, false), explore.Options{Seed: uint64(seed), Executions: -1, Time: time.Minute, NoShrink: true})
				if err != nil || r.Failure == nil {
					b.Fatalf("seed %d: %v, %+v", seed, err, r)
				}
				took = append(took, r.Seconds)
				executions += r.Failure.Executions
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2], "median-s")
			b.ReportMetric(float64(executions)/float64(b.N), "executions/op")
		})
	}
}

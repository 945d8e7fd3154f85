package matrix

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored"
	exploredbugs "github.com/refbench/refbench/fuzz/explored/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/linear"
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
func slow(e Entry) bool { return RaceEnabled && e.Native.Wrong == nil }

// Both forms are of the same source, so they have the same bugs.
func TestFormsAgree(t *testing.T) {
	if len(bugs.All) != len(exploredbugs.All) {
		t.Fatalf("%d bugs, %d of them explored", len(bugs.All), len(exploredbugs.All))
	}
	for _, e := range Builtin() {
		if e.Native.Name != e.Explored.Name || !slices.Equal(e.Native.Program, e.Explored.Program) {
			t.Errorf("bug %s %q beside %s %q", e.Native.Name, e.Native.Program, e.Explored.Name, e.Explored.Program)
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

// The explorer finds every bug that needs threads, and makes it small: at most three
// preemptions, migrations among them, and three operations of a thread. The token
// shows the same failure again. BUGS_SEEDS says how many seeds are tried; from 20 on
// the median is to be under a second, on a quiet machine.
func TestExploredFindsBugs(t *testing.T) {
	n := seeds(t)
	for _, e := range Builtin() {
		if !e.Native.Sights.Explored.Sure || slow(e) {
			continue
		}
		var took []float64
		for seed := range n {
			f, err := exploration(t.Context(), e, false, Budget{Seed: seed + 1, Time: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if !f.Found {
				t.Errorf("%s, seed %d: not found in %d executions", e.Native.Name, seed+1, f.Executions)
				continue
			}
			took = append(took, f.Seconds)
			if p := f.Failure.Preemptions + f.Failure.Migrations; p > 3 {
				t.Errorf("%s, seed %d: %d preemptions and migrations, want at most 3:\n%s", e.Native.Name, seed+1, p, f.Failure.Text())
			}
			for i, ops := range f.Failure.Program {
				if n := len(strings.Fields(ops)); n > 3 {
					t.Errorf("%s, seed %d: thread %d has %d operations (%s), want at most 3", e.Native.Name, seed+1, i, n, ops)
				}
			}
			g, err := explore.Replay(f.Failure.Token, Scenarios(Builtin()), explore.Options{Version: explored.Version})
			if err != nil {
				t.Errorf("%s, seed %d: %v", e.Native.Name, seed+1, err)
			} else if g.Error() != f.Failure.Error() {
				t.Errorf("%s, seed %d: replayed %v, found %v", e.Native.Name, seed+1, g, f.Failure)
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

// Whatever the seed, the explorer finds what it should in few executions.
func TestExploredFindsBugsWithAnySeed(t *testing.T) {
	const most = 20_000
	for _, e := range Builtin() {
		if !e.Native.Sights.Explored.Sure || slow(e) {
			continue
		}
		seed := rand.Uint64()
		r, err := explore.Explore(Scenario(e.Explored, false), explore.Options{Seed: seed, Executions: most, NoShrink: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure == nil {
			t.Errorf("%s, seed %d: not found in %d executions", e.Native.Name, seed, r.Executions)
		}
	}
}

// What one thread alone shows is found by the oracles with one thread, and what it
// doesn't show isn't. What they can't see for another reason isn't asked for.
func TestSequentialOraclesSeeWhatTheyShould(t *testing.T) {
	for _, e := range Builtin() {
		if e.Native.Wrong == nil {
			continue
		}
		for _, o := range Oracles()[:2] {
			sight := o.Sight(e.Native.Sights)
			budget := Budget{Seed: 1, Time: 30 * time.Millisecond}
			if sight.Sure {
				budget.Time = 30 * time.Second
			} else if !e.Native.Concurrent || e.Native.Wraps {
				continue
			}
			f, err := o.Run(t.Context(), e, false, budget)
			if err != nil {
				t.Fatal(err)
			}
			if f.Found != sight.Sure {
				t.Errorf("%s, %s: found %v after %d (%s), expected to be blind because %q", e.Native.Name, o.Name, f.Found, f.Executions, f.Message, sight.Blind)
			}
		}
	}
}

// No oracle flags a twin.
func TestTwinsPass(t *testing.T) {
	for _, e := range Builtin() {
		for _, o := range Oracles() {
			if o.Sight(e.Native.Sights).Blind != "" || o.Unavailable != nil && o.Unavailable(Budget{}) != "" {
				continue
			}
			f, err := o.Run(t.Context(), e, true, Budget{Seed: 3, Time: 20 * time.Millisecond})
			if err != nil {
				t.Error(err)
			}
			if f.Found {
				t.Errorf("%s: %s flags the twin with seed 3: %s", e.Native.Name, o.Name, f.Message)
			}
		}
	}
}

// The twins of counts pass under every schedule that their programs have, where
// those are few enough.
func TestTwinsPassUnderAllSchedules(t *testing.T) {
	for _, e := range Builtin() {
		if e.Native.Wrong == nil {
			continue
		}
		r, err := explore.Explore(Scenario(e.Explored, true), explore.Options{Search: explore.DFS, Bound: 2, Executions: 20_000})
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
	for name, of := range map[string]func(*strategies.Strategy) *explore.Scenario{
		"reviveget": func(s *strategies.Strategy) *explore.Scenario {
			return linear.Scenario(s.Name, s, linear.Revival)
		},
		"reviveinit": func(s *strategies.Strategy) *explore.Scenario {
			return linear.Scenario(s.Name, s, linear.Revival)
		},
		"saturationrace": func(s *strategies.Strategy) *explore.Scenario {
			return linear.Scenario(s.Name, s, linear.Limit)
		},
		"percpukill": func(s *strategies.Strategy) *explore.Scenario {
			return linear.Scenario(s.Name, s, linear.Modes)
		},
		"percpurevive": func(s *strategies.Strategy) *explore.Scenario {
			return linear.Scenario(s.Name, s, linear.Modes)
		},
		"rampwrap": func(s *strategies.Strategy) *explore.Scenario {
			return linear.Scenario(s.Name, s, linear.Limit)
		},
	} {
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

// entry returns a bug of its own, whose program doesn't show it, so that it can be
// spoilt.
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

func TestRunSaysWhatIsWrong(t *testing.T) {
	oracle := func(name string, finds, flags bool) Oracle {
		return Oracle{
			Name:  name,
			Sight: func(s bugs.Sights) bugs.Sight { return s.Specification },
			Run: func(_ context.Context, _ Entry, fixed bool, _ Budget) (Finding, error) {
				return Finding{Found: !fixed && finds || fixed && flags, Message: "that"}, nil
			},
		}
	}
	for _, c := range []struct {
		name    string
		oracles []Oracle
		want    string
	}{
		{"found", []Oracle{oracle("a", true, false)}, ""},
		{"found by one", []Oracle{oracle("a", false, false), oracle("b", true, false)}, ""},
		{"missed", []Oracle{oracle("a", false, false), oracle("b", false, false)}, "peerplaininc: found by no oracle, and a should"},
		{"flagged", []Oracle{oracle("a", true, true)}, "peerplaininc: a flags the twin, which is right: that"},
	} {
		row, err := Run(t.Context(), entry(t, "peerplaininc"), c.oracles, Budget{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(row.Problems(), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// Who is blind isn't run, and not blamed.
	row, err := Run(t.Context(), entry(t, "checktheninc"), []Oracle{oracle("a", false, true)}, Budget{})
	if err != nil || len(row.Problems()) > 0 || row.Cells[0].State != Blind || row.Cells[0].Why == "" || row.Cells[0].Bug != nil {
		t.Errorf("%v: %+v", err, row)
	}
	// What can't be done is an error.
	broken := oracle("a", false, false)
	broken.Run = func(context.Context, Entry, bool, Budget) (Finding, error) { return Finding{}, errors.New("no disk") }
	if _, err := Run(t.Context(), entry(t, "peerplaininc"), []Oracle{broken}, Budget{}); err == nil || err.Error() != "a: no disk" {
		t.Errorf("%v, want no disk", err)
	}
}

// The oracles themselves flag a twin that is wrong.
func TestOraclesFlagWrongTwins(t *testing.T) {
	e := entry(t, "peerplaininc")
	e.Native.Fixed = e.Native.Wrong
	for _, o := range Oracles()[:2] {
		row, err := Run(t.Context(), e, []Oracle{o}, Budget{Seed: 1, Time: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if ps := row.Problems(); len(ps) != 1 || !strings.Contains(ps[0], o.Name+" flags the twin") {
			t.Errorf("%s: %q", o.Name, ps)
		}
	}
}

// The judge of explored runs sees a double release, a stolen reference, a
// reference to the dead, and an unordered access.
func TestFindingsSayWhatIsWrong(t *testing.T) {
	for name, want := range map[string]string{
		"checktheninc":  "TryGet took a reference after the last had been dropped",
		"plaincount":    "is not ordered with the read",
		"peersetdead":   "PutIfOne reported the last drop while 1 references were held",
		"peernotzero":   "TryGet failed while its caller held a reference",
		"destbelowzero": "reported the last drop, as another had before",
		"loadstoreput":  "no drop reported the last",
		"reviveget":     "Get on a count of zero",
		"reviveinit":    "the count is -1",
		"freelist":      "is used by 2 objects at a time",
		"fdrecycled":    "files were used that are another descriptor's",
		"tunnelreset":   "never released",
		"fullring":      "nobody can go on",
	} {
		f, err := exploration(t.Context(), entry(t, name), false, Budget{Seed: 1, Time: time.Minute})
		if err != nil || !strings.Contains(f.Message, want) {
			t.Errorf("%s: %v %s, want %q", name, err, f.Message, want)
		}
	}
}

// BenchmarkExplored reports how long the explorer takes to find each bug: the median
// over as many seeds as there are iterations.
func BenchmarkExplored(b *testing.B) {
	for _, e := range Builtin() {
		if !e.Native.Sights.Explored.Sure {
			continue
		}
		b.Run(e.Native.Name, func(b *testing.B) {
			var took []float64
			executions := 0
			for seed := range b.N {
				r, err := explore.Explore(Scenario(e.Explored, false), explore.Options{Seed: uint64(seed), Executions: -1, Time: time.Minute, NoShrink: true})
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

package explore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// TestEachSearchFinds: each search finds each planted bug by itself, but the one
// that a random walk practically never finds.
func TestEachSearchFinds(t *testing.T) {
	searches := []explore.Options{
		{Search: explore.Random, Executions: 30_000},
		{Search: explore.PCT, Depth: 3, Executions: 30_000},
		{Search: explore.POS, Executions: 30_000},
		{Search: explore.URW, Executions: 30_000},
		{Search: explore.DFS, Bound: 2, Executions: 200_000},
		{Search: explore.DFS, Bound: explore.Unbounded, Executions: 1_000_000},
		{Search: explore.Portfolio, Executions: 30_000},
	}
	for _, p := range bank() {
		for _, o := range searches {
			o.Seed, o.NoShrink = 7, true
			if o.Search == explore.Random && p.randomMisses {
				continue
			}
			if o.Search == explore.DFS && o.Bound == explore.Unbounded && !p.exhaustive {
				continue // the space is too large to be tried in order
			}
			r, err := explore.Explore(p.bug, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure == nil {
				t.Errorf("%s, %s, depth %d, bound %d, seed %d: not found in %d executions", p.bug.Name, o.Search, o.Depth, o.Bound, o.Seed, r.Executions)
				continue
			}
			t.Logf("%-32s %-16s %7d executions, %.3f s", p.bug.Name, r.Search, r.Failure.Executions, r.Seconds)
		}
	}
}

// TestNoSwitchFindsNothing: an engine that never takes the processor from a
// thread, and keeps each on its CPU, would find none of the planted bugs: depth-
// first search without preemptions is that engine. So a search that finds them
// does switch.
func TestNoSwitchFindsNothing(t *testing.T) {
	for _, p := range bank() {
		r, err := explore.Explore(p.bug, explore.Options{Search: explore.DFS, Bound: 0, Executions: 100_000, NoRaces: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure != nil {
			t.Errorf("%s: found without a preemption, so it can't tell whether the engine switches:\n%s", p.bug.Name, r.Failure.Text())
		}
		if r.Complete == "" {
			t.Errorf("%s: the schedules without preemptions were not exhausted", p.bug.Name)
		}
	}
}

// TestSeedFixesEverything: the same seed gives the same counts and the same token.
func TestSeedFixesEverything(t *testing.T) {
	for _, search := range explore.Searches() {
		o := explore.Options{Search: search, Seed: 42, Bound: 2, Executions: 5000}
		var first *explore.Result
		for i := range 3 {
			r, err := explore.Explore(bank()[1].bug, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure == nil {
				t.Fatalf("%s: not found", search)
			}
			if i == 0 {
				first = r
			} else if r.Failure.Token != first.Failure.Token || r.Executions != first.Executions || r.Points != first.Points {
				t.Errorf("%s, run %d: %d executions, %d points, %s; the first: %d, %d, %s", search, i,
					r.Executions, r.Points, r.Failure.Token, first.Executions, first.Points, first.Failure.Token)
			}
		}
	}
}

// TestThousandReplays: the same token gives the same failure every time.
func TestThousandReplays(t *testing.T) {
	for _, p := range bank() {
		r, err := explore.Explore(p.bug, explore.Options{Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		n := 100
		if p.bug.Name == "not pinned" {
			n = 1000
		}
		for i := range n {
			f, err := explore.Replay(r.Failure.Token, []*explore.Scenario{p.bug}, explore.Options{})
			if err != nil {
				t.Fatalf("replay %d of %s: %v", i, r.Failure.Token, err)
			}
			if f.Kind != r.Failure.Kind || f.Message != r.Failure.Message || f.Points != r.Failure.Points {
				t.Fatalf("replay %d of %s: %v", i, r.Failure.Token, f)
			}
		}
	}
}

// leaky leaks in most schedules and, if grave, releases twice in the few in which
// both threads read before either writes.
func leaky(grave bool) *explore.Scenario {
	return &explore.Scenario{Name: "leaky", Make: func(explore.Program) explore.Case {
		var n atomic.Int64
		body := func() {
			for range 5 {
				n.Load()
			}
			v := n.Load()
			n.Store(v + 1)
		}
		return explore.Case{
			Setup:   func() { n.Store(0) },
			Threads: []func(){body, body},
			Finish: func() {
				if grave && n.Load() == 1 {
					explore.Failf("released twice")
				}
				explore.Leakf("left")
			},
		}
	}}
}

// TestLeakYieldsToWorse: a leak that is found first isn't the answer if something
// worse happens too, and is if nothing does.
func TestLeakYieldsToWorse(t *testing.T) {
	for _, search := range explore.Searches() {
		o := explore.Options{Search: search, Seed: 1, Bound: 1}
		r, err := explore.Explore(leaky(true), o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != string(explore.Violation) {
			t.Errorf("%s: %v after %d executions, want the violation", search, r.Failure, r.Executions)
		}
		r, err = explore.Explore(leaky(false), o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != string(explore.Leak) || r.Failure.Executions != 1 {
			t.Errorf("%s: %v, want the leak of the first execution", search, r.Failure)
		}
		if r.Executions > 2001 {
			t.Errorf("%s: %d executions after a leak, want at most 2,000", search, r.Executions)
		}
	}
}

// TestStoppedSearchSaysWhatIsComplete: a search that is ended by a limit says up to
// which bound it has tried everything.
func TestStoppedSearchSaysWhatIsComplete(t *testing.T) {
	for _, c := range []struct {
		o    explore.Options
		want string
	}{
		{explore.Options{Search: explore.DFS, Bound: 7, Executions: 5000}, "all schedules with at most 1 preemption"},
		{explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 5000}, "all schedules with at most 1 preemption"},
		{explore.Options{Search: explore.DFS, Bound: 7, Executions: -1, Time: 100 * time.Millisecond}, "all schedules with at most "},
		{explore.Options{Search: explore.Portfolio, Executions: 12_000}, "all schedules with at most 1 preemption"},
		{explore.Options{Search: explore.DFS, Bound: 7, Executions: 3}, ""},
		{explore.Options{Search: explore.Random, Executions: 5000}, ""},
	} {
		r, err := explore.Explore(fiftyPoints(true), c.o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure != nil || r.Exhaustive || !strings.HasPrefix(r.Complete, c.want) || (c.want == "") != (r.Complete == "") {
			t.Errorf("%s, bound %d: %d executions, exhaustive %v, complete %q, want %q", c.o.Search, c.o.Bound, r.Executions, r.Exhaustive, r.Complete, c.want)
		}
	}
}

// TestStopEndsASearch: a search that would never end does when it is stopped. What is
// reported was tried, and nothing tried is never reported.
func TestStopEndsASearch(t *testing.T) {
	s := bank()[0].fixed
	stop := make(chan struct{})
	time.AfterFunc(50*time.Millisecond, func() { close(stop) })
	o := explore.Options{Search: explore.Random, Executions: -1, Stop: stop}
	r, err := explore.Explore(s, o)
	if err != nil || r.Failure != nil || r.Executions == 0 || r.Exhaustive {
		t.Errorf("%+v, %v: want a result without a failure that isn't exhaustive", r, err)
	}
	for _, o := range []explore.Options{o, {Time: 1}} {
		if r, err = explore.Explore(s, o); err != nil || r.Executions == 0 {
			t.Errorf("%+v, %v: want one execution at least", r, err)
		}
	}
}

// TestNothingTriedIsNoPass: however little time there is, something is tried.
func TestNothingTriedIsNoPass(t *testing.T) {
	for _, search := range explore.Searches() {
		r, err := explore.Explore(leaky(false), explore.Options{Search: search, Time: 1})
		if err != nil {
			t.Fatal(err)
		}
		if r.Executions == 0 || r.Verdict == explore.Passed {
			t.Errorf("%s: %s after %d executions", search, r.Verdict, r.Executions)
		}
	}
}

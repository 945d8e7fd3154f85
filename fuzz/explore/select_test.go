package explore_test

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/channel"
)

// forgetful is a worker that stops when it is told to, with a value still waiting if
// the select takes that case; the twin empties the channel first.
func forgetful(empties bool) *explore.Scenario {
	name := "worker stops with a value waiting"
	if empties {
		name = "worker empties its channel"
	}
	return &explore.Scenario{Name: name, CPUs: 2, Make: func(explore.Program) explore.Case {
		var values, stop *channel.Chan[int]
		return explore.Case{
			Setup: func() { values, stop = channel.Make[int](2), channel.Make[int](0) },
			Threads: []func(){
				func() {
					for {
						v, s := channel.Receiving(values), channel.Receiving(stop)
						if channel.Select(v, s) == 0 {
							continue
						}
						for empties && channel.Poll(channel.Receiving(values)) == 0 {
						}
						return
					}
				},
				func() {
					values.Send(1)
					values.Send(2)
					stop.Close()
				},
			},
			Finish: func() {
				if n := values.Len(); n > 0 {
					explore.Failf("%d values are left", n)
				}
			},
		}
	}}
}

// TestEachSearchFindsTheCase: each search finds a bug that needs one of two cases of a
// select; its token replays it, small and without a preemption; and the twin passes.
func TestEachSearchFindsTheCase(t *testing.T) {
	for _, o := range []explore.Options{
		{Search: explore.Random}, {Search: explore.PCT}, {Search: explore.DFS, Bound: 0},
		{Search: explore.DFS, Bound: explore.Unbounded}, {Search: explore.PlainDFS, Bound: explore.Unbounded}, {},
	} {
		o.Executions = 5000
		s := forgetful(false)
		r, err := explore.Explore(s, o)
		if err != nil {
			t.Fatal(err)
		}
		f := r.Failure
		if f == nil {
			t.Errorf("%s, bound %d: not found in %d executions", o.Search, o.Bound, r.Executions)
			continue
		}
		if f.Preemptions != 0 || f.Migrations != 0 {
			t.Errorf("%s: %d preemptions and %d migrations, want none:\n%s", o.Search, f.Preemptions, f.Migrations, f.Text())
		}
		for range 20 {
			g, err := explore.Replay(f.Token, []*explore.Scenario{s}, explore.Options{})
			if err != nil {
				t.Fatalf("%s: %v", o.Search, err)
			}
			if g.Text() != f.Text() {
				t.Fatalf("%s: replayed it is\n%s\nand was\n%s", o.Search, g.Text(), f.Text())
			}
		}
		r, err = explore.Explore(forgetful(true), o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure != nil {
			t.Errorf("%s: false alarm:\n%s", o.Search, r.Failure.Text())
		}
	}
}

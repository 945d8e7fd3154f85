package dropins_test

import (
	"testing"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/dropins/section"
	"github.com/refbench/refbench/fuzz/explore"
)

// closing is two threads that add to words, and one that takes the sum when it has closed
// them, or before: then it may not be final.
func closing(close bool) *explore.Scenario {
	return &explore.Scenario{Name: "closing", CPUs: 2, DropIns: dropins.Paths(), Make: func(explore.Program) explore.Case {
		var w section.Words
		var added [2]int64
		var sum int64
		adds := func(i int) func() {
			return func() {
				for range 2 {
					if section.Add(&w, 1) {
						added[i]++
					}
				}
			}
		}
		return explore.Case{
			Setup: func() { added, sum = [2]int64{}, 0; w.Open() },
			Threads: []func(){adds(0), adds(1), func() {
				if close {
					w.Close()
				}
				sum = w.Sum()
			}},
			Finish: func() {
				if n := added[0] + added[1]; sum != n {
					explore.Failf("the sum is %d, and %d were added", sum, n)
				}
			},
		}
	}}
}

// When Close has returned the sum is what was added, under every schedule of few preemptions;
// before, it isn't.
func TestSectionsSumIsFinal(t *testing.T) {
	for _, close := range []bool{true, false} {
		r, err := explore.Explore(closing(close), explore.Options{Search: explore.DFS, Bound: 2})
		if err != nil {
			t.Fatal(err)
		}
		if (r.Failure != nil) != !close {
			t.Errorf("with Close %v: failure %v after %d executions", close, r.Failure, r.Executions)
		}
		if close && r.Complete == "" {
			t.Errorf("not complete after %d executions", r.Executions)
		}
		t.Logf("with Close %v: %d executions, %s", close, r.Executions, r.Complete)
	}
}

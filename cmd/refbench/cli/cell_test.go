package cli

import (
	"io"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/strategies"
)

// A check of two strategies that are compared with each other may find about both, at the same time,
// that a call of one doesn't return. It is one result.
func TestWhatTwoCellsFindAtOnceIsOneResult(t *testing.T) {
	operations := check.Check{Name: "operations", Weight: 1}
	spin, plain := &strategies.Strategy{Name: "spin"}, &strategies.Strategy{Name: "plain"}
	hang := check.Result{Strategy: "spin", Check: "operations", Verdict: check.Broken, Hang: "a call of Get doesn't return"}
	for _, first := range []string{"plain", "spin"} {
		x := &checkRun{
			checking: checking{strategies: []*strategies.Strategy{spin, plain}, checks: []check.Check{operations}},
			progress: newCheckProgress(io.Discard, 2),
			deadline: time.Now().Add(time.Hour),
			hung:     make(map[string]check.Result), wrong: make(map[string]bool),
		}
		began, goOn := make(chan struct{}, 2), map[string]chan struct{}{"spin": make(chan struct{}), "plain": make(chan struct{})}
		ended := make(chan struct{}, 2)
		for _, s := range x.strategies {
			go func() {
				again := false
				x.cell(cell{check: operations, strategy: s}, 2, func(cellOrder) (check.Result, bool) {
					if again { // without the one that hangs
						return check.Result{Strategy: "plain", Check: "operations", Verdict: check.Kept}, false
					}
					again = true
					began <- struct{}{}
					<-goOn[s.Name]
					if s == spin {
						return hang, false
					}
					return check.Result{Strategy: "plain", Check: "operations", Others: []check.Result{hang}}, false
				})
				ended <- struct{}{}
			}()
		}
		<-began
		<-began
		close(goOn[first])
		<-ended
		for name, c := range goOn {
			if name != first {
				close(c)
			}
		}
		<-ended
		verdicts := make(map[string][]check.Verdict)
		for _, r := range x.results {
			verdicts[r.Strategy] = append(verdicts[r.Strategy], r.Verdict)
		}
		if v := verdicts["spin"]; len(v) != 1 || v[0] != check.Broken {
			t.Errorf("%s first: spin has the results %q, want one, %s", first, v, check.Broken)
		}
		if v := verdicts["plain"]; len(v) != 1 || v[0] != check.Kept {
			t.Errorf("%s first: plain has the results %q, want one, %s", first, v, check.Kept)
		}
	}
}

package explore_test

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
)

// TestExhaustive: three threads of four operations are tried completely.
func TestExhaustive(t *testing.T) {
	for _, s := range []*explore.Scenario{
		counted("atomic", newCount[good], "t g p p", "t g p p", "t g p p"),
		counted("compare and swap", newCount[allCAS], "t g p p", "t g p p", "t g p p"),
		perCPUScenario("per CPU", false, false, "t g p p", "t g p p", "t g p p"),
		perCPUScenario("per CPU and kill", false, false, "t p", "t p", "o"),
		perCPUScenario("per CPU and kill", false, false, "t g p", "o"),
	} {
		r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 3_000_000})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s %v: %d executions, %d points, %.2f s, %s", s.Name, s.Program, r.Executions, r.Points, r.Seconds, r.Complete)
		if r.Failure != nil {
			t.Errorf("%s: %v", s.Name, r.Failure.Text())
		} else if !r.Exhaustive {
			t.Errorf("%s: not exhausted", s.Name)
		}
	}
}

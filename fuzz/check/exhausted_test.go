package check

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/strategies/saturating"
)

// Whoever reads that every schedule was tried reads of which program, and what it leaves out.
func TestExhaustedIsOfOneProgram(t *testing.T) {
	for _, c := range []struct {
		program explore.Program
		want    string
	}{
		{nil, "x"},
		{explore.Program{"w0.Work", "w1.Work"}, "x, the one program w0.Work|w1.Work of 2 threads"},
		{
			explore.Program{"a.Get a.Put a.Kill", "a.TryGet a.GetN(2) a.TryGetN(2) a.PutN(2) a.Count a.Drop"},
			"x, the one program a.Get a.Put a.Kill|a.TryGet a.GetN(2) a.TryGetN(2) a.PutN(2) a.Count a.Drop of 2 threads (no thread called Init, PutIfOne, PutUnlessOne, PutAndLock)",
		},
	} {
		if got := exhausted(saturating.Strategy, &explore.Scenario{Name: "x", Program: c.program}); got != c.want {
			t.Errorf("%v: %q, want %q", c.program, got, c.want)
		}
	}
}

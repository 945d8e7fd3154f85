package linear

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	forms "github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	"github.com/refbench/refbench/strategies"
)

func TestFaultsAreIllegalInExploration(t *testing.T) {
	for _, fault := range faults {
		p := Program
		switch fault {
		case "lost update":
			p = explore.Program{"gpk", "gp", "p"}
		case "read":
			p = explore.Program{"rk", "r"}
		}
		sc := Scenario("planted/linear", inExploration(fault), p)
		r, err := explore.Explore(sc, explore.Options{Seed: 1, Executions: 50_000})
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != string(explore.Violation) {
			t.Errorf("%s: %s after %d executions, want a %s", fault, r.Verdict, r.Executions, explore.Violation)
			continue
		}
		t.Logf("%s: after %d executions, program %s: %s", fault, r.Failure.Executions, r.Failure.Program, r.Failure.Message)
		again, err := explore.Replay(r.Failure.Token, []*explore.Scenario{sc}, explore.Options{})
		if err != nil || again.Message != r.Failure.Message {
			t.Errorf("%s: replayed: %v, %v, want %s", fault, again, err, r.Failure.Message)
		}
	}
}

func TestRightCountsAreLinearizableInExploration(t *testing.T) {
	for _, s := range append(forms.All(), inExploration("")) {
		programs := []explore.Program{Program}
		if s.Promise.Zero == strategies.AfterKill {
			programs = append(programs, explore.Program{"agcrpK", "tGpT", "tP"})
		} else {
			programs = append(programs, explore.Program{"gldk", "tougr", "tlT"})
		}
		for _, p := range programs {
			r, err := explore.Explore(Scenario(s.Name+"/linear", s, p), explore.Options{Seed: 1, Executions: 3000})
			if err != nil || r.Verdict != explore.Passed {
				t.Errorf("%s, program %s: %+v, %v", s.Name, p, r.Failure, err)
				continue
			}
			t.Logf("%s, program %s: %d executions in %.2f s", s.Name, p, r.Executions, r.Seconds)
		}
	}
}

package linear

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	forms "github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	"github.com/refbench/refbench/strategies"
)

// programOf returns a scenario that shows the fault.
func programOf(fault string) *explore.Scenario {
	p := Program
	of := Scenario
	switch fault {
	case "lost update":
		p = explore.Program{"g p k", "g p", "p"}
	case "read":
		p = explore.Program{"r k", "r"}
	case "Resurrect sets", "Resurrect leaves the dead":
		p = Revival
	case "TryGet writes back":
		p = explore.Program{"k n", "p t"}
	case "TryGetLive ignores Kill", "TryGetLive revives", "no mark before the drop", "ResurrectLive loses":
		p = Modes
	case "Reinit stays killed":
		p = explore.Program{"k i L", "p"}
	case "saturation is forgotten", "saturation is left", "the limit is looked at before", "panics too early":
		p, of = Limit, NearLimit
	}
	return of("planted/linear", inExploration(fault), p)
}

func TestFaultsAreIllegalInExploration(t *testing.T) {
	for _, fault := range slices.Concat(faults, special) {
		sc := programOf(fault)
		r, err := explore.Explore(sc, explore.Options{Seed: 1, Executions: 50_000})
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure == nil {
			t.Errorf("%s: %s after %d executions, want it found", fault, r.Verdict, r.Executions)
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
	list := forms.All()
	for _, name := range right {
		list = append(list, inExploration(name))
	}
	for _, s := range list {
		programs := []explore.Program{Program, Revival, Modes, {"k i n k L", "L p R", "t p"}, {"k L i k", "L t", "t p"}}
		limits := []explore.Program{Limit, {"g k p", "t p r", "u g"}}
		if s.Promise.Zero == strategies.AfterKill {
			programs = append(programs, explore.Program{"a g c r p K", "t G p T", "t P"})
			limits = append(limits, explore.Program{"a g p c v k", "p p p t p", "t g"})
		} else {
			programs = append(programs, explore.Program{"g l d k", "t o u g r", "t l T"})
			limits = append(limits, explore.Program{"G g k r r", "o l u d P", "T R r"})
		}
		var scenarios []*explore.Scenario
		for _, p := range programs {
			scenarios = append(scenarios, Scenario(s.Name+"/linear", s, p))
		}
		for _, p := range limits {
			if sc := NearLimit(s.Name+"/limit", s, p); sc != nil {
				scenarios = append(scenarios, sc)
			}
		}
		for _, sc := range scenarios {
			r, err := explore.Explore(sc, explore.Options{Seed: 1, Executions: 2000})
			if err != nil || r.Verdict != explore.Passed {
				text := ""
				if r.Failure != nil {
					text = r.Failure.Text()
				}
				t.Errorf("%s, %s, program %s: %v, %v\n%s", sc.Name, s.Promise, sc.Program, r.Failure, err, text)
				continue
			}
			t.Logf("%s, program %s: %d executions in %.2f s", sc.Name, sc.Program, r.Executions, r.Seconds)
		}
	}
}

// Random programs find nothing wrong with what is right.
func TestRandomProgramsOfRightCounts(t *testing.T) {
	seed := seedOf(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	list := forms.All()
	for _, name := range right {
		list = append(list, inExploration(name))
	}
	const calls = "gtpkKrGTPdoulacLvinR"
	for range 4 {
		for _, s := range list {
			p := make(explore.Program, 3)
			for i := range p {
				words := make([]string, 2+rng.IntN(4))
				for k := range words {
					words[k] = string(calls[rng.IntN(len(calls))])
				}
				p[i] = strings.Join(words, " ")
			}
			for _, sc := range []*explore.Scenario{Scenario(s.Name+"/linear", s, p), NearLimit(s.Name+"/limit", s, p)} {
				if sc == nil {
					continue
				}
				r, err := explore.Explore(sc, explore.Options{Seed: rng.Uint64(), Executions: 300})
				if err != nil || r.Failure != nil {
					t.Errorf("%s, %s, program %s, seed %d: %v, %v", sc.Name, s.Promise, p, seed, r.Failure, err)
				}
			}
		}
	}
}

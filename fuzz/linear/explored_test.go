package linear

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	forms "github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// programOf returns a program that shows the fault.
func programOf(fault string) string {
	switch fault {
	case "lost update":
		return "a.Get a.Put a.Kill|a.Get a.Put|a.Put"
	case "read":
		return "a.Count a.Kill|a.Count"
	case "Resurrect sets", "Resurrect leaves the dead":
		return Revival
	case "TryGet writes back":
		return "a.Kill a.Init|a.Put a.TryGet"
	case "TryGetLive ignores Kill", "TryGetLive revives", "no mark before the drop", "ResurrectLive loses":
		return Modes
	case "Reinit stays killed":
		return "a.Kill a.Reinit a.TryGetLive|a.Put"
	case "saturation is forgotten", "saturation is left", "the limit is looked at before", "panics too early":
		return Limit
	}
	return Program
}

func TestFaultsAreIllegalInExploration(t *testing.T) {
	for _, fault := range slices.Concat(faults, special) {
		sc := Scenario("planted/linear", inExploration(fault), programOf(fault))
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

// A drop of two steps takes its reference out of the number with the first, and may be told to
// be the last by the second, after one that began later. So the number of such a count isn't exact:
// sticky's would be flagged if it promised that. Those that promise it keep it.
func TestNumbersBesideDropsOfTwoSteps(t *testing.T) {
	tried := 0
	for _, s := range forms.All() {
		exact := *s
		if exact.Name == "sticky" {
			exact.Promise.Count = strategies.Exact
		} else if s.Promise.Count != strategies.Exact {
			continue
		}
		tried++
		r, err := explore.Explore(Scenario(s.Name+"/reading", &exact, Reading), explore.Options{Search: explore.DFS, Bound: 3, Executions: 200_000})
		if err != nil {
			t.Fatal(err)
		}
		if flagged := r.Failure != nil; flagged != (s.Name == "sticky") || !flagged && r.Complete == "" {
			t.Errorf("%s: flagged %v after %d executions (all of %q): %v", s.Name, flagged, r.Executions, r.Complete, r.Failure)
		}
	}
	if tried < 10 {
		t.Errorf("only %d counts were tried", tried)
	}
}

// A third of the programs, others each time, with each count.
func TestRightCountsAreLinearizableInExploration(t *testing.T) {
	rng := rand.New(rand.NewPCG(seedOf(t), 0))
	list := forms.All()
	for _, name := range right {
		list = append(list, inExploration(name))
	}
	for _, s := range list {
		programs := []string{
			Program, Revival, Modes, Limit,
			"a:cached a.Kill a.Resurrect a.Kill a.TryGetLive|a.TryGetLive a.Put a.Resurrect|a.TryGet a.Put",
			"a.Kill a.TryGetLive a.Reinit a.Kill|a.TryGetLive a.TryGet|a.TryGet a.Put",
			"a.Kill a.Init a.Kill b.Get b.Kill|a.Put b.TryGet b.Count|a.TryGet b.Put",
			"a:InitAt(limit-1) a.Get a.Kill a.Put|a.TryGet a.Put a.Count|a.PutUnlessOne a.Get",
		}
		if s.Promise.Zero == strategies.AfterKill {
			programs = append(programs,
				"a.SwitchToAtomic a.Get a.SwitchToPerCPU a.Count a.Put a.KillAndConfirm|a.TryGet a.GetN(2) a.Put a.TryGetN(2)|a.TryGet a.PutN(2)",
				"a:InitAt(limit-1) a.SwitchToAtomic a.Get a.Put a.SwitchToPerCPU a.ResurrectLive a.Kill|a.Put a.Put a.Put a.TryGet a.Put|a.TryGet a.Get")
		} else {
			programs = append(programs,
				"a.Get a.PutAndLock a.Drop a.Kill|a.TryGet a.PutIfOne a.PutUnlessOne a.Get a.Count|a.TryGet a.PutAndLock a.TryGetN(2)",
				"a:InitAt(limit-1) a:cached a.GetN(2) a.Get a.Kill a.Count a.Count|a.PutIfOne a.PutAndLock a.PutUnlessOne a.Drop a.PutN(2)|a.TryGetN(2) a.Resurrect a.Count")
		}
		for _, p := range programs {
			if rng.IntN(3) != 0 {
				continue
			}
			sc := Scenario(s.Name+"/linear", s, p)
			r, err := explore.Explore(sc, explore.Options{Seed: 1, Executions: 2000})
			if err != nil || r.Verdict != explore.Passed {
				text := ""
				if r.Failure != nil {
					text = r.Failure.Text()
				}
				t.Errorf("%s, %s, program %s: %v, %v\n%s", sc.Name, s.Promise, p, r.Failure, err, text)
				continue
			}
			t.Logf("%s, program %s: %d executions in %.2f s", sc.Name, p, r.Executions, r.Seconds)
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
	for range 4 {
		for _, s := range list {
			p := program.Program{Objects: make([]program.Object, 1), Threads: make([]program.Thread, 3)}
			for i := range p.Threads {
				for range 2 + rng.IntN(4) {
					call := spec.Call{Op: spec.OpOfCode(byte(rng.Uint32()))}
					if call.Op.TakesNumber() {
						call.N = 2
					}
					p.Threads[i] = append(p.Threads[i], program.Step{Call: call})
				}
			}
			for _, o := range []program.Object{{}, {Cached: true}, {Start: program.StartNear, K: 1}} {
				p.Objects[0] = o
				r, err := explore.Explore(Scenario(s.Name+"/linear", s, p.String()), explore.Options{Seed: rng.Uint64(), Executions: 200})
				if err != nil || r.Failure != nil {
					t.Errorf("%s, %s, program %s, seed %d: %v, %v", s.Name, s.Promise, &p, seed, r.Failure, err)
				}
			}
		}
	}
}

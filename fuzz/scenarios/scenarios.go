// Package scenarios is what refbench explores: every strategy under every
// workload, all of them in explored form and with small settings, and under
// op programs directly on its count.
//
// Each has a known-wrong variant, to prove that what is wrong is found.
package scenarios

import (
	"slices"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored"
	"github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	"github.com/refbench/refbench/fuzz/explored/workloads"
	"github.com/refbench/refbench/strategies"
)

// Forms are strategies and workloads in explored form.
type Forms struct {
	// Version says what code it is. It goes into replay tokens.
	Version string

	Strategies []*strategies.Strategy
	Workloads  []*workloads.Workload
}

// Builtin returns what comes with refbench. The caller may change the lists.
func Builtin() Forms {
	return Forms{
		Version:    explored.Version,
		Strategies: builtin.All(),
		Workloads:  slices.Clone(workloads.All),
	}
}

// CountName is the name of the op programs, which stands where that of a workload
// does.
const CountName = "count"

// CountDoc says in one line what the op programs do.
const CountDoc = "an op program on the count alone, with two CPUs"

// A Pair is a strategy under a workload, or under the op programs.
type Pair struct {
	Strategy string
	Workload string
	// Wrong says in one line what the known-wrong variant does. It is empty
	// if this is the right one.
	Wrong string

	// Unsupported says why the strategy can't run under the workload, or why the
	// known-wrong variant isn't wrong with it. Then there is no Scenario.
	Unsupported string
	Scenario    *explore.Scenario
}

// Pairs returns every strategy under the op programs that it has the powers for, each a
// pair, and under every workload, ordered by strategy: their right variants, or the
// known-wrong ones.
func (f Forms) Pairs(wrong bool) []Pair {
	var ps []Pair
	for _, s := range f.Strategies {
		for _, c := range counts(s, wrong) {
			ps = append(ps, Pair{Strategy: s.Name, Workload: CountName, Scenario: c})
			if wrong {
				ps[len(ps)-1].Wrong = countWrong
			}
		}
		for _, w := range f.Workloads {
			if wrong && w.Wrong == "" {
				continue
			}
			p := Pair{Strategy: s.Name, Workload: w.Name, Unsupported: w.Unsupported(s)}
			if wrong {
				p.Wrong = w.Wrong
			}
			if wrong && p.Unsupported == "" && s.Promise.Zero == strategies.Waits && w.NotWrong != "" {
				p.Unsupported = "what is known to be wrong is right with " + s.Name + ": " + w.NotWrong
			}
			if p.Unsupported == "" {
				p.Scenario = load(judgeBooks, s, w, wrong)
			}
			ps = append(ps, p)
		}
	}
	return ps
}

// All returns every scenario, right or wrong: what a replay token may be of.
func (f Forms) All() []*explore.Scenario {
	var ss []*explore.Scenario
	for _, wrong := range []bool{false, true} {
		for _, p := range f.Pairs(wrong) {
			if p.Scenario != nil {
				ss = append(ss, p.Scenario)
			}
		}
	}
	return ss
}

// name is a scenario's: "strategy/workload", with "/wrong" behind.
func name(s *strategies.Strategy, workload string, wrong bool) string {
	if wrong {
		workload += "/wrong"
	}
	return s.Name + "/" + workload
}

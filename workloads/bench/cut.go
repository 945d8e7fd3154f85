package bench

import (
	"slices"
	"time"

	"github.com/refbench/refbench/strategies"
)

// A Cut is a selection as far as a budget of time has room for it.
type Cut struct {
	Selection Selection
	Rounds    int

	// Strategies, CPUs and Variants are what was left out.
	Strategies []*strategies.Strategy
	CPUs       []int
	Variants   []Variant

	// Whole is about the budget with which nothing would be left out.
	Whole time.Duration
}

// fewStrategies is how many strategies a cut leaves at least: enough to compare.
const fewStrategies = 4

// Cut leaves out what the budget has no room for, so that each cell that stays gets the
// rounds that an interval needs. First it leaves out strategies from the last on, but for
// four of them; then numbers of CPUs that aren't among
// keep, those first that lie nearest between others; then it lowers the rounds from most
// to least; then it leaves out variants from the last on. Something always stays, however
// small the budget.
//
// It goes by what samples cost at least, and nothing that is measured, so that it cuts in
// the same way each time.
func (s Selection) Cut(budget time.Duration, most, least int, keep []int) Cut {
	c := Cut{Selection: s, Rounds: most, Whole: s.cost(most).Round(time.Second) + time.Second}
	c.Selection.CPUs = slices.Sorted(slices.Values(s.CPUs))
	ss := s.Strategies
	for len(ss) > fewStrategies && c.Selection.cost(least) > budget {
		ss = ss[:len(ss)-1]
		c.Selection.Strategies = ss
	}
	c.Strategies = s.Strategies[len(ss):]
	for c.Selection.cost(most) > budget {
		i := mostCrowded(c.Selection.CPUs, keep)
		if i < 0 {
			break
		}
		c.CPUs = append(c.CPUs, c.Selection.CPUs[i])
		c.Selection.CPUs = slices.Delete(c.Selection.CPUs, i, i+1)
	}
	slices.Sort(c.CPUs)
	vs := c.Selection.Variants
	for len(vs) > 1 && c.Selection.cost(least) > budget {
		vs = vs[:len(vs)-1]
		c.Selection.Variants = vs
	}
	c.Variants = s.Variants[len(vs):]
	for c.Rounds > least && c.Selection.cost(c.Rounds) > budget {
		c.Rounds--
	}
	return c
}

// mostCrowded returns the index of the number that may go and whose neighbours are nearest
// to each other on a logarithmic scale, the largest of several; -1 if none may go.
func mostCrowded(ns, keep []int) int {
	at, least := -1, 0.0
	for i := 1; i+1 < len(ns); i++ {
		if slices.Contains(keep, ns[i]) {
			continue
		}
		if gap := float64(ns[i+1]) / float64(ns[i-1]); at < 0 || gap <= least {
			at, least = i, gap
		}
	}
	return at
}

// cost returns how long it takes at least to measure the selection.
func (s Selection) cost(rounds int) time.Duration {
	var each time.Duration // a sample on each number of CPUs
	for _, n := range s.CPUs {
		each += sampleCost(n)
	}
	pairs := 0
	for _, v := range s.Variants {
		for _, st := range s.Strategies {
			if v.Workload.Unsupported(st) == "" {
				pairs++
			}
		}
	}
	return time.Duration(rounds*pairs) * each
}

// sampleCost returns what the shortest sample takes that is chosen to fit a budget, with what
// is about it: threads are made and bound, instances filled, books closed, lines put on disk.
// On a virtual machine with 2 CPUs and a load of 5 that was 4 ms at best, and 12 ms or less for
// a quarter of the cells. What each thread adds on large machines is a guess.
func sampleCost(cpus int) time.Duration {
	const (
		about  = 8 * time.Millisecond
		thread = 150 * time.Microsecond
	)
	l := Length{Timed: shortestTimed, Checked: shortestTimed / 5}
	return l.Timed + l.warm() + l.Checked + about + time.Duration(cpus)*thread
}

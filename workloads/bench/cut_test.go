package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// selectionOf returns a selection of some workloads, each with two strategies.
func selectionOf(ws int, cpus ...int) Selection {
	s := Selection{Strategies: []*strategies.Strategy{fakeStrategy("first"), fakeStrategy("second")}, CPUs: cpus}
	for i := range ws {
		s.Variants = append(s.Variants, Variant{Workload: fakeWorkload(fmt.Sprintf("w%d", i), nil)})
	}
	return s
}

func TestBudgetCutsCPUsThenRoundsThenWorkloads(t *testing.T) {
	all := []int{1, 2, 4, 8, 16, 24, 32, 48, 64, 96}
	keep := []int{1, 24, 48, 96}
	whole := selectionOf(4, all...)
	landmarks := selectionOf(4, keep...)
	for _, tt := range []struct {
		name      string
		budget    time.Duration
		cpus      []int
		rounds    int
		workloads int
	}{
		{"room for all", whole.cost(10), all, 10, 4},
		{"a moment less", whole.cost(10) - 1, []int{1, 2, 4, 8, 16, 24, 32, 48, 96}, 10, 4},
		{"no room for three numbers", selectionOf(4, 1, 2, 4, 8, 24, 48, 96).cost(10), []int{1, 2, 4, 8, 24, 48, 96}, 10, 4},
		{"landmarks only", landmarks.cost(10), keep, 10, 4},
		{"fewer rounds", landmarks.cost(10) - 1, keep, 9, 4},
		{"fewest rounds", landmarks.cost(6), keep, 6, 4},
		{"fewer workloads", landmarks.cost(6) - 1, keep, 7, 3},
		{"one workload", selectionOf(1, keep...).cost(6), keep, 6, 1},
		{"no room for anything", 0, keep, 6, 1},
	} {
		c := whole.Cut(tt.budget, 10, 6, keep)
		if !slices.Equal(c.Selection.CPUs, tt.cpus) || c.Rounds != tt.rounds || len(c.Selection.Variants) != tt.workloads {
			t.Errorf("%s: %d workloads on %v CPUs in %d rounds, want %d on %v in %d",
				tt.name, len(c.Selection.Variants), c.Selection.CPUs, c.Rounds, tt.workloads, tt.cpus, tt.rounds)
		}
		if cost := c.Selection.cost(c.Rounds); cost > tt.budget && tt.budget > 0 {
			t.Errorf("%s: what stays takes %v, the budget is %v", tt.name, cost, tt.budget)
		}
		back := slices.Sorted(slices.Values(append(slices.Clone(c.CPUs), c.Selection.CPUs...)))
		if !slices.Equal(back, all) || len(c.Variants)+len(c.Selection.Variants) != 4 {
			t.Errorf("%s: left out %v and %d workloads: want what is missing", tt.name, c.CPUs, len(c.Variants))
		}
		if again := whole.Cut(c.Whole, 10, 6, keep); len(again.CPUs)+len(again.Variants) > 0 || again.Rounds != 10 {
			t.Errorf("%s: with the budget for all, %v, %v are left out still, in %d rounds", tt.name, again.CPUs, len(again.Variants), again.Rounds)
		}
	}
	if !slices.Equal(whole.CPUs, all) || len(whole.Variants) != 4 {
		t.Errorf("the selection that was cut has %v CPUs and %d workloads now", whole.CPUs, len(whole.Variants))
	}
}

// Pairs that can't run take no time.
func TestUnsupportedPairsCostNothing(t *testing.T) {
	s := selectionOf(2, 1, 2)
	needy := fakeWorkload("needy", nil)
	needy.Needs = []strategies.Power{strategies.PowerReader}
	more := s
	more.Variants = append(slices.Clone(s.Variants), Variant{Workload: needy})
	if s.cost(10) != more.cost(10) || s.cost(10) <= 0 {
		t.Errorf("%v with a workload that no strategy can run, %v without", more.cost(10), s.cost(10))
	}
	if us := UnsupportedPairs([]*workloads.Workload{needy}, s.Strategies); len(us) != 2 {
		t.Fatalf("unsupported pairs: %v", us)
	}
}

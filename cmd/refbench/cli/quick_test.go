package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/topology/topologytest"
)

// quickOn returns what the quick run would measure on a machine that isn't there.
func quickOn(t *testing.T, m topologytest.Machine, budget time.Duration) bench.Cut {
	t.Helper()
	parts := Builtin()
	variants, err := chooseWorkloads(parts, []string{"all"})
	if err != nil {
		t.Fatal(err)
	}
	ss, err := chooseStrategies(parts, []string{defaultNames})
	if err != nil {
		t.Fatal(err)
	}
	return quickCut(parts, ss, machineOf(t, m), variants, budget)
}

// Whatever the machine, every cell that is measured gets the samples that an interval
// needs, and the numbers of CPUs at which curves bend stay.
func TestQuickRunFitsEveryMachine(t *testing.T) {
	workloads := len(Builtin().Workloads)
	for _, tt := range []struct {
		name   string
		m      topologytest.Machine
		budget time.Duration
		keep   []int // of the CPUs, these at least
		all    bool  // of the workloads
		whole  bool  // nothing is left out
	}{
		{"2 CPUs", topologytest.VM(), quickBudget, []int{1, 2}, true, true},
		{"8 CPUs", topologytest.Arm(), quickBudget, []int{1, 4, 8}, true, false},
		{"96 CPUs", topologytest.Xeon(), quickBudget, []int{1, 24, 48, 96}, true, false},
		{"256 CPUs", topologytest.EPYC(), quickBudget, []int{1, 8, 16, 64, 128, 256}, true, false},
		{"256 CPUs, a short time", topologytest.EPYC(), 10 * time.Second, []int{1, 8, 16, 64, 128, 256}, false, false},
		{"2 CPUs, the shortest time", topologytest.VM(), time.Second, []int{1, 2}, false, false},
	} {
		cut := quickOn(t, tt.m, tt.budget)
		s := cut.Selection
		if cut.Rounds < leastRounds || cut.Rounds > quickRounds {
			t.Errorf("%s: %d rounds, want %d .. %d", tt.name, cut.Rounds, leastRounds, quickRounds)
		}
		for _, n := range tt.keep {
			if !slices.Contains(s.CPUs, n) {
				t.Errorf("%s: %v CPUs, want %d among them", tt.name, s.CPUs, n)
			}
		}
		all, n := len(Builtin().Default), len(s.Strategies)
		if cpus := slices.Max(s.CPUs); n < 4 || n < all && cpus < 96 && tt.all || n == all && cpus >= 96 {
			t.Errorf("%s: %d of %d strategies, want all on few CPUs, and four at least", tt.name, n, all)
		}
		if n := len(s.Variants); (n == workloads) != tt.all || n < 1 {
			t.Errorf("%s: %d of %d workloads, want all: %v", tt.name, n, workloads, tt.all)
		}
		text := leftOut(cut, tt.budget)
		if (text == "") != tt.whole {
			t.Errorf("%s: %q is said of what is left out, want something said: %v", tt.name, text, !tt.whole)
		}
		for _, v := range cut.Variants {
			if !strings.Contains(text, v.Workload.Name) {
				t.Errorf("%s: %q doesn't say that %s is left out", tt.name, text, v.Workload.Name)
			}
		}
		t.Logf("%s: %v CPUs, %d workloads, %d rounds: %s", tt.name, s.CPUs, len(s.Variants), cut.Rounds, text)
		again := quickOn(t, tt.m, cut.Whole)
		if len(again.Strategies)+len(again.CPUs)+len(again.Variants) > 0 || again.Rounds != quickRounds {
			t.Errorf("%s: with --budget %v as it says, %v and %d workloads are left out still", tt.name, cut.Whole, again.CPUs, len(again.Variants))
		}
	}
}

func TestWhatIsLeftOutIsSaidWithHowToGetIt(t *testing.T) {
	cut := quickOn(t, topologytest.Xeon(), 2*time.Second)
	text := leftOut(cut, 2*time.Second)
	for _, want := range []string{"a budget of 2s is too short to measure biased, mutexed, lockref, rcuref and on 2,4,8,16,32,64 CPUs and under ", "buffers: --budget " + cut.Whole.String() + " is long enough"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q, want %q in it", text, want)
		}
	}
}

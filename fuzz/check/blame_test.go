package check

import (
	"testing"
	"time"

	exploredbuiltin "github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	exploredworkloads "github.com/refbench/refbench/fuzz/explored/workloads"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
)

// outside returns a workload that nobody has proven as a subject, in both forms, with the
// strategy under another name. It drops a reference twice if wrong is set.
func outside(native, explored *strategies.Strategy, wrong bool) Subject {
	w, x := *workloads.GetPut, *exploredworkloads.GetPut
	w.Name, x.Name = "lookups", "lookups"
	w.New = func(c workloads.Config) (workloads.Instance, error) {
		c.Wrong = wrong
		return workloads.GetPut.New(c)
	}
	x.New = func(c exploredworkloads.Config) (exploredworkloads.Instance, error) {
		c.Wrong = wrong
		return exploredworkloads.GetPut.New(c)
	}
	s := *native
	y := *explored
	s.Name, y.Name = "mine", "mine"
	return Subject{
		Uses: true, Strategy: &s, Workloads: []*workloads.Workload{&w}, Unproven: []string{"lookups"}, Controls: builtin.All(),
		Explored: scenarios.Forms{
			Strategies: append(exploredbuiltin.All(), &y), Workloads: []*exploredworkloads.Workload{&x},
		},
	}
}

// A wrong workload is to blame for what goes wrong under it, whatever the strategy; a
// wrong strategy is under a right one.
func TestWhoIsToBlame(t *testing.T) {
	checks := []Check{schedules, stressed, loads}
	budget := Budget{Seed: 1, Time: 5 * time.Second, First: true} // it ends with what is found
	budgetOf := func(c Check) Budget {
		b := budget
		if c.Name == loads.Name {
			b.Time = 20 * time.Millisecond // books are looked at in the end
		}
		return b
	}
	native, explored := builtin.All(), exploredbuiltin.All()
	for i, s := range native {
		if s.Name != "atomic" && s.Name != "percpu" { // Kill of others would wait for what is dropped twice
			continue
		}
		for _, c := range checks {
			r := c.Do(t.Context(), outside(s, explored[i], true), budgetOf(c))
			if r.Verdict == Broken || len(r.Misuses) == 0 {
				t.Errorf("%s under a wrong workload, %s: %s %s with %d findings against the workload: %+v", s.Name, c.Name, r.Verdict, r.Reason, len(r.Misuses), r.Findings)
				continue
			}
			if m := r.Misuses[0]; m.Workload != "lookups" || m.Control == "mine" || m.What == "" {
				t.Errorf("%s under a wrong workload, %s: %+v", s.Name, c.Name, m)
			}
			short := Budget{Seed: 1, Time: 50 * time.Millisecond}
			if r := c.Do(t.Context(), outside(s, explored[i], false), short); r.Verdict == Broken || len(r.Misuses) > 0 {
				t.Errorf("%s under a right workload, %s: %s, %+v, %+v", s.Name, c.Name, r.Verdict, r.Findings, r.Misuses)
			}
		}
	}
	// This one says of half of its references that they are the last.
	early := &strategies.Strategy{Name: "early", Doc: "x", Promise: native[0].Promise, New: func() strategies.Counter { return new(earlyCount) }}
	for _, c := range []Check{stressed, loads} {
		if r := c.Do(t.Context(), outside(early, early, false), budgetOf(c)); r.Verdict != Broken || len(r.Misuses) > 0 {
			t.Errorf("a wrong strategy under a right workload, %s: %s, %+v", c.Name, r.Verdict, r.Misuses)
		}
	}
	// A count that is known to be right is never to blame, though it is its own control.
	s := outside(native[0], explored[0], true)
	s.Strategy = native[0]
	if r := schedules.Do(t.Context(), s, budget); r.Verdict == Broken || len(r.Misuses) == 0 {
		t.Errorf("%s under a wrong workload: %s, %+v", s.Strategy, r.Verdict, r.Findings)
	}
}

type earlyCount struct{ n int64 }

func (c *earlyCount) Init()        { c.n = 1 }
func (c *earlyCount) Get()         {}
func (c *earlyCount) TryGet() bool { return true }
func (c *earlyCount) Put() bool    { return true }
func (c *earlyCount) Kill() bool   { return true }

// A count of so few references that nothing is made for it, and which promises nothing past
// them, is said to be that, and not to be right, or to hang.
func TestTooNarrow(t *testing.T) {
	s := *builtin.All()[0]
	s.Promise.Limit, s.Promise.Width = 2, 0
	for _, c := range []Check{schedules, stressed} {
		r := c.Do(t.Context(), Subject{Strategy: &s, Explored: scenarios.Forms{Strategies: []*strategies.Strategy{&s}}}, Budget{Time: time.Millisecond, Timeout: time.Second})
		if r.Verdict != Unsupported || r.Reason != "it counts 2 references at most, and what several threads do needs more than 8" {
			t.Errorf("%s: %s %s", c.Name, r.Verdict, r.Reason)
		}
	}
}

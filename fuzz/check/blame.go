package check

import (
	"maps"
	"slices"
	"strings"

	exploredworkloads "github.com/refbench/refbench/fuzz/explored/workloads"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// A Misuse is a finding of which a workload is to blame, and not the strategy: a count that
// is known to be right goes wrong under it as well.
type Misuse struct {
	Workload string `json:"workload"`
	// Control is the count that is known to be right. The finding is of it.
	Control string `json:"control"`
	Finding
}

// unproven reports whether nobody has proven the workload.
func (s Subject) unproven(workload string) bool { return slices.Contains(s.Unproven, workload) }

// unprovenOf returns the workload that a scenario of the check is of, if nobody has proven
// it, or "".
func (s Subject) unprovenOf(scenario string) string {
	name, _ := strings.CutPrefix(scenario, s.Strategy.Name+"/")
	name, _ = strings.CutSuffix(name, "/wrong")
	if !s.unproven(name) {
		return ""
	}
	return name
}

// accuse returns a finding as one against the workload, if a control goes wrong under it
// too: again tries that, for a few times as long as the finding took. It returns nil if
// the strategy is to blame, or if there is no control that sees zero as it does and can
// run under the workload.
func (s Subject) accuse(workload string, f Finding, unsupported func(*strategies.Strategy) string, again func(control *strategies.Strategy) *Finding) *Misuse {
	if slices.Contains(s.Controls, s.Strategy) {
		return &Misuse{workload, s.Strategy.Name, f}
	}
	for _, c := range s.Controls {
		if c.Promise.Zero != s.Strategy.Promise.Zero || unsupported(c) != "" {
			continue
		}
		if x := again(c); x != nil {
			return &Misuse{workload, c.Name, *x}
		}
		return nil
	}
	return nil
}

// Without returns the subject without workloads, by their names.
func (s Subject) Without(names map[string]bool) Subject {
	if len(names) == 0 {
		return s
	}
	s.Workloads = slices.DeleteFunc(slices.Clone(s.Workloads), func(w *workloads.Workload) bool { return names[w.Name] })
	s.Explored.Workloads = slices.DeleteFunc(slices.Clone(s.Explored.Workloads), func(w *exploredworkloads.Workload) bool { return names[w.Name] })
	s.left = slices.Sorted(maps.Keys(names))
	return s
}

// controlTimes is how many times as long as a finding took a control is tried.
const controlTimes = 4

// misuse adds a finding against a workload.
func (r *Result) misuse(m *Misuse) { r.Misuses = append(r.Misuses, *m) }

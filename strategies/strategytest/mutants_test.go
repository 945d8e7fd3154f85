//go:build !race

package strategytest

import (
	"slices"
	"testing"

	"github.com/refbench/refbench/fuzz/rules"
)

// Not under the race detector: it rightly reports counts that call a reference
// the last too early, and each report fails the process.
func TestMutantsFailTheRulesThatTheyShould(t *testing.T) {
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			s := strategy(m.name, m.promise, m.fresh)
			failed := make(map[string]bool)
			for _, r := range rules.All() {
				if r.Kind == rules.Kernel {
					continue // package rules has the planted counts for those
				}
				err := r.Run(t.Context(), s, rules.Config{Seed: 1, Short: true, Rounds: 50}).Err()
				if err == nil {
					continue
				}
				failed[r.Name] = true
				names := []string{r.Name}
				switch r.Kind {
				case rules.Operation:
					failed["operations"] = true
					names = append(names, "operations")
				case rules.Crossing:
					names = append(names, "crossings")
				}
				if !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(m.must, n) || slices.Contains(m.may, n) }) {
					t.Errorf("%s: fails %s, which has another rule:\n%v", m.rule, r.Name, err)
				}
			}
			for _, name := range m.must {
				if !failed[name] {
					t.Errorf("%s: %s doesn't see it", m.rule, name)
				}
			}
		})
	}
}

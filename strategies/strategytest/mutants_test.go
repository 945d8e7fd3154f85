//go:build !race

package strategytest

import (
	"slices"
	"testing"
)

// Not under the race detector: it rightly reports counts that call a reference
// the last too early, and each report fails the process.
func TestMutantsFailTheCasesThatTheyShould(t *testing.T) {
	cfg := Config{Seed: 1, Short: true}
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			failed, errs := failures(strategy(m.name, m.promise, m.fresh), cfg)
			for _, name := range m.must {
				if !slices.Contains(failed, name) {
					t.Errorf("%s: %s doesn't see it", m.rule, name)
				}
			}
			for i, name := range failed {
				if !slices.Contains(m.must, name) && !slices.Contains(m.may, name) {
					t.Errorf("%s: fails %s, which has another rule:\n%v", m.rule, name, errs[i])
				}
			}
		})
	}
}

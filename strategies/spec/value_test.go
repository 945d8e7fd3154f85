package spec_test

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/strategies/spec"
)

// What Count returns of a saturated count must not look like a number of references,
// from none to the limit.
func TestCountOfASaturatedCountIsNoNumber(t *testing.T) {
	sp := spec.Of(saturating.Strategy)
	limit := saturating.Strategy.Promise.Limit
	for value, number := range map[int64]bool{-1: false, 0: true, 1: true, limit: true, limit + 1: false} {
		_, err := sp.Check(spec.State{Saturated: true}, spec.Call{Op: spec.Count}, spec.Answer{Value: value})
		if number != (err != nil && strings.Contains(err.Error(), "looks like a number of references")) {
			t.Errorf("Count of a saturated count returns %d: %v", value, err)
		}
	}
}

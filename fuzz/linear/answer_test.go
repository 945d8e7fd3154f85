package linear

import (
	"testing"

	"github.com/refbench/refbench/strategies/spec"
)

// What Count returns of a saturated count is no number of references, not even 0 or the
// limit.
func TestSaturatedCountsReadAsNoNumber(t *testing.T) {
	const limit = 10
	for value, want := range map[int64]bool{-1: true, 0: false, 1: false, limit: false, limit + 1: true} {
		o := Op{Call: spec.Call{Op: spec.Count}, Value: value}
		if got := o.fits(spec.Outcome{NoNumber: true}, limit); got != want {
			t.Errorf("Count returned %d of a saturated count with the limit %d: fits %v, want %v", value, limit, got, want)
		}
	}
}

// Bounds are computed with every number that a sum of all calls has room for.
func TestChangesThatAreKnown(t *testing.T) {
	for n, want := range map[int64]bool{0: false, 1: true, maxChange: true, maxChange + 1: false} {
		got, known := Op{Call: spec.Call{Op: spec.GetN, N: n}}.change()
		if known != want || known && got != n {
			t.Errorf("GetN(%d): change %d, known %v, want known %v", n, got, known, want)
		}
	}
}

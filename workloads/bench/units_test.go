package bench

import (
	"testing"

	"golang.org/x/perf/benchfmt"
)

// What a file says of its units tells counts of violations from whatever else is exact and
// better low.
func TestUnitsOfKindsSayThatTheyCountViolations(t *testing.T) {
	of := make(map[string]string)
	for _, r := range unitRecords() {
		if m, ok := r.(*benchfmt.UnitMetadata); ok && m.Key == "of" {
			of[m.Unit] = m.Value
		}
	}
	for _, kind := range kinds() {
		if of[kind] != UnitViolations {
			t.Errorf("unit %s is of %q, want %q", kind, of[kind], UnitViolations)
		}
		delete(of, kind)
	}
	if len(of) > 0 {
		t.Errorf("units that are no kinds say of what they are: %v", of)
	}
}

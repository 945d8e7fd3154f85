//go:build !race

package matrix

import (
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/check"
)

// Not under the race detector, which would report the bugs that race, and this
// process with them.
//
// Where a check on real threads doesn't depend on luck, it finds the bug.
func TestRealThreadsFindWhatTheyShould(t *testing.T) {
	for _, e := range Builtin() {
		for _, c := range check.All() {
			if !c.Threads || !e.Native.Expected[c.Name].Sure {
				continue
			}
			r := c.Do(t.Context(), e.Subject(false), check.Budget{Seed: 1, Time: 20 * time.Second, First: true})
			if r.Verdict != check.Broken {
				t.Errorf("%s: %s didn't find it with seed 1: %s %s after %v", e.Native.Name, c.Name, r.Verdict, r.Reason, r.Tried)
			}
		}
	}
}

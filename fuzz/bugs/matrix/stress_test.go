//go:build !race

package matrix

import (
	"testing"
	"time"
)

// Not under the race detector, which would report the bugs that race, and this
// process with them.
//
// Where an oracle on real threads doesn't depend on luck, it finds the bug.
func TestRealThreadsFindWhatTheyShould(t *testing.T) {
	for _, e := range Builtin() {
		for _, o := range Oracles()[3:5] {
			if !o.Sight(e.Native.Sights).Sure {
				continue
			}
			f, err := o.Run(t.Context(), e, false, Budget{Seed: 1, Time: 20 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if !f.Found {
				t.Errorf("%s: %s didn't find it in %d executions with seed 1", e.Native.Name, o.Name, f.Executions)
			}
		}
	}
}

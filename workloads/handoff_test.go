package workloads_test

import (
	"fmt"
	"testing"

	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
)

// Workers that take turns on one CPU all hand over: nobody keeps his neighbour's
// mailbox half full for ever.
func TestHandoffEverybodyGoesOn(t *testing.T) {
	const turns, least = 1000, 100
	for workers := 1; workers <= 5; workers++ {
		for _, settings := range []string{"", "hops=1", "hops=5", "hops=2,depth=2", "hops=5,depth=2", "hops=3,depth=3", "extra=1,depth=9"} {
			t.Run(fmt.Sprintf("workers=%d/%s", workers, settings), func(t *testing.T) {
				knobs, err := workloads.Handoff.ParseSettings(settings)
				if err != nil {
					t.Fatal(err)
				}
				inst, err := workloads.Handoff.Start(workloads.Handoff.New, workloads.Config{Workers: workers, Knobs: knobs, NewCounter: builtin.All()[0].New})
				if err != nil {
					t.Fatal(err)
				}
				done := make([]int, workers)
				for range turns {
					for w := range done {
						done[w] += inst.Work(w, 256)
					}
				}
				for w, n := range done {
					if n < least {
						t.Errorf("worker %d handed over %d references in %d turns, want at least %d; all: %d", w, n, turns, least, done)
					}
				}
				if err := inst.Close().Err(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

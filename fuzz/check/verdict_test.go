package check

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/strategies/spec"
)

// TestWhatTheExplorerCantTellIsUnknown: what isn't modelled, and what differs from one
// execution to the next, is no broken promise.
func TestWhatTheExplorerCantTellIsUnknown(t *testing.T) {
	calls := 0
	for name, put := range map[string]func(){
		"unsupported": func() {
			var never sync.Mutex
			never.Lock()
			for range explore.MaxThreads {
				explore.Go(never.Lock)
			}
		},
		"nondeterministic": func() {
			// No execution makes a multiple of so many calls, or it would be wrong each time.
			if calls++; calls%101 == 3 {
				explore.Failf("now and then")
			}
		},
	} {
		s := subject(name, nil)
		_, s.Explored.Strategies[0] = strategy(name, func(c *count) {
			c.hook = func(op spec.Op) {
				if op == spec.Put {
					put()
				}
			}
		})
		r := find(t, "schedules").Do(context.Background(), s, Budget{Time: 300 * time.Millisecond, Each: 300, Seed: 1})
		if r.Verdict != Unknown || !strings.Contains(r.Reason, name) {
			t.Errorf("%s: %s, reason %q, findings %+v, want %s", name, r.Verdict, r.Reason, r.Findings, Unknown)
		}
	}
}

// TestScenariosAreCountedAsTried: scenarios for which there was no time are not.
func TestScenariosAreCountedAsTried(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := schedules.Run(ctx, subject("right", nil), Budget{Time: time.Second, Seed: 1})
	for _, a := range r.Tried {
		if a.N != 0 {
			t.Errorf("%d %s tried after an interrupt", a.N, a.Unit)
		}
	}
}

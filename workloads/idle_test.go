package workloads_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
)

// books runs a workload with the first strategy that can, checked, and returns its
// books. They must balance.
func books(t *testing.T, w *workloads.Workload, settings string, workers, ops int) workloads.Books {
	t.Helper()
	knobs, err := w.ParseSettings(settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range builtin.All() {
		if w.Unsupported(s) != "" {
			continue
		}
		inst, err := w.Start(w.New, workloads.Config{Workers: workers, Seed: 1, Knobs: knobs, NewCounter: s.New, Checked: true})
		if err != nil {
			t.Fatal(err)
		}
		b := run(t, inst, workers, ops)
		if err := b.Err(); err != nil {
			t.Errorf("%s, %s: %v", w, s, err)
		}
		return b
	}
	t.Fatalf("no strategy supports %s", w)
	return workloads.Books{}
}

// Idle peers are found again; only the collector frees them, once they are old.
func TestIdlePeersLiveUntilTheyAreCollected(t *testing.T) {
	if b := books(t, workloads.InetPeer, "addresses=50,hot=0,ttl=1048576,pause=1", 2, 10_000); b.Lives != 50 {
		t.Errorf("%d peers were made for 50 addresses though none was ever old", b.Lives)
	}
	if b := books(t, workloads.InetPeer, "addresses=50,hot=0,ttl=0,pause=1", 2, 10_000); b.Lives < 100 {
		t.Errorf("%d peers were made for 50 addresses: the collector frees none", b.Lives)
	}
	if b := books(t, workloads.InetPeer, "addresses=50,hot=0,create=0", 2, 10_000); b.Lives != 1 {
		t.Errorf("%d peers though nobody made any", b.Lives)
	}
}

// A removed destination is taken from the trash if it comes back in time, and is
// dropped if not.
func TestTrashGivesBackOrDrops(t *testing.T) {
	if b := books(t, workloads.IPVSDest, "destinations=8,pause=1,period=1048576", 2, 10_000); b.Lives != 8 {
		t.Errorf("%d destinations were made in 8 places though the trash keeps them", b.Lives)
	}
	if b := books(t, workloads.IPVSDest, "destinations=8,pause=1,period=0", 2, 10_000); b.Lives < 16 {
		t.Errorf("%d destinations were made in 8 places: the trash drops none", b.Lives)
	}
}

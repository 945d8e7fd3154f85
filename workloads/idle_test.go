package workloads_test

import (
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/strategies"
	plain "github.com/refbench/refbench/strategies/atomic"
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

// mostLives runs a workload until it has had more than so many lives, which is a
// matter of when its roles come to act, but not more than 50 times.
func mostLives(t *testing.T, w *workloads.Workload, settings string, than uint64) (most uint64) {
	t.Helper()
	for range 50 {
		if most = max(most, books(t, w, settings, 2, 10_000).Lives); most > than {
			break
		}
	}
	return most
}

// Idle peers are found again; only the collector frees them, once they are old.
func TestIdlePeersLiveUntilTheyAreCollected(t *testing.T) {
	if b := books(t, workloads.InetPeer, "addresses=50,hot=0,ttl=1048576,pause=1", 2, 10_000); b.Lives != 50 {
		t.Errorf("%d peers were made for 50 addresses though none was ever old", b.Lives)
	}
	if n := mostLives(t, workloads.InetPeer, "addresses=50,hot=0,ttl=0,pause=1", 50); n <= 50 {
		t.Errorf("%d peers were made for 50 addresses: the collector frees none", n)
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
	if n := mostLives(t, workloads.IPVSDest, "destinations=8,pause=1,period=0", 8); n <= 8 {
		t.Errorf("%d destinations were made in 8 places: the trash drops none", n)
	}
}

// A reviving count tells of resurrections from zero.
type reviving struct {
	plainCount
	from0 *atomic.Int64
}

type plainCount = plain.Count // embedded by a name that hides no method

func (r *reviving) Resurrect() {
	if r.Count() == 0 {
		r.from0.Add(1)
	}
	r.plainCount.Resurrect()
}

// Unused dentries are resurrected on a hit while they are kept, and only the
// reaper frees them.
func TestUnusedDentriesAreResurrectedOrReaped(t *testing.T) {
	for _, c := range []struct {
		settings string
		reaped   bool
	}{
		{"names=64,hot=0,keep=1024,pause=1", false},
		{"names=64,hot=0,keep=0,pause=1", true},
	} {
		knobs, err := workloads.Dentry.ParseSettings(c.settings)
		if err != nil {
			t.Fatal(err)
		}
		var from0 atomic.Int64
		inst, err := workloads.Dentry.Start(workloads.Dentry.New, workloads.Config{
			Workers: 2, Knobs: knobs, Checked: true,
			NewCounter: func() strategies.Counter { return &reviving{from0: &from0} },
		})
		if err != nil {
			t.Fatal(err)
		}
		b := run(t, inst, 2, 10_000)
		if err := b.Err(); err != nil {
			t.Errorf("%s: %v", c.settings, err)
		}
		if from0.Load() == 0 {
			t.Errorf("%s: no dentry was resurrected", c.settings)
		}
		// Two may make the same name at the same time, and one is given up.
		if c.reaped != (b.Lives > 2*64) {
			t.Errorf("%s: %d dentries were made for 64 names", c.settings, b.Lives)
		}
	}
}

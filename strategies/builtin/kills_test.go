package builtin_test

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/rendezvous"
)

// TestKillBesideRunningCounters: while others take and drop references as fast as they can, Kill
// loses none and counts none twice: of each life one drop is the last, and afterwards nobody takes
// a reference. REFBENCH_KILLS is how many lives each count has.
func TestKillBesideRunningCounters(t *testing.T) {
	lives := 1000
	if text := os.Getenv("REFBENCH_KILLS"); text != "" {
		var err error
		if lives, err = strconv.Atoi(text); err != nil {
			t.Fatalf("REFBENCH_KILLS=%s: %v", text, err)
		}
	}
	seed := rand.Uint64()
	for _, s := range builtin.All() {
		if s.Promise.Zero != strategies.AfterKill {
			continue // others see zero on one word, or Kill waits
		}
		t.Run(s.Name, func(t *testing.T) {
			const (
				workers = 3
				after   = 20_000 // references that a worker takes at most once Kill has returned
			)
			var killed, stubborn, patient atomic.Bool
			var begun atomic.Int64
			c := s.New()
			take, drop := func(int) bool { return c.TryGet() }, func(int) bool { return c.Put() }
			if _, ok := c.(strategies.Acting); ok {
				take = func(worker int) bool { return strategies.TryGetAs(c.(strategies.Acting), worker+1) }
				drop = func(worker int) bool { return strategies.PutAs(c.(strategies.Acting), worker+1) }
			}
			var last, taken atomic.Int64
			told := func(is bool) {
				if is {
					last.Add(1)
				}
			}
			rngs := make([]*rand.Rand, workers)
			for i := range rngs {
				rngs[i] = rand.New(rand.NewPCG(seed, uint64(i)))
			}
			g := rendezvous.New(workers, func(worker int) {
				if worker == 0 {
					for patient.Load() && begun.Load() < workers-1 {
						runtime.Gosched()
					}
					for range rngs[0].IntN(200) {
						if take(0) {
							told(drop(0))
						}
					}
					told(c.Kill())
					killed.Store(true)
					return
				}
				n := int64(0)
				holds, late := take(worker), 0
				begun.Add(1)
				for ; holds; holds = late < after && take(worker) {
					if killed.Load() {
						late++ // a count that has lost something may go on for ever
					}
					// Some are dropped when the count is killed already.
					if rngs[worker].IntN(4) == 0 && take(worker) {
						told(drop(worker))
						n++
					}
					told(drop(worker))
					if n++; n%64 == 0 && !stubborn.Load() {
						runtime.Gosched() // who kills may wait for this CPU
					}
				}
				taken.Add(n)
			})
			defer g.Close()
			for life := range lives {
				last.Store(0)
				killed.Store(false)
				// In some lives nobody gives its CPU away, and so loses it anywhere: in the middle of
				// an operation, too, which takes a time slice of the scheduler.
				stubborn.Store(life%8 == 0)
				// In half of them Kill waits until the others count, which on a single CPU they may not do
				// before it otherwise.
				patient.Store(life%2 == 1)
				begun.Store(0)
				if !s.Promise.TypeStable {
					c = s.New() // the memory's next life would need a grace period
				}
				c.Init()
				if !g.Round() {
					t.Fatal("abandoned")
				}
				if last.Load() != 1 || c.TryGet() {
					t.Fatalf("life %d, seed %d: %d drops were the last, want 1 and then no more references", life, seed, last.Load())
				}
			}
			t.Logf("%d lives, %d references taken by the two that go on", lives, taken.Load())
			if taken.Load() < int64(lives) {
				t.Errorf("%d references in %d lives: nothing was counted beside Kill", taken.Load(), lives)
			}
		})
	}
}

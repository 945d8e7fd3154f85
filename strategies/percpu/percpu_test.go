package percpu_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/pin"
)

// seed returns the seed of a random test and prints it with the failure.
func seed(t *testing.T) *rand.Rand {
	t.Helper()
	s := uint64(time.Now().UnixNano())
	t.Logf("seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

func TestZeroIsSeenOnlyAfterKill(t *testing.T) {
	var c percpu.Count
	c.Init()
	if c.Put() || c.IsZero() {
		t.Error("Put of the only reference was seen before Kill")
	}
	c.Get() // give back what was dropped
	if !c.Kill() {
		t.Error("Kill of the only reference isn't the last")
	}
	if !c.IsZero() || c.Count() != 0 {
		t.Errorf("count %d after the last reference", c.Count())
	}
	if c.TryGet() || c.TryGetLive() || c.TryGetN(3) {
		t.Error("TryGet of a dead count succeeded")
	}
}

func TestAfterKillReferencesLeftKeepItAlive(t *testing.T) {
	var c percpu.Count
	c.Init()
	c.GetN(2)
	if c.Kill() {
		t.Fatal("Kill reported the last of three references")
	}
	if c.TryGetLive() {
		t.Error("TryGetLive succeeded after Kill")
	}
	if !c.TryGet() {
		t.Error("TryGet failed with references left")
	}
	if c.PutN(2) || c.Count() != 1 {
		t.Errorf("count %d, want 1", c.Count())
	}
	if !c.Put() {
		t.Error("the last Put wasn't reported")
	}
}

func TestConfirmIsCalledBeforeTheOwnersReferenceDrops(t *testing.T) {
	var c percpu.Count
	c.Init()
	confirmed := false
	last := c.KillAndConfirm(func() {
		confirmed = true
		if c.Count() != 1 {
			t.Errorf("count %d in confirm, want the owner's 1", c.Count())
		}
		if c.TryGetLive() {
			t.Error("TryGetLive succeeded in confirm")
		}
	})
	if !confirmed || !last {
		t.Errorf("confirmed %v, last %v", confirmed, last)
	}
}

func TestModes(t *testing.T) {
	var c percpu.Count
	c.InitAtomic()
	if !c.Put() {
		t.Error("shared mode doesn't see zero at once")
	}
	c.InitDead()
	if c.TryGet() || c.TryGetLive() || !c.IsZero() {
		t.Error("a count that starts dead isn't")
	}
	c.Reinit()
	c.Get()
	c.SwitchToAtomic()
	c.SwitchToAtomic() // again: no effect
	if c.Count() != 2 {
		t.Errorf("count %d in shared mode, want 2", c.Count())
	}
	c.SwitchToPerCPU()
	c.SwitchToPerCPU()
	c.Get()
	if c.Count() != 3 {
		t.Errorf("count %d in per-CPU mode, want 3", c.Count())
	}
	if c.Kill() {
		t.Error("Kill with two more references is the last")
	}
	c.SwitchToPerCPU() // a killed count stays in shared mode
	if c.TryGetLive() {
		t.Error("SwitchToPerCPU brought a killed count back")
	}
	c.ResurrectLive()
	if !c.TryGetLive() || c.Count() != 4 {
		t.Errorf("count %d after ResurrectLive and TryGetLive, want 4", c.Count())
	}
	c.PutN(3)
	if !c.Kill() {
		t.Error("the last reference wasn't seen in the second life")
	}
}

// The words are never cleared, so a second life starts from what the first left
// in them.
func TestReferencesDroppedOnOtherCPUsBalance(t *testing.T) {
	if pin.CPUs() < 2 {
		t.Skip("needs two Ps")
	}
	var c percpu.Count
	for life := range 100 {
		c.Init()
		// Take here, drop wherever the other goroutine runs.
		const n = 100
		taken := make(chan bool, n)
		var wg sync.WaitGroup
		wg.Go(func() {
			for range taken {
				if c.Put() {
					t.Errorf("life %d: a Put before Kill was the last", life)
				}
			}
		})
		for range n {
			c.Get()
			taken <- true
		}
		close(taken)
		wg.Wait()
		if c.Count() != 1 {
			t.Fatalf("life %d: count %d, want the owner's 1", life, c.Count())
		}
		if !c.Kill() {
			t.Fatalf("life %d: Kill wasn't the last", life)
		}
	}
}

// At every instant in which nobody is inside an operation, the count is the
// model's, whatever the mode and however often it changes.
func TestSwitchesLoseNothing(t *testing.T) {
	r := seed(t)
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	goroutines := 2 * pin.CPUs()
	for round := range rounds {
		var c percpu.Count
		c.Init()
		var held, lasts atomic.Int64
		var users, switcher sync.WaitGroup
		var stop atomic.Bool
		for range goroutines {
			g := rand.New(rand.NewPCG(r.Uint64(), 1))
			users.Go(func() {
				mine := 0
				for range 500 {
					switch {
					case mine > 0 && g.IntN(2) == 0:
						if c.Put() {
							lasts.Add(1)
						}
						mine--
					case g.IntN(4) == 0:
						if !c.TryGet() {
							t.Error("TryGet failed on a count that its owner holds")
							return
						}
						mine++
					default:
						c.Get()
						mine++
					}
					if g.IntN(64) == 0 {
						runtime.Gosched()
					}
				}
				held.Add(int64(mine))
			})
		}
		switcher.Go(func() {
			for i := 1; !stop.Load(); i++ {
				if i%16 == 0 {
					runtime.Gosched() // the users may have no other P
				}
				c.SwitchToAtomic()
				if n := c.Count(); n < 1 {
					t.Errorf("round %d: count %d right after the switch", round, n)
				}
				c.SwitchToPerCPU()
			}
		})
		users.Wait()
		stop.Store(true)
		switcher.Wait()
		if got, want := c.Count(), held.Load()+1; got != want || lasts.Load() != 0 {
			t.Fatalf("round %d: count %d, want %d; %d Puts were the last", round, got, want, lasts.Load())
		}
		last := c.Kill()
		for held.Add(-1) >= 0 {
			if last {
				t.Fatalf("round %d: the last reference was reported with %d left", round, held.Load()+1)
			}
			last = c.Put()
		}
		if !last {
			t.Fatalf("round %d: nobody saw the last reference", round)
		}
	}
}

// Kill races with TryGetLive: once confirm is called, none succeeds.
func TestNoTryGetLiveSucceedsAfterConfirm(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	for round := range rounds {
		var c percpu.Count
		c.Init()
		var confirmed atomic.Bool
		var late, started atomic.Int64
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				started.Add(1)
				for i := 0; ; i++ {
					if i%16 == 0 {
						runtime.Gosched() // the killer needs a P too
					}
					after := confirmed.Load()
					if !c.TryGetLive() {
						return
					}
					if after {
						late.Add(1)
					}
					c.Put()
				}
			})
		}
		for started.Load() < 2 {
			runtime.Gosched()
		}
		c.KillAndConfirm(func() { confirmed.Store(true) })
		wg.Wait()
		if late.Load() != 0 {
			t.Fatalf("round %d: %d TryGetLive succeeded after confirm", round, late.Load())
		}
	}
}

// Ps that come after Init have no word. They count on the shared word.
func TestMoreProcessorsThanWords(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	var c percpu.Count
	c.Init()
	runtime.GOMAXPROCS(4)
	current := func() int {
		defer pin.Unpin()
		return pin.Pin()
	}
	var wg sync.WaitGroup
	var beyond atomic.Int64 // rounds on a P without a word
	for range 8 {
		wg.Go(func() {
			for beyond.Load() < 4000 {
				at := current()
				c.Get()
				if !c.TryGetLive() {
					t.Error("TryGetLive failed before Kill")
				}
				if !c.TryGet() {
					t.Error("TryGet failed before Kill")
				}
				if c.Put() {
					t.Error("a Put before Kill was the last")
				}
				c.PutN(2)
				if at > 0 && current() == at {
					beyond.Add(1)
				}
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	if c.Count() != 1 || !c.Kill() {
		t.Errorf("count %d at the end, want the owner's 1 and then 0", c.Count())
	}
}

package pin

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// On each P an addition goes to that P's word, whichever way it takes there, and nowhere if
// the mode isn't 0.
func TestTallyAddsOnTheOwnWord(t *testing.T) {
	const most = 12 // more than have a jump of their own
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(most))
	t.Logf("by: %s", Way())
	eachWay(t, func(t *testing.T) {
		var tally Tally
		tally.Make()
		// As many goroutines as Ps, none of which ends before all Ps have been seen.
		var seen [most]atomic.Bool
		var count atomic.Int64
		var wg sync.WaitGroup
		for range most {
			wg.Go(func() {
				for i := 0; count.Load() < most; i++ {
					cpu := Pin()
					w := &tally.Words[cpu].Word
					before := w.Load()
					ok := Add(&tally, 5) && Add(&tally, -3)
					after := w.Load()
					Unpin()
					if !ok || after != before+2*One {
						t.Errorf("P %d: added %v, the word went from %d to %d, want %d", cpu, ok, before, after, before+2*One)
						return
					}
					if !seen[cpu].Swap(true) {
						count.Add(1)
					}
					if i == 1<<30 {
						t.Errorf("%d of %d Ps seen in %d additions", count.Load(), most, i)
						return
					}
				}
			})
		}
		wg.Wait()
		few := Tally{Words: tally.Words[:0]}
		if Add(&few, 1) {
			t.Error("an addition on a P without a word counted")
		}
		tally.Mode.Store(1)
		before := tally.Words[0].Word.Load()
		if Add(&tally, 1) || tally.Words[0].Word.Load() != before {
			t.Error("an addition counted in another mode")
		}
	})
}

// Nothing is lost while goroutines move from P to P, and once the mode is another, the barrier
// has passed and no word is busy, nothing is added any more.
func TestTallyIsFinalOnceNoWordIsBusy(t *testing.T) {
	const goroutines, rounds = 3, 2000
	eachWay(t, func(t *testing.T) {
		var tally Tally
		tally.Make()
		var sum int64
		for r := range rounds {
			tally.Mode.Store(0)
			var counted [goroutines]int64
			var wg sync.WaitGroup
			for i := range goroutines {
				wg.Go(func() {
					for Add(&tally, 1) {
						if counted[i]++; counted[i]%64 == 0 {
							runtime.Gosched()
						}
					}
				})
			}
			for range r % 50 {
				runtime.Gosched()
			}
			tally.Mode.Store(1)
			Barrier()
			got := int64(0)
			for i := range tally.Words {
				w := &tally.Words[i].Word
				for w.Load()&Busy != 0 {
					runtime.Gosched()
				}
				got += w.Load() / One
			}
			wg.Wait()
			for _, n := range counted {
				sum += n
			}
			if got != sum {
				t.Fatalf("round %d: %d in the words when the mode had changed, and %d added", r, got, sum)
			}
		}
	})
}

package section

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestZeroWordsAreClosedAndEmpty(t *testing.T) {
	var w Words
	if Add(&w, 1) || !w.Closed() || w.Sum() != 0 || w.Close() {
		t.Errorf("zero Words: closed %v, sum %d; want true, 0, and that nothing is added or closed", w.Closed(), w.Sum())
	}
}

func TestWordsCountWhileTheyAreOpen(t *testing.T) {
	t.Logf("this process adds by: %s", Way())
	var w Words
	for life := range 3 {
		w.Open()
		if w.Closed() {
			t.Fatalf("life %d: closed after Open", life)
		}
		counted := int64(0)
		for _, n := range []int64{1, -1, 5, 1 << 62, -1 << 63, -7} {
			if Add(&w, n) {
				counted += n
			}
		}
		if !w.Close() || w.Close() {
			t.Errorf("life %d: the first Close doesn't report that they were open, or the second does", life)
		}
		if Add(&w, 1) || w.Sum() != counted {
			t.Errorf("life %d: sum %d after Close, want %d and no Add after", life, w.Sum(), counted)
		}
	}
}

// number returns how often a test does what it does: as the environment variable says, or few
// enough for any test run.
func number(t *testing.T, variable string, few int) int {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		return few
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number of 1 or more", variable, v)
	}
	return n
}

// rounds opens and closes words while counters count on them, and returns in how many rounds
// the sum that was taken when close had returned isn't what was counted, and how far it was
// off in the worst.
func rounds(w *Words, n int, close func()) (wrong int, worst int64) {
	const counters = 3
	var round, resting atomic.Int64
	var counted [counters]struct {
		n int64
		_ [128]byte
	}
	var wg sync.WaitGroup
	w.Open()
	for i := range counters {
		wg.Go(func() {
			for r := int64(0); r < int64(n); r++ {
				for round.Load() <= r {
					runtime.Gosched()
				}
				var mine int64
				for Add(w, 1) {
					if mine++; mine%64 == 0 {
						runtime.Gosched() // there may be no P for who closes
					}
				}
				counted[i].n = mine
				resting.Add(1)
			}
		})
	}
	for r := range n {
		if r > 0 {
			w.Open()
		}
		round.Store(int64(r + 1))
		for w.Sum() < int64(r%97) {
			runtime.Gosched() // they have begun, most times
		}
		close()
		sum := w.Sum()
		for resting.Load() != int64(counters*(r+1)) {
			runtime.Gosched()
		}
		for i := range counted {
			sum -= counted[i].n
		}
		if sum != 0 {
			wrong++
			if max(sum, -sum) > max(worst, -worst) {
				worst = sum
			}
		}
	}
	wg.Wait()
	return wrong, worst
}

// When Close has returned, the sum is all that was ever counted: nobody who was on the way
// comes later.
func TestSumIsFinalWhenCloseReturns(t *testing.T) {
	n := number(t, "REFBENCH_CLOSINGS", 2000)
	var w Words
	start := time.Now()
	if wrong, worst := rounds(&w, n, func() { w.Close() }); wrong > 0 {
		t.Errorf("%s: in %d of %d rounds the sum wasn't final, once off by %d", Way(), wrong, n, worst)
	}
	t.Logf("%s: %d rounds in %v", Way(), n, time.Since(start).Round(time.Millisecond))
}

package pin_test

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/refbench/refbench/strategies/pin"
)

func TestPinReturnsAProcessorBelowCPUs(t *testing.T) {
	for range 1000 {
		cpu := pin.Pin()
		inner := pin.Pin() // pins nest
		pin.Unpin()
		pin.Unpin()
		if cpu != inner {
			t.Fatalf("moved from P %d to %d while pinned", cpu, inner)
		}
		if cpu < 0 || cpu >= pin.CPUs() {
			t.Fatalf("Pin gave %d of %d CPUs", cpu, pin.CPUs())
		}
	}
}

// Two pinned goroutines never have the same P: their plain increments of the P's
// own word are all there in the end.
func TestWordsOfPinnedGoroutinesAreTheirOwn(t *testing.T) {
	const goroutines, each = 8, 20_000
	words := pin.NewLines[pin.Word]()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range each {
				w := &words[pin.Pin()].Word
				w.Store(w.Load() + 1)
				pin.Unpin()
				if i%64 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	var sum int64
	for i := range words {
		sum += words[i].Word.Load()
	}
	if sum != goroutines*each {
		t.Errorf("sum of words %d after %d increments", sum, goroutines*each)
	}
}

// Words of different Ps are LineBytes apart, and Ps that came later share the first one's.
func TestLines(t *testing.T) {
	lines := pin.NewLines[atomic.Int64]()
	if size := unsafe.Sizeof(lines[0]); len(lines) != pin.CPUs() || size != pin.LineBytes {
		t.Errorf("%d lines of %d bytes, want %d of %d", len(lines), size, pin.CPUs(), pin.LineBytes)
	}
	cpu := pin.Pin()
	own, shared := lines.Own(), lines[:1].Own()
	pin.Unpin()
	if own != &lines[cpu].Word || shared != &lines[0].Word {
		t.Errorf("on P %d its own word isn't found, or where there is but one, that one", cpu)
	}
}

// A call of Own is as cheap as looking the word up by hand: only CPU is called.
func TestOwnInlines(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-m", "../xnupcpu")
	cmd.Env = append(os.Environ(), "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build -gcflags=-m: %v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("inlining call to pin.Lines[go.shape")) {
		t.Error("Lines.Own doesn't inline any more: each use of it costs a call")
	}
}

// The promise of Barrier, as the package doc states it: either the pinned
// goroutine sees the new mode, or the other one sees it busy. The test plays the
// two against each other and counts the rounds in which neither did.
func TestBarrierOrdersModeAndBusy(t *testing.T) {
	missed, rounds := dekker(t, pin.Barrier)
	if missed > 0 {
		t.Errorf("in %d of %d rounds the pinned goroutine saw the old mode and the other didn't see it busy (barrier: %s)",
			missed, rounds, pin.BarrierKind())
	}
}

// Without the barrier the same test fails where words are plain memory, so it
// can. It needs two CPUs that run at the same time.
func TestBarrierIsNeeded(t *testing.T) {
	if !pin.Plain {
		t.Skip("words are atomic here: no barrier is needed")
	}
	if runtime.GOMAXPROCS(0) < 2 || runtime.NumCPU() < 2 {
		t.Skip("needs two CPUs")
	}
	// The first try sees it, unless other programs have one of the CPUs.
	const patience = 2 * time.Minute
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if missed, _ := dekker(t, func() {}); missed > 0 {
			return
		}
	}
	t.Errorf("without a barrier nothing was missed either in %v: the test sees nothing", patience)
}

// dekker plays rounds of: one side announces itself busy on its word and reads
// the mode; the other changes the mode, calls barrier and reads the word. It
// returns in how many rounds neither saw the other.
func dekker(t *testing.T, barrier func()) (missed, rounds int) {
	t.Helper()
	rounds = 30_000
	if testing.Short() {
		rounds = 5_000
	}
	type line struct {
		_ [pin.LineBytes]byte
	}
	var s struct {
		_    line
		busy pin.Word
		_    line
		mode atomic.Int64
		_    line
		// round starts both sides, done counts who has finished.
		round atomic.Int64
		_     line
		done  atomic.Int64
		_     line
	}
	sawOld := make([]bool, rounds)
	go func() {
		for r := range rounds {
			for s.round.Load() != int64(r+1) {
				runtime.Gosched()
			}
			pin.Pin()
			s.busy.Store(int64(r + 1))
			sawOld[r] = s.mode.Load() != int64(r+1)
			pin.Unpin()
			s.done.Add(1)
		}
	}()
	for r := range rounds {
		s.round.Store(int64(r + 1))
		// A varying delay makes the two meet in some of the rounds.
		for range r % 97 {
		}
		if pin.Plain {
			// A plain store in place of mode.Store, whose XCHG on
			// amd64 would be a barrier of its own.
			plainStore(&s.mode, int64(r+1))
		} else {
			s.mode.Store(int64(r + 1))
		}
		barrier()
		sawIdle := s.busy.Load() != int64(r+1)
		for s.done.Load() != int64(r+1) {
			runtime.Gosched()
		}
		if sawOld[r] && sawIdle {
			missed++
		}
	}
	return missed, rounds
}

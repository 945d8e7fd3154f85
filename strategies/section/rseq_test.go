//go:build linux && (amd64 || arm64) && !race

package section

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// needSections skips where this process has no sections, with the reason.
func needSections(t *testing.T) {
	t.Helper()
	if d := decide(); d.why != "" {
		t.Skipf("this process has no sections: %s", d.why)
	}
}

// A stress is threads that count on the same words while others keep moving them from CPU to
// CPU and interrupting them.
type stress struct {
	threads int
	each    int // additions of a thread
}

// run returns what the words should hold and do hold, and how many sections were cut off.
func (s stress) run(t *testing.T) (want, got int64, cut uint64) {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	var on []int
	for cpu := range maxCPUs {
		if set.IsSet(cpu) {
			on = append(on, cpu)
		}
		if len(on) == set.Count() {
			break
		}
	}
	// One P for each, so that the kernel shares out the CPUs, and not Go's scheduler.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(s.threads + 2))
	var w Words
	w.Open()
	before := atomic.LoadUint64(&aborts)
	ids := make([]atomic.Int64, s.threads)
	var other atomic.Int64 // counted elsewhere
	var done atomic.Bool
	var workers, movers sync.WaitGroup
	for i := range s.threads {
		workers.Go(func() {
			runtime.LockOSThread() // for good: the thread ends with the goroutine, and what bound it too
			ids[i].Store(int64(unix.Gettid()))
			defer ids[i].Store(0)
			missed := int64(0)
			for range s.each {
				if !Add(&w, 1) {
					missed++
				}
			}
			other.Add(missed)
		})
	}
	movers.Go(func() {
		for k := 0; !done.Load(); k++ {
			id := int(ids[k%len(ids)].Load())
			if id == 0 {
				runtime.Gosched()
				continue
			}
			var one unix.CPUSet
			one.Set(on[k/len(ids)%len(on)])
			// It may have ended, or another thread may have its ID: both do no harm.
			_ = unix.SchedSetaffinity(id, &one)
			_ = unix.Tgkill(os.Getpid(), id, unix.SIGURG)
			time.Sleep(20 * time.Microsecond)
		}
	})
	workers.Wait()
	done.Store(true)
	movers.Wait()
	w.Close()
	return int64(s.threads * s.each), w.Sum() + other.Load(), atomic.LoadUint64(&aborts) - before
}

// additions returns how many the stress makes.
func additions(t *testing.T) int { return number(t, "REFBENCH_SECTIONS", 40_000_000) }

// tries is how often something that is up to when the kernel interrupts whom is tried: work,
// and not time, which a busy machine has less of.
const tries = 200

// Threads that are moved and interrupted in the middle of sections lose nothing, and the
// kernel does cut sections off.
func TestNothingIsLostWhenThreadsAreMoved(t *testing.T) {
	needSections(t)
	const threads = 4
	var cut uint64
	// Whether any is cut off is up to when the kernel moves whom.
	for range tries {
		s := stress{threads, additions(t) / threads}
		want, got, n := s.run(t)
		if got != want {
			t.Fatalf("%s: %d additions by %d threads that were moved are %d in the words", Way(), want, threads, got)
		}
		cut += n
		t.Logf("%s: %d additions, %d sections cut off", Way(), want, n)
		if cut > 0 {
			return
		}
	}
	t.Errorf("no section was cut off in %d tries: the test sees nothing", tries)
}

// The same without the descriptor, which says where the section is, loses some: so the test
// above can fail.
func TestWithoutTheDescriptorSomeAreLost(t *testing.T) {
	needSections(t)
	if runtime.NumCPU() < 2 {
		t.Skip("on one CPU an addition is one instruction, which nobody else's can come into: needs two CPUs")
	}
	length := descriptor.length
	descriptor.length = 0 // no instruction is in a section of 0 bytes
	defer func() { descriptor.length = length }()
	const threads = 4
	for range tries {
		s := stress{threads, additions(t) / threads}
		want, got, cut := s.run(t)
		if cut != 0 {
			t.Fatalf("%d sections of 0 bytes were cut off", cut)
		}
		if got != want {
			t.Logf("%d of %d additions lost", want-got, want)
			return
		}
	}
	t.Errorf("nothing was lost in %d tries: the test sees nothing", tries)
}

// Without what cuts sections off, the sum isn't final: so TestSumIsFinalWhenCloseReturns can
// fail.
func TestCutIsNeeded(t *testing.T) {
	needSections(t)
	if runtime.NumCPU() < 2 {
		t.Skip("on one CPU Close runs while another is within its few instructions only if the kernel preempts it there: needs two CPUs")
	}
	var w Words
	for range 10 * tries {
		if wrong, _ := rounds(&w, 1000, func() { w.tag.Or(closed) }); wrong > 0 {
			return
		}
	}
	t.Errorf("without it no sum was wrong in %d tries: the test sees nothing", 10*tries)
}

// A thread that has ended leaves its area to whoever has its number next.
func TestThreadsComeAndGo(t *testing.T) {
	needSections(t)
	const threads, each = 200, 100
	var w Words
	w.Open()
	var wg sync.WaitGroup
	for range threads {
		wg.Go(func() {
			runtime.LockOSThread()
			for range each {
				if !Add(&w, 1) {
					t.Error("an addition on a new thread didn't count")
					return
				}
			}
		})
		if runtime.NumGoroutine() > 20 {
			runtime.Gosched()
		}
	}
	wg.Wait()
	if w.Close(); w.Sum() != threads*each {
		t.Errorf("sum %d, want %d", w.Sum(), threads*each)
	}
}

// On a CPU that came online since the words were made nothing is added.
func TestCPUWithoutAWord(t *testing.T) {
	needSections(t)
	var w Words
	w.Open()
	w.count = 0
	if Add(&w, 1) {
		t.Error("an addition on a CPU without a word counted")
	}
}

func TestSectionsCodeIsRefusedIfItIsAnother(t *testing.T) {
	text := bytes.Join([][]byte{{1, 2, 3}, announceCode, {4}, commitCode, {5}, abortCode}, nil)
	if n, err := after(text, "its commit", commitCode); err != nil || n != 3+len(announceCode)+1+len(commitCode) {
		t.Errorf("the commit ends at %d, %v", n, err)
	}
	for _, bad := range [][]byte{text[:len(text)-1], append(text, abortCode...)} {
		if _, err := after(bad, "the signature", abortCode); err == nil || !strings.Contains(err.Error(), "the signature was found") {
			t.Errorf("a text with %d signatures: %v", bytes.Count(bad, abortCode), err)
		}
	}
}

func TestLastOfAList(t *testing.T) {
	for list, want := range map[string]int{"0\n": 1, "0-1\n": 2, "0-3,8-11": 12, "0,2": 3, "": 0, "x": 0, "0-": 0, "0-99999999": 0} {
		if got := afterLast(list); got != want {
			t.Errorf("%q: %d, want %d", list, got, want)
		}
	}
}

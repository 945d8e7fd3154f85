package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

func room(t *testing.T, c Cell, m *Machine) {
	t.Helper()
	n, err := Room(t.Context(), m, c, short, 1)
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

func TestSampleCountsWhatWorkersDid(t *testing.T) {
	m := testMachine(t)
	for n := range m.CPUs.Max() {
		n++
		var total atomic.Int64
		c := oneCell(t, n, func(c workloads.Config, f *fake) error {
			f.work = func(_, n int) int {
				time.Sleep(100 * time.Microsecond) // so that the rate is known
				total.Add(int64(n))
				return n
			}
			return nil
		})
		room(t, c, m)
		patiently(t, func() error {
			total.Store(0)
			s, err := Measure(t.Context(), m, c, short, 1)
			if err != nil {
				t.Fatal(err)
			}
			if s.Ops == 0 || s.Ops > uint64(total.Load()) {
				t.Errorf("%d CPUs: %d operations in the window, %d were done", n, s.Ops, total.Load())
			}
			if s.Overlap <= 0 || s.Overlap > 1 {
				t.Errorf("%d CPUs: overlap %v, want 0 < overlap <= 1", n, s.Overlap)
			}
			if low := 1/float64(n) - 1e-9; s.Jain < low || s.Jain > 1+1e-9 {
				t.Errorf("%d CPUs: Jain's index %v, want %v .. 1", n, s.Jain, low)
			}
			if s.Books.Lives != 1 || s.Books.Released != 1 || s.Books.Violations() != 0 {
				t.Errorf("%d CPUs: books %+v, want one life, released", n, s.Books)
			}
			if s.Window < short.Timed/2 || s.Window > 2*short.Timed {
				return fmt.Errorf("%d CPUs: window %v, want about %v", n, s.Window, short.Timed)
			}
			return nil
		})
	}
}

// A worker that falls idle in its timed part must not look like one that
// blocks: only waiting for a CPU counts as sharing.
func TestSleepingWorkersDontLookShared(t *testing.T) {
	ts := []observation{{spin: 1, wall: time.Second, usage: cpu.Usage{Ran: time.Millisecond}, usable: true}}
	if parallel, shared := assess(ts, 0, 0); shared || parallel != 1 {
		t.Errorf("asleep for 99.9 %% of a second: parallel %v, shared %v, want 1, false", parallel, shared)
	}
}

func TestWitnessJudges(t *testing.T) {
	ok := observation{spin: 0.98, wall: time.Second, usage: cpu.Usage{Ran: time.Second}, usable: true}
	slow, starved, unknown := ok, ok, ok
	slow.spin = 0.79
	starved.usage.Waited = 60 * time.Millisecond
	unknown.usage.Waited, unknown.usable = time.Second, false
	for _, tt := range []struct {
		name     string
		ts       []observation
		own      time.Duration
		stolen   time.Duration
		parallel float64
		shared   bool
	}{
		{"all fine", []observation{ok, ok}, 0, 0, 0.98, false},
		{"one spins slowly", []observation{ok, slow}, 0, 0, 0.79, true},
		{"one waited 6 %", []observation{starved, ok}, 0, 0, 0.94, true},
		{"one waited 6 %, own roles ran 3 %", []observation{starved, ok}, 30 * time.Millisecond, 0, 0.94, false},
		{"no statistics", []observation{unknown}, 0, 0, 0.98, false},
		{"5 % stolen", []observation{ok, ok}, 0, 100 * time.Millisecond, 0.98, false},
		{"6 % stolen", []observation{ok, ok}, 0, 120 * time.Millisecond, 0.98, true},
		{"one old tick", []observation{{spin: 1, wall: 10 * time.Millisecond}}, 0, 10 * time.Millisecond, 1, false},
	} {
		parallel, shared := assess(tt.ts, tt.own, tt.stolen)
		if math.Abs(parallel-tt.parallel) > 1e-9 || shared != tt.shared {
			t.Errorf("%s: parallel %v, shared %v, want %v, %v", tt.name, parallel, shared, tt.parallel, tt.shared)
		}
	}
}

// hogVariable makes the test program a hog of the CPU that it names.
const hogVariable = "REFBENCH_TEST_HOG"

func TestMain(m *testing.M) {
	if c, err := strconv.Atoi(os.Getenv(hogVariable)); err == nil {
		beHog(c)
	}
	os.Exit(m.Run())
}

// hogged keeps the hog's loop from being empty.
var hogged uint64

// beHog keeps a CPU busy until its standard input ends.
func beHog(c int) {
	runtime.GOMAXPROCS(2) // one is the loop's, which may not give it away
	go func() {
		runtime.LockOSThread()
		if err := cpu.Bind(c); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("hogging")
		for spun := uint64(0); ; spun++ {
			hogged = spun
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// hog starts another process that keeps a CPU busy until the test ends.
func hog(t *testing.T, c int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", hogVariable, c))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "hogging\n" {
		t.Fatalf("the hog says %q (%v)", line, err)
	}
}

func TestHogIsSeen(t *testing.T) {
	m := testMachine(t)
	if _, ok := cpu.ThreadUsage(); !ok || !m.CPUs.Bindable {
		t.Skip("this system doesn't bind threads, or doesn't tell how long they wait")
	}
	for n := range m.CPUs.Max() {
		n++
		c := oneCell(t, n, nil)
		room(t, c, m)
		t.Run(c.Key(), func(t *testing.T) {
			hog(t, m.cpuOf(n-1))
			s, err := Measure(t.Context(), m, c, Length{Timed: 200 * time.Millisecond}, 1)
			if err != nil {
				t.Fatal(err)
			}
			if !s.Shared || s.Parallel > 0.9 {
				t.Errorf("with a hog on the CPU of worker %d: parallel %v, shared %v, want less than 0.9, true", n-1, s.Parallel, s.Shared)
			}
		})
	}
}

func TestCrowdedSampleIsShared(t *testing.T) {
	m := testMachine(t)
	c := oneCell(t, 2*m.CPUs.Max(), nil)
	room(t, c, m)
	s, err := Measure(t.Context(), m, c, Length{Timed: 100 * time.Millisecond}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Shared {
		t.Errorf("%d workers on %d CPUs aren't shared: %+v", c.CPUs, m.CPUs.Max(), s)
	}
}

func TestRolesRunBesideWorkersAndStop(t *testing.T) {
	m := testMachine(t)
	var steps atomic.Int64
	var closed atomic.Bool
	c := oneCell(t, 1, func(_ workloads.Config, f *fake) error {
		f.roles = []workloads.Role{{Name: "admin", Step: func() time.Duration {
			if closed.Load() {
				t.Error("the role runs after Close")
			}
			steps.Add(1)
			return time.Millisecond
		}}}
		f.closed = func() { closed.Store(true) }
		return nil
	})
	room(t, c, m)
	patiently(t, func() error {
		closed.Store(false) // an earlier instance was closed
		steps.Store(0)
		if _, err := Measure(t.Context(), m, c, short, 1); err != nil {
			t.Fatal(err)
		}
		if n := steps.Load(); n < 3 {
			return fmt.Errorf("the role took %d steps of 1 ms in about %v, want at least 3", n, short.Timed+short.Warm)
		}
		return nil
	})
}

func TestPanicNamesCellAndActor(t *testing.T) {
	m := testMachine(t)
	for _, tt := range []struct {
		actor  string
		change func(workloads.Config, *fake) error
	}{
		{"worker 0", func(_ workloads.Config, f *fake) error {
			f.work = func(worker, n int) int {
				if worker == 0 {
					panic("planted")
				}
				return n
			}
			return nil
		}},
		{"reaper", func(_ workloads.Config, f *fake) error {
			f.roles = []workloads.Role{{Name: "reaper", Step: func() time.Duration { panic("planted") }}}
			return nil
		}},
		{"Close", func(_ workloads.Config, f *fake) error {
			f.closed = func() { panic("planted") }
			return nil
		}},
		{"New", func(workloads.Config, *fake) error { panic("planted") }},
	} {
		c := oneCell(t, m.CPUs.Max(), tt.change)
		_, err := Measure(t.Context(), m, c, short, 1)
		var p *PanicError
		if !errors.As(err, &p) {
			t.Errorf("%s: error %v, want a PanicError", tt.actor, err)
			continue
		}
		if p.Actor != tt.actor || !strings.Contains(err.Error(), c.Key()) || !strings.Contains(string(p.Stack), "sample_test.go") {
			t.Errorf("%s: actor %q, error %q, stack %s", tt.actor, p.Actor, err, p.Stack)
		}
	}
}

func TestSetupErrorIsKept(t *testing.T) {
	planted := errors.New("planted")
	c := oneCell(t, 1, func(workloads.Config, *fake) error { return planted })
	_, err := Measure(t.Context(), testMachine(t), c, short, 1)
	var s *SetupError
	if !errors.As(err, &s) || !errors.Is(err, planted) {
		t.Errorf("error %v, want a SetupError around the planted one", err)
	}
}

func TestHangIsReportedWithStacks(t *testing.T) {
	m := testMachine(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	c := oneCell(t, 1, func(_ workloads.Config, f *fake) error {
		f.work = func(_, n int) int { lostWakeup(release); return n }
		return nil
	})
	l := short
	l.Timeout = 300 * time.Millisecond
	patiently(t, func() error {
		_, err := Measure(t.Context(), m, c, l, 1)
		var h *HangError
		if !errors.As(err, &h) {
			t.Fatalf("error %v, want a HangError", err)
		}
		if !strings.Contains(string(h.Stacks), "lostWakeup") {
			return fmt.Errorf("the stacks don't show where it hangs:\n%s", h.Stacks)
		}
		return nil
	})
}

func lostWakeup(release chan struct{}) { <-release }

func TestCancelDropsTheSampleSoon(t *testing.T) {
	m := testMachine(t)
	ctx, cancel := context.WithCancel(t.Context())
	c := oneCell(t, m.CPUs.Max(), nil)
	time.AfterFunc(50*time.Millisecond, cancel)
	begin := time.Now()
	_, err := Measure(ctx, m, c, Length{Timed: time.Minute}, 1)
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 10*time.Second {
		t.Errorf("error %v after %v, want it cancelled soon", err, time.Since(begin))
	}
}

// Worker threads are bound to CPUs. None may stay behind.
func TestNoBoundThreadStaysBehind(t *testing.T) {
	m := testMachine(t)
	c := oneCell(t, 1, nil)
	for range 3 {
		if _, err := Measure(t.Context(), m, c, short, 1); err != nil {
			t.Fatal(err)
		}
		masks := make(chan int)
		for range 8 {
			go func() {
				mask, err := cpu.Mask()
				if err != nil {
					t.Error(err)
				}
				masks <- len(mask)
			}()
		}
		for range 8 {
			if n := <-masks; n != len(m.CPUs.Order) {
				t.Fatalf("a goroutine's thread may run on %d CPUs, want all %d", n, len(m.CPUs.Order))
			}
		}
	}
}

// Where threads can't be bound, workers run all the same.
func TestUnboundWorkersMeasure(t *testing.T) {
	m := testMachine(t)
	m.CPUs.Bindable = false
	if p := m.Placement(); p != "unpinned" {
		t.Errorf("placement %q, want unpinned", p)
	}
	c := oneCell(t, m.CPUs.Max(), func(c workloads.Config, f *fake) error {
		f.work = func(_, n int) int {
			time.Sleep(100 * time.Microsecond)
			if mask, err := cpu.Mask(); err != nil || len(mask) != len(m.CPUs.Order) {
				t.Errorf("a worker's thread is bound to %v (%v)", mask, err)
			}
			return n
		}
		return nil
	})
	room(t, c, m)
	if s, err := Measure(t.Context(), m, c, short, 1); err != nil || s.Ops == 0 {
		t.Errorf("sample %+v, error %v", s, err)
	}
}

// A worker whose CPU is taken away as the timed part begins must not find the
// others finished when it gets there.
func TestLateWorkerStillOverlaps(t *testing.T) {
	m := testMachine(t)
	const n = 2
	const delay = 50 * time.Millisecond
	l := Length{Timed: 10 * time.Millisecond, Warm: time.Millisecond}
	var b *barrier
	var first time.Time
	c := oneCell(t, n, func(_ workloads.Config, f *fake) error {
		f.work = func(worker, n int) int {
			time.Sleep(100 * time.Microsecond)
			if worker == 0 {
				if b.at() == warming {
					time.Sleep(20 * time.Millisecond) // is warm last
				}
				return n
			}
			if first.IsZero() {
				first = time.Now()
			}
			// Worker 1 is warm. It stays in its last batch of the warm-up
			// until well after the timed part has begun.
			if b.at() == warming && time.Since(first) > 5*l.Warm {
				for b.at() == warming && time.Since(first) < time.Second {
					time.Sleep(100 * time.Microsecond)
				}
				time.Sleep(delay)
			}
			return n
		}
		return nil
	})
	room(t, c, m)
	patiently(t, func() error {
		b, first = newBarrier(c, m.CPUs.Max()), time.Time{}
		inst, err := open(b, c, 1)
		if err != nil {
			t.Fatal(err)
		}
		w := newTimedWork(m, c, l, inst, 1)
		if err := b.run(m, inst, n, w.work); err != nil {
			t.Fatal(err)
		}
		o := overlapOf(w.tracks)
		if o.window < l.Timed {
			t.Errorf("window %v, want at least %v", o.window, l.Timed)
		}
		if m.CPUs.Max() < 2 {
			return nil // Workers that share one CPU take turns, and none is late. They overlap all the same.
		}
		if ahead := w.tracks[1].start - w.tracks[0].start; ahead < int64(delay/2) {
			return fmt.Errorf("worker 1 began %v after worker 0, want about %v: the test is broken", time.Duration(ahead), delay)
		}
		if o.share > 0.5 {
			return fmt.Errorf("share %v: want one that shows the delay", o.share)
		}
		return nil
	})
}

// idleFor makes a worker come to no operation in so many calls, once it has worked for
// some time, and goes on then.
func idleFor(calls int, after time.Duration) func(workloads.Config, *fake) error {
	return func(_ workloads.Config, f *fake) error {
		n := 0
		begin := time.Now()
		f.work = func(_, size int) int {
			if time.Since(begin) < after || n == calls {
				return size
			}
			n++
			time.Sleep(100 * time.Microsecond)
			return 0
		}
		return nil
	}
}

const forEver = math.MaxInt / 2

func TestIdleCellIsAnError(t *testing.T) {
	c := oneCell(t, 1, idleFor(400, 0))
	_, err := Measure(t.Context(), testMachine(t), c, short, 1)
	var e *IdleError
	if !errors.As(err, &e) {
		t.Errorf("error %v, want an IdleError", err)
	}
}

// Who can't go on any more isn't slow, and what it did before is no sample.
func TestStuckCellIsAnError(t *testing.T) {
	m := testMachine(t)
	l := short
	l.Timeout = 3 * time.Second
	for name, after := range map[string]time.Duration{"from the start": 0, "after some operations": 15 * time.Millisecond} {
		_, err := Measure(t.Context(), m, oneCell(t, 1, idleFor(forEver, after)), l, 1)
		var e *NoProgressError
		if !errors.As(err, &e) || e.Checked || !strings.Contains(err.Error(), "strategy=plain/dispatch=generic: no progress: no worker can go on: in ") || !strings.HasSuffix(err.Error(), "(timed form)") {
			t.Errorf("%s: error %v, want a NoProgressError", name, err)
		}
	}
	l.Checked = 5 * time.Millisecond
	c := oneCell(t, 2, func(cfg workloads.Config, f *fake) error {
		if cfg.Checked {
			f.work = func(int, int) int { time.Sleep(100 * time.Microsecond); return 0 }
		}
		return nil
	})
	_, err := Measure(t.Context(), m, c, l, 1)
	var e *NoProgressError
	if !errors.As(err, &e) || !e.Checked {
		t.Errorf("error %v, want a NoProgressError of the checked form", err)
	}
	// A role may have to help, more than once.
	_, err = Measure(t.Context(), m, oneCell(t, 2, func(_ workloads.Config, f *fake) error {
		var steps, used atomic.Int64
		f.work = func(worker, _ int) int {
			time.Sleep(10 * time.Microsecond)
			if worker == 0 || steps.Load() < 3*used.Load()+3 {
				return 0
			}
			used.Add(1)
			return 1
		}
		f.roles = []workloads.Role{{Name: "helper", Step: func() time.Duration {
			steps.Add(1)
			return 100 * time.Microsecond
		}}}
		return nil
	}), l, 1)
	if err != nil {
		t.Errorf("error %v, though a role helps", err)
	}
	// What the books say is worse, and a leak isn't.
	for kind, want := range map[judge.Kind]bool{judge.DoubleFree: false, judge.Leak: true} {
		c := oneCell(t, 1, func(cfg workloads.Config, f *fake) error {
			f.books.Kinds[kind] = 1
			return idleFor(forEver, 0)(cfg, f)
		})
		ba := newBarrier(c, 1)
		inst, err := open(ba, c, 1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := end(ba, Length{Timeout: 300 * time.Millisecond}, inst, false)
		if errors.As(err, &e) != want || !want && err != nil || b.Kinds[kind] != 1 {
			t.Errorf("%v: error %v, books %+v, want stuck %v", kind, err, b, want)
		}
	}
}

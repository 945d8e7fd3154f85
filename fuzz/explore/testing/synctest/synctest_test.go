package synctest_test

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	exploredtesting "github.com/refbench/refbench/fuzz/explore/testing"
	"github.com/refbench/refbench/fuzz/explore/testing/synctest"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// explored explores a body in a bubble of its own.
func explored(t *testing.T, body func()) *explore.Failure {
	t.Helper()
	for _, search := range []explore.Search{explore.DFS, explore.Random} {
		s := &explore.Scenario{Name: t.Name(), CPUs: 2, IdleClock: search == explore.Random, Make: func(explore.Program) explore.Case {
			return explore.Case{Threads: []func(){func() {
				synctest.Test(new(exploredtesting.T), func(*exploredtesting.T) { body() })
			}}}
		}}
		r, err := explore.Explore(s, explore.Options{Seed: 1, Search: search, Bound: explore.Unbounded, Executions: 2000})
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure != nil {
			return r.Failure
		}
	}
	return nil
}

// TestWaitSeesWhatOthersDid: after Wait everybody else is blocked, in each schedule, and
// what they did happened before.
func TestWaitSeesWhatOthersDid(t *testing.T) {
	if f := explored(t, func() {
		var plain int
		var n atomic.Int64
		stop := channel.Make[int](0)
		for range 2 {
			explore.Go(func() {
				n.Add(1)
				n.Add(1)
				stop.Receive()
			})
		}
		explore.Go(func() {
			explore.Write(&plain)
			stop.Receive()
		})
		synctest.Wait()
		explore.Read(&plain)
		if got := n.Load(); got != 4 {
			explore.Failf("%d additions before Wait returned, want 4", got)
		}
		stop.Close()
	}); f != nil {
		t.Error(f.Text())
	}
}

// TestWithoutWaitOthersMayBeLate: the same without Wait fails, so that the rule above
// is Wait's doing.
func TestWithoutWaitOthersMayBeLate(t *testing.T) {
	if f := explored(t, func() {
		var n atomic.Int64
		explore.Go(func() { n.Add(1) })
		if n.Load() != 1 {
			explore.Failf("late")
		}
	}); f == nil || !strings.Contains(f.Message, "late") {
		t.Errorf("got %v, want the schedule in which the other goroutine is late", f)
	}
}

// TestTimeStandsStill: the clock moves only while all sleep, and then exactly to the end of
// the shortest sleep.
func TestTimeStandsStill(t *testing.T) {
	if f := explored(t, func() {
		begin := time.Now()
		var n atomic.Int64
		explore.Go(func() {
			for range 3 {
				n.Add(1)
			}
		})
		late := time.AfterFunc(time.Hour, func() { explore.Failf("a timer of an hour fired") })
		time.Sleep(time.Second)
		if got := time.Since(begin); got != time.Second {
			explore.Failf("%v have passed, want a second", got)
		}
		if got := n.Load(); got != 3 {
			explore.Failf("after a second of sleep the other goroutine has done %d of 3 steps", got)
		}
		late.Stop()
	}); f != nil {
		t.Error(f.Text())
	}
}

// TestTestWaitsForAll: Test returns when all goroutines of its bubble have ended, also those
// that sleep, and doesn't wait for timers that haven't fired.
func TestTestWaitsForAll(t *testing.T) {
	ended := new(atomic.Int64)
	s := &explore.Scenario{Name: t.Name(), CPUs: 2, IdleClock: true, Make: func(explore.Program) explore.Case {
		return explore.Case{Setup: func() { *ended = atomic.Int64{} }, Threads: []func(){func() {
			begin := time.Now()
			synctest.Test(new(exploredtesting.T), func(*exploredtesting.T) {
				time.AfterFunc(time.Hour, func() {})
				explore.Go(func() {
					time.Sleep(time.Minute)
					ended.Store(1)
				})
			})
			if ended.Load() != 1 {
				explore.Failf("Test returned before a goroutine had ended")
			}
			if d := time.Since(begin); d >= time.Hour {
				explore.Failf("Test waited for a timer, for %v", d)
			}
		}}}
	}}
	r, err := explore.Explore(s, explore.Options{Seed: 1, Search: explore.DFS, Bound: explore.Unbounded, Executions: 2000})
	if err != nil || r.Failure != nil {
		t.Fatal(err, r.Failure)
	}
}

// TestWaitTakesNoTime: who sleeps is idle, and stays asleep.
func TestWaitTakesNoTime(t *testing.T) {
	if f := explored(t, func() {
		begin := time.Now()
		explore.Go(func() { time.Sleep(time.Hour) })
		synctest.Wait()
		if d := time.Since(begin); d != 0 {
			explore.Failf("Wait took %v of the bubble's time", d)
		}
	}); f != nil {
		t.Error(f.Text())
	}
}

// TestMutexIsNoDurableBlock: who waits for a mutex isn't idle, so that Wait waits for the
// holder: in vain if that is who waits.
func TestMutexIsNoDurableBlock(t *testing.T) {
	if f := explored(t, func() {
		var mu sync.Mutex
		var n atomic.Int64
		mu.Lock()
		explore.Go(func() {
			mu.Lock()
			n.Add(1)
			mu.Unlock()
		})
		explore.Go(func() {
			time.Sleep(time.Second)
			mu.Unlock()
		})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n.Load() != 1 {
			explore.Failf("Wait returned while a goroutine waited for a mutex that was free")
		}
	}); f != nil {
		t.Error(f.Text())
	}
	if f := explored(t, func() {
		var mu sync.Mutex
		mu.Lock()
		explore.Go(mu.Lock)
		for range 3 {
			time.Sleep(time.Second)
		}
		synctest.Wait()
		explore.Failf("Wait returned")
	}); f == nil || f.Kind != explore.Deadlock {
		t.Errorf("got %v, want a deadlock", f)
	}
}

// TestAllBlockedIsADeadlock: a bubble whose goroutines wait for each other is a deadlock.
func TestAllBlockedIsADeadlock(t *testing.T) {
	f := explored(t, func() { channel.Make[int](0).Receive() })
	if f == nil || f.Kind != explore.Deadlock {
		t.Errorf("got %v, want a deadlock", f)
	}
	f = explored(t, func() { explore.Go(func() { channel.Make[int](0).Receive() }) })
	if f == nil || f.Kind != explore.Deadlock {
		t.Errorf("got %v, want a deadlock of the goroutine that is left", f)
	}
}

// TestWrongUse: Wait outside of a bubble and a bubble in a bubble panic, as in the original.
func TestWrongUse(t *testing.T) {
	s := &explore.Scenario{Name: t.Name(), Make: func(explore.Program) explore.Case {
		return explore.Case{Threads: []func(){synctest.Wait}}
	}}
	r, err := explore.Explore(s, explore.Options{Seed: 1, Search: explore.Random, Executions: 1})
	if err != nil || r.Failure == nil || !strings.Contains(r.Failure.Message, "not in a bubble") {
		t.Error(err, r.Failure)
	}
	f := explored(t, func() { synctest.Test(new(exploredtesting.T), func(*exploredtesting.T) {}) })
	if f == nil || !strings.Contains(f.Message, "within a synctest bubble") {
		t.Errorf("got %v, want a panic", f)
	}
}

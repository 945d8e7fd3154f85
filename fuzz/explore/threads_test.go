package explore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/runtime"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// crowd starts total threads, of which at most alive haven't ended, and each of which does
// body.
func crowd(total, alive int, body func(i int)) func() {
	return func() {
		var wg sync.WaitGroup
		for i := range total {
			if i > 0 && i%alive == 0 {
				wg.Wait()
			}
			wg.Add(1)
			explore.Go(func() { defer wg.Done(); body(i) })
		}
		wg.Wait()
	}
}

// TestManyThreads: as many threads as there may be, one after another or at the same time,
// are explored as few are, by each search.
func TestManyThreads(t *testing.T) {
	for _, c := range []struct{ total, alive int }{{63, 63}, {500, 1}, {500, 63}, {200, 20}} {
		for _, search := range explore.Searches() {
			var n atomic.Int64
			var guarded int
			var m sync.Mutex
			all := crowd(c.total, c.alive, func(int) {
				n.Add(1)
				m.Lock()
				explore.Write(&guarded)
				guarded++
				m.Unlock()
			})
			s := &explore.Scenario{Name: "crowd", CPUs: 4, Make: func(explore.Program) explore.Case {
				return explore.Case{
					Values: true,
					Setup:  func() { n.Store(0); guarded = 0; m = sync.Mutex{} },
					Threads: []func(){func() {
						all()
						if n.Load() != int64(c.total) || guarded != c.total {
							explore.Failf("%d, %d of %d", n.Load(), guarded, c.total)
						}
					}},
				}
			}}
			r, err := explore.Explore(s, explore.Options{Search: search, Seed: 1, Bound: 1, Executions: 5})
			if err != nil || r.Failure != nil {
				t.Errorf("%d threads, %d at the same time, %s: %+v, %v", c.total, c.alive, search, r, err)
			}
		}
	}
}

// TestLastOfManyIsWrong: a lost update, a race and a deadlock of the last threads of many
// are found, and the messages say which they are. A token shows them again.
func TestLastOfManyIsWrong(t *testing.T) {
	for _, c := range []struct {
		kind    explore.Kind
		message string
		wrong   func(n *atomic.Int64, plain *int)
	}{
		{explore.Violation, "lost", func(n *atomic.Int64, _ *int) { n.Store(n.Load() + 1) }},
		{explore.Race, "T301", func(_ *atomic.Int64, plain *int) { explore.Write(plain) }},
		{explore.Deadlock, "T302", func(*atomic.Int64, *int) {
			var m sync.Mutex
			m.Lock()
			m.Lock()
		}},
	} {
		s := &explore.Scenario{Name: "many", CPUs: 2, Make: func(explore.Program) explore.Case {
			return explore.Case{Threads: []func(){func() {
				var n atomic.Int64
				var plain int
				crowd(300, 30, func(int) { n.Load() })()
				crowd(2, 2, func(int) { c.wrong(&n, &plain) })()
				if n.Load() != 2 {
					explore.Failf("lost")
				}
			}}}
		}}
		r, err := explore.Explore(s, explore.Options{Search: explore.Random, Seed: 1, NoShrink: true, Executions: 100})
		if err != nil || r.Failure == nil {
			t.Fatalf("%s: %+v, %v", c.kind, r, err)
		}
		if r.Failure.Kind != c.kind || !strings.Contains(r.Failure.Message, c.message) {
			t.Errorf("%v, want %s with %q", r.Failure, c.kind, c.message)
		}
		if text := r.Failure.Text(); !strings.Contains(text, "T301") || !strings.Contains(text, "go T301") {
			t.Errorf("%s: the picture doesn't name the thread", c.kind)
		}
		again, err := explore.Replay(r.Failure.Token, []*explore.Scenario{s}, explore.Options{})
		if err != nil || again.Message != r.Failure.Message {
			t.Errorf("%v, %v: want %v again", again, err, r.Failure)
		}
	}
}

// TestThreadsShareIDs: an ID is given to another thread only when its first has ended, and
// what the first released is acquired by the second as by any other.
func TestThreadsShareIDs(t *testing.T) {
	s := &explore.Scenario{Name: "IDs", CPUs: 2, Make: func(explore.Program) explore.Case {
		return explore.Case{Threads: []func(){func() {
			var m sync.Mutex
			var plain int
			var used [explore.MaxThreads]bool
			crowd(300, 40, func(int) {
				id := explore.Thread()
				if used[id] {
					explore.Failf("two threads have ID %d", id)
				}
				used[id] = true
				m.Lock()
				explore.Write(&plain)
				m.Unlock()
				used[id] = false
			})()
			// All have ended: this one is after them.
			explore.Write(&plain)
		}}}
	}}
	for _, search := range []explore.Search{explore.Random, explore.PCT} {
		if r, err := explore.Explore(s, explore.Options{Search: search, Seed: 1, Executions: 50}); err != nil || r.Failure != nil {
			t.Errorf("%s: %v, %v", search, r.Failure, err)
		}
	}
}

// TestKnowsWhatTheFirstReleased: a thread that has an ID after another acquires what that
// one has released, with all that it had learned from a third.
func TestKnowsWhatTheFirstReleased(t *testing.T) {
	s := &explore.Scenario{Name: "knows", CPUs: 2, Make: func(explore.Program) explore.Case {
		return explore.Case{Threads: []func(){func() {
			var m sync.Mutex
			var plain int
			locked := func(f func()) {
				m.Lock()
				f()
				m.Unlock()
			}
			bodies := map[int]func(){
				1:                          func() { locked(func() { explore.Write(&plain) }) },
				2:                          func() { locked(func() {}) },
				2 + explore.MaxThreads - 1: func() { locked(func() { explore.Write(&plain) }) },
			}
			ids := make(map[int]int)
			for i := range 2 * explore.MaxThreads {
				// Nobody learns from others that they have ended.
				ended := false
				explore.Go(func() {
					ids[i] = explore.Thread()
					if f := bodies[i]; f != nil {
						f()
					}
					ended = true
				})
				for !ended {
					runtime.Gosched()
				}
			}
			if ids[2] != ids[2+explore.MaxThreads-1] {
				explore.Failf("IDs %v: the test is for others", ids)
			}
		}}}
	}}
	if r, err := explore.Explore(s, explore.Options{Search: explore.Random, Seed: 1, Executions: 5}); err != nil || r.Failure != nil {
		t.Errorf("%v, %v", r.Failure, err)
	}
}

// BenchmarkThreads: what threads cost that do next to nothing.
func BenchmarkThreads(b *testing.B) {
	for _, n := range []int{4, 16, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var v atomic.Int64
			body := func() { v.Add(1) }
			s := &explore.Scenario{Name: "threads", CPUs: 4, Make: func(explore.Program) explore.Case {
				c := explore.Case{Setup: func() { v.Store(0) }}
				for range n {
					c.Threads = append(c.Threads, body)
				}
				return c
			}}
			benchmarkSearch(b, s, explore.Options{Search: explore.PCT})
		})
	}
}

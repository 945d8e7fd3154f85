package explore_test

import (
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/runtime"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// TestIdleClockWaitsForGosched: an idle clock doesn't pass while a goroutine that gave way
// could go on, and one that waits for the clock by giving way doesn't stop it.
func TestIdleClockWaitsForGosched(t *testing.T) {
	for name, threads := range map[string]func() []func(){
		// A lock that backs off, as that of ants: nothing changes while it gives way, and
		// it finds the lock free when it looks.
		"back off": func() []func() {
			var lock atomic.Uint32
			done := channel.Make[bool](1)
			return []func(){
				func() { lock.Store(1); lock.Store(0) },
				func() {
					for backoff := 1; !lock.CompareAndSwap(0, 1); backoff = min(2*backoff, 16) {
						for range backoff {
							runtime.Gosched()
						}
					}
					lock.Store(0)
					done.Send(true)
				},
				func() {
					timeout := time.After(time.Second)
					if channel.Select(channel.Receiving(done), channel.Receiving(timeout)) == 1 {
						explore.Failf("a second passed")
					}
				},
			}
		},
		// Who polls in sleep waits for one that gives way.
		"poll": func() []func() {
			var flag atomic.Bool
			return []func(){
				func() {
					for range 100 {
						runtime.Gosched()
					}
					flag.Store(true)
				},
				func() {
					for !flag.Load() {
						time.Sleep(time.Millisecond)
					}
				},
			}
		},
		// Two that give way wait for a sleeper, whose sleeps change nothing.
		"wait": func() []func() {
			var flag atomic.Bool
			wait := func() {
				for !flag.Load() {
					runtime.Gosched()
				}
			}
			return []func(){wait, wait, func() {
				for range 100 {
					time.Sleep(time.Millisecond)
				}
				flag.Store(true)
			}}
		},
	} {
		var bodies []func()
		c := explore.Case{Setup: func() { bodies = threads() }}
		for i := range threads() {
			c.Threads = append(c.Threads, func() { bodies[i]() })
		}
		s := &explore.Scenario{Name: name, IdleClock: true, Make: func(explore.Program) explore.Case { return c }}
		for _, o := range []explore.Options{
			{Search: explore.Random, Executions: 500}, {Search: explore.PCT, Executions: 500}, {Search: explore.POS, Executions: 500},
			{Search: explore.DFS, Bound: explore.Unbounded, Executions: 500}, {Search: explore.PlainDFS, Bound: 2, Executions: 500},
		} {
			r, err := explore.Explore(s, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure != nil {
				t.Errorf("%s, %s: %v", name, o.Search, r.Failure)
			}
		}
	}
}

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
		// As before, but memory changes while it waits.
		"count": func() []func() {
			var flag atomic.Bool
			var rounds atomic.Int64
			return []func(){
				func() {
					for !flag.Load() {
						rounds.Add(1)
						runtime.Gosched()
					}
				},
				func() {
					for range 5 {
						time.Sleep(time.Millisecond)
					}
					flag.Store(true)
				},
			}
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

// TestIdleClockSelects: who came to a select before time passed leaves it by the case that
// opens first. Without a sleep it may come later, and find both open.
func TestIdleClockSelects(t *testing.T) {
	type place struct{ a, b, c *channel.Chan[int] }
	type half struct {
		name string
		open func(x *place)
		way  func(x *place) channel.Case
	}
	send := half{"send", func(x *place) { x.a.Receive() }, func(x *place) channel.Case { return channel.To(x.a).Sending(1) }}
	receive := half{"receive", func(x *place) { x.b.Send(1) }, func(x *place) channel.Case { return channel.Receiving(x.b) }}
	closed := half{"closed", func(x *place) { x.b.Close() }, receive.way}
	meet := half{"meet", func(x *place) { x.c.Receive() }, func(x *place) channel.Case { return channel.To(x.c).Sending(1) }}
	for _, p := range [][2]half{{send, receive}, {receive, send}, {send, closed}, {closed, send}, {send, meet}, {receive, meet}, {closed, meet}} {
		for _, search := range []explore.Search{explore.PlainDFS, explore.DFS} {
			for _, sleeps := range []bool{true, false} {
				took := make(map[int]bool)
				var x *place
				var got int
				c := explore.Case{
					Setup: func() {
						x, got = &place{channel.Make[int](1), channel.Make[int](1), channel.Make[int](0)}, -1
						x.a.Send(0)
					},
					Threads: []func(){
						func() { got = channel.Select(p[0].way(x), p[1].way(x)); took[got] = true },
						func() {
							if sleeps {
								time.Sleep(time.Second)
							}
							p[0].open(x)
							explore.Go(func() { p[1].open(x) })
						},
						func() {
							time.Sleep(time.Minute)
							if got == 0 && p[1].name == meet.name { // the other must come to an end
								channel.Poll(channel.To(x.c).Sending(1))
							}
						},
					},
				}
				r, err := explore.Explore(&explore.Scenario{Name: t.Name(), IdleClock: true, Make: func(explore.Program) explore.Case { return c }},
					explore.Options{Search: search, Bound: explore.Unbounded, Executions: 100_000})
				if err != nil || r.Failure != nil || !r.Exhaustive {
					t.Fatal(p[0].name, p[1].name, search, r, err)
				}
				if !took[0] || took[1] == sleeps {
					t.Errorf("%s before %s, %s, after a sleep %v: the cases taken are %v", p[0].name, p[1].name, search, sleeps, took)
				}
			}
		}
	}
}

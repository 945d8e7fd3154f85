// Package rendezvous lets goroutines begin at once, round after round, so that what
// they do in a round meets.
package rendezvous

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A Group is goroutines that make rounds together. One goroutine calls its methods.
//
// All wait by polling: waking a goroutine takes longer than most rounds, so that those
// that are woken would hardly ever meet.
type Group struct {
	n       int64
	body    func(worker int)
	workers sync.WaitGroup

	// round is the number of the round that goes on, from 1, or ends.
	round             atomic.Int64
	arrived, finished atomic.Int64
	abandoned         atomic.Bool
	done              []padded
}

// padded is the last round that a worker has finished, alone on its cache lines.
type padded struct {
	round atomic.Int64
	_     [120]byte
}

// ends is the round in which workers end.
const ends = -1

// New starts n goroutines that wait for the first round. In each, worker i, from 0, calls
// body(i) at the same time as the others. A body doesn't panic.
func New(n int, body func(worker int)) *Group {
	g := &Group{n: int64(n), body: body, done: make([]padded, n)}
	for i := range n {
		g.workers.Go(func() { g.work(i) })
	}
	return g
}

func (g *Group) work(i int) {
	for round := int64(1); ; round++ {
		if !g.poll(func() bool { r := g.round.Load(); return r == round || r == ends }) || g.round.Load() == ends {
			return
		}
		// A round is shorter than the time in which one goroutine after the
		// other notices that it has begun. So they meet.
		g.arrived.Add(1)
		if !g.poll(func() bool { return g.arrived.Load() >= round*g.n }) {
			return
		}
		g.body(i)
		g.done[i].round.Store(round)
		g.finished.Add(1)
	}
}

// poll waits until ready, or returns false if the group was abandoned.
func (g *Group) poll(ready func() bool) bool {
	for tries := 1; !ready(); tries++ {
		switch {
		case tries%spins != 0:
		case g.abandoned.Load():
			return false
		case tries%sleeps == 0:
			// Those that it waits for may need this thread's CPU.
			time.Sleep(20 * time.Microsecond)
		default:
			runtime.Gosched()
		}
	}
	return true
}

// A look takes a nanosecond or so, and giving way to another goroutine a hundred: who only
// looks begins sooner. But the others may be waiting for its CPU.
const (
	spins  = 32
	sleeps = 640 * spins
)

// Round makes a round and returns when all have finished it, or false if the group was
// abandoned.
func (g *Group) Round() bool {
	round := g.round.Load() + 1
	g.finished.Store(0)
	g.round.Store(round)
	return g.poll(func() bool { return g.finished.Load() == g.n })
}

// Close ends the goroutines, once they have finished the round. Of an abandoned group it
// waits for none.
func (g *Group) Close() {
	if g.abandoned.Load() {
		return // they end by that, and Unfinished still has its round
	}
	g.round.Store(ends)
	g.workers.Wait()
}

// Abandon makes Round return and the goroutines end, as far as they return from what they
// do. Any goroutine may call it.
func (g *Group) Abandon() { g.abandoned.Store(true) }

// Abandoned reports whether the group was abandoned. A body that waits asks it.
func (g *Group) Abandoned() bool { return g.abandoned.Load() }

// Rounds returns how many rounds have begun. Any goroutine may call it, to see whether
// the group goes on.
func (g *Group) Rounds() int64 { return g.round.Load() }

// Unfinished returns which workers haven't finished the round that goes on. Any
// goroutine may call it.
func (g *Group) Unfinished() []int {
	var left []int
	round := g.round.Load()
	for i := range g.done {
		if g.done[i].round.Load() < round {
			left = append(left, i)
		}
	}
	return left
}

// Workers is how many goroutines make calls meet: more than CPUs, so that some are
// stopped in the middle, and at least 4 where there is one CPU.
func Workers() int { return max(4, min(2*runtime.GOMAXPROCS(0), 16)) }

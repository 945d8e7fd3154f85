package sync

import (
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A WaitGroup waits until a number of goroutines have finished.
type WaitGroup struct {
	m      engine.Meta
	n      int
	rounds uint64 // how often n has come down to zero
}

// A groupTicket is a Wait that was begun in the round.
type groupTicket struct {
	g     *WaitGroup
	round uint64
}

func roundIsOver(p unsafe.Pointer) bool {
	t := (*groupTicket)(p)
	return t.g.rounds != t.round
}

// Add adds delta to the number of goroutines. It panics if that is negative.
func (g *WaitGroup) Add(delta int) {
	e := engine.Current
	if e != nil {
		if e.Aborting() {
			return
		}
		e.Before(engine.OpSignal, &g.m)
	}
	old := g.n
	g.n += delta
	if g.n < 0 {
		panic("sync: negative WaitGroup counter")
	}
	if old != 0 && g.n == 0 {
		g.rounds++
	}
	if e != nil {
		e.Changed()
		if e.Noting() {
			if delta < 0 {
				e.Join(&g.m)
			}
			e.State(&g.m, g.rounds<<32|uint64(g.n))
			e.Noted(engine.OpSignal, &g.m, uint64(old), uint64(g.n), 0)
		}
	}
}

// Done is Add(-1).
func (g *WaitGroup) Done() { g.Add(-1) }

// Wait blocks until the number is zero. It panics if the group is used again before it
// returns.
func (g *WaitGroup) Wait() {
	e := engine.Current
	if e == nil {
		if g.n != 0 {
			wouldBlock("WaitGroup.Wait")
		}
		return
	}
	if e.Aborting() {
		return
	}
	e.Before(engine.OpWait, &g.m)
	if g.n != 0 {
		if e.Noting() {
			e.Noted(engine.OpWait, &g.m, uint64(g.n), uint64(g.n), 1)
		}
		// It is the zero that is waited for: by the time that this goroutine
		// runs, others may have begun the next round.
		e.WaitAt(engine.OpWait, &g.m, roundIsOver, unsafe.Pointer(&groupTicket{g, g.rounds}))
		if g.n != 0 {
			panic("sync: WaitGroup is reused before previous Wait has returned")
		}
	}
	if e.Noting() {
		e.Acquire(&g.m)
		e.Noted(engine.OpWait, &g.m, 0, 0, 0)
	}
}

// Go calls f in a new goroutine that the group waits for.
func (g *WaitGroup) Go(f func()) {
	g.Add(1)
	body := func() {
		defer g.Done()
		f()
	}
	if e := engine.Current; e != nil {
		e.Spawn(body)
		return
	}
	body()
}

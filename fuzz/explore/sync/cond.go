package sync

import (
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A Cond lets goroutines wait for an event. As in the original, Signal wakes the
// one that has waited longest.
type Cond struct {
	// L is held while the condition is looked at or changed.
	L Locker

	m      engine.Meta
	tail   uint64 // tickets given to waiters
	notify uint64 // tickets below it have been woken
}

// NewCond returns a Cond with the Locker.
func NewCond(l Locker) *Cond { return &Cond{L: l} }

type condTicket struct {
	c *Cond
	n uint64
}

func isNotified(p unsafe.Pointer) bool {
	t := (*condTicket)(p)
	return t.n < t.c.notify
}

// Wait unlocks c.L, waits for Signal or Broadcast, and locks c.L again.
func (c *Cond) Wait() {
	e := engine.Current
	if e == nil {
		wouldBlock("Cond.Wait")
		return
	}
	if e.Aborting() {
		return
	}
	e.Before(engine.OpSignal, &c.m)
	t := &condTicket{c: c, n: c.tail}
	c.tail++
	if e.Noting() {
		e.State(&c.m, c.tail-c.notify)
		e.Noted(engine.OpSignal, &c.m, t.n, c.tail, t.n)
	}
	c.L.Unlock()
	e.WaitAt(engine.OpWait, &c.m, isNotified, unsafe.Pointer(t))
	if e.Noting() {
		e.Acquire(&c.m)
		e.Noted(engine.OpWait, &c.m, 0, 0, 0)
	}
	c.L.Lock()
}

// Signal wakes one goroutine that waits, if there is one.
func (c *Cond) Signal() { c.wake(1) }

// Broadcast wakes all goroutines that wait.
func (c *Cond) Broadcast() { c.wake(^uint64(0)) }

func (c *Cond) wake(most uint64) {
	e := engine.Current
	if e == nil || e.Aborting() {
		return
	}
	e.Before(engine.OpSignal, &c.m)
	n := min(most, c.tail-c.notify)
	c.notify += n
	e.Changed()
	if e.Noting() {
		e.Join(&c.m)
		e.State(&c.m, c.tail-c.notify)
		e.Noted(engine.OpSignal, &c.m, n, 0, 0)
	}
}

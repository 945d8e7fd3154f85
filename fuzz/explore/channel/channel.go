// Package channel has channels in explored form: what explore/gen makes of
// channel types and operations. There is no select.
//
// # Happens-before
//
// A send synchronizes before the receive of its value and of all later ones, a
// receive before the return of all later sends, and Close before a receive that
// finds the channel closed. For buffered channels the Go memory model orders a
// little less.
package channel

import (
	"iter"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A Chan is a channel. A nil *Chan blocks for ever, as a nil channel does.
type Chan[T any] struct {
	q queue
	v []T
}

// queue is what a Chan is without its values.
type queue struct {
	m      engine.Meta
	back   engine.Meta // what receivers release
	room   int         // capacity; 0: unbuffered
	n      int         // values in it
	closed bool

	contents uint64 // what stands for the values in the state
	sent     uint64
	taken    uint64
}

// Make returns a channel with room for capacity values.
func Make[T any](capacity int) *Chan[T] {
	if capacity < 0 {
		panic("makechan: size out of range")
	}
	return &Chan[T]{q: queue{room: capacity}}
}

func canSend(p unsafe.Pointer) bool {
	q := (*queue)(p)
	return q.closed || q.n < max(q.room, 1)
}

func canReceive(p unsafe.Pointer) bool {
	q := (*queue)(p)
	return q.closed || q.n > 0
}

type handover struct {
	q  *queue
	no uint64
}

func isTaken(p unsafe.Pointer) bool {
	h := (*handover)(p)
	return h.q.taken >= h.no
}

func never(unsafe.Pointer) bool { return false }

func mustRun(what string) *engine.Engine {
	e := engine.Current
	if e == nil {
		panic("explore/channel: " + what + " outside of an exploration")
	}
	return e
}

func (q *queue) noted(e *engine.Engine, k engine.OpKind) {
	e.Changed()
	q.contents = e.Contents(q.contents)
	if e.Noting() {
		e.State(&q.m, q.contents)
		e.Noted(k, &q.m, 0, uint64(q.n), q.contents)
	}
}

// Send sends v. It panics if c is closed.
func (c *Chan[T]) Send(v T) {
	e := mustRun("send")
	if e.Aborting() {
		return
	}
	if c == nil {
		e.Wait(engine.Op{Kind: engine.OpSignal, Loc: engine.NoLoc}, never, nil)
		return
	}
	e.WaitAt(engine.OpSignal, &c.q.m, canSend, unsafe.Pointer(&c.q))
	if c.q.closed {
		panic("send on closed channel")
	}
	c.v = append(c.v, v)
	c.q.n++
	c.q.sent++
	no := c.q.sent
	if e.Noting() {
		e.Join(&c.q.m)
	}
	c.q.noted(e, engine.OpSignal)
	if c.q.room == 0 {
		h := &handover{&c.q, no}
		e.WaitAt(engine.OpWait, &c.q.m, isTaken, unsafe.Pointer(h))
	}
	if e.Noting() {
		e.Acquire(&c.q.back)
	}
}

// Receive receives a value, the zero value if c is closed and empty.
func (c *Chan[T]) Receive() T {
	v, _ := c.Receive2()
	return v
}

// Receive2 is Receive that also reports whether the value was sent.
func (c *Chan[T]) Receive2() (v T, ok bool) {
	e := mustRun("receive")
	if e.Aborting() {
		return v, false
	}
	if c == nil {
		e.Wait(engine.Op{Kind: engine.OpWait, Loc: engine.NoLoc}, never, nil)
		return v, false
	}
	e.WaitAt(engine.OpWait, &c.q.m, canReceive, unsafe.Pointer(&c.q))
	if e.Noting() {
		e.Acquire(&c.q.m)
	}
	if c.q.n > 0 {
		v, ok = c.v[0], true
		c.v = c.v[1:]
		c.q.n--
		c.q.taken++
		if e.Noting() {
			e.Join(&c.q.back)
		}
	}
	c.q.noted(e, engine.OpWait)
	return v, ok
}

// Close, Len and Cap are what the built-in functions become.

// Close calls c.Close.
func Close[T any](c *Chan[T]) { c.Close() }

// Len calls c.Len.
func Len[T any](c *Chan[T]) int { return c.Len() }

// Cap calls c.Cap.
func Cap[T any](c *Chan[T]) int { return c.Cap() }

// Close closes c. It panics if c is closed or nil.
func (c *Chan[T]) Close() {
	if c == nil {
		panic("close of nil channel")
	}
	e := mustRun("close")
	if e.Aborting() {
		return
	}
	e.Before(engine.OpSignal, &c.q.m)
	if c.q.closed {
		panic("close of closed channel")
	}
	c.q.closed = true
	if e.Noting() {
		e.Join(&c.q.m)
	}
	c.q.noted(e, engine.OpSignal)
}

// Len returns how many values are buffered.
func (c *Chan[T]) Len() int {
	if c == nil || c.q.room == 0 {
		return 0
	}
	if e := engine.Current; e != nil {
		e.Before(engine.OpWait, &c.q.m)
	}
	return c.q.n
}

// Cap returns the capacity.
func (c *Chan[T]) Cap() int {
	if c == nil {
		return 0
	}
	return c.q.room
}

// All receives until c is closed.
func (c *Chan[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, ok := c.Receive2()
			if !ok || !yield(v) {
				return
			}
		}
	}
}

// Package channel has channels in explored form: what explore/gen makes of
// channel types, channel operations and select statements.
//
// # Scheduling
//
// A send on or a receive from a buffered channel is one step, which is possible when
// there is room or a value. On an unbuffered channel two goroutines meet: the first
// comes and waits, in a step of its own, and the second does what both want. So a
// select with a default sees only who has come already. Which case a select takes if
// several can go on is the search's choice. But where time passes only when nobody can go on,
// who came before it did leaves by the case that opens first.
//
// # Happens-before
//
// For a buffered channel a send synchronizes before the receive of its value and of
// all later ones, a receive before the return of all later sends; the Go memory model
// orders a little less. At an unbuffered channel each of the two who meet synchronizes
// before the other's return. Close synchronizes before a receive that finds the
// channel closed.
package channel

import (
	"iter"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A Chan is a channel. A nil *Chan blocks for ever, as a nil channel does.
type Chan[T any] struct {
	q     queue
	v     []T
	fired func(ns int64) T // of a timer's channel: the value for a time
}

// queue is what a Chan is without its values.
type queue struct {
	m      engine.Meta
	back   engine.Meta // what receivers of a buffered channel release
	room   int         // capacity; 0: unbuffered
	n      int         // values in it
	closed bool
	timer  *timer // not nil: a timer sends on it

	filled, roomed uint64 // Engine.Writes when a receive, or a send, became possible alone

	contents uint64 // what stands for the values in the state

	// The cases in which goroutines wait at an unbuffered channel, in the
	// order in which they came.
	parked []Case
	passed int    // how often a select took what never ends although it could receive here, or send
	gen    uint64 // the execution that parked and passed are of
}

// Make returns a channel with room for capacity values.
func Make[T any](capacity int) *Chan[T] {
	if capacity < 0 {
		panic("makechan: size out of range")
	}
	c := &Chan[T]{q: queue{room: capacity}}
	if e := engine.Current; e != nil {
		e.Name(&c.q.m)
	}
	return c
}

func canSend(p unsafe.Pointer) bool {
	q := (*queue)(p)
	return q.closed || q.n < q.room
}

func canReceive(p unsafe.Pointer) bool {
	q := (*queue)(p)
	return q.closed || q.n > 0
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
	if c == nil || c.q.room == 0 {
		wait(e, engine.OpSend, true, []Case{To(c).Sending(v)})
		return
	}
	e.WaitAt(engine.OpSend, &c.q.m, canSend, unsafe.Pointer(&c.q))
	c.put(e, v)
}

// put does a send that needs nobody else: to a buffer that has room, or to a closed
// channel.
func (c *Chan[T]) put(e *engine.Engine, v T) {
	if c.q.closed {
		panic("send on closed channel")
	}
	c.v = append(c.v, v)
	if c.q.n == 0 {
		c.q.filled = e.Writes
	}
	c.q.n++
	if e.Noting() {
		e.Join(&c.q.m)
	}
	c.q.noted(e, engine.OpSend)
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
	if c == nil || c.q.room == 0 {
		o := Receiving(c)
		wait(e, engine.OpReceive, true, []Case{o})
		return o.v, o.ok
	}
	e.WaitAt(engine.OpReceive, &c.q.m, canReceive, unsafe.Pointer(&c.q))
	return c.take(e)
}

// take does a receive that needs nobody else: from a buffer that has a value, or from
// a closed channel.
func (c *Chan[T]) take(e *engine.Engine) (v T, ok bool) {
	if e.Noting() {
		e.Acquire(&c.q.m)
	}
	if c.q.timer != nil {
		v, ok = c.fired(c.q.timer.fire(e)), true
	}
	if c.q.n > 0 {
		v, ok = c.v[0], true
		c.v = c.v[1:]
		if c.q.n == c.q.room {
			c.q.roomed = e.Writes
		}
		c.q.n--
		if e.Noting() {
			e.Join(&c.q.back)
		}
	}
	c.q.noted(e, engine.OpReceive)
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
	e.Before(engine.OpClose, &c.q.m)
	if c.q.closed {
		panic("close of closed channel")
	}
	c.q.closed = true
	if c.q.n == 0 {
		c.q.filled = e.Writes
	}
	if c.q.n == c.q.room {
		c.q.roomed = e.Writes
	}
	if e.Noting() {
		e.Join(&c.q.m)
	}
	c.q.noted(e, engine.OpClose)
}

// Len returns how many values are buffered.
func (c *Chan[T]) Len() int {
	if c == nil || c.q.room == 0 {
		return 0
	}
	if e := engine.Current; e != nil {
		e.Before(engine.OpLoad, &c.q.m)
		if e.Noting() {
			e.Noted(engine.OpLoad, &c.q.m, uint64(c.q.n), uint64(c.q.n), uint64(c.q.n))
		}
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

// Each returns c, and a variable for what is received from it.
func Each[T any](c *Chan[T]) (*Chan[T], T) {
	var v T
	return c, v
}

// Next receives a value, into *v unless that is nil, and reports whether there was one before
// c was closed.
func (c *Chan[T]) Next(v *T) bool {
	x, ok := c.Receive2()
	if ok && v != nil {
		*v = x
	}
	return ok
}

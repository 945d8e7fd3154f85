package channel

import (
	"math"
	"slices"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A select statement
//
//	select {
//	case v, ok := <-a:
//	case b <- f():
//	}
//
// becomes
//
//	switch s0, s1 := channel.Receiving(a), channel.To(b).Sending(f()); channel.Select(s0, s1) {
//	case 0:
//		v, ok := s0.Value2()
//	case 1:
//	default:
//		panic("unreachable")
//	}
//
// and has Poll instead of Select if it has a default.

// A Case is one case of a select: what [Receiving] and [Address.Sending] return. It is
// used once.
type Case interface {
	about() *about
	// alone does what needs nobody else.
	alone(e *engine.Engine)
	// meet does the case together with one of a goroutine that waits.
	meet(Case)
}

// about is what a Case is without its value.
type about struct {
	q    *queue // nil: of a nil channel
	send bool
	w    *waiter
	i    int // which of w's cases it is
}

// An Op is a send or a receive that may be done.
type Op[T any] struct {
	a  about
	c  *Chan[T]
	v  T
	ok bool
}

// Receiving returns a receive from c.
func Receiving[T any](c *Chan[T]) *Op[T] {
	o := &Op[T]{c: c}
	if c != nil {
		o.a.q = &c.q
	}
	return o
}

// An Address is where a value may be sent.
type Address[T any] struct{ c *Chan[T] }

// To returns c's address. It is a call of its own, so that which channel it is is
// settled before the value is made.
func To[T any](c *Chan[T]) Address[T] { return Address[T]{c} }

// Sending returns a send of v.
func (a Address[T]) Sending(v T) *Op[T] {
	o := Receiving(a.c)
	o.v, o.a.send = v, true
	return o
}

// Value returns what was received.
func (o *Op[T]) Value() T { return o.v }

// Value2 is Value that also reports whether the value was sent.
func (o *Op[T]) Value2() (T, bool) { return o.v, o.ok }

func (o *Op[T]) about() *about { return &o.a }

func (o *Op[T]) alone(e *engine.Engine) {
	if o.a.send {
		o.c.put(e, o.v)
	} else {
		o.v, o.ok = o.c.take(e)
	}
}

func (o *Op[T]) meet(other Case) {
	p := other.(*Op[T]) // at the same channel
	if o.a.send {
		p.v, p.ok = o.v, true
	} else {
		o.v, o.ok = p.v, true
	}
}

// Select waits until one of the cases can go on, does one that can, and returns which.
func Select(cases ...Case) int {
	e := mustRun("select")
	return wait(e, engine.OpSelect, true, cases)
}

// Poll does one of the cases that can go on and returns which, or -1 if none can.
func Poll(cases ...Case) int {
	e := mustRun("select")
	return wait(e, engine.OpPoll, false, cases)
}

// A waiter is a goroutine at a select, a send or a receive.
type waiter struct {
	t      *engine.Thread
	cases  []Case
	chosen int    // what another goroutine has done for it; -1: nothing yet
	came   uint64 // Engine.Writes when it came to its unbuffered channels

	waits bool   // it found nothing to do
	idles uint64 // Engine.Idles then
}

func canGoOn(p unsafe.Pointer) bool {
	w := (*waiter)(p)
	for _, c := range w.cases {
		if w.ways(c.about()) > 0 {
			return true
		}
	}
	return false
}

// ready reports whether the case can go on whoever else waits.
func (a *about) ready() bool {
	switch q := a.q; {
	case q == nil:
		return false
	case q.timer != nil:
		return q.timer.when <= engine.Current.Now()
	case a.send:
		return q.closed || q.n < q.room
	default:
		return q.closed || q.n > 0
	}
}

// available reports whether others can meet the waiter. One that has another way to go
// on can't be met: that way opened after it came here, or it would have gone it, and in
// Go it would have left at that instant. For
//
//	T  select { <-a, <-b }     a unbuffered, b buffered
//	U  b <- 1; select { a <- 2, default }
//
// this means that U's second send finds nobody, whether T has come or not.
func (w *waiter) available() bool {
	for _, c := range w.cases {
		if c.about().ready() {
			return false
		}
	}
	return true
}

// partner returns the case of who has waited longest to do the reverse of a, nil if
// nobody does. Others than the longest needn't be tried: who came first may as well
// have come last, since nobody knows that it is there until they meet.
func (w *waiter) partner(a *about) Case {
	for _, c := range a.q.parked {
		if b := c.about(); b.send != a.send && b.w != w && b.w.available() {
			return c
		}
	}
	return nil
}

// ways returns in how many ways the case can go on: several if a partner has several
// cases for it.
func (w *waiter) ways(a *about) int {
	if a.ready() {
		return 1
	}
	if a.q == nil || !a.q.meets() {
		return 0
	}
	p := w.partner(a)
	if p == nil {
		return 0
	}
	n := 0
	for _, c := range p.about().w.cases {
		if b := c.about(); b.q == a.q && b.send != a.send {
			n++
		}
	}
	return n
}

// meets reports whether goroutines meet at the channel.
func (q *queue) meets() bool { return q.room == 0 && q.timer == nil }

// wait does one of the cases and returns which. It returns -1 if none can go on and
// it must not block.
func wait(e *engine.Engine, k engine.OpKind, block bool, cases []Case) int {
	if e.Aborting() {
		// A deferred call that selects in a loop must come to an end.
		e.PointAt(engine.Op{Kind: k, Loc: engine.NoLoc})
		if !block || len(cases) == 0 {
			return -1
		}
		return 0
	}
	w := &waiter{t: e.Cur(), cases: cases, chosen: -1}
	var first *queue
	meets, timed := false, false // somebody at an unbuffered channel; there is a timer's
	for i, c := range cases {
		a := c.about()
		a.w, a.i = w, i
		q := a.q
		if q == nil {
			continue
		}
		if q.gen != e.Generation() {
			q.gen, q.parked, q.passed = e.Generation(), nil, 0 // left behind by an execution that failed
		}
		meets = meets || q.meets()
		timed = timed || q.timer != nil
		if first == nil {
			first = q
		} else if q != first {
			e.With(&q.m)
		}
	}
	self := unsafe.Pointer(w)
	if block && e.IdleClock() {
		w.waits, w.idles = !canGoOn(self), e.Idles()
	}
	switch {
	case first == nil && block:
		e.Wait(engine.Op{Kind: k, Loc: engine.NoLoc}, never, nil)
		return -1
	case first == nil:
		return -1
	case !block && timed:
		e.Before(engine.OpTimed, &first.m)
		e.Without()
		i := -1
		if may, must := w.pollTimers(e); may {
			i = w.goOn(e, !must)
		}
		if i < 0 {
			e.Vain(engine.OpTimed, &first.m)
		}
		return i
	case !block:
		e.Poll(&first.m, canGoOn, self)
		e.Without()
		if !canGoOn(self) {
			e.Vain(engine.OpPoll, &first.m)
			return -1
		}
	case timed:
		if meets {
			e.Before(engine.OpTimed, &first.m)
		}
		if !meets || !canGoOn(self) {
			w.park(e, first)
			e.WaitDue(&first.m, canGoOn, due, self)
			w.leave()
		}
	case !meets:
		e.WaitAt(k, &first.m, canGoOn, self)
	default:
		// That somebody waits here is something that others see, so coming is
		// a step.
		e.Before(k, &first.m)
		if !canGoOn(self) {
			w.park(e, first)
			e.WaitAt(k, &first.m, canGoOn, self)
			w.leave()
		}
	}
	e.Without()
	if w.chosen >= 0 {
		if e.Noting() {
			a := cases[w.chosen].about()
			e.Noted(a.kind(), &a.q.m, 0, 0, 0)
		}
		return w.chosen
	}
	return w.goOn(e, false)
}

func (a *about) kind() engine.OpKind {
	if a.send {
		return engine.OpSend
	}
	return engine.OpReceive
}

// park makes the waiter wait at its unbuffered channels.
func (w *waiter) park(e *engine.Engine, first *queue) {
	seen := false
	w.came = e.Writes
	for _, c := range w.cases {
		if q := c.about().q; q != nil && q.meets() {
			q.parked = append(q.parked, c)
			seen = true
		}
	}
	if seen {
		first.noted(e, engine.OpArrive)
	}
}

// leave undoes park.
func (w *waiter) leave() {
	for _, c := range w.cases {
		if q := c.about().q; q != nil && q.meets() {
			q.parked = slices.DeleteFunc(q.parked, func(c Case) bool { return c.about().w == w })
		}
	}
}

// opened returns when the case, which can go on, became able to, as Engine.Writes then.
func (w *waiter) opened(a *about) uint64 {
	switch {
	case !a.ready():
		return w.partner(a).about().w.came
	case a.send:
		return a.q.roomed
	default:
		return a.q.filled
	}
}

// firstOpened returns until when a case must have become able to go on. Where time passes
// only when nobody can go on, a waiter that came before it did waits in Go too, and leaves by
// the case that opens first: it can't have been slow to come. When a timer fired isn't asked.
func (w *waiter) firstOpened(e *engine.Engine) uint64 {
	first := uint64(math.MaxUint64)
	if !w.waits || !e.IdleClock() || w.idles == e.Idles() {
		return first
	}
	for _, c := range w.cases {
		if a := c.about(); a.q != nil && a.q.timer == nil && w.ways(a) > 0 {
			first = min(first, w.opened(a))
		}
	}
	return first
}

// mostPassed is how often in a row selects take what never ends, a closed channel or a
// timer, although another case could go on: after that they must take the other. A
// loop around a select whose cases can always go on would otherwise never end.
const mostPassed = 4

// goOn does one of the cases that can go on and returns which, or -1 if it may do none
// and doesn't.
func (w *waiter) goOn(e *engine.Engine, orNone bool) int {
	opened, longest := w.firstOpened(e), 0
	late := func(a *about) bool {
		return opened != math.MaxUint64 && a.q != nil && a.q.timer == nil && w.ways(a) > 0 && w.opened(a) > opened
	}
	for _, c := range w.cases {
		if a := c.about(); a.q != nil && w.ways(a) > 0 && !late(a) {
			longest = max(longest, a.q.passed)
		}
	}
	ways := func(a *about) int {
		if late(a) {
			return 0
		}
		n := w.ways(a) + a.later(e)
		if n > 0 && longest >= mostPassed && a.q.passed < mostPassed {
			e.Unfair()
			return 0
		}
		return n
	}
	n := 0
	if orNone {
		n = 1
	}
	for _, c := range w.cases {
		n += ways(c.about())
	}
	n = e.Way(n)
	if orNone {
		if n--; n < 0 {
			return -1
		}
	}
	for i, c := range w.cases {
		a := c.about()
		if ways := ways(a); n >= ways {
			n -= ways
			continue
		}
		if a.q.timer != nil || a.q.closed {
			for _, c := range w.cases {
				if b := c.about(); b.q != nil && w.ways(b) > 0 {
					b.q.passed++
				}
			}
		}
		a.q.passed = 0
		if a.later(e) > 0 {
			e.MoveClock(a.q.timer.when)
		}
		if a.ready() {
			c.alone(e)
			return i
		}
		p := w.partner(a).about().w
		for _, d := range p.cases {
			if b := d.about(); b.q == a.q && b.send != a.send {
				if n--; n < 0 {
					c.meet(d)
					p.chosen = b.i
					p.leave()
					a.q.noted(e, a.kind())
					e.Wake(p.t)
					return i
				}
			}
		}
	}
	panic("explore/channel: no way to go on") // Way is below the sum of all ways
}

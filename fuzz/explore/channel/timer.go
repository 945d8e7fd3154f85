package channel

import (
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A timer sends on its channel by being looked at: its value is there from the time on
// at which it fires. So it takes no goroutine, there is never a stale value in the
// channel, and Stop reports whether nobody has received the value: as in Go 1.23.
//
// Time passes while a goroutine comes to a select as well as while it waits there. So a
// timer that hasn't fired yet is one more way to go on, unless somebody sleeps who must
// wake before.
type timer struct {
	when   int64 // virtual nanoseconds; engine.Never: it doesn't run
	period int64 // 0: it fires once

	vain   int // how often running it was polled in vain while memory didn't change
	vainAt uint64
}

// ForTimer returns the channel of a timer that doesn't run. fired makes the value for
// the time at which it fires, in nanoseconds of the virtual clock.
func ForTimer[T any](fired func(ns int64) T) *Chan[T] {
	c := Make[T](0)
	c.q.timer = &timer{when: engine.Never}
	c.fired = fired
	return c
}

// Start makes the timer of c fire after d, and if period isn't 0 again and again. It
// reports whether the timer was running. fresh says that nobody has seen c yet.
func (c *Chan[T]) Start(d, period int64, fresh bool) bool {
	e := mustRun("start of a timer")
	if e.Aborting() {
		return false
	}
	if fresh {
		e.LookAtClock() // when it fires depends on when it is started
	} else {
		e.Before(engine.OpTimed, &c.q.m)
	}
	return c.q.set(e, e.Deadline(d), period)
}

// Stop stops the timer of c, and reports whether it was running.
func (c *Chan[T]) Stop() bool {
	e := mustRun("stop of a timer")
	if e.Aborting() {
		return false
	}
	e.Before(engine.OpTimed, &c.q.m)
	return c.q.set(e, engine.Never, 0)
}

func (q *queue) set(e *engine.Engine, when, period int64) bool {
	was := q.timer.when != engine.Never
	*q.timer = timer{when: when, period: period}
	if e.Noting() {
		e.Join(&q.m)
	}
	q.noted(e, engine.OpTimed)
	return was
}

// fire takes the value and returns for which time it is.
func (t *timer) fire(e *engine.Engine) int64 {
	at := t.when
	if t.period == 0 {
		t.when = engine.Never
	} else {
		// What fired while a value was in the channel is lost.
		t.when += t.period * (1 + (e.Now()-t.when)/t.period)
	}
	return at
}

// due is when the first timer of the waiter fires.
func due(p unsafe.Pointer) int64 {
	first := int64(engine.Never)
	for _, c := range (*waiter)(p).cases {
		if q := c.about().q; q != nil && q.timer != nil {
			first = min(first, q.timer.when)
		}
	}
	return first
}

// later returns 1 if the case is that of a timer that would have fired, as the first of
// the waiter's, if the running goroutine had been slower.
func (a *about) later(e *engine.Engine) int {
	if a.q == nil || a.q.timer == nil || a.ready() || e.IdleClock() {
		return 0
	}
	if when := a.q.timer.when; when == engine.Never || when != due(unsafe.Pointer(a.w)) || !e.Reaches(when) {
		return 0
	}
	return 1
}

// vainPolls is how often a timer is polled in vain while nothing else happens before
// it fires: a loop that does nothing else lets time pass.
const vainPolls = 3

// pollTimers reports whether a select with a default, with timers' cases among its own,
// may take one of them, and whether it must. If it can only because a timer might have
// fired, that is a choice.
func (w *waiter) pollTimers(e *engine.Engine) (may, must bool) {
	if canGoOn(unsafe.Pointer(w)) {
		return true, true
	}
	must = e.Late()
	for _, c := range w.cases {
		a := c.about()
		if a.q == nil || a.q.timer == nil {
			continue
		}
		may = may || a.later(e) > 0
		t := a.q.timer
		if t.vainAt != e.Writes {
			t.vain, t.vainAt = 0, e.Writes
		}
		t.vain++
		must = must || t.vain > vainPolls
	}
	return may, must
}

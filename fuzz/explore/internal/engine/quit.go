package engine

import "unsafe"

// Quit ends the execution, which hasn't failed, with what it has done: other threads don't
// go on. It depends on whatever they do next, and doesn't return.
func (e *Engine) Quit() {
	e.PointAt(Op{Kind: OpPoint, Loc: NoLoc})
	e.beginAbort()
	e.unwind()
}

// Alone reports whether there has been one thread only: what it accesses happens before
// whatever others do.
func (e *Engine) Alone() bool { return e.n <= 1 }

// NumberOf returns a number for what is at p, counted from 0 in the order in which the
// execution asked, and whether it asked before.
func (e *Engine) NumberOf(p unsafe.Pointer) uint64 { return uint64(e.locAddr(p).ID) }

// IdleClock reports whether time passes only when nobody else can go on.
func (e *Engine) IdleClock() bool { return e.caseOf.IdleClock || e.bubble.root != nil }

// Idles returns how often somebody who slept woke. Where IdleClock holds, whoever waits now
// and came before that was waiting then.
func (e *Engine) Idles() uint64 { return e.wakes }

// TimeNow is TickClock where only that can let time pass, TellTime elsewhere: also in a
// bubble, in which no time passes while somebody works.
func (e *Engine) TimeNow() int64 {
	if e.caseOf.IdleClock && !e.InBubble() {
		return e.TickClock()
	}
	return e.TellTime()
}

// TickClock is TellTime for code that takes it for granted that time passes from one look to
// the next: it moves the clock on.
func (e *Engine) TickClock() int64 {
	e.told = true
	e.PointAt(Op{Kind: OpAdd, Loc: LocClock})
	e.now += tick
	now := e.ReadClock()
	e.Observe(uint64(now))
	return now
}

// tick is by how much, in nanoseconds.
const tick = 1000

package engine

import "unsafe"

// A bubble is what testing/synctest calls one: the thread that opened it and all threads
// that are started until it ends. In it time passes only when everybody waits for others
// of it, or sleeps.
type bubble struct {
	root    *Thread // nil if there is no bubble
	first   int     // the number of the first thread that was started in it
	waiting *Thread // in WaitIdle
}

// OpenBubble begins a bubble of the running thread and reports whether there was none.
func (e *Engine) OpenBubble() bool {
	if e.bubble.root != nil {
		return false
	}
	e.bubble = bubble{root: e.cur, first: len(e.byNumber)}
	return true
}

// CloseBubble waits until all threads of the bubble have ended, but those that a timer
// hasn't begun, and ends it.
func (e *Engine) CloseBubble() {
	e.waitIdle(func(p unsafe.Pointer) bool { return (*Engine)(p).bubbleEnded() })
	e.bubble.root = nil
}

// InBubble reports whether the running thread is in a bubble.
func (e *Engine) InBubble() bool { return e.bubble.root != nil && e.bubble.has(e.cur) }

func (b *bubble) has(t *Thread) bool { return t == b.root || t.Number >= b.first }

// WaitIdle waits until everybody else in the bubble waits for others of it, or sleeps. What
// they did happens before its return. It reports false if another thread is in it.
func (e *Engine) WaitIdle() bool {
	if e.bubble.waiting != nil {
		return false
	}
	e.bubble.waiting = e.cur
	e.waitIdle(func(p unsafe.Pointer) bool { return (*Engine)(p).othersIdle() })
	e.bubble.waiting = nil
	return true
}

// waitIdle is a step that depends on whatever others do, since any step may be the one
// after which they are idle.
func (e *Engine) waitIdle(ready func(unsafe.Pointer) bool) {
	if e.aborting {
		return
	}
	e.Poke()
	e.Wait(Op{Kind: OpPoint, Loc: NoLoc}, ready, unsafe.Pointer(e))
	if e.aborting || !e.note || !e.caseOf.Races {
		return
	}
	t := e.cur
	for i := range e.n {
		if u := &e.threads[i]; u != t && e.bubble.has(u) {
			for j := range e.n {
				t.vc[j] = max(t.vc[j], u.vc[j])
			}
			// What u does next isn't ordered with what t does next.
			u.vc[u.ID]++
		}
	}
	t.ver++
}

// bubbleEnded reports whether the root is the only thread of the bubble that is left.
func (e *Engine) bubbleEnded() bool {
	for m := e.alive; m != 0; m &= m - 1 {
		if t := &e.threads[lowest(m)]; t != e.bubble.root && e.bubble.has(t) && !e.pendingTimer(t) {
			return false
		}
	}
	return true
}

// pendingTimer reports whether the thread is that of a timer which hasn't fired.
func (e *Engine) pendingTimer(t *Thread) bool {
	return !t.begun && e.sleeping&(1<<t.ID) != 0
}

// othersIdle reports whether all threads of the bubble, but the one that asks, are durably
// blocked: a mutex doesn't count, since it may be unlocked from outside.
func (e *Engine) othersIdle() bool {
	for m := e.alive; m != 0; m &= m - 1 {
		i := lowest(m)
		t := &e.threads[i]
		switch {
		case t == e.bubble.waiting || !e.bubble.has(t) || e.asleep(i):
		case e.waiting&(1<<i) == 0 || t.op.Kind == OpLock || t.op.Kind == OpRLock || t.ready(t.obj):
			return false
		}
	}
	return true
}

package engine

import (
	"unsafe"
)

// A clock is a vector clock: for each thread, how much of it happens before. The
// engine's drop-ins make exactly the edges that the Go memory model makes: an
// atomic access synchronizes after the atomic write that it observes, a Lock
// after the Unlock before it, and so on.
type clock [MaxThreads]uint32

// acquire makes what was released at l happen before what t does next.
func (e *Engine) acquire(t *Thread, l *Loc) {
	if t.outside || int(l.last) == t.ID {
		return // t knows already what it released itself
	}
	learned := false
	for i := range e.n {
		if l.vc[i] > t.vc[i] {
			t.vc[i] = l.vc[i]
			learned = true
		}
	}
	if learned {
		t.ver++
	}
}

// release makes what t did happen before whoever acquires l from now on. What
// others released there before is forgotten, unless t has acquired it: a plain
// atomic store is observed instead of the earlier ones.
func (e *Engine) release(t *Thread, l *Loc) {
	if t.outside {
		return // everything outside happens before or after all threads
	}
	if int(l.last) == t.ID && l.ver == t.ver {
		l.vc[t.ID] = t.vc[t.ID]
	} else {
		for i := range e.n {
			l.vc[i] = t.vc[i]
		}
		l.last, l.ver = int8(t.ID), t.ver
	}
	t.vc[t.ID]++
}

// join is release that keeps what others released: for the primitives at which
// several may release before one acquires.
func (e *Engine) join(t *Thread, l *Loc) {
	if t.outside {
		return
	}
	for i := range e.n {
		l.vc[i] = max(l.vc[i], t.vc[i])
	}
	l.last = -1
	t.vc[t.ID]++
}

// fork makes what parent did happen before what child does.
func (e *Engine) fork(parent, child *Thread) {
	if !parent.outside {
		child.vc = parent.vc
		parent.vc[parent.ID]++
	}
	child.vc[child.ID] = 1
}

// Acquire, Release and Join do what their names say at the location of m, for
// drop-ins whose accesses aren't told to After.

// Acquire makes what was released at m happen before what follows.
func (e *Engine) Acquire(m *Meta) {
	if e.note && e.caseOf.Races {
		e.acquire(e.cur, e.loc(m))
	}
}

// Release makes what the running thread did happen before who acquires m next.
func (e *Engine) Release(m *Meta) {
	if e.note && e.caseOf.Races {
		e.release(e.cur, e.loc(m))
	}
}

// Join is Release that keeps what other threads released at m.
func (e *Engine) Join(m *Meta) {
	if e.note && e.caseOf.Races {
		e.join(e.cur, e.loc(m))
	}
}

// A cell is plain memory whose accesses are checked.
type cell struct {
	writer int8 // -1: written by nobody but Setup
	wclk   uint32
	reads  clock // when each thread read last
	wpc    string
	rpc    [MaxThreads]string
}

func (e *Engine) cellOf(p unsafe.Pointer) *cell {
	v, found := e.cellAt.at(p)
	if !found {
		*v = uint32(len(e.cells))
		e.cells = append(e.cells, cell{writer: -1})
	}
	return &e.cells[*v]
}

// Read checks a plain read of the object at p: every write of it by another
// thread must happen before. It is no scheduling point.
func (e *Engine) Read(p unsafe.Pointer) {
	if !e.note || !e.caseOf.Races || e.phase != runPhase || e.aborting {
		return
	}
	t := e.cur
	c := e.cellOf(p)
	at := ""
	if e.trace {
		at = e.event(t, Op{Kind: OpRead, Loc: NoLoc}, 0, 0, false)
	}
	if w := int(c.writer); w >= 0 && w != t.ID && c.wclk > t.vc[w] {
		e.Fail(KindRace, "plain read by "+t.Name()+where(at)+" is not ordered with the write by T"+itoa(w)+where(c.wpc))
	}
	c.reads[t.ID] = t.vc[t.ID]
	c.rpc[t.ID] = at
}

// Write checks a plain write of the object at p: every access of it by another
// thread must happen before. It is no scheduling point.
func (e *Engine) Write(p unsafe.Pointer) {
	if !e.note || !e.caseOf.Races || e.phase != runPhase || e.aborting {
		return
	}
	t := e.cur
	c := e.cellOf(p)
	at := ""
	if e.trace {
		at = e.event(t, Op{Kind: OpWrite, Loc: NoLoc}, 0, 0, true)
	}
	if w := int(c.writer); w >= 0 && w != t.ID && c.wclk > t.vc[w] {
		e.Fail(KindRace, "plain write by "+t.Name()+where(at)+" is not ordered with the write by T"+itoa(w)+where(c.wpc))
	}
	for i := range e.n {
		if i != t.ID && c.reads[i] > t.vc[i] {
			e.Fail(KindRace, "plain write by "+t.Name()+where(at)+" is not ordered with the read by T"+itoa(i)+where(c.rpc[i]))
		}
	}
	clear(c.reads[:])
	c.writer, c.wclk, c.wpc = int8(t.ID), t.vc[t.ID], at
}

func where(at string) string {
	if at == "" {
		return ""
	}
	return " at " + at
}

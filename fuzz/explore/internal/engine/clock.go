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
		copy(child.vc[:e.n], parent.vc[:e.n])
		parent.vc[parent.ID]++
	}
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
	writer  int8 // its ID; -1: written by nobody but Setup
	wclk    uint32
	readers uint64 // threads that have read since
	reads   clock  // when each of them did last
}

func (e *Engine) cellOf(p unsafe.Pointer) uint32 {
	v, found := e.cellAt.at(p)
	if !found {
		*v = uint32(len(e.cells))
		if len(e.cells) < cap(e.cells) {
			e.cells = e.cells[:len(e.cells)+1]
		} else {
			e.cells = append(e.cells, cell{})
		}
		c := &e.cells[*v]
		c.writer, c.wclk, c.readers = -1, 0, 0
	}
	return *v
}

// Read checks a plain read of the object at p: every write of it by another
// thread must happen before. It is no scheduling point.
func (e *Engine) Read(p unsafe.Pointer) {
	if !e.note || !e.caseOf.Races || e.phase != runPhase || e.aborting {
		return
	}
	t := e.cur
	i := e.cellOf(p)
	if e.trace {
		e.accessed(t, i, OpRead)
	}
	c := &e.cells[i]
	if w := int(c.writer); w >= 0 && w != t.ID && c.wclk > t.vc[w] {
		e.unordered(i, OpRead, OpWrite, w)
	}
	c.readers |= 1 << t.ID
	c.reads[t.ID] = t.vc[t.ID]
}

// Write checks a plain write of the object at p: every access of it by another
// thread must happen before. It is no scheduling point.
func (e *Engine) Write(p unsafe.Pointer) {
	if !e.note || !e.caseOf.Races || e.phase != runPhase || e.aborting {
		return
	}
	t := e.cur
	i := e.cellOf(p)
	if e.trace {
		e.accessed(t, i, OpWrite)
	}
	c := &e.cells[i]
	if w := int(c.writer); w >= 0 && w != t.ID && c.wclk > t.vc[w] {
		e.unordered(i, OpWrite, OpWrite, w)
	}
	for m := c.readers &^ (1 << t.ID); m != 0; m &= m - 1 {
		if r := lowest(m); c.reads[r] > t.vc[r] {
			e.unordered(i, OpWrite, OpRead, r)
		}
	}
	c.readers = 0
	c.writer, c.wclk = int8(t.ID), t.vc[t.ID]
}

// An accessor is who read or wrote a cell last.
type accessor struct {
	cell uint32
	id   int
	kind OpKind
}

// accessed keeps who made the access in the source, for unordered.
func (e *Engine) accessed(t *Thread, cell uint32, k OpKind) {
	at := e.event(t, Op{Kind: k, Loc: locCell(cell)}, 0, 0, k == OpWrite)
	if e.accessors == nil {
		e.accessors = make(map[accessor]string)
	}
	e.accessors[accessor{cell, t.ID, k}] = t.Name() + where(at)
}

// unordered fails: the running thread's access isn't ordered with the last one of the
// other kind of thread id.
func (e *Engine) unordered(cell uint32, k, other OpKind, id int) {
	who := func(id int, k OpKind) string {
		if s, ok := e.accessors[accessor{cell, id, k}]; ok {
			return s
		}
		return e.threads[id].Name()
	}
	of := ""
	if n := e.LocName(locCell(cell)); n != "" {
		of = " of " + n
	}
	e.Fail(KindRace, "plain "+k.String()+of+" by "+who(e.cur.ID, k)+" is not ordered with the "+other.String()+" by "+who(id, other))
}

func where(at string) string {
	if at == "" {
		return ""
	}
	return " at " + at
}

package engine

import (
	"math/bits"
	"unsafe"
)

// An Access is what a drop-in tells of an access that it has just made.
type Access struct {
	Kind     OpKind
	Old, New uint64 // the value of the location before and after
	Seen     uint64 // what the code learned by the access
	Wrote    bool
	Pointer  bool // Old and New are from PointerID
}

// After takes note of an access to the location of m. The caller has looked at
// Noting; it counts Writes itself.
func (e *Engine) After(m *Meta, a Access) {
	if e.detail || e.located || e.phase == runPhase {
		e.after(e.loc(m), a)
	}
}

// AfterAddr is After for an address.
func (e *Engine) AfterAddr(p unsafe.Pointer, a Access) {
	if e.detail || e.located || e.phase == runPhase {
		e.after(e.locAddr(p), a)
	}
}

func (e *Engine) after(l *Loc, a Access) {
	if e.caseOf.Races && e.phase == runPhase {
		if a.Kind != OpStore {
			e.acquire(e.cur, l)
		}
		if a.Wrote {
			e.release(e.cur, l)
		}
	}
	e.tell(l, a)
}

// tell is after without what happens before what.
func (e *Engine) tell(l *Loc, a Access) {
	t := e.cur
	if e.access != nil && e.phase == runPhase {
		e.access(t.Number, l.ID, a.Wrote)
	}
	if !e.detail {
		return
	}
	if e.hist {
		v := mix(l.name+1, a.New)
		e.mem ^= l.value ^ v
		l.value = v
	}
	e.noted(t, Op{a.Kind, l.ID}, a.Old, a.New, a.Seen, true, a.Wrote)
	if a.Pointer && e.trace && len(e.Events) > 0 {
		ev := &e.Events[len(e.Events)-1]
		ev.OldName, ev.NewName = e.pointerName(a.Old), e.pointerName(a.New)
	}
}

func (e *Engine) pointerName(id uint64) string {
	if id == 0 {
		return "nil"
	}
	return "&" + e.LocName(uint32(id-1))
}

// State sets what the location of m contributes to the state of memory: for
// drop-ins whose points don't go through After.
func (e *Engine) State(m *Meta, value uint64) {
	if e.hist {
		l := e.loc(m)
		v := mix(l.name+1, value)
		e.mem ^= l.value ^ v
		l.value = v
	}
}

// Contents returns a number that stands for what is in an object whose contents have
// no number of their own (a channel, a map, a pool), after the running thread has
// changed it. old is what stood for it before. With the hash of the state, how
// contents came to be stands for them: a count of changes would be the same for
//
//	T0 sends 1, T1 sends 2     and     T1 sends 2, T0 sends 1
func (e *Engine) Contents(old uint64) uint64 {
	if !e.hist {
		return old + 1
	}
	return mix(old, mix(uint64(e.cur.Number), e.cur.hist))
}

// Noted takes note of an access that has no value: of a lock, for example.
// Locks that are taken and dropped are told with Hold and Unhold.
func (e *Engine) Noted(k OpKind, m *Meta, old, new, seen uint64) {
	e.noted(e.cur, Op{k, e.loc(m).ID}, old, new, seen, true, true)
}

// Hold and Unhold say that the running thread holds the lock of m, exclusively.
func (e *Engine) Hold(m *Meta)   { e.cur.hold(e.loc(m).ID) }
func (e *Engine) Unhold(m *Meta) { e.cur.unhold(e.loc(m).ID) }

func (e *Engine) noted(t *Thread, op Op, old, new, seen uint64, ok, wrote bool) {
	if !e.detail {
		return
	}
	if e.hist {
		again := e.retries && t.lastLoad == op.Loc
		switch {
		case again && op.Kind == OpCAS && !wrote:
			t.hist = t.histLoad
		case again && op.Kind == OpLoad && t.lastValue == seen:
		default:
			if op.Kind == OpLoad {
				t.histLoad = t.hist
			}
			t.hist = mix(t.hist, uint64(op.Kind)<<32|uint64(op.Loc)) + mix(seen, 0x51)
		}
	}
	spins := false
	if (op.Kind == OpLoad || op.Kind == OpPoll) && !t.outside {
		// A loop that waits for a change reads the same again. From the
		// third time on it needs to run only when something has changed.
		if t.lastLoad == op.Loc && t.lastValue == seen {
			if t.repeats++; t.repeats >= 2 {
				t.autoAt, t.coarse = e.Writes, false
				spins = true
			}
		} else {
			t.lastLoad, t.lastValue, t.repeats = op.Loc, seen, 0
		}
	} else {
		t.lastLoad = NoLoc
	}
	if spins {
		e.spinning |= 1 << t.ID
		e.settleSpinners(t)
	} else if !t.outside {
		e.spinning &^= 1 << t.ID
	}
	if e.trace && e.phase == runPhase {
		e.event(t, op, old, new, wrote)
	}
}

// Elsewhere says that the running thread looks at another part of something that is
// one location here, so that it isn't taken to wait for a change of it.
func (e *Engine) Elsewhere() { e.cur.lastLoad = NoLoc }

// Observe says that the running thread has learned v other than through an
// explored access.
func (e *Engine) Observe(v uint64) {
	if e.hist {
		e.cur.hist = mix(e.cur.hist, v)
	}
}

// Boundary says that the running thread has finished an operation of its
// program, and that all that it remembers is described by state. Without it,
// two ways to the same point count as different if the thread has seen different
// values on the way.
func (e *Engine) Boundary(state uint64) {
	t := e.cur
	if t.outside || e.aborting {
		return
	}
	t.opIndex++
	t.lastLoad = NoLoc
	if e.hist {
		t.hist = mix(uint64(t.opIndex), state)
	}
}

// StateHash returns a hash of everything that decides how the execution can go
// on: explored memory, what each thread has seen since its last Boundary, what it
// waits for, and which plain accesses happen before what.
func (e *Engine) StateHash() uint64 {
	h := e.mem
	for i := range e.n {
		t := &e.threads[i]
		v := t.hist
		if t.done {
			v = mix(v, 0xdead)
		} else {
			v = mix(v, uint64(t.op.Kind)<<32|uint64(t.op.Loc))
			flags := uint64(t.Pinned()+1)<<8 | uint64(t.passed)<<4
			bit := uint64(1) << i
			if e.waiting&bit != 0 {
				flags |= 1
			}
			if e.yielding&bit != 0 && t.yieldAt == e.Writes {
				flags |= 2
			}
			if e.spinning&bit != 0 && t.autoAt == e.Writes {
				flags |= 4
			}
			if e.asleep(i) {
				flags |= uint64(e.wakeAt(t)-e.now) << 16
				if t.wokeAt == e.Writes {
					flags |= 8
				}
			}
			v = mix(v, flags)
		}
		h += mix(v, uint64(i)+0x77)
	}
	if n := len(e.byNumber); n > e.n {
		h += mix(uint64(n), 0x72) // others have had their IDs
	}
	if e.timers {
		h += mix(uint64(e.now), 0x71)
	}
	if len(e.cells) > 0 {
		h += e.orderHash()
	}
	return h
}

// orderHash hashes what the happens-before check can still complain about: for
// each cell, which threads and locations know of its last write and reads.
func (e *Engine) orderHash() uint64 {
	h := uint64(len(e.cells))
	for i := range e.cells {
		c := &e.cells[i]
		knows := func(vc *clock) uint64 {
			var k uint64
			if w := int(c.writer); w >= 0 && vc[w] >= c.wclk {
				k = 1
			}
			for m := c.readers; m != 0; m &= m - 1 {
				j := lowest(m)
				k = mix(k, uint64(j))
				if vc[j] >= c.reads[j] {
					k++
				}
			}
			return k
		}
		v := uint64(uint8(c.writer))
		for j := range e.n {
			v = mix(v, knows(&e.threads[j].vc))
		}
		for j := range e.locs {
			v += mix(e.locs[j].name, knows(&e.locs[j].vc))
		}
		for j := range e.caseOf.CPUs {
			v += mix(uint64(j)+99, knows(&e.cpuClocks[j].vc))
		}
		for m := e.buffering; m != 0; m &= m - 1 {
			j := lowest(m)
			v += mix(uint64(j)+199, knows(&e.threads[j].buffer.vc))
		}
		h = mix(h, v)
	}
	return h
}

// mix is a 64-bit mixing step: the high and low half of a 128-bit product.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd6e8feb86659fd93)
	return hi ^ lo ^ (a<<32 | a>>32)
}

// LookAddr takes note of an access to memory at p whose value is declared by
// SetAddr. It makes no happens-before edge.
func (e *Engine) LookAddr(k OpKind, p unsafe.Pointer) {
	if !e.detail {
		return
	}
	l := e.locAddr(p)
	e.noted(e.cur, Op{k, l.ID}, l.set, l.set, l.set, true, k != OpLoad)
	e.cur.lastLoad = NoLoc // looking at one thing several times isn't waiting
}

// SetAddr declares the value of memory at p.
func (e *Engine) SetAddr(p unsafe.Pointer, value uint64) {
	if !e.detail {
		return
	}
	l := e.locAddr(p)
	old := l.set
	l.set = value
	if e.hist {
		v := mix(l.name+1, value)
		e.mem ^= l.value ^ v
		l.value = v
	}
	e.noted(e.cur, Op{OpStore, l.ID}, old, value, 0, true, true)
}

// Tracing reports whether Events are kept.
func (e *Engine) Tracing() bool { return e.trace }

// UnholdBy is Unhold for the thread that locked: a mutex may be unlocked by
// another.
func (e *Engine) UnholdBy(thread int, m *Meta) {
	t := &e.outside
	if thread < MaxThreads {
		t = &e.threads[thread]
	}
	t.unhold(e.loc(m).ID)
}

package engine

// A Buffered is an integer whose stores wait in a store buffer, as plain stores do on machines
// with total store order (Sewell and others, "x86-TSO", CACM 2010). Its zero value is 0.
//
// A thread's buffer has room for one store. The thread itself reads from it what it has
// stored. Others read what was there before, at most once each, or find the buffer drained by
// then: which, is a choice of the search. The buffer drains at the latest before the
// thread's next step that isn't a load; that is a point of its own, so that others may come
// between. A store of the word by anybody drains it too, and so does DrainAll.
//
// While there is something in a buffer, or the running thread comes to that point, each point is a
// decision, so that Before needn't ask.
//
// So every execution is one that such a machine can have: stores of a thread become visible in
// their order, each at one moment. Not every one is tried: longer buffers show more.
type Buffered struct {
	v int64 // what is in memory
	m Meta
}

// Value and Set are what a load and a store are outside of an exploration.
func (w *Buffered) Value() int64 { return w.v }
func (w *Buffered) Set(v int64)  { w.v = v }

// A bufferedStore is what is in a thread's store buffer.
type bufferedStore struct {
	w     *Buffered
	v     int64
	stale uint64 // threads that have read what was there before
	vc    clock  // what happens before the store
}

// LoadBuffered returns what the running thread reads.
func (e *Engine) LoadBuffered(w *Buffered) int64 {
	e.Before(OpLate, &w.m)
	t, v := e.cur, w.v
	var hides *Thread // whose store isn't seen
	if u := e.buffererOf(w); u != nil {
		b := &u.buffer
		bit := uint64(1) << t.ID
		switch {
		case t.outside:
		case u == t:
			v = b.v
		case b.stale&bit == 0 && e.Way(2) == 1:
			b.stale |= bit
			hides = u
		default:
			e.drain(u)
			v = w.v
		}
	}
	if e.note {
		l := e.loc(&w.m)
		a := Access{Kind: OpLoad, Old: uint64(v), New: uint64(v), Seen: uint64(v)}
		if hides != nil {
			e.Text("doesn't see " + hides.Name() + "'s store of " + itoa(int(hides.buffer.v)) + " yet")
		}
		e.after(l, a)
		e.bufferState(w)
	}
	return v
}

// StoreBuffered puts a store into the running thread's buffer.
func (e *Engine) StoreBuffered(w *Buffered, v int64) {
	t := e.cur
	if t.empties == w {
		t.empties = nil // this very step drains it
	}
	e.Before(OpBuffer, &w.m)
	old := w.v
	if u := e.buffererOf(w); u != nil {
		old = u.buffer.v
		e.drain(u)
	}
	e.Writes++
	if t.outside || e.aborting {
		w.v = v
	} else {
		t.empties = w
		t.buffer = bufferedStore{w: w, v: v}
		e.buffering |= 1 << t.ID
		e.refuel(0)
	}
	if e.note {
		l := e.loc(&w.m)
		if e.caseOf.Races && e.phase == runPhase {
			t.buffer.vc = t.vc
			t.vc[t.ID]++
		}
		e.tell(l, Access{Kind: OpStore, Old: uint64(old), New: uint64(v), Wrote: true})
		e.bufferState(w)
	}
}

// DrainAll drains the buffers of all other threads, one after the other. The running thread's
// is drained, since this comes after a step that isn't a load.
func (e *Engine) DrainAll() {
	for m := e.buffering; m != 0; m &= m - 1 {
		t := &e.threads[lowest(m)]
		w := t.buffer.w
		e.PointAt(e.draining(w))
		// If something else is in it by now the thread has drained it meanwhile.
		if e.buffering&(1<<t.ID) != 0 && t.buffer.w == w {
			e.drain(t)
		}
	}
}

// emptyBuffer drains the running thread's buffer, at a point of its own.
func (e *Engine) emptyBuffer() {
	t := e.cur
	w := t.empties
	if w == nil || e.aborting {
		return
	}
	t.empties = nil
	e.PointAt(e.draining(w))
	if e.buffering&(1<<t.ID) != 0 {
		e.drain(t)
	}
}

func (e *Engine) draining(w *Buffered) Op {
	op := Op{Kind: OpDrain, Loc: NoLoc}
	if e.note {
		op.Loc = e.loc(&w.m).ID
	}
	return op
}

// drain makes the thread's store visible.
func (e *Engine) drain(t *Thread) {
	b := &t.buffer
	b.w.v = b.v
	e.buffering &^= 1 << t.ID
	e.Writes++
	if e.note {
		if e.caseOf.Races && e.phase == runPhase {
			l := e.loc(&b.w.m)
			l.vc, l.last = b.vc, -1
		}
		e.bufferState(b.w)
	}
}

// buffererOf returns the thread in whose buffer a store of the word is, or nil.
func (e *Engine) buffererOf(w *Buffered) *Thread {
	for m := e.buffering; m != 0; m &= m - 1 {
		if t := &e.threads[lowest(m)]; t.buffer.w == w {
			return t
		}
	}
	return nil
}

// bufferState tells what the word contributes to the state of memory.
func (e *Engine) bufferState(w *Buffered) {
	if !e.hist {
		return
	}
	v := uint64(w.v)
	if t := e.buffererOf(w); t != nil {
		v = mix(mix(v, uint64(t.buffer.v)), mix(uint64(t.ID), t.buffer.stale))
	}
	e.State(&w.m, v)
}

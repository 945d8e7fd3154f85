package engine

import "unsafe"

// With says that the running thread's next access touches the location of m too,
// besides the one that it is told with. Without ends that.
func (e *Engine) With(m *Meta) {
	if e.note {
		e.cur.with = append(e.cur.with, e.loc(m).ID)
	}
}

// Without says that the next access touches one location, as most do.
func (e *Engine) Without() { e.cur.with = e.cur.with[:0] }

// Name gives the location of m its ID now instead of when it is first accessed:
// then the ID doesn't depend on who comes to it first.
func (e *Engine) Name(m *Meta) {
	if e.note {
		e.loc(m)
	}
}

// Poll is the point before a look whether ready(obj) holds, at the location of m. If
// it doesn't, the caller tells it with Vain.
func (e *Engine) Poll(m *Meta, ready func(unsafe.Pointer) bool, obj unsafe.Pointer) {
	// While others run, the engine asks whether a thread that polls again and
	// again would find something.
	e.cur.ready, e.cur.obj = ready, obj
	e.Before(OpPoll, m)
}

// Vain says that a look of the kind found nothing.
func (e *Engine) Vain(k OpKind, m *Meta) {
	if e.note {
		e.noted(e.cur, Op{k, e.loc(m).ID}, 0, 0, 0, true, false)
	}
}

// Unfair says that a way to go on isn't offered because others have been passed over too
// often.
func (e *Engine) Unfair() { e.waited = true }

// Way returns which of n ways, from 0, the running thread's step takes. A step has
// one such choice at most.
func (e *Engine) Way(n int) int {
	if n <= 1 || e.phase != runPhase || e.aborting {
		return 0
	}
	if n > MaxWays {
		e.Fail(KindUnsupported, "a select with "+itoa(n)+" cases that can go on, at most "+itoa(MaxWays)+" can be modelled")
	}
	i := e.search.PickWay(e, n)
	if i < 0 || i >= n {
		e.Fail(KindNondeterministic, "the schedule does not fit: there are "+itoa(n)+" ways to go on at point "+itoa(e.Step())+", and it takes number "+itoa(i))
	}
	if e.recording && i != 0 {
		e.rec = append(e.rec, Decision{Step: e.Step(), Choice: uint8(i), Of: OfWay})
	}
	e.Observe(uint64(i))
	return i
}

// Wake lets a blocked thread go on, because the running one has done for it what it
// waited for: the two happen together, so what either has done before happens before
// what either does after. What t does next touches nothing that others can see.
func (e *Engine) Wake(t *Thread) {
	bit := uint64(1) << t.ID
	e.waiting &^= bit
	e.sleeping &^= bit
	e.yielding &^= bit
	t.ready, t.due = nil, nil
	t.op = Op{Kind: OpWake, Loc: NoLoc}
	t.with = t.with[:0]
	if e.hist {
		t.hist = mix(t.hist, e.Writes)
	}
	if e.note && e.caseOf.Races {
		u := e.cur
		for i := range e.n {
			both := max(t.vc[i], u.vc[i])
			t.vc[i], u.vc[i] = both, both
		}
		t.vc[t.ID]++
		u.vc[u.ID]++
		t.ver++
		u.ver++
	}
	e.Poke()
}

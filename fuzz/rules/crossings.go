package rules

import (
	"fmt"
	"slices"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// each is how many calls a worker makes in a life, where they are all the same.
const each = 8

// some is how many references a call with a number takes or drops in crossings.
const some = 3

func crossings() []Rule {
	var list []Rule
	add := func(name, doc string, plan func(*env) func() error) {
		list = append(list, Rule{name, Crossing, doc, plan})
	}
	for _, c := range []spec.Call{{Op: spec.Get}, {Op: spec.GetN, N: some}, {Op: spec.TryGet}, {Op: spec.TryGetN, N: some}} {
		add("many "+c.String()+" past the limit",
			"Goroutines that begin below the limit and cross it together do what they do one after the other.",
			func(e *env) func() error { return e.past(c) })
	}
	add("TryGet and Put at the limit",
		"Goroutines that each take a reference at the limit and drop it leave the count at the limit, or saturated.", (*env).upAndDown)
	for _, c := range []spec.Call{{Op: spec.Put}, {Op: spec.PutN, N: some}} {
		add("many "+c.String()+" below zero",
			"Goroutines that drop more references than there are do what they do one after the other.",
			func(e *env) func() error { return e.past(c) })
	}
	add("many Drop down to one", "Goroutines that take references and drop them with Drop leave the one that was there.", (*env).dropToOne)
	add("many Get on zero", "Goroutines that take references of a dead count do what they do one after the other.", func(e *env) func() error {
		return e.same(e.from(e.exact(0)), spec.Call{Op: spec.Get})
	})
	add("everything on a dead count", "Whatever must leave a dead count dead does, all the time.", func(e *env) func() error {
		return e.stays(e.exact(0))
	})
	add("everything on a saturated count", "Whatever must leave a saturated count saturated does, all the time.", func(e *env) func() error {
		st := e.exact(0)
		st.Saturated = true
		return e.stays(st)
	})
	add("order before the last Put",
		"What a holder wrote before it dropped its reference is seen by whoever drops the last; under the race detector, without a report.",
		(*env).orderedBeforeLast)
	add("many Get and Put", "Goroutines that take and drop references of a live count leave as many as they hold.", (*env).pairs)
	add("many last drops", "In each of many short lives exactly one of the goroutines that drop references is told that its was the last.", (*env).churn)
	for _, c := range [][2]spec.Call{{{Op: spec.TryGet}, {Op: spec.Put}}, {{Op: spec.TryGetN, N: some}, {Op: spec.PutN, N: some}}} {
		add(fmt.Sprintf("%s against the last %s", c[0].Op, c[1].Op),
			fmt.Sprintf("%s that races with the last drop either keeps the count alive or fails.", c[0].Op),
			func(e *env) func() error { return e.lookup(c[0], c[1]) })
	}
	add("many PutIfOne", "Of goroutines that drop the only reference if it is the only one, one does.", (*env).onlyOne)
	add("many PutUnlessOne", "Of goroutines that drop their references, the one that finds that it has the last drops it with Put.", (*env).unlessOne)
	add("many PutAndLock", "An object that is found under the lock is alive, because PutAndLock drops the last reference under it.", (*env).locked)
	add("switching modes", "References that are taken and dropped while the mode changes are counted.", (*env).modes)
	add("TryGetLive against KillAndConfirm", "No TryGetLive takes a reference after the confirmation.", (*env).confirmed)
	return list
}

// same is a crossing in which all workers make the same call, each of them several
// times. Whatever their order, it ends as if they were made one after the other.
func (e *env) same(starts []begin, call spec.Call) func() error {
	e.need(call.Op)
	n := e.cfg.Workers * each
	var why string
	starts = slices.DeleteFunc(starts, func(b begin) bool {
		_, _, w := e.fold(b.state, call, n)
		if w != "" {
			why = w
		}
		return w != ""
	})
	if len(starts) == 0 {
		e.skip("%s", why)
	}
	// TryGet that may fail takes fewer. What it took is there.
	fewer := call.Op.Moves().If == spec.Alive && e.p.TryGet == strategies.Spurious
	return e.cross(crossing{
		starts: starts,
		body: func(w *worker, l *life) {
			for range each {
				w.call(l, call)
			}
		},
		ends: func(l *life, trues int) (spec.State, error) {
			end, want, _ := e.fold(l.from.state, call, n)
			if fewer && trues <= want {
				end, _, _ = e.fold(l.from.state, call, trues)
				return end, nil
			}
			if trues != want {
				return end, fmt.Errorf("%d of %d calls of %s returned true, want %d", trues, n, call, want)
			}
			return end, nil
		},
	})
}

// past is a crossing of a boundary by the same call: of the limit if it takes references,
// of zero if it drops them. How far past it all calls together go differs: if it were
// always far, a lost call wouldn't show.
func (e *env) past(call spec.Call) func() error {
	e.need(call.Op)
	total := int64(e.cfg.Workers*each) * call.Refs()
	e.room(int(total) + 2)
	var starts []begin
	for _, beyond := range []int64{0, 1, 2, int64(e.cfg.Workers)} {
		if call.Op.Takes() {
			starts = append(starts, e.at(e.p.Limit-total+beyond))
		} else {
			starts = append(starts, e.at(total-beyond))
		}
	}
	return e.same(starts, call)
}

func (e *env) upAndDown() func() error {
	limit, n := e.p.Limit, int64(e.cfg.Workers)
	e.room(e.cfg.Workers + 2)
	// At the limit the first TryGet is past it. Farther below than there are
	// goroutines, none is.
	starts := []begin{e.at(limit - n), e.from(e.exact(limit))[0]}
	try := spec.Call{Op: spec.TryGet}
	if _, _, why := e.fold(starts[1].state, try, 1); why != "" {
		starts = starts[:1]
	}
	return e.cross(crossing{
		starts: starts,
		body: func(w *worker, l *life) {
			for range each {
				if !w.call(l, try) {
					continue
				}
				w.trues[l.slice]--
				l.took.Store(true)
				w.pause()
				w.do(l, spec.Put)
			}
		},
		ends: func(l *life, trues int) (spec.State, error) {
			end, _, _ := e.fold(l.from.state, try, 1)
			// A TryGet that may fail may do so each time.
			none := !l.took.Load() && e.p.TryGet == strategies.Spurious
			if !end.Saturated || none {
				end = l.from.state
			}
			if trues > 0 {
				return end, fmt.Errorf("%d calls of Put reported the last reference at the limit", trues)
			}
			return end, nil
		},
	})
}

// stays is a crossing in which workers make any of the calls that leave the state
// as it is and answer alike.
func (e *env) stays(st spec.State) func() error {
	// What a count that isn't exact reads as while others use it isn't promised.
	reads := e.p.Count == strategies.Exact
	var calls []spec.Call
	var want []bool
	for _, c := range e.sp.Calls() {
		switch os := e.sp.Step(st, c); {
		case len(os) != 1 || os[0].Next != st || os[0].Panics:
		case c.Op.Power() == strategies.PowerSwitcher && c.Op.By() != spec.Anybody:
			// Only one goroutine at a time may switch.
		default:
			calls = append(calls, c)
			want = append(want, os[0].Result)
		}
	}
	return e.cross(crossing{
		starts: e.from(st),
		body: func(w *worker, l *life) {
			for range 2 * each {
				i := w.rng.IntN(len(calls))
				if calls[i].Op == spec.Count && reads {
					if _, err := e.sp.Check(st, calls[i], spec.Do(l.Counter, calls[i])); err != nil {
						w.failf("%w", err)
					}
					continue
				}
				if got := w.call(l, calls[i]); calls[i].Op.Reports() && got != want[i] {
					w.failf("%s returned %v, want %v", calls[i], got, want[i])
				}
			}
		},
		ends: func(*life, int) (spec.State, error) { return st, nil },
	})
}

func (e *env) dropToOne() func() error {
	e.need(spec.Drop)
	e.room(e.cfg.Workers + 1)
	return e.cross(crossing{
		starts: e.from(e.exact(1)),
		body: func(w *worker, l *life) {
			for range each {
				w.do(l, spec.Get)
				w.do(l, spec.Drop)
			}
		},
	})
}

// orderedBeforeLast shares nothing but the count and plain memory, whose use the race
// detector judges.
func (e *env) orderedBeforeLast() func() error {
	return e.cross(crossing{
		starts: e.held(e.cfg.Workers),
		body: func(w *worker, l *life) {
			w.pause()
			l.written[w.id] = l.id + 1
			last := w.do(l, spec.Put)
			if w.id == 0 {
				last = w.do(l, spec.Kill) || last
			}
			if !last {
				return
			}
			for i, got := range l.written {
				if got != l.id+1 {
					w.failf("dropped the last reference and reads %d of goroutine %d, want %d", got, i, l.id+1)
				}
			}
		},
		ends: func(_ *life, trues int) (spec.State, error) {
			st := spec.State{Killed: true}
			if trues != 1 {
				return st, fmt.Errorf("%d drops reported the last reference, want 1", trues)
			}
			return st, nil
		},
	})
}

// alive takes a reference with TryGet, while one is held.
func (e *env) alive(w *worker, l *life, take spec.Call) bool {
	got := w.call(l, take)
	if !got && e.p.TryGet == strategies.Exact {
		w.failf("%s failed while references are held", take)
	}
	return got
}

func (e *env) pairs() func() error {
	const keeps = 3 // references at the end of every other life, and never more before
	e.room(1 + keeps*e.cfg.Workers)
	return e.cross(crossing{
		starts: e.from(e.sp.Start(1)),
		body: func(w *worker, l *life) {
			for range 4 * each {
				refs := 1 + w.rng.IntN(keeps)
				w.do(l, spec.Get)
				if w.rng.IntN(8) == 0 {
					w.pause()
				}
				for range refs - 1 {
					if w.rng.IntN(2) == 0 {
						w.do(l, spec.Get)
					} else if !e.alive(w, l, spec.Call{Op: spec.TryGet}) {
						refs--
					}
				}
				for range refs {
					w.do(l, spec.Put)
				}
			}
			for range l.id % 2 * keeps {
				w.do(l, spec.Get)
			}
		},
	})
}

func (e *env) churn() func() error {
	n := e.cfg.Workers
	e.room(2*n + 1)
	return e.cross(crossing{
		starts: e.held(n),
		body: func(w *worker, l *life) {
			owner := l.id % n
			if w.id == owner && w.rng.IntN(2) == 0 {
				w.do(l, spec.Kill)
				owner = -1
			}
			for range w.rng.IntN(4) {
				w.do(l, spec.Get)
				w.pause()
				w.do(l, spec.Put)
			}
			w.pause()
			if w.id == owner {
				w.do(l, spec.Kill)
			}
			w.do(l, spec.Put)
		},
	})
}

func (e *env) lookup(take, drop spec.Call) func() error {
	e.need(take.Op)
	e.room(e.cfg.Workers * int(take.Refs()))
	const tries = 200 // as goroutines that take turns can keep the count alive for as long as they like
	return e.cross(crossing{
		starts: e.from(e.sp.Start(1)),
		// Between looking and taking are nanoseconds. Whoever is ahead waits at a live
		// count, and whoever is behind passes the dead ones, so that they meet at most of
		// the deaths while both have a CPU.
		lives: 100,
		body: func(w *worker, l *life) {
			if w.id == l.id%2 {
				for range w.rng.IntN(64) {
					w.rng.Uint32()
				}
				w.do(l, spec.Kill)
				return
			}
			for i := range tries {
				if !w.call(l, take) {
					if e.p.TryGet == strategies.Exact && w.call(l, take) {
						w.failf("%s succeeded after one that had failed", take)
					}
					return
				}
				if i%64 == w.rng.IntN(64) {
					w.pause()
				}
				w.call(l, drop)
			}
		},
	})
}

func (e *env) onlyOne() func() error {
	e.need(spec.PutIfOne)
	return e.cross(crossing{
		starts: e.from(e.exact(1)),
		body:   func(w *worker, l *life) { w.do(l, spec.PutIfOne) },
	})
}

func (e *env) unlessOne() func() error {
	e.need(spec.PutUnlessOne)
	e.room(e.cfg.Workers + 1)
	return e.cross(crossing{
		starts: []begin{e.at(int64(e.cfg.Workers))},
		body: func(w *worker, l *life) {
			if !w.do(l, spec.PutUnlessOne) && !w.do(l, spec.Put) {
				w.failf("PutUnlessOne found the last reference, but Put then reported false")
			}
		},
	})
}

func (e *env) locked() func() error {
	e.need(spec.PutAndLock)
	e.room(2 * e.cfg.Workers)
	drop := func(w *worker, l *life) {
		if !w.do(l, spec.PutAndLock) {
			return
		}
		l.removed = true
		w.Unlock()
	}
	return e.cross(crossing{
		starts: []begin{e.at(int64(e.cfg.Workers))},
		body: func(w *worker, l *life) {
			drop(w, l)
			for range each {
				w.pause()
				w.Lock()
				found := !l.removed
				got := found && w.do(l, spec.TryGet)
				w.Unlock()
				if found && !got && e.p.TryGet == strategies.Exact {
					w.failf("found the object under the lock, but TryGet says that it is dead")
				}
				if got {
					drop(w, l)
				}
			}
		},
		after: func(l *life) error {
			if l.holder.Load() != 0 {
				return fmt.Errorf("all references are dropped, but the lock is held")
			}
			return nil
		},
	})
}

func (e *env) modes() func() error {
	e.need(spec.SwitchToAtomic)
	e.room(2*e.cfg.Workers + 1)
	return e.cross(crossing{
		starts: e.from(e.sp.Start(1)),
		body: func(w *worker, l *life) {
			if w.id == 0 {
				for i := range each / 2 {
					w.pause()
					if i%2 == 0 {
						w.do(l, spec.SwitchToAtomic)
						w.pause()
						w.do(l, spec.SwitchToPerCPU)
						continue
					}
					// Kept alive while it is killed.
					w.do(l, spec.Get)
					w.do(l, spec.Kill)
					w.pause()
					w.do(l, spec.ResurrectLive)
					w.do(l, spec.Put)
				}
				return
			}
			for range each {
				if !e.alive(w, l, spec.Call{Op: spec.TryGet}) {
					continue
				}
				w.do(l, spec.Get)
				w.pause()
				w.do(l, spec.Put)
				w.do(l, spec.Put)
			}
		},
		after: func(l *life) error {
			r := e.sp.Resume(l.Counter, e.sp.Start(l.ledger.Balance().Held))
			return r.Try(spec.Call{Op: spec.SwitchToAtomic}, spec.Call{Op: spec.SwitchToPerCPU})
		},
	})
}

func (e *env) confirmed() func() error {
	e.need(spec.TryGetLive)
	e.room(e.cfg.Workers + 2)
	return e.cross(crossing{
		starts: e.from(e.sp.Start(2)),
		body: func(w *worker, l *life) {
			if w.id == 0 {
				w.pause()
				w.do(l, spec.KillAndConfirm)
				return
			}
			for range 2 * each {
				before := l.confirms.Load() > 0
				if w.do(l, spec.TryGetLive) {
					if before {
						w.failf("TryGetLive took a reference after the confirmation")
					}
					w.do(l, spec.Put)
				}
			}
		},
		after: func(l *life) error {
			if n := l.confirms.Load(); n != 1 {
				return fmt.Errorf("KillAndConfirm confirmed %d times, want once", n)
			}
			return nil
		},
	})
}

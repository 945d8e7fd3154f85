package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/refbench/refbench/fuzz/stress"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// each is how many calls a worker makes in a life, where they are all the same.
const each = 8

func crossings() []Rule {
	var list []Rule
	add := func(name, doc string, plan func(*env) func() error) {
		list = append(list, Rule{name, Crossing, doc, plan})
	}
	for _, c := range parse("Get GetN(3) TryGet TryGetN(3)") {
		add("many "+c.String()+" past the limit", "Goroutines that begin below the limit and cross it together do what they do one after the other.",
			func(e *env) func() error { return e.past(c) })
	}
	add("TryGet and Put at the limit",
		"Goroutines that each take a reference at the limit and drop it leave the count at the limit, or saturated.", (*env).upAndDown)
	add("TryGet and Put across powers of two",
		"Goroutines that each take a reference and drop it leave a count as it is where its number carries, too.", (*env).acrossCarry)
	for _, c := range parse("Put PutN(3)") {
		add("many "+c.String()+" below zero", "Goroutines that drop more references than there are do what they do one after the other.",
			func(e *env) func() error { return e.past(c) })
	}
	add("many Get on zero", "Goroutines that take references of a dead count do what they do one after the other.",
		func(e *env) func() error { return e.same(spec.Call{Op: spec.Get}, e.from(e.exact(0))...) })
	add("everything on a dead count", "Whatever must leave a dead count dead does, all the time.",
		func(e *env) func() error { return e.stays(e.exact(0)) })
	add("everything on a saturated count", "Whatever must leave a saturated count saturated does, all the time.", func(e *env) func() error {
		st := e.exact(0)
		st.Saturated = true
		return e.stays(st)
	})
	for _, c := range [][]spec.Call{parse("TryGet Put"), parse("TryGetN(3) PutN(3)")} {
		take, drop := c[0], c[1]
		add(fmt.Sprintf("%s against the last %s", take.Op, drop.Op), take.Op.String()+" that races with the last drop either keeps the count alive or fails.",
			func(e *env) func() error { return e.lookup(take, drop) })
	}
	add("many PutIfOne", "Of goroutines that drop the only reference if it is the only one, one does.",
		func(e *env) func() error { return e.same(spec.Call{Op: spec.PutIfOne}, e.from(e.exact(1))...) })
	add("many PutUnlessOne", "Goroutines that drop references unless it is the only one leave one.", func(e *env) func() error {
		e.room(e.cfg.Workers + 1)
		return e.same(spec.Call{Op: spec.PutUnlessOne}, e.at(int64(e.cfg.Workers)))
	})
	add("many PutAndLock", "An object that is found under the lock is alive, because PutAndLock drops the last reference under it.", (*env).locked)
	add("the next life at once", "Where no grace period is promised, whoever drops the last reference can begin the memory's next life at once, whatever the other drops still do.", (*env).nextLife)
	add("references handed on", "References that one goroutine takes and another drops, before Kill and after, are counted wherever that is.", (*env).handedOn)
	for _, m := range meetings {
		add(m.name, m.doc, m.plan)
	}
	return list
}

// same is a crossing in which all workers make the same call, each of them several
// times. Whatever their order, it ends as if they were made one after the other.
func (e *env) same(call spec.Call, starts ...begin) func() error {
	e.need(call.Op)
	n := e.cfg.Workers * each
	var unpromised string
	starts = slices.DeleteFunc(starts, func(b begin) bool {
		_, _, why := e.fold(b.state, call, n)
		unpromised = cmp.Or(why, unpromised)
		return why != ""
	})
	if len(starts) == 0 {
		e.skip("%s", unpromised)
	}
	// TryGet that may fail takes fewer. What it took is there.
	fewer := call.Op.Moves().If == spec.Alive && e.p.TryGet == strategies.Spurious
	// Drops too many may keep anybody from being told.
	untold := func(l *life) bool {
		return e.p.Stray == strategies.LastLost && call.Op.Last() && int64(n)*call.Refs() > l.from.state.Refs
	}
	return e.cross(crossing{
		starts: starts,
		body: func(w *worker, l *life) {
			trues := 0
			for range each {
				if w.call(l, call) {
					trues++
				}
			}
			l.trues.Add(int64(trues))
		},
		ends: func(l *life) (spec.State, error) {
			trues := int(l.trues.Load())
			end, want, _ := e.fold(l.from.state, call, n)
			if fewer && trues <= want {
				end, _, _ = e.fold(l.from.state, call, trues)
				return end, nil
			}
			if trues != want && !(trues == 0 && untold(l)) {
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
	return e.same(call, starts...)
}

func (e *env) upAndDown() func() error {
	limit, n := e.p.Limit, int64(e.cfg.Workers)
	e.room(e.cfg.Workers + 2)
	// At the limit the first TryGet is past it. Farther below than there are
	// goroutines, none is.
	starts := []begin{e.at(limit - n), e.from(e.exact(limit))[0]}
	try := spec.Call{Op: spec.TryGet}
	past, _, why := e.fold(starts[1].state, try, 1)
	if why == "" {
		_, _, why = e.fold(past, spec.Call{Op: spec.Put}, 1)
	}
	if why != "" {
		starts = starts[:1]
	}
	return e.cross(crossing{
		starts: starts,
		body: func(w *worker, l *life) {
			for range each {
				if !w.call(l, try) {
					continue
				}
				l.trues.Store(1)
				stress.Pause(w.rng)
				if w.call(l, spec.Call{Op: spec.Put}) {
					w.failf("Put reported the last reference at the limit")
				}
			}
		},
		ends: func(l *life) (spec.State, error) {
			end, _, _ := e.fold(l.from.state, try, 1)
			// A TryGet that may fail may do so each time.
			none := l.trues.Load() == 0 && e.p.TryGet == strategies.Spurious
			if !end.Saturated || none {
				end = l.from.state
			}
			return end, nil
		},
	})
}

// stays is a crossing in which workers make any of the calls that leave the state
// as it is and answer alike.
func (e *env) stays(st spec.State) func() error {
	var calls []spec.Call
	for _, c := range e.sp.Calls() {
		// Only one goroutine at a time may switch.
		switches := c.Op.Power() == strategies.PowerSwitcher && c.Op.By() != spec.Anybody
		if os := e.sp.Step(st, c); !switches && len(os) == 1 && os[0].Next == st && !os[0].Panics {
			calls = append(calls, c)
		}
	}
	return e.cross(crossing{
		starts: e.from(st),
		body: func(w *worker, l *life) {
			for range 2 * each {
				c := calls[w.rng.IntN(len(calls))]
				a := spec.NewWitness(w.id+1).Do(l.Counter, c)
				if c.Op == spec.Count && a.Panicked == nil && (e.p.Count != strategies.Exact || st.Saturated && a.Value != 0) {
					continue // what it reads while others use the count isn't promised: see package linear
				}
				if _, err := e.sp.Check(st, c, a); err != nil {
					w.failf("%w", err)
				}
			}
		},
		ends: func(*life) (spec.State, error) { return st, nil },
	})
}

func (e *env) lookup(take, drop spec.Call) func() error {
	e.need(take.Op)
	e.need(drop.Op)
	e.room(e.cfg.Workers * int(take.Refs()))
	tries := 200 // as goroutines that take turns can keep the count alive for as long as they like
	if e.sp.Waits() {
		tries = 20 // and Kill waits meanwhile
	}
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
				w.call(l, spec.Call{Op: spec.Kill})
				return
			}
			for i := range tries {
				if !w.call(l, take) {
					if e.p.TryGet == strategies.Exact && e.p.TryGetRefuses != strategies.DuringKill && w.call(l, take) {
						w.failf("%s succeeded after one that had failed", take)
					}
					return
				}
				if i%64 == w.rng.IntN(64) {
					stress.Pause(w.rng)
				}
				w.call(l, drop)
			}
		},
	})
}

// handedOn is a crossing in which whoever takes a reference leaves it to others to drop it: to
// goroutines that count elsewhere, if the count has a number for each CPU.
func (e *env) handedOn() func() error {
	const most = 4 * each // references that a worker takes
	e.room(e.cfg.Workers*most + 1)
	drop := func(w *worker, l *life) bool {
		n := l.handed.Load()
		for n > 0 && !l.handed.CompareAndSwap(n, n-1) {
			n = l.handed.Load()
		}
		if n > 0 {
			w.call(l, spec.Call{Op: spec.Put})
		}
		return n > 0
	}
	return e.cross(crossing{
		starts: e.from(e.sp.Start(1)),
		body: func(w *worker, l *life) {
			kills := w.id == l.id%e.cfg.Workers
			for i := range most {
				if kills && i == most/2 {
					// A Kill that waits would wait for what the others left to this one.
					for e.sp.Waits() && drop(w, l) {
					}
					w.call(l, spec.Call{Op: spec.Kill})
					break
				}
				if !w.call(l, spec.Call{Op: spec.TryGet}) {
					break
				}
				l.handed.Add(1)
				switch w.rng.IntN(8) {
				case 0:
					stress.Pause(w.rng) // the goroutine may go on elsewhere
				case 1, 2:
					drop(w, l)
				}
			}
			// Nobody leaves while there is one that could be dropped: it may be this one's.
			for drop(w, l) {
			}
		},
	})
}

func (e *env) locked() func() error {
	e.need(spec.PutAndLock)
	if e.sp.Waits() {
		e.skip("it is Kill that drops the last reference")
	}
	e.room(2 * e.cfg.Workers)
	drop := func(w *worker, l *life) {
		if w.call(l, spec.Call{Op: spec.PutAndLock}) {
			l.removed = true
			w.Unlock()
		}
	}
	return e.cross(crossing{
		starts: []begin{e.at(int64(e.cfg.Workers))},
		body: func(w *worker, l *life) {
			drop(w, l)
			for range each {
				stress.Pause(w.rng)
				w.Lock()
				found := !l.removed
				got, plain := false, found && w.rng.IntN(2) == 0
				if plain {
					w.call(l, spec.Call{Op: spec.Get}) // as it is alive
					got = true
				} else if found {
					got = w.call(l, spec.Call{Op: spec.TryGet})
				}
				w.Unlock()
				if found && !got && e.p.TryGet == strategies.Exact {
					w.failf("found the object under the lock, but TryGet says that it is dead")
				}
				if got {
					drop(w, l)
				}
			}
		},
	})
}

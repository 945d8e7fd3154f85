package boundary

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// The concurrent tests let goroutines make calls at once, round after round, each
// time on a new life that begins at a boundary, and look at the count when all have
// returned. While they run it may hold anything: a saturating count adds first and
// looks then (package saturating shows how far that goes). But what is there at the
// end, and how many calls reported what, follows from the promise, because the
// calls of a test are such that their order makes no difference.

// each is how many calls a worker makes in a round, where they are all the same.
const each = 8

func concurrentTests() []Test {
	var tests []Test
	add := func(name, doc string, run func(*env)) {
		tests = append(tests, Test{Name: name, Kind: Concurrent, Doc: doc, run: run})
	}
	for _, c := range []spec.Call{{Op: spec.Get}, {Op: spec.GetN, N: 3}, {Op: spec.TryGet}, {Op: spec.TryGetN, N: 3}} {
		add("many "+c.String()+" past the limit",
			"starts below the limit and crosses it from all goroutines", func(e *env) { e.crossLimit(c) })
	}
	add("TryGet and Put at the limit",
		"starts at the limit, where each goroutine takes a reference and drops it", (*env).upAndDown)
	for _, c := range []spec.Call{{Op: spec.Put}, {Op: spec.PutN, N: 3}} {
		add("many "+c.String()+" below zero",
			"starts above zero and drops more references than there are", func(e *env) { e.crossZero(c) })
	}
	add("many Drop down to one", "starts with as many references as are dropped, and one", (*env).dropToOne)
	add("many Get on zero", "takes references of a dead count", (*env).getOnZero)
	add("everything on a dead count", "makes all calls that must leave a dead count dead", (*env).staysDead)
	add("everything on a saturated count", "makes all calls that must leave a saturated count saturated", (*env).staysSaturated)
	add("TryGet against the last Put", "the owner drops the last reference while others look the object up", func(e *env) { e.lookup(spec.Call{Op: spec.TryGet}, spec.Call{Op: spec.Put}) })
	add("TryGetN against the last PutN", "the same with several references at once", func(e *env) {
		e.lookup(spec.Call{Op: spec.TryGetN, N: 3}, spec.Call{Op: spec.PutN, N: 3})
	})
	add("many PutIfOne", "all drop the only reference if it is the only one", (*env).onlyOne)
	add("many PutUnlessOne", "all drop their reference, and who finds that it is the last uses Put", (*env).unlessOne)
	add("many PutAndLock", "all drop their reference with a lock for the last", (*env).locked)
	add("switching modes", "takes and drops references while the mode changes", (*env).modes)
	add("TryGetLive against KillAndConfirm", "no reference is taken after the confirmation", (*env).confirmed)
	return tests
}

// A worker is one goroutine in one round.
type worker struct {
	id    int
	rng   *rand.Rand
	trues int   // calls that returned true, which the test counts
	err   error // what was wrong
	_     [64]byte
}

// do makes a call, and reports what it returned. A panic is an error: the tests
// make no calls that promise one.
func (w *worker) do(c strategies.Counter, call spec.Call) bool {
	a := spec.Do(c, call)
	if a.Panicked != nil && w.err == nil {
		w.err = fmt.Errorf("goroutine %d: %s panicked: %v", w.id, call, a.Panicked)
	}
	return a.Result
}

// run runs the body. Calls that aren't made by do may panic too, which is an error and
// not the end of the process.
func (w *worker) run(body func(*worker, strategies.Counter), c strategies.Counter) {
	defer func() {
		if p := recover(); p != nil && w.err == nil {
			w.err = fmt.Errorf("goroutine %d: a call panicked: %v", w.id, p)
		}
	}()
	body(w, c)
}

// pause lets a random short time pass, so that rounds differ in their order.
func (w *worker) pause() {
	n := w.rng.IntN(8)
	for range n * 20 {
		w.rng.Uint32()
	}
	if n < 2 {
		runtime.Gosched()
	}
}

// A crossing is what a concurrent test does in each round.
type crossing struct {
	starts []begin                                         // in which the workers find the count, in turn
	body   func(w *worker, c strategies.Counter)           // on every worker at once
	ends   func(from begin, trues int) (spec.State, error) // what must be there at the end
	after  func(c strategies.Counter) (err error)          // on one goroutine, before the count is looked at
}

// A begin is where a round begins: the calls that lead there and the state.
type begin struct {
	path  []spec.Call
	state spec.State
}

// from returns how to begin at one of the states that the specification knows a way
// to.
func (e *env) from(st spec.State) []begin {
	path := e.sp.Path(st)
	if path == nil {
		e.skip("no calls that %s has lead to %q", e.s.Name, st)
	}
	return []begin{{path, st}}
}

// at returns how to begin with a number of references, from 1 to the limit minus
// 1, zero detected.
func (e *env) at(refs int64) begin {
	st := e.exact(refs)
	if path := e.sp.Path(st); path != nil {
		return begin{path, st}
	}
	first := refs
	if st.Killed {
		first++ // the owner's
	}
	path := []spec.Call{{Op: spec.InitAt, N: first}}
	if !e.sp.Has(spec.InitAt) {
		const few = 10000 // more would take longer than the crossing
		if refs > few {
			e.need(spec.InitAt)
		}
		path = []spec.Call{{Op: spec.Init}}
		for range first - 1 {
			path = append(path, spec.Call{Op: spec.Get})
		}
	}
	if st.Killed {
		path = append(path, spec.Call{Op: spec.Kill})
	}
	return begin{path, st}
}

// cross runs the rounds.
func (e *env) cross(x crossing) {
	n := e.cfg.Workers
	ws := make([]worker, n)
	for i := range ws {
		ws[i].id = i
		ws[i].rng = rand.New(rand.NewPCG(e.cfg.Seed, uint64(i+1)))
	}
	var c strategies.Counter
	var round, arrived, finished atomic.Int64
	var stop atomic.Bool
	// All wait by polling: a goroutine takes longer to wake than a round, so
	// that those that are woken would hardly ever meet.
	poll := func(ready func() bool) (ok bool) {
		for tries := 0; !ready(); tries++ {
			if e.abandoned.Load() {
				return false
			}
			if tries < 1000 {
				runtime.Gosched()
			} else {
				// Those that it waits for may need this thread's CPU.
				time.Sleep(50 * time.Microsecond)
			}
		}
		return true
	}
	var wg sync.WaitGroup
	for i := range ws {
		wg.Go(func() {
			for r := int64(1); ; r++ {
				if !poll(func() bool { return round.Load() == r || stop.Load() }) || stop.Load() {
					return
				}
				arrived.Add(1)
				if !poll(func() bool { return arrived.Load() == r*int64(n) }) {
					return
				}
				ws[i].run(x.body, c)
				finished.Add(1)
			}
		})
	}
	defer wg.Wait()
	defer stop.Store(true)
	for r := int64(1); r <= int64(e.cfg.Rounds); r++ {
		e.rounds.Add(1)
		from := x.starts[int(r)%len(x.starts)]
		wrong := func(err error) {
			e.fail("round %d of %d with %d goroutines, from %q: %v; seed %d", r, e.cfg.Rounds, n, from.state, err, e.cfg.Seed)
		}
		c = e.s.New()
		for _, call := range from.path {
			spec.Do(c, call)
		}
		for i := range ws {
			ws[i].trues, ws[i].err = 0, nil
		}
		round.Store(r)
		if !poll(func() bool { return finished.Load() == r*int64(n) }) {
			return // nobody wants to know any more
		}
		trues := 0
		var errs []error
		for i := range ws {
			trues += ws[i].trues
			errs = append(errs, ws[i].err)
		}
		if err := errors.Join(errs...); err != nil {
			wrong(err)
		}
		if x.after != nil {
			if err := x.after(c); err != nil {
				wrong(err)
			}
		}
		st, err := x.ends(from, trues)
		if err == nil {
			err = e.holds(c, st)
		}
		if err != nil {
			wrong(err)
		}
	}
}

// holds returns an error if what the count does, now that nobody else uses it,
// isn't what it does in the state.
func (e *env) holds(c strategies.Counter, st spec.State) error {
	calls := append([]spec.Call{{Op: spec.Count}}, spec.Afterwards()...)
	for _, call := range calls {
		if e.sp.Unpromised(st, call) != "" {
			continue
		}
		next, err := e.sp.Check(st, call, spec.Do(c, call))
		if err != nil {
			return fmt.Errorf("afterwards %w", err)
		}
		e.res.Checks++
		st = next
	}
	return nil
}

// exact returns a state in which zero is detected.
func (e *env) exact(refs int64) spec.State {
	return spec.State{Refs: refs, Killed: e.s.Promise.Zero == strategies.AfterKill}
}

// fold returns the state after n calls, how many of them return true, and why
// nothing is promised of one of them, or "".
func (e *env) fold(st spec.State, call spec.Call, n int) (end spec.State, trues int, why string) {
	for range n {
		if why := e.sp.Unpromised(st, call); why != "" {
			return st, trues, fmt.Sprintf("%s at %q isn't promised: %s", call, st, why)
		}
		o := e.sp.Step(st, call)[0]
		switch {
		case o.Panics:
			return st, trues, fmt.Sprintf("%s panics at %q, and nothing is promised of what comes after", call, st)
		case o.Next.Lost:
			return st, trues, fmt.Sprintf("%s at %q leaves a number that isn't promised", call, st)
		case o.Result:
			trues++
		}
		st = o.Next
	}
	return st, trues, ""
}

// same is a crossing in which all workers make the same call, each of them several
// times. Whatever their order, it ends as if they were made one after the other.
func (e *env) same(starts []begin, call spec.Call) {
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
	try := call.Op == spec.TryGet || call.Op == spec.TryGetN
	some := try && e.s.Promise.TryGet == strategies.Spurious
	e.cross(crossing{
		starts: starts,
		body: func(w *worker, c strategies.Counter) {
			for range each {
				if w.do(c, call) {
					w.trues++
				}
			}
		},
		ends: func(from begin, trues int) (spec.State, error) {
			end, want, _ := e.fold(from.state, call, n)
			if some && trues <= want {
				end, _, _ = e.fold(from.state, call, trues)
				return end, nil
			}
			if trues != want {
				return end, fmt.Errorf("%d of %d calls of %s returned true, want %d", trues, n, call, want)
			}
			return end, nil
		},
	})
}

// beyond returns how far past a boundary all calls together go. If it were always
// far, a lost call wouldn't show.
func (e *env) beyond() []int64 { return []int64{0, 1, 2, int64(e.cfg.Workers)} }

// number returns how many references the call takes or drops.
func number(call spec.Call) int64 { return max(1, call.N) }

func (e *env) crossLimit(call spec.Call) {
	total := int64(e.cfg.Workers*each) * number(call)
	limit := e.s.Promise.Limit
	if limit < total+2 {
		e.skip("the limit of %d is next to zero for %d references", limit, total)
	}
	var starts []begin
	for _, over := range e.beyond() {
		starts = append(starts, e.at(limit-total+over))
	}
	e.same(starts, call)
}

func (e *env) upAndDown() {
	limit := e.s.Promise.Limit
	n := int64(e.cfg.Workers)
	if limit < n+2 {
		e.skip("the limit of %d is next to zero for %d goroutines", limit, n)
	}
	// At the limit the first TryGet is past it. Farther below than there are
	// goroutines, none is.
	starts := []begin{e.at(limit - n), e.from(e.exact(limit))[0]}
	try := spec.Call{Op: spec.TryGet}
	if _, _, why := e.fold(starts[1].state, try, 1); why != "" {
		starts = starts[:1]
	}
	var took atomic.Bool // a reference, in this round
	e.cross(crossing{
		starts: starts,
		body: func(w *worker, c strategies.Counter) {
			for range each {
				if !w.do(c, try) {
					continue
				}
				took.Store(true)
				w.pause()
				if w.do(c, spec.Call{Op: spec.Put}) {
					w.trues++
				}
			}
		},
		ends: func(from begin, trues int) (spec.State, error) {
			end, _, _ := e.fold(from.state, try, 1)
			// A TryGet that may fail may do so each time.
			none := !took.Swap(false) && e.s.Promise.TryGet == strategies.Spurious
			if !end.Saturated || none {
				end = from.state
			}
			if trues > 0 {
				return end, fmt.Errorf("%d calls of Put reported the last reference at the limit", trues)
			}
			return end, nil
		},
	})
}

func (e *env) crossZero(call spec.Call) {
	total := int64(e.cfg.Workers*each) * number(call)
	if e.s.Promise.Limit < total+2 {
		e.skip("the limit of %d is too low for %d references", e.s.Promise.Limit, total)
	}
	var starts []begin
	for _, under := range e.beyond() {
		starts = append(starts, e.at(total-under))
	}
	e.same(starts, call)
}

func (e *env) dropToOne() {
	e.need(spec.Drop)
	e.cross(crossing{
		starts: e.from(e.exact(1)),
		body: func(w *worker, c strategies.Counter) {
			for range each {
				w.do(c, spec.Call{Op: spec.Get})
				w.do(c, spec.Call{Op: spec.Drop})
			}
		},
		ends: func(begin, int) (spec.State, error) { return e.exact(1), nil },
	})
}

func (e *env) getOnZero() { e.same(e.from(e.exact(0)), spec.Call{Op: spec.Get}) }

// stays is a crossing in which workers make any of the calls that leave the state
// as it is and answer alike.
func (e *env) stays(st spec.State) {
	// What a count that isn't exact reads as while others use it isn't promised.
	reads := e.s.Promise.Count == strategies.Exact
	var calls []spec.Call
	var want []bool
	for _, c := range e.sp.Calls() {
		switch os := e.sp.Step(st, c); {
		case len(os) != 1 || os[0].Next != st || os[0].Panics:
		case c.Op.Power() == strategies.PowerSwitcher && c.Op != spec.TryGetLive:
			// Only one goroutine at a time may switch.
		default:
			calls = append(calls, c)
			want = append(want, os[0].Result)
		}
	}
	e.cross(crossing{
		starts: e.from(st),
		body: func(w *worker, c strategies.Counter) {
			for range 2 * each {
				i := w.rng.IntN(len(calls))
				if calls[i].Op == spec.Count && reads {
					if _, err := e.sp.Check(st, calls[i], spec.Do(c, calls[i])); err != nil && w.err == nil {
						w.err = fmt.Errorf("goroutine %d: %w", w.id, err)
					}
					continue
				}
				if got := w.do(c, calls[i]); calls[i].Op.Reports() && got != want[i] && w.err == nil {
					w.err = fmt.Errorf("goroutine %d: %s returned %v, want %v", w.id, calls[i], got, want[i])
				}
			}
		},
		ends: func(begin, int) (spec.State, error) { return st, nil },
	})
}

func (e *env) staysDead() { e.stays(e.exact(0)) }

func (e *env) staysSaturated() {
	st := e.exact(0)
	st.Saturated = true
	if e.sp.Path(st) == nil {
		e.skip("%s doesn't promise to saturate", e.s.Name)
	}
	e.stays(st)
}

// once is how a life ends.
func (e *env) once(from begin, trues int) (spec.State, error) {
	st := e.exact(0)
	if trues != 1 {
		return st, fmt.Errorf("%d drops reported the last reference, want 1", trues)
	}
	return st, nil
}

func (e *env) lookup(take, drop spec.Call) {
	e.need(take.Op)
	e.cross(crossing{
		starts: e.from(e.sp.Start(1)),
		body: func(w *worker, c strategies.Counter) {
			if w.id == 0 {
				w.pause()
				if w.do(c, spec.Call{Op: spec.Kill}) {
					w.trues++
				}
				return
			}
			for range each {
				if !w.do(c, take) {
					if e.s.Promise.TryGet == strategies.Exact && w.do(c, take) && w.err == nil {
						w.err = fmt.Errorf("goroutine %d: %s succeeded after one that had failed", w.id, take)
					}
					return
				}
				w.pause()
				if w.do(c, drop) {
					w.trues++
				}
			}
		},
		ends: e.once,
	})
}

func (e *env) onlyOne() {
	e.need(spec.PutIfOne)
	e.cross(crossing{
		starts: e.from(e.exact(1)),
		body: func(w *worker, c strategies.Counter) {
			if w.do(c, spec.Call{Op: spec.PutIfOne}) {
				w.trues++
			}
		},
		ends: e.once,
	})
}

func (e *env) unlessOne() {
	e.need(spec.PutUnlessOne)
	e.ownReferences(func(w *worker, c strategies.Counter) bool {
		if w.do(c, spec.Call{Op: spec.PutUnlessOne}) {
			return false
		}
		if !w.do(c, spec.Call{Op: spec.Put}) && w.err == nil {
			w.err = fmt.Errorf("goroutine %d: PutUnlessOne found the last reference, but Put then reported false", w.id)
		}
		return true
	})
}

// ownReferences is a crossing in which each worker takes a reference while another
// is held, and all are dropped at once. drop reports whether it was the last.
func (e *env) ownReferences(drop func(w *worker, c strategies.Counter) bool) {
	var ready atomic.Int64
	n := int64(e.cfg.Workers)
	e.cross(crossing{
		starts: e.from(e.exact(1)),
		body: func(w *worker, c strategies.Counter) {
			// The first worker's reference is the one that is there.
			if w.id > 0 {
				w.do(c, spec.Call{Op: spec.Get})
			}
			at := (ready.Add(1)-1)/n + 1
			for ready.Load() < at*n && !e.abandoned.Load() {
				runtime.Gosched()
			}
			if drop(w, c) {
				w.trues++
			}
		},
		ends: e.once,
	})
}

// A spinLock is a lock that a wrong strategy may unlock though it isn't locked. For
// a sync.Mutex that would end the process. When it is late it locks nothing any more.
type spinLock struct {
	held atomic.Bool
	late *atomic.Bool
}

func (l *spinLock) Lock() {
	for !l.held.CompareAndSwap(false, true) && !l.late.Load() {
		runtime.Gosched()
	}
}

func (l *spinLock) Unlock() { l.held.Store(false) }

func (e *env) locked() {
	e.need(spec.PutAndLock)
	// An object that is found under the lock is alive, because the last drop
	// and the removal happen under it.
	mu := spinLock{late: &e.abandoned}
	var removed strategies.Counter
	e.ownReferences(func(w *worker, c strategies.Counter) (last bool) {
		drop := func() {
			defer func() {
				if p := recover(); p != nil {
					mu.Unlock() // or the others wait for what will never come
					panic(p)
				}
			}()
			if !c.(strategies.LockPutter).PutAndLock(&mu) {
				return
			}
			if !mu.held.Load() && w.err == nil {
				w.err = fmt.Errorf("goroutine %d: PutAndLock returned true, but the lock is free", w.id)
			}
			last, removed = true, c
			mu.Unlock()
		}
		drop()
		for range each {
			w.pause()
			mu.Lock()
			found := removed != c
			got := found && w.do(c, spec.Call{Op: spec.TryGet})
			mu.Unlock()
			if found && !got && e.s.Promise.TryGet == strategies.Exact && w.err == nil {
				w.err = fmt.Errorf("goroutine %d: found the object under the lock, but TryGet says that it is dead", w.id)
			}
			if got {
				drop()
			}
		}
		return last
	})
}

func (e *env) modes() {
	e.need(spec.SwitchToAtomic)
	e.cross(crossing{
		starts: e.from(e.sp.Start(1)),
		body: func(w *worker, c strategies.Counter) {
			s := c.(strategies.Switcher)
			if w.id == 0 {
				for i := range each / 2 {
					w.pause()
					if i%2 == 0 {
						s.SwitchToAtomic()
						w.pause()
						s.SwitchToPerCPU()
						continue
					}
					// Kept alive while it is killed.
					c.Get()
					if c.Kill() {
						w.trues++
					}
					w.pause()
					s.ResurrectLive()
					if c.Put() {
						w.trues++
					}
				}
				return
			}
			for range each {
				if !w.do(c, spec.Call{Op: spec.TryGet}) {
					if e.s.Promise.TryGet == strategies.Exact && w.err == nil {
						w.err = fmt.Errorf("goroutine %d: TryGet failed while references are held", w.id)
					}
					continue
				}
				w.do(c, spec.Call{Op: spec.Get})
				w.pause()
				for range 2 {
					if w.do(c, spec.Call{Op: spec.Put}) {
						w.trues++
					}
				}
			}
		},
		ends: func(_ begin, trues int) (spec.State, error) {
			if trues > 0 {
				return spec.State{}, fmt.Errorf("%d drops reported the last reference while the owner's is held", trues)
			}
			return e.sp.Start(1), nil
		},
		after: func(c strategies.Counter) error {
			if c.(strategies.Switcher).SwitchToAtomic(); e.sp.Has(spec.Count) {
				_, err := e.sp.Check(spec.State{Refs: 1, Atomic: true}, spec.Call{Op: spec.Count}, spec.Do(c, spec.Call{Op: spec.Count}))
				c.(strategies.Switcher).SwitchToPerCPU()
				return err
			}
			return nil
		},
	})
}

func (e *env) confirmed() {
	e.need(spec.TryGetLive)
	var confirmed atomic.Int64 // lives whose Kill is confirmed
	var life atomic.Int64
	e.cross(crossing{
		starts: e.from(e.sp.Start(2)),
		body: func(w *worker, c strategies.Counter) {
			s := c.(strategies.Switcher)
			if w.id == 0 {
				w.pause()
				if s.KillAndConfirm(func() { confirmed.Add(1) }) {
					w.trues++
				}
				return
			}
			for range 2 * each {
				before := confirmed.Load() > life.Load()
				if s.TryGetLive() {
					if before && w.err == nil {
						w.err = fmt.Errorf("goroutine %d: TryGetLive took a reference after the confirmation", w.id)
					}
					if c.Put() {
						w.trues++
					}
				}
			}
		},
		ends: func(_ begin, trues int) (spec.State, error) {
			life.Add(1)
			switch {
			case confirmed.Load() != life.Load():
				return spec.State{}, fmt.Errorf("KillAndConfirm confirmed %d times, want once", confirmed.Load()-life.Load()+1)
			case trues != 0:
				return spec.State{}, fmt.Errorf("%d drops reported the last reference while one is held", trues)
			}
			return spec.State{Refs: 1, Killed: true}, nil
		},
	})
}

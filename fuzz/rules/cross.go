package rules

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/rendezvous"
	"github.com/refbench/refbench/strategies/spec"
)

// A crossing lets goroutines use new counts at once, round after round, and looks at
// each count when all are done. While they run it may hold anything: a saturating count
// adds first and looks then (package saturating shows how far that goes). What must be
// there at the end follows from the promise, because the calls of a crossing are such
// that their order makes no difference; or the calls are right uses, and a ledger
// tells what must be there.
type crossing struct {
	starts []begin
	body   func(w *worker, l *life) // on every worker, one life after the other
	lives  int                      // how many a round has; 0 is perRound
	worth  int                      // of how many rounds a round has the calls; 0 is 1

	// ends returns what must be there at the end. Nil: what the ledger says.
	ends func(l *life) (spec.State, error)
}

// A begin is where a life begins: the calls that lead there and the state.
type begin struct {
	path  []spec.Call
	state spec.State
}

// perRound is how many lives a round has. A meeting of goroutines costs much more than a
// life, and where one worker is late it meets the others in a later life.
const perRound = 8

// A life is a new count.
type life struct {
	strategies.Counter
	id   int // of all the crossing's
	from begin
	late func() bool
	// holder is the worker whose lock is locked, from 1, or 0. A wrong strategy may unlock
	// it though it isn't locked: a sync.Mutex would end the process.
	holder atomic.Int32

	// ledger judges the calls if they are right uses. monitor, nil if the count has none,
	// must not be told of any misuse then.
	judged  bool
	ledger  judge.Ledger
	monitor *strategies.Monitor

	// What bodies remember of a life.
	trues   atomic.Int64 // calls that returned true, as far as anybody asks
	removed bool         // it can't be found any more; the lock guards that
	handed  atomic.Int64 // references that whoever likes drops
}

// A worker is one goroutine.
type worker struct {
	id    int
	rng   *rand.Rand
	err   error        // what was wrong first
	lives atomic.Int64 // that it is through with
	l     *life        // the one that it is at
	env   spec.Env
	_     [64]byte // so that workers don't slow each other down
}

// Lock locks the lock of the worker's life. Once it is late it locks nothing any more.
func (w *worker) Lock() {
	for !w.l.holder.CompareAndSwap(0, int32(w.id)+1) && !w.l.late() {
		runtime.Gosched()
	}
}

// Unlock unlocks it, whoever has locked it.
func (w *worker) Unlock() { w.l.holder.Store(0) }

func (w *worker) failf(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("goroutine %d: "+format, append([]any{w.id}, args...)...)
	}
}

// call makes a call, judges it if calls are judged, and reports what it returned. A panic is
// an error: crossings make no calls that promise one.
func (w *worker) call(l *life, call spec.Call) (result bool) {
	defer func() {
		if p := recover(); p != nil {
			w.failf("%s panicked: %v", call, p)
			w.Unlock() // or the others wait for what will never come
		}
	}()
	drops := l.judged && call.Op.Drops()
	if drops {
		l.ledger.Drops(call.Refs())
	}
	result, _ = call.Apply(l.Counter, &w.env)
	if locked := l.holder.Load() == int32(w.id)+1; call.Op == spec.PutAndLock && result != locked {
		w.failf("%s returned %v, and has the lock: %v", call, result, locked)
		w.Unlock()
	}
	if !l.judged {
		return result
	}
	k, held, moved := judge.Fine, int64(0), call.Moved(result)
	if moved > 0 {
		k = l.ledger.Took(moved)
	} else if moved == 0 && drops {
		l.ledger.Kept(call.Refs())
	}
	if call.Last(result) {
		k, held = l.ledger.Last()
	}
	if k != judge.Fine {
		w.failf("%s", judge.Sentence(k, call.String(), held))
	}
	return result
}

// exact returns a state in which zero is detected.
func (e *env) exact(refs int64) spec.State {
	if e.sp.Waits() {
		return spec.State{Refs: refs, Killed: refs == 0} // Kill isn't over before
	}
	return spec.State{Refs: refs, Killed: e.p.Zero == strategies.AfterKill}
}

// from returns how to begin at one of the states that the specification knows a way
// to.
func (e *env) from(st spec.State) []begin {
	path := e.sp.Path(st)
	if path == nil {
		e.skip("no calls that %s has and promises lead to %q", e.s.Name, st)
	}
	return []begin{{path, st}}
}

// room ends the plan if so many references are past the limit.
func (e *env) room(refs int) {
	if int64(refs) > e.p.Limit {
		e.skip("the limit of %d is too low for %d references", e.p.Limit, refs)
	}
}

// at returns how to begin with a number of references, from 1 to the limit minus
// 1, zero detected.
func (e *env) at(refs int64) begin {
	const few = 10000 // more calls of Get would take longer than the crossing
	st, first := e.exact(refs), refs
	if st.Killed {
		first++ // the owner's
	}
	path := []spec.Call{{Op: spec.InitAt, N: first}}
	if !e.sp.Has(spec.InitAt) && refs <= few {
		path = append([]spec.Call{{Op: spec.Init}}, slices.Repeat([]spec.Call{{Op: spec.Get}}, int(first)-1)...)
	}
	e.need(path[0].Op)
	if st.Killed {
		path = append(path, spec.Call{Op: spec.Kill})
	}
	return begin{path, st}
}

// cross returns the check of a crossing.
func (e *env) cross(x crossing) func() error {
	return func() error {
		ws := e.workers
		for i := range ws {
			w := &ws[i]
			w.id, w.rng = i, rand.New(rand.NewPCG(e.cfg.Seed, uint64(i+1)))
			w.env = spec.Env{Lock: w, Actor: i + 1}
		}
		lives := make([]*life, max(x.lives, perRound))
		group := rendezvous.New(len(ws), func(i int) {
			for _, l := range lives {
				ws[i].l = l
				x.body(&ws[i], l)
				ws[i].lives.Add(1)
			}
		})
		e.group.Store(group)
		defer group.Close()
		begin := time.Now()
		for round := 0; !e.met(round*max(x.worth, 1), begin); round++ {
			for i := range lives {
				lives[i] = e.begin(x, round*len(lives)+i, lives[i], group.Abandoned)
			}
			if !group.Round() {
				return nil // nobody wants to know any more
			}
			wrong := func(from string, err error) error {
				return fmt.Errorf("round %d with %d goroutines%s: %w; seed %d", round+1, len(ws), from, err, e.cfg.Seed)
			}
			var err error
			for i := range ws {
				err = errors.Join(err, ws[i].err)
			}
			if err != nil {
				return wrong("", err)
			}
			for _, l := range lives {
				if err := e.end(x, l); err != nil {
					return wrong(fmt.Sprintf(", from %q", l.from.state), err)
				}
			}
		}
		return nil
	}
}

// progress changes whenever something gets on.
func (e *env) progress() int64 {
	if e.watched.Load() {
		return time.Now().UnixNano()
	}
	n := e.ended.Load()
	for i := range e.workers {
		n += e.workers[i].lives.Load()
	}
	return n
}

// begin begins a life, after another one.
func (e *env) begin(x crossing, id int, before *life, late func() bool) *life {
	l := &life{id: id, from: x.starts[id%len(x.starts)], judged: x.ends == nil, late: late}
	if before != nil && l.judged {
		l.Counter, l.monitor = before.Counter, before.monitor // which is dead
	} else {
		l.Counter = e.s.New()
		if c, ok := l.Counter.(strategies.Monitored); ok && l.judged {
			l.monitor = new(strategies.Monitor)
			c.Monitor(l.monitor)
		}
	}
	for _, call := range l.from.path {
		spec.Do(l.Counter, call)
	}
	l.ledger.Open(l.from.state.Refs, true)
	return l
}

// end judges a life, now that nobody else uses its count.
func (e *env) end(x crossing, l *life) error {
	e.ended.Add(1)
	b := l.ledger.Balance()
	st, err := spec.State{Refs: b.Held, Killed: true}, error(nil)
	if l.holder.Load() != 0 {
		err = errors.New("no call goes on, but the lock is held")
	} else if x.ends != nil {
		st, err = x.ends(l)
	} else if _, k := b.Rest(); k != judge.Fine {
		err = errors.New(judge.Sentence(k, "a drop", b.Held))
	} else if l.monitor != nil && l.monitor.Total() > 0 {
		err = errors.New("the monitor was told of misuse, and nothing was misused")
	}
	if err != nil {
		return err
	}
	calls := []spec.Call{{Op: spec.Count}}
	if !l.judged {
		calls = append(calls, spec.Afterwards()...)
	}
	r := e.sp.Resume(l.Counter, st)
	if err = r.Try(calls...); err == nil {
		err = r.Finish()
	}
	e.res.Checks += r.Checks
	if err != nil {
		return fmt.Errorf("afterwards %w", err)
	}
	return nil
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

// Package driver carries out op programs on counts of one strategy: the concurrent
// reading of package program. Its threads are goroutines, or threads of the
// deterministic scheduler; the code is the same.
//
// Every call passes the program's guard, so whatever goes wrong is the strategy's fault.
// What must be true whatever the schedule is judged as it happens, by package judge
// and by what the thread itself holds; or calls and answers are handed to a [Recorder],
// and judged later.
package driver

import (
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/refbench/refbench/fuzz/explore"
	exploresync "github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/spec"
)

// Options say where the threads of an [Execution] run, and who judges.
type Options struct {
	// Explored says that they are threads of the deterministic scheduler, and the
	// strategy in explored form.
	Explored bool

	// Boundaries says that explored threads say what they remember between two calls,
	// for depth-first search.
	Boundaries bool

	// Unordered says that the count needn't order plain accesses.
	Unordered bool

	// Starts says that first lives begin where the program says: see
	// program.Guard.Reset. It wants a Recorder, as nothing is said past the limit.
	Starts bool

	// Bare says that nobody judges and threads share nothing but the counts, and plain
	// memory which holders read and releasers write: the race detector sees
	// whether a count orders that. Of programs that bring objects back nothing is read
	// or written.
	Bare bool

	// Pause, if not nil, is called before each call of a thread that is a goroutine.
	Pause func(thread int)

	// Record, if not nil, is told of every call. Then nobody judges.
	Record Recorder
}

// A Recorder is told of calls, by the thread that makes them: from 0, or Alone.
type Recorder interface {
	// Begin is called right before a call, and End right after it.
	Begin(thread int)
	End(thread, object int, call spec.Call, a Answer)
}

// An Answer is what a call did.
type Answer struct {
	Result   bool  // what it returned; false if it returns no bool
	Value    int64 // what Count returned
	Panicked bool  // it didn't return
	Stray    bool  // its caller dropped what it didn't hold
}

// Alone is the number of who sets up and finishes, when no thread runs.
const Alone = program.MaxThreads

// An Execution carries out one program after the other. It allocates only the counts.
type Execution struct {
	s       *strategies.Strategy
	sp      *spec.Spec
	o       Options
	p       *program.Program
	judged  bool
	live    bool // the program has a TryGetLive
	revives bool // and an operation that may bring an object back
	guard   program.Guard
	fresh   program.Guard // guard, as it is when an execution begins
	objects [program.MaxObjects]object
	threads [Alone + 1]thread
}

// An object is a count and what must be true of it.
type object struct {
	c      strategies.Counter
	ledger judge.Ledger

	// PutAndLock's, on goroutines and explored.
	lock    sync.Mutex
	virtual exploresync.Mutex

	// body stands for the object's fields: holders read it, and whoever is told of the
	// last drop writes it. Strategies promise that the reads happen before the
	// write. Explored, it is declared; on goroutines the race detector sees it, in
	// the first life alone: that a reader in a later life comes after the write is not
	// promised, as TryGet by itself orders nothing.
	//
	// The ledger is no scheduling point: its changes belong to the step of the
	// count's before them. An exhaustive search may still leave out orders of steps
	// that don't touch the same memory. It misses nothing by that, because each
	// change goes with an access to body: either happens-before orders a holder and
	// the releaser, and then every schedule that is left out has the same order, or it
	// doesn't, and then that is a race in every one of them.
	body   int
	fields bool         // whether it has a body that is used
	astray bool         // the program drops more than is held
	strays atomic.Int32 // such drops that have begun
	lives  atomic.Int32 // that have begun

	monitor strategies.Monitor // what the count reports to, if it does
	misused bool               // by the program, so that it may

	// confirmed is odd while TryGetLive must fail: from when a Kill is confirmed or
	// has returned to before what undoes it begins. It is used only if the
	// program has a TryGetLive.
	confirmed uint64
	confirms  int // of the present KillAndConfirm
}

// A thread is one of the program's, or who sets up and finishes.
type thread struct {
	x    *Execution
	h    *program.Caller
	id   int
	step int
	// object is what Alone is at.
	object int
	// told is how often it was told of the last drop of a cached object.
	told [program.MaxObjects]uint64

	// at is the call that it is in, for whoever asks why it doesn't go on. It is a fence
	// between two calls, and none inside one.
	//
	//	bits 0-31    the call's number
	//	bits 32-39   its operation
	//	bits 40-47   object
	//	bits 48-63   step, from 1; 0: in no call
	at atomic.Uint64
	_  [56]byte // so that threads don't slow each other down

	env   spec.Env
	on    *object // of the present call
	stray bool    // the present call drops what isn't held
	locks bool    // the call has the object's lock
}

// New returns what carries out programs on counts of the strategy.
func New(s *strategies.Strategy, o Options) *Execution {
	x := &Execution{s: s, sp: spec.Of(s), o: o, judged: o.Record == nil && !o.Bare}
	for i := range x.threads {
		t := &x.threads[i]
		*t = thread{x: x, id: i, h: x.guard.Caller(min(i, program.MaxThreads-1))}
		t.env = spec.Env{Lock: (*locker)(t), Confirm: func() {
			t.on.confirms++
			x.confirm(t.on, true)
		}, Actor: i + 1}
	}
	return x
}

// Load makes p the program of the executions that follow. It must not change meanwhile.
func (x *Execution) Load(p *program.Program) {
	x.p, x.live, x.revives = p, false, false
	for i := range x.objects {
		x.objects[i].astray = false
	}
	for _, s := range p.All() {
		o := &x.objects[s.Object]
		o.astray = o.astray || s.Wild && s.Call.Op.Drops()
		x.live = x.live || x.judged && s.Call.Op.If(x.s.Promise) == spec.Unkilled
		x.revives = x.revives || s.Call.Op.Revives()
	}
	for i := range p.Objects {
		x.objects[i].misused = x.misuses(i)
	}
	x.fresh.Reset(p, x.sp, x.o.Starts)
	x.guard.Reset(p, x.sp, x.o.Starts)
}

// Program returns the program that was loaded.
func (x *Execution) Program() *program.Program { return x.p }

// Begin begins an execution: each object is a new count, with what the threads hold at
// first. No thread runs. It returns what goes wrong on goroutines: an explored count that
// panics ends its execution.
func (x *Execution) Begin() (err error) {
	x.guard.Restart(&x.fresh)
	t := &x.threads[Alone]
	t.step = 1
	defer t.recovered(&err)
	for t.object = range x.p.Objects {
		i := t.object
		o, b := &x.objects[i], x.guard.Begin(i)
		o.c = x.s.New()
		o.listen()
		o.body, o.confirmed = 0, 0
		o.strays.Store(0)
		// Nobody releases a cached object, and of one of which more is dropped than is
		// held somebody may be robbed.
		o.fields = !x.o.Unordered && !x.p.Objects[i].Cached && !(x.o.Bare && x.revives) && !o.astray
		o.ledger.Open(1+b.Held, !x.o.Explored)
		if !x.o.Explored {
			o.lives.Store(1)
		} else {
			explore.Name(&o.body, "the object")
			if x.guard.May(spec.PutAndLock) {
				// Touched, so that it has the same number in every execution.
				o.virtual.Lock()
				//lint:ignore SA2001 there is nothing to do
				o.virtual.Unlock()
			}
		}
		t.plain(i, b.First)
		if b.Atomic {
			t.call(i, spec.Call{Op: spec.SwitchToAtomic})
		}
		for range b.Gets {
			t.call(i, spec.Call{Op: spec.Get})
		}
	}
	return nil
}

// Started returns with how many references the first life of the object begins: by the
// only call of which a Recorder isn't told.
func (x *Execution) Started(object int) int64 { return x.fresh.Begin(object).First.Refs() }

// Thread carries out what thread i of the program does, and then drops what it holds.
// It returns what goes wrong on a goroutine; an explored thread is ended by that.
func (x *Execution) Thread(i int) (err error) {
	t := &x.threads[i]
	t.step, t.told = 0, [program.MaxObjects]uint64{}
	defer t.recovered(&err)
	for k, s := range x.p.Threads[i] {
		if t.h.Waits(s) {
			t.leave(len(x.p.Threads[i]) + (k+1)*len(x.p.Objects))
		}
		t.step = k + 1
		call, ok := t.h.Allow(s)
		if ok && x.o.Pause != nil {
			x.o.Pause(i)
		}
		switch {
		case !ok:
			continue
		case s.Wild && call.Op.Drops() && t.h.Holds(int(s.Object)) < call.Refs():
			t.drops(int(s.Object), call)
		default:
			t.do(int(s.Object), call)
		}
		t.boundary(k)
	}
	t.leave(len(x.p.Threads[i]))
	return nil
}

// leave drops what the thread holds beside owner's references. step is the boundary of what
// it drops of the first object.
func (t *thread) leave(step int) {
	for o := range t.x.p.Objects {
		for call, ok := t.h.Leave(o); ok; call, ok = t.h.Leave(o) {
			t.step++
			if t.x.o.Pause != nil {
				t.x.o.Pause(t.id)
			}
			t.do(o, call)
			t.boundary(step + o)
		}
	}
}

// End ends what is left of each object's last life, and looks at what is left then. All
// threads have ended. It returns what goes wrong on goroutines.
func (x *Execution) End() (err error) {
	t := &x.threads[Alone]
	defer t.recovered(&err)
	for t.object = range x.p.Objects {
		t.finish(t.object)
	}
	return nil
}

// finish is End for one object.
func (t *thread) finish(i int) {
	x, o := t.x, &t.x.objects[i]
	alone := t.h
	if x.sp.Waits() {
		t.spared(i)
	}
	// A Kill that waits would do so for ever, if there are too many to drop.
	if h := x.guard.Owner(i); h != nil && !(x.sp.Waits() && x.guard.Begin(i).Spare > 0) {
		if x.judged && !x.o.Explored {
			t.counts(i, 1)
		}
		t.h = h
		t.do(i, spec.Call{Op: spec.Kill})
		t.h = alone
	}
	if what := x.reported(i); what != "" && (x.judged || x.o.Explored) {
		t.failf("%s", what)
	}
	if x.o.Record != nil {
		t.reads(i)
		t.spared(i)
		t.call(i, spec.Call{Op: spec.TryGet})
		t.reads(i)
		return
	}
	if !x.judged {
		return
	}
	switch _, kind := o.ledger.Balance().Rest(); {
	case kind == judge.LateRelease && o.strays.Load() > 0 && x.s.Promise.Stray == strategies.LastLost:
		// Which drops met is for recorded histories to tell.
		return
	case kind == judge.LateRelease && x.p.Objects[i].Immortal:
		return
	case kind == judge.LateRelease && x.o.Explored:
		explore.Leakf("%s", judge.Sentence(kind, "", 0))
	case kind != judge.Fine:
		t.failf("%s", judge.Sentence(kind, "a drop", 0))
	}
	if o.astray {
		return
	}
	if x.p.Objects[i].Cached || !x.o.Explored {
		t.counts(i, 0)
	}
	if x.o.Explored {
		return
	}
	if took, _ := t.plain(i, spec.Call{Op: spec.TryGet}); took {
		t.failf("every reference is dropped, but TryGet takes one")
	}
}

// spared drops the references that nobody holds.
func (t *thread) spared(object int) {
	for call, ok := t.x.guard.Spared(object); ok; call, ok = t.x.guard.Spared(object) {
		t.call(object, call)
	}
}

// reads records what Count returns, if it can be asked.
func (t *thread) reads(object int) {
	if t.x.readable() {
		t.call(object, spec.Call{Op: spec.Count})
	}
}

func (x *Execution) readable() bool {
	return x.guard.May(spec.Count) && x.s.Promise.Count != strategies.None
}

// counts fails if Count doesn't return n, if it can be asked.
func (t *thread) counts(object int, n int64) {
	if !t.x.readable() || t.x.p.Objects[object].Immortal {
		return
	}
	if _, value := t.plain(object, spec.Call{Op: spec.Count}); value != n {
		t.failf("%d references are left, but Count returns %d", n, value)
	}
}

// boundary ends an operation: this is all that the thread remembers. Which step it was
// is part of it, since steps may have been left out. That it has killed a count
// follows: it was the owner and isn't any more. So does what the ledger has of an object
// that isn't cached.
func (t *thread) boundary(step int) {
	if !t.x.o.Boundaries {
		return
	}
	state := uint64(step)
	for o := range t.x.p.Objects {
		state = state*0x9e3779b97f4a7c15 + uint64(t.h.Holds(o))<<2
		if t.h.Owns(o) {
			state++
		}
		if t.h.Told(o) {
			state += 2
		}
		state += t.told[o] << 32
	}
	explore.Boundary(state)
}

// mostSpurious is how often in a row a TryGet that may fail spuriously may do so.
const mostSpurious = 100

// do makes a call that the guard allows, and judges what it does.
func (t *thread) do(object int, call spec.Call) {
	o := &t.x.objects[object]
	if !t.x.judged {
		if t.x.o.Bare && call.Op.Drops() {
			t.use(o)
		}
		result, _ := t.call(object, call)
		if t.x.o.Bare && call.Last(result) {
			t.release(o)
		}
		if t.locks || call.Op == spec.PutAndLock && result && t.x.o.Explored {
			t.env.Lock.Unlock()
		}
		t.h.Did(object, call, result)
		return
	}
	moves, held := call.Op.Moves(), t.h.Holds(object)
	depends := call.Op.If(t.x.s.Promise)
	if t.h.Revives(object, call) {
		o.ledger.Begins()
		if !t.x.o.Explored {
			o.lives.Add(1)
		}
	} else if call.Op.Revives() && t.x.p.Objects[object].Cached {
		o.ledger.Revives()
	}
	if call.Op.Unkills() {
		t.x.confirm(o, false)
	}
	var before uint64
	if depends == spec.Unkilled {
		before = t.x.confirmation(o)
	}
	n := call.Refs()
	if moves.Sign < 0 {
		t.use(o)
		t.meet(o)
		o.ledger.Drops(n)
	}
	if call.Op.Kills() {
		o.confirms = 0 // It is the only call that uses it.
	}
	var result bool
	var value int64
	if t.on = o; t.x.o.Explored { // as plain does, and faster
		result, value = call.Apply(o.c, &t.env)
	} else {
		result, value = t.plain(object, call)
	}
	// It may be past its limit, or its reference may be gone.
	refused := t.x.p.Objects[object].Immortal && t.x.sp.MayRefuse() || o.strays.Load() > 0
	for fails := 1; !result && depends == spec.Alive && held > 0 && !refused; fails++ {
		if t.x.s.Promise.TryGet == strategies.Exact || fails == mostSpurious {
			t.failf("%v failed while its caller held a reference", call)
		}
		result, value = t.plain(object, call)
	}
	switch moved := call.Moved(result); {
	case moved > 0:
		t.meet(o)
		t.wrong(o.ledger.Took(moved), call, 0)
		t.use(o)
	case moved == 0 && moves.Sign < 0:
		t.meet(o)
		o.ledger.Kept(n)
	}
	if call.Op.Kills() {
		t.x.confirm(o, true)
	}
	if t.x.sp.Waits() && call.Op.Last() && result != call.Op.Kills() {
		t.failf("%v returned %v, but it is Kill that waits for the last drop and reports it", call, result)
	}
	if depends > spec.Alive || moves.Sign == 0 || call.Op.Kills() {
		t.answers(o, object, call, before, result, value)
	}
	if call.Last(result) {
		if t.x.p.Objects[object].Cached {
			t.told[object]++
		}
		t.last(o, call)
		t.release(o)
		if call.Op == spec.PutAndLock {
			// Explored, the scheduler finds out by itself.
			if !t.locks && !t.x.o.Explored {
				t.failf("%v returned true without the lock", call)
			}
			t.env.Lock.Unlock()
		}
	}
	if t.locks {
		t.failf("%v returned %v and left the lock locked", call, result)
	}
	t.h.Did(object, call, result)
}

// drops makes a call that drops what the thread doesn't hold. All that is asked of it is not
// to report the last reference wrongly.
func (t *thread) drops(object int, call spec.Call) {
	o := &t.x.objects[object]
	o.strays.Add(1)
	t.stray = true
	result, _ := t.call(object, call)
	t.stray = false
	if t.x.judged && call.Last(result) {
		t.last(o, call)
	}
}

// last judges a report of the last reference.
func (t *thread) last(o *object, call spec.Call) {
	t.meet(o)
	k, held := o.ledger.Last()
	if k == judge.StolenReference && o.strays.Load() > 0 {
		return // A drop too many has stolen it.
	}
	t.wrong(k, call, held)
}

// answers judges an answer by what the thread holds and has been told.
func (t *thread) answers(o *object, object int, call spec.Call, before uint64, result bool, value int64) {
	held := t.h.Holds(object) // before the call
	switch call.Op.If(t.x.s.Promise) {
	case spec.Unkilled:
		switch {
		case !result && t.h.Owns(object) && t.x.s.Promise.TryGet == strategies.Exact:
			t.failf("%v failed while its caller held the owner's reference", call)
		case result && before&1 == 1 && t.x.confirmation(o) == before:
			t.failf("%v took a reference after Kill was confirmed", call)
		}
	case spec.One, spec.NotOne:
		if only := call.Op.Moves().If == spec.One; result == only && held > 1 {
			t.failf("%v took the reference for the only one, but its caller held %d", call, held)
		}
	}
	switch call.Op {
	case spec.Count:
		if t.x.s.Promise.Count == strategies.Exact && value < held && !t.x.p.Objects[object].Immortal {
			t.failf("Count returned %d while its caller held %d", value, held)
		}
	case spec.KillAndConfirm:
		if o.confirms != 1 {
			t.failf("%v called confirm %d times before it returned, want 1", call, o.confirms)
		}
	}
}

// wrong fails if the judge found something wrong with the call.
func (t *thread) wrong(k judge.Kind, call spec.Call, held int64) {
	if k != judge.Fine {
		t.failf("%s", judge.Sentence(k, call.String(), held))
	}
}

// meet is called before the ledger changes. Where order isn't asked for, explored threads
// don't touch body otherwise, and so this is the access that goes with each change.
func (t *thread) meet(o *object) {
	if t.x.o.Unordered && t.x.o.Explored {
		explore.Set(&o.body, 0)
	}
}

// use reads the object's fields.
func (t *thread) use(o *object) {
	switch {
	case !o.fields:
	case t.x.o.Explored:
		explore.Read(&o.body)
	case o.body != 0 && !t.x.o.Bare && o.lives.Load() == 1:
		t.failf("the object was released while the thread held references")
	}
}

// release writes the object's fields.
func (t *thread) release(o *object) {
	switch {
	case !o.fields:
	case t.x.o.Explored:
		explore.Write(&o.body)
	case o.lives.Load() == 1:
		o.body++
	}
}

// confirm says whether TryGetLive must fail from now on. Only who has the owner's
// reference changes that, or may have it back.
func (x *Execution) confirm(o *object, to bool) {
	switch {
	case !x.live || to == (o.confirmed&1 == 1):
	case x.o.Explored:
		explore.Set(&o.confirmed, o.confirmed+1)
		o.confirmed++
	default:
		atomic.AddUint64(&o.confirmed, 1)
	}
}

// confirmation returns the object's confirmed. Explored, that is a scheduling point.
func (x *Execution) confirmation(o *object) uint64 {
	if x.o.Explored {
		explore.Look(&o.confirmed)
	}
	return atomic.LoadUint64(&o.confirmed)
}

// call makes a call and records it.
func (t *thread) call(object int, call spec.Call) (result bool, value int64) {
	r := t.x.o.Record
	if r == nil {
		return t.plain(object, call)
	}
	a := Answer{Panicked: true, Stray: t.stray}
	if !t.x.o.Explored {
		defer func() {
			if a.Panicked {
				r.End(t.id, object, call, a)
			}
		}()
	}
	r.Begin(t.id)
	result, value = t.plain(object, call)
	a = Answer{Result: result, Value: value, Stray: t.stray}
	r.End(t.id, object, call, a)
	return result, value
}

// plain makes a call.
func (t *thread) plain(object int, call spec.Call) (result bool, value int64) {
	o := &t.x.objects[object]
	t.on = o
	if t.x.o.Explored {
		return call.Apply(o.c, &t.env)
	}
	t.at.Store(uint64(t.step)<<48 | uint64(object)<<40 | uint64(call.Op)<<32 | uint64(uint32(call.N)))
	result, value = call.Apply(o.c, &t.env)
	t.at.Store(0)
	return result, value
}

// wrongError is what ends a goroutine's thread.
type wrongError string

func (t *thread) failf(format string, args ...any) {
	if t.x.o.Explored {
		explore.Failf(format, args...)
	}
	panic(wrongError(fmt.Sprintf(format, args...)))
}

// recovered is deferred: it makes an error of a panic on a goroutine.
func (t *thread) recovered(err *error) {
	if t.x.o.Explored {
		return
	}
	v := recover()
	if v == nil {
		return
	}
	w := t.at.Swap(0)
	if t.locks {
		t.env.Lock.Unlock()
	}
	what, ok := v.(wrongError)
	text := string(what)
	if !ok {
		text = fmt.Sprintf("panicked: %v\n%s", v, debug.Stack())
		if w != 0 {
			text = callText(w) + " " + text
		}
	}
	if *err = fmt.Errorf("thread %d, step %d: %s", t.id, t.step, text); t.id == Alone {
		*err = fmt.Errorf("when no thread ran, object %s: %s", program.ObjectName(t.object), text)
	}
}

func callText(w uint64) string {
	call := spec.Call{Op: spec.Op(w >> 32), N: int64(uint32(w))}
	return program.ObjectName(int(w>>40&0xff)) + "." + call.String()
}

// Doing says which threads are in a call, and in which, or "". Any goroutine may call it
// while goroutines carry out a program.
func (x *Execution) Doing() string {
	var parts []string
	for i := range x.threads {
		w := x.threads[i].at.Load()
		if w == 0 {
			continue
		}
		who := fmt.Sprintf("thread %d, step %d", i, w>>48)
		if i == Alone {
			who = "when no thread ran"
		}
		parts = append(parts, fmt.Sprintf("%s: %s doesn't return", who, callText(w)))
	}
	return strings.Join(parts, "; ")
}

// A locker is the lock of the object that a thread's call is about. On goroutines it knows
// whether the call has it: a wrong Unlock of a sync.Mutex would end the process, and a
// lock that is left would stop the other threads.
type locker thread

func (l *locker) Lock() {
	if l.x.o.Explored {
		l.on.virtual.Lock()
		return
	}
	l.on.lock.Lock()
	l.locks = true
}

func (l *locker) Unlock() {
	switch {
	case l.x.o.Explored:
		l.on.virtual.Unlock()
	case !l.locks:
		panic("it unlocks a lock that it hasn't locked")
	default:
		l.locks = false
		l.on.lock.Unlock()
	}
}

package engine

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Limits of one execution.
const (
	// MaxThreads is how many threads may be alive at the same time.
	MaxThreads = 64
	// mostStarted is how many threads an execution may have in total: as many as
	// have numbers in the IDs of locations.
	mostStarted = cellLocs
	// MaxCPUs is how many virtual CPUs there may be.
	MaxCPUs = 16

	// outsidePoints is how many points Setup and Finish may pass each.
	outsidePoints = 1 << 28

	// spinRounds is how often all threads that could run may give way
	// without any of them having changed memory before that is called a
	// livelock.
	spinRounds = 2000

	// MaxWays is in how many ways a step may go on.
	MaxWays = 32

	// spinPoints is after how many points without a change of memory a
	// thread that goes on alone is taken to be spinning. It is looked at after
	// every so many points, so that it may be twice as many.
	spinPoints = 256

	// quietPoints is after how many points without a change of memory any
	// thread that comes to the end of spinPoints is taken to be spinning:
	// several that take turns never go on alone.
	quietPoints = 4 * spinPoints
)

// Current is the engine of the running exploration, nil if there is none. It is
// written by [Run] only, which lets one exploration at a time in.
var Current *Engine

// running is held while Current is not nil.
var running sync.Mutex

// A Case is what is explored: some threads and what comes before and after.
type Case struct {
	// CPUs is the number of virtual CPUs, 1 .. MaxCPUs.
	CPUs int
	// Setup runs before the threads. All that it does happens before them.
	Setup func()
	// Threads are the bodies. Thread i begins on CPU i modulo CPUs.
	Threads []func()
	// Finish runs when all threads have ended, after everything they did.
	Finish func()
	// MaxPoints is the length at which an execution is stopped.
	MaxPoints int
	// Races turns the happens-before check of plain accesses on.
	Races bool
	// IdleClock says that time passes only when nobody else can go on: no thread is so
	// slow that a timer fires meanwhile.
	IdleClock bool
	// Cut says that an execution that is stopped for its length is no failure.
	Cut bool
	// Goexit says that runtime.Goexit ends a thread as returning does.
	Goexit bool
	// DropIns are import paths of drop-ins outside of the explorer. Events are
	// where these are called.
	DropIns []string
}

// A Search decides. Its methods are called at points at which there may be
// something to decide.
type Search interface {
	// Pick returns which of the candidates goes on, and how many points it
	// may pass before Pick wants to be asked again. cur is the thread at
	// the point, or a thread that has just ended or blocked and is no
	// candidate.
	Pick(e *Engine, candidates uint64, cur int) (next, grant int)
	// PickCPU returns one of the CPUs of the mask for the running thread,
	// whose last was cur.
	PickCPU(e *Engine, mask uint64, cur int) int
	// PickWay returns which of n ways, from 0, the running thread's step
	// takes.
	PickWay(e *Engine, n int) int
}

// A Driver runs executions. Its methods are called on whatever stack is at
// hand, so they must not call explored code.
type Driver interface {
	// Begin sets up the next execution with Engine.Prepare and reports
	// whether there is one.
	Begin(e *Engine) bool
	// End looks at the finished execution.
	End(e *Engine)
}

// An Engine runs executions one after another.
type Engine struct {
	// What every point touches.
	fuel   int // points that may pass without a decision
	cur    *Thread
	Writes uint64 // how often memory was changed
	note   bool   // accesses are looked at
	access func(thread int, loc uint32, wrote bool)
	detail bool // ... not only for the happens-before check

	stacks

	base, grant int // the step at which fuel was granted, and how much
	caseOf      *Case
	search      Search
	driver      Driver

	threads   [MaxThreads]Thread
	n         int     // threads that have been used
	most      int     // ... in any execution of this engine
	byNumber  []uint8 // the ID of each thread that was started
	outside   Thread  // does Setup and Finish
	alive     uint64
	waiting   uint64 // threads whose ready must be asked
	yielding  uint64 // threads that gave way
	sleeping  uint64
	buffering uint64 // threads with a store in their buffer
	spinning  uint64 // threads that the engine takes to spin; candidates only if there are no others
	wakes     uint64 // how often somebody who slept woke
	turns     int    // how often all gave way since
	rounds    int
	roundsAt  uint64
	spins     int // decisions for one that gave way because all others spin
	spinsAt   uint64
	stamp     uint64
	runFrom   uint64 // Writes when the running thread was last switched to or looked at
	runStep   int    // ... the step of that
	quietAt   uint64 // Writes when quietStep was set
	quietStep int    // the step at which memory was first seen as it is
	now       int64  // virtual nanoseconds
	timers    bool   // a timer was started: what remains to it depends on now
	clocked   uint64 // threads that have read the clock
	told      bool   // code was told the time
	bubble    bubble // of testing/synctest
	pinned    [MaxCPUs]int8
	switches  int
	doomed    int
	beats     int // decisions until the next beat
	progress  atomic.Uint64
	givenUp   atomic.Bool

	failure  *Failure
	aborting bool
	stopped  bool
	waited   bool
	phase    phase

	gen       uint64
	locs      []Loc
	addrs     addrTable
	cells     []cell
	accessors map[accessor]string // of cells, in a trace
	hist      bool                // state hashing
	retries   bool
	located   bool // locations are named when Setup comes to them
	trace     bool
	mem       uint64

	// Memory after the first Setup: it must be the same after each.
	setupSeen bool
	setupMem  uint64

	Events []Event
	named  []namedRange
	called names // in the source, in a trace
	freed  []freedRange

	cellAt    addrTable
	cpuClocks [MaxCPUs]Loc

	rec       []Decision
	recording bool
	recordAll bool

	// Show, if set, is asked for the value that a picture shows beside
	// each step.
	Show func() string
}

type phase uint8

const (
	idlePhase phase = iota
	setupPhase
	runPhase
	finishPhase
)

// Options of one execution.
type Options struct {
	// Note keeps locations, so that pending operations say where.
	Note bool
	// Hash keeps what StateHash needs. It implies Note.
	Hash bool
	// Retries, with Hash, forgets a load that is followed by a failed
	// compare-and-swap on the same location, or by a load of the same value
	// from it: right if such code only tries again and doesn't count how often.
	Retries bool
	// Trace keeps Events. It implies Note.
	Trace bool
	// Record keeps Decisions. RecordAll also keeps those of who goes on that are the
	// default.
	Record, RecordAll bool
	// Show returns the value that Events carry.
	Show func() string
	// Locations lets pending operations say where they are, as Note does, and
	// nothing else.
	Locations bool
	// Access is called by the running thread after each access of its own that
	// has a value, with the location's number in this execution. nil: no.
	Access func(thread int, loc uint32, wrote bool)
}

// Run is Run of an engine that is made for it and closed after it.
func Run(d Driver) {
	e := New()
	defer e.Close()
	e.Run(d)
}

// New makes an engine.
func New() *Engine {
	e := new(Engine)
	e.outside = Thread{e: e, ID: MaxThreads, Number: Outside, outside: true}
	for i := range e.threads {
		e.threads[i].e = e
		e.threads[i].ID = i
	}
	return e
}

// Close ends the goroutines that wait in the engine's pool. The engine can't be used
// any more.
func (e *Engine) Close() { e.closeStacks() }

// Run lets the driver run executions until it has had enough. It waits until no
// other exploration runs in this process.
//
// An engine may run several drivers, one after the other. Its pool of goroutines
// stays: if one caller is locked to its thread, all must be, and to the same.
func (e *Engine) Run(d Driver) {
	running.Lock()
	e.driver, e.stopped, e.setupSeen = d, false, false
	Current = e
	defer func() {
		Current = nil
		running.Unlock()
	}()
	if e.next() {
		e.call()
	}
}

// decisionsPerBeat is how many decisions there are for each beat.
const decisionsPerBeat = 1 << 10

// beat says that threads get on, and looks whether they should.
func (e *Engine) beat() {
	e.beats = decisionsPerBeat
	e.progress.Add(1)
	if e.givenUp.Load() {
		e.record(KindUnsupported, "given up", nil)
	}
}

// Progress returns a number that changes while threads reach points or executions come
// to their end. It is 0 until the first execution begins. Any goroutine may call it.
func (e *Engine) Progress() uint64 { return e.progress.Load() }

// GiveUp ends the exploration at one of the next points that are reached, or at the end
// of the execution, without a further call of the driver. Any goroutine may call it.
func (e *Engine) GiveUp() { e.givenUp.Store(true) }

// Prepare sets up an execution. Driver.Begin calls it.
func (e *Engine) Prepare(c *Case, s Search, o Options) {
	e.caseOf, e.search = c, s
	e.hist, e.trace, e.Show = o.Hash, o.Trace, o.Show
	e.detail = o.Note || o.Hash || o.Trace
	e.located = o.Locations
	e.note = e.detail || e.located || c.Races || o.Access != nil
	e.access = o.Access
	e.retries = o.Retries
	e.recording, e.recordAll = o.Record || o.RecordAll, o.RecordAll
	e.rec = e.rec[:0]
	e.Events = e.Events[:0]
	generation++
	e.gen = generation << 24
	e.locs = e.locs[:0]
	e.cells = e.cells[:0]
	e.addrs.reset()
	e.cellAt.reset()
	e.named = e.named[:0]
	e.called.reset()
	e.freed = e.freed[:0]
	e.most = max(e.most, e.n)
	for i := range c.CPUs {
		e.cpuClocks[i].clear(e.most)
	}
	clear(e.accessors)
	e.mem = 0
	e.Writes, e.rounds, e.roundsAt, e.spins, e.spinsAt, e.stamp, e.wakes, e.turns = 0, 0, 0, 0, 0, 0, 0, 0
	e.runFrom, e.runStep, e.quietAt, e.quietStep, e.now = 0, 0, 0, 0, 0
	e.alive, e.waiting, e.yielding, e.sleeping, e.spinning, e.buffering = 0, 0, 0, 0, 0, 0
	e.switches = 0
	e.failure, e.aborting, e.waited, e.timers = nil, false, false, false
	e.clocked, e.told = 0, false
	e.bubble = bubble{}
	for i := range e.pinned {
		e.pinned[i] = -1
	}
	e.n = 0
	e.byNumber = e.byNumber[:0]
	e.outside.newLocs, e.outside.hist = 0, 0
	e.outside.held = e.outside.held[:0]
}

// generation tells the locations of one execution from those of another, also
// of another engine. It is guarded by running.
var generation uint64

// next begins the next execution and reports whether there is one.
func (e *Engine) next() bool {
	for {
		e.progress.Add(1)
		if e.givenUp.Load() || !e.driver.Begin(e) {
			e.stopped, e.cur = true, nil
			return false
		}
		e.phase = setupPhase
		e.cur = &e.outside
		e.refuel(outsidePoints)
		if e.caseOf.Setup != nil {
			e.guard(e.caseOf.Setup)
		}
		if e.hist && e.failure == nil {
			if !e.setupSeen {
				e.setupSeen, e.setupMem = true, e.mem
			} else if e.mem != e.setupMem {
				e.record(KindNondeterministic, "Setup left other values in memory than in an earlier execution: something in it keeps what threads did before", nil)
			}
		}
		e.phase = runPhase
		if e.failure == nil {
			for _, f := range e.caseOf.Threads {
				e.add(f, nil)
			}
		}
		e.base, e.grant, e.fuel = 0, 0, 0
		if e.failure == nil && e.n > 0 {
			if t := e.decide(nil); t != nil {
				e.cur = t
				return true
			}
		}
		e.end()
	}
}

// end finishes an execution whose threads have all ended.
func (e *Engine) end() {
	steps := e.Step()
	e.phase = finishPhase
	if e.failure == nil && e.caseOf.Finish != nil {
		e.cur = &e.outside
		e.refuel(outsidePoints)
		e.guard(e.caseOf.Finish)
	}
	e.base, e.grant, e.fuel = steps, 0, 0
	e.phase = idlePhase
	e.cur = nil
	e.aborting = false
	if !e.givenUp.Load() {
		e.driver.End(e)
	}
}

// afterEnd returns the thread to go on with when the running stack is free: nil
// if exploration is over.
func (e *Engine) afterEnd() *Thread {
	if e.stopped {
		return nil
	}
	if t := e.decide(nil); t != nil {
		return t
	}
	e.end()
	if !e.next() {
		return nil
	}
	return e.cur
}

// add makes a thread.
func (e *Engine) add(f func(), parent *Thread) *Thread {
	t := e.free()
	before := t.vc[t.ID]
	t.reset(f, len(e.byNumber), e.caseOf.CPUs, max(e.most, e.n))
	if parent != nil && e.caseOf.Races {
		e.fork(parent, t)
	}
	t.vc[t.ID] = before + 1
	e.byNumber = append(e.byNumber, uint8(t.ID))
	e.alive |= 1 << t.ID
	return t
}

// free returns the place for a new thread: one that no thread has had in this execution,
// or else the one whose thread ended first.
//
// To the happens-before check, all that this one did then happens before what the new
// one does: a race of the two isn't found, and none is made up.
func (e *Engine) free() *Thread {
	if len(e.byNumber) == mostStarted {
		e.Fail(KindUnsupported, fmt.Sprintf("more than %d threads in one execution", mostStarted))
	}
	if e.n < MaxThreads {
		t := &e.threads[e.n]
		t.vc[t.ID] = 0
		e.n++
		return t
	}
	var t *Thread
	for i := range e.threads {
		if u := &e.threads[i]; e.alive&(1<<i) == 0 && (t == nil || u.endedAt < t.endedAt) {
			t = u
		}
	}
	if t == nil {
		e.Fail(KindUnsupported, fmt.Sprintf("more than %d threads at the same time", MaxThreads))
	}
	for i := range e.locs {
		e.locs[i].forget(t)
	}
	for i := range e.cpuClocks {
		e.cpuClocks[i].forget(t)
	}
	return t
}

// run calls the thread's body.
func (e *Engine) run(t *Thread) {
	defer e.ended(t)
	t.fn()
	e.emptyBuffer()
	t.done = true
}

// ended is deferred around each thread.
func (e *Engine) ended(t *Thread) {
	if t.done {
		e.markEnded(t)
		return
	}
	switch r := recover(); {
	case r != nil:
		e.record(KindPanic, fmt.Sprint(r), debug.Stack())
	case !e.aborting && !e.caseOf.Goexit:
		e.record(KindGoexit, "the thread called runtime.Goexit (or FailNow, Fatal or Skip of package testing)", nil)
	}
	t.done = true
	e.markEnded(t)
	// Once we return, Goexit ends this goroutine, and with it a stack that others may
	// wait for: also after a panic, which may have come from a call that was deferred
	// when Goexit was called. So don't return: do what the stack is there for from
	// here.
	e.doomed++
	e.work()
}

// Doomed returns how often a thread of this engine has ended by Goexit or a panic. Each
// makes a stack of the pool deeper until the engine is closed.
func (e *Engine) Doomed() int { return e.doomed }

func (e *Engine) markEnded(t *Thread) {
	e.alive &^= 1 << t.ID
	t.endedAt = e.Step()
	if e.buffering&(1<<t.ID) != 0 {
		e.drain(t)
	}
	e.Writes++ // whoever waits for the end of a thread may go on
	if t.pins > 0 && !e.aborting {
		e.record(KindMisuse, fmt.Sprintf("%s ended while it was pinned to CPU %d", t.Name(), t.cpu), nil)
	}
	if e.trace && !e.aborting {
		e.event(t, Op{Kind: OpEnd}, 0, 0, false)
	}
}

// guard calls f outside of any thread.
func (e *Engine) guard(f func()) {
	done := false
	defer func() {
		if done {
			return
		}
		switch r := recover(); {
		case r == any(abort):
		case r == nil:
			e.record(KindGoexit, "runtime.Goexit (or FailNow, Fatal or Skip of package testing) was called outside of the threads", nil)
		default:
			e.record(KindPanic, fmt.Sprint(r), debug.Stack())
		}
	}()
	f()
	done = true
}

// Step returns how many points this execution has passed.
func (e *Engine) Step() int { return e.base + e.grant - e.fuel }

// refuel grants points from now on.
func (e *Engine) refuel(grant int) {
	e.base = e.Step()
	e.grant, e.fuel = grant, grant
}

// Poke makes the next point a decision: something has changed that may let
// another thread go on.
func (e *Engine) Poke() {
	if e.phase == runPhase && !e.aborting {
		e.refuel(0)
	}
}

// Started returns how many threads there have been.
func (e *Engine) Started() int { return len(e.byNumber) }

// Thread returns the thread with the ID.
func (e *Engine) Thread(id int) *Thread { return &e.threads[id] }

// Alive returns the threads that haven't ended, by ID.
func (e *Engine) Alive() uint64 { return e.alive }

// Begins reports whether the thread with the ID hasn't begun.
func (e *Engine) Begins(id int) bool { return !e.threads[id].begun }

// IDOf returns the ID that the thread with the number has or had.
func (e *Engine) IDOf(number int) int { return int(e.byNumber[number]) }

// Numbered returns the thread with the number, nil if it has ended.
func (e *Engine) Numbered(number int) *Thread {
	t := &e.threads[e.byNumber[number]]
	if t.Number != number || t.done {
		return nil
	}
	return t
}

// Cur returns the running thread.
func (e *Engine) Cur() *Thread { return e.cur }

// CPUs returns the number of virtual CPUs.
func (e *Engine) CPUs() int { return e.caseOf.CPUs }

// Running reports whether threads are running, not Setup or Finish.
func (e *Engine) Running() bool { return e.phase == runPhase }

// Aborting reports whether the execution is being given up. Drop-ins then do
// nothing: deferred calls run while the stacks unwind.
func (e *Engine) Aborting() bool { return e.aborting }

// Noting reports whether accesses are looked at.
func (e *Engine) Noting() bool { return e.note }

// Failure returns what went wrong in this execution, or nil.
func (e *Engine) Failure() *Failure { return e.failure }

// Switches returns how often this execution switched stacks.
func (e *Engine) Switches() int { return e.switches }

// Spawn starts a goroutine.
func (e *Engine) Spawn(f func()) {
	if e.aborting {
		return
	}
	parent := e.cur
	if e.phase != runPhase {
		e.Fail(KindUnsupported, "a goroutine was started outside of the threads")
	}
	e.PointAt(Op{Kind: OpSpawn, Loc: LocThreads})
	t := e.add(f, parent)
	if e.hist {
		t.hist = mix(uint64(parent.Number), parent.hist) // what f is depends on that
	}
	e.Writes++
	e.Poke()
	if e.note {
		e.noted(parent, Op{Kind: OpSpawn, Loc: LocThreads}, 0, uint64(t.Number), uint64(t.Number), true, true)
	}
}

// SpawnAt starts a goroutine that begins when the clock reaches the deadline.
func (e *Engine) SpawnAt(f func(), deadline int64) *Thread {
	e.Spawn(f)
	if e.aborting {
		return nil
	}
	t := &e.threads[e.byNumber[len(e.byNumber)-1]] // nothing runs between
	t.op = Op{Kind: OpSleep, Loc: NoLoc}
	t.deadline = deadline
	e.stamp++
	t.yieldAt, t.stamp = e.Writes, e.stamp
	e.sleeping |= 1 << t.ID
	e.yielding |= 1 << t.ID
	return t
}

// Dismiss ends a thread of SpawnAt that hasn't begun.
func (e *Engine) Dismiss(t *Thread) {
	bit := uint64(1) << t.ID
	if t.begun || e.alive&bit == 0 {
		return
	}
	t.done, t.endedAt = true, e.Step()
	e.alive &^= bit
	e.sleeping &^= bit
	e.yielding &^= bit
	e.Writes++
	e.Poke()
}

// PointerID returns a number that stands for the object at p in the hash of the
// state: the same in each execution in which the object is come to in the same
// way.
func (e *Engine) PointerID(p unsafe.Pointer) uint64 {
	if p == nil {
		return 0
	}
	return e.locAddr(p).name + 1
}

// Waited reports whether a thread that could have gone on in this execution was
// left out of a decision because it gave way or seemed to wait in a loop.
func (e *Engine) Waited() bool { return e.waited }

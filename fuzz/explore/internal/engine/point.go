package engine

import (
	"math"
	"math/bits"
	"unsafe"
)

// outsider is the panic of a goroutine that the explorer didn't start.
const outsider = "explore: an explored object was used by a goroutine that isn't part of the exploration: explored code starts threads with explore.Go, and nobody else may use its objects meanwhile"

// Before is the scheduling point before an access to the location of m.
func (e *Engine) Before(k OpKind, m *Meta) {
	if e.fuel--; e.fuel < 0 {
		e.slow(k, m)
	}
}

// BeforeAddr is Before for an address without a Meta.
func (e *Engine) BeforeAddr(k OpKind, p unsafe.Pointer) {
	if e.fuel--; e.fuel < 0 {
		e.slowAddr(k, p)
	}
}

//go:noinline
func (e *Engine) slow(k OpKind, m *Meta) {
	op := Op{Kind: k, Loc: NoLoc}
	if e.note && m != nil {
		op.Loc = e.loc(m).ID
	}
	if e.drainFirst(k) {
		return
	}
	e.point(op)
	if len(e.freed) > 0 {
		e.touch(k, unsafe.Pointer(m))
	}
}

//go:noinline
func (e *Engine) slowAddr(k OpKind, p unsafe.Pointer) {
	op := Op{Kind: k, Loc: NoLoc}
	if e.note {
		op.Loc = e.locAddr(p).ID
	}
	if e.drainFirst(k) {
		return
	}
	e.point(op)
	if len(e.freed) > 0 {
		e.touch(k, p)
	}
}

// PointAt is a point before an access to a location that has no memory.
func (e *Engine) PointAt(op Op) {
	if e.fuel--; e.fuel < 0 {
		if e.drainFirst(op.Kind) {
			return
		}
		e.point(op)
	}
}

// drainFirst is called in the place of a point: if the running thread has to drain its
// store buffer before the access, that is a point before it. It reports whether the access
// isn't one then.
func (e *Engine) drainFirst(k OpKind) bool {
	if e.cur == nil || e.cur.empties == nil || k.keepsBuffer() {
		return false
	}
	e.fuel++
	e.emptyBuffer()
	e.fuel--
	return e.fuel >= 0
}

// point decides who goes on and returns when it is the caller's turn.
func (e *Engine) point(op Op) {
	t := e.cur
	if e.phase != runPhase {
		if e.phase == idlePhase {
			panic(outsider)
		}
		e.Fail(KindLivelock, "Setup or Finish did not end after "+itoa(outsidePoints)+" points")
	}
	if e.aborting {
		e.unwind()
	}
	t.op = op
	next := e.decide(t)
	if next != t {
		if next == nil {
			e.unwind() // decide found a failure, or everything is blocked
		}
		e.switchTo(t, next)
	}
}

// Wait is a point before an access that is possible only while ready(obj)
// holds: until then the thread is blocked. ready must depend on explored memory
// only, and whoever makes it true calls Poke. On return it holds.
func (e *Engine) Wait(op Op, ready func(unsafe.Pointer) bool, obj unsafe.Pointer) {
	if e.aborting {
		return
	}
	t := e.cur
	if t.outside {
		if !ready(obj) {
			e.Fail(KindDeadlock, "Setup or Finish blocks in "+op.Kind.String())
		}
		return
	}
	e.emptyBuffer()
	if e.fuel--; e.fuel >= 0 {
		if ready(obj) {
			return
		}
		e.fuel++
		e.refuel(0)
		e.fuel--
	}
	t.ready, t.obj = ready, obj
	e.waiting |= 1 << t.ID
	if e.trace {
		// The message of a deadlock calls it by its name.
		file, line, _ := e.caller()
		e.nameAs(op, file, line)
	}
	e.point(op)
}

// Yield lets other threads go first: the caller goes on when memory has changed
// or nobody else can.
func (e *Engine) Yield() {
	if e.aborting || e.cur.outside {
		return
	}
	e.emptyBuffer()
	e.giveWay(Op{Kind: OpYield, Loc: NoLoc})
}

// Sleep is Yield that also moves the virtual clock on by d nanoseconds.
func (e *Engine) Sleep(d int64) {
	if e.aborting || e.cur.outside {
		e.now += max(d, 0)
		return
	}
	// How long it sleeps depends on when it begins.
	e.SleepUntil(e.LookAtClock() + max(d, 0))
}

// SleepUntil is Sleep with a deadline on the virtual clock.
func (e *Engine) SleepUntil(deadline int64) {
	if e.aborting || e.cur.outside {
		return
	}
	e.emptyBuffer()
	t := e.cur
	t.deadline = deadline
	e.sleeping |= 1 << t.ID
	e.giveWay(Op{Kind: OpSleep, Loc: NoLoc})
}

// WaitDue is Wait that also ends when the clock reaches due(obj). On return either that
// or ready(obj) holds.
func (e *Engine) WaitDue(m *Meta, ready func(unsafe.Pointer) bool, due func(unsafe.Pointer) int64, obj unsafe.Pointer) {
	if e.aborting {
		return
	}
	t := e.cur
	if t.outside {
		if !ready(obj) {
			if due(obj) == Never {
				e.Fail(KindDeadlock, "Setup or Finish blocks in "+OpTimed.String())
			}
			e.now = max(e.now, due(obj))
		}
		return
	}
	e.emptyBuffer()
	op := Op{Kind: OpTimed, Loc: NoLoc}
	if e.note {
		op.Loc = e.loc(m).ID
	}
	t.ready, t.obj, t.due = ready, obj, due
	e.waiting |= 1 << t.ID
	e.sleeping |= 1 << t.ID
	e.giveWay(op)
}

// Deadline returns when a timer that is started now fires after d nanoseconds.
func (e *Engine) Deadline(d int64) int64 {
	e.timers = true
	return e.ReadClock() + min(max(d, 0), Never-1-e.now)
}

// ReadClock is Now for the running thread. It is no point: the clock is read in the
// step that the thread is in.
func (e *Engine) ReadClock() int64 {
	if !e.cur.outside {
		e.clocked |= 1 << e.cur.ID
	}
	return e.now
}

// LookAtClock is ReadClock at a scheduling point of its own, for code to which the time
// matters: others may sleep until it is later.
func (e *Engine) LookAtClock() int64 {
	e.PointAt(Op{Kind: OpLoad, Loc: LocClock})
	now := e.ReadClock()
	e.Observe(uint64(now))
	return now
}

// TellTime is LookAtClock for code that is told the time itself: what it does then may
// depend on it in any way. Code that sleeps or starts a timer only depends on what is
// left until then.
func (e *Engine) TellTime() int64 {
	e.told = true
	return e.LookAtClock()
}

// Told reports whether this execution was told the time.
func (e *Engine) Told() bool { return e.told }

// ClockReaders returns the threads that have read the clock.
func (e *Engine) ClockReaders() uint64 { return e.clocked }

// Late reports whether the execution is so long that it should come to an end: then
// timers fire as soon as they are looked at.
func (e *Engine) Late() bool { return e.Step() > e.caseOf.MaxPoints/2 }

// Reaches reports whether the clock may move on to the time: it never passes somebody
// who sleeps.
func (e *Engine) Reaches(when int64) bool {
	first := e.firstSleeper()
	return first < 0 || when <= e.wakeAt(&e.threads[first])
}

// MoveClock moves the clock on to the time, if it isn't there yet.
func (e *Engine) MoveClock(when int64) { e.now = max(e.now, when) }

// giveWay is a point at which others go first.
func (e *Engine) giveWay(op Op) {
	t := e.cur
	e.refuel(0)
	e.fuel--
	e.stamp++
	t.yieldAt, t.stamp = e.Writes, e.stamp
	e.yielding |= 1 << t.ID
	e.point(op)
	if e.trace && op.Kind.Yields() {
		e.event(t, op, 0, 0, false)
	}
}

// Now returns the virtual time in nanoseconds. It is no scheduling point: for
// deadlines, which move with the clock.
func (e *Engine) Now() int64 { return e.now }

// CountThreads returns how many threads have not ended, to code that looks at it. It
// is a scheduling point that depends on whatever others do, since any step may be the
// last of its thread.
func (e *Engine) CountThreads() int {
	e.PointAt(Op{Kind: OpPoint, Loc: NoLoc})
	n := count(e.alive)
	e.Observe(uint64(n))
	return n
}

// decide picks who goes on. t is the thread at the point, nil if there is none.
// It returns nil if no thread is left, or if it recorded a failure while t is
// not nil.
func (e *Engine) decide(t *Thread) *Thread {
	if e.aborting {
		return e.unwindNext()
	}
	if e.alive == 0 {
		return nil
	}
	// The end of a thread counts as a point, so that a step is decided once.
	step := e.base + e.grant + 1
	if e.fuel >= 0 {
		step = e.Step() + 1
	}
	e.base, e.grant, e.fuel = step, 0, 0
	if e.cur != nil {
		e.cur.parkedAt = step
	}
	if e.beats--; e.beats < 0 {
		if e.beat(); e.failure != nil {
			return e.failed(t)
		}
	}
	if step > e.caseOf.MaxPoints {
		if e.caseOf.Cut {
			e.waited = true // not everything is tried
			e.beginAbort()
		} else {
			e.record(KindLivelock, "the execution did not end after "+itoa(e.caseOf.MaxPoints)+" points", nil)
		}
		return e.failed(t)
	}
	cur := -1
	if t != nil {
		cur = t.ID
	}
	if e.waiting|e.yielding|e.sleeping|e.spinning == 0 && step%spinPoints != 0 {
		// Most points: whoever is alive may go on, and the rest of this function
		// would find just that.
		return e.choose(t, cur, e.alive, e.alive, step)
	}
	enabled := e.enabled()
	explicit := e.stillYielding(enabled)
	cand := enabled &^ explicit
	cand = e.withoutSpinners(t, cand, explicit)
	if cand != enabled {
		e.waited = true
	}
	if cand == 0 {
		if enabled == 0 {
			e.record(KindDeadlock, e.describeBlocked(), nil)
			return e.failed(t)
		}
		if e.roundsAt != e.Writes {
			e.roundsAt, e.rounds = e.Writes, 0
		}
		if e.rounds++; e.rounds > e.mostRounds(enabled) {
			e.record(KindLivelock, "every thread that could go on only gives way, and memory no longer changes", nil)
			return e.failed(t)
		}
		e.turns++
		cand = e.longestYield(enabled, e.rounds)
	}
	return e.choose(t, cur, cand, enabled, step)
}

// choose asks the search for one of the candidates, and grants it points.
func (e *Engine) choose(t *Thread, cur int, cand, enabled uint64, step int) *Thread {
	next, grant := e.search.Pick(e, cand, cur)
	if e.failure != nil { // the search found the case nondeterministic
		return e.failed(t)
	}
	if next < 0 || enabled&(1<<next) == 0 {
		e.record(KindNondeterministic, "the schedule does not fit: "+e.threadName(next)+" can't go on at point "+itoa(step), nil)
		return e.failed(t)
	}
	if e.recording {
		// Who could go on and didn't give way is the default.
		could := cur >= 0 && enabled&^e.yielding&(1<<cur) != 0
		if e.recordAll || could && next != cur || !could && next != e.Default(enabled, cur) {
			e.rec = append(e.rec, Decision{Step: step, Choice: uint8(next), Preempts: could})
		}
	}
	// Not past the next step at which withoutSpinners looks: what a search grants
	// must not decide who is taken to spin, or a search that comes back to a node
	// would find other candidates there.
	e.grant = min(grant, spinPoints-1-step%spinPoints, e.caseOf.MaxPoints-step)
	if len(e.freed) > 0 || e.buffering != 0 || e.threads[next].empties != nil {
		e.grant = 0
	}
	e.fuel = e.grant
	u := &e.threads[next]
	if next != cur {
		e.runFrom, e.runStep = e.Writes, step
	}
	bit := uint64(1) << next
	if e.sleeping&bit != 0 && e.asleep(next) {
		for m := cand &^ e.yielding; m != 0; m &= m - 1 {
			e.threads[lowest(m)].passed++
		}
		e.now = max(e.now, e.wakeAt(u))
		u.wokeAt = e.Writes
		e.wakes++
		e.turns = 0
	}
	e.waiting &^= bit
	e.yielding &^= bit
	e.sleeping &^= bit
	if u.ready != nil || u.due != nil {
		u.ready, u.due = nil, nil
	}
	u.passed = 0
	return u
}

// failed is what decide returns after a failure: a thread that is at a point
// unwinds itself first.
func (e *Engine) failed(t *Thread) *Thread {
	if t != nil {
		return nil
	}
	return e.unwindNext()
}

// unwindNext returns a suspended thread to be unwound, nil if there is none.
func (e *Engine) unwindNext() *Thread {
	for m := e.alive; m != 0; m &= m - 1 {
		if t := &e.threads[lowest(m)]; t.begun && !t.done {
			return t
		}
	}
	e.alive = 0
	return nil
}

// enabled returns the threads that could go on.
func (e *Engine) enabled() uint64 {
	en := e.alive
	for m := e.waiting & e.alive; m != 0; m &= m - 1 {
		i := lowest(m)
		if t := &e.threads[i]; !t.ready(t.obj) && (t.due == nil || t.due(t.obj) == Never) {
			en &^= 1 << i
		}
	}
	return en
}

// stillYielding returns the threads that gave way and have seen no change of
// memory since.
func (e *Engine) stillYielding(enabled uint64) uint64 {
	var y uint64
	if e.yielding == 0 {
		return 0
	}
	first := e.firstSleeper()
	if first >= 0 {
		// A loop that sleeps and works must not keep others from going on for
		// ever.
		for m := enabled &^ e.yielding; m != 0; m &= m - 1 {
			if e.threads[lowest(m)].passed >= mostPassed {
				first = -1
				break
			}
		}
	}
	for m := e.yielding & enabled; m != 0; m &= m - 1 {
		i := lowest(m)
		t := &e.threads[i]
		gave := t.yieldAt == e.Writes
		if t.due != nil && !e.asleep(i) {
			continue // it has what it waits for
		}
		if e.sleeping&(1<<i) != 0 {
			// A sleeper may wake at any time, because the others may be
			// slow; but not before one with an earlier deadline, and
			// only once without a change of memory, so that a loop that
			// sleeps and looks comes to an end.
			gave = i != first || gave && t.wokeAt == e.Writes || e.IdleClock()
		}
		if gave {
			y |= 1 << i
		}
	}
	return y
}

// firstSleeper returns the sleeper with the earliest deadline, or -1.
func (e *Engine) firstSleeper() int {
	first := -1
	for m := e.sleeping; m != 0; m &= m - 1 {
		i := lowest(m)
		if !e.asleep(i) {
			continue
		}
		if first < 0 || e.wakeAt(&e.threads[i]) < e.wakeAt(&e.threads[first]) {
			first = i
		}
	}
	return first
}

// mostPassed is how often sleepers may wake while a thread that could go on doesn't.
const mostPassed = 4

// Never is later than any deadline.
const Never = math.MaxInt64

// asleep reports whether the thread sleeps: it doesn't if what it waits for besides the
// time is there, or if no timer runs that it could wait for.
func (e *Engine) asleep(i int) bool {
	if e.sleeping&(1<<i) == 0 {
		return false
	}
	t := &e.threads[i]
	return t.due == nil || !t.ready(t.obj) && t.due(t.obj) != Never
}

// wakeAt is when the thread, which sleeps, wakes.
func (e *Engine) wakeAt(t *Thread) int64 {
	if t.due != nil {
		return t.due(t.obj)
	}
	return t.deadline
}

// withoutSpinners takes out threads that read the same over and over while
// memory doesn't change. If that leaves nobody, one that gave way goes on; and if
// there is none, the spinners do.
func (e *Engine) withoutSpinners(t *Thread, cand, gaveWay uint64) uint64 {
	if t != nil && e.base%spinPoints == 0 {
		if e.quietAt != e.Writes {
			e.quietAt, e.quietStep = e.Writes, e.base
		}
		if e.runFrom == e.Writes && e.base-e.runStep >= spinPoints || e.base-e.quietStep >= quietPoints {
			t.autoAt, t.coarse = e.Writes, true
			e.spinning |= 1 << t.ID
		}
		e.runFrom, e.runStep = e.Writes, e.base
	}
	if e.spinning == 0 {
		return cand
	}
	rest := cand
	for m := e.spinning; m != 0; m &= m - 1 {
		i := lowest(m)
		u := &e.threads[i]
		if !e.spinsOn(u) {
			e.spinning &^= 1 << i
			continue
		}
		rest &^= 1 << i
	}
	switch {
	case rest != 0:
		return rest
	case cand != 0 && gaveWay != 0:
		// They may wait for what it does next. This is no round of giving
		// way: how many of those there were is part of what Default says, and
		// how soon a spinner is seen depends on what is noted.
		if e.spinsAt != e.Writes {
			e.spinsAt, e.spins = e.Writes, 0
		}
		e.spins++
		e.turns++
		return e.longestYield(gaveWay, e.spins)
	}
	e.spinning = 0
	return cand
}

// spinsOn reports whether a thread that was seen to spin still does. Who was seen to
// read the same again and again is left out only while that is what it does next:
// then its step changes nothing.
func (e *Engine) spinsOn(t *Thread) bool {
	return t.autoAt == e.Writes && (t.coarse || t.looksAgain())
}

// settleSpinners is called when t, which runs, was seen to spin. If now all that could go
// on spin, none is left out any more. That is settled here and not at the next
// decision, because a search that repeats decisions skips those in which nothing was
// decided.
func (e *Engine) settleSpinners(t *Thread) {
	enabled := e.enabled()
	if e.stillYielding(enabled) != 0 {
		return // one of those goes on
	}
	for m := enabled &^ (1 << t.ID); m != 0; m &= m - 1 {
		i := lowest(m)
		if e.spinning&(1<<i) == 0 || !e.spinsOn(&e.threads[i]) {
			return
		}
	}
	e.spinning = 0
}

// looksAgain reports whether what the thread does next is to look once more at what
// it looked at last.
func (t *Thread) looksAgain() bool {
	if t.op.Loc != t.lastLoad {
		return false
	}
	return t.op.Kind == OpLoad || t.op.Kind == OpLate || t.op.Kind == OpPoll && !t.ready(t.obj)
}

// sleepRounds is how often the earliest sleeper wakes while nothing changes before
// others wake too, whatever their deadline: one that polls every millisecond must
// not keep one that sleeps for an hour from ever waking.
const sleepRounds = 8

// idleTurns is how often each thread that gave way goes on without a change of memory
// before an idle clock passes: a lock that backs off gives way many times before it looks
// again. Later they and who sleeps go on in turn.
const idleTurns = 32

// mostTurns is how often they may go on before it passes though memory changes: a loop that
// counts its rounds may wait for the clock too.
const mostTurns = 512

// idleYielders returns those of the threads, which all give way, for which an idle clock
// waits: they don't sleep.
func (e *Engine) idleYielders(enabled uint64) uint64 {
	if enabled&e.sleeping == 0 || !e.IdleClock() {
		return 0
	}
	return enabled &^ e.sleeping
}

// mostRounds is how often all threads may give way without a change of memory: spinRounds,
// but where an idle clock waits for some only the rounds of those who sleep count.
func (e *Engine) mostRounds(enabled uint64) int {
	n := count(e.idleYielders(enabled))
	return idleTurns*n + spinRounds*(n+1)
}

// longestYield returns the thread to go on when all give way, as a mask: the
// earliest sleeper, because time passes when nothing else does, or else the one
// that gave way first. rounds is how often that was asked without a change of memory.
func (e *Engine) longestYield(enabled uint64, rounds int) uint64 {
	from := enabled
	if y := e.idleYielders(enabled); y != 0 && e.turns <= mostTurns {
		n := count(y)
		switch r := rounds - idleTurns*n - 1; {
		case r < 0 || r%(n+1) != 0:
			from = y
		default:
			rounds = r/(n+1) + 1
		}
	}
	if s := from & e.sleeping; s != 0 {
		if first := e.firstSleeper(); first >= 0 && rounds <= sleepRounds && s&(1<<first) != 0 {
			return 1 << first
		}
		from = s
	}
	best := lowest(from)
	for m := from; m != 0; m &= m - 1 {
		if i := lowest(m); e.threads[i].stamp < e.threads[best].stamp {
			best = i
		}
	}
	return 1 << best
}

// Default returns who goes on if nobody decides otherwise: the same thread, or
// if it can't or gave way, the next one that can. Schedules are kept as what
// differs from it.
func (e *Engine) Default(enabled uint64, cur int) int {
	if cur >= 0 && enabled&(1<<cur)&^e.yielding != 0 {
		return cur
	}
	prefer := enabled &^ e.stillYielding(enabled)
	if prefer == 0 {
		prefer = e.longestYield(enabled, e.rounds)
	}
	after := uint64(0)
	if cur >= 0 {
		after = prefer &^ (1<<(cur+1) - 1)
	}
	if after != 0 {
		return lowest(after)
	}
	return lowest(prefer)
}

// Enabled returns the threads that could go on, also those that gave way.
func (e *Engine) Enabled() uint64 { return e.enabled() }

func count(mask uint64) int { return bits.OnesCount64(mask) }

func (e *Engine) threadName(id int) string {
	if id < 0 || id >= e.n {
		return "no thread"
	}
	return e.threads[id].Name()
}

// describeBlocked says what each thread waits for.
func (e *Engine) describeBlocked() string {
	s := ""
	for m := e.alive; m != 0; m &= m - 1 {
		t := &e.threads[lowest(m)]
		if s != "" {
			s += ", "
		}
		s += t.Name() + " waits in " + t.op.Kind.String()
		if n := e.LocName(t.op.Loc); n != "" {
			s += " " + n
		}
	}
	return s
}

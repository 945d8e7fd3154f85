package workloads

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/spin"
)

// PID2Proc is the process management of Akaros (Documentation/kref.txt, kern/src
// process.c): a hash from process ids to processes that is weak, and one reference
// that keeps a process alive until somebody destroys it.
//
//   - A worker makes system calls on processes by their ids. pid2proc finds the
//     process in the hash and takes a reference with TryGet
//     (kref_get_not_zero), both under the hash's lock; the worker uses it and
//     drops the reference (proc_decref). Most ids are those of living processes;
//     some have just been destroyed.
//   - A share of the calls wakes the process: it goes onto the runnable list,
//     with a reference. The list belongs to another subsystem, the scheduler, so
//     its references are external, that is counted, unlike the hash's.
//   - A share destroys the process (proc_destroy). The first to do so marks it
//     as dying, drops "the one ref to keep the object alive", takes it off the
//     runnable list with the list's reference, and at the end of the call creates
//     another process under a new id. A second one finds it dying and leaves it
//     alone.
//   - The scheduler, a role, takes processes off the runnable list, runs them, and
//     drops the list's references.
//
// Who drops the last reference tears the process down, takes it out of the hash
// under the lock, and frees it (__proc_free). Until then lookups find it dead.
// With a plain Get they would revive it, and both it and its releaser would free
// it. Without the one reference a process would go as soon as nobody looked at it.
var PID2Proc = &Workload{
	Name:      "pid2proc",
	Doc:       "look up processes by id in a weak hash, while some are scheduled and some destroyed",
	Source:    "Akaros Documentation/kref.txt, process management",
	Operation: "a system call on a process id: the process found, used and put",
	NoWait:    "who destroys a process holds a reference to it meanwhile",
	Knobs: []Knob{
		{Name: "processes", Doc: "processes alive at a time", Default: 64, Min: 1, Max: 1 << 14},
		PopularityKnob(10),
		{Name: "wake", Doc: "share of calls that wake the process, in percent", Default: 10, Min: 0, Max: 100},
		{Name: "destroy", Doc: "share of calls that destroy the process, in a thousand", Default: 5, Min: 0, Max: 1000},
		{Name: "teardown", Doc: "work of freeing a process before it leaves the hash, in ns", Default: 1000, Min: 0, Max: 1_000_000},
		{Name: "hold", Doc: "how long a call holds its process, in ns", Default: 0, Min: 0, Max: 1_000_000},
		{Name: "pause", Doc: "time between two turns of the scheduler, in us", Default: 50, Min: 1, Max: 1_000_000},
	},
	Wrong: "the lookup takes its reference with a plain Get, also to a process that has died",
	Plan: Plan{
		Settings: "processes=1,skew=0,destroy=500,wake=50,teardown=0,pause=1",
		Program:  "w0.Work w0.Work|w1.Work w1.Work|r0.Step r0.Step",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(pid2proc[Dynamic, DynamicTimed]), new(pid2proc[Dynamic, DynamicChecked]))
	},
}

// procState is what a process is doing.
type procState int

// The states (PROC_WAITING, PROC_RUNNABLE_S, PROC_DYING).
const (
	procWaiting procState = iota
	procRunnable
	procDying
)

// A proc is a process without its count.
type proc[T any] struct {
	// The hash's lock guards these.
	pid    uint64
	next   *arena.Slot[T, proc[T]] // in its bucket
	hashed bool

	mu    sync.Mutex // proc_lock
	state procState
	// one is the reference that keeps the process alive. Whoever makes the
	// state procDying drops it.
	one  arena.Hold
	life arena.Life
	// place is where the process's id stands.
	place int

	// The runnable list's lock guards these.
	after, before *arena.Slot[T, proc[T]]
	listed        bool
	external      arena.Hold // the list's reference
}

type pid2proc[T any, H Holder[T]] struct {
	arena   *arena.Arena[T, proc[T]]
	workers []procActor[T, H]
	kernel  procActor[T, H] // makes the first processes and ends the last
	sched   procActor[T, H]

	// pids are the ids of the living: what programs know of each other.
	pids []procID

	hash     procHash[T]
	runnable procList[T]

	picks    Popularity
	wake     int // percent
	destroy  int // in a thousand
	teardown int // loops of spin.For
	hold     int // loops of spin.For
	pause    time.Duration
	wrong    bool
}

// A procID is the id of the process in one place, alone on its cache line.
type procID struct {
	pid atomic.Uint64
	_   [pin.LineBytes - 8]byte
}

// procHash finds processes by id (pid_hash). Its pointers are weak.
type procHash[T any] struct {
	mu      sync.Mutex
	buckets []*arena.Slot[T, proc[T]]
}

// bucket returns the bucket of an id. Ids are handed out in turn, so they are
// spread well.
func (h *procHash[T]) bucket(pid uint64) **arena.Slot[T, proc[T]] {
	return &h.buckets[pid%uint64(len(h.buckets))]
}

// find returns the process with the id, or nil. The caller holds the lock.
func (h *procHash[T]) find(pid uint64) *arena.Slot[T, proc[T]] {
	p := *h.bucket(pid)
	for p != nil && p.Value.pid != pid {
		p = p.Value.next
	}
	return p
}

// insert adds a process.
func (h *procHash[T]) insert(p *arena.Slot[T, proc[T]], pid uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.Value.hashed {
		return // A broken count gave the slot away too early.
	}
	b := h.bucket(pid)
	p.Value.pid, p.Value.next, p.Value.hashed = pid, *b, true
	*b = p
}

// remove takes a process out.
func (h *procHash[T]) remove(p *arena.Slot[T, proc[T]]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !p.Value.hashed {
		return
	}
	p.Value.hashed = false
	at := h.bucket(p.Value.pid)
	for *at != p {
		at = &(*at).Value.next
	}
	*at = p.Value.next
}

// procList is the scheduler's list of runnable processes, first in, first out. It
// holds a reference to each.
type procList[T any] struct {
	mu          sync.Mutex
	first, last *arena.Slot[T, proc[T]]
}

// push adds a process with a reference, unless it is listed already.
func (l *procList[T]) push(p *arena.Slot[T, proc[T]], h arena.Hold) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := &p.Value
	if v.listed {
		return false
	}
	v.listed, v.external = true, h
	v.before, v.after = l.last, nil
	if l.last == nil {
		l.first = p
	} else {
		l.last.Value.after = p
	}
	l.last = p
	return true
}

// remove takes a process off the list, if it is there, and returns the list's
// reference. p may be nil for the first one.
func (l *procList[T]) remove(p *arena.Slot[T, proc[T]]) (*arena.Slot[T, proc[T]], arena.Hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p == nil {
		p = l.first
	}
	if p == nil || !p.Value.listed {
		return nil, 0
	}
	v := &p.Value
	v.listed = false
	if v.before == nil {
		l.first = v.after
	} else {
		v.before.Value.after = v.after
	}
	if v.after == nil {
		l.last = v.before
	} else {
		v.after.Value.before = v.before
	}
	return p, v.external
}

// procActor is somebody who runs kernel code.
type procActor[T any, H Holder[T]] struct {
	holder  H
	cache   *arena.Cache[T, proc[T]]
	rand    Rand
	misses  Misses
	stolen  uint64 // processes that were released while somebody held them
	refused uint64 // living processes that TryGet found dead
	_       [pin.LineBytes]byte
}

func (s *pid2proc[T, H]) Setup(c Config, k Kit[T, H]) error {
	n := c.Knob("processes")
	*s = pid2proc[T, H]{
		arena:    arena.New[T, proc[T]](k.Options(c)),
		workers:  make([]procActor[T, H], c.Workers),
		pids:     make([]procID, n),
		picks:    NewPopularity(n, c.Knob("skew"), c.Seed),
		wake:     c.Knob("wake"),
		destroy:  c.Knob("destroy"),
		teardown: spin.Loops(time.Duration(c.Knob("teardown"))),
		hold:     spin.Loops(time.Duration(c.Knob("hold"))),
		pause:    time.Duration(c.Knob("pause")) * time.Microsecond,
		wrong:    c.Wrong,
	}
	s.hash.buckets = make([]*arena.Slot[T, proc[T]], n)
	s.open(&s.kernel, k.Holder("kernel"), NewRand(c.Seed, c.Workers))
	s.open(&s.sched, k.Holder("scheduler"), NewRand(c.Seed, c.Workers+1))
	for i := range s.workers {
		s.open(&s.workers[i], k.Worker(i), NewRand(c.Seed, i))
	}
	for place := range s.pids {
		s.create(&s.kernel, place)
	}
	return nil
}

func (s *pid2proc[T, H]) open(a *procActor[T, H], h H, r Rand) {
	a.holder, a.rand, a.cache = h, r, s.arena.Cache()
}

// Work makes n system calls and returns how many found their process.
func (s *pid2proc[T, H]) Work(worker, n int) int {
	a := &s.workers[worker]
	done := 0
	for range n {
		p, h, life := s.find(a, s.pids[s.picks.Pick(&a.rand)].pid.Load())
		if p == nil {
			done += a.misses.Next() // ESRCH
			continue
		}
		a.misses.End()
		free := -1 // the place of a process that this call destroys
		if s.wake > 0 && a.rand.Below(100) < s.wake {
			s.wakeup(a, p)
		}
		if s.destroy > 0 && a.rand.Below(1000) < s.destroy {
			free = s.kill(a, p)
		}
		spin.For(s.hold)
		a.holder.Use(&p.Object, h)
		if p.Life() != life {
			a.stolen++
		}
		s.drop(a, p, h)
		done++
		if free >= 0 {
			// Until now others had the old id, and found a process
			// that was dying, or dead, or none.
			s.create(a, free)
		}
	}
	return done
}

// find returns the process with the id and a reference to it, or nil (pid2proc).
// The lock sees to it that the memory is the process's until TryGet is through.
func (s *pid2proc[T, H]) find(a *procActor[T, H], pid uint64) (*arena.Slot[T, proc[T]], arena.Hold, arena.Life) {
	s.hash.mu.Lock()
	p := s.hash.find(pid)
	if p == nil {
		s.hash.mu.Unlock()
		return nil, 0, 0
	}
	var h arena.Hold
	ok := true
	if s.wrong {
		h = a.holder.Get(&p.Object)
	} else {
		h, ok = a.holder.TryGet(&p.Object)
		// A TryGet that may fail spuriously doesn't do so time and again.
		for fails := 1; !ok && s.alive(p); fails++ {
			if fails == procPatience {
				a.refused++
				break
			}
			h, ok = a.holder.TryGet(&p.Object)
		}
	}
	life := p.Life()
	s.hash.mu.Unlock()
	if !ok {
		return nil, 0, 0
	}
	return p, h, life
}

// procPatience is how often TryGet may fail on a living process before the failure
// counts as wrong.
const procPatience = 100

// alive reports whether nobody has destroyed the process yet. Then the one
// reference is there.
func (s *pid2proc[T, H]) alive(p *arena.Slot[T, proc[T]]) bool {
	p.Value.mu.Lock()
	defer p.Value.mu.Unlock()
	return p.Value.state != procDying
}

// create makes the process of one place, with the one reference that keeps it
// alive, and lets others find it (proc_alloc).
func (s *pid2proc[T, H]) create(a *procActor[T, H], place int) {
	p := a.cache.Alloc()
	one := a.holder.Init(&p.Object)
	s.ready(p, one, place)
}

// ready starts a process in one place and puts it into the hash (proc_ready).
func (s *pid2proc[T, H]) ready(p *arena.Slot[T, proc[T]], one arena.Hold, place int) {
	v := &p.Value
	v.mu.Lock()
	v.state, v.one, v.life, v.place = procWaiting, one, p.Life(), place
	v.mu.Unlock()
	// The next id of the same place, so that an id is never used twice. Only
	// the one who destroyed the process before is here.
	pid := s.pids[place].pid.Load() + uint64(len(s.pids))
	if pid == uint64(len(s.pids)) {
		pid += uint64(place) // The first.
	}
	s.hash.insert(p, pid)
	s.pids[place].pid.Store(pid)
}

// wakeup makes a process runnable. The runnable list gets a reference of its own.
// The caller holds one.
func (s *pid2proc[T, H]) wakeup(a *procActor[T, H], p *arena.Slot[T, proc[T]]) {
	v := &p.Value
	v.mu.Lock()
	if v.state != procWaiting {
		v.mu.Unlock()
		return
	}
	v.state = procRunnable
	h := a.holder.Get(&p.Object)
	listed := s.runnable.push(p, h)
	v.mu.Unlock()
	if !listed {
		a.stolen++
		s.drop(a, p, h)
	}
}

// kill destroys a process (proc_destroy) and returns its place, or -1 if somebody
// else did: only the first call has an effect. The caller holds a reference, or
// nobody else is left.
func (s *pid2proc[T, H]) kill(a *procActor[T, H], p *arena.Slot[T, proc[T]]) int {
	one, place := s.doom(a, p)
	if place < 0 {
		return -1
	}
	// Nobody wakes a dying process, so it won't come back on the list.
	if listed, h := s.runnable.remove(p); listed != nil {
		s.drop(a, p, h)
	}
	if a.holder.Kill(&p.Object, one) {
		s.release(a, p)
	}
	return place
}

// doom marks a process as dying, and returns the reference that has kept it alive and
// its place, or -1 if it is dying already.
func (s *pid2proc[T, H]) doom(a *procActor[T, H], p *arena.Slot[T, proc[T]]) (one arena.Hold, place int) {
	v := &p.Value
	v.mu.Lock()
	if v.state == procDying {
		v.mu.Unlock()
		return 0, -1
	}
	v.state = procDying
	one, life, place := v.one, v.life, v.place
	v.mu.Unlock()
	if p.Life() != life {
		a.stolen++
	}
	return one, place
}

// drop drops a reference (proc_decref).
func (s *pid2proc[T, H]) drop(a *procActor[T, H], p *arena.Slot[T, proc[T]], h arena.Hold) {
	if a.holder.Put(&p.Object, h) {
		s.release(a, p)
	}
}

// release tears a process down whose last reference dropped, and frees it
// (__proc_free).
func (s *pid2proc[T, H]) release(a *procActor[T, H], p *arena.Slot[T, proc[T]]) {
	if !a.cache.End(p) {
		return
	}
	spin.For(s.teardown)
	if s.wrong {
		runtime.Gosched() // Lookups come right now.
	}
	s.hash.remove(p)
	a.cache.Recycle(p)
}

// schedTurn is how many processes the scheduler runs in one turn.
const schedTurn = 16

// Roles returns the scheduler.
func (s *pid2proc[T, H]) Roles() []Role {
	return []Role{{Name: "scheduler", Step: func() time.Duration {
		for range schedTurn {
			if !s.schedule() {
				break
			}
		}
		return s.pause
	}}}
}

// schedule runs the first runnable process, and reports whether there was one. The
// list's reference is the scheduler's now.
func (s *pid2proc[T, H]) schedule() bool {
	a := &s.sched
	p, h := s.runnable.remove(nil)
	if p == nil {
		return false
	}
	v := &p.Value
	v.mu.Lock()
	if v.state == procRunnable {
		v.state = procWaiting
	}
	v.mu.Unlock()
	spin.For(s.hold)
	a.holder.Use(&p.Object, h)
	s.drop(a, p, h)
	return true
}

// Close destroys every process.
func (s *pid2proc[T, H]) Close() Books {
	for s.schedule() {
	}
	a := &s.kernel
	var lost uint64
	for i := range s.pids {
		s.hash.mu.Lock()
		p := s.hash.find(s.pids[i].pid.Load())
		s.hash.mu.Unlock()
		if p == nil {
			lost++
			continue
		}
		s.kill(a, p)
	}
	b := BooksOf(s.arena)
	b.Observe(judge.StolenReference, lost, "processes were gone that nobody had destroyed")
	b.Observe(judge.StolenReference, s.kernel.stolen+s.sched.stolen, "processes were released before their destruction")
	for i := range s.workers {
		b.Observe(judge.StolenReference, s.workers[i].stolen, "processes were released while worker %d held them", i)
		b.Observe(judge.StolenReference, s.workers[i].refused, "lookups of worker %d found a living process dead", i)
	}
	return b
}

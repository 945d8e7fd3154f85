package arena

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/refbench/refbench/strategies/pin"
)

// A Hold is a reference that somebody took: the cookie to drop it with. The zero
// Hold is what the timed form uses.
//
//	bits   meaning
//	0-31   tag: how often the actor used the entry before
//	32-51  entry in the table of the actor who took it
//	52-63  that actor's number, from 1
type Hold uint64

func (h Hold) tag() uint32 { return uint32(h) }
func (h Hold) entry() int  { return int(h >> 32 & (maxEntries - 1)) }
func (h Hold) actor() int  { return int(h >> 52) }

func newHold(a, e int, tag uint32) Hold {
	return Hold(a)<<52 | Hold(e)<<32 | Hold(tag)
}

const (
	maxActors  = 1<<12 - 1
	maxEntries = 1 << 20
)

// A Shadow is what the checked form knows of an object beside the strategy's own
// count. Its word is changed once before each operation on the count and once
// after:
//
//	bits   field     changes
//	0-15   inflight  +1 before every operation, -1 after it
//	16     dead      set after a drop that reported the last reference
//	17-46  held      +1 after a reference was taken, -1 before it is dropped;
//	                 offset by heldZero, so that it can go below zero
//	47-63  sequence  +1 before every operation
//
// Since a reference counts as held only after it was taken and no longer as soon
// as its drop begins, held is never more than what a right count says. That
// makes the following rules exact; none of them depends on timing:
//
//   - When a drop reports the last reference, held is zero. Otherwise somebody
//     holds a reference that the count has lost: StolenReference.
//   - When nothing is in flight, held is zero and nobody was told, then nobody
//     ever will be: LateRelease.
//   - When a reference was taken and the object is dead by then, it came back to
//     life: ResurrectedDead.
type Shadow struct {
	log        *Log
	life       *atomic.Uint64
	number     int
	typeStable bool

	word atomic.Uint64
	// ring holds the last operations; sequence%len is the newest. An
	// operation is actor<<8 | Op.
	ring [8]atomic.Uint64
}

const (
	inflightOne = 1
	inflightMax = 1<<16 - 1
	deadBit     = 1 << 16
	heldOne     = 1 << 17
	heldZero    = 1 << 29 // offset
	heldMask    = 1<<30 - 1
	sequenceOne = 1 << 47
)

func heldIn(w uint64) int64 { return int64(w>>17&heldMask) - heldZero }

// An Op is what an actor does to a count.
type Op uint8

// The operations.
const (
	OpInit Op = iota
	OpGet
	OpTryGet
	OpPut
	OpKill
	OpUse
	OpResurrect
)

var opNames = [...]string{"Init", "Get", "TryGet", "Put", "Kill", "use", "Resurrect"}

// String returns the operation's name.
func (o Op) String() string { return opNames[o] }

// A Log collects the violations of one instance of a workload.
type Log struct {
	mu      sync.Mutex
	counts  [Kinds]uint64
	notes   [Kinds][]string
	actors  []*Actor
	shadows int
}

// maxNotes is how many violations of one kind a log describes.
const maxNotes = 3

// An Actor takes and drops references in the checked form. It belongs to one
// goroutine, but a Hold may be dropped by another actor than the one that took
// it.
type Actor struct {
	log    *Log
	number int
	name   string

	entries []*entry
	unused  []int // entries to take
	scan    int   // where to look for closed entries next
	ops     uint64

	_ [pin.LineBytes]byte
}

// An entry is a reference that its actor took, or place for one.
type entry struct {
	// state is the tag of its last Hold, and whether that is still held:
	// tag<<1 | open.
	state atomic.Uint64
	// The rest is written by the actor while the entry is closed. It is
	// atomic for those who describe a violation and look at all entries.
	shadow atomic.Pointer[Shadow]
	life   atomic.Uint64
	// taken is the number of the operation among the actor's, and which
	// it was: number<<8 | Op.
	taken atomic.Uint64
}

// String says which operation took the reference.
func (e *entry) String() string {
	t := e.taken.Load()
	return fmt.Sprintf("operation %d, %v", t>>8, Op(t))
}

// Actor returns a new actor. Its name says who it is in violations.
func (l *Log) Actor(name string) *Actor {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.actors) == maxActors {
		panic("arena: more than 4095 actors")
	}
	a := &Actor{log: l, number: len(l.actors) + 1, name: name}
	l.actors = append(l.actors, a)
	return a
}

func (l *Log) newShadow(life *atomic.Uint64, typeStable bool) *Shadow {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shadows++
	s := &Shadow{log: l, life: life, number: l.shadows, typeStable: typeStable}
	s.word.Store(heldZero << 17)
	return s
}

// Operations returns how many operations were judged. No actor is at work.
func (l *Log) Operations() uint64 {
	var n uint64
	for _, a := range l.actors {
		n += a.ops
	}
	return n
}

// Violations returns how many there were of each kind and describes the first of
// each.
func (l *Log) Violations() (counts [Kinds]uint64, notes []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ns := range l.notes {
		notes = append(notes, ns...)
	}
	return l.counts, notes
}

// report puts down a violation. The words say what happened to the object.
func (l *Log) report(k Kind, s *Shadow, life Life, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[k]++
	if len(l.notes[k]) < maxNotes {
		l.notes[k] = append(l.notes[k], fmt.Sprintf("%v: object %d, life %d: %s; its last operations: %s",
			k, s.number, life.Generation(), fmt.Sprintf(format, args...), s.history()))
	}
}

// history describes the last operations, the oldest first. The log is locked.
func (s *Shadow) history() string {
	newest := s.word.Load() >> 47
	var ops []string
	for i := range uint64(len(s.ring)) {
		e := s.ring[(newest+1+i)%uint64(len(s.ring))].Load()
		if e == 0 {
			continue
		}
		ops = append(ops, s.log.actors[e>>8-1].name+" "+Op(e&0xff).String())
	}
	return strings.Join(ops, ", ")
}

// released notes a second release of an object.
func (l *Log) released(s *Shadow, life Life) {
	l.report(DoubleFree, s, life, "released again")
}

// ended checks an object that was just released though no drop had reported the
// last reference (where one had, that was checked then): nobody may hold it.
func (l *Log) ended(s *Shadow, life Life) {
	if w := s.word.Load(); w&deadBit == 0 && heldIn(w) > 0 {
		held := heldIn(w)
		l.report(StolenReference, s, life, "released while %s", l.holders(s, life, held))
	}
}

// holders says who holds references to an object.
func (l *Log) holders(s *Shadow, life Life, held int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var who []string
	for _, a := range l.actors {
		for _, e := range a.entries {
			if e.state.Load()&1 == 1 && e.shadow.Load() == s && Life(e.life.Load()) == life {
				who = append(who, fmt.Sprintf("%s (%v)", a.name, e))
			}
		}
	}
	if len(who) == 0 {
		return fmt.Sprintf("%d references were held", held)
	}
	return "held by " + strings.Join(who, " and ")
}

// leaked puts down an object that was never released. No actor is at work.
func (l *Log) leaked(s *Shadow, life Life) {
	if held := heldIn(s.word.Load()); held > 0 {
		l.report(Leak, s, life, "never released; %s", l.holders(s, life, held))
	} else {
		l.report(Leak, s, life, "never released though all references were dropped")
	}
}

// Leaks puts down every object of a checked arena that hasn't been released. No
// actor is at work.
func (a *Arena[T, V]) Leaks() {
	for _, ps := range a.chunks {
		for i := range ps {
			o := &ps[i].slot
			if life := o.Life(); life%lifeStates == lifeLive {
				a.options.Log.leaked(o.shadow, life)
			}
		}
	}
}

// begin announces an operation on the object.
func (a *Actor) begin(s *Shadow, o Op, held int64) {
	a.ops++
	w := s.word.Add(uint64(sequenceOne + inflightOne + held*heldOne))
	s.ring[w>>47%uint64(len(s.ring))].Store(uint64(a.number)<<8 | uint64(o))
}

// end finishes an operation and returns the word after it.
func (s *Shadow) end(held int64) uint64 {
	return s.word.Add(uint64(held*heldOne - inflightOne))
}

// touch checks that there is an object to operate on. weak says that the actor
// came by a weak reference.
func (a *Actor) touch(s *Shadow, o Op, weak bool) {
	life := Life(s.life.Load())
	switch life % lifeStates {
	case lifeFree:
		if !(weak && s.typeStable) {
			a.log.report(UseAfterFree, s, life, "%s: %v on memory that holds no object", a.name, o)
		}
	case lifeReleased:
		// In a grace period a weak reference may still lead here.
		if !weak {
			a.log.report(UseAfterFree, s, life, "%s: %v after its release", a.name, o)
		}
	}
}

// open returns a new hold on the object.
func (a *Actor) open(s *Shadow, o Op) Hold {
	i := a.place()
	e := a.entries[i]
	e.shadow.Store(s)
	e.life.Store(s.life.Load())
	e.taken.Store(a.ops<<8 | uint64(o))
	tag := uint32(e.state.Load()>>1) + 1
	e.state.Store(uint64(tag)<<1 | 1)
	return newHold(a.number, i, tag)
}

// place returns an entry that isn't in use.
func (a *Actor) place() int {
	if n := len(a.unused); n > 0 {
		i := a.unused[n-1]
		a.unused = a.unused[:n-1]
		if a.entries[i].state.Load()&1 == 0 {
			return i
		}
	}
	// Others close entries too, and tell nobody: look a few over.
	for range min(len(a.entries), 64) {
		if a.scan++; a.scan >= len(a.entries) {
			a.scan = 0
		}
		if a.entries[a.scan].state.Load()&1 == 0 {
			return a.scan
		}
	}
	if len(a.entries) == maxEntries {
		panic("arena: " + a.name + " holds more than 2^20 references")
	}
	// Others read the table when they drop our holds, so it grows under the
	// lock that find takes.
	a.log.mu.Lock()
	a.entries = append(a.entries, new(entry))
	a.log.mu.Unlock()
	return len(a.entries) - 1
}

// find returns the entry of a hold, which may be another actor's.
func (a *Actor) find(h Hold) (*Actor, *entry) {
	if h.actor() == a.number {
		return a, a.entries[h.entry()]
	}
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	taker := a.log.actors[h.actor()-1]
	return taker, taker.entries[h.entry()]
}

// close closes a hold on the object.
func (a *Actor) close(s *Shadow, o Op, h Hold) {
	life := Life(s.life.Load())
	if h == 0 {
		a.log.report(Underflow, s, life, "%s: %v without a reference", a.name, o)
		return
	}
	taker, e := a.find(h)
	tag := uint64(h.tag())
	if e.state.Load() != tag<<1|1 {
		a.log.report(Underflow, s, life, "%s: %v of a reference that was dropped already; %s had taken it", a.name, o, taker.name)
		return
	}
	if had := Life(e.life.Load()); e.shadow.Load() != s || had != life {
		a.log.report(StolenReference, s, had, "%s had a reference (%v), and at the %v by %s the object was gone (life %d)",
			taker.name, e, o, a.name, life.Generation())
	}
	// Closing it comes last: from then on its actor may reuse it.
	if !e.state.CompareAndSwap(tag<<1|1, tag<<1) {
		a.log.report(Underflow, s, life, "%s: %v of a reference that somebody else drops at the same time; %s had taken it", a.name, o, taker.name)
		return
	}
	if taker == a {
		a.unused = append(a.unused, h.entry())
	}
}

// BeginInit announces the begin of a life.
func (a *Actor) BeginInit(s *Shadow) {
	a.begin(s, OpInit, 0)
	// What an earlier life left in the fields was reported then.
	for {
		w := s.word.Load()
		if s.word.CompareAndSwap(w, w&^(deadBit|heldMask<<17)|heldZero<<17) {
			return
		}
	}
}

// BeginTake announces an operation that takes a reference: Get by somebody who
// holds one, TryGet and Resurrect through a weak one.
func (a *Actor) BeginTake(s *Shadow, o Op) {
	a.begin(s, o, 0)
	a.touch(s, o, o != OpGet)
}

// EndTake checks an operation that took a reference, Init among them, and
// returns its hold.
func (a *Actor) EndTake(s *Shadow, o Op) Hold {
	w := s.end(+1)
	if w&deadBit != 0 && o == OpResurrect {
		s.word.And(^uint64(deadBit))
	} else if w&deadBit != 0 {
		a.log.report(ResurrectedDead, s, Life(s.life.Load()), "%s: %v took a reference after the last had been dropped", a.name, o)
	}
	return a.open(s, o)
}

// EndTakeFailed finishes an operation that took no reference.
func (a *Actor) EndTakeFailed(s *Shadow) { s.end(0) }

// BeginDrop announces an operation that drops the reference h.
func (a *Actor) BeginDrop(s *Shadow, o Op, h Hold) {
	a.begin(s, o, -1)
	a.touch(s, o, false)
	a.close(s, o, h)
}

// EndDrop checks an operation that dropped a reference and reported whether it
// was the last.
func (a *Actor) EndDrop(s *Shadow, o Op, last bool) {
	if !last {
		if w := s.end(0); w&(inflightMax|deadBit) == 0 && heldIn(w) <= 0 {
			a.log.report(LateRelease, s, Life(s.life.Load()), "%s: %v dropped the last reference and reported another", a.name, o)
		}
		return
	}
	life := Life(s.life.Load())
	if w := s.word.Or(deadBit); w&deadBit != 0 {
		a.log.report(DoubleFree, s, life, "%s: %v reported the last reference, as another drop had before", a.name, o)
	}
	if w := s.end(0); heldIn(w) > 0 {
		a.log.report(StolenReference, s, life, "%s: %v reported the last reference while it was %s",
			a.name, o, a.log.holders(s, life, heldIn(w)))
	}
}

// Use checks that the object which the actor holds a reference to is still
// there. It is an access to the object, not to its count.
func (a *Actor) Use(s *Shadow, h Hold) {
	if h == 0 {
		a.log.report(UseAfterFree, s, Life(s.life.Load()), "%s used it without a reference", a.name)
		return
	}
	taker, e := a.find(h)
	if life, had := Life(s.life.Load()), Life(e.life.Load()); had != life {
		a.log.report(StolenReference, s, had, "%s had a reference (%v), and when %s used the object it was gone (life %d)",
			taker.name, e, a.name, life.Generation())
	}
}

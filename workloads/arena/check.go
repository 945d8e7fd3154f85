package arena

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
)

// A Hold is a reference that somebody took: the cookie to drop it with. The zero
// Hold is what the timed form uses.
//
//	bits   meaning
//	0-31   tag: the low bits of the number of the operation that took it
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
//	0-12   inflight  +1 before an operation that may take or drop the object's
//	                 last reference, -1 after it
//	13-15  told      +1 after a drop that reported the last reference
//	16-18  revived   +1 before a Resurrect
//	19     late      a LateRelease of this life was reported
//	20-47  held      +1 after a reference was taken, -1 before it is dropped;
//	                 offset by heldZero, so that nothing spills over if a wrong
//	                 count drives it below zero
//	48-63  sequence  +1 for every operation; goes round
//
// told and revived stick at their limit; the other fields can't reach theirs.
// Every change moves the word's cache line from one CPU to another, and that is
// what the checked form costs. So a Get changes it only once, after it: whoever
// calls it has a reference meanwhile, which held counts. And a drop that wasn't
// the last, and didn't look like it either, leaves its second change to the
// actor's next operation: until then the object only looks busy.
//
// held is the number of Holds of this life that are open, but for those whose
// drop has begun and those whose take hasn't ended. So it is never more than
// what a right count says, and the same where nothing is in flight. That makes
// the rules of package judge exact: they raise no false alarm whatever the timing, and
// none of them needs luck once the object is at rest and its actors have gone on
// or the run is over. Whichever operation ends last looks at an object at rest, a
// TryGet that failed as well. A Balance is revived while a Resurrect is in flight and
// until the object is at rest.
type Shadow struct {
	word atomic.Uint64

	_ [pin.LineBytes - 8]byte

	// What follows changes only with the object's life, so that every CPU may
	// keep a copy of its cache line. life mirrors the slot's, which is on the
	// count's line.
	life atomic.Uint64
	// inited is the life that the last Init was for.
	inited     atomic.Uint64
	log        *Log
	number     int // from 1
	typeStable bool

	_ [pin.LineBytes - 40]byte
}

const (
	inflightOne = 1
	inflightMax = 1<<13 - 1 // more than there can be actors
	toldOne     = 1 << 13
	toldMax     = 7 << 13
	revivedOne  = 1 << 16
	revivedMax  = 7 << 16
	lateBit     = 1 << 19
	heldOne     = 1 << 20
	heldMax     = (1<<28 - 1) << 20
	heldZero    = 1 << 27 << 20
	sequenceOne = 1 << 48
)

func heldIn(w uint64) int64 { return (int64(w&heldMax) - heldZero) / heldOne }

// balanceIn returns what the word says of references.
func balanceIn(w uint64) judge.Balance {
	return judge.Balance{Held: heldIn(w), Told: w & toldMax / toldOne, Revived: w & revivedMax / revivedOne}
}

// saturate adds one to the field with that lowest bit and that mask unless it is
// at its limit.
func saturate(w, one, limit uint64) uint64 {
	if w&limit == limit {
		return w
	}
	return w + one
}

// An Op is what an actor does to a count.
type Op uint8

// The operations.
const (
	OpInit Op = iota
	OpGet
	OpTryGet
	OpPut
	OpKill
	OpResurrect
	OpPutIfOne
	OpCount
)

var opNames = [...]string{"Init", "Get", "TryGet", "Put", "Kill", "Resurrect", "PutIfOne", "Count"}

// String returns the operation's name.
func (o Op) String() string { return opNames[o] }

// A Log collects the violations of one instance of a workload.
type Log struct {
	mu      sync.Mutex
	counts  [judge.Kinds]uint64
	notes   [judge.Kinds][]string
	shadows int

	// actors is replaced as a whole, under mu, so that a drop of another
	// actor's Hold takes no lock.
	actors atomic.Pointer[[]*Actor]
}

const (
	// historyLen is how many operations on an object a violation tells of.
	historyLen = 8
	// historyWays is how many of an actor's operations on an object are
	// remembered.
	historyWays = 4
	historySets = 256
)

// maxNotes is how many violations of one kind a log describes.
const maxNotes = 3

// An Actor takes and drops references in the checked form. It belongs to one
// goroutine, but a Hold may be dropped by another actor than the one that took
// it.
type Actor struct {
	log    *Log
	number int
	name   string

	// entries is the actor's own view of table, which is replaced as a whole
	// when it grows. Entries are never removed.
	entries []*entry
	unused  []int // entries to take; the last first
	ops     uint64

	// unfinished is the object of a drop whose second change of the word is
	// still to come.
	unfinished *Shadow

	// history holds the actor's last operations, each in the set of its
	// object. It is the actor's and not the object's so that writing it
	// moves no cache line. Actors that see more objects than there are sets
	// forget some.
	history [historySets * historyWays]atomic.Uint64

	_ [pin.LineBytes]byte

	table atomic.Pointer[[]*entry]
	// returned is a stack of entries that others closed: the index of the
	// top plus one, 0 if there is none. Others push, and the actor takes all
	// at once, so no entry can come back between a push's read and its swap.
	returned atomic.Uint32

	_ [pin.LineBytes]byte
}

// An entry is a reference that its actor took, or place for one.
type entry struct {
	// state says which of the actor's operations took the last Hold, and
	// whether that is still held:
	//
	//	bits   meaning
	//	0      open
	//	1-4    Op
	//	5-63   the operation's number among the actor's
	state atomic.Uint64
	// The rest is written by the actor while the entry is closed. It is
	// atomic for those who describe a violation and look at all entries, or
	// who drop a Hold a second time.
	shadow atomic.Pointer[Shadow]
	life   atomic.Uint64
	// below is the entry under this one in the stack of returned ones, plus
	// one.
	below atomic.Uint32
}

// entryState returns the state of an open entry.
func entryState(number uint64, o Op) uint64 { return number<<5 | uint64(o)<<1 | 1 }

// isOpen reports whether an entry of that state is open and belongs to h.
func isOpen(state uint64, h Hold) bool { return state&1 == 1 && uint32(state>>5) == h.tag() }

// taken says which operation took the reference.
func (e *entry) taken() string {
	s := e.state.Load()
	return fmt.Sprintf("its operation %d, %v", s>>5, Op(s>>1&15))
}

// Actor returns a new actor. Its name says who it is in violations.
func (l *Log) Actor(name string) *Actor {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all()
	if len(all) == maxActors {
		panic("arena: more than 4095 actors")
	}
	a := &Actor{log: l, number: len(all) + 1, name: name}
	all = append(all[:len(all):len(all)], a)
	l.actors.Store(&all)
	return a
}

// all returns the actors.
func (l *Log) all() []*Actor {
	if p := l.actors.Load(); p != nil {
		return *p
	}
	return nil
}

func (l *Log) newShadow(typeStable bool) *Shadow {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shadows++
	s := &Shadow{log: l, number: l.shadows, typeStable: typeStable}
	// Memory that never held an object is as dead as after a release.
	s.word.Store(heldZero | toldOne)
	s.inited.Store(neverInited)
	return s
}

// neverInited is no life.
const neverInited = 1<<64 - 1

// Operations returns how many operations were judged. No actor is at work.
func (l *Log) Operations() uint64 {
	var n uint64
	for _, a := range l.all() {
		n += a.ops
	}
	return n
}

// Violations returns how many there were of each kind and describes the first of
// each.
func (l *Log) Violations() (counts [judge.Kinds]uint64, notes []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ns := range l.notes {
		notes = append(notes, ns...)
	}
	return l.counts, notes
}

// report puts down a violation. The words say what happened to the object.
func (l *Log) report(k judge.Kind, s *Shadow, life Life, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[k]++
	if len(l.notes[k]) < maxNotes {
		l.notes[k] = append(l.notes[k], fmt.Sprintf("%v: object %d, life %d: %s; its last operations: %s",
			k, s.number, life.Generation(), fmt.Sprintf(format, args...), s.history(life)))
	}
}

// newTrace returns what an actor's history says of an operation:
//
//	bits   meaning
//	0-3    Op
//	4-19   the word's sequence after it
//	20-35  generation of the object's life, its low bits
//	36-63  number of the shadow
func newTrace(s *Shadow, o Op, w uint64) uint64 {
	return uint64(o) | w/sequenceOne<<4 | Life(s.life.Load()).Generation()&(1<<16-1)<<20 | uint64(s.number)<<36
}

// history describes the last operations of a life, the oldest first. Those on free
// memory belong to no life; they are told with the life before.
func (s *Shadow) history(life Life) string {
	const mask = 1<<16 - 1
	of, before := life.Generation()&mask, life.Generation()&mask
	if life%lifeStates == lifeFree {
		before = (before - 1) & mask
	}
	newest := s.word.Load() / sequenceOne
	type past struct {
		age  uint16
		what string
	}
	var ops []past
	for _, a := range s.log.all() {
		for i := range a.history {
			t := a.history[i].Load()
			if g := t >> 20 & mask; t>>36 == uint64(s.number) && (g == of || g == before) {
				ops = append(ops, past{uint16(newest - t>>4), a.name + " " + Op(t&15).String()})
			}
		}
	}
	slices.SortStableFunc(ops, func(a, b past) int { return cmp.Compare(b.age, a.age) })
	var words []string
	for _, op := range ops[max(0, len(ops)-historyLen):] {
		words = append(words, op.what)
	}
	return strings.Join(words, ", ")
}

// setLife follows a change of the slot's life.
func (s *Shadow) setLife(life Life) { s.life.Store(uint64(life)) }

// released notes a second release of an object.
func (l *Log) released(s *Shadow, life Life) {
	l.report(judge.DoubleFree, s, life, "released again")
}

// ended checks an object that was just released though no drop had reported the
// last reference (where one had, that was checked then): nobody may hold it.
func (l *Log) ended(s *Shadow, life Life) {
	if w := s.word.Load(); w&toldMax == 0 && heldIn(w) > 0 {
		l.report(judge.StolenReference, s, life, "released while %v", holders{s, life})
	}
}

// holders says who holds references to an object.
type holders struct {
	shadow *Shadow
	life   Life
}

// String is called only for violations that are described: it looks at every
// entry of every actor.
func (h holders) String() string {
	var who []string
	for _, a := range h.shadow.log.all() {
		for _, e := range a.load() {
			if e.state.Load()&1 == 1 && e.shadow.Load() == h.shadow && Life(e.life.Load()) == h.life {
				who = append(who, fmt.Sprintf("%s (%s)", a.name, e.taken()))
			}
		}
	}
	if len(who) == 0 {
		return "held by somebody who has dropped it by now"
	}
	return "held by " + strings.Join(who, " and ")
}

// leaked puts down an object that was never released. No actor is at work.
func (l *Log) leaked(s *Shadow, life Life) {
	if heldIn(s.word.Load()) > 0 {
		l.report(judge.Leak, s, life, "never released; %v", holders{s, life})
	} else {
		l.report(judge.Leak, s, life, "never released though all references were dropped")
	}
}

// Leaks puts down every object of a checked arena that hasn't been released. No
// actor is at work.
func (a *Arena[T, V]) Leaks() {
	for _, actor := range a.options.Log.all() {
		actor.finish()
	}
	for _, ps := range a.chunks {
		for i := range ps {
			o := &ps[i].slot
			if life := o.Life(); life%lifeStates == lifeLive {
				a.options.Log.leaked(o.shadow, life)
			}
		}
	}
}

// begin announces an operation on the object, which changes the word's fields by
// that much, and returns the word.
func (a *Actor) begin(s *Shadow, o Op, change int64) uint64 {
	a.ops++
	w := s.word.Add(uint64(sequenceOne + change + a.putOff(s)))
	a.note(s, o, w)
	return w
}

// putOff returns how to change the word for a drop that the actor has left
// unfinished. If that was of another object, it is finished now.
func (a *Actor) putOff(s *Shadow) int64 {
	if a.unfinished == nil {
		return 0
	}
	if a.unfinished == s {
		a.unfinished = nil
		return -inflightOne
	}
	a.finish()
	return 0
}

// finish finishes the drop that the actor has left unfinished, if any.
func (a *Actor) finish() {
	if s := a.unfinished; s != nil {
		a.unfinished = nil
		a.end(s, 0)
	}
}

// end finishes an operation, with its change to held, and returns the word.
func (a *Actor) end(s *Shadow, held int64) uint64 {
	w := s.word.Add(uint64(held*heldOne - inflightOne))
	if atRest(w) {
		a.rest(s, w)
	}
	return w
}

// note puts an operation into the history. w is the word that it left.
func (a *Actor) note(s *Shadow, o Op, w uint64) {
	set := uint64(s.number) % historySets * historyWays
	a.history[set+a.ops%historyWays].Store(newTrace(s, o, w))
}

// atRest reports whether there is something to judge because nothing is in
// flight.
func atRest(w uint64) bool {
	return w&inflightMax == 0 && (w&revivedMax != 0 || w&(toldMax|heldMax|lateBit) == heldZero)
}

// rest judges an object at rest, by the word that the operation left which ended
// last.
func (a *Actor) rest(s *Shadow, w uint64) {
	dead, kind := balanceIn(w).Rest()
	n, words := w, "the last reference was dropped and nobody was told"
	switch revived := w & revivedMax; {
	case revived == 0:
		// Nobody was told, and none is held: see atRest.
		n |= lateBit
	default:
		n = n&^(toldMax|revivedMax) | dead*toldOne
		switch {
		case kind == judge.LateRelease && w&lateBit != 0, kind == judge.DoubleFree && (revived == revivedMax || w&toldMax == toldMax):
			kind = judge.Fine // it was reported, or the fields can't tell
		case kind == judge.LateRelease:
			n = n&^toldMax | lateBit
		case kind == judge.DoubleFree:
			words = fmt.Sprintf("drops reported the last reference %d times, and it was brought back %d times at most", w&toldMax/toldOne, revived/revivedOne)
		}
	}
	// If this fails somebody has begun an operation, and whoever ends last
	// judges, with no less to go by.
	if s.word.CompareAndSwap(w, n) && kind != judge.Fine {
		a.log.report(kind, s, Life(s.life.Load()), "%s; %s's operation was the last to end", words, a.name)
	}
}

// touch checks that there is an object to operate on. weak says that the actor
// came by a weak reference.
func (a *Actor) touch(s *Shadow, o Op, weak bool) {
	life := Life(s.life.Load())
	switch life % lifeStates {
	case lifeFree:
		if !(weak && s.typeStable) {
			a.log.report(judge.UseAfterFree, s, life, "%s: %v on memory that holds no object", a.name, o)
		}
	case lifeReleased:
		// In a grace period a weak reference may still lead here.
		if !weak {
			a.log.report(judge.UseAfterFree, s, life, "%s: %v after its release", a.name, o)
		}
	}
}

// open returns a new hold on the object.
func (a *Actor) open(s *Shadow, o Op) Hold {
	i := a.place()
	e := a.entries[i]
	// A locked store costs more than a load; mostly an actor takes the same
	// object again.
	if e.shadow.Load() != s {
		e.shadow.Store(s)
	}
	if life := s.life.Load(); e.life.Load() != life {
		e.life.Store(life)
	}
	e.state.Store(entryState(a.ops, o))
	return newHold(a.number, i, uint32(a.ops))
}

// place returns an entry that isn't in use.
func (a *Actor) place() int {
	if len(a.unused) == 0 && a.returned.Load() != 0 {
		for top := a.returned.Swap(0); top != 0; top = a.entries[top-1].below.Load() {
			a.unused = append(a.unused, int(top-1))
		}
	}
	if len(a.unused) == 0 {
		a.grow()
	}
	i := a.unused[len(a.unused)-1]
	a.unused = a.unused[:len(a.unused)-1]
	return i
}

// grow makes as many entries as there are.
func (a *Actor) grow() {
	old := len(a.entries)
	if old == maxEntries {
		panic("arena: " + a.name + " holds more than 2^20 references")
	}
	made := make([]entry, max(64, old))
	all := make([]*entry, old, old+len(made))
	copy(all, a.entries)
	for i := range made {
		all = append(all, &made[i])
		a.unused = append(a.unused, old+len(made)-1-i)
	}
	a.entries = all
	a.table.Store(&all)
}

// load returns an actor's entries, for others.
func (a *Actor) load() []*entry {
	if p := a.table.Load(); p != nil {
		return *p
	}
	return nil
}

// find returns the entry of a hold, which may be another actor's, or nil if
// there is none: then the hold was read while somebody wrote it.
func (a *Actor) find(h Hold) (*Actor, *entry) {
	if h.actor() == a.number && h.entry() < len(a.entries) {
		return a, a.entries[h.entry()]
	}
	if all := a.log.all(); 0 < h.actor() && h.actor() <= len(all) {
		taker := all[h.actor()-1]
		if table := taker.load(); h.entry() < len(table) {
			return taker, table[h.entry()]
		}
	}
	return nil, nil
}

// shut closes a hold on the object. It returns the hold's entry, and the actor
// who took it, or nil if nobody may drop it: then it was dropped already.
// counted says that the hold is of the object's present life, so that held
// counts it.
func (a *Actor) shut(s *Shadow, o Op, h Hold) (taker *Actor, e *entry, counted bool) {
	now := Life(s.life.Load())
	if h == 0 {
		a.log.report(judge.Underflow, s, now, "%s: %v without a reference", a.name, o)
		return nil, nil, false
	}
	if taker, e = a.find(h); e == nil {
		a.log.report(judge.Underflow, s, now, "%s: %v of a reference that nobody took", a.name, o)
		return nil, nil, false
	}
	of, life, state := e.shadow.Load(), Life(e.life.Load()), e.state.Load()
	// The swap fails if two drop the same reference at the same time. If it
	// succeeds, the entry has been open all the while, so that the fields
	// read above are this hold's.
	if !isOpen(state, h) || !e.state.CompareAndSwap(state, state&^1) {
		a.log.report(judge.Underflow, s, now, "%s: %v of a reference that was dropped already; %s had taken it", a.name, o, taker.name)
		return nil, nil, false
	}
	if of != s || life != now {
		a.log.report(judge.StolenReference, s, life, "%s had a reference (%s), and at the %v by %s the object was gone (life %d)",
			taker.name, e.taken(), o, a.name, now.Generation())
		return taker, e, false
	}
	return taker, e, true
}

// giveBack lets the actor who took a hold use its entry again.
func (a *Actor) giveBack(taker *Actor, e *entry, h Hold) {
	if taker == a {
		a.unused = append(a.unused, h.entry())
		return
	}
	for {
		top := taker.returned.Load()
		e.below.Store(top)
		if taker.returned.CompareAndSwap(top, uint32(h.entry())+1) {
			return
		}
	}
}

// BeginInit announces the begin of a life. A second Init in the same life brings
// a dead object back, by somebody who sees to it that he is alone.
func (a *Actor) BeginInit(s *Shadow) {
	a.touch(s, OpInit, false)
	a.finish()
	a.ops++
	life := s.life.Load()
	again := s.inited.Swap(life) == life
	for {
		w := s.word.Load()
		// What an earlier life left in the fields was reported then.
		n := (w + sequenceOne + inflightOne) &^ (toldMax | revivedMax | lateBit)
		if !again {
			n = n&^heldMax | heldZero
		}
		if !s.word.CompareAndSwap(w, n) {
			continue
		}
		a.note(s, OpInit, n)
		if heldIn(n) > 0 {
			a.log.report(judge.StolenReference, s, Life(life), "%s: Init wiped the count out while it was %v", a.name, holders{s, Life(life)})
		}
		return
	}
}

// BeginTake announces an operation that takes a reference: Get by somebody who
// holds one, TryGet through a weak one, Resurrect by somebody who sees to it that
// the object isn't being released.
func (a *Actor) BeginTake(s *Shadow, o Op) {
	a.touch(s, o, o == OpTryGet)
	switch o {
	case OpGet:
		a.ops++
	case OpTryGet:
		a.begin(s, o, inflightOne)
	default:
		a.finish()
		a.ops++
		for {
			w := s.word.Load()
			n := saturate(w+sequenceOne+inflightOne, revivedOne, revivedMax)
			if s.word.CompareAndSwap(w, n) {
				a.note(s, o, n)
				return
			}
		}
	}
}

// EndTake checks an operation that took a reference, Init among them, and
// returns its hold.
func (a *Actor) EndTake(s *Shadow, o Op) Hold {
	h := a.open(s, o)
	change := int64(heldOne - inflightOne)
	if o == OpGet {
		change = heldOne + sequenceOne + a.putOff(s)
	}
	w := s.word.Add(uint64(change))
	if o == OpGet {
		a.note(s, o, w)
	}
	if atRest(w) {
		a.rest(s, w)
	}
	if balanceIn(w).Took() != judge.Fine {
		a.log.report(judge.ResurrectedDead, s, Life(s.life.Load()), "%s: %v took a reference after the last had been dropped", a.name, o)
	}
	return h
}

// EndTakeFailed finishes a TryGet that took no reference.
func (a *Actor) EndTakeFailed(s *Shadow) { a.end(s, 0) }

// BeginDrop announces an operation that drops the reference h.
func (a *Actor) BeginDrop(s *Shadow, o Op, h Hold) {
	a.touch(s, o, false)
	// Closed first and taken from held then: until the operation itself
	// begins, a right count has the reference.
	taker, e, counted := a.shut(s, o, h)
	if e != nil {
		a.giveBack(taker, e, h)
	}
	change := int64(inflightOne)
	if counted {
		change -= heldOne
	}
	// If others hold references, it is not for this drop to find out that
	// nobody was told: the one that leaves none will.
	if w := a.begin(s, o, change); heldIn(w) > 0 && w&revivedMax == 0 {
		a.unfinished = s
	}
}

// EndDrop checks an operation that dropped a reference and reported whether it
// was the last.
func (a *Actor) EndDrop(s *Shadow, o Op, last bool) {
	if !last {
		if a.unfinished == nil {
			a.end(s, 0)
		}
		return
	}
	a.unfinished = nil
	for {
		w := s.word.Load()
		n := w - inflightOne
		if w&toldMax == 0 || w&revivedMax != 0 {
			n = saturate(n, toldOne, toldMax)
		}
		if !s.word.CompareAndSwap(w, n) {
			continue
		}
		for _, k := range balanceIn(w).Last() {
			switch life := Life(s.life.Load()); k {
			case judge.DoubleFree:
				a.log.report(k, s, life, "%s: %v reported the last reference, as another drop had before", a.name, o)
			case judge.StolenReference:
				a.log.report(k, s, life, "%s: %v reported the last reference while it was %v", a.name, o, holders{s, life})
			}
		}
		if atRest(n) {
			a.rest(s, n)
		}
		return
	}
}

// A Pending is a drop that may leave the reference.
type Pending struct {
	taker   *Actor
	entry   *entry
	counted bool
}

// BeginDropIf announces an operation that either drops the reference h, and it is
// the last, or leaves it.
func (a *Actor) BeginDropIf(s *Shadow, o Op, h Hold) Pending {
	a.touch(s, o, false)
	// Shut meanwhile, so that nobody else can drop it, but not given back.
	taker, e, counted := a.shut(s, o, h)
	if counted {
		a.begin(s, o, inflightOne-heldOne)
	} else {
		a.begin(s, o, inflightOne)
	}
	return Pending{taker, e, counted}
}

// EndDropIf checks an operation that dropped the reference h, and it was the
// last, or left it.
func (a *Actor) EndDropIf(s *Shadow, o Op, h Hold, d Pending, dropped bool) {
	if dropped {
		if d.entry != nil {
			a.giveBack(d.taker, d.entry, h)
		}
		a.EndDrop(s, o, true)
		return
	}
	if d.entry != nil {
		d.entry.state.Store(d.entry.state.Load() | 1)
	}
	if !d.counted {
		a.end(s, 0)
		return
	}
	if w := a.end(s, +1); w&toldMax != 0 && w&revivedMax == 0 {
		life := Life(s.life.Load())
		a.log.report(judge.StolenReference, s, life, "another drop reported the last reference, and after a %v it is %v", o, holders{s, life})
	}
}

// Look announces an operation that only reads the count.
func (a *Actor) Look(s *Shadow, o Op) {
	a.touch(s, o, false)
	a.ops++
}

// Use checks that the object which the actor holds a reference to is still
// there. It is an access to the object, not to its count.
func (a *Actor) Use(s *Shadow, h Hold) {
	if h == 0 {
		a.log.report(judge.UseAfterFree, s, Life(s.life.Load()), "%s used it without a reference", a.name)
		return
	}
	taker, e := a.find(h)
	if e == nil {
		a.log.report(judge.UseAfterFree, s, Life(s.life.Load()), "%s used it by a reference that nobody took", a.name)
		return
	}
	had := Life(e.life.Load())
	if !isOpen(e.state.Load(), h) {
		a.log.report(judge.UseAfterFree, s, Life(s.life.Load()), "%s used it by a reference that was dropped already; %s had taken it", a.name, taker.name)
		return
	}
	if life := Life(s.life.Load()); had != life || e.shadow.Load() != s {
		a.log.report(judge.StolenReference, s, had, "%s had a reference (%s), and when %s used the object it was gone (life %d)",
			taker.name, e.taken(), a.name, life.Generation())
	}
}

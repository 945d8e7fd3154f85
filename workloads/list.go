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

// What the workloads of rule 3 of Linux Documentation/core-api/kref.rst have in
// common: a list of counted entries, guarded by a mutex, from which workers take
// the first or another one.
//
// The list's pointers are weak: they are not counted. An entry is in the list
// because its creator holds the owner's reference. When the creator kills it, it
// stays in the list until those who looked it up have put it, and the last of them
// unlinks and frees it.

// listEntry is the document's struct my_data, without its count.
type listEntry[T any] struct {
	// next is read without the lock by listrcu, and by the wrong variants.
	next atomic.Pointer[arena.Slot[T, listEntry[T]]]
	prev *arena.Slot[T, listEntry[T]]
	// linked keeps a list whole that a broken count releases entries of
	// twice.
	linked bool
	// killed is set before the owner drops its reference. Until then TryGet
	// has no reason to fail.
	killed atomic.Bool
}

// An entryList is a list with the newest entry last. The mutex is held by whoever
// changes it.
type entryList[T any] struct {
	mu   sync.Mutex
	head atomic.Pointer[arena.Slot[T, listEntry[T]]]
	tail *arena.Slot[T, listEntry[T]]
	_    [pin.LineBytes]byte
}

// add puts an entry at the end (list_add_tail_rcu).
func (l *entryList[T]) add(e *arena.Slot[T, listEntry[T]]) {
	if e.Value.linked {
		return
	}
	e.Value.linked = true
	e.Value.next.Store(nil)
	e.Value.prev = l.tail
	if l.tail == nil {
		l.head.Store(e)
	} else {
		l.tail.Value.next.Store(e)
	}
	l.tail = e
}

// del unlinks an entry (list_del_rcu). The entry still points to its successor,
// so that readers without the lock who stand on it find their way.
func (l *entryList[T]) del(e *arena.Slot[T, listEntry[T]]) {
	if !e.Value.linked {
		return
	}
	e.Value.linked = false
	next, prev := e.Value.next.Load(), e.Value.prev
	if prev == nil {
		l.head.Store(next)
	} else {
		prev.Value.next.Store(next)
	}
	if next == nil {
		l.tail = prev
	} else {
		next.Value.prev = prev
	}
}

// at returns the entry with that many before it, the last if there are fewer, or
// nil if the list is empty.
func (l *entryList[T]) at(rank int) *arena.Slot[T, listEntry[T]] {
	e := l.head.Load()
	for ; rank > 0 && e != nil; rank-- {
		next := e.Value.next.Load()
		if next == nil {
			break
		}
		e = next
	}
	return e
}

// A listActor is a worker: it looks entries up, and owns some.
type listActor[T any, H Holder[T]] struct {
	holder H
	cache  *arena.Cache[T, listEntry[T]]
	rand   Rand
	own    []ownEntry[T] // ring; the oldest is at next
	next   int
	left   int // lookups until the oldest is replaced

	stolen  uint64 // entries that were released while this worker held them
	misses  Misses
	refused uint64 // entries that TryGet found dead while their owner held them
	_       [pin.LineBytes]byte
}

// ownEntry is an entry and the owner's reference to it.
type ownEntry[T any] struct {
	slot *arena.Slot[T, listEntry[T]]
	hold arena.Hold
	life arena.Life
}

// lists is the state that the workloads of rule 3 share: they embed it.
type lists[T any, H Holder[T]] struct {
	arena  *arena.Arena[T, listEntry[T]]
	list   entryList[T]
	actors []listActor[T, H]

	first    bool
	picks    Popularity
	hold     int // loops of spin.For
	release  int // loops of spin.For
	lifetime int
	wrong    bool
	window   int // loops of spin.For; see interrupt
}

// listKnobs are the knobs that the workloads of rule 3 have in common.
func listKnobs(more ...Knob) []Knob {
	return append([]Knob{
		{Name: "entries", Doc: "entries of the list, at least one for each worker", Default: 16, Min: 1, Max: 1024},
		{Name: "first", Doc: "1: always look up the first entry, as in the document; 0: any, by popularity", Default: 1, Min: 0, Max: 1},
		PopularityKnob(10),
		{Name: "lifetime", Doc: "lookups by a worker between two replacements of an entry of its own", Default: 64, Min: 1, Max: 1 << 20},
		{Name: "hold", Doc: "how long a reference is held, in ns", Default: 0, Min: 0, Max: 1_000_000},
		{Name: "release", Doc: "how long freeing an entry takes, in ns", Default: 100, Min: 0, Max: 1_000_000},
	}, more...)
}

// Setup fills in the list.
func (l *lists[T, H]) Setup(c Config, k Kit[T, H]) error {
	entries := c.Knob("entries")
	l.arena = arena.New[T, listEntry[T]](k.Options(c))
	l.actors = make([]listActor[T, H], c.Workers)
	l.first = c.Knob("first") == 1
	l.picks = NewPopularity(entries, c.Knob("skew"), c.Seed)
	l.hold = spin.Loops(time.Duration(c.Knob("hold")))
	l.release = spin.Loops(time.Duration(c.Knob("release")))
	l.lifetime = c.Knob("lifetime")
	l.wrong = c.Wrong
	l.window = spin.Loops(time.Microsecond)
	for i := range l.actors {
		a := &l.actors[i]
		a.holder = k.Worker(i)
		a.cache = l.arena.Cache()
		a.rand = NewRand(c.Seed, i)
		// Workers replace their entries at different times.
		a.left = 1 + a.rand.Below(l.lifetime)
		share := entries / c.Workers
		if i < entries%c.Workers {
			share++
		}
		a.own = make([]ownEntry[T], max(1, share))
	}
	// In turns, so that no worker's entries stand together.
	for n := range max(1, (entries+c.Workers-1)/c.Workers) {
		for i := range l.actors {
			if a := &l.actors[i]; n < len(a.own) {
				a.own[n] = l.create(a)
			}
		}
	}
	return nil
}

// rank returns which entry to look up.
func (l *lists[T, H]) rank(a *listActor[T, H]) int {
	if l.first {
		return 0
	}
	return l.picks.Pick(&a.rand)
}

// due reports whether it is time to replace an entry.
func (l *lists[T, H]) due(a *listActor[T, H]) bool {
	a.left--
	if a.left > 0 {
		return false
	}
	a.left = l.lifetime
	return true
}

// create makes an entry and puts it into the list. It becomes visible with the
// mutex's Unlock, after its Init.
func (l *lists[T, H]) create(a *listActor[T, H]) ownEntry[T] {
	e := a.cache.Alloc()
	e.Value.killed.Store(false)
	own := ownEntry[T]{slot: e, life: e.Life()}
	own.hold = a.holder.Init(&e.Object)
	l.list.mu.Lock()
	l.list.add(e)
	l.list.mu.Unlock()
	return own
}

// replace makes a new entry and returns the worker's oldest, to be killed. The
// new one comes first, so that the list never runs empty.
func (l *lists[T, H]) replace(a *listActor[T, H]) ownEntry[T] {
	old := a.own[a.next]
	a.own[a.next] = l.create(a)
	if a.next++; a.next == len(a.own) {
		a.next = 0
	}
	return l.resign(a, old)
}

// resign announces that the owner is about to kill an entry, and counts an entry
// that was released before.
func (l *lists[T, H]) resign(a *listActor[T, H], o ownEntry[T]) ownEntry[T] {
	if o.slot.Life() != o.life {
		a.stolen++
	}
	o.slot.Value.killed.Store(true)
	return o
}

// tryGet takes a reference to an entry that was just found, unless it is dead. The
// caller sees to it that the memory stays the entry.
func (l *lists[T, H]) tryGet(a *listActor[T, H], e *arena.Slot[T, listEntry[T]]) (arena.Hold, bool) {
	h, ok := a.holder.TryGet(&e.Object)
	// A TryGet that may fail spuriously doesn't do so time and again.
	for fails := 1; !ok && !e.Value.killed.Load(); fails++ {
		if fails == listPatience {
			a.refused++
			break
		}
		h, ok = a.holder.TryGet(&e.Object)
	}
	return h, ok
}

// listPatience is how often TryGet may fail on an entry that its owner holds
// before the failure counts as wrong.
const listPatience = 100

// use is what a worker does with an entry that it holds. life is the entry's at
// the time of the lookup.
func (l *lists[T, H]) use(a *listActor[T, H], e *arena.Slot[T, listEntry[T]], h arena.Hold, life arena.Life) {
	spin.For(l.hold)
	a.holder.Use(&e.Object, h)
	if e.Life() != life {
		a.stolen++
	}
}

// interrupt is what comes between finding an entry and taking the reference in the
// known-wrong variants: anybody else's turn.
func (l *lists[T, H]) interrupt() {
	spin.For(l.window)
	runtime.Gosched()
}

// close returns the books.
func (l *lists[T, H]) close() Books {
	b := BooksOf(l.arena)
	for i := range l.actors {
		b.Observe(judge.StolenReference, l.actors[i].stolen, "entries were released while worker %d held them", i)
		b.Observe(judge.StolenReference, l.actors[i].refused, "lookups of worker %d found an entry dead that its owner held", i)
	}
	return b
}

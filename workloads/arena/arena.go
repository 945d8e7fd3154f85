// Package arena gives workloads the memory of their objects and keeps the books
// on them.
//
// Objects live in slots that are used again and again and are never given back
// to Go's collector while the arena lives: the memory is type-stable, as that of
// SLAB_TYPESAFE_BY_RCU. So allocation costs a workload the same with every
// strategy and never wakes the collector, and a stale weak reference always
// points at a count, though perhaps at that of another life.
//
// # Two forms
//
// In the timed form the arena counts lives and releases, and that is all. In the
// checked form, made by giving New a [Log], it also has a shadow of every count:
// every reference is a [Hold] that knows who took it, and every operation is
// judged. See [Actor].
package arena

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/refbench/refbench/strategies/pin"
)

// An Object is a count in an arena, without what it guards.
type Object[T any] struct {
	Ref    T
	life   atomic.Uint64 // see Life
	shadow *Shadow       // nil in the timed form
}

// A Slot is the memory of an object: a count and what it guards.
type Slot[T, V any] struct {
	Object[T]
	Value V
}

// A Life tells the objects apart that a slot holds one after another. Its lowest
// two bits say what the slot is:
//
//	0  free       no object
//	1  live       an object that has not been released
//	2  released   an object whose last reference dropped; readers in a grace
//	              period may still see it
//	3  (never)
//
// and the bits above count the objects that the slot has held: its generation.
type Life uint64

const (
	lifeFree = iota
	lifeLive
	lifeReleased
	lifeStates = 4
)

// Generation returns how many objects the slot held before this one.
func (l Life) Generation() uint64 { return uint64(l) / lifeStates }

// Life returns the slot's life. It changes when the object is released, so an
// owner who still holds it finds the same Life.
func (o *Object[T]) Life() Life { return Life(o.life.Load()) }

// Shadow returns what the checked form knows of the object, nil in the timed
// form.
func (o *Object[T]) Shadow() *Shadow { return o.shadow }

// Options are the settings of an arena.
type Options[T any] struct {
	// Prepare, if not nil, is called once for the count of every slot,
	// before the slot's first life.
	Prepare func(*T)

	// ReuseDelay is how many slots a cache sets aside before it uses the
	// first of them again, so that a stale reference finds a free slot
	// rather than another object.
	ReuseDelay int

	// Log, if not nil, makes the arena a checked one.
	Log *Log

	// TypeStable says that TryGet on a free slot is no violation: the
	// workload finds out by itself that it got another object
	// (SLAB_TYPESAFE_BY_RCU).
	TypeStable bool
}

// An Arena makes slots. It may be used by any number of goroutines, each with a
// Cache of its own.
type Arena[T, V any] struct {
	options Options[T]

	mu     sync.Mutex
	free   []*Slot[T, V]
	caches []*Cache[T, V]
	chunks [][]padded[T, V]
}

// padded keeps slots from sharing a cache line with each other.
type padded[T, V any] struct {
	slot Slot[T, V]
	_    [pin.LineBytes]byte
}

// New returns an empty arena.
func New[T, V any](o Options[T]) *Arena[T, V] { return &Arena[T, V]{options: o} }

// Log returns the log of a checked arena, nil of a timed one.
func (a *Arena[T, V]) Log() *Log { return a.options.Log }

const (
	// chunk is how many slots are made at a time.
	chunk = 64
	// transfer is how many slots move between a cache and the arena at a
	// time, and half of what a cache keeps at most. Producers and
	// consumers of objects so take the arena's lock once per transfer.
	transfer = 64
)

// A Cache allocates from an arena for one goroutine.
type Cache[T, V any] struct {
	arena *Arena[T, V]
	free  []*Slot[T, V]
	aside []*Slot[T, V] // ring of the slots set aside, if reuse is delayed
	next  int           // in aside

	lives, ends, twice uint64

	_ [pin.LineBytes]byte
}

// Cache returns a new cache.
func (a *Arena[T, V]) Cache() *Cache[T, V] {
	c := &Cache[T, V]{
		arena: a,
		free:  make([]*Slot[T, V], 0, 2*transfer),
		aside: make([]*Slot[T, V], a.options.ReuseDelay),
	}
	a.mu.Lock()
	a.caches = append(a.caches, c)
	a.mu.Unlock()
	return c
}

// Alloc begins a life in a free slot. The caller initializes the count.
func (c *Cache[T, V]) Alloc() *Slot[T, V] {
	if len(c.free) == 0 {
		c.refill()
	}
	s := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	life := s.life.Add(lifeLive - lifeFree)
	if s.shadow != nil {
		s.shadow.setLife(Life(life))
	}
	c.lives++
	return s
}

// Free ends the life of the object in s, whose last reference dropped, and gives
// the slot back for the next.
func (c *Cache[T, V]) Free(s *Slot[T, V]) {
	if c.End(s) {
		c.Recycle(s)
	}
}

// End puts it down that the object in s is released, and reports true. A second
// release of the same life is put down as such, and End reports false.
func (c *Cache[T, V]) End(s *Slot[T, V]) bool {
	for {
		life := s.life.Load()
		if life%lifeStates != lifeLive {
			c.twice++
			if s.shadow != nil {
				s.shadow.log.released(s.shadow, Life(life))
			}
			return false
		}
		if s.life.CompareAndSwap(life, life+lifeReleased-lifeLive) {
			c.ends++
			if s.shadow != nil {
				s.shadow.setLife(Life(life + lifeReleased - lifeLive))
				s.shadow.log.ended(s.shadow, Life(life))
			}
			return true
		}
	}
}

// Recycle gives the slot of a released object back for the next.
func (c *Cache[T, V]) Recycle(s *Slot[T, V]) {
	life := s.life.Add(lifeStates - lifeReleased)
	if s.shadow != nil {
		s.shadow.setLife(Life(life))
	}
	if len(c.aside) > 0 {
		s, c.aside[c.next] = c.aside[c.next], s
		if c.next++; c.next == len(c.aside) {
			c.next = 0
		}
		if s == nil {
			return
		}
	}
	if len(c.free) == cap(c.free) {
		c.spill()
	}
	c.free = append(c.free, s)
}

func (c *Cache[T, V]) refill() {
	a := c.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.free) == 0 {
		a.grow()
	}
	n := min(transfer, len(a.free))
	c.free = append(c.free, a.free[len(a.free)-n:]...)
	a.free = a.free[:len(a.free)-n]
}

func (c *Cache[T, V]) spill() {
	a := c.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(c.free) - transfer
	a.free = append(a.free, c.free[n:]...)
	c.free = c.free[:n]
}

// grow makes slots.
func (a *Arena[T, V]) grow() {
	ps := make([]padded[T, V], chunk)
	for i := range ps {
		s := &ps[i].slot
		if a.options.Prepare != nil {
			a.options.Prepare(&s.Ref)
		}
		if a.options.Log != nil {
			s.shadow = a.options.Log.newShadow(a.options.TypeStable)
		}
		a.free = append(a.free, s)
	}
	a.chunks = append(a.chunks, ps)
}

// Books are an arena's account of its objects.
type Books struct {
	Lives uint64 // lives that began
	Ends  uint64 // lives that ended
	Twice uint64 // second releases of the same life
	Slots int    // slots made
}

// Left returns how many lives haven't ended.
func (b Books) Left() uint64 { return b.Lives - b.Ends }

func (b Books) String() string {
	return fmt.Sprintf("%d lives, %d ended, %d released twice, %d slots", b.Lives, b.Ends, b.Twice, b.Slots)
}

// Books returns the account. No cache is in use meanwhile.
func (a *Arena[T, V]) Books() Books {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := Books{Slots: chunk * len(a.chunks)}
	for _, c := range a.caches {
		b.Lives += c.lives
		b.Ends += c.ends
		b.Twice += c.twice
	}
	return b
}

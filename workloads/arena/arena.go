// Package arena gives workloads the memory of their objects.
//
// Objects live in slots that are used again and again and are never given back
// to Go's collector while the arena lives: the memory is type-stable, as that of
// SLAB_TYPESAFE_BY_RCU. So allocation costs a workload the same with every
// strategy and never wakes the collector, and a stale weak reference always
// points at a count, though perhaps at that of another life.
//
// The arena keeps the books: how many lives began, how many ended, and whether
// any ended twice.
package arena

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/refbench/refbench/strategies/pin"
)

// A Slot is the memory of an object: a count and what it guards.
type Slot[T, V any] struct {
	Ref   T
	Value V

	// life is odd while the object lives. It counts beginnings and ends.
	life atomic.Uint64
}

// A Life tells the objects apart that a slot holds one after another.
type Life uint64

// Life returns the life of the object in s. It changes when the object is
// released, so an owner who still holds it finds the same Life.
func (s *Slot[T, V]) Life() Life { return Life(s.life.Load()) }

// An Arena makes slots. It may be used by any number of goroutines, each with a
// Cache of its own.
type Arena[T, V any] struct {
	prepare func(*T)

	mu     sync.Mutex
	free   []*Slot[T, V]
	caches []*Cache[T, V]
	slots  int
}

// New returns an empty arena. If prepare is not nil, it is called once for the
// count of every slot, before the slot's first life.
func New[T, V any](prepare func(*T)) *Arena[T, V] {
	return &Arena[T, V]{prepare: prepare}
}

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

	lives, ends, twice uint64

	_ [pin.LineBytes]byte
}

// Cache returns a new cache.
func (a *Arena[T, V]) Cache() *Cache[T, V] {
	c := &Cache[T, V]{arena: a, free: make([]*Slot[T, V], 0, 2*transfer)}
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
	s.life.Add(1)
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
		if life%2 == 0 {
			c.twice++
			return false
		}
		if s.life.CompareAndSwap(life, life+1) {
			c.ends++
			return true
		}
	}
}

// Recycle gives the slot of an object whose life has ended back for the next.
func (c *Cache[T, V]) Recycle(s *Slot[T, V]) {
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

// grow makes slots that share no cache line with each other.
func (a *Arena[T, V]) grow() {
	type padded struct {
		slot Slot[T, V]
		_    [pin.LineBytes]byte
	}
	ps := make([]padded, chunk)
	for i := range ps {
		s := &ps[i].slot
		if a.prepare != nil {
			a.prepare(&s.Ref)
		}
		a.free = append(a.free, s)
	}
	a.slots += chunk
}

// Books are an arena's account of its objects.
type Books struct {
	Lives uint64 // lives that began
	Ends  uint64 // lives that ended
	Twice uint64 // second ends of the same life
	Slots int    // slots made
}

// Left returns how many lives haven't ended.
func (b Books) Left() uint64 { return b.Lives - b.Ends }

func (b Books) String() string {
	return fmt.Sprintf("%d lives, %d ended, %d ended twice, %d slots", b.Lives, b.Ends, b.Twice, b.Slots)
}

// Books returns the account. No cache is in use meanwhile.
func (a *Arena[T, V]) Books() Books {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := Books{Slots: a.slots}
	for _, c := range a.caches {
		b.Lives += c.lives
		b.Ends += c.ends
		b.Twice += c.twice
	}
	return b
}

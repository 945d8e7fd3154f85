// Package rundown is Windows' run-down protection, EX_RUNDOWN_REF: from when the owner
// begins to run the object down nobody gets in any more, and it waits for those who are
// inside (ExAcquireRundownProtection, ExReleaseRundownProtection,
// ExWaitForRundownProtectionRelease). The semantics are those of ReactOS
// ntoskrnl/ex/rundown.c, commit 05cca6444806.
//
// # Protocol
//
//	bit   name      meaning when set
//	0     active    run-down has begun
//	1     waiting   active: Kill waits, and left counts
//	63..1           not active: the references beside the owner's
//
// A new word is 0: available, and nobody is inside. The owner's reference is in no number.
// TryGet adds a reference with a compare-and-swap, and fails as soon as active is set,
// though others are inside. Put subtracts one, and never reports the last.
//
// Kill sets active. If nobody is inside that is all. Otherwise it moves the number to a
// wait block, in the same step, and sleeps. From then on Put counts down in the block,
// and whoever comes to 0 there wakes it. On Windows the block is on the stack of the
// one who waits, and its address stands in the word beside the active bit. Here it is a
// part of the count, left and gone, and a bit says that it is valid.
//
//	word                 left
//	3 references, 0      -        Kill: left = 3, then the word from 3 to active, waiting
//	active, waiting      3        A, B: Put, 3 to 1
//	active, waiting      1        C: Put, 1 to 0, wakes Kill
//	active               0        Kill returns
//
// The block is filled before the word says that it is valid. If the number has
// changed meanwhile, the swap of the word fails, and Kill fills it again.
//
// Kill always reports true, and must not be called by who holds a reference. Init of a dead
// count (ExReInitializeRundownProtection) may run while others call TryGet through stale
// weak references: TryGet writes only to a word that isn't active.
//
// # Choices
//
// Windows has no Get: whoever is inside and wants a second reference acquires like
// anybody else, and may be refused. Get here can't be refused. While Kill waits it adds
// to the block, which can't come to 0 meanwhile, since the caller's own reference is in
// it. On a dead count Get panics. So does Put: the source asserts that somebody is inside,
// and then uses a wait block that isn't there. There is a function that sets active
// after the wait (ExRundownCompleted); Kill does that itself, as from then on the block
// is gone.
//
// # Memory order
//
// All operations on the word are in one order, and so are those on left. Each Put
// synchronizes before the swap of the word by Kill, or before the Put that brings left
// to 0, which synchronizes before the return of Kill by the channel. So every Put
// synchronizes before Kill returns.
//
// # Limits
//
// The number has 63 bits and isn't looked at: past 2^63-1 references, the owner's among
// them, it wraps. A reference that nobody drops stops Kill for ever. The last Put touches
// the channel and not the count any more once left is 0, so that the memory may be
// used for something else when Kill has returned. Get, TryGet and Put are lock-free but
// for the channel's lock, which the last one takes for an instant.
//
// # Cost
//
// 24 bytes, and a channel if Kill has to wait. Get, TryGet and Put are a load and a
// compare-and-swap each, tried again as often as somebody else gets in between, and one
// addition while Kill waits. Package rundowncpu has Windows' version for many CPUs, a word for
// each.
package rundown

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// Max is the largest number of references, the owner's among them.
const Max = math.MaxInt64

// Strategy is the count that is run down.
var Strategy = &strategies.Strategy{
	Name: "rundown",
	Doc:  "nobody gets in once Kill has begun, which waits for those inside, as Windows' EX_RUNDOWN_REF",
	Promise: strategies.Promise{
		Limit:         Max,
		Width:         63,
		Overflow:      strategies.Wraps,
		Underflow:     strategies.Panics,
		GetOnZero:     strategies.Panics,
		Zero:          strategies.Waits,
		TryGetRefuses: strategies.OnceKilled,
		TryGet:        strategies.Exact,
		Count:         strategies.Exact,
		Progress:      strategies.LockFree,
		Bytes:         int(unsafe.Sizeof(Count{})),
		TypeStable:    true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

const (
	active  = 1 << 0 // EX_RUNDOWN_ACTIVE
	waiting = 1 << 1 // what is left of the wait block's address
	one     = 1 << 1 // EX_RUNDOWN_COUNT_INC

	countShift = 1 // EX_RUNDOWN_COUNT_SHIFT
)

// A Count is a reference count of 63 bits that is run down.
type Count struct {
	word atomic.Uint64 // see the package doc for its bits

	// The wait block: references beside the owner's that are left while Kill waits, and
	// what wakes it. Kill writes gone before it sets waiting.
	left atomic.Int64
	gone chan struct{}
}

// Init starts a life with one reference, the owner's.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references, the owner's among them.
func (c *Count) InitAt(n int64) { c.word.Store(uint64(n-1) << countShift) }

// Get takes a reference. The caller holds one.
func (c *Count) Get() {
	for {
		w := c.word.Load()
		switch {
		case w&active == 0:
			if c.word.CompareAndSwap(w, w+one) {
				return
			}
		case w&waiting == 0:
			panic("rundown: Get on a dead count")
		default:
			if n := c.left.Add(1); n <= 1 {
				panic("rundown: Get by a caller that holds no reference")
			}
			return
		}
	}
}

// TryGet takes a reference unless run-down has begun, and reports whether it did
// (ExAcquireRundownProtection).
func (c *Count) TryGet() bool {
	for {
		w := c.word.Load()
		if w&active != 0 {
			return false
		}
		if c.word.CompareAndSwap(w, w+one) {
			return true
		}
	}
}

// Put drops a reference (ExReleaseRundownProtection) and reports false: it is Kill that
// reports the last.
func (c *Count) Put() bool {
	for {
		w := c.word.Load()
		switch {
		case w&active == 0:
			if c.word.CompareAndSwap(w, w-one) {
				return false
			}
		case w&waiting == 0:
			panic("rundown: Put on a dead count")
		default:
			switch n := c.left.Add(-1); {
			case n == 0:
				c.gone <- struct{}{} // It has room.
			case n < 0:
				panic("rundown: Put by a caller that holds no reference")
			}
			return false
		}
	}
}

// Kill lets nobody in any more, waits until all have left, drops the owner's
// reference, and reports true (ExWaitForRundownProtectionRelease,
// ExRundownCompleted). The caller holds no other reference.
func (c *Count) Kill() bool {
	var gone chan struct{}
	for {
		w := c.word.Load()
		n := w >> countShift
		if n == 0 {
			if c.word.CompareAndSwap(0, active) {
				return true
			}
			continue
		}
		if gone == nil {
			gone = make(chan struct{}, 1)
			c.gone = gone
		}
		// Filled before it is valid:
		//
		//	Kill sets waiting, with 1 inside
		//	A: Put, left from what it was to one less
		//	Kill sets left to 1, and waits for ever
		c.left.Store(int64(n))
		if c.word.CompareAndSwap(w, active|waiting) {
			break
		}
	}
	<-gone
	c.word.Store(active)
	return true
}

// Count returns the number of references, the owner's among them until Kill is over,
// modulo 2^63.
func (c *Count) Count() int64 {
	w := c.word.Load()
	switch {
	case w&active == 0:
		return int64((w>>countShift + 1) & math.MaxInt64)
	case w&waiting == 0:
		return 0
	}
	// If Kill is over by now left is 0, as it was a moment ago with the owner's
	// reference still there.
	return c.left.Load() + 1
}

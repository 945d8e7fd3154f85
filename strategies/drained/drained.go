// Package drained is a number under a mutex and a condition variable that fires when it
// comes down to zero: whoever wants to release the object waits there until all others
// have left. It is the count of a mount of NetBSD's puffs (sys/fs/puffs/puffs_subr.c,
// revision 1.39: puffs_mp_reference, puffs_mp_release; puffs_vfsops.c,
// puffs_vfsop_unmount).
//
// # Protocol
//
// The number is of the references beside the owner's: a mount is made with 0, and its
// owner, who unmounts it, is in no number. Get and Put change it under the mutex. A
// Put that leaves 0 wakes whoever waits, and never reports the last reference. Kill
// waits, with the mutex, until it finds 0, and only then is the count dead. So Kill
// always reports true, and the caller releases the object. Whoever calls Kill must
// have dropped the references that it holds itself, or it waits for ever.
//
// The mutex is the object's: [Count.Lock] and [Count.Unlock] lend it, and
// [Count.GetLocked] and [Count.PutLocked] are the source's operations, which assert
// that it is held. Get and Put here take it.
//
// # Choices
//
// The number refuses nobody in the source. That no operation enters a mount that is
// being unmounted is seen to by another field, pmp_status, which whoever enters looks at
// under the same mutex; by the name of the number alone references may be taken while
// unmounting waits. So does TryGet here: it succeeds until Kill has found 0, and fails
// from then on. Steady use can keep Kill waiting as long as it goes on; package rundown
// has the count that closes. The source has no TryGet and destroys mutex and condition
// variable after the wait. Init here takes the mutex and leaves it as it is, so that it
// may run while others call TryGet through stale weak references.
//
// # Memory order
//
// Each Unlock of the mutex synchronizes before the Locks after it, and Kill holds the
// mutex when it finds 0. So every Put synchronizes before Kill returns.
//
// # Limits
//
// The number is unsigned, has 32 bits and wraps, and with it the number of references,
// which is one more: with 2^32 references Kill finds 0 and returns. A Put on a dead count
// makes it 2^32-1, and TryGet takes that for life. A goroutine that loses its CPU while
// it holds the mutex stops all others, and a reference that nobody drops stops Kill for
// ever, where another count would leak the object.
//
// The memory must stay a count after the release:
//
//	Kill waits; A holds the only reference
//	A: Put     locks, 1 to 0, signals
//	A: Unlock  says that the mutex is free
//	Kill       locks, finds 0, unlocks, returns; the object is freed
//	A: Unlock  goes on in the mutex, to see who else waits: it isn't there any more
//
// Hence the promise says GracePeriod: see package mutexed. It doesn't help to signal after
// the Unlock: Kill may find 0 without having been woken, and then the signal comes late.
//
// # Cost
//
// The mutex, the condition variable and the number. Get and Put are two locked
// instructions each; a Put that leaves 0 looks besides whether somebody waits. Kill waits
// in the scheduler.
package drained

import (
	"math"
	"sync"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// Max is the largest number of references, the owner's among them.
const Max = math.MaxUint32

// Strategy is the count whose Kill waits at a condition variable.
var Strategy = &strategies.Strategy{
	Name: "drained",
	Doc:  "a number under a mutex, and a condition variable where the owner waits for zero, as a mount of NetBSD's puffs",
	Promise: strategies.Promise{
		Limit:       Max,
		Width:       32,
		Overflow:    strategies.Wraps,
		Underflow:   strategies.Wraps,
		GetOnZero:   strategies.Revives,
		Zero:        strategies.Waits,
		TryGet:      strategies.Exact,
		Count:       strategies.Exact,
		Progress:    strategies.Blocking,
		Bytes:       int(unsafe.Sizeof(Count{})),
		GracePeriod: true,
		TypeStable:  true,
	},
	New: func() strategies.Counter { return new(Count) },
}

// A Count is a reference count of 32 bits with a mutex and a condition variable.
type Count struct {
	mu    sync.Mutex // pmp_lock
	empty sync.Cond  // pmp_refcount_cv; L is mu

	// mu guards these.
	refs uint32 // references beside the owner's (pmp_refcount)
	dead bool   // Kill has found refs at 0
}

// Lock locks the mutex that guards the count.
func (c *Count) Lock() { c.mu.Lock() }

// Unlock unlocks it. The caller holds a reference or knows otherwise that the object
// stays.
func (c *Count) Unlock() { c.mu.Unlock() }

// GetLocked takes a reference (puffs_mp_reference). The caller holds the mutex and knows
// that the count isn't dead.
func (c *Count) GetLocked() { c.refs++ }

// PutLocked drops a reference (puffs_mp_release). The caller holds the mutex.
func (c *Count) PutLocked() {
	c.refs--
	if c.refs == 0 {
		c.empty.Broadcast()
	}
}

// Init starts a life with one reference, the owner's.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references, the owner's among them, modulo 2^32.
func (c *Count) InitAt(n int64) {
	c.mu.Lock()
	c.empty.L = &c.mu
	c.refs, c.dead = uint32(n-1), false
	c.mu.Unlock()
}

// Get takes a reference. It checks nothing.
func (c *Count) Get() {
	c.mu.Lock()
	c.refs++
	c.mu.Unlock()
}

// TryGet takes a reference unless the count is dead, and reports whether it did. While
// Kill waits it isn't.
func (c *Count) TryGet() bool {
	c.mu.Lock()
	alive := !c.dead || c.refs != 0
	if alive {
		c.refs++
	}
	c.mu.Unlock()
	return alive
}

// Put drops a reference and reports false: it is Kill that reports the last.
func (c *Count) Put() bool {
	c.mu.Lock()
	c.PutLocked()
	c.mu.Unlock()
	return false
}

// Kill waits until there are no references beside the owner's, drops that, and reports
// true. The caller holds no other.
func (c *Count) Kill() bool {
	c.mu.Lock()
	// What was 0 when the signal was given may not be when the mutex comes:
	//
	//	A: Put, 1 to 0, signals
	//	B: TryGet, 0 to 1
	//	Kill wakes up
	for c.refs != 0 {
		c.empty.Wait()
	}
	c.dead = true
	c.mu.Unlock()
	return true
}

// Count returns the number of references, the owner's among them until Kill is over,
// modulo 2^32.
func (c *Count) Count() int64 {
	c.mu.Lock()
	n := c.refs
	if !c.dead {
		n++
	}
	c.mu.Unlock()
	return int64(n)
}

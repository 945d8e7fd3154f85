// Package mutexed counts references with a plain number under the object's own
// mutex: the nodes of NetBSD's puffs (sys/fs/puffs/puffs_subr.c, revision 1.39:
// puffs_referencenode, puffs_releasenode).
//
// # Protocol
//
// The number changes only while the mutex is held, and what Put reports is decided
// before the mutex is left. The mutex is the object's: [Count.Lock] and
// [Count.Unlock] lend it to whatever else the object has (puffs guards a node's
// poll events with it), and [Count.GetLocked] takes a reference for who holds it.
// That is the only way of taking one that puffs has (puffs_referencenode asserts the
// mutex). Put takes the mutex itself (puffs_releasenode).
//
// puffs has no Get without the mutex, no TryGet and no Kill. Get here is Lock,
// GetLocked, Unlock. TryGet fails at 0: puffs finds nodes in a hash under the
// mount's lock, and whether the vnode still lives is asked of the vnode. Kill is
// Put: the vnode's reference is dropped by puffs_putvnode like any other. Init
// makes a new mutex (mutex_init), and so it must not run while anyone else uses the
// count.
//
// # Memory order
//
// Each Unlock of the mutex synchronizes before the Locks after it. As each
// operation takes the mutex they are all in one order, each before the next, and
// every Put synchronizes before the Put that reports true.
//
// # Limits
//
// The number is unsigned, has 32 bits and wraps: a Get at 2^32-1 makes it 0, and a
// Put at 0 makes it 2^32-1. Nothing looks for either: NetBSD asserts nothing of the
// number. Get on 0 makes it 1. A goroutine that loses its CPU while it holds the
// mutex stops all others that use the count.
//
// The memory must stay after the release. To unlock a mutex is more than one step,
// and after the first of them others can have it:
//
//	the count is 2; A and B drop their references, C has looked the object up before
//	A: Put     locks, 2 to 1
//	B: Put     waits for the mutex
//	A: Unlock  says that the mutex is free, and sees that somebody waits
//	B: Put     locks, 1 to 0, unlocks; is told of the last drop, and frees the object
//	A: Unlock  goes on in the mutex, to wake who waits: it isn't there any more
//
// Of Go's sync.Mutex that is unlockSlow, which looks at the state and changes it
// again, and then wakes by the address of the semaphore. Linux warns of the same
// (Documentation/locking/mutex-design.rst: mutex_unlock may touch the mutex after
// another task has it, so that it can't guard the last drop of the object that it is
// in). puffs destroys the mutex and gives the node back to its pool right after the
// last mutex_exit, with no such care: pool memory stays mapped, and revision 1.39 ran
// under the kernel's big lock. The promise says GracePeriod. In Go the garbage
// collector is that period, as A still has a pointer; memory that is used again
// at once, as by an arena, has none.
//
// # Cost
//
// Twelve bytes. Get and Put are two locked instructions each as long as nobody else
// wants the mutex. If somebody does, waiting costs a visit to the scheduler, and
// each operation on the object waits for each other one.
package mutexed

import (
	"math"
	"sync"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// Max is the largest number of references.
const Max = math.MaxUint32

// Strategy is the count under the object's mutex.
var Strategy = &strategies.Strategy{
	Name: "mutexed",
	Doc:  "a plain number under the object's own mutex, as the nodes of NetBSD's puffs",
	Promise: strategies.Promise{
		Limit:       Max,
		Width:       32,
		Overflow:    strategies.Wraps,
		Underflow:   strategies.Wraps,
		GetOnZero:   strategies.Revives,
		Zero:        strategies.Immediate,
		TryGet:      strategies.Exact,
		Count:       strategies.Exact,
		Progress:    strategies.Blocking,
		Bytes:       int(unsafe.Sizeof(Count{})),
		GracePeriod: true,
	},
	New: func() strategies.Counter { return new(Count) },
}

// A Count is a reference count of 32 bits and the mutex that guards it.
type Count struct {
	mu   sync.Mutex // pn_mtx
	refs uint32     // pn_refcount; guarded by mu
}

// Lock locks the mutex that guards the count. While it is held the count doesn't
// change, except by GetLocked, and other operations on the count wait.
func (c *Count) Lock() { c.mu.Lock() }

// Unlock unlocks the mutex. The caller holds a reference or knows otherwise that the
// object stays: see the package doc.
func (c *Count) Unlock() { c.mu.Unlock() }

// GetLocked takes a reference (puffs_referencenode). The caller holds the mutex and
// knows that the count isn't dead.
func (c *Count) GetLocked() { c.refs++ }

// Init starts a life with one reference.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references, modulo 2^32.
func (c *Count) InitAt(n int64) {
	c.mu = sync.Mutex{}
	c.refs = uint32(n)
}

// Get takes a reference. It checks nothing: on a dead count it makes 0 into 1.
func (c *Count) Get() {
	c.mu.Lock()
	c.refs++
	c.mu.Unlock()
}

// TryGet takes a reference unless the count is 0, and reports whether it did.
func (c *Count) TryGet() bool {
	c.mu.Lock()
	alive := c.refs != 0
	if alive {
		c.refs++
	}
	c.mu.Unlock()
	return alive
}

// Put drops a reference and reports whether it left none (puffs_releasenode).
func (c *Count) Put() bool {
	c.mu.Lock()
	c.refs--
	// Once the mutex is left the number is that of others, who may drop the last
	// reference too:
	//
	//	A: 2 to 1, unlocks
	//	B: 1 to 0, unlocks, looks at 0
	//	A: looks at 0, as B does
	last := c.refs == 0
	c.mu.Unlock()
	return last
}

// Kill is Put.
func (c *Count) Kill() bool { return c.Put() }

// Count returns the number of references.
func (c *Count) Count() int64 {
	c.mu.Lock()
	n := c.refs
	c.mu.Unlock()
	return int64(n)
}

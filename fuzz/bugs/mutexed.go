package bugs

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A mutexed is a number under the object's own mutex, as the nodes of NetBSD's puffs have
// it. Plain memory is no scheduling point, so the number is an atomic word of which only
// loads and stores are used: what happens without the mutex happens in two steps.
type mutexed struct {
	mu  sync.Mutex
	n   atomic.Uint32
	bug mutexedBug
	// owned says that somebody holds the mutex, to assert that it is so (mutex_owned).
	owned atomic.Bool
}

// A mutexedBug is what is wrong with a mutexed.
type mutexedBug int

const (
	mutexedRight mutexedBug = iota
	mutexedLook             // Put looks at the number after it has left the mutex
	mutexedGet              // Get doesn't take the mutex
	mutexedOwner            // Unlock clears owned when the mutex is free already
)

func (c *mutexed) lock() {
	c.mu.Lock()
	c.owned.Store(true)
}

func (c *mutexed) unlock() {
	if !c.owned.Load() {
		c.mu.Unlock() // so that the others go on
		panic("the mutex that is being unlocked says that nobody holds it")
	}
	if c.bug == mutexedOwner {
		c.mu.Unlock()
		c.owned.Store(false)
		return
	}
	c.owned.Store(false)
	c.mu.Unlock()
}

// add adds d, modulo 2^32, and returns what it leaves.
func (c *mutexed) add(d uint32) uint32 {
	n := c.n.Load() + d
	c.n.Store(n)
	return n
}

func (c *mutexed) Init() { c.InitAt(1) }

func (c *mutexed) InitAt(n int64) {
	c.mu = sync.Mutex{}
	c.owned.Store(false)
	c.n.Store(uint32(n))
}

func (c *mutexed) Get() {
	if c.bug == mutexedGet {
		c.add(1)
		return
	}
	c.lock()
	c.add(1)
	c.unlock()
}

func (c *mutexed) TryGet() bool {
	c.lock()
	alive := c.n.Load() != 0
	if alive {
		c.add(1)
	}
	c.unlock()
	return alive
}

func (c *mutexed) Put() bool {
	c.lock()
	last := c.add(^uint32(0)) == 0
	c.unlock()
	if c.bug == mutexedLook {
		return c.n.Load() == 0
	}
	return last
}

func (c *mutexed) Kill() bool { return c.Put() }

func (c *mutexed) Count() int64 {
	c.lock()
	n := c.n.Load()
	c.unlock()
	return int64(n)
}

func newMutexed(bug mutexedBug) func() strategies.Counter {
	return func() strategies.Counter { return &mutexed{bug: bug} }
}

var mutexedPromise = strategies.Promise{
	Limit:       math.MaxUint32,
	Width:       32,
	Overflow:    strategies.Wraps,
	Underflow:   strategies.Wraps,
	GetOnZero:   strategies.Revives,
	Zero:        strategies.Immediate,
	TryGet:      strategies.Exact,
	Count:       strategies.Exact,
	Progress:    strategies.Blocking,
	Bytes:       int(unsafe.Sizeof(mutexed{})),
	GracePeriod: true,
}

const puffsSource = "NetBSD sys/fs/puffs/puffs_subr.c 1.39"

var mutexedBugs = []*Bug{
	Bug{
		Name:   "mutexedlook",
		Doc:    "a number under a mutex is compared with zero after the mutex was left",
		Source: puffsSource + ", puffs_releasenode, which compares before it leaves the mutex",
		Interleaving: `The count is 2. One holder drops: 2 to 1, and leaves the mutex. The other drops: 1 to 0, looks,
and releases. The first looks and finds 0 as well: the node is destroyed twice.`,
		Fix:     "compare before the mutex is left",
		Program: "a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(mutexedPromise, newMutexed(mutexedLook), newMutexed(mutexedRight)),
	Bug{
		Name:   "mutexedget",
		Doc:    "a reference is taken without the mutex, since its caller holds one and nobody can free the object",
		Source: puffsSource + ", puffs_referencenode and puffs_mp_reference, which assert that the mutex is held",
		Interleaving: `The number is 2. A holder takes another reference: it reads 2. Another holder drops its own under
the mutex: 2 to 1. The first writes 3. One reference too many stays, and the object leaks. In the
other order the drop writes 1 over the 3, and the object is released while two hold it.`,
		Fix:     "take the mutex, as every drop does",
		Program: "a.Get a.Put a.Put|a.Get a.Put a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(mutexedPromise, newMutexed(mutexedGet), newMutexed(mutexedRight)),
	Bug{
		Name: "mutexedowner",
		Doc:  "unlocking notes down that nobody holds the mutex when others can hold it already",
		Source: "Xen 98bed5de1de3, whose debugging helpers ran outside of the locked region; C++ standard, [thread.mutex.class]: " +
			"the next holder may destroy a mutex before unlock has returned, as in objects with a count and its mutex",
		Interleaving: `The count is 2. One holder drops: 2 to 1, and unlocks. It is about to note down that nobody holds
the mutex. The owner takes the mutex and drops the last reference. The first notes down. The owner
unlocks, and the mutex says that it isn't the owner's. A little later, and the first writes into
memory that the owner has freed.`,
		Fix:     "the step that unlocks is the last access",
		Program: "a.Put|a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": allAtomic}),
	}.counts(mutexedPromise, newMutexed(mutexedOwner), newMutexed(mutexedRight)),
}

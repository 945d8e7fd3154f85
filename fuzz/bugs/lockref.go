package bugs

import (
	"math"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A lockref is a spinlock and a count in one word, as Linux' directory entries have it.
//
//	bits 63..32   the number of references, signed: below 0 dead
//	bits 31..0    the lock: 0 free, 1 held
type lockref struct {
	word atomic.Uint64
	bug  lockrefBug
}

// A lockrefBug is what is wrong with a lockref.
type lockrefBug int

const (
	lockrefRight   lockrefBug = iota
	lockrefHeld               // who counts doesn't look at the lock
	lockrefRecheck            // Put doesn't look at the number again once it has the lock
)

const (
	lockrefShift = 32
	lockrefOne   = 1 << lockrefShift
	lockrefTaken = 1
	lockrefDead  = -128
)

func lockrefNumber(w uint64) int32 { return int32(w >> lockrefShift) }

func (c *lockref) publish(n int32) { c.word.Store(uint64(uint32(n)) << lockrefShift) }

func (c *lockref) lock() int32 {
	for {
		w := c.word.Load()
		if w&lockrefTaken == 0 && c.word.CompareAndSwap(w, w|lockrefTaken) {
			return lockrefNumber(w)
		}
		runtime.Gosched()
	}
}

// free reports whether a word may be changed without the lock.
func (c *lockref) free(w uint64) bool { return w&lockrefTaken == 0 || c.bug == lockrefHeld }

func (c *lockref) Init()          { c.publish(1) }
func (c *lockref) InitAt(n int64) { c.publish(int32(n)) }
func (c *lockref) Kill() bool     { return c.Put() }
func (c *lockref) Count() int64   { return int64(max(lockrefNumber(c.word.Load()), 0)) }

func (c *lockref) Get() { c.TryGet() }

func (c *lockref) TryGet() bool {
	for w := c.word.Load(); c.free(w); w = c.word.Load() {
		if lockrefNumber(w) < 0 {
			return false
		}
		if c.word.CompareAndSwap(w, w+lockrefOne) {
			return true
		}
	}
	n := c.lock()
	if n < 0 {
		c.publish(n)
		return false
	}
	c.publish(n + 1)
	return true
}

func (c *lockref) Put() bool {
	for w := c.word.Load(); c.free(w) && lockrefNumber(w) > 1; w = c.word.Load() {
		if c.word.CompareAndSwap(w, w-lockrefOne) {
			return false
		}
	}
	n := c.lock()
	switch {
	case n == 1 || c.bug == lockrefRecheck && n > 1:
		c.publish(lockrefDead)
		return true
	case n > 1:
		n--
	}
	c.publish(n)
	return false
}

func newLockref(bug lockrefBug) func() strategies.Counter {
	return func() strategies.Counter { return &lockref{bug: bug} }
}

var lockrefPromise = strategies.Promise{
	Limit:     math.MaxInt32,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Refuses,
	GetOnZero: strategies.Refuses,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.Exact,
	Progress:  strategies.Blocking,
	Bytes:     int(unsafe.Sizeof(lockref{})),
}

var lockrefBugs = []*Bug{
	Bug{
		Name:   "lockrefheld",
		Doc:    "a lock-free update doesn't look at the lock in the same word",
		Source: "Linux include/linux/lockref.h: an update without the lock must act as if the lock had been taken",
		Interleaving: `The count is 1. The owner drops: it takes the lock, sees 1, and is about to mark the object dead.
A lookup adds 1 without a look at the lock: 2, and has a reference. The owner stores the mark
over the 2, and releases what the lookup holds.`,
		Fix:     "swap only a word whose lock is free, and otherwise take the lock",
		Program: "a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(lockrefPromise, newLockref(lockrefHeld), newLockref(lockrefRight)),
	Bug{
		Name:   "lockrefrecheck",
		Doc:    "the last drop isn't decided again once the lock is there",
		Source: "Linux lib/lockref.c, lockref_put_or_lock, which compares before it takes the lock and once more under it",
		Interleaving: `The count is 1. The owner drops: it sees 1 and goes for the lock. A lookup takes a reference: 1 to
2. The owner has the lock, and marks the object dead that it has seen unused.`,
		Fix:     "compare again under the lock",
		Program: "a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(lockrefPromise, newLockref(lockrefRecheck), newLockref(lockrefRight)),
}

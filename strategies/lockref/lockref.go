// Package lockref is Linux' lockref: a spinlock and a count in one word, so that the
// count changes without the lock as long as nobody holds it, and not at all while
// somebody else does. It is the count of directory entries (include/linux/lockref.h and
// lib/lockref.c, read at commits 0bc2ba94a65d and 0cab71e7014d; mark_dead and
// get_not_dead are of commit e7d33bb5ea82).
//
// # Protocol
//
//	bits 63..32   the number of references, signed: 0 and more alive, below 0 dead
//	bits 31..0    the spinlock: 0 free, 1 held
//
// An operation reads the word. If the lock is free it changes the number with a
// compare-and-swap of all 64 bits, which fails if anything has changed: the number or
// the lock. If the lock is held, or if the operation needs it, it takes the lock like
// anybody else, looks at the number again, and stores number and free lock at once.
//
// So who holds the lock ([Count.Lock]) sees a number that stays as it is, though others
// count without ever taking the lock. Directory entries need that: d_lock guards
// their name and their place in the hash, and "unused, so take it off" must be one
// decision. [Count.GetOrLock] and [Count.PutOrLock] count, or else return with the lock
// held and leave it to the caller what to do. [Count.MarkDead] makes the number -128
// under the lock, and from then on TryGet (lockref_get_not_dead) fails.
//
// For Linux the count never dies by itself: 0 is an entry that is unused and stays
// in the cache, and who got the lock from put_or_lock decides. Here Put decides as
// dput does of an entry that isn't to be kept: PutOrLock, and if it has the lock,
// MarkDead and Unlock. Kill is Put. Init ignores the lock (spin_lock_init), so
// it must not run while anyone else uses the count, not even TryGet:
//
//	A: TryGet takes the lock; the count is dead
//	B: Init   stores 1, free
//	A: TryGet stores dead, free: B's reference is gone
//
// # Choices
//
// On a dead count lockref_get adds 1 like on any other, so that after 128 such Gets the
// number is 0 and the entry is alive; that was asked about (linux-fsdevel, 7 May 2019:
// why -128, and should lockref_get warn) and left so. Here Get leaves a dead count
// alone. lockref_put_or_lock takes the lock on a dead count and says nothing; dput
// warns and leaves the number (504e08cebe1d). So does Put here, without the warning.
// Newer versions of Linux give up after 100 failed swaps and take the lock; here an
// operation tries for ever, as in the version that was read, since the lock is taken
// with a swap of the same word. lockref_put_return and lockref_put_not_zero are left out.
//
// # Memory order
//
// All operations on one count are one total order, and each of them synchronizes
// before those that follow it in that order. Hence every Put synchronizes before the
// Put that reports true, and Unlock before the next Lock.
//
// # Limits
//
// The number is signed and nothing looks for its end: one reference past 2^31-1 makes it
// negative, which is dead. TryGet then fails though 2^31 references are held, and Put
// leaves the number alone. Nothing is promised of it. A goroutine that loses its CPU
// while it holds the lock stops all others that use the count.
//
// # Cost
//
// Eight bytes. Get and Put are a load and a compare-and-swap, tried again as often as
// somebody else gets in between; a Get that must look at the lock can't be a
// single addition. The last Put is one compare-and-swap more, for the lock, and a
// store.
package lockref

import (
	"math"
	"runtime"
	"sync/atomic"

	"github.com/refbench/refbench/strategies"
)

// Max is the largest number of references.
const Max = math.MaxInt32

// Strategy is the count with its spinlock.
var Strategy = &strategies.Strategy{
	Name: "lockref",
	Doc:  "a spinlock and a count in one word, lock-free while unlocked, as Linux' directory entries",
	Promise: strategies.Promise{
		Limit:     Max,
		Overflow:  strategies.Wraps,
		Underflow: strategies.Refuses,
		GetOnZero: strategies.Refuses,
		Zero:      strategies.Immediate,
		TryGet:    strategies.Exact,
		Count:     strategies.Exact,
		Progress:  strategies.Blocking,
		Bytes:     8,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

const (
	held = 1 // the lock's bits while somebody holds it
	one  = 1 << countShift

	countShift = 32

	// dead is the number that MarkDead leaves. Any negative one is dead.
	dead = -128
)

// spins is how often a waiting goroutine looks at the lock before it gives way.
const spins = 64

// A Count is a reference count of 32 bits and its spinlock.
type Count struct {
	word atomic.Uint64 // see the package doc for its bits
}

// count returns the number of a word.
func count(w uint64) int32 { return int32(w >> countShift) }

// word returns the word of a number and a free lock.
func word(n int32) uint64 { return uint64(uint32(n)) << countShift }

// Lock takes the spinlock. While it is held nobody else changes the count.
func (c *Count) Lock() { c.lock() }

// lock takes the spinlock and returns the number.
func (c *Count) lock() int32 {
	for tries := 1; ; tries++ {
		w := c.word.Load()
		if w&held == 0 && c.word.CompareAndSwap(w, w|held) {
			return count(w)
		}
		if tries%spins == 0 {
			runtime.Gosched()
		}
	}
}

// publish sets the number and frees the lock, in one store, which is the holder's last
// access: others may release the object right after it.
func (c *Count) publish(n int32) { c.word.Store(word(n)) }

// Unlock frees the spinlock. The caller holds it.
func (c *Count) Unlock() { c.publish(count(c.word.Load())) }

// Init starts a life with one reference and a free lock. It doesn't take the lock.
func (c *Count) Init() { c.publish(1) }

// InitAt starts a life with n references, modulo 2^32. It doesn't take the lock.
func (c *Count) InitAt(n int64) { c.publish(int32(n)) }

// Get takes a reference (lockref_get). It leaves a dead count alone.
func (c *Count) Get() { c.TryGet() }

// TryGet takes a reference unless the count is dead, and reports whether it did
// (lockref_get_not_dead). Of a count that PutLocked has left at 0 it takes one.
func (c *Count) TryGet() bool { return c.getFrom(0) }

// GetNotZero is TryGet that fails at 0 as well (lockref_get_not_zero).
func (c *Count) GetNotZero() bool { return c.getFrom(1) }

// getFrom takes a reference if there are least or more, and reports whether it did.
func (c *Count) getFrom(least int32) bool {
	for w := c.word.Load(); w&held == 0; w = c.word.Load() {
		if count(w) < least {
			return false
		}
		if c.word.CompareAndSwap(w, w+one) {
			return true
		}
	}
	n := c.lock()
	if n < least {
		c.publish(n)
		return false
	}
	c.publish(n + 1)
	return true
}

// GetOrLock takes a reference and reports true, or, if there is none, returns with
// the lock held and reports false (lockref_get_or_lock).
func (c *Count) GetOrLock() bool {
	if c.getFrom(1) {
		return true
	}
	// The number may have changed since.
	n := c.lock()
	if n < 1 {
		return false
	}
	c.publish(n + 1)
	return true
}

// PutOrLock drops a reference and reports true if it isn't the last. If it may be the
// last it drops nothing and returns with the lock held (lockref_put_or_lock).
func (c *Count) PutOrLock() bool {
	for w := c.word.Load(); w&held == 0 && count(w) > 1; w = c.word.Load() {
		if c.word.CompareAndSwap(w, w-one) {
			return true
		}
	}
	n := c.lock()
	// The number must be looked at again. Otherwise:
	//
	//	A: reads 1
	//	B: TryGet, 1 to 2
	//	A: takes the lock, and marks dead what B holds
	if n > 1 {
		c.publish(n - 1)
		return true
	}
	return false
}

// PutLocked drops a reference under the lock, which the caller holds, maybe the last: then
// the count is at 0 and alive, as an unused directory entry, and TryGet revives it.
func (c *Count) PutLocked() { c.word.Store(c.word.Load() - one) }

// MarkDead makes TryGet fail from now on (lockref_mark_dead). The caller holds the lock.
func (c *Count) MarkDead() { c.word.Store(word(dead) | held) }

// Put drops a reference and reports whether it was the last: then it is marked dead. Of a
// dead count it drops nothing.
func (c *Count) Put() bool {
	if c.PutOrLock() {
		return false
	}
	n := count(c.word.Load())
	if n != 1 {
		c.publish(n)
		return false
	}
	c.publish(dead)
	return true
}

// Kill is Put.
func (c *Count) Kill() bool { return c.Put() }

// Count returns the number of references, 0 of a dead count.
func (c *Count) Count() int64 { return int64(max(count(c.word.Load()), 0)) }

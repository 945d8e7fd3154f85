package bugs

import (
	"sync"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A locked is a word that takes the lock of the table to drop the last reference.
type locked struct {
	word
	late bool
}

func (c *locked) PutAndLock(l sync.Locker) bool {
	const tries = 2
	for range tries {
		n := c.n.Load()
		if n == 1 {
			break
		}
		if c.n.CompareAndSwap(n, n-1) {
			return false
		}
		if c.late && n == 2 {
			// The mistake: the other one may have put meanwhile.
			if c.n.Add(-1) != 0 {
				return false
			}
			l.Lock()
			return true
		}
	}
	l.Lock()
	if c.n.Add(-1) == 0 {
		return true
	}
	l.Unlock()
	return false
}

var lockedPromise = func() strategies.Promise {
	p := wordPromise
	p.Bytes = int(unsafe.Sizeof(locked{}))
	return p
}()

var lockedBugs = []*Bug{
	Bug{
		Name:   "locklate",
		Doc:    "put_and_lock that lost a race drops at once, and locks if that was the last",
		Source: "Linux lib/refcount.c, refcount_dec_and_mutex_lock: the last decrement is made with the lock held; lib/dec_and_lock.c",
		Interleaving: `Two holders put an object that can be found under a lock. The first loads 2 and is stopped; the second
swaps 2 for 1. The first one's swap fails, and it subtracts: 1 to 0, without the lock. Before it
has the lock a lookup that has it finds the object and its count at zero: a plain get brings
back what is about to be freed.`,
		Fix:     "after a lost race the lock is taken first, and then the reference is dropped",
		Program: "a.Get a.PutAndLock a.Kill|a.PutAndLock|a.PutAndLock", Concurrent: true,
		Apart:    true,
		Expected: interleaved,
	}.counts(lockedPromise, func() strategies.Counter { return &locked{late: true} }, func() strategies.Counter { return new(locked) }),
}

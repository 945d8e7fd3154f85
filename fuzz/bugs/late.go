package bugs

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A tally counts what was taken and what was dropped, in one word.
//
//	bits 63..32   references taken in this life
//	bits 31..0    references dropped
type tally struct {
	n    atomic.Uint64
	late bool // Put looks at the word once more
}

const tallyTaken = 1 << 32

func (c *tally) Init() { c.n.Store(tallyTaken) }
func (c *tally) Get()  { c.n.Add(tallyTaken) }

func (c *tally) TryGet() bool {
	for {
		n := c.n.Load()
		if n>>32 == n&(tallyTaken-1) {
			return false
		}
		if c.n.CompareAndSwap(n, n+tallyTaken) {
			return true
		}
	}
}

func (c *tally) Put() bool {
	n := c.n.Add(1)
	dropped := n & (tallyTaken - 1)
	if c.late {
		n = c.n.Load()
	}
	return n>>32 == dropped
}

func (c *tally) Kill() bool { return c.Put() }

var tallyPromise = strategies.Promise{
	Limit:     1 << 30,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Wraps,
	GetOnZero: strategies.Revives,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(tally{})),
}

// A guarded is a plain number under a mutex: its own, or one that is elsewhere and stays.
type guarded struct {
	n     int32
	own   sync.Mutex
	apart *sync.Mutex
	inner bool // the bug: its own is used
}

func (c *guarded) mutex() *sync.Mutex {
	if c.inner {
		return &c.own
	}
	return c.apart
}

func (c *guarded) Init()      { c.n = 1 }
func (c *guarded) Kill() bool { return c.Put() }

func (c *guarded) Get() {
	mu := c.mutex()
	mu.Lock()
	c.n++
	mu.Unlock()
}

func (c *guarded) TryGet() bool {
	mu := c.mutex()
	mu.Lock()
	defer mu.Unlock()
	if c.n == 0 {
		return false
	}
	c.n++
	return true
}

func (c *guarded) Put() bool {
	mu := c.mutex()
	mu.Lock()
	c.n--
	last := c.n == 0
	mu.Unlock()
	return last
}

var guardedPromise = strategies.Promise{
	Limit:     1<<31 - 1,
	Width:     32,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Wraps,
	GetOnZero: strategies.Revives,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.Blocking,
	Bytes:     int(unsafe.Sizeof(guarded{}) + unsafe.Sizeof(sync.Mutex{})),
}

var lateBugs = []*Bug{
	Bug{
		Name:   "tallylate",
		Doc:    "put compares with a number that it loads after its drop",
		Source: "Linux Documentation/core-api/kref.rst, rule 2, and refcount-vs-atomic.rst: whoever has dropped its reference must not touch the object any more",
		Interleaving: `Two references are taken. The first put counts one dropped of two, and is stopped. The second
counts two of two and releases. The memory begins its next life, with one reference taken. The first
put loads that: it has dropped one and one was taken, so it releases what another life holds.`,
		Fix:     "the result of the addition has both numbers",
		Program: "a.Put|a.Put|a.Kill", Concurrent: true,
		Apart:    true,
		Expected: interleaved,
	}.counts(tallyPromise, func() strategies.Counter { return &tally{late: true} }, func() strategies.Counter { return new(tally) }),
	Bug{
		Name:   "mutexinside",
		Doc:    "the mutex is in the object whose last reference is dropped under it",
		Source: "Linux Documentation/locking/mutex-design.rst: to release a mutex is no atomic step, so its memory must outlive mutex_unlock; glibc bug 13690",
		Interleaving: `Two holders put. The first sets the number to 1 and unlocks: the lock is free, and it goes on to see whether
to wake somebody. The second locks, sets 0, unlocks, and frees the object. The first one looks at a
mutex that isn't there any more.`,
		Fix:     "the mutex is apart from the object and stays",
		Program: "a.Put|a.Put|a.Kill", Concurrent: true,
		Apart:    true,
		Expected: interleaved,
	}.counts(guardedPromise, func() strategies.Counter { return &guarded{apart: new(sync.Mutex), inner: true} }, func() strategies.Counter { return &guarded{apart: new(sync.Mutex)} }),
}

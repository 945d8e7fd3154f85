// Package localcount is NetBSD's localcount(9): a plain number on each CPU, which whoever
// wants to be rid of the object has added up by a call on every CPU, and then waits for
// the sum to come down to zero (sys/kern/subr_localcount.c: localcount_acquire,
// localcount_release, localcount_drain). NetBSD counts with it who is in a device's
// driver.
//
// # Protocol
//
//	mode  counting  references are counted on the CPUs (lc_totalp is NULL)
//	      draining  Kill has begun: they are counted in total, under the mutex
//	      dead      Kill is over
//	word  bit 0       busy: its P is between announcing an operation and finishing it
//	      bits 63..1  references taken less references dropped on this P
//
// While counting, Get and Put change the number of the CPU that they are on, and nobody
// knows the sum. A reference may be taken on one CPU and dropped on another: a single
// number then goes below zero. The owner's reference is in none of them.
//
// Kill makes the mode draining. From there on who takes or drops a reference locks the
// mutex and changes total. Kill adds the numbers of all CPUs to that. Before all are in,
// total says nothing:
//
//	total  CPU 0  CPU 1
//	0      1      1      A's reference, taken on CPU 0, and B's, on CPU 1
//	1      1      1      Kill has added CPU 0's
//	0      1      1      A: Put, in total: it is zero, and B is inside
//
// So neither Kill nor a Put looks at total before that. Then Kill sleeps until it is zero,
// and the Put that makes it so wakes it.
//
// TryGet fails once Kill has begun. In NetBSD that is the caller's to see to: nobody may
// call localcount_acquire who could find the count being drained, so lookups come first
// to a lock or a flag of the object's.
//
// # The call on every CPU
//
// In NetBSD an operation runs with preemption off, and the cross-call, which runs on each
// CPU, can't come between its load and its store. So it may take the CPU's number away as
// if it were its own. In Go nothing can be run on a certain P. In its place stands
// [pin.Barrier], which makes all running threads of the process pass a barrier
// (membarrier(2) is a call on every CPU that runs one), and a busy bit in each word:
// after the barrier who announces an operation finds the mode changed, and who is in one
// is waited for. After that nobody writes the words any more, and Kill reads them all: see
// [pin.Tally].
//
//	A: Put                       Kill
//	word.Store(busy)             mode.Store(draining)
//	mode.Load() == counting      Barrier
//	word.Store(less one)         waits until A isn't busy, and reads what it stored
//
// # Choices
//
// The mutex and the condition variable are the caller's in NetBSD, one for many counts.
// Here each has its own. Words aren't set to zero, since a TryGet through a stale weak
// reference may be about to write back what it found; total begins with less by their sum.
// So Init of a dead count may run while others call TryGet.
//
// # Memory order
//
// A Put while counting synchronizes before the return of Kill: either Kill observes the
// word that it stored, or it observes the new mode and locks the mutex. Each Unlock of
// that synchronizes before the Locks after it, and Kill holds it when it finds zero. So
// every Put synchronizes before Kill returns.
//
// # Limits
//
// 2^60 references, past which nothing is promised. A Get or a Put on a dead count panics.
// A drop too many isn't seen before Kill, which panics then; NetBSD's asserts. A
// reference that nobody drops stops Kill for ever.
//
// The memory must stay a count after the release: the Put that Kill has waited for may
// still be unlocking the mutex. See package drained. Hence the promise says GracePeriod.
//
// # Cost
//
// A line of the cache for each P, and 112 bytes. Until Kill Get, TryGet and Put are two
// loads of the mode, two plain stores to the P's own word, and a pin where package pin needs one. Kill costs a
// barrier on all CPUs and a walk over all words, and sleeps in the scheduler. If
// GOMAXPROCS grows after Init, the new Ps count in total.
package localcount

import (
	"sync"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Max is the largest number of references, the owner's among them.
const Max = 1 << 60

// Strategy is the plain count per CPU that is drained.
var Strategy = &strategies.Strategy{
	Name: "localcount",
	Doc:  "a plain number per CPU, drained by a call on every CPU (NetBSD localcount)",
	Promise: strategies.Promise{
		Limit:         Max,
		Overflow:      strategies.Wraps,
		Underflow:     strategies.Panics,
		GetOnZero:     strategies.Panics,
		Zero:          strategies.Waits,
		TryGet:        strategies.Exact,
		TryGetRefuses: strategies.OnceKilled,
		Count:         strategies.Approximate,
		Progress:      strategies.Blocking,
		Bytes:         int(unsafe.Sizeof(Count{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[pin.Word]{})),
		GracePeriod:   true,
		TypeStable:    true,
	},
	Retries: true,
	Way:     pin.Way,
	New:     func() strategies.Counter { return new(Count) },
}

// See the package doc for these.
const (
	counting = 0 // the mode of a Tally in which it is added to
	draining = 1
	dead     = 2
)

// A Count is a reference count with a plain number per CPU.
type Count struct {
	on pin.Tally // the mode, and the numbers of the CPUs, made by the first Init

	mu   sync.Mutex // the interlock
	gone sync.Cond  // total has come to zero; L is mu

	// mu guards these.
	total  int64 // references that aren't on the words, the owner's not among them
	summed bool  // the words are in total
}

// Init starts a life with one reference, the owner's. The first Init allocates the words.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references, the owner's among them.
func (c *Count) InitAt(n int64) {
	c.mu.Lock()
	if c.on.Words == nil {
		c.on.Make()
	}
	c.gone.L = &c.mu
	c.total, c.summed = n-1-c.on.Sum(), false
	c.on.Mode.Store(counting)
	c.mu.Unlock()
}

// Get takes a reference (localcount_acquire). The caller holds one. It panics on a dead
// count.
func (c *Count) Get() {
	if pin.Add(&c.on, 1) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on.Mode.Load() == dead {
		panic("localcount: Get on a dead count")
	}
	c.total++
}

// TryGet takes a reference unless Kill has begun, and reports whether it did.
func (c *Count) TryGet() bool {
	if pin.Add(&c.on, 1) {
		return true
	}
	if c.on.Mode.Load() != counting {
		return false
	}
	// A P without a word.
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on.Mode.Load() != counting {
		return false
	}
	c.total++
	return true
}

// Put drops a reference (localcount_release) and reports false: it is Kill that reports the
// last. It panics on a dead count.
func (c *Count) Put() bool {
	if pin.Add(&c.on, -1) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on.Mode.Load() == dead {
		panic("localcount: Put on a dead count")
	}
	c.total--
	if c.summed && c.total == 0 {
		c.gone.Broadcast()
	}
	return false
}

// Kill lets nobody in any more, waits until all have left, drops the owner's reference, and
// reports true (localcount_drain). The caller holds no other reference. It panics if more
// references were dropped than taken.
func (c *Count) Kill() bool {
	c.mu.Lock()
	c.on.Mode.Store(draining)
	c.mu.Unlock()
	c.on.Drain()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total += c.on.Sum()
	c.summed = true
	if c.total < 0 {
		panic("localcount: more references were dropped than taken")
	}
	for c.total != 0 {
		c.gone.Wait()
	}
	c.on.Mode.Store(dead)
	return true
}

// Count returns the number of references, the owner's among them until Kill is over. It
// goes through the words, which others change meanwhile.
func (c *Count) Count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.total
	if !c.summed {
		n += c.on.Sum()
	}
	if c.on.Mode.Load() != dead {
		n++
	}
	return n
}

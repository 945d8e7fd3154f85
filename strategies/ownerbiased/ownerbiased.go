// Package ownerbiased is biased reference counting (Choi, Shull, Torrellas: Biased
// Reference Counting: Minimizing Atomic Operations in Garbage Collection, PACT 2018),
// which CPython has for its objects since 3.13 where it has no global lock
// (Include/refcount.h and Objects/object.c: ob_tid, ob_ref_local, ob_ref_shared): the
// owner counts in a number of its own, without atomic instructions, and everybody else in
// a shared one. The two are merged when only both together can say that nobody has a
// reference. An object may be made immortal: it isn't counted any more.
//
// # Protocol
//
//	owner    the P that counts in its own word, plus 1
//	         0: merged, or just being merged
//	         -1: immortal
//	word     bit 0       busy: the owner is between announcing an operation and finishing it
//	         bits 63..1  the owner's number of references, 1 or more while there is an owner
//	shared   bit 0       merged: it counts all references
//	         bits 63..1  references taken less references dropped by all others, 0 or more
//
// While there is an owner the count lives: its number is 1 or more, and the shared one
// isn't negative. So nobody has to add the two up. Two operations would break that, and
// merge first:
//
//   - The owner drops its last. It takes itself off, and sets merged. If shared is 0 then,
//     that was the last reference of all.
//   - Somebody else drops, and shared is 0: the reference is one that the owner has taken.
//     Who drops it takes the owner off, waits until that isn't busy, adds its number to
//     shared in the step that sets merged, and only then drops.
//
// From there on shared is an atomic count, and who makes 0 of it is the last.
//
// The owner looks whether it is one twice, before it announces an operation and after. A
// second look before would be too early:
//
//	owner: owner.Load() is its own
//	B: Put  takes the owner off, sees that it isn't busy, adds its number, 1
//	owner: Get  stores 2, which nobody looks at any more
//
// # Who the owner is
//
// In the paper and in CPython it is the thread that has made the object. In Go no thread
// or goroutine has a name that could be compared in an instruction or two, so it is the P
// on which Init ran, and its word is written only by who is pinned to it (package pin).
// A goroutine that moves takes its references with it, and drops them as somebody else.
//
// The memory keeps the owner of its first life: nobody else may write the word, since a
// TryGet through a stale weak reference may be about to. Where Init runs on another P the
// life begins merged.
//
// In CPython a merge that somebody else asks for is made by the owner, when its
// interpreter looks into its queue: until then the object isn't freed. Here nobody can be
// made to look, so that who asks merges, with a barrier on all CPUs, and Put finds the
// last at once. (CPython does so too if the owner's thread is gone.)
//
// # Memory order
//
// What the owner has stored is seen by who merges: either the owner's operation observes
// that it was taken off, and counts on shared, or who merges observes it busy and waits
// ([pin.Barrier]). All operations on shared are in one order, the merge among them. So
// every Put synchronizes before the Put or Kill that reports true.
//
// # Limits
//
// 2^60 references, past which nothing is promised. A Get or a Put on a dead count panics. A
// merge waits for an operation of the owner, which is a few instructions long, unless its
// thread lost its CPU.
//
// # Cost
//
// 24 bytes, and no line of one's own: the count is as small as the object that the paper
// wants to keep small. The owner's Get, TryGet and Put are three loads, two stores and a
// pin where words are plain. Everybody else pays a compare-and-swap and the look at
// owner, and whoever merges some microseconds.
package ownerbiased

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Max is the largest number of references.
const Max = 1 << 60

// Strategy is the count with an owner.
var Strategy = &strategies.Strategy{
	Name: "ownerbiased",
	Doc:  "the owner's plain number and one that others share, merged on demand (biased counting; CPython)",
	Promise: strategies.Promise{
		Limit:      Max,
		Overflow:   strategies.Wraps,
		Underflow:  strategies.Panics,
		GetOnZero:  strategies.Panics,
		Zero:       strategies.Immediate,
		TryGet:     strategies.Exact,
		Count:      strategies.Approximate,
		Progress:   strategies.Blocking,
		Bytes:      int(unsafe.Sizeof(Count{})),
		TypeStable: true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// See the package doc for the bits of words.
const (
	merged = 1 << 0
	one    = 1 << 1

	refShift = 1

	nobody   = 0
	immortal = -1
)

// patience is how often who waits for a few instructions of another looks again before it
// gives its CPU away.
const patience = 64

// A Count is a reference count with an owner.
type Count struct {
	word   pin.Word
	shared atomic.Int64
	owner  atomic.Int32
	home   int32 // the P, plus 1, that may write word: who ran the first Init
}

// Init starts a life with one reference, the owner's, who is the P on which the first Init
// ran. If that is another the life begins merged.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references.
func (c *Count) InitAt(n int64) {
	me := int32(pin.Pin()) + 1
	if c.home == 0 {
		c.home = me
	}
	if c.home != me {
		pin.Unpin()
		c.owner.Store(nobody)
		c.shared.Store(n*one | merged)
		return
	}
	// Others may call TryGet through stale weak references. They find the dead count's
	// shared, and so nothing, until there is an owner who counts.
	c.word.Store(n * pin.One)
	c.owner.Store(me)
	c.shared.Store(0)
	pin.Unpin()
}

// Immortalize makes the count immortal: from then on references are neither counted nor
// ever the last, and nothing is written. The caller holds one.
func (c *Count) Immortalize() {
	// A merge that is under way has seen to it that there is no owner already, and goes
	// on. What it makes of shared nobody looks at any more.
	c.owner.Store(immortal)
}

// begin announces an operation of the owner and reports true: the caller is pinned then, and
// v is what is on the word. It reports false if the caller isn't the owner, which is who.
func (c *Count) begin() (v int64, who int32, ok bool) {
	who = c.owner.Load()
	if who <= nobody {
		return 0, who, false
	}
	if int32(pin.Pin())+1 == who {
		v = c.word.Load()
		c.word.Store(v | pin.Busy)
		// The second look: see the package doc.
		now := c.owner.Load()
		if now == who {
			return v, who, true
		}
		c.word.Store(v)
		who = now
	}
	pin.Unpin()
	return 0, who, false
}

// end finishes what begin has announced, and leaves v on the word.
func (c *Count) end(v int64) {
	c.word.Store(v)
	pin.Unpin()
}

// Get takes a reference. The caller holds one. It panics on a dead count.
func (c *Count) Get() {
	v, who, ok := c.begin()
	switch {
	case ok:
		c.end(v + pin.One)
	case who != immortal:
		if n := c.shared.Add(one); n == merged|one {
			c.shared.Add(-one)
			panic("ownerbiased: Get on a dead count")
		}
	}
}

// TryGet takes a reference unless the count is dead, and reports whether it did.
func (c *Count) TryGet() bool {
	v, who, ok := c.begin()
	switch {
	case ok:
		c.end(v + pin.One)
		return true
	case who == immortal:
		return true
	}
	for {
		n := c.shared.Load()
		if n == merged {
			return false
		}
		if c.shared.CompareAndSwap(n, n+one) {
			return true
		}
	}
}

// Put drops a reference and reports whether it was the last. It panics on a dead count.
func (c *Count) Put() bool {
	v, who, ok := c.begin()
	switch {
	case ok && v != pin.One:
		c.end(v - pin.One)
		return false
	case ok && c.owner.CompareAndSwap(who, nobody):
		// The owner's last. Nobody else merges now, so nobody looks at the word.
		c.end(0)
		return c.shared.Add(merged) == merged
	case ok:
		// Somebody merges, and waits for this P.
		c.end(v)
	case who == immortal:
		return false
	}
	for {
		n := c.shared.Load()
		switch {
		case n == 0:
			if !c.merge() {
				return false
			}
		case n == merged:
			panic("ownerbiased: Put on a dead count")
		case c.shared.CompareAndSwap(n, n-one):
			return n-one == merged
		}
	}
}

// merge returns true when shared counts all references, and false if the count is immortal.
// The caller holds one.
func (c *Count) merge() bool {
	who := c.owner.Load()
	if who > nobody && c.owner.CompareAndSwap(who, nobody) {
		pin.Barrier()
		c.word.Settle()
		c.shared.Add(c.word.Number()*one | merged)
		return true
	}
	// Somebody else merges, if he isn't through by now.
	for n := 0; c.shared.Load()&merged == 0; n++ {
		if c.owner.Load() == immortal {
			return false
		}
		if n >= patience {
			runtime.Gosched()
		}
	}
	return true
}

// Kill drops the owner's reference and reports whether it was the last.
func (c *Count) Kill() bool { return c.Put() }

// Count returns the number of references. It adds up two numbers, which others change
// meanwhile. Of an immortal count it says nothing.
func (c *Count) Count() int64 {
	n := c.shared.Load()
	if n&merged != 0 {
		return n >> refShift
	}
	return n>>refShift + c.word.Number()
}

// Package biased is a reference count whose number is one less than its references: 0 is
// an object that only its owner has, and -1 is dead. Linux counted so where an object
// stays findable while nobody uses it, and its owner is a structure: the tree of
// net/ipv4/inetpeer.c (struct inet_peer) and the lists of net/netfilter/ipvs (struct
// ip_vs_dest). In 2017 both became a refcount_t, which can't be below zero: the
// discussion is on netdev, from January 2017 on.
//
// # Protocol
//
//	number   -1       dead: nobody finds it any more
//	          0       idle: the owner's reference alone, the tree's or the list's
//	         n > 0    n references beside the owner's
//
// So the owner's reference is one that nobody wrote down. Get adds 1. TryGet adds 1
// unless the number is -1 (inet_getpeer, atomic_add_unless(&p->refcnt, 1, -1)): an idle
// object is found like any other. Put subtracts 1 and reports whether it left -1
// (ip_vs_dest_put_and_free). PutIfOne is the collector's step (inet_peer_gc): it makes an
// idle object dead, 0 to -1, in one compare-and-swap, after which no lookup succeeds.
// Kill drops the owner's reference and is Put.
//
// A collector that read 0 and set -1 afterwards would free an object under the feet of
// a lookup:
//
//	A: PutIfOne reads 0
//	B: TryGet   swaps 0 for 1, and has the object
//	A: PutIfOne sets -1 and frees it
//
// All of this is a plain count that is one higher, with 1 for idle and 0 for dead, as the
// conversion to refcount_t made it. What differs is where the number's range ends, and
// the instruction that tests: comparing with -1 needs a comparison that comparing with 0
// doesn't. [Count.Count] returns references, not the number.
//
// Init of a dead count may run while others call TryGet through stale weak references to
// it: TryGet writes only to what isn't -1.
//
// # Memory order
//
// All operations on one count are one total order, and each synchronizes before those
// that follow it, as sync/atomic says of operations that observe one another. Hence every
// Put synchronizes before the Put that reports true. Linux asked for less:
// atomic_add_unless, atomic_cmpxchg and atomic_dec_return are fully ordered, atomic_inc
// and atomic_dec not at all. inet_putpeer therefore had a barrier before atomic_dec.
//
// # Limits
//
// The number is signed, has 32 bits and wraps. As it is one less, 2^31 references are
// counted, one more than a plain count does; one more makes the number -2^31. Below -1
// Put goes on subtracting, and reports nothing. Get on -1 makes it 0: an idle object, to
// be released a second time.
//
// # Cost
//
// Four bytes. Get and Put are one locked instruction each; TryGet is a load and a
// compare-and-swap, which is tried again as often as somebody else gets in between. A
// busy peer's number goes from 0 to 1 and back all the time: Linux once took it on and
// off a list of unused peers then, until the list's lock was what everybody waited for
// (commit 4b9d9be839fd).
//
// # What the source leaves open
//
// inet_putpeer never frees: only the collector makes a peer dead. ip_vs freed in any put
// that left less than zero. Here Put reports the step from 0 to -1 alone, so that a put
// too many isn't told to free once more. Neither source takes or drops several references
// at once; GetN, TryGetN and PutN are the same steps by n.
package biased

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// bits is the width of the number.
const bits = 32

// Max is the largest number of references.
const Max = math.MaxInt32 + 1

const (
	dead = -1
	idle = 0
)

// Strategy is the count that dies at -1.
var Strategy = &strategies.Strategy{
	Name: "biased",
	Doc:  "a word that is 0 when idle and -1 when dead, as in Linux' inet_peer and ip_vs before refcount_t",
	Promise: strategies.Promise{
		Limit:      Max,
		Width:      bits,
		Overflow:   strategies.Wraps,
		Underflow:  strategies.Wraps,
		GetOnZero:  strategies.Revives,
		Zero:       strategies.Immediate,
		TryGet:     strategies.Exact,
		Count:      strategies.Exact,
		Progress:   strategies.LockFree,
		Bytes:      int(unsafe.Sizeof(Count{})),
		TypeStable: true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// A Count is a reference count that is one less than its references.
type Count struct {
	refs atomic.Int32
}

// Init starts a life with one reference, the owner's: the object is idle.
func (c *Count) Init() { c.refs.Store(idle) }

// InitAt starts a life with n references, modulo 2^32.
func (c *Count) InitAt(n int64) { c.refs.Store(int32(n - 1)) }

// Get takes a reference. It checks nothing: on a dead count it makes -1 into 0.
func (c *Count) Get() { c.refs.Add(1) }

// TryGet takes a reference unless the number is -1, and reports whether it did.
func (c *Count) TryGet() bool {
	for {
		n := c.refs.Load()
		if n == dead {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Put drops a reference and reports whether it left -1.
func (c *Count) Put() bool { return c.refs.Add(-1) == dead }

// Kill is Put.
func (c *Count) Kill() bool { return c.refs.Add(-1) == dead }

// GetN takes n references.
func (c *Count) GetN(n int) { c.refs.Add(int32(n)) }

// TryGetN takes n references unless the number is -1, and reports whether it did.
func (c *Count) TryGetN(n int) bool {
	for {
		old := c.refs.Load()
		if old == dead {
			return false
		}
		if c.refs.CompareAndSwap(old, old+int32(n)) {
			return true
		}
	}
}

// PutN drops n references and reports whether it left -1.
func (c *Count) PutN(n int) bool { return c.refs.Add(-int32(n)) == dead }

// Count returns the number of references, the owner's among them: one more than the word
// has, negative once that has wrapped or more were dropped than taken.
func (c *Count) Count() int64 { return int64(c.refs.Load()) + 1 }

// Drop drops a reference that the caller knows not to be the last (inet_putpeer,
// atomic_dec). It checks nothing: if it was the last, nobody is told.
func (c *Count) Drop() { c.refs.Add(-1) }

// PutIfOne makes an idle object dead, and reports whether it did
// (atomic_cmpxchg(&p->refcnt, 0, -1) == 0).
func (c *Count) PutIfOne() bool { return c.refs.CompareAndSwap(idle, dead) }

// PutUnlessOne drops the reference unless the object is idle, and reports whether it did
// (atomic_add_unless(&p->refcnt, -1, 0)).
func (c *Count) PutUnlessOne() bool {
	for {
		n := c.refs.Load()
		if n == idle {
			return false
		}
		if c.refs.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

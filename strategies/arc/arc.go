// Package arc is the pair of counts of Rust's Arc (library/alloc/src/sync.rs): strong
// references keep the object, weak ones keep only its memory, and both are counted.
//
// # Protocol
//
// There are two words:
//
//	strong   0             the object is dead
//	         1 .. 2^63-1   references
//	weak     0             nobody needs the memory
//	         1 .. 2^63-1   weak references; all strong ones together hold one of them
//	         2^64-1        Unique looks, and Downgrade waits for it
//
// The operations by Rust's names:
//
//   - Get is Arc::clone: it adds 1 to the strong count, and then panics if that is past
//     the limit.
//   - TryGet is Weak::upgrade: a compare-and-swap that is tried only on a strong count
//     other than 0. It panics at the limit, before it takes anything.
//   - Put is the first half of Arc's drop: it subtracts 1 from the strong count and
//     reports whether it left 0. Kill is Put. Who is told destroys the object, and then
//     calls DropWeak, for the one weak reference that the strong ones had.
//   - Downgrade takes a weak reference; the caller holds a strong one. CloneWeak takes
//     one where the caller holds a weak one.
//   - DropWeak drops a weak reference and reports whether it was the last. Who is told
//     frees the memory.
//   - Unique is Arc::is_unique, which Arc::get_mut asks: whether the caller holds the
//     only reference of both kinds.
//
// One weak reference for all strong ones makes the two words agree on who frees. If each
// strong one had its own, Get and Put would need two additions; and if they had none, a
// DropWeak would have to look at the strong count too:
//
//	1 strong reference, 1 weak, and no weak one for the strong
//	A: DropWeak   subtracts: weak 0
//	B: Put        subtracts: strong 0, and is told; destroys the object
//	A: DropWeak   looks: strong 0, frees the memory
//	B:            looks: weak 0, frees the memory
//
// Unique has to see two words at one instant. Looking at both isn't enough
// (rust-lang/rust#24880):
//
//	1 strong reference, which is A's, and 1 weak, which is B's
//	A: Unique     looks: there is one strong reference
//	B: TryGet     strong 2
//	B: DropWeak   the weak reference is gone
//	A: Unique     looks: there is no weak reference
//
// So it first swaps a weak count of 1 for 2^64-1. Then nobody holds a weak reference, so
// that nobody can upgrade, and Downgrade waits. If the strong count is 1 too it stays so.
//
// # Memory order
//
// All operations on one word are one total order, and each of them synchronizes before
// those that follow it. Hence every Put synchronizes before the Put that reports true,
// every DropWeak before the one that does, and a Put or DropWeak before the Unique that
// reports true and finds it done. Rust's clone is relaxed, its drops release, and who is
// told acquires; is_unique has acquired the strong count only since rust-lang/rust#52031.
//
// Init of a dead count may run while others call TryGet through stale weak references that
// aren't counted: TryGet writes only to what isn't 0.
//
// # Limits
//
// 2^63-1 references of each kind. Get and CloneWeak look after they have added. So 2^63 of
// them at once, between their two steps, would come round to zero; Rust takes that risk as
// well. A Put too many goes on below zero without a word, as one DropWeak too many does,
// and Get on 0 makes it 1: Rust's types don't let such calls be written. From below zero
// on Get and TryGet panic.
//
// # Cost
//
// Sixteen bytes. Get and Put are one locked instruction each. TryGet is a load and a
// compare-and-swap, tried again as often as somebody else gets in between. Who doesn't
// use weak references pays for them with eight bytes.
//
// # Choices
//
// Rust aborts in clone, and so does nothing after. Here a panic may be recovered, and a
// program that leaks references and recovers would come round to zero after all
// (EricLBuehler/trc#21). So Get takes back what it added before it panics.
//
// Rust looks at what clone found, and so lets a count have isize::MAX+1 references
// (rust-lang/rust#37605). References are counted in int64 here, which doesn't have that
// one, so the limit is isize::MAX. Rust's drop destroys and drops the weak reference by
// itself; here Put reports, as everywhere, and the caller does both.
package arc

import (
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// bits is the width of each of the two words.
const bits = 64

// Max is the largest number of references of each kind.
const Max = 1<<(bits-1) - 1

// locked is the weak count while Unique looks.
const locked = math.MaxUint64

// Strategy is the strong count, with a weak one beside it.
var Strategy = &strategies.Strategy{
	Name: "arc",
	Doc:  "a strong and a weak count in two words, and a panic past the limit, as Rust's Arc",
	Promise: strategies.Promise{
		Limit: Max,
		// Width is 0: below zero Get and TryGet panic.
		Overflow:   strategies.Panics,
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

// A Count is a strong and a weak reference count.
type Count struct {
	strong, weak atomic.Uint64
}

// Init starts a life with one strong reference and its weak one (Arc::new).
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n strong references and their weak one; with no strong one the
// object is dead.
func (c *Count) InitAt(n int64) {
	// The weak count comes first: a stale TryGet that succeeds may be followed by Downgrade.
	c.weak.Store(1)
	c.strong.Store(uint64(n))
}

// Get takes a strong reference (Arc::clone). It panics past [Max].
func (c *Count) Get() {
	if c.strong.Add(1) > Max {
		c.badGet()
	}
}

//go:noinline
func (c *Count) badGet() {
	pastLimit("Get", c.strong.Add(^uint64(0)))
}

// pastLimit panics.
func pastLimit(op string, n uint64) {
	panic(fmt.Sprintf("arc: %s past the limit: there are %d references", op, n))
}

// TryGet takes a strong reference unless the object is dead, and reports whether it did
// (Weak::upgrade). It panics at [Max].
func (c *Count) TryGet() bool {
	for {
		n := c.strong.Load()
		if n == 0 {
			return false
		}
		if n >= Max {
			pastLimit("TryGet", n)
		}
		if c.strong.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Put drops a strong reference and reports whether it left none. Then the caller destroys
// the object and calls [Count.DropWeak].
func (c *Count) Put() bool { return c.strong.Add(^uint64(0)) == 0 }

// Kill is Put.
func (c *Count) Kill() bool { return c.strong.Add(^uint64(0)) == 0 }

// Count returns the number of strong references (Arc::strong_count). Once more were dropped
// than taken it means nothing.
func (c *Count) Count() int64 { return int64(c.strong.Load()) }

// Downgrade takes a weak reference (Arc::downgrade). The caller holds a strong one. It
// waits while another goroutine is in [Count.Unique], and panics at [Max].
func (c *Count) Downgrade() {
	for {
		n := c.weak.Load()
		if n == locked {
			runtime.Gosched()
			continue
		}
		// Without this look it came up to the value that means locked (rust-lang/rust#108706).
		if n >= Max {
			pastLimit("Downgrade", n)
		}
		if c.weak.CompareAndSwap(n, n+1) {
			return
		}
	}
}

// CloneWeak takes a weak reference (Weak::clone). The caller holds a weak one, so that the
// weak count isn't locked. It panics past [Max].
func (c *Count) CloneWeak() {
	if c.weak.Add(1) > Max {
		pastLimit("CloneWeak", c.weak.Add(^uint64(0)))
	}
}

// DropWeak drops a weak reference and reports whether it was the last of the memory, which
// may go then (the drop of Weak).
func (c *Count) DropWeak() bool { return c.weak.Add(^uint64(0)) == 0 }

// Weak returns the number of weak references, without that of the strong ones
// (Arc::weak_count). The caller holds a strong reference.
func (c *Count) Weak() int64 {
	n := c.weak.Load()
	if n == locked {
		return 0
	}
	return int64(n) - 1
}

// Unique reports whether the caller, who holds a strong reference, holds the only one and
// there is no weak one (Arc::is_unique).
func (c *Count) Unique() bool {
	if !c.weak.CompareAndSwap(1, locked) {
		return false
	}
	alone := c.strong.Load() == 1
	c.weak.Store(1)
	return alone
}

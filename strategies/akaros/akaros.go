// Package akaros is Akaros' kref (kern/include/kref.h, commit 1ed63f9f; its rules are
// Documentation/kref.txt): a count that takes several references at once and never
// drops several, that asserts when it is misused, and whose objects may come back
// from zero.
//
// # Protocol
//
// The word is a signed number of 64 bits, as Akaros' atomic_t is a long. The package
// has the kref's operations by these names:
//
//   - TryGet and TryGetN are kref_get_not_zero(kref, n): a compare-and-swap that is
//     tried only on a number other than 0.
//   - Get and GetN are kref_get(kref, n): the same, and a panic if it fails. A caller
//     that doesn't know whether the object is alive must try (pid2proc does).
//   - Resurrect is __kref_get(kref, 1): a blind addition. The dentry cache calls it under its
//     lock, when a hit may be on an entry that has no user any more. To look for
//     zero first and then choose between kref_init and kref_get would race both ways.
//   - Put is kref_put: it panics unless the number is above 0, and then subtracts 1 and
//     reports whether it left 0. Kill is Put: Akaros gives up the reference that
//     keeps a process alive with kref_put.
//
// There is no PutN. Akaros leaves it out so that a wrong number can't hide in one.
//
// Put looks in one step and subtracts in another. Who holds the reference that it drops
// can't be hurt by that: the number is above 0 as long as that reference is in it. For
// one Put too many the assertion is a net with holes:
//
//	the count is 1
//	A: Put    reads 1, which is above 0
//	B: Put    reads 1, which is above 0; it is one too many
//	A: Put    subtracts: 0, and is told to release
//	B: Put    subtracts: -1, and nobody notices
//
// From then on TryGet takes -1 for alive, as it looks only for 0.
//
// A kref has a pointer to its release function, which kref_put calls. Here Put reports,
// and the caller releases. Akaros' kref_init takes the number to begin with, as InitAt
// does.
//
// # Memory order
//
// All operations on one count are one total order, and each of them synchronizes
// before those that follow it in that order. Hence every Put synchronizes before the
// Put that reports true. On x86 Akaros' operations are locked instructions and give the
// same.
//
// Init of a dead count may run while others call TryGet through stale weak references to
// it: TryGet writes only to what isn't 0.
//
// # Limits
//
// The number wraps at 2^63-1. Akaros checks nothing there, because no path takes so many.
// From -2^63 on Get and TryGet go on counting, but Put panics: to it a number that has
// come past its limit looks like one from which too many were dropped.
//
// # Cost
//
// Eight bytes; sixteen in Akaros, with the pointer. Get is a load and a compare-and-swap,
// and so has a retry loop where Linux' refcount_inc has one addition. Put is a load
// and a subtraction.
//
// # Choices
//
// The assertions are on in every build of Akaros, and so they are here. What Akaros
// leaves open is whether a kref may be read: kref_refcnt is "for some debugging
// situations". Count is that, and exact.
package akaros

import (
	"fmt"
	"math"
	"sync/atomic"

	"github.com/refbench/refbench/strategies"
)

// Strategy is the kref of Akaros.
var Strategy = &strategies.Strategy{
	Name: "akaros",
	Doc:  "Akaros' kref: asserts, takes several at once and drops one, comes back from zero",
	Promise: strategies.Promise{
		Limit:        math.MaxInt64,
		Width:        64,
		Overflow:     strategies.Wraps,
		Underflow:    strategies.Panics,
		GetOnZero:    strategies.Panics,
		Zero:         strategies.Immediate,
		TryGet:       strategies.Exact,
		Count:        strategies.Exact,
		Resurrection: true,
		Progress:     strategies.LockFree,
		Bytes:        8,
		TypeStable:   true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// A Count is a reference count of 64 bits that panics when it is misused at zero.
type Count struct {
	refs atomic.Int64
}

// Init starts a life with one reference.
func (c *Count) Init() { c.refs.Store(1) }

// InitAt starts a life with n references.
func (c *Count) InitAt(n int64) { c.refs.Store(n) }

// addNotZero adds n unless the count is 0, and reports whether it did.
func (c *Count) addNotZero(n int64) bool {
	for {
		old := c.refs.Load()
		if old == 0 {
			return false
		}
		if c.refs.CompareAndSwap(old, old+n) {
			return true
		}
	}
}

// Get takes a reference. It panics on a dead count.
func (c *Count) Get() {
	if !c.addNotZero(1) {
		panicAt("Get", 0)
	}
}

// GetN takes n references. It panics on a dead count.
func (c *Count) GetN(n int) {
	if !c.addNotZero(int64(n)) {
		panicAt("GetN", 0)
	}
}

// TryGet takes a reference unless the count is 0, and reports whether it did.
func (c *Count) TryGet() bool { return c.addNotZero(1) }

// TryGetN takes n references unless the count is 0, and reports whether it did.
func (c *Count) TryGetN(n int) bool { return c.addNotZero(int64(n)) }

// Put drops a reference and reports whether it left none. It panics if it finds no
// reference.
func (c *Count) Put() bool {
	if n := c.refs.Load(); n <= 0 {
		panicAt("Put", n)
	}
	return c.refs.Add(-1) == 0
}

// Kill is Put.
func (c *Count) Kill() bool {
	if n := c.refs.Load(); n <= 0 {
		panicAt("Kill", n)
	}
	return c.refs.Add(-1) == 0
}

// panicAt is out of line, so that its callers stay small.
//
//go:noinline
func panicAt(op string, n int64) {
	panic(fmt.Sprintf("akaros: %s on a count of %d", op, n))
}

// Count returns the number of references: negative once it has wrapped, or when one drop
// too many slipped past the assertion.
func (c *Count) Count() int64 { return c.refs.Load() }

// Resurrect takes a reference whether or not the count is 0. The caller holds the lock
// under which a released object is freed.
func (c *Count) Resurrect() { c.refs.Add(1) }

// Package atomic is the plain atomic reference count: one word, one atomic
// instruction for each Get and Put, and no check of anything. It is the count
// under a classic kref: Akaros' kref on x86 and RISC-V (kern/include/kref.h over
// kern/arch/x86/atomic.h) and Linux' struct kref while it held an atomic_t, that
// is until Linux 4.11 gave it a refcount_t.
//
// The word has 32 bits, as Linux' atomic_t. Akaros' atomic_t is a long: the same
// algorithm with a limit that no program reaches.
//
// # Protocol
//
// The word is the number of references. Get adds 1 and looks at nothing. TryGet
// adds 1 with a compare-and-swap that it tries only on a number other than 0
// (Akaros kref_get_not_zero, Linux atomic_inc_not_zero). Put subtracts 1 and
// reports whether it left 0. Kill is Put: there is nothing to switch, as zero is
// always detected. Init of a dead count may run while others call TryGet through
// stale weak references to it: TryGet writes only to what isn't 0.
//
// Resurrect is Akaros' __kref_get: it adds 1 whether the object is alive or not.
// Here that is the same instruction as Get. It has a name of its own because it
// is a different act: its caller must hold a lock under which a released object
// is either freed or brought back.
//
// # Memory order
//
// All operations on one count are one total order, and each of them synchronizes
// before those that follow it in that order, as sync/atomic says of operations
// that observe one another. Hence every Put synchronizes before the Put that
// reports true. Linux asks for less (a relaxed Get, a releasing Put, an acquire
// after the last Put); sync/atomic has only the strong form, and on amd64 both
// are the same instruction.
//
// # Limits
//
// The number is signed and wraps: a Get at 2^31-1 makes it -2^31, and after 2^32
// references too many it is back where it was. So a path that forgets to Put, if
// it can be run 2^32 times, brings the count of a live object to 0, and the next
// pair of Get and Put frees it (CVE-2016-0728, CVE-2014-2851 and CVE-2016-4558
// are of that kind). Below zero, Put goes on subtracting without a word, and
// TryGet takes any number but 0 for life. Get on 0 makes it 1: the object is
// released a second time.
//
// # Cost
//
// Four bytes. Get and Put are one locked instruction each (LOCK XADD on amd64).
// TryGet is a load and a compare-and-swap, which is tried again as often as
// somebody else gets in between: under contention it is what grows.
package atomic

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// bits is the width of the number.
const bits = 32

// Max is the largest number of references.
const Max = math.MaxInt32

// Strategy is the plain atomic count.
var Strategy = &strategies.Strategy{
	Name: "atomic",
	Doc:  "one atomic word that wraps, as in Linux' kref before refcount_t and in Akaros",
	Promise: strategies.Promise{
		Limit:        Max,
		Width:        bits,
		Overflow:     strategies.Wraps,
		Underflow:    strategies.Wraps,
		GetOnZero:    strategies.Revives,
		Zero:         strategies.Immediate,
		TryGet:       strategies.Exact,
		Count:        strategies.Exact,
		Resurrection: true,
		Progress:     strategies.LockFree,
		Bytes:        int(unsafe.Sizeof(Count{})),
		TypeStable:   true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// A Count is a reference count of 32 bits that wraps.
type Count struct {
	refs atomic.Int32
}

// Init starts a life with one reference.
func (c *Count) Init() { c.refs.Store(1) }

// InitAt starts a life with n references, modulo 2^32.
func (c *Count) InitAt(n int64) { c.refs.Store(int32(n)) }

// Get takes a reference. It checks nothing: on a dead count it makes 0 into 1.
func (c *Count) Get() { c.refs.Add(1) }

// TryGet takes a reference unless the count is 0, and reports whether it did.
func (c *Count) TryGet() bool {
	for {
		n := c.refs.Load()
		if n == 0 {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Put drops a reference and reports whether it left none.
func (c *Count) Put() bool { return c.refs.Add(-1) == 0 }

// Kill is Put.
func (c *Count) Kill() bool { return c.refs.Add(-1) == 0 }

// GetN takes n references.
func (c *Count) GetN(n int) { c.refs.Add(int32(n)) }

// TryGetN takes n references unless the count is 0, and reports whether it did.
func (c *Count) TryGetN(n int) bool {
	for {
		old := c.refs.Load()
		if old == 0 {
			return false
		}
		if c.refs.CompareAndSwap(old, old+int32(n)) {
			return true
		}
	}
}

// PutN drops n references and reports whether it left none. Akaros has no such
// operation, so that a wrong n can't hide in one; Linux has
// (atomic_sub_and_test).
func (c *Count) PutN(n int) bool { return c.refs.Add(-int32(n)) == 0 }

// Count returns the number of references: negative once it has wrapped or more
// were dropped than taken.
func (c *Count) Count() int64 { return int64(c.refs.Load()) }

// Resurrect takes a reference whether or not the count is 0. The caller holds
// the lock under which a released object is freed.
func (c *Count) Resurrect() { c.refs.Add(1) }

// Drop drops a reference that the caller knows not to be the last (Linux
// atomic_dec). It checks nothing: if it was the last, nobody is told.
func (c *Count) Drop() { c.refs.Add(-1) }

// PutIfOne drops the reference if it is the only one, and reports whether it
// did.
func (c *Count) PutIfOne() bool { return c.refs.CompareAndSwap(1, 0) }

// PutUnlessOne drops the reference if it isn't the only one, and reports whether
// it did (Linux atomic_add_unless(v, -1, 1)).
func (c *Count) PutUnlessOne() bool {
	for {
		n := c.refs.Load()
		if n == 1 {
			return false
		}
		if c.refs.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

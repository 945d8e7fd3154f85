// Package fileref is Linux' file_ref_t (include/linux/file_ref.h since Linux 6.13, commit
// 08ef26ea9ab3): the count of package rcuref with 64 bits, for objects whose memory is used
// again at once for others of the same type, as that of open files is.
//
// # Protocol
//
// The word has 64 bits and holds the number of references less one:
//
//	hex  0000000000000000 .. 7fffffffffffffff   1 .. 2^63 references
//	     8000000000000000 .. bfffffffffffffff   saturated; Put sets a000000000000000, the middle
//	     c000000000000000 .. fffffffffffffffe   dead; the last Put sets e000000000000000
//	     ffffffffffffffff                       no reference: the last was dropped, and the
//	                                            count isn't dead yet
//
// Get and TryGet add 1, and take no reference if that leaves a negative number. That is
// all: they don't restore the middle of the dead zone. A TryGet through a stale pointer may
// meet memory that has become another file since it added, and would kill it:
//
//	A: TryGet  adds to a dead count: it is dead by one more
//	B: Init    sets 0: a new file with one reference
//	A: TryGet  must not write again. It fails, or if B was first it has one of the new file
//
// So a dead count moves up by one with each TryGet that fails, and after 2^61 of them it
// would be alive. That is the price. The planted bug filerefreset is a TryGet that
// restores. Put and Kill are those of package rcuref, with what is said there of a Put
// between its two steps and of one too many.
//
// # Memory order
//
// All operations on one count are one total order, and each of them synchronizes before
// those that follow it: Linux' file_ref_get is fully ordered too, because a reader must look
// again, after it, whether the file is still the one that it looked up. All Puts
// synchronize before the Put that reports true: see package rcuref.
//
// # Limits
//
// The promise ends at 2^63-1 references, which is what InitAt can say. The word counts one
// more, and then saturates: TryGet takes one and says that it didn't, and Put restores the
// middle. No path comes there.
//
// The memory of a released object must stay a count, be it another's, until those who
// were in Put have returned. Linux calls file_ref_put with preemption off and gives whole
// pages of files back after a grace period. One that comes late to its second step finds
// the new life; if that has lost its last reference too, it may be told of that instead of
// who dropped it, and again exactly one is told.
//
// # Cost
//
// Eight bytes, and a pointer to the monitor. Get, TryGet and Put are one locked instruction
// each, the last Put two.
//
// # Choices
//
// As in package rcuref: Get on a dead count, whose caller can't be told, is reported to the
// monitor, and Count is exact at rest only (file_ref_read).
package fileref

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// The zones of the word, which is unsigned here.
const (
	saturated = 0xa000000000000000
	released  = 0xc000000000000000
	dead      = 0xe000000000000000
	noref     = 0xffffffffffffffff
)

// Strategy is the count for memory that is used again.
var Strategy = &strategies.Strategy{
	Name: "fileref",
	Doc:  "rcuref of 64 bits for recycled memory: a TryGet that fails leaves the dead zone alone (Linux file_ref_t)",
	Promise: strategies.Promise{
		// Width 0: past the limit nothing is promised.
		Limit:       math.MaxInt64,
		Overflow:    strategies.Wraps,
		Underflow:   strategies.Refuses,
		Stray:       strategies.LastLost,
		GetOnZero:   strategies.Refuses,
		Zero:        strategies.Immediate,
		TryGet:      strategies.Exact,
		Count:       strategies.Approximate,
		Progress:    strategies.WaitFree,
		Bytes:       int(unsafe.Sizeof(Count{})),
		GracePeriod: true,
		TypeStable:  true,
	},
	New: func() strategies.Counter { return new(Count) },
}

// A Count is a reference count of 64 bits, less one.
type Count struct {
	refs    atomic.Int64
	monitor *strategies.Monitor
}

// Monitor makes the count report misuse to m. It is called before Init.
func (c *Count) Monitor(m *strategies.Monitor) { c.monitor = m }

// Init starts a life with one reference (file_ref_init). Others may call TryGet meanwhile.
func (c *Count) Init() { c.refs.Store(0) }

// InitAt starts a life with n references, at least 1.
func (c *Count) InitAt(n int64) { c.refs.Store(n - 1) }

// Get takes a reference. It takes none of a dead count, and reports that.
func (c *Count) Get() {
	if c.refs.Add(1) < 0 {
		c.badGet()
	}
}

//go:noinline
func (c *Count) badGet() { c.monitor.Report(strategies.GetAfterFree) }

// TryGet takes a reference unless the count is dead, and reports whether it did
// (file_ref_get).
func (c *Count) TryGet() bool { return c.refs.Add(1) >= 0 }

// Put drops a reference and reports whether it was the last (file_ref_put).
func (c *Count) Put() bool {
	n := c.refs.Add(-1)
	return n < 0 && c.lastOrBadPut(n)
}

// Kill is Put.
func (c *Count) Kill() bool {
	n := c.refs.Add(-1)
	return n < 0 && c.lastOrBadPut(n)
}

// lastOrBadPut is the rest of a Put that left n.
//
//go:noinline
func (c *Count) lastOrBadPut(left int64) bool {
	n := uint64(left)
	none, gone, stuck := uint64(noref), uint64(dead), uint64(saturated)
	if n == none {
		return c.refs.CompareAndSwap(int64(none), int64(gone))
	}
	if n >= released {
		c.refs.Store(int64(gone))
	} else {
		c.refs.Store(int64(stuck))
	}
	c.monitor.Report(strategies.PutAfterFree)
	return false
}

// Count returns the number of references (file_ref_read): 0 of a dead count. While others
// count it may be off.
func (c *Count) Count() int64 {
	n := c.refs.Load()
	if uint64(n) >= released {
		return 0
	}
	return n + 1
}

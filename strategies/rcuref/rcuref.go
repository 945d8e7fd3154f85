// Package rcuref is Linux' rcuref_t (include/linux/rcuref.h and lib/rcuref.c since Linux
// 6.4, commit ee1ee6db0779, with the correction b9a49520679e): a count whose Get, TryGet and
// Put are one unconditional addition each. Only the last Put needs a second step, a
// compare-and-swap. So where refcount_inc_not_zero goes round its loop as often as others
// get in between, this TryGet never does.
//
// # Protocol
//
// The word has 32 bits and holds the number of references less one. Its upper half says
// what the sign bit alone is looked at for:
//
//	hex  00000000 .. 7fffffff   1 .. 2^31 references
//	     80000000 .. bfffffff   saturated; it is set to a0000000, the middle
//	     c0000000 .. fffffffe   dead; it is set to e0000000, the middle
//	     ffffffff               no reference: the last was dropped, and the count isn't dead yet
//
// Get and TryGet add 1. If that leaves a negative number they look again: at a dead count
// they restore e0000000 and fail, and at a saturated one restore a0000000. From ffffffff the
// addition leaves 0, which is a reference.
//
// Put subtracts 1. If that leaves ffffffff, it was the last, unless somebody has taken one
// meanwhile, and only who puts e0000000 there in place of ffffffff is told:
//
//	the word is 0: 1 reference
//	A: Put     subtracts: ffffffff, no reference
//	B: TryGet  adds: 0. It has one
//	A: Put     finds 0 instead of ffffffff: false
//	B: Put     subtracts: ffffffff; puts e0000000 there: true
//
// If A comes late, so that it finds the ffffffff that B has left, A is told and B isn't. That
// is right as well: both have dropped theirs. Kill is Put.
//
// What A found must be what its own subtraction left. Until b9a49520679e Put read the word
// again: in the order above, with B ahead of A's look, A found e0000000 and took itself
// for one Put too many. That is the planted bug rcurefreread.
//
// A Put too many finds a dead count, warns, and restores e0000000. But if it comes while the
// last one is between its two steps, nobody is told:
//
//	the word is 0: 1 reference
//	A: Put     subtracts: ffffffff
//	B: Put     subtracts: fffffffe. It is one too many
//	A: Put     finds fffffffe instead of ffffffff: false
//	B: Put     sets e0000000: false
//
// The count is dead and the object leaks. Until B has set e0000000 two TryGets can bring
// the word back to 0 and succeed; their references are gone when B goes on. That is what
// the promise says by "stray lastlost": nobody is ever told twice, and where no drop
// is too many, or none meets the last, exactly one is told.
//
// # Memory order
//
// All operations on one count are one total order, and each of them synchronizes before
// those that follow it. The Put that reports true has replaced the ffffffff of the
// last subtraction, and every other Put subtracted before: so each of them synchronizes
// before it. Linux asks for a relaxed Get, and for release and acquire of Put.
//
// # Limits
//
// At most 2^31 references. Past them an operation adds first and sets a0000000 in a second
// step, if the number hasn't come back by then: see package saturating for how far apart
// the two may be. Each zone is 2^30 wide, so 2^29 operations in between their steps at once
// would lead out of its middle.
//
// The memory of a released object must stay a count until those who were in Put have
// returned: one whose compare-and-swap is still to come may be late. Linux calls
// rcuref_put with preemption off and frees after a grace period. And a late TryGet sets
// e0000000, so that no new life may begin in the same memory before it has returned:
//
//	A: TryGet  adds to a dead count: e0000001, and is about to restore
//	B: Init    sets 0: a new life with one reference
//	A: TryGet  sets e0000000: the new life is dead
//
// (A looks again before, but it may stop between that look and the store.) Package fileref
// is for such memory.
//
// # Cost
//
// Four bytes for the number, and a pointer to the monitor: Linux' warnings go to the
// kernel's log. Get, TryGet and Put are one locked instruction and a branch that isn't
// taken; the last Put takes two.
//
// # Choices
//
// rcuref_get is used both by who holds a reference and by who doesn't, and returns whether
// it took one. TryGet is that; Get is the same for who holds one, and as its caller can't
// be told, a dead count is reported to the monitor. Linux warns of a reference past the
// limit and of a Put too many. Of a Put on a saturated count it says nothing; here that is
// reported too, as the contract has it. rcuref_read may show a number past the limit
// between two steps, and 0 for a count that a TryGet will still bring back. So Count is
// exact at rest only.
package rcuref

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// Max is the largest number of references (RCUREF_MAXREF + 1).
const Max = 1 << 31

// The zones of the word, which is unsigned here.
const (
	maxref    = 0x7fffffff
	saturated = 0xa0000000
	released  = 0xc0000000
	dead      = 0xe0000000
	noref     = 0xffffffff
)

// Strategy is the count with one addition on both paths.
var Strategy = &strategies.Strategy{
	Name: "rcuref",
	Doc:  "one addition to take and to drop, a dead zone, and a second step for the last drop alone (Linux rcuref_t)",
	Promise: strategies.Promise{
		Limit:       Max,
		Width:       32,
		Overflow:    strategies.Saturates,
		Underflow:   strategies.Refuses,
		Stray:       strategies.LastLost,
		GetOnZero:   strategies.Refuses,
		Zero:        strategies.Immediate,
		TryGet:      strategies.Exact,
		Count:       strategies.Approximate,
		Progress:    strategies.WaitFree,
		Bytes:       int(unsafe.Sizeof(Count{})),
		GracePeriod: true,
	},
	New: func() strategies.Counter { return new(Count) },
}

// A Count is a reference count of 32 bits, less one.
type Count struct {
	// refs is an int32 for sync/atomic's functions, which cost less than its methods when
	// the compiler decides what to inline.
	refs    int32
	monitor *strategies.Monitor
}

// Monitor makes the count report misuse to m. It is called before Init.
func (c *Count) Monitor(m *strategies.Monitor) { c.monitor = m }

// Init starts a life with one reference (rcuref_init). Nobody may use the count meanwhile,
// not even by TryGet.
func (c *Count) Init() { atomic.StoreInt32(&c.refs, 0) }

// InitAt starts a life with n references, from 1 to [Max].
func (c *Count) InitAt(n int64) { atomic.StoreInt32(&c.refs, int32(n-1)) }

func (c *Count) load() uint32 { return uint32(atomic.LoadInt32(&c.refs)) }

func (c *Count) store(zone uint32) { atomic.StoreInt32(&c.refs, int32(zone)) }

// Get takes a reference. It takes none of a dead count, and reports that.
func (c *Count) Get() {
	if atomic.AddInt32(&c.refs, 1) < 0 {
		c.badGet()
	}
}

//go:noinline
func (c *Count) badGet() {
	if !c.correct(strategies.GetOverflow) {
		c.monitor.Report(strategies.GetAfterFree)
	}
}

// TryGet takes a reference unless the count is dead, and reports whether it did
// (rcuref_get). It saturates past [Max], and reports true there and on a saturated count.
func (c *Count) TryGet() bool {
	return atomic.AddInt32(&c.refs, 1) >= 0 || c.correct(strategies.TryGetOverflow)
}

// correct brings a negative number back to the middle of its zone after one was added to
// it, and reports whether the reference counts (rcuref_get_slowpath).
//
//go:noinline
func (c *Count) correct(overflow strategies.Misuse) bool {
	switch n := c.load(); {
	case n >= released:
		c.store(dead)
		return false
	case n > maxref:
		c.store(saturated)
		c.monitor.Report(overflow)
	}
	return true // Others have dropped theirs meanwhile.
}

// Put drops a reference and reports whether it was the last (rcuref_put).
func (c *Count) Put() bool {
	n := atomic.AddInt32(&c.refs, -1)
	return n < 0 && c.lastOrBadPut(uint32(n))
}

// Kill is Put.
func (c *Count) Kill() bool {
	n := atomic.AddInt32(&c.refs, -1)
	return n < 0 && c.lastOrBadPut(uint32(n))
}

// lastOrBadPut is the rest of a Put that left n (rcuref_put_slowpath). It doesn't look again:
// see the package doc.
//
//go:noinline
func (c *Count) lastOrBadPut(n uint32) bool {
	if n == noref {
		none, gone := uint32(noref), uint32(dead)
		return atomic.CompareAndSwapInt32(&c.refs, int32(none), int32(gone))
	}
	if n >= released {
		c.store(dead)
	} else {
		c.store(saturated)
	}
	c.monitor.Report(strategies.PutAfterFree)
	return false
}

// Count returns the number of references, and one past [Max] of a saturated count
// (rcuref_read). While others count it may be off.
func (c *Count) Count() int64 {
	n := c.load()
	if n >= released {
		return 0
	}
	return int64(n) + 1
}

// Package saturating is Linux' refcount_t: an atomic count that sticks at a
// value far from zero when it is misused, so that a bug leaks an object instead
// of freeing it too early. The semantics are those of include/linux/refcount.h
// and lib/refcount.c since Linux 5.5 (commit dcb786493f3e made the checks cheap
// enough to be the only variant), with the *_acquire operations of 2025.
//
// # Protocol
//
// The word is signed, has 32 bits, and its range is divided so:
//
//	         dead                                  saturated
//	          v                                        v
//	          0  1 ............... 2^31-1 | -2^31 .. -2^30 ... -1
//	          |  <-- the number of refs -->| <------- bad ------>
//	hex  00000000  00000001   7fffffff     80000000  c0000000 ffffffff
//
// Get and Put add first and look afterwards at what was there. If it shows
// misuse they store the saturation value, -2^30, and report to the [Monitor] of
// the count. -2^30 lies in the middle of the bad half, so that operations that
// have added and not yet looked can't leave that half in either direction. A
// saturated count is never dead: TryGet succeeds, Put never reports the last
// reference, and each of them stores the saturation value again.
//
// What every operation does to every value at a boundary is the table in
// saturating_test.go.
//
// Kill is Put. Init of a dead count may run while others call TryGet through stale
// weak references to it: TryGet writes only to what isn't 0.
//
// Two operations of Linux behave in ways that its documentation doesn't say.
// They are kept, because a strategy that claims to be refcount_t must be it:
//
//   - refcount_inc_not_zero_acquire ([Count.TryGetAcquire]) is made from an
//     operation with a limit, INT_MAX. It returns false at the limit and on each
//     saturated value, without a warning, where refcount_inc_not_zero returns
//     true, saturates and warns. To those who use the one a saturated object is
//     alive for ever; to those who use the other it is dead.
//   - refcount_dec_not_one ([Count.PutUnlessOne]) knows only the saturation value
//     itself. On -2^31, which is seen only between another's addition and its
//     correction, it counts down to 2^31-1, a good value. The other's
//     correction repairs that when it comes.
//
// # Memory order
//
// All operations on one count are one total order, and each synchronizes before
// those that follow it, since sync/atomic knows no weaker form. Hence every Put
// synchronizes before the Put that reports true. Linux asks for less: nothing
// from Get, release from Put, acquire from the last Put and from *_acquire. So
// here Acquire in a name chooses the limit, not the order.
//
// # Limits
//
// At most 2^31-1 references are counted. Near that limit an operation isn't one
// step: it adds first, and sets in a second step. Others see the value between,
// and the order of the steps matters:
//
//	the count is 2^31-1
//	A: Get    adds 1: -2^31; sees that 2^31-1 was there; is about to set
//	B: Count  reads -2^31: no number of references, and not the saturation value
//	C: Put    subtracts 1: 2^31-1; sees that -2^31 was there; is about to set
//	D: Count  reads 2^31-1, as if nothing had happened
//	A, C:     set -2^30
//
// Until the first of them sets, the count is good again, though it has been past
// the limit. If it went from there down to 0 by 2^31-1 Puts, the object would be
// freed although A took a reference that nobody counted.
//
// Whoever wants to cross the bad half must do so while somebody stands between
// its two steps, and each goroutine can contribute only as many steps as it
// has operations under way. From the saturation value the nearest end of the
// bad half is 2^30 away in both directions. Linux divides: 2^30 steps among at
// most 2^22 threads (PID_MAX_LIMIT) is 2^8, so each thread of the largest system
// would have to stand 256 times nested between its two steps. A program of Go
// would need 2^30 goroutines in that place: at 2 KiB a stack, 2 TiB. From the
// limit itself the distance is 1, so that a count that has just overflowed can
// be brought back by one Put before it sticks; the Get that overflowed it then
// saturates it all the same.
//
// So a history of operations across the limit isn't linearizable; below it, each
// operation is one step.
//
// # Cost
//
// Four bytes for the number, and a pointer to the monitor, which Linux doesn't
// need because its warnings go to the kernel's log: 16 bytes with alignment on a
// 64-bit machine. Get and Put are one locked instruction, a comparison and a
// branch that isn't taken; they inline. TryGet is a compare-and-swap loop, and one
// call.
package saturating

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// bits is the width of the number.
const bits = 32

// Max is the largest number of references (REFCOUNT_MAX).
const Max = math.MaxInt32

// Saturated is what the count sticks at (REFCOUNT_SATURATED): the middle of the
// bad half, 2^30 steps from either end.
const Saturated = math.MinInt32 / 2

// Strategy is the saturating count.
var Strategy = &strategies.Strategy{
	Name: "saturating",
	Doc:  "an atomic word that sticks when misused and reports it, as Linux' refcount_t",
	Promise: strategies.Promise{
		Limit:        Max,
		Width:        bits,
		Overflow:     strategies.Saturates,
		Underflow:    strategies.Saturates,
		GetOnZero:    strategies.Saturates,
		PutUnlessOne: strategies.Refuses,
		Zero:         strategies.Immediate,
		TryGet:       strategies.Exact,
		Count:        strategies.Exact,
		Progress:     strategies.LockFree,
		Bytes:        int(unsafe.Sizeof(Count{})),
		TypeStable:   true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// A Count is a reference count of 32 bits that saturates.
type Count struct {
	// refs is an int32 for sync/atomic's functions, not an atomic.Int32,
	// whose methods count for more when the compiler decides what to
	// inline: Get and Put must still be inlined by what wraps them.
	refs    int32
	monitor *strategies.Monitor
}

// Monitor makes the count report misuse to m. It is called before Init.
func (c *Count) Monitor(m *strategies.Monitor) { c.monitor = m }

// Init starts a life with one reference.
func (c *Count) Init() { atomic.StoreInt32(&c.refs, 1) }

// InitAt sets the count to n, modulo 2^32, whatever n means (refcount_set).
func (c *Count) InitAt(n int64) { atomic.StoreInt32(&c.refs, int32(n)) }

// Count returns the number of references: 0 is dead, a negative number
// saturated or about to be (refcount_read, which returns it unsigned).
func (c *Count) Count() int64 { return int64(atomic.LoadInt32(&c.refs)) }

// saturate is out of line, so that the callers, who almost never call it, inline.
//
//go:noinline
func (c *Count) saturate(m strategies.Misuse) {
	atomic.StoreInt32(&c.refs, Saturated)
	c.monitor.Report(m)
}

// Get takes a reference (refcount_inc). On a dead count, and past [Max], it
// saturates.
func (c *Count) Get() {
	// One comparison finds all misuse: 1 comes from 0, a negative number
	// from Max or from the bad half, and 0 from -1.
	if n := atomic.AddInt32(&c.refs, 1); n <= 1 {
		c.badGet(n)
	}
}

//go:noinline
func (c *Count) badGet(n int32) {
	if n == 1 {
		c.saturate(strategies.GetAfterFree)
	} else {
		c.saturate(strategies.GetOverflow)
	}
}

// GetN takes n references (refcount_add).
func (c *Count) GetN(n int) {
	d := clamp(n)
	now := atomic.AddInt32(&c.refs, d)
	switch old := now - d; {
	case old == 0:
		c.saturate(strategies.GetAfterFree)
	case old < 0 || now < 0:
		c.saturate(strategies.GetOverflow)
	}
}

// clamp makes n fit the word. From any count but 0, which is looked at first,
// both n > Max and Max overflow, so nothing else changes.
func clamp(n int) int32 {
	if int64(n) > Max {
		return Max
	}
	return int32(n)
}

// TryGet takes a reference unless the count is dead, and reports whether it did
// (refcount_inc_not_zero). It saturates past [Max], and reports true there and on
// a saturated count.
func (c *Count) TryGet() bool {
	for {
		old := atomic.LoadInt32(&c.refs)
		if old == 0 {
			return false
		}
		if atomic.CompareAndSwapInt32(&c.refs, old, old+1) {
			return old > 0 && old < Max || c.badTryGet()
		}
	}
}

//go:noinline
func (c *Count) badTryGet() bool {
	c.saturate(strategies.TryGetOverflow)
	return true
}

// TryGetN takes n references unless the count is dead, and reports whether it
// did (refcount_add_not_zero).
func (c *Count) TryGetN(n int) bool {
	d := clamp(n)
	for {
		old := atomic.LoadInt32(&c.refs)
		if old == 0 {
			return false
		}
		if atomic.CompareAndSwapInt32(&c.refs, old, old+d) {
			if old < 0 || old+d < 0 {
				c.saturate(strategies.TryGetOverflow)
			}
			return true
		}
	}
}

// TryGetAcquire is refcount_inc_not_zero_acquire: TryGet that, at [Max] and on a
// saturated count, changes nothing, warns of nothing and reports false.
func (c *Count) TryGetAcquire() bool { return c.TryGetNAcquire(1) }

// TryGetNAcquire is refcount_add_not_zero_acquire: TryGetN that fails rather than
// pass [Max], and fails on a saturated count.
func (c *Count) TryGetNAcquire(n int) bool {
	const limit int32 = Max
	d := clamp(n)
	for {
		old := atomic.LoadInt32(&c.refs)
		if old == 0 {
			return false
		}
		// For a negative old the difference wraps, to a negative number:
		// that alone makes saturated counts fail.
		if d > limit-old {
			return false
		}
		if atomic.CompareAndSwapInt32(&c.refs, old, old+d) {
			return true
		}
	}
}

// Put drops a reference and reports whether it was the last
// (refcount_dec_and_test). On a dead or saturated count it saturates and reports
// false.
func (c *Count) Put() bool {
	// The last drop shares the branch of misuse: it happens once in a life,
	// and one comparison is what still lets Put be inlined.
	old := atomic.AddInt32(&c.refs, -1) + 1
	return old <= 1 && c.lastOrBadPut(old)
}

//go:noinline
func (c *Count) lastOrBadPut(old int32) bool {
	if old == 1 {
		return true
	}
	c.saturate(strategies.PutAfterFree)
	return false
}

// Kill is Put.
func (c *Count) Kill() bool {
	old := atomic.AddInt32(&c.refs, -1) + 1
	return old <= 1 && c.lastOrBadPut(old)
}

// PutN drops n references and reports whether they were the last
// (refcount_sub_and_test). If there are fewer it saturates and reports false.
func (c *Count) PutN(n int) bool {
	if int64(n) > Max {
		c.saturate(strategies.PutAfterFree)
		return false
	}
	d := int32(n)
	now := atomic.AddInt32(&c.refs, -d)
	old := now + d
	if old > 0 && now == 0 {
		return true
	}
	if old <= 0 || now < 0 {
		c.saturate(strategies.PutAfterFree)
	}
	return false
}

// Drop drops a reference that the caller knows not to be the last
// (refcount_dec). If it was, or the count was dead or saturated, it saturates.
func (c *Count) Drop() {
	if old := atomic.AddInt32(&c.refs, -1) + 1; old <= 1 {
		c.saturate(strategies.DropToZero)
	}
}

// PutIfOne drops the reference if it is the only one, and reports whether it did
// (refcount_dec_if_one).
func (c *Count) PutIfOne() bool { return atomic.CompareAndSwapInt32(&c.refs, 1, 0) }

// PutUnlessOne drops the reference if it isn't the only one, and reports false
// if it is (refcount_dec_not_one). On a saturated count it reports true and
// changes nothing; on a dead one it also reports to the monitor.
func (c *Count) PutUnlessOne() bool {
	for {
		old := atomic.LoadInt32(&c.refs)
		switch old {
		case Saturated:
			return true
		case 1:
			return false
		case 0:
			c.monitor.Report(strategies.PutAfterFree)
			return true
		}
		// old may be any other bad value: see the package doc.
		if atomic.CompareAndSwapInt32(&c.refs, old, old-1) {
			return true
		}
	}
}

// PutAndLock drops a reference. If it is the last it does so with l locked,
// leaves l locked, and reports true (refcount_dec_and_mutex_lock).
func (c *Count) PutAndLock(l sync.Locker) bool {
	if c.PutUnlessOne() {
		return false
	}
	l.Lock()
	// While l was being locked somebody who held it may have found the
	// object and taken a reference.
	if !c.Put() {
		l.Unlock()
		return false
	}
	return true
}

// Package freebsd is FreeBSD's refcount(9) (sys/sys/refcount.h): an atomic count whose
// upper bit means saturated. It counts under vnodes, files and credentials.
//
// # Protocol
//
//	bit 31       saturated
//	bits 30..0   the number of references: 0 dead, up to 2^31-1
//
//	number   00000000  00000001 .. 7fffffff | 80000000 .. c0000000 .. ffffffff
//	           dead     <----- refs ------> | <-------- saturated -------->
//
// Get and Put add first and look afterwards at what was there. If that had bit 31, or if
// Put found too little, they store the saturation value, 3*2^30, which lies in the middle
// of the saturated half. A saturated count never dies: Put on it reports false, and TryGet
// reports true without counting.
//
// That is Linux' refcount_t (package saturating) but for this:
//
//   - Get doesn't look for zero: it revives. vhold counts on that: it takes a vnode from
//     the free list by the same addition as any other reference (vfs_subr.c).
//   - The Get that passes the limit doesn't store. It leaves 2^31, which is saturated
//     already, and who comes next finds bit 31 and moves it to the middle.
//   - TryGet (refcount_acquire_if_not_zero) doesn't write to a saturated count.
//   - There are conditions on a number: [Count.GetChecked], [Count.GetIfMore] and
//     [Count.PutIfMore].
//
// Kill is Put. Init of a dead count may run while others call TryGet through stale weak
// references to it: TryGet writes only to what isn't 0.
//
// # Memory order
//
// All operations on one count are one total order, and each synchronizes before those
// that follow it, since sync/atomic knows no weaker form. Hence every Put synchronizes
// before the Put that reports true. FreeBSD asks for less: nothing from Get, a release
// fence before the subtraction of Put, an acquire fence after the last one.
//
// # Limits
//
// At most 2^31-1 references are counted. Near the limit an operation isn't one step, as in
// package saturating, which shows how: between an addition and the store that corrects it
// others may see a number that has come back. 2^30 operations have to be between these two
// steps for a count to leave the saturated half; at the limit itself it takes two:
//
//	the count is 2^31-1
//	A: Get   adds 1: 2^31, saturated
//	B: Put   subtracts 1: 2^31-1; sees that 2^31 was there; is about to store
//	C: Put   subtracts 1: 2^31-2, as if nothing had happened
//	B:       stores 3*2^30
//
// # Cost
//
// Four bytes for the number, and a pointer to the monitor: 16 bytes with alignment on a
// 64-bit machine. Get and Put are one locked instruction, a comparison and a branch that
// isn't taken; they inline. TryGet is a compare-and-swap loop.
//
// # What the source leaves open
//
// A kernel with INVARIANTS panics where a count is found saturated or is dropped too
// often, another one says nothing. Here the monitor is told, and also of the Get and TryGet
// that pass the limit and of a TryGet of a saturated count, of which FreeBSD says nothing
// in either kind.
//
// refcount_release_if_not_last reports false on a dead and on a saturated count, as if
// the reference were the only one. PutUnlessOne must not: it reports true there, and leaves
// the count alone. PutIfMore(1) has FreeBSD's answer.
package freebsd

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// bits is the width of the word.
const bits = 32

// Max is the largest number of references.
const Max = math.MaxInt32

// Saturated is what the count sticks at (REFCOUNT_SATURATION_VALUE, 3U << 30), as a signed
// number: so the saturated half is below zero.
const Saturated = -1 << (bits - 2)

// Strategy is FreeBSD's count.
var Strategy = &strategies.Strategy{
	Name: "freebsd",
	Doc:  "an atomic word whose upper bit is sticky and that Get revives, as FreeBSD's refcount(9)",
	Promise: strategies.Promise{
		Limit: Max,
		// Width is 0: a GetN of more than the limit revives a dead count too, and
		// saturates it at once.
		Overflow:     strategies.Saturates,
		Underflow:    strategies.Saturates,
		GetOnZero:    strategies.Revives,
		PutUnlessOne: strategies.Refuses,
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

// A Count is a reference count whose upper bit means saturated.
type Count struct {
	// refs is an int32 for sync/atomic's functions, so that Get and Put inline: see
	// saturating.Count.
	refs    int32
	monitor *strategies.Monitor
}

// Monitor makes the count report misuse to m. It is called before Init.
func (c *Count) Monitor(m *strategies.Monitor) { c.monitor = m }

// Init starts a life with one reference.
func (c *Count) Init() { atomic.StoreInt32(&c.refs, 1) }

// InitAt sets the count to n, modulo 2^32, whatever n means (refcount_init).
func (c *Count) InitAt(n int64) { atomic.StoreInt32(&c.refs, int32(n)) }

// Count returns the number of references: 0 is dead, a negative number saturated
// (refcount_load, which returns it unsigned).
func (c *Count) Count() int64 { return int64(atomic.LoadInt32(&c.refs)) }

// Get takes a reference (refcount_acquire). On a dead count it makes 0 into 1. Past [Max]
// it saturates.
func (c *Count) Get() {
	// The sum is negative for each old number that is misuse but -1, whose sum is 0:
	// no other's is.
	if now := atomic.AddInt32(&c.refs, 1); now <= 0 {
		c.badGet(now - 1)
	}
}

//go:noinline
func (c *Count) badGet(old int32) {
	if old < 0 {
		atomic.StoreInt32(&c.refs, Saturated)
	}
	c.monitor.Report(strategies.GetOverflow)
}

// Resurrect is Get: it takes a reference whether or not the count is 0. The caller holds
// the lock under which a released object is freed (vhold under the vnode's interlock).
func (c *Count) Resurrect() {
	if now := atomic.AddInt32(&c.refs, 1); now <= 0 {
		c.badGet(now - 1)
	}
}

// GetN takes n references (refcount_acquiren, which wants n below 3*2^29).
func (c *Count) GetN(n int) {
	d := clamp(n)
	now := atomic.AddInt32(&c.refs, d)
	if old := now - d; old < 0 || now < 0 {
		c.badGet(old)
	}
}

// clamp makes n fit the word. From any number but 0 both n > Max and Max saturate, and
// don't come round.
func clamp(n int) int32 {
	if int64(n) > Max {
		return Max
	}
	return int32(n)
}

// TryGet takes a reference unless the count is dead, and reports whether it did
// (refcount_acquire_if_not_zero). Past [Max] it saturates and reports true, and on a
// saturated count it reports true and changes nothing.
func (c *Count) TryGet() bool { return c.TryGetN(1) }

// TryGetN takes n references unless the count is dead, and reports whether it did.
func (c *Count) TryGetN(n int) bool {
	d := clamp(n)
	for {
		old := atomic.LoadInt32(&c.refs)
		if old == 0 {
			return false
		}
		if old < 0 || atomic.CompareAndSwapInt32(&c.refs, old, old+d) {
			if old < 0 || old+d < 0 {
				c.monitor.Report(strategies.TryGetOverflow)
			}
			return true
		}
	}
}

// GetChecked takes a reference unless the count is at [Max] or saturated, and reports
// whether it did (refcount_acquire_checked). The caller holds one; like Get it revives a
// dead count.
func (c *Count) GetChecked() bool {
	for {
		old := atomic.LoadInt32(&c.refs)
		// -1 is saturated, and one more is 0 and isn't. FreeBSD lets that pass.
		if old+1 < 0 {
			return false
		}
		if atomic.CompareAndSwapInt32(&c.refs, old, old+1) {
			return true
		}
	}
}

// GetIfMore takes a reference if there are more than n, and reports whether there are
// (refcount_acquire_if_gt). A saturated count has more than any n up to [Max], and isn't
// changed.
func (c *Count) GetIfMore(n int) bool {
	for {
		old := atomic.LoadInt32(&c.refs)
		switch {
		case old >= 0 && int(old) <= n:
			return false
		case old < 0:
			return true
		}
		if atomic.CompareAndSwapInt32(&c.refs, old, old+1) {
			return true
		}
	}
}

// Put drops a reference and reports whether it was the last (refcount_release). On a dead
// or saturated count it saturates and reports false.
func (c *Count) Put() bool {
	// The last drop shares the branch of misuse, as in saturating.Count.
	old := atomic.AddInt32(&c.refs, -1) + 1
	return old <= 1 && c.lastOrBadPut(old)
}

//go:noinline
func (c *Count) lastOrBadPut(old int32) bool {
	if old == 1 {
		return true
	}
	c.badPut()
	return false
}

func (c *Count) badPut() {
	atomic.StoreInt32(&c.refs, Saturated)
	c.monitor.Report(strategies.PutAfterFree)
}

// Kill is Put.
func (c *Count) Kill() bool {
	old := atomic.AddInt32(&c.refs, -1) + 1
	return old <= 1 && c.lastOrBadPut(old)
}

// PutN drops n references and reports whether they were the last (refcount_releasen). If
// there are fewer it saturates and reports false.
func (c *Count) PutN(n int) bool {
	if int64(n) > Max {
		c.badPut()
		return false
	}
	d := int32(n)
	switch old := atomic.AddInt32(&c.refs, -d) + d; {
	case old < d: // a saturated number is below zero
		c.badPut()
		return false
	case old > d:
		return false
	}
	return true
}

// PutIfOne drops the reference if it is the only one, and reports whether it did
// (refcount_release_if_last).
func (c *Count) PutIfOne() bool { return atomic.CompareAndSwapInt32(&c.refs, 1, 0) }

// PutUnlessOne drops the reference if it isn't the only one, and reports false if it is.
// On a saturated or dead count it reports true and changes nothing; on a dead one it also
// reports to the monitor.
func (c *Count) PutUnlessOne() bool {
	for {
		old := atomic.LoadInt32(&c.refs)
		switch {
		case old < 0:
			return true
		case old == 1:
			return false
		case old == 0:
			c.monitor.Report(strategies.PutAfterFree)
			return true
		}
		if atomic.CompareAndSwapInt32(&c.refs, old, old-1) {
			return true
		}
	}
}

// PutIfMore drops a reference if there are more than n, which is at least 1, and reports
// whether it did (refcount_release_if_gt). It reports false on a saturated count.
func (c *Count) PutIfMore(n int) bool {
	for {
		old := atomic.LoadInt32(&c.refs)
		if old < 0 || int(old) <= n {
			return false
		}
		if atomic.CompareAndSwapInt32(&c.refs, old, old-1) {
			return true
		}
	}
}

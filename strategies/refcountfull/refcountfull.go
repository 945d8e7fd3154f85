// Package refcountfull is the checking refcount_t that Linux had from 4.11 on, and beside
// a cheaper one as CONFIG_REFCOUNT_FULL until 5.5 (lib/refcount.c, begun by f405df5de317):
// unsigned, with every check made before the count changes. Package saturating is what
// took its place, because that costs no more than an atomic count (dcb786493f3e).
//
// # Protocol
//
// The word is unsigned, has 32 bits, and one value that isn't a number of references:
//
//	dead                                      saturated
//	 v                                            v
//	 0   1 .......................... 2^32-2   2^32-1
//	     |  <---- the number of refs ---->|
//
// Each operation reads the word, works out what comes of it, and swaps that in if the word
// hasn't changed; otherwise it starts again. So there is no value in between that others
// could see, and each operation is one step:
//
//   - Get and TryGet add, and come to the saturated value instead of passing it. TryGet
//     reports false on 0. Get on 0 is refused: the count stays dead.
//   - Put subtracts. If there is less, it is refused: the word keeps its value, and false
//     is reported.
//   - On a saturated count nothing changes any more. TryGet reports true, Put false.
//
// Misuse is reported to the [Monitor] of the count. Kill is Put. Init of a dead count may
// run while others call TryGet through stale weak references to it: TryGet writes only to
// what isn't 0.
//
// # Memory order
//
// All operations on one count are one total order, and each synchronizes before those
// that follow it, since sync/atomic knows no weaker form. Hence every Put synchronizes
// before the Put that reports true. Linux asks for less: nothing from Get and release from
// Put. After the last Put there was first a control dependency only, which orders the
// stores of whoever frees but not its reads; acquire came later (47b8f3ab9c49).
//
// # Limits
//
// At most 2^32-2 references are counted, twice what package saturating counts. The
// saturated value is one step away from the largest number, and from 0 on the other side.
// That is near, but nobody can be between two steps here.
//
// # Cost
//
// Four bytes for the number, and a pointer to the monitor: 16 bytes with alignment on a
// 64-bit machine. Get and Put are a load, three comparisons and a compare-and-swap, and
// under contention they start again as often as somebody else gets in between, where an
// atomic count adds once. 2^31 pairs took 1.7 times as long as with atomic_t on x86 and on
// arm64 (the message of dcb786493f3e). Neither inlines.
//
// # What the source leaves open
//
// Each place in the source warns once for the whole kernel, and a saturated count is left
// alone in silence. Here the monitor is told each time, and of each Get, TryGet and Put of
// a saturated count as well, as [strategies.Monitored] asks.
//
// refcount_dec makes 1 into 0 and warns, but at 0 it leaves the 0. A promise has one
// answer to a drop of what isn't there, so it isn't the power Drop: it is the method
// [Count.Dec].
package refcountfull

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// bits is the width of the word.
const bits = 32

// Saturated is what the count sticks at.
const Saturated = math.MaxUint32

// Max is the largest number of references.
const Max = Saturated - 1

// Strategy is the checking count.
var Strategy = &strategies.Strategy{
	Name: "refcountfull",
	Doc:  "compare-and-swap loops that check before they change, as Linux' refcount_t of 2017",
	Promise: strategies.Promise{
		Limit:      Max,
		Width:      bits,
		Overflow:   strategies.Saturates,
		Underflow:  strategies.Refuses,
		GetOnZero:  strategies.Refuses,
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

// A Count is an unsigned reference count that is checked before it changes.
type Count struct {
	refs    atomic.Uint32
	monitor *strategies.Monitor
}

// Monitor makes the count report misuse to m. It is called before Init.
func (c *Count) Monitor(m *strategies.Monitor) { c.monitor = m }

// Init starts a life with one reference.
func (c *Count) Init() { c.refs.Store(1) }

// InitAt sets the word to n, modulo 2^32, whatever n means (refcount_set).
func (c *Count) InitAt(n int64) { c.refs.Store(uint32(n)) }

// Count returns the number of references: 0 is dead, [Saturated] saturated
// (refcount_read).
func (c *Count) Count() int64 { return int64(c.refs.Load()) }

// add takes n references unless the count is dead, and reports whether it was alive. It
// reports that the count sticks as m.
func (c *Count) add(n int, m strategies.Misuse) bool {
	for {
		old := c.refs.Load()
		if old == 0 {
			return false
		}
		if old == Saturated {
			c.monitor.Report(m)
			return true
		}
		now := uint32(Saturated)
		if uint64(n) < uint64(Saturated-old) {
			now = old + uint32(n)
		}
		if c.refs.CompareAndSwap(old, now) {
			if now == Saturated {
				c.monitor.Report(m)
			}
			return true
		}
	}
}

// sub drops n references and reports whether they were the last.
func (c *Count) sub(n int) bool {
	for {
		old := c.refs.Load()
		if old == Saturated || uint64(n) > uint64(old) {
			c.monitor.Report(strategies.PutAfterFree)
			return false
		}
		if now := old - uint32(n); c.refs.CompareAndSwap(old, now) {
			return now == 0
		}
	}
}

// Get takes a reference (refcount_inc). It saturates past [Max], and is refused on a dead
// count.
func (c *Count) Get() { c.GetN(1) }

// GetN takes n references (refcount_add).
func (c *Count) GetN(n int) {
	if !c.add(n, strategies.GetOverflow) {
		c.monitor.Report(strategies.GetAfterFree)
	}
}

// TryGet takes a reference unless the count is dead, and reports whether it did
// (refcount_inc_not_zero). It saturates past [Max], and reports true there and on a
// saturated count.
func (c *Count) TryGet() bool { return c.add(1, strategies.TryGetOverflow) }

// TryGetN takes n references unless the count is dead, and reports whether it did
// (refcount_add_not_zero).
func (c *Count) TryGetN(n int) bool { return c.add(n, strategies.TryGetOverflow) }

// Put drops a reference and reports whether it was the last (refcount_dec_and_test). On a
// dead or saturated count it changes nothing and reports false.
func (c *Count) Put() bool { return c.sub(1) }

// Kill is Put.
func (c *Count) Kill() bool { return c.sub(1) }

// PutN drops n references and reports whether they were the last
// (refcount_sub_and_test). If there are fewer it changes nothing and reports false.
func (c *Count) PutN(n int) bool { return c.sub(n) }

// Dec drops a reference that the caller knows not to be the last (refcount_dec). If it
// was, the count is dead, which is reported and nothing else. On a dead or saturated count
// it changes nothing.
func (c *Count) Dec() {
	if c.sub(1) {
		c.monitor.Report(strategies.DropToZero)
	}
}

// PutIfOne drops the reference if it is the only one, and reports whether it did
// (refcount_dec_if_one).
func (c *Count) PutIfOne() bool { return c.refs.CompareAndSwap(1, 0) }

// PutUnlessOne drops the reference if it isn't the only one, and reports false if it is
// (refcount_dec_not_one). On a saturated or dead count it reports true and changes
// nothing; on a dead one it also reports to the monitor.
func (c *Count) PutUnlessOne() bool {
	for {
		old := c.refs.Load()
		switch old {
		case Saturated:
			return true
		case 1:
			return false
		case 0:
			c.monitor.Report(strategies.PutAfterFree)
			return true
		}
		if c.refs.CompareAndSwap(old, old-1) {
			return true
		}
	}
}

// PutAndLock drops a reference. If it is the last it does so with l locked, leaves l
// locked, and reports true (refcount_dec_and_mutex_lock).
func (c *Count) PutAndLock(l sync.Locker) bool {
	if c.PutUnlessOne() {
		return false
	}
	l.Lock()
	// While l was being locked somebody who held it may have found the object and
	// taken a reference.
	if !c.Put() {
		l.Unlock()
		return false
	}
	return true
}

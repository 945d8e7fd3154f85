// Package freezable is the reference count of Linux' folios (include/linux/page_ref.h): who
// holds all references takes the count to zero and back by one step each, and pins are
// counted in the same word, as 1,024 references each (include/linux/mm.h,
// Documentation/core-api/pin_user_pages.rst).
//
// # Protocol
//
// The word is signed and has 32 bits:
//
//	0                   dead or frozen
//	1 .. 2^31-1         references and pins: references + 1,024 * pins
//	-2^31 .. -1         past the limit, or below 0
//
// The operations are Linux':
//
//   - Get is folio_get: it adds 1. Its caller holds a reference.
//   - TryGet is folio_try_get: a compare-and-swap that is tried only on a number other
//     than 0. Lookups in the page cache use it, which hold no lock.
//   - Put is folio_put_testzero: it subtracts 1 and reports whether it left 0. Kill is
//     Put.
//   - Freeze(n) is folio_ref_freeze: one compare-and-swap of n for 0. Its caller holds n
//     references, such as its own and those of the page cache, and it succeeds if these
//     are all there are.
//   - Unfreeze(n) is folio_ref_unfreeze: it sets n.
//   - Pin and Unpin add and subtract 1,024, and MaybePinned looks for a number of 1,024 at
//     least (folio_maybe_dma_pinned).
//
// While a count is frozen its object has one user alone, who may change what others rely
// on: take the page out of the cache, split it, or copy it elsewhere. Lookups fail, and come
// again. It takes one step for both, the look and the zero:
//
//	the count is 1, which is A's
//	A: Freeze   looks: 1
//	B: TryGet   adds 1: 2, and has a reference
//	A: Freeze   sets 0, and takes itself for alone
//
// That is the planted bug freezelooks. For the same reason whether a page is dirty is
// looked at after Freeze and not before (mm/vmscan.c, __remove_mapping): somebody who held
// a reference may have written and dropped it in between.
//
// # The promise
//
// Nobody is told of a last drop when a count is frozen, and yet TryGet fails. The promise
// has it in other words: Freeze(n) that succeeds is PutN(n) that reports true, and who
// called it is the one who may release the object. If it doesn't, Unfreeze(n) is InitAt(n),
// a life that begins in memory to which stale references still lead; that it may is the
// promise "typestable". A Freeze that fails changes nothing. So Freeze is for who holds all n
// references alone: if one of them is somebody else's, whose Put comes while the count is
// frozen, it leaves -1, which Unfreeze writes over.
//
// # Pins
//
// A pin says that a device writes to the memory, or somebody else who doesn't look at the
// page's state. There are no bits left in struct page to count them by themselves. So
// MaybePinned is never false while there is a pin, and may be true while there is none:
//
//	1,024 references, no pin        MaybePinned: true
//	1 reference, 1 pin              MaybePinned: true, the number is 1,025
//
// A pin is a reference to Freeze and Put as well: a count with a pin that the caller didn't
// count in doesn't freeze, and Unpin may be the last drop.
//
// # Memory order
//
// All operations on one count are one total order, and each of them synchronizes before
// those that follow it in that order. Hence every Put synchronizes before the Put that
// reports true and before the Freeze that does, and Unfreeze before each TryGet that
// succeeds after it. Linux' unfreeze is a store with release, and folio_get is relaxed.
//
// Init of a dead count may run while others call TryGet through stale weak references to
// it: TryGet writes only to what isn't 0.
//
// # Limits
//
// 2^31-1 references, which is 2,097,151 pins. Then the number wraps. A negative one counts as
// pinned, and not as dead. Below zero Put goes on subtracting, and Get on 0 makes it 1: on a
// frozen count that is a reference which Unfreeze writes over.
//
// # Cost
//
// Four bytes. Get, Put, Freeze, Pin and Unpin are one locked instruction each. TryGet is a
// load and a compare-and-swap, tried again as often as somebody else gets in between.
//
// # Choices
//
// With CONFIG_DEBUG_VM Linux stops at an Unfreeze of a count that isn't frozen, and at one to
// no reference. Here it is as without it. Folios of more than one page have another counter
// for pins, and their MaybePinned has no false positives; this is the count of a single
// page. Package refusing is try_get_page, another way to take a reference to the same word.
package freezable

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// bits is the width of the word.
const bits = 32

// Max is the largest number of references, pins included.
const Max = math.MaxInt32

// Bias is how many references a pin is (GUP_PIN_COUNTING_BIAS): 1,024, and in words of other
// widths as large a part of their bits.
const Bias = 1 << (bits * 5 / 16)

// Strategy is the count of a folio's references.
var Strategy = &strategies.Strategy{
	Name: "freezable",
	Doc:  "an atomic word that wraps, taken to zero and back by who holds all of it, with pins of 1,024, as Linux' folios",
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

// A Count is a reference count of 32 bits that freezes.
type Count struct {
	refs atomic.Int32
}

// Init starts a life with one reference (init_page_count).
func (c *Count) Init() { c.refs.Store(1) }

// InitAt starts a life with n references, modulo 2^32 (set_page_count).
func (c *Count) InitAt(n int64) { c.refs.Store(int32(n)) }

// Get takes a reference (folio_get). It checks nothing.
func (c *Count) Get() { c.refs.Add(1) }

// TryGet takes a reference unless the count is 0, dead or frozen, and reports whether it did
// (folio_try_get).
func (c *Count) TryGet() bool { return c.tryGet(1) }

// tryGet takes n references unless there are none (folio_ref_add_unless).
func (c *Count) tryGet(n int32) bool {
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

// Put drops a reference and reports whether it left none (folio_put_testzero).
func (c *Count) Put() bool { return c.refs.Add(-1) == 0 }

// Kill is Put.
func (c *Count) Kill() bool { return c.refs.Add(-1) == 0 }

// GetN takes n references (folio_ref_add).
func (c *Count) GetN(n int) { c.refs.Add(int32(n)) }

// TryGetN takes n references unless there are none, and reports whether it did
// (folio_ref_try_add).
func (c *Count) TryGetN(n int) bool { return c.tryGet(int32(n)) }

// PutN drops n references and reports whether it left none (folio_ref_sub_and_test).
func (c *Count) PutN(n int) bool { return c.refs.Add(-int32(n)) == 0 }

// Count returns the number of references, pins included (folio_ref_count): 0 while it is
// frozen, negative once it has wrapped or more were dropped than taken.
func (c *Count) Count() int64 { return int64(c.refs.Load()) }

// Freeze takes the count to 0 if it is n, at least 1, and reports whether it did
// (folio_ref_freeze). The caller holds n references, and has none from then on: it calls
// [Count.Unfreeze], or releases the object as if its Put had reported true.
func (c *Count) Freeze(n int) bool { return c.refs.CompareAndSwap(int32(n), 0) }

// Unfreeze gives a frozen count n references (folio_ref_unfreeze), all of them the caller's,
// who froze it.
func (c *Count) Unfreeze(n int) { c.refs.Store(int32(n)) }

// Pin takes a pin, which is [Bias] references. The caller holds a reference or a pin.
func (c *Count) Pin() { c.refs.Add(Bias) }

// Unpin drops a pin and reports whether neither pin nor reference is left.
func (c *Count) Unpin() bool { return c.refs.Add(-Bias) == 0 }

// MaybePinned reports whether there may be a pin (folio_maybe_dma_pinned): always while
// there is one, but also where there are [Bias] references, or the number has wrapped.
func (c *Count) MaybePinned() bool {
	n := c.refs.Load()
	return n < 0 || n >= Bias
}

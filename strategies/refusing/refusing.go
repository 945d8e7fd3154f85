// Package refusing is how Linux counts references to pages: an atomic count that wraps, and
// a TryGet that refuses once the number has left its range. The semantics are those of
// get_page, put_page, try_get_page and try_get_folio (include/linux/mm.h,
// include/linux/page_ref.h, mm/gup.c). That TryGet may be refused is the answer to
// CVE-2019-11487, in which user space took 2^32 references to a page through pipes and
// direct I/O (commits 88b1a17dfc3e, 8fde12ca79af and 15fab63e1e57).
//
// # Protocol
//
// The word is signed and has 32 bits. All of its values have a meaning:
//
//	         dead                                  refused
//	          v                                       v
//	          0  1 ............... 2^31-1 | -2^31 ......... -1
//	          |  <-- the number of refs -->| <- past it, or below 0 ->
//	hex  00000000  00000001   7fffffff     80000000     ffffffff
//
// The operations are Linux':
//
//   - Get is get_page: it adds 1 and looks at nothing. Its caller holds a reference and
//     can't be told no. One past the limit, the number is negative.
//   - TryGet is try_get_page: on a negative number it warns and fails, on 0 it fails. On
//     2^31-1 it still succeeds: what it looks at is the number that it finds.
//   - Put is put_page_testzero: it subtracts 1 and reports whether it left 0. It works on
//     negative numbers too, so that a count that has come past its limit comes back as
//     references are dropped. Kill is Put.
//
// So who takes references on behalf of user space is refused after 2^31 of them, and has
// another 2^31 of room for those that can't be refused. A count at which a saturating one
// would stick, and leak the page, goes on to be right. The price is that callers must look
// at the result: the planted bug ignoredfailure is one that doesn't.
//
// # Memory order
//
// All operations on one count are one total order, and each of them synchronizes before
// those that follow it in that order. Hence every Put synchronizes before the Put that
// reports true. Linux' get_page is relaxed, and put_page_testzero a full barrier.
//
// Init of a dead count may run while others call TryGet through stale weak references to
// it: TryGet writes only to what is above 0.
//
// # Limits
//
// 2^31-1 references. Gets alone wrap: after 2^32 too many the number is where it was. Below
// zero Put goes on subtracting without a word, and as TryGet refuses there, nothing is
// found any more whose count somebody has put too often. Get on 0 makes it 1.
//
// # Cost
//
// Four bytes for the number, and a pointer to the monitor: Linux' warning goes to the
// kernel's log. Get and Put are one locked instruction each. TryGet is a load and a
// compare-and-swap, tried again as often as somebody else gets in between.
//
// # Choices
//
// Linux' try_get_page looks in one step and adds in another, for callers who hold a
// reference or a lock under which the page can't die. Those who hold neither use
// get_page_unless_zero, or in mm/gup.c both: a look for a negative number, and then an
// addition unless zero. TryGet here is for callers without a reference, so it is the
// latter, in one compare-and-swap: of many that meet at the limit one comes past it, and
// not all that have looked already. With CONFIG_DEBUG_VM get_page and put_page stop the
// kernel at zero and from -127 to -1. Here it is as without it.
package refusing

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// Max is the largest number of references.
const Max = math.MaxInt32

// Strategy is the count of a page's references.
var Strategy = &strategies.Strategy{
	Name: "refusing",
	Doc:  "an atomic word that wraps, whose TryGet refuses past the limit, as Linux' page references",
	Promise: strategies.Promise{
		Limit:         Max,
		Width:         32,
		Overflow:      strategies.Wraps,
		Underflow:     strategies.Wraps,
		GetOnZero:     strategies.Revives,
		Zero:          strategies.Immediate,
		TryGet:        strategies.Exact,
		TryGetRefuses: strategies.PastLimit,
		Count:         strategies.Exact,
		Progress:      strategies.LockFree,
		Bytes:         int(unsafe.Sizeof(Count{})),
		TypeStable:    true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// A Count is a reference count of 32 bits whose TryGet refuses.
type Count struct {
	refs    atomic.Int32
	monitor *strategies.Monitor
}

// Monitor makes the count report to m what TryGet refuses. It is called before Init.
func (c *Count) Monitor(m *strategies.Monitor) { c.monitor = m }

// Init starts a life with one reference (init_page_count).
func (c *Count) Init() { c.refs.Store(1) }

// InitAt starts a life with n references, modulo 2^32 (set_page_count).
func (c *Count) InitAt(n int64) { c.refs.Store(int32(n)) }

// Get takes a reference (get_page). It checks nothing.
func (c *Count) Get() { c.refs.Add(1) }

// TryGet takes a reference and reports true if the number is above 0 (try_get_page). On a
// negative one it reports to the monitor.
func (c *Count) TryGet() bool { return c.tryGet(1) }

// tryGet takes n references if there are some already.
func (c *Count) tryGet(n int32) bool {
	for {
		old := c.refs.Load()
		if old <= 0 {
			if old < 0 {
				c.monitor.Report(strategies.TryGetOverflow)
			}
			return false
		}
		if c.refs.CompareAndSwap(old, old+n) {
			return true
		}
	}
}

// Put drops a reference and reports whether it left none (put_page_testzero).
func (c *Count) Put() bool { return c.refs.Add(-1) == 0 }

// Kill is Put.
func (c *Count) Kill() bool { return c.refs.Add(-1) == 0 }

// GetN takes n references (page_ref_add).
func (c *Count) GetN(n int) { c.refs.Add(int32(n)) }

// TryGetN takes n references and reports true if the number is above 0 (try_get_folio), even
// if that comes past the limit.
func (c *Count) TryGetN(n int) bool { return c.tryGet(int32(n)) }

// PutN drops n references and reports whether it left none (page_ref_sub_and_test).
func (c *Count) PutN(n int) bool { return c.refs.Add(-int32(n)) == 0 }

// Drop drops a reference that the caller knows not to be the last (page_ref_dec). It checks
// nothing.
func (c *Count) Drop() { c.refs.Add(-1) }

// Count returns the number of references: negative once it has come past the limit or
// more were dropped than taken (page_count).
func (c *Count) Count() int64 { return int64(c.refs.Load()) }

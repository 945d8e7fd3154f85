package bugs

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A folio is the count of a Linux folio. PutIfOne is folio_ref_freeze of its only reference.
type folio struct {
	n   atomic.Int32
	bug folioBug
}

// A folioBug is what is wrong with a folio.
type folioBug int

const (
	folioRight     folioBug = iota
	folioLooks              // freeze looks at the number in one step and clears it in another
	folioSubtracts          // freeze subtracts, and adds again if others are left
)

func (c *folio) Init()          { c.n.Store(1) }
func (c *folio) InitAt(n int64) { c.n.Store(int32(n)) }
func (c *folio) Get()           { c.n.Add(1) }
func (c *folio) TryGet() bool   { return c.addUnless(1, 0) }
func (c *folio) Put() bool      { return c.n.Add(-1) == 0 }
func (c *folio) Kill() bool     { return c.n.Add(-1) == 0 }
func (c *folio) Count() int64   { return int64(c.n.Load()) }

func (c *folio) PutUnlessOne() bool { return c.addUnless(-1, 1) }

func (c *folio) addUnless(d, no int32) bool {
	for {
		old := c.n.Load()
		if old == no {
			return false
		}
		if c.n.CompareAndSwap(old, old+d) {
			return true
		}
	}
}

func (c *folio) PutIfOne() bool {
	switch c.bug {
	case folioLooks:
		if c.n.Load() != 1 {
			return false
		}
		c.n.Store(0)
		return true
	case folioSubtracts:
		if c.n.Add(-1) == 0 {
			return true
		}
		c.n.Add(1)
		return false
	}
	return c.n.CompareAndSwap(1, 0)
}

var folioPromise = strategies.Promise{
	Limit:      math.MaxInt32,
	Width:      32,
	Overflow:   strategies.Wraps,
	Underflow:  strategies.Wraps,
	GetOnZero:  strategies.Revives,
	Zero:       strategies.Immediate,
	TryGet:     strategies.Exact,
	Count:      strategies.Exact,
	Progress:   strategies.LockFree,
	Bytes:      int(unsafe.Sizeof(folio{})),
	TypeStable: true,
}

func newFolio(bug folioBug) func() strategies.Counter {
	return func() strategies.Counter { return &folio{bug: bug} }
}

var folioBugs = []*Bug{
	Bug{
		Name:   "freezelooks",
		Doc:    "freeze looks whether the caller is alone, and clears the number in a second step",
		Source: "Linux include/linux/page_ref.h, folio_ref_freeze, and mm/vmscan.c, __remove_mapping, which says that a look without the freeze is a race with lookups",
		Interleaving: `The count is 1. Reclaim looks, and sees that it is alone. A lookup without a lock adds 1, and has a
reference. Reclaim sets 0 and frees the page that the lookup holds.`,
		Fix:     "one compare-and-swap of 1 for 0",
		Program: "a.Put a.TryGet|a.Get a.Kill a.PutIfOne", Concurrent: true,
		Expected: interleaved,
	}.counts(folioPromise, newFolio(folioLooks), newFolio(folioRight)),
	Bug{
		Name:   "freezesubtracts",
		Doc:    "freeze drops what it holds, and takes it again if others are left",
		Source: "Linux include/linux/page_ref.h, folio_ref_freeze, which changes nothing where it fails: taking back would be a get from zero",
		Interleaving: `There are two references. Reclaim subtracts its one: 1, so that others are left. The other one is put,
leaves 0, and that holder frees the page. Reclaim adds its own again: 1, to a page that is gone.`,
		Fix:     "one compare-and-swap that changes nothing if it fails",
		Program: "a.Put|a.Get a.Kill a.PutIfOne", Concurrent: true,
		Expected: interleaved,
	}.counts(folioPromise, newFolio(folioSubtracts), newFolio(folioRight)),
}

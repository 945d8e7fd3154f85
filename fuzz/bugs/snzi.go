package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// An indicator is a scalable non-zero indicator with one leaf below the root, as
// strategies/snzi on one CPU.
//
//	root  bit 0       the owner has its reference
//	      bits 31..1  what the leaf has added
//	leaf  bit 0       half: somebody is about to add the first
//	      bits 31..1  its references
//	      bits 63..32 how often it has been half
type indicator struct {
	root atomic.Uint32
	leaf atomic.Uint64
	bug  indicatorBug
}

// An indicatorBug is what is wrong with an indicator.
type indicatorBug int

const (
	indicatorRight indicatorBug = iota
	indicatorHasty              // the leaf has its first at once, and the root is told afterwards
	indicatorKept               // what was added to the root too many stays there
	indicatorSoon               // it is taken off before the own addition is done
)

const (
	indicatorHalf    = 1 << 0
	indicatorOwner   = 1 << 0
	indicatorOne     = 1 << 1
	indicatorVersion = 1 << 32
)

func (c *indicator) Init() { c.root.Store(indicatorOwner) }

// arriveRoot adds one to the root, unless that is dead.
func (c *indicator) arriveRoot() bool {
	for {
		x := c.root.Load()
		if x == 0 || c.root.CompareAndSwap(x, x+indicatorOne) {
			return x != 0
		}
	}
}

// departRoot takes one off the root, and reports whether it was the last.
func (c *indicator) departRoot() bool { return c.root.Add(^uint32(indicatorOne-1)) == 0 }

func (c *indicator) TryGet() bool {
	tooMany := 0
	for arrived := false; !arrived; {
		x := c.leaf.Load()
		n := x & (indicatorVersion - 1)
		if n >= indicatorOne {
			arrived = c.leaf.CompareAndSwap(x, x+indicatorOne)
			continue
		}
		if n == 0 {
			first := x + indicatorVersion + indicatorHalf
			if c.bug == indicatorHasty {
				first = x + indicatorVersion + indicatorOne
			}
			if !c.leaf.CompareAndSwap(x, first) {
				continue
			}
			x, arrived = first, true
		}
		switch {
		case !c.arriveRoot():
			// Dead. Whoever has made it half takes that back.
			if c.bug == indicatorHasty {
				c.leaf.Add(^uint64(indicatorOne - 1))
				return false
			}
			if !arrived || c.leaf.CompareAndSwap(x, x-indicatorHalf) {
				return false
			}
		case c.bug == indicatorHasty || c.leaf.CompareAndSwap(x, x-indicatorHalf+indicatorOne):
		case c.bug == indicatorSoon:
			c.departRoot()
		default:
			tooMany++
		}
	}
	for ; tooMany > 0 && c.bug != indicatorKept; tooMany-- {
		c.departRoot()
	}
	return true
}

func (c *indicator) Get() {
	if !c.TryGet() {
		panic("Get on a dead count")
	}
}

func (c *indicator) Put() bool {
	for {
		x := c.leaf.Load()
		if n := x & (indicatorVersion - 1); n >= indicatorOne {
			if c.leaf.CompareAndSwap(x, x-indicatorOne) {
				return n == indicatorOne && c.departRoot()
			}
			continue
		}
		r := c.root.Load()
		if r == 0 {
			panic("Put on a dead count")
		}
		if r&indicatorOwner != 0 && c.root.CompareAndSwap(r, r-indicatorOwner) {
			return r == indicatorOwner
		}
	}
}

func (c *indicator) Kill() bool {
	for {
		x := c.root.Load()
		if x&indicatorOwner == 0 {
			return c.Put()
		}
		if c.root.CompareAndSwap(x, x-indicatorOwner) {
			return x == indicatorOwner
		}
	}
}

func newIndicator(bug indicatorBug) func() strategies.Counter {
	return func() strategies.Counter { return &indicator{bug: bug} }
}

var indicatorPromise = strategies.Promise{
	Limit:      1<<31 - 1,
	Overflow:   strategies.Wraps,
	Underflow:  strategies.Panics,
	GetOnZero:  strategies.Panics,
	Zero:       strategies.Immediate,
	TryGet:     strategies.Exact,
	Count:      strategies.None,
	Progress:   strategies.LockFree,
	Bytes:      int(unsafe.Sizeof(indicator{})),
	TypeStable: true,
}

const snziSource = "Ellen, Lev, Luchangco, Moir, SNZI: Scalable NonZero Indicators, PODC 2007"

var indicatorBugs = []*Bug{
	Bug{
		Name:   "snzihasty",
		Doc:    "a leaf has its first reference before its parent knows of it",
		Source: snziSource + ": the intermediate value 1/2",
		Interleaving: `No references on the leaf, and the owner's at the root. A takes the first on the leaf, and is stopped. B
finds one there, adds its own, and is through: the root still knows of the owner's alone. Kill drops
that, and it is the last, while B holds a reference.`,
		Fix:     "the leaf is half until the parent knows, and whoever finds a half helps",
		Program: "a.Put a.TryGet|a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(indicatorPromise, newIndicator(indicatorHasty), newIndicator(indicatorRight)),
	Bug{
		Name:   "snzikept",
		Doc:    "who has added to the parent for a half that another has made 1 leaves it there",
		Source: snziSource + ": undoArr, what Arrive has to undo at the end",
		Interleaving: `A makes the leaf half and adds one to the root. B finds the half, adds one to the root too, and makes
the leaf 1, and then 2. A finds that done, and is through. The root has 2 for one leaf: it never
comes to zero, and the object leaks.`,
		Fix:     "take it off again",
		Program: "a.Put a.TryGet|a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(indicatorPromise, newIndicator(indicatorKept), newIndicator(indicatorRight)),
	Bug{
		Name:   "snzisoon",
		Doc:    "what was added to the parent too many is taken off before one's own reference is there",
		Source: snziSource + ": Arrive undoes when it has succeeded",
		Interleaving: `A makes the leaf half and adds one to the root. B, in TryGet, finds the half and adds one to the root.
A makes the leaf 1, and drops its reference: 1 of B's is left at the root. Kill drops the owner's. B finds that
the half is gone and takes its one off: the root is 0, and nobody is told, since B took no last
reference. Then it finds the count dead.`,
		Fix:     "take it off when one's own reference is on the leaf, which keeps the root alive",
		Program: "a.Put a.TryGet|a.Put a.TryGet|a.Kill", Concurrent: true,
		Preemptions: 4,
		Expected:    interleaved,
	}.counts(indicatorPromise, newIndicator(indicatorSoon), newIndicator(indicatorRight)),
}

package bugs

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// An owning is a count that has an owner, which counts in a plain number, as
// strategies/ownerbiased.
//
//	owner   the P whose number it is, plus 1; 0 once the two are merged
//	word    bit 0: the owner is in an operation; bits 63..1: its references
//	shared  bit 0: merged; bits 63..1: references of all others, and then of all
type owning struct {
	owner  atomic.Int32
	word   pin.Word
	shared atomic.Int64
	bug    owningBug
}

// An owningBug is what is wrong with an owning.
type owningBug int

const (
	owningRight    owningBug = iota
	owningForgets            // who merges leaves the owner's number out
	owningHasty              // who merges doesn't wait for an operation of the owner
	owningUnmerged           // who drops what the owner has taken doesn't merge
	owningUnfenced           // who merges has no barrier before it looks at the owner's number
)

const (
	owningMerged = 1
	owningOne    = 2
)

func (c *owning) Init() {
	me := int32(pin.Pin()) + 1
	c.word.Store(owningOne)
	c.shared.Store(0)
	c.owner.Store(me)
	pin.Unpin()
}

// begin announces an operation of the owner: the caller is pinned then, and v is on the
// word.
func (c *owning) begin() (v int64, ok bool) {
	who := c.owner.Load()
	if int32(pin.Pin())+1 == who {
		v = c.word.Load()
		c.word.Store(v | 1)
		if c.owner.Load() == who {
			return v, true
		}
		c.word.Store(v)
	}
	pin.Unpin()
	return 0, false
}

func (c *owning) end(v int64) {
	c.word.Store(v)
	pin.Unpin()
}

func (c *owning) Get() {
	if v, ok := c.begin(); ok {
		c.end(v + owningOne)
	} else if c.shared.Add(owningOne) == owningMerged|owningOne {
		panic("Get on a dead count")
	}
}

func (c *owning) TryGet() bool {
	if v, ok := c.begin(); ok {
		c.end(v + owningOne)
		return true
	}
	for {
		n := c.shared.Load()
		if n == owningMerged || c.shared.CompareAndSwap(n, n+owningOne) {
			return n != owningMerged
		}
	}
}

func (c *owning) Put() bool {
	if v, ok := c.begin(); ok {
		switch {
		case v != owningOne:
			c.end(v - owningOne)
			return false
		case c.owner.Swap(0) != 0:
			c.end(0)
			return c.shared.Add(owningMerged) == owningMerged
		}
		c.end(v) // somebody merges
	}
	for {
		n := c.shared.Load()
		switch {
		case n == 0 && c.bug != owningUnmerged:
			c.merge()
		case n == owningMerged:
			panic("Put on a dead count")
		case c.shared.CompareAndSwap(n, n-owningOne):
			return n-owningOne == owningMerged
		}
	}
}

func (c *owning) merge() {
	if c.owner.Swap(0) == 0 {
		for c.shared.Load()&owningMerged == 0 {
			runtime.Gosched()
		}
		return
	}
	if c.bug != owningUnfenced {
		pin.Barrier()
	}
	for c.bug != owningHasty && c.word.Load()&1 != 0 {
		runtime.Gosched()
	}
	n := c.word.Load() &^ 1
	if c.bug == owningForgets {
		n = 0
	}
	c.shared.Add(n | owningMerged)
}

func (c *owning) Kill() bool { return c.Put() }

func newOwning(bug owningBug) func() strategies.Counter {
	return func() strategies.Counter { return &owning{bug: bug} }
}

var owningPromise = strategies.Promise{
	Limit:     1 << 60,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Panics,
	GetOnZero: strategies.Panics,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.Blocking,
	Bytes:     int(unsafe.Sizeof(owning{})),
}

const ownerSource = "Choi, Shull, Torrellas, Biased Reference Counting, PACT 2018"

// Of bugs that one thread shows once it is moved to another CPU, which it is up to the
// machine whether it is.
var moved = Expected{"schedules": sure}

var owningBugs = []*Bug{
	Bug{
		Name:   "ownerforgets",
		Doc:    "who merges the two numbers leaves the owner's out",
		Source: ownerSource + ": merging adds the biased counter to the shared one",
		Interleaving: `Two references that the owner has taken, its own and A's. A, on another CPU, drops its, finds 0 in the
shared number, and merges: 0 still. It is dead, and the owner isn't through.`,
		Fix:      "add the owner's number to the shared one in the step that merges",
		Program:  "a.Put|a.Kill",
		Expected: moved,
	}.counts(owningPromise, newOwning(owningForgets), newOwning(owningRight)),
	Bug{
		Name:   "ownerhasty",
		Doc:    "who merges doesn't wait until the owner is out of its operation",
		Source: ownerSource + ": others may not read the owner's number while it counts",
		Interleaving: `The owner takes a reference: it has looked whether it is the owner still, and is stopped. A, on another CPU, takes
the owner off, reads its number, and merges. The owner stores one more, which nobody reads: the
reference isn't counted.`,
		Fix:     "wait until the owner's word isn't busy",
		Program: "a.Get|a.Put|a.Kill", Concurrent: true,
		Preemptions: 5,
		Expected:    interleaved,
	}.counts(owningPromise, newOwning(owningHasty), newOwning(owningRight)),
	Bug{
		Name:   "ownerunmerged",
		Doc:    "who drops what the owner has taken brings the shared number below zero, and doesn't merge",
		Source: ownerSource + ": an object whose shared counter becomes negative is queued for its owner to merge",
		Interleaving: `Two references that the owner has taken. A, on another CPU, drops one: the shared number is -1. The owner drops
the other one of its two, and has 1 left: nobody finds out that 1 and -1 are none, and the object leaks.`,
		Fix:      "merge before the shared number would go below zero",
		Program:  "a.Put|a.Kill",
		Expected: moved,
	}.counts(owningPromise, newOwning(owningUnmerged), newOwning(owningRight)),
	Bug{
		Name:   "ownerunfenced",
		Doc:    "who merges has no barrier before it looks whether the owner is in an operation",
		Source: ownerSource + ", of which CPython's form has the owner merge at a safe point of its own (PEP 703); " + unfencedSource,
		Interleaving: `A, the owner, makes its word busy, which stays in its CPU's store buffer, and finds that it is the owner. B
drops what A has taken, and merges: A is the owner no more, and its number is as it was before.
Then A's stores come to memory: its reference isn't counted.`,
		Fix:     "have all CPUs pass a barrier after the owner is changed",
		Program: "a.Get|a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(owningPromise, newOwning(owningUnfenced), newOwning(owningRight)),
}

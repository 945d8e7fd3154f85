// Package snzi is a scalable non-zero indicator (Ellen, Lev, Luchangco, Moir: SNZI:
// Scalable NonZero Indicators, PODC 2007): a tree of numbers with a leaf for each CPU.
// Who takes a reference adds to a leaf, and only the first there adds to the leaf's
// parent, and so on; who drops the last of a leaf takes one off the parent. So the root
// changes seldom, and still says at any time whether there are references.
//
// # Protocol
//
//	a node  bit 0       half: somebody is about to add the first, and the parent may not know
//	        bits 1..31  its surplus: what was added here less what was taken off
//	        bits 32..63 version: how often it has been half
//	root    bit 0       owner: the owner has its reference
//	        bits 63..1  surplus
//
// The invariant is that a node whose surplus is 1 or more has been counted by its parent.
// To add to a node that has 1 or more is one compare-and-swap. A node that has none first
// becomes half. Then one is added to the parent, and only then the half becomes 1:
//
//	leaf   root
//	0      owner
//	half   owner
//	half   owner, 1
//	1      owner, 1
//
// Whoever finds a half helps: it adds to the parent too, tries to make it 1, and begins
// anew. Of all who have added to the parent one makes it 1. The others have added one too
// many, which they take off when their own addition is done, and not before: until then it
// is what keeps the parent alive for them.
//
// Were the leaf 1 at once, and the parent told afterwards:
//
//	A: TryGet  leaf 0 to 1
//	B: TryGet  leaf 1 to 2: true
//	Kill       takes owner off the root: 0, the last, while B holds a reference
//	A: TryGet  finds the root dead
//
// The version is there so that who was late can't take another's half for its own.
//
// Dead is a root of 0. A TryGet that finds it takes its half back. It is the only one to
// do so, so that if it can't, somebody has helped: in the next life of the memory, where
// the root lives again. Then it has a reference of that life.
//
// # Who drops where
//
// In the paper who departs does so where it has arrived. A reference here doesn't say where
// it was taken, and may be dropped on any CPU. All references are alike, so Put takes one
// off the leaf of its own CPU, or else off the first one that has any, or else it takes the
// owner's. A leaf never goes below 0, and as the caller holds a reference there is one
// somewhere at any time: who doesn't find it has been overtaken by somebody who got on.
// Kill drops the owner's, or any other if that was taken.
//
// The paper's root has a word of its own that says whether it is zero, for those who only
// ask that. Nobody does here, so it is left out, and with it the announce bit. The paper
// leaves the shape of the tree open: here a node has eight below it.
//
// Init of a dead count may run while others call TryGet through stale weak references: all
// leaves of a dead count have none, so that only the root is set.
//
// # Memory order
//
// All operations on one word are in one order, and each synchronizes before those that
// follow it. A Put on a leaf synchronizes before the one that takes the leaf's last, which
// goes on to the parent, and so on to the root, where one makes 0 of it. So every Put
// synchronizes before the Put or Kill that reports true.
//
// # Limits
//
// 2^31-1 references, past which nothing is promised: one leaf may have them all. A Get or
// a Put on a dead count panics. A half can be taken for another when a node has been half
// 2^32 times while somebody stood still between two instructions.
//
// # Cost
//
// A line of the cache for each P, for the root, and from 9 Ps on for nodes between: one
// for each 7 Ps. And 32 bytes. While a CPU has references of its own, Get, TryGet and Put
// are a load and a compare-and-swap of a word that nobody else touches. The first and the
// last of a leaf cost as much for each level above, and a Put where there is no reference
// goes through the leaves. If GOMAXPROCS grows after Init, the new Ps share the leaf of P
// 0.
package snzi

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Max is the largest number of references.
const Max = 1<<31 - 1

// Strategy is the scalable non-zero indicator.
var Strategy = &strategies.Strategy{
	Name: "snzi",
	Doc:  "a tree of numbers with a leaf per CPU, whose root says whether there are references (Ellen et al.)",
	Promise: strategies.Promise{
		Limit:      Max,
		Overflow:   strategies.Wraps,
		Underflow:  strategies.Panics,
		GetOnZero:  strategies.Panics,
		Zero:       strategies.Immediate,
		TryGet:     strategies.Exact,
		Count:      strategies.Approximate,
		Progress:   strategies.LockFree,
		Bytes:      int(unsafe.Sizeof(Count{})) + (inner(pin.CPUs())+pin.CPUs())*int(unsafe.Sizeof(pin.Line[atomic.Uint64]{})),
		TypeStable: true,
	},
	New: func() strategies.Counter { return new(Count) },
}

// See the package doc for the bits of words.
const (
	half    = 1 << 0 // of a node
	owner   = 1 << 0 // of the root
	one     = 1 << 1
	version = 1 << 32

	// surplus has the bits of a node's surplus, in halves.
	surplus = version - 1

	minusOne = ^uint64(one - 1)
)

// fanOut is how many nodes are below one.
const fanOut = 8

// inner returns how many nodes a tree has that aren't leaves, the root among them.
func inner(leaves int) int {
	return max(1, (leaves-1+fanOut-2)/(fanOut-1))
}

// parent is the node above node i, which isn't the root.
func parent(i int) int { return (i - 1) / fanOut }

// A Count is a reference count in a tree.
type Count struct {
	// nodes has the root first, and below node i those from i*fanOut+1 on. The last are the
	// leaves, one per P. Set by the first Init and never changed.
	nodes pin.Lines[atomic.Uint64]
	inner int // how many aren't leaves
}

// Init starts a life with one reference, the owner's. The first Init allocates the nodes.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references.
func (c *Count) InitAt(n int64) {
	if c.nodes == nil {
		cpus := pin.CPUs()
		c.inner = inner(cpus)
		c.nodes = make(pin.Lines[atomic.Uint64], c.inner+cpus)
	}
	c.nodes[0].Word.Store(owner)
	if n > 1 {
		c.arrive(c.inner)
		c.nodes[c.inner].Word.Add(uint64(n-2) * one)
	}
}

// leaf returns the leaf of the CPU that the caller is on, or was on a moment ago: any will
// do.
func (c *Count) leaf() int {
	cpu := pin.CPU()
	if cpu >= len(c.nodes)-c.inner {
		cpu = 0
	}
	return c.inner + cpu
}

// arrive adds one to a node. It reports false if the count is dead.
func (c *Count) arrive(i int) bool {
	word := &c.nodes[i].Word
	if i == 0 {
		for {
			x := word.Load()
			if x == 0 {
				return false
			}
			if word.CompareAndSwap(x, x+one) {
				return true
			}
		}
	}
	tooMany := 0 // what was added to the parent for a half that another has made 1
	for arrived := false; !arrived; {
		x := word.Load()
		switch n := x & surplus; {
		case n >= one:
			arrived = word.CompareAndSwap(x, x+one)
			continue
		case n == 0:
			if !word.CompareAndSwap(x, x+version+half) {
				continue
			}
			x += version + half
			arrived = true // as soon as somebody makes it 1
		}
		switch {
		case c.arrive(parent(i)):
			if !word.CompareAndSwap(x, x-half+one) {
				tooMany++
			}
		case !arrived || word.CompareAndSwap(x, x-half):
			// Dead. What was added too many would have kept it alive, so there is
			// none of that.
			return false
		}
	}
	for ; tooMany > 0; tooMany-- {
		c.depart(parent(i))
	}
	return true
}

// depart takes one off a node that has it for the caller, and reports whether it was the
// last of the count.
func (c *Count) depart(i int) bool {
	for ; i != 0; i = parent(i) {
		if c.nodes[i].Word.Add(minusOne)&surplus != 0 {
			return false
		}
	}
	return c.nodes[0].Word.Add(minusOne) == 0
}

// departLeaf takes one off a leaf, if it has any. last is as of depart.
func (c *Count) departLeaf(i int) (last, ok bool) {
	word := &c.nodes[i].Word
	for {
		x := word.Load()
		if x&surplus < one {
			return false, false
		}
		if word.CompareAndSwap(x, x-one) {
			return x&surplus == one && c.depart(parent(i)), true
		}
	}
}

// departOwner takes the owner's reference, if it is there. last is as of depart.
func (c *Count) departOwner() (last, ok bool) {
	root := &c.nodes[0].Word
	for {
		x := root.Load()
		if x&owner == 0 {
			return false, false
		}
		if root.CompareAndSwap(x, x-owner) {
			return x == owner, true
		}
	}
}

// Get takes a reference. The caller holds one. It panics on a dead count.
func (c *Count) Get() {
	if !c.arrive(c.leaf()) {
		panic("snzi: Get on a dead count")
	}
}

// TryGet takes a reference unless the count is dead, and reports whether it did.
func (c *Count) TryGet() bool { return c.arrive(c.leaf()) }

// Put drops a reference and reports whether it was the last. It panics on a dead count.
func (c *Count) Put() bool {
	if last, ok := c.departLeaf(c.leaf()); ok {
		return last
	}
	return c.putAnywhere()
}

// putAnywhere is Put that finds no reference on its own CPU.
func (c *Count) putAnywhere() bool {
	for {
		for i := c.inner; i < len(c.nodes); i++ {
			if last, ok := c.departLeaf(i); ok {
				return last
			}
		}
		if last, ok := c.departOwner(); ok {
			return last
		}
		if c.nodes[0].Word.Load() == 0 {
			panic("snzi: Put on a dead count")
		}
	}
}

// Kill drops the owner's reference and reports whether it was the last.
func (c *Count) Kill() bool {
	if last, ok := c.departOwner(); ok {
		return last
	}
	return c.Put()
}

// Count returns the number of references. It goes through the leaves, which others change
// meanwhile.
func (c *Count) Count() int64 {
	n := int64(c.nodes[0].Word.Load() & owner)
	for i := c.inner; i < len(c.nodes); i++ {
		n += int64(c.nodes[i].Word.Load()&surplus) / one
	}
	return n
}

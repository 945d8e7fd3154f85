// Package rundowncpu is Windows' run-down protection for many CPUs: a word for each, so
// that those who come and go don't meet (EX_RUNDOWN_REF_CACHE_AWARE,
// ExAcquireRundownProtectionCacheAware, ExWaitForRundownProtectionReleaseCacheAware). The
// semantics are those of ReactOS ntoskrnl/ex/rundown.c, commit 05cca6444806; package
// rundown has the same with one word.
//
// # Protocol
//
//	bit   name      meaning when set
//	0     active    run-down has begun
//	1     waiting   active: Kill waits, and left counts
//	63..1           not active: references taken less references dropped, as a signed number
//
// TryGet and Put look for the word of the CPU that they are on, and change it with a
// compare-and-swap. A reference may be taken on one CPU and dropped on another: a single
// word then goes below zero, and only the sum means anything. The owner's reference is in
// no word.
//
// Kill goes through the words, makes each active and waiting in one step, and adds up what
// was in them. Whoever finds its word active and waiting counts down in left, which begins
// at a number that is far from zero, so that nobody comes to 0 before the sum is there:
//
//	word 0   word 1    left
//	1        0         bias       A has a reference, taken on CPU 0
//	waiting  0         bias       Kill: the sum is 1
//	waiting  0         bias-1     A: Put on CPU 0
//	waiting  waiting   bias-1     Kill: the sum is still 1
//	waiting  waiting   0          Kill adds 1-bias: nobody is inside
//
// If that leaves more than 0, Kill waits, and who comes to 0 wakes it. In the source the
// comparison is the wrong way round: it waits when everybody has left, and nobody is there
// to wake it. fuzz/bugs has that.
//
// While Kill goes through the words, TryGet fails on one CPU and may still succeed on
// another. When Kill returns it fails on all.
//
// Init of a dead count must not run while others use it through stale weak references:
//
//	B: Init    word 0 is available
//	A: TryGet  on CPU 0: true
//	A: Put     on CPU 1, whose word is still that of the dead: it panics
//
// # Choices
//
// As in package rundown: Get can't be refused, a Put or a Get on a dead count panics, and
// Kill sets the words to active alone when it is over.
//
// # Memory order
//
// All operations on one word are in one order, and so are those on left. Each Put
// synchronizes before the swap of its word by Kill, or before the Put that brings left to
// 0, which synchronizes before the return of Kill by the channel; or before Kill's addition
// to left. So every Put synchronizes before Kill returns.
//
// # Limits
//
// 2^61 references in all, past which nothing is promised: left begins at 2^62. A drop too
// many isn't seen before Kill, which panics then, since nobody would wake it. A reference
// that nobody drops stops Kill for ever.
//
// # Cost
//
// A line of the cache for each P, 40 bytes, and a channel if Kill has to wait. Get, TryGet and Put are a load and a
// compare-and-swap of a word that other CPUs seldom touch. Kill touches all words. If
// GOMAXPROCS grows after Init, the new Ps share P 0's word.
package rundowncpu

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Max is the largest number of references, the owner's among them.
const Max = 1 << 61

// Strategy is the count that is run down, with a word per CPU.
var Strategy = &strategies.Strategy{
	Name: "rundowncpu",
	Doc:  "rundown with a word per CPU, as Windows' EX_RUNDOWN_REF_CACHE_AWARE",
	Promise: strategies.Promise{
		Limit:         Max,
		Overflow:      strategies.Wraps,
		Underflow:     strategies.Panics,
		GetOnZero:     strategies.Panics,
		Zero:          strategies.Waits,
		TryGetRefuses: strategies.DuringKill,
		TryGet:        strategies.Exact,
		Count:         strategies.Approximate,
		Progress:      strategies.LockFree,
		Bytes:         int(unsafe.Sizeof(Count{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[atomic.Int64]{})),
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

const (
	active  = 1 << 0 // EX_RUNDOWN_ACTIVE
	waiting = 1 << 1
	one     = 1 << 1 // EX_RUNDOWN_COUNT_INC

	countShift = 1 // EX_RUNDOWN_COUNT_SHIFT

	// bias keeps left away from 0 until Kill knows the sum.
	bias = 1 << 62
)

// A Count is a reference count with a word per CPU that is run down.
type Count struct {
	words pin.Lines[atomic.Int64] // see the package doc for the bits; set by the first Init

	// The wait block: references beside the owner's that are left while Kill waits, and
	// what wakes it. Kill writes left before it sets waiting anywhere, and gone before it
	// takes the bias away.
	left atomic.Int64
	gone chan struct{}
}

// Init starts a life with one reference, the owner's. The first Init allocates the words.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references, the owner's among them.
func (c *Count) InitAt(n int64) {
	if c.words == nil {
		c.words = pin.NewLines[atomic.Int64]()
	}
	for i := range c.words {
		c.words[i].Word.Store(0)
	}
	c.words[0].Word.Store((n - 1) << countShift)
}

// Get takes a reference. The caller holds one.
func (c *Count) Get() {
	word := c.words.Own()
	for {
		w := word.Load()
		switch {
		case w&active == 0:
			if word.CompareAndSwap(w, w+one) {
				return
			}
		case w&waiting == 0:
			panic("rundowncpu: Get on a dead count")
		default:
			if n := c.left.Add(1); n <= 1 {
				panic("rundowncpu: Get by a caller that holds no reference")
			}
			return
		}
	}
}

// TryGet takes a reference unless run-down has begun, and reports whether it did
// (ExAcquireRundownProtectionCacheAware).
func (c *Count) TryGet() bool {
	word := c.words.Own()
	for {
		w := word.Load()
		if w&active != 0 {
			return false
		}
		if word.CompareAndSwap(w, w+one) {
			return true
		}
	}
}

// Put drops a reference (ExReleaseRundownProtectionCacheAware) and reports false: it is
// Kill that reports the last.
func (c *Count) Put() bool {
	word := c.words.Own()
	for {
		w := word.Load()
		switch {
		case w&active == 0:
			if word.CompareAndSwap(w, w-one) {
				return false
			}
		case w&waiting == 0:
			panic("rundowncpu: Put on a dead count")
		default:
			switch n := c.left.Add(-1); {
			case n == 0:
				c.gone <- struct{}{} // It has room.
			case n < 0:
				panic("rundowncpu: Put by a caller that holds no reference")
			}
			return false
		}
	}
}

// Kill lets nobody in any more, waits until all have left, drops the owner's reference, and
// reports true (ExWaitForRundownProtectionReleaseCacheAware,
// ExRundownCompletedCacheAware). The caller holds no other reference. It panics if more
// references were dropped than taken.
func (c *Count) Kill() bool {
	c.left.Store(bias)
	sum := int64(0)
	for i := range c.words {
		sum += c.words[i].Word.Swap(active|waiting) >> countShift
	}
	// Get and Put have counted in left meanwhile, so that sum alone doesn't say whether
	// somebody is inside. From here on nobody gets in.
	if c.left.Load()+sum > bias {
		c.gone = make(chan struct{}, 1)
	}
	switch n := c.left.Add(sum - bias); {
	case n > 0:
		<-c.gone
	case n < 0:
		panic("rundowncpu: more references were dropped than taken")
	}
	for i := range c.words {
		c.words[i].Word.Store(active)
	}
	return true
}

// Count returns the number of references, the owner's among them until Kill is over. It
// goes through the words, which others change meanwhile.
func (c *Count) Count() int64 {
	n := int64(1)
	for i := range c.words {
		switch w := c.words[i].Word.Load(); {
		case w&active == 0:
			n += w >> countShift
		case w&waiting == 0:
			return 0
		default:
			// Those that are still to be gone through are taken along by the sum.
			if left := c.left.Load(); left < bias/2 {
				return left + 1
			}
		}
	}
	return n
}

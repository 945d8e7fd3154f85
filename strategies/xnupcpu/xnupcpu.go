// Package xnupcpu counts on the CPU that the caller runs on, as XNU's os_pcpu_ref does: an
// atomic word per CPU with a bit that says that the count is live, and at the end one
// addition that folds all of them into the word of CPU 0. It needs no grace period, no
// barrier and nobody to be pinned: what it pays is a locked instruction on a line that
// other CPUs seldom touch. The semantics are those of libkern/os/refcnt.c of
// xnu-11417.101.15.
//
// # Protocol
//
//	bit   name    meaning
//	0     live    this word takes references: it is set in all words until Kill
//	1     waiter  XNU's: a thread sleeps until the count is dead; 0 here
//	63..2         references taken less references dropped, as a signed number
//
// Get and Put look at the word of the CPU that they are on. If it is live they add to it,
// and look at what was there: if Kill came between, they take that back and do it again on
// the word of CPU 0. If it isn't live they go there at once, and so does CPU 0 itself, since
// on its own word nothing may be taken back:
//
//	2 references, the owner's and A's: live, 2 on CPU 0
//	A: Put   on CPU 0, sees live
//	B: Kill  1
//	A: Put   subtracts 1: 0, and live is gone
//	A: Put   adds 1 again, to begin anew; C, with its reference, could come between
//
// A reference may be taken on one
// CPU and dropped on another: a single word then goes below zero, and only the sum means
// anything.
//
// TryGet is a compare-and-swap loop on the own word, and fails as soon as that isn't live:
// when the count is killed, and not when it dies.
//
// Kill takes the words of all CPUs but 0 away, one after the other, leaving 0 there, and
// adds them up. Then it adds the sum to CPU 0's in one step, which takes live away and drops
// the owner's reference as well. From there on that word is an atomic count, and who makes
// 0 of it is the last.
//
// While Kill goes on CPU 0's word may be lower than the truth, and nobody can take it for
// dead, since it is live:
//
//	CPU 0    CPU 1
//	live, 1  live, 1   the owner's reference, and A's, taken on CPU 1
//	live, 1  0         Kill took 1 away from CPU 1
//	live, 0  0         A: Put on CPU 0, not the last: live is set
//	0        0         Kill adds 1-1 and takes live away: it is the last
//
// Were live taken away first, A's Put would make 0 of the owner's reference.
//
// Kill, Init and InitAt are for one caller at a time. Init of a dead count may run while
// others call TryGet through stale weak references: CPU 0's word is live before the others
// are, so that who got a reference on any of them can drop it everywhere.
//
// # Memory order
//
// All operations on one word are in one order, and each synchronizes before those that
// follow it. A Put on a word synchronizes before Kill takes the word away, and Kill's
// addition, or a Put on CPU 0's word, before the Put that makes 0 of it. So every Put
// synchronizes before the Put or Kill that reports true.
//
// # Limits
//
// 2^60 references, past which nothing is promised. XNU panics past 2^28-1 on one word, which
// says nothing of the sum, and reads a live count as 2^28-1; here Count adds the words up,
// which is right while nobody changes them. A Get or a Put on a dead count panics, as does a
// second Kill. A drop too many before Kill shows only when the sum comes to zero too early.
//
// # Cost
//
// A line of the cache for each P, and 24 bytes. Get and Put are a load and a locked
// addition, TryGet a load and a compare-and-swap. Kill is one exchange for each word and one
// addition, and waits for nobody. If GOMAXPROCS grows after Init, the new Ps share P 0's
// word.
package xnupcpu

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Max is the largest number of references.
const Max = 1 << 60

// Strategy is the count with a live word per CPU.
var Strategy = &strategies.Strategy{
	Name: "xnupcpu",
	Doc:  "an atomic word per CPU until killed, folded into one: no grace period (XNU os_pcpu_ref)",
	Promise: strategies.Promise{
		Limit:         Max,
		Overflow:      strategies.Wraps,
		Underflow:     strategies.Panics,
		GetOnZero:     strategies.Panics,
		Zero:          strategies.AfterKill,
		TryGet:        strategies.Exact,
		TryGetRefuses: strategies.DuringKill,
		Count:         strategies.Approximate,
		Progress:      strategies.LockFree,
		Bytes:         int(unsafe.Sizeof(Count{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[atomic.Int64]{})),
		TypeStable:    true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

const (
	live = 1 << 0
	one  = 1 << 2

	countShift = 2
)

// A Count counts references per CPU until it is killed.
type Count struct {
	words pin.Lines[atomic.Int64] // see the package doc for the bits; set by the first Init and never changed
}

// Init starts a life with one reference, the owner's. The first Init allocates the words.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references.
func (c *Count) InitAt(n int64) {
	if c.words == nil {
		c.words = pin.NewLines[atomic.Int64]()
	}
	// CPU 0's first: see the package doc.
	c.words[0].Word.Store(n<<countShift | live)
	for i := 1; i < len(c.words); i++ {
		c.words[i].Word.Store(live)
	}
}

// Get takes a reference. The caller holds one. It panics on a dead count.
func (c *Count) Get() {
	w, zero := c.words.Own(), &c.words[0].Word
	if w != zero && w.Load()&live != 0 {
		if w.Add(one)&live != 0 {
			return
		}
		// Kill has taken the word away in between.
		w.Add(-one)
	}
	// An addition leaves live as it was.
	if n := zero.Add(one); n&live == 0 && n <= one {
		zero.Add(-one)
		panic("xnupcpu: Get on a dead count")
	}
}

// TryGet takes a reference unless the count is killed, and reports whether it did.
func (c *Count) TryGet() bool {
	w := c.words.Own()
	for {
		v := w.Load()
		if v&live == 0 {
			return false
		}
		if w.CompareAndSwap(v, v+one) {
			return true
		}
	}
}

// Put drops a reference and reports whether it was the last, which it can be only after
// Kill. It panics on a dead count.
func (c *Count) Put() bool {
	w, zero := c.words.Own(), &c.words[0].Word
	if w != zero && w.Load()&live != 0 {
		if w.Add(-one)&live != 0 {
			return false
		}
		w.Add(one)
	}
	n := zero.Add(-one)
	if n&live == 0 && n < 0 {
		zero.Add(one)
		panic("xnupcpu: Put on a dead count")
	}
	return n == 0
}

// Kill folds all words into CPU 0's, drops the owner's reference, and reports whether it
// was the last. It panics if the count is killed already.
func (c *Count) Kill() bool {
	sum := int64(0)
	for i := len(c.words) - 1; i > 0; i-- {
		v := c.words[i].Word.Swap(0)
		if v&live == 0 {
			panic("xnupcpu: second Kill")
		}
		sum += v - live
	}
	zero := &c.words[0].Word
	if zero.Load()&live == 0 {
		panic("xnupcpu: second Kill")
	}
	return zero.Add(sum-live-one) == 0
}

// Count returns the number of references. It goes through the words, which others change
// meanwhile.
func (c *Count) Count() int64 {
	n := int64(0)
	for i := range c.words {
		n += c.words[i].Word.Load() >> countShift
	}
	return n
}

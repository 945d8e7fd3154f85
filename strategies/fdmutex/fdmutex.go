// Package fdmutex is how Go counts the operations on an open file or socket
// (internal/poll, fdMutex, Go 1.26): references, a bit that says closed, and two locks with
// those who wait for them, in one word. Here are the references and the bit. Once closing
// has begun nobody gets in any more, and who leaves last after that destroys the
// descriptor.
//
// # Protocol
//
// The word has 64 bits, laid out as Go's:
//
//	bit  0       closed
//	bit  1       Go's lock of readers; 0 here
//	bit  2       Go's lock of writers; 0 here
//	bits 3-22    the number of references: 0 .. 2^20-1
//	bits 23-42   Go's readers that wait; 0 here
//	bits 43-62   Go's writers that wait; 0 here
//	bit  63      0
//
// TryGet is incref: a compare-and-swap loop that fails if the word is closed. It panics past
// the limit. Put is decref: it panics if there is no reference, and reports whether it
// left none. Kill is what FD.Close does to the word, in two steps: it sets closed
// (increfAndClose), and then drops the owner's reference:
//
//	2 references, the owner's and B's
//	A: Kill    sets closed
//	B: TryGet  false, though A's reference is still there
//	B: Put     leaves 1: false
//	A: Kill    drops its own: true
//
// So from its first step on every TryGet fails, and the promise says so: "trygetrefuses
// oncekilled". No mode changes and nothing is waited for.
//
// # Memory order
//
// All operations on one count are one total order, and each of them synchronizes before
// those that follow it. Hence every Put synchronizes before the Put or Kill that reports
// true. In Go these are the same atomic operations.
//
// Init of a dead count may run while others call TryGet through stale weak references to
// it: TryGet writes only to a word that it has seen open with references.
//
// # Limits
//
// 2^20-1 references. One more panics, in Get as in TryGet, and so does a Put too many and a
// Get on a dead count. The word is as it was then.
//
// # Cost
//
// Eight bytes. Every operation is a load and a compare-and-swap, tried again as often as
// somebody else gets in between. Go adds two semaphores of four bytes for the locks.
//
// # Choices
//
// In Go an open file with nobody in it has 0 references, and closed is what takes the place
// of an owner's. Here the owner's reference is counted, as the contract wants it, so that
// one reference less is left for the others; increfAndClose, which takes one for the
// closer, finds it there already. Go has no Get that can't be refused: each operation
// asks. Get here is for who has a reference, and so it doesn't look at closed. Go
// leaves the two locks in the word because an operation takes the lock and a reference in
// one step; they count nothing beyond that reference, and are left out.
package fdmutex

import (
	"fmt"
	"sync/atomic"

	"github.com/refbench/refbench/strategies"
)

// Max is the largest number of references.
const Max = 1<<20 - 1

// The fields of the word: see the package doc.
const (
	closed = 1 << 0
	one    = 1 << 3
	refs   = Max * one
)

// Strategy is the count of operations on an open file.
var Strategy = &strategies.Strategy{
	Name: "fdmutex",
	Doc:  "references and a closed bit in one word: no TryGet once closing began (Go internal/poll)",
	Promise: strategies.Promise{
		Limit:         Max,
		Overflow:      strategies.Panics,
		Underflow:     strategies.Panics,
		GetOnZero:     strategies.Panics,
		Zero:          strategies.Immediate,
		TryGet:        strategies.Exact,
		TryGetRefuses: strategies.OnceKilled,
		Count:         strategies.Exact,
		Progress:      strategies.LockFree,
		Bytes:         8,
		TypeStable:    true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// A Count is a reference count of 20 bits that can be closed.
type Count struct {
	word atomic.Uint64 // see the package doc for its bits
}

// Init starts a life with one reference, open.
func (c *Count) Init() { c.word.Store(one) }

// InitAt starts a life with n references, open. n is from 1 to [Max].
func (c *Count) InitAt(n int64) { c.word.Store(uint64(n) * one & refs) }

// Get takes a reference, whether the count is closed or not. It panics on a dead count and
// past [Max].
func (c *Count) Get() {
	for {
		old := c.word.Load()
		if n := old & refs; n == 0 || n == refs {
			panicAt("Get", old)
		}
		if c.word.CompareAndSwap(old, old+one) {
			return
		}
	}
}

// TryGet takes a reference unless the count is closed or dead, and reports whether it did
// (incref). It panics past [Max].
func (c *Count) TryGet() bool {
	for {
		old := c.word.Load()
		switch {
		case old&closed != 0 || old&refs == 0:
			return false
		case old&refs == refs:
			panicAt("TryGet", old)
		}
		if c.word.CompareAndSwap(old, old+one) {
			return true
		}
	}
}

// Put drops a reference and reports whether it left none (decref). It panics if there is
// none.
func (c *Count) Put() bool {
	for {
		old := c.word.Load()
		if old&refs == 0 {
			panicAt("Put", old)
		}
		if c.word.CompareAndSwap(old, old-one) {
			return old&refs == one
		}
	}
}

// Kill closes the count, drops the owner's reference, and reports whether that was the last.
func (c *Count) Kill() bool {
	for {
		old := c.word.Load()
		if old&refs == 0 {
			panicAt("Kill", old)
		}
		if c.word.CompareAndSwap(old, old|closed) {
			return c.Put()
		}
	}
}

//go:noinline
func panicAt(op string, word uint64) {
	panic(fmt.Sprintf("fdmutex: %s on a count of %d, closed %v", op, word&refs/one, word&closed != 0))
}

// Count returns the number of references.
func (c *Count) Count() int64 { return int64(c.word.Load() & refs / one) }

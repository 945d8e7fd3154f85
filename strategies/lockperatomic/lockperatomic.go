// Package lockperatomic counts references on a machine that has no atomic
// addition and no compare-and-swap: each count carries a lock of its own, in the
// same word. It is what Akaros did on RAMP, an FPGA model of SPARC V8 whose only
// atomic instructions were swap and ldstub (kern/arch/sparc/atomic.h, until
// commit 4f719142 removed the port in 2013).
//
// # Protocol
//
//	bits 31..8   the number of references, signed: -2^23 .. 2^23-1
//	bits  7..0   the lock: 0 free, 0xff held
//
// An operation takes the lock, computes the new number, and stores number and
// free lock with one store: there is no separate unlock. Reading takes no lock.
// Init is one store that ignores the lock. Put reports on the number that it
// leaves. (Akaros once reported on the number that it found, so that the last
// Put reported false and the next, on a dead count, true: fixed in 9d81ada3.)
// Kill is Put.
//
// RAMP locks with ldstub: it writes 0xff to the lock byte, returns what was
// there, and leaves the other bytes alone. sync/atomic has no operation on a byte.
// Its Uint32.Or would leave the other bits alone too, but with its result used it
// compiles on amd64 to a loop around CMPXCHG, the instruction that this strategy
// is there to do without. So the lock is taken with a swap of the whole word:
//
//	read the word until its lock is free: seen
//	swap in seen with the lock held:      old
//	if old's lock was free, the caller holds it, and old's number is the count
//	otherwise start again
//
// The number can't be lost, though a swap may write a stale one. At each
// instant it is in one place: in the word if the lock is free, or else in the
// hands of the goroutine whose swap returned a free lock. The number beside a
// held lock is for readers only; nobody computes with it, and the holder's
// store overwrites it:
//
//	A: reads  5, free
//	B: reads  5, free; swaps in 5, held; gets 5, free: B holds, the count is 5
//	B: stores 6, free
//	C: reads  6, free; swaps in 6, held; gets 6, free: C holds, the count is 6
//	A: swaps in 5, held; gets 6, held: A lost, and readers see 5 for a while
//	C: stores 7, free
//
// On amd64 an operation executes MOV (the read), XCHG (the swap) and XCHG (the
// store: sync/atomic makes every store sequentially consistent). RAMP executes
// LDSTUB, LD, ST. So against the source there is one read before the swap
// instead of after it, the store costs a locked instruction instead of a plain
// one, and readers may see an earlier number while the lock is held.
//
// # Memory order
//
// The store that ends an operation synchronizes before the swap that observes
// it. As each operation on one count takes the lock, they are all in one order,
// each before the next, and every Put synchronizes before the Put that reports
// true. Count is one load: it synchronizes after the store that it observes.
//
// # Limits
//
// 24 bits: a Get at 2^23-1 makes the number -2^23, silently, and it comes round
// to 0 after 2^24 references too many. Below zero it goes on counting, and TryGet
// takes any number but 0 for life. Get on 0 makes it 1.
//
// A goroutine that loses its CPU while it holds the lock stops all others that
// use the count, and on RAMP an interrupt handler that used it could wait for
// ever for the code that it had interrupted. Here waiting goroutines give way
// after a while, so that they don't wait for ever if there are more of them than
// CPUs.
//
// As Init ignores the lock it must not run while anyone else uses the count, not
// even TryGet through a stale weak reference:
//
//	A: TryGet takes the lock; the count is 0
//	B: Init   stores 1, free
//	A: TryGet stores 0, free: B's reference is gone
//
// # Cost
//
// Four bytes. Two locked instructions where an atomic count needs one, and a
// read. Under contention each waiting CPU reads its own copy of the cache line
// and swaps only when it sees the lock free.
package lockperatomic

import (
	"runtime"
	"sync/atomic"

	"github.com/refbench/refbench/strategies"
)

// Strategy is the count with a lock in its word.
var Strategy = &strategies.Strategy{
	Name: "lockperatomic",
	Doc:  "a 24-bit number and its lock in one word, as Akaros did on RAMP's SPARC without compare-and-swap",
	Promise: strategies.Promise{
		Limit:        Max,
		Width:        24,
		Overflow:     strategies.Wraps,
		Underflow:    strategies.Wraps,
		GetOnZero:    strategies.Revives,
		Zero:         strategies.Immediate,
		TryGet:       strategies.Exact,
		Count:        strategies.Approximate,
		Resurrection: true,
		Progress:     strategies.Blocking,
		Bytes:        4,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

const (
	// Max is the largest number that 24 signed bits hold.
	Max = 1<<23 - 1

	lockBits = 8
	held     = 1<<lockBits - 1 // what ldstub writes
)

// spins is how often a waiting goroutine tries before it gives way. The lock is
// held for some ten instructions, so if it isn't free by then its holder has
// most likely lost its CPU, and gets it back sooner if nobody spins on it. With
// GOMAXPROCS=1 it gets it back only so.
const spins = 64

// A Count is a reference count of 24 bits with its own lock.
type Count struct {
	word atomic.Uint32 // see the package doc for its bits
}

// tryLock takes the lock if it is free and returns the number of references.
func (c *Count) tryLock() (n int32, ok bool) {
	seen := c.word.Load()
	if seen&held != 0 {
		return 0, false
	}
	old := c.word.Swap(seen | held)
	return int32(old) >> lockBits, old&held == 0
}

// wait takes the lock once it is free and returns the number of references.
func (c *Count) wait() int32 {
	for tries := 1; ; tries++ {
		if n, ok := c.tryLock(); ok {
			return n
		}
		if tries%spins == 0 {
			runtime.Gosched()
		}
	}
}

// publish sets the number, modulo 2^24, and frees the lock, in one store.
func (c *Count) publish(n int32) { c.word.Store(uint32(n) << lockBits) }

// add adds d to the number, modulo 2^24, and returns what it leaves.
func (c *Count) add(d int32) int32 {
	n, ok := c.tryLock()
	if !ok {
		n = c.wait()
	}
	n = (n + d) << lockBits >> lockBits
	c.publish(n)
	return n
}

// addNotZero adds d unless the number is 0, and reports whether it did.
func (c *Count) addNotZero(d int32) bool {
	n, ok := c.tryLock()
	if !ok {
		n = c.wait()
	}
	if n == 0 {
		c.publish(0)
		return false
	}
	c.publish(n + d)
	return true
}

// Init starts a life with one reference. It doesn't take the lock.
func (c *Count) Init() { c.publish(1) }

// InitAt starts a life with n references, modulo 2^24. It doesn't take the lock.
func (c *Count) InitAt(n int64) { c.publish(int32(n)) }

// Get takes a reference. It checks nothing: on a dead count it makes 0 into 1.
func (c *Count) Get() { c.add(1) }

// TryGet takes a reference unless the count is 0, and reports whether it did.
func (c *Count) TryGet() bool { return c.addNotZero(1) }

// Put drops a reference and reports whether it left none.
func (c *Count) Put() bool { return c.add(-1) == 0 }

// Kill is Put.
func (c *Count) Kill() bool { return c.add(-1) == 0 }

// GetN takes n references.
func (c *Count) GetN(n int) { c.add(int32(n)) }

// TryGetN takes n references unless the count is 0, and reports whether it did.
func (c *Count) TryGetN(n int) bool { return c.addNotZero(int32(n)) }

// PutN drops n references and reports whether it left none.
func (c *Count) PutN(n int) bool { return c.add(-int32(n)) == 0 }

// Drop drops a reference that the caller knows not to be the last (Akaros
// atomic_dec). It checks nothing: if it was the last, nobody is told.
func (c *Count) Drop() { c.add(-1) }

// Count returns the number of references without taking the lock: negative once
// it has wrapped or more were dropped than taken. While somebody holds the lock
// it may be an earlier number.
func (c *Count) Count() int64 { return int64(int32(c.word.Load()) >> lockBits) }

// Resurrect takes a reference whether or not the count is 0. The caller holds
// the lock under which a released object is freed.
func (c *Count) Resurrect() { c.add(1) }

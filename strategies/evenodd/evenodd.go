// Package evenodd is Netty's reference count (RefCnt of Netty 4.2, common/src/main/java/
// io/netty/util/internal/RefCnt.java): a reference is worth 2, so that the lowest bit is
// free to say that the count is dead, and taking one is a single addition that can't fail
// to be tried.
//
// # Protocol
//
//	word   even        alive, word/2 references; 2 to 2^31-2
//	       odd         dead
//	       below zero  past the limit, until who did that has taken it back
//
// Get adds 2, whatever is there, and looks at what was: if that was odd or negative, or
// if the sum is past the limit, it subtracts 2 again and panics. TryGet does the same and
// reports false instead. Put is a compare-and-swap loop: the last reference, 2, becomes
// 1, and from any other 2 is subtracted; too few or an odd word panic. Kill is Put.
//
// That the dead stay dead while others add to them and take back is what the odd bit is
// for. With 0 for dead, an addition that is about to be taken back looks like a reference:
//
//	the count is 0, dead
//	A: TryGet   adds 1: 1; sees that 0 was there; is about to take it back
//	B: TryGet   adds 1: 2; sees that 1 was there, and has a dead object
//	A:          subtracts 1
//
// Netty counted so from 4.1.17 on (83a19d565064); netty#8563 is what came of it, and
// netty#8583 the odd bit. Here A makes 3 of 1, and B sees an odd word.
//
// # Memory order
//
// All operations on one count are one total order, and each synchronizes before those
// that follow it, since sync/atomic knows no weaker form. Hence every Put synchronizes
// before the Put that reports true. Java's getAndAdd and compareAndSet are as strong.
// Netty has a plain read besides (isLiveNonVolatile), which orders nothing and isn't here.
//
// # Limits
//
// At most 2^30-1 references are counted. All misuse that the word shows panics: Get on a
// dead count, a Put too many, a Get past the limit. After it the word is what it was, but
// nothing is promised of it. While an addition past the limit waits to be taken back, the
// word is below zero, and others panic who would be right otherwise:
//
//	the count is at its limit
//	A: TryGet   adds 2: -2^31; is about to take it back
//	B: Put      reads -2^31, less than 2, and panics though B has a reference
//
// Netty knows of releases that meet an overflow and leaves it so (netty#8583).
//
// TryGet writes to a dead count, if only for a moment. So Init must not run while others
// call TryGet through stale weak references to it:
//
//	A: TryGet   adds 2 to 1: 3, dead
//	B: Init     stores 2
//	A: TryGet   subtracts 2: 0, and B's reference is gone
//
// # Cost
//
// Four bytes. Get and TryGet are one locked instruction and no loop: under contention
// nobody starts again. Put is a load and a compare-and-swap, tried again as often as
// somebody else gets in between; it is what an atomic count does in one instruction.
//
// # What the source leaves open
//
// RefCnt has no TryGet: Netty's callers catch the exception. TryGet here is retain with
// false for the exception, also past the limit. retain(n) shifts n without a look, so that
// 2^31 references more are 0 more; GetN and PutN panic at more than the limit.
// refCnt() of a dead count may read 1 while somebody's addition is there; Count reads 0.
package evenodd

import (
	"fmt"
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// bits is the width of the word.
const bits = 32

const (
	one  = 2 // a reference
	dead = 1

	most    = math.MaxInt32 - 1    // the largest even word
	refused = math.MinInt32 | dead // no reference is taken where one of these bits is set
)

// Max is the largest number of references.
const Max = most / one

// Strategy is Netty's count.
var Strategy = &strategies.Strategy{
	Name: "evenodd",
	Doc:  "a word that is even when alive and odd when dead, and one addition to get, as in Netty's RefCnt",
	Promise: strategies.Promise{
		Limit:     Max,
		Overflow:  strategies.Panics,
		Underflow: strategies.Panics,
		GetOnZero: strategies.Panics,
		Zero:      strategies.Immediate,
		TryGet:    strategies.Exact,
		Count:     strategies.Exact,
		Progress:  strategies.LockFree,
		Bytes:     int(unsafe.Sizeof(Count{})),
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// A Count is a reference count whose lowest bit says that it is dead.
type Count struct {
	// word is an int32 for sync/atomic's functions, so that Get inlines: see
	// saturating.Count.
	word int32
}

// Init starts a life with one reference. Nobody may call TryGet meanwhile.
func (c *Count) Init() { atomic.StoreInt32(&c.word, one) }

// InitAt starts a life with n references, up to [Max]; with none the count is dead
// (setRefCnt).
func (c *Count) InitAt(n int64) {
	if n <= 0 {
		atomic.StoreInt32(&c.word, dead)
		return
	}
	atomic.StoreInt32(&c.word, int32(n)*one)
}

// Count returns the number of references (refCnt). While somebody's addition past [Max]
// waits to be taken back it is more than that.
func (c *Count) Count() int64 {
	w := atomic.LoadInt32(&c.word)
	if w&dead != 0 {
		return 0
	}
	return int64(w) / one & (1<<(bits-1) - 1)
}

// Get takes a reference (retain). It panics on a dead count and past [Max].
func (c *Count) Get() {
	// The sum is odd or negative whenever the word was or this passes the limit, but for
	// -2: to bring it there 2^30 goroutines would have to stand past the limit.
	if now := atomic.AddInt32(&c.word, one); now&refused != 0 {
		c.badGet(now)
	}
}

//go:noinline
func (c *Count) badGet(now int32) { c.takeBack(one, now-one) }

// takeBack takes d back, panics and says why.
func (c *Count) takeBack(d, old int32) {
	atomic.AddInt32(&c.word, -d)
	what := "past the limit"
	if old&dead != 0 {
		what = "on a dead count"
	}
	panic(fmt.Sprintf("evenodd: Get %s: the word is %d, and %d is taken", what, old, d))
}

// GetN takes n references (retain(n)). It panics on a dead count and past [Max].
func (c *Count) GetN(n int) {
	if int64(n) > Max {
		panic(fmt.Sprintf("evenodd: GetN past the limit: %d references", n))
	}
	d := int32(n) * one
	if old := atomic.AddInt32(&c.word, d) - d; old < 0 || old&dead != 0 || old > most-d {
		c.takeBack(d, old)
	}
}

// TryGet takes a reference unless the count is dead or at [Max], and reports whether it
// did.
func (c *Count) TryGet() bool {
	if now := atomic.AddInt32(&c.word, one); now&refused != 0 {
		atomic.AddInt32(&c.word, -one)
		return false
	}
	return true
}

// TryGetN takes n references unless the count is dead or they would pass [Max], and
// reports whether it did.
func (c *Count) TryGetN(n int) bool {
	if int64(n) > Max {
		return false
	}
	d := int32(n) * one
	if old := atomic.AddInt32(&c.word, d) - d; old < 0 || old&dead != 0 || old > most-d {
		atomic.AddInt32(&c.word, -d)
		return false
	}
	return true
}

// Put drops a reference and reports whether it was the last (release). It panics on a
// dead count.
func (c *Count) Put() bool { return c.put(one) }

// Kill is Put.
func (c *Count) Kill() bool { return c.put(one) }

// PutN drops n references and reports whether they were the last (release(n)). It panics
// if there are fewer.
func (c *Count) PutN(n int) bool {
	if int64(n) > Max {
		panic(fmt.Sprintf("evenodd: PutN of more references than there can be: %d", n))
	}
	return c.put(int32(n) * one)
}

func (c *Count) put(d int32) bool {
	for {
		old := atomic.LoadInt32(&c.word)
		switch {
		case old == d:
			if atomic.CompareAndSwapInt32(&c.word, old, dead) {
				return true
			}
		case old < d || old&dead != 0:
			badPut(d, old)
		case atomic.CompareAndSwapInt32(&c.word, old, old-d):
			return false
		}
	}
}

//go:noinline
func badPut(d, old int32) {
	panic(fmt.Sprintf("evenodd: Put of a reference that isn't there: the word is %d, and %d is dropped", old, d))
}

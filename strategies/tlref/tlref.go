// Package tlref is folly's TLRefCount (folly/concurrency/memory/TLRefCount.h, commit
// ff98381ea of 2026-08-22): each thread counts in a word of its own, without atomic
// instructions, until somebody asks for a count that sees zero. Then the words are
// collected, and who was counting meanwhile finds out whether it was collected.
//
// # Protocol
//
//	state      local   references are counted on the words
//	           global  they are counted in global; the words are being collected, or have been
//	a word     bit 0       busy (folly's inUpdate_): its P is in an operation
//	           bits 63..1  references taken less references dropped on this P
//	collected  0           nobody has decided what this P's number is
//	           otherwise   the number as it was decided, with bit 0 set
//
// Get and Put store the new number first, and look at the state then. If it is local
// still they are through. Otherwise Kill has come between, and the number may have been
// read before it was stored or after. So Kill and who was counting decide it together:
// each tries to set collected to the number that it knows, and the first one is right. If
// that is the new number, the operation was counted, and if it isn't, the old number is
// put back, and the operation done again in global.
//
//	word     collected  A, whose number is 2, on its P; Kill
//	3, busy  0          A: Get stores 3
//	3, busy  0          Kill: state.Store(global), and loads 3
//	3, busy  0          A: state.Load() is global
//	3, busy  3          A decides: it was counted
//	3        3          Kill finds it decided: 3
//
//	2        0          Kill: state.Store(global), and loads 2
//	3, busy  0          A: Get stores 3, and finds global
//	3, busy  2          Kill decides 2
//	2        2          A finds it decided otherwise, and counts in global
//
// Were the look before the store, nobody would know that Kill came between, and the
// reference would be lost.
//
// When all are decided Kill adds their sum to global, waits until no P is busy, and drops
// the owner's reference there. From then on global is an atomic count, and who makes 0 of
// it is the last. The wait isn't for the numbers, which are known. A Put that was counted
// may still have to look at collected, and its reference is gone already:
//
//	A: Put   stores 0, finds global
//	Kill     decides 0; adds the sum, 0, and drops the owner's: it is the last, and the memory is freed
//	A: Put   looks at collected
//
// While the state is local, and until the sum is added, global has a bias of -2^62, so
// that nobody can take it for zero.
//
// # Whose word
//
// In folly a word belongs to a thread, and Kill goes through all threads that have ever
// counted there. A goroutine has no such place, and no number. So here a word belongs to
// a P, and who changes it is pinned (package pin). Folly's threads wait at a mutex when
// they find that their number wasn't collected; a pinned goroutine mustn't, which is why
// it is decided by a compare-and-swap. Folly adds thread after thread to global, and
// makes everybody wait who finds the state between the two. Here the sum is added in one
// step, and the bias makes that wait unnecessary.
//
// Init of a dead count must not run while others use it through stale weak references:
//
//	A: TryGet  finds local, and loads 2
//	others     kill the count, and drop the last
//	A: TryGet  stores 3, and finds global
//	B: Init    takes 3 for what the word holds; nothing is decided
//	A: TryGet  decides 3: true, and it was never counted
//
// # Memory order
//
// The store of the number and the look at the state mustn't change places, and so is it
// with Kill's store of the state and its look at the numbers. In folly that is an
// asymmetric fence, light here and heavy there: asymmetric_thread_fence_light,
// asymmetric_thread_fence_heavy. Here it is [pin.Barrier], in Kill. A Put while the state
// is local synchronizes before the return of Kill, which observes its word. Operations on
// global are in one order. So every Put synchronizes before the Put or Kill that reports
// true.
//
// # Limits
//
// 2^60 references, past which nothing is promised. A Get or a Put on a dead count panics,
// as does a second Kill. A drop too many before Kill shows only when the count comes to
// zero too early.
//
// # Cost
//
// A line of the cache and 8 bytes for each P, and 40 bytes. Get, TryGet and Put are two
// loads of the state, two plain stores to the P's own word, and a pin. Kill is a barrier
// on all CPUs and a walk over all words, and waits only for what is a few instructions
// long. If GOMAXPROCS grows after Init, the new Ps count in global.
package tlref

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Max is the largest number of references.
const Max = 1 << 60

// Strategy is the count with a word per P that is collected.
var Strategy = &strategies.Strategy{
	Name: "tlref",
	Doc:  "a word per P, collected by Kill together with those who count meanwhile (folly TLRefCount)",
	Promise: strategies.Promise{
		Limit:     Max,
		Overflow:  strategies.Wraps,
		Underflow: strategies.Panics,
		GetOnZero: strategies.Panics,
		Zero:      strategies.AfterKill,
		TryGet:    strategies.Exact,
		Count:     strategies.Approximate,
		Progress:  strategies.LockFree,
		Bytes:     int(unsafe.Sizeof(Count{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[local]{})),
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// See the package doc for these.
const (
	stateGlobal = 0
	stateLocal  = 1

	decided = pin.Busy // so that a busy word is what is decided

	// bias keeps global away from zero until the words are in it.
	bias = -1 << 62
)

// A local is one P's: see the package doc for the bits.
type local struct {
	word      pin.Word
	collected atomic.Int64
}

// A Count is a reference count with a word per P.
type Count struct {
	state  atomic.Uint32
	words  pin.Lines[local] // set by the first Init and never changed
	global atomic.Int64
}

// Init starts a life with one reference, the owner's. The first Init allocates the words.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references. Words keep what they hold, which their Ps alone
// may change.
func (c *Count) InitAt(n int64) {
	if c.words == nil {
		c.words = pin.NewLines[local]()
	}
	for i := range c.words {
		l := &c.words[i].Word
		n -= l.word.Number()
		l.collected.Store(0)
	}
	c.global.Store(n + bias)
	c.state.Store(stateLocal)
}

// update adds d on the word of the P that the caller is on and reports true, or reports
// false if global counts.
func (c *Count) update(d int64) bool {
	if c.state.Load() != stateLocal {
		return false
	}
	cpu := pin.Pin()
	if uint(cpu) >= uint(len(c.words)) {
		pin.Unpin()
		return false
	}
	l := &c.words[cpu].Word
	v := l.word.Load()
	updated := v + d*pin.One
	l.word.Store(updated | pin.Busy)
	ok := c.state.Load() == stateLocal || l.decide(updated) == updated
	if !ok {
		updated = v
	}
	l.word.Store(updated)
	pin.Unpin()
	return ok
}

// decide decides that the P's number is that of v, unless it was decided before, and returns
// what was decided.
func (l *local) decide(v int64) int64 {
	if l.collected.CompareAndSwap(0, v|decided) {
		return v
	}
	return l.collected.Load() &^ decided
}

// Get takes a reference. The caller holds one. It panics on a dead count.
func (c *Count) Get() {
	if c.update(1) {
		return
	}
	if n := c.global.Add(1); n == 1 {
		c.global.Add(-1)
		panic("tlref: Get on a dead count")
	}
}

// TryGet takes a reference unless the count is dead, and reports whether it did.
func (c *Count) TryGet() bool {
	if c.update(1) {
		return true
	}
	for {
		n := c.global.Load()
		if n == 0 {
			return false
		}
		if c.global.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Put drops a reference and reports whether it was the last, which it can be only after
// Kill. It panics on a dead count.
func (c *Count) Put() bool {
	if c.update(-1) {
		return false
	}
	n := c.global.Add(-1)
	if n == -1 {
		c.global.Add(1)
		panic("tlref: Put on a dead count")
	}
	return n == 0
}

// Kill collects the words (TLRefCount::useGlobal), drops the owner's reference, and reports
// whether it was the last. It panics if the count is killed already.
func (c *Count) Kill() bool {
	if c.state.Swap(stateGlobal) != stateLocal {
		panic("tlref: second Kill")
	}
	pin.Barrier()
	sum := int64(0)
	for i := range c.words {
		l := &c.words[i].Word
		sum += l.decide(l.word.Load()&^pin.Busy) / pin.One
	}
	c.global.Add(sum - bias)
	for i := range c.words {
		c.words[i].Word.word.Settle()
	}
	return c.global.Add(-1) == 0
}

// Count returns the number of references. Before Kill it goes through the words, which
// others change meanwhile.
func (c *Count) Count() int64 {
	n := c.global.Load()
	if c.state.Load() != stateLocal {
		return n
	}
	for i := range c.words {
		n += c.words[i].Word.word.Number()
	}
	return n - bias
}

// Package owned counts on words that are owned: each actor has two of its own, and adds to
// them by a plain increment that the compiler inlines. No atomic instruction, no pin, no
// call: for that an actor has to say who it is, which the basic contract has no room for
// (see strategies.ActorCounter). Whoever doesn't say counts on a number that all share.
//
// It is a count per CPU, as Linux percpu_ref (lib/percpu-refcount.c), with the CPU
// taken out: there the kernel has to keep a thread on its CPU while that changes the CPU's
// word, and here a worker or a connection takes its word along. Who owned a word alone
// was measured to take a fifth of what an atomic count does, and pinning twice as long.
//
// # Protocol
//
//	open     how many actors count on words: as many as there are lines
//	         0: Kill has begun, and all are counted in shared
//	a line   taken and dropped, of the actor whose number is that of the line, from 1
//	a word   bit 0       busy: its actor is between announcing an operation and finishing it
//	         bits 63..1  references that it has taken, or dropped, since the memory was made
//	shared   references taken less references dropped by all others, and from Kill on of all;
//	         with a bias until then
//
// TakeAs and DropAs announce themselves: the word is made busy, open is looked at once
// more, and the word is stored with one more, or as it was. The look before that is for
// those who come when Kill is over: nobody is busy any more then, whatever they try. The
// second one is what counts. With the first alone, this would be lost:
//
//	A: TakeAs                      Kill
//	open != 0
//	                               open.Store(0), adds all words up
//	taken.Store(one more)
//
// and with a second look that comes before the announcement, the same. With both:
//
//	A: TakeAs                      Kill
//	taken.Store(busy)              open.Store(0)
//	open.Load()                    Barrier
//	taken.Store(one more)          waits until A isn't busy, and reads what it stored
//
// Either A finds open at 0, and has done nothing, or Kill finds it busy. So Kill closes,
// waits until no word is busy, and then knows all that was ever counted on words. It adds
// the sum to shared and drops the owner's reference in one step. From there on shared is
// an atomic count, and who makes 0 of it is the last.
//
// Until then shared alone says nothing. It goes below zero when others drop what actors
// have taken, and through zero:
//
//	shared  A's words   (the owner's reference is in shared)
//	1       0 - 0
//	1       1 - 0       A: TakeAs, and hands its reference to B, who doesn't say who he is
//	0       1 - 0       B: Put, in shared. The owner has a reference still.
//
// So it has a bias of -2^62, which is taken off in the step that adds the sum, and nobody
// takes it for zero before.
//
// Taken and dropped are two words. A single one would be written twice for each
// pair, each time depending on the last, and with two each waits for itself alone.
//
// # Who owns a word
//
// Nobody checks that. Two who count as one actor lose counts, and so nobody may be given
// another's: a number without a line isn't brought into range, it is nobody's, and counted
// in shared. There are as many lines as CPUs when the memory is made. Actors beyond that
// are right, and as slow as an atomic count.
//
// Words keep what they hold in the memory's next life, which begins with less by that:
// only an actor may write its words, as it may be busy doing so without effect. So Init of a
// dead count may run while others call TryGet through stale weak references.
//
// # Memory order
//
// Words are those of package pin, but here the writer isn't pinned. What [pin.Barrier] says holds all
// the same: a goroutine that is moved to another thread, or stopped, has passed a barrier
// by that. So either an operation observes that open is 0, or Kill observes it busy,
// and waits for its last store, which everything comes before that the actor did
// before the announcement. A DropAs that has dropped synchronizes before the return of
// Kill so. All operations on shared are in one order, Kill's among them. So every Put
// synchronizes before the Put or Kill that reports true.
//
// # Limits
//
// 2^60 references, past which nothing is promised, and 2^62 operations of one actor on
// the memory of one count. A Get or a Put on a dead count panics, as does a second Kill. A
// drop too many before Kill shows only when the count comes to zero too early. Count is off
// while others count: it reads the words one after the other.
//
// Kill waits for an operation that is a few instructions long, unless its goroutine or its
// thread lost its CPU in the middle: here, other than where goroutines are pinned, Go's
// scheduler may take it, and gives it back when it is its turn.
//
// # Cost
//
// A line of the cache for each CPU, and 40 bytes. TakeAs and DropAs are two
// loads of open, a load and two plain stores of the actor's own word; on platforms
// where words are atomic, two atomic stores. Get, TryGet and Put are an atomic operation, as of a
// plain count, and a load. Kill is a barrier on all CPUs and a walk over all words.
package owned

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Max is the largest number of references.
const Max = 1 << 60

// Strategy is the count with owned words.
var Strategy = &strategies.Strategy{
	Name: "owned",
	Doc:  "plain words that one actor each owns, who says who it is; added up by Kill",
	Promise: strategies.Promise{
		Limit:      Max,
		Overflow:   strategies.Wraps,
		Underflow:  strategies.Panics,
		GetOnZero:  strategies.Panics,
		Zero:       strategies.AfterKill,
		TryGet:     strategies.Exact,
		Count:      strategies.Approximate,
		Progress:   strategies.LockFree,
		Bytes:      int(unsafe.Sizeof(Count{})) + pin.CPUs()*int(unsafe.Sizeof(line{})),
		TypeStable: true,
		Actors:     true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

// bias keeps shared away from zero until the words are in it.
const bias = -1 << 62

// A line is what one actor has, alone on its lines of the cache.
type line struct {
	taken, dropped pin.Word
	_              [pin.LineBytes - 16]byte
}

// A Count is a reference count with words that actors own.
type Count struct {
	open   atomic.Uint64 // how many actors count on words
	lines  []line        // that of actor 1 first; made by the first Init and never changed
	shared atomic.Int64
}

// Init starts a life with one reference, the owner's. The first Init allocates the lines.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references.
func (c *Count) InitAt(n int64) {
	if c.lines == nil {
		c.lines = make([]line, pin.CPUs())
	}
	c.shared.Store(n - c.sum() + bias)
	c.open.Store(uint64(len(c.lines)))
}

// sum is how many references were taken on words, less those that were dropped there.
func (c *Count) sum() int64 {
	var n int64
	for i := range c.lines {
		n += c.lines[i].taken.Number() - c.lines[i].dropped.Number()
	}
	return n
}

// TakeAs takes a reference on the actor's word and reports whether it did. If not it has
// done nothing.
func (c *Count) TakeAs(actor int) bool {
	i := uint64(actor - 1)
	if i >= c.open.Load() {
		return false
	}
	w := &c.lines[i].taken
	v := w.Load()
	w.Store(v | pin.Busy)
	ok := c.open.Load() != 0 // the second look: see the package doc
	if ok {
		v += pin.One
	}
	w.Store(v)
	return ok
}

// DropAs drops a reference on the actor's word and reports whether it did. If not it has
// done nothing. It isn't the last: Kill comes later.
func (c *Count) DropAs(actor int) bool {
	i := uint64(actor - 1)
	if i >= c.open.Load() {
		return false
	}
	w := &c.lines[i].dropped
	v := w.Load()
	w.Store(v | pin.Busy)
	ok := c.open.Load() != 0
	if ok {
		v += pin.One
	}
	w.Store(v)
	return ok
}

// Get takes a reference in shared. The caller holds one. It panics on a dead count.
func (c *Count) Get() {
	if c.shared.Add(1) == 1 {
		c.shared.Add(-1)
		panic("owned: Get on a dead count")
	}
}

// TryGet takes a reference in shared unless the count is dead, and reports whether it did.
func (c *Count) TryGet() bool {
	for {
		n := c.shared.Load()
		if n == 0 {
			return false
		}
		if c.shared.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Put drops a reference in shared and reports whether it was the last, which it can be only
// after Kill. It panics on a dead count.
func (c *Count) Put() bool {
	n := c.shared.Add(-1)
	if n == -1 {
		c.shared.Add(1)
		panic("owned: Put on a dead count")
	}
	return n == 0
}

// Kill adds the words up, drops the owner's reference, and reports whether it was the last.
// It panics if the count is killed already.
func (c *Count) Kill() bool {
	if c.open.Swap(0) == 0 {
		panic("owned: second Kill")
	}
	pin.Barrier()
	for i := range c.lines {
		c.lines[i].taken.Settle()
		c.lines[i].dropped.Settle()
	}
	return c.shared.Add(c.sum()-bias-1) == 0
}

// Count returns the number of references. Before Kill it goes through the words, which
// others change meanwhile.
func (c *Count) Count() int64 {
	n := c.shared.Load()
	if n < bias/2 {
		n += c.sum() - bias
	}
	return n
}

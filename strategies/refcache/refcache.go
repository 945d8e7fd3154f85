// Package refcache is Refcache (Clements, Kaashoek, Zeldovich: RadixVM: Scalable Address
// Spaces for Multithreaded Applications, EuroSys 2013, section 3.1; sv6
// include/refcache.hh, commit 102fd1ed2766, and kernel/refcache.cc, commit 0eff2044eaa1):
// each CPU keeps what has been added to the count there, and flushes that to the count
// once in an epoch. When the count comes to zero it may be by the order of flushes, so it
// is looked at again when all CPUs have flushed once more.
//
// # Protocol
//
//	a word  bit 0      touched: something was added here since the last flush
//	        bits 63..1 references taken less references dropped since then, as a signed number
//	state   0 live     nobody thinks that the count is zero
//	        1 dying    the count was zero at the end of an epoch
//	        2 dead
//
// Get and Put add to the word of the CPU that they are on. Nobody looks at the sum before
// Kill, which drops the owner's reference and then goes through epochs. In an epoch it
// takes away what is on each word, one after the other, and adds it to the count. Zero
// then says little:
//
//	count  CPU 0  CPU 1
//	1      0      0      the reference of A. Kill flushes CPU 0
//	1      1      0      A: Get on CPU 0, and hands the new one to B
//	1      1      -1     A: Put on CPU 1
//	0      1      0      Kill flushes CPU 1: 0, and B has a reference
//
// So the state becomes dying, and Kill flushes all CPUs a second time. Only if no word was
// touched meanwhile, and the state is dying still, it becomes dead. Untouched means that
// nothing was added, and not that it came to nothing:
//
//	count  CPU 0  CPU 1
//	0      1      0      as above: dying. Kill flushes CPU 1 first
//	0      1      1      B: Get on CPU 1
//	0      0      1      B: Put on CPU 0: touched, and 0
//	0      0      1      Kill flushes CPU 0: 0 again
//
// sv6's header says so, and its code flushes only what isn't 0.
//
// Why this is enough: when the second epoch begins all words have been flushed once, and
// what wasn't touched between its two flushes was 0 at that time. So was the count, and
// with it the number of references.
//
// TryGet adds to the word first and looks at the state then. If it is dying, it makes it
// live again, and Kill has to begin anew. If it is dead, it takes back what it added. A
// TryGet that finds the count live has added before it became dying, so that the second
// epoch finds it:
//
//	TryGet                    Kill
//	adds to CPU 0's word      state.Store(dying)
//	state.Load() == live      flushes CPU 0: touched
//
// Init of a dead count may run while others call TryGet through stale weak references. What
// such a TryGet has added and takes back in the next life comes to nothing, and only makes
// Kill look once more.
//
// # Choices
//
// In the paper a CPU has one table for what was added to all objects, and an object is
// small. Here each count has its words, since a count is a value that knows no other.
// There each CPU flushes itself, when a timer says so; in Go nobody can be made to run on
// a certain P, so words are atomic and whoever wants to know, which is Kill, flushes them
// all. There nobody waits: the object is freed by the CPU that reviews it. Here Kill
// does, and is the one to report the last. Its epochs follow one another while there is
// hope, and are 10 ms apart after some dozens, as the paper's.
//
// # Memory order
//
// All operations on one word are in one order, and each synchronizes before those that
// follow it. A Put synchronizes before the flush that takes it away, by Kill. So every Put
// synchronizes before Kill returns.
//
// # Limits
//
// 2^60 references, past which nothing is promised. A Get or a Put on a dead count panics.
// A drop too many isn't seen before Kill, which panics then. A reference that nobody drops
// stops Kill for ever.
//
// # Cost
//
// A line of the cache for each P, and 40 bytes. Get and Put are two loads and a
// compare-and-swap of a word that nobody else touches while Kill doesn't run; TryGet is a
// load more. Kill takes two epochs, each of a load for each P and an exchange for those
// that were touched, and runs until the others have gone. If GOMAXPROCS grows after Init,
// the new Ps share the word of P 0.
package refcache

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Max is the largest number of references.
const Max = 1 << 60

// Strategy is the count with a delta per CPU that is flushed in epochs.
var Strategy = &strategies.Strategy{
	Name: "refcache",
	Doc:  "a delta per CPU, flushed in epochs, and zero confirmed by an epoch without a change (RadixVM's Refcache)",
	Promise: strategies.Promise{
		Limit:      Max,
		Overflow:   strategies.Wraps,
		Underflow:  strategies.Panics,
		GetOnZero:  strategies.Panics,
		Zero:       strategies.Waits,
		TryGet:     strategies.Exact,
		Count:      strategies.Approximate,
		Progress:   strategies.LockFree,
		Bytes:      int(unsafe.Sizeof(Count{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[atomic.Int64]{})),
		TypeStable: true,
	},
	New: func() strategies.Counter { return new(Count) },
}

// See the package doc for the bits of words and for the states.
const (
	touched = 1 << 0
	one     = 1 << 1

	deltaShift = 1

	live  = 0
	dying = 1
	dead  = 2
)

const (
	// hasty is for how many epochs Kill goes on without a pause.
	hasty = 64

	// epoch is how far epochs are apart from then on: the paper's.
	epoch = 10 * time.Millisecond
)

// A Count is a reference count with a delta per CPU.
type Count struct {
	words pin.Lines[atomic.Int64] // set by the first Init and never changed
	count atomic.Int64            // what was flushed; Init and Kill write it
	state atomic.Int32
}

// Init starts a life with one reference, the owner's. The first Init allocates the words.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references.
func (c *Count) InitAt(n int64) {
	if c.words == nil {
		c.words = pin.NewLines[atomic.Int64]()
	}
	c.count.Store(n)
	c.state.Store(live)
}

// add adds d to the word of the CPU that the caller is on, or was on a moment ago.
func (c *Count) add(d int64) {
	word := c.words.Own()
	for {
		v := word.Load()
		if word.CompareAndSwap(v, (v+d)|touched) {
			return
		}
	}
}

// Get takes a reference. The caller holds one. It panics on a dead count.
func (c *Count) Get() {
	if c.state.Load() == dead {
		panic("refcache: Get on a dead count")
	}
	c.add(one)
}

// TryGet takes a reference unless the count is dead, and reports whether it did.
func (c *Count) TryGet() bool {
	// A look at first saves the words of what is dead from being written.
	if c.state.Load() == dead {
		return false
	}
	c.add(one)
	for {
		switch c.state.Load() {
		case live:
			return true
		case dying:
			if c.state.CompareAndSwap(dying, live) {
				return true
			}
		default:
			c.add(-one)
			return false
		}
	}
}

// Put drops a reference and reports false: it is Kill that reports the last. It panics on a
// dead count.
func (c *Count) Put() bool {
	if c.state.Load() == dead {
		panic("refcache: Put on a dead count")
	}
	c.add(-one)
	return false
}

// flush is an epoch: it adds what is on the words to the count, and reports whether any was
// touched.
func (c *Count) flush() (changed bool) {
	for i := range c.words {
		word := &c.words[i].Word
		if word.Load() == 0 {
			continue
		}
		c.count.Add(word.Swap(0) >> deltaShift)
		changed = true
	}
	return changed
}

// Kill drops the owner's reference, waits until all others have been dropped, and reports
// true. The caller holds no other reference. It panics if more references were dropped than
// taken.
func (c *Count) Kill() bool {
	c.count.Add(-1)
	for n := 0; ; n++ {
		c.flush()
		if c.count.Load() <= 0 {
			c.state.Store(dying)
			if !c.flush() {
				if c.count.Load() < 0 {
					panic("refcache: more references were dropped than taken")
				}
				if c.state.CompareAndSwap(dying, dead) {
					return true
				}
			}
		}
		if n < hasty {
			runtime.Gosched()
		} else {
			time.Sleep(epoch)
		}
	}
}

// Count returns the number of references. It goes through the words, which others change
// meanwhile.
func (c *Count) Count() int64 {
	n := c.count.Load()
	for i := range c.words {
		n += c.words[i].Word.Load() >> deltaShift
	}
	return n
}

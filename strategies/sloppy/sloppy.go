// Package sloppy is the sloppy counter of Boyd-Wickizer and others (An Analysis of Linux
// Scalability to Many Cores, OSDI 2010, section 4.3): one central count, and on each CPU
// a stock of spare references, which are counted there and in nobody's hands. Who takes a
// reference takes a spare one if there is any, and who drops one leaves it as a spare. Linux had
// it in experiments, for directory entries, mounts and network routes.
//
// # Protocol
//
//	central   bit 0      live: nobody has killed the count
//	          bits 63..1 references in use, and all spares
//	a word    bit 0      live: this CPU has a stock
//	          bits 63..1 its spares
//
// The invariant is that the central number is that of the references in use, the owner's
// among them, and of all spares. Get and TryGet take a spare of the CPU that they are on by a
// compare-and-swap, and if it has none they add one to the central number. Put adds a
// spare. A CPU that has too many gives half of them back: first it takes them off its
// word, and then off the central number, which is too high in between and so never zero.
//
// Nobody looks for zero before Kill. Kill takes the stock of each CPU away, one after the
// other, and from then on who drops there drops centrally. Then it takes all of these
// spares, the owner's reference and live off the central number in one step. From there on
// that is an atomic count, and who makes 0 of it is the last:
//
//	central   CPU 0    CPU 1
//	live, 3   live, 1  live, 0   the owner's reference, A's, and a spare one
//	live, 3   0        live, 0   Kill takes 1 away
//	live, 2   0        live, 0   A: Put on CPU 0, centrally; live is set: not the last
//	live, 2   0        0         Kill takes 0 away
//	0         0        0         Kill takes 1 spare and its own: it is the last
//
// Kill, Init and InitAt are for one caller at a time. Init of a dead count may run while
// others call TryGet through stale weak references: a word without a stock sends them to the
// central number, which is the dead one's or the new one's.
//
// # Memory order
//
// All operations on one word are in one order, and each synchronizes before those that
// follow it. A Put that leaves a spare synchronizes before the Kill that takes the stock
// away, or before who takes spares off that word, who goes on to the central number. So
// every Put synchronizes before the Put or Kill that reports true.
//
// # Limits
//
// 2^60 references, spares among them, past which nothing is promised. A Get or a Put on a dead
// count panics, as does a second Kill. A drop too many before Kill is a spare that nobody
// had, and shows only when the count comes to zero too early.
//
// # Cost
//
// A line of the cache for each P, and 32 bytes. While references are taken and dropped on the
// same CPU, each is a load and a compare-and-swap of a word that nobody else touches; the
// central number is touched once for each spare that a CPU has to get or gives back. If
// GOMAXPROCS grows after Init, the new Ps share P 0's word.
//
// # Choices
//
// The paper leaves the threshold open. Here a CPU gives back when it has more than 32
// spares. There the zero test goes through all CPUs each time; here it does so once, in
// Kill, as it is in the paper for directory entries that are about to be freed.
package sloppy

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// Max is the largest number of references.
const Max = 1 << 60

// MostSpares is how many spares a CPU keeps before it gives half of them back.
const MostSpares = 32

// Strategy is the central count with spare references on each CPU.
var Strategy = &strategies.Strategy{
	Name: "sloppy",
	Doc:  "a central count, and spare references on each CPU until killed (Boyd-Wickizer et al.)",
	Promise: strategies.Promise{
		Limit:      Max,
		Overflow:   strategies.Wraps,
		Underflow:  strategies.Panics,
		GetOnZero:  strategies.Panics,
		Zero:       strategies.AfterKill,
		TryGet:     strategies.Exact,
		Count:      strategies.Approximate,
		Progress:   strategies.LockFree,
		Bytes:      int(unsafe.Sizeof(Count{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[atomic.Int64]{})),
		TypeStable: true,
	},
	Retries: true,
	New:     func() strategies.Counter { return new(Count) },
}

const (
	live = 1 << 0
	one  = 1 << 1

	countShift = 1
)

// A Count is a central count with spare references on each CPU.
type Count struct {
	// See the package doc for the bits of these.
	central atomic.Int64
	words   pin.Lines[atomic.Int64] // set by the first Init and never changed
}

// Init starts a life with one reference, the owner's. The first Init allocates the words.
func (c *Count) Init() { c.InitAt(1) }

// InitAt starts a life with n references.
func (c *Count) InitAt(n int64) {
	if c.words == nil {
		c.words = pin.NewLines[atomic.Int64]()
	}
	c.central.Store(n<<countShift | live)
	for i := range c.words {
		c.words[i].Word.Store(live)
	}
}

// spare takes a spare reference of the caller's CPU, and reports whether there was one.
func (c *Count) spare() bool {
	word := c.words.Own()
	for {
		v := word.Load()
		if v < one|live {
			return false
		}
		if word.CompareAndSwap(v, v-one) {
			return true
		}
	}
}

// Get takes a reference. The caller holds one. It panics on a dead count.
func (c *Count) Get() {
	if c.spare() {
		return
	}
	if n := c.central.Add(one); n&live == 0 && n <= one {
		c.central.Add(-one)
		panic("sloppy: Get on a dead count")
	}
}

// TryGet takes a reference unless the count is dead, and reports whether it did.
func (c *Count) TryGet() bool {
	if c.spare() {
		return true
	}
	for {
		v := c.central.Load()
		if v == 0 {
			return false
		}
		if c.central.CompareAndSwap(v, v+one) {
			return true
		}
	}
}

// Put drops a reference and reports whether it was the last, which it can be only after
// Kill. It panics on a dead count.
func (c *Count) Put() bool {
	word := c.words.Own()
	for {
		v := word.Load()
		if v&live == 0 {
			break
		}
		if v < MostSpares*one {
			if word.CompareAndSwap(v, v+one) {
				return false
			}
		} else if word.CompareAndSwap(v, v-MostSpares/2*one) {
			// With the caller's, one more than what was on the word. Kill may have
			// come between the two steps, and these be the last.
			return c.central.Add(-(MostSpares/2+1)*one) == 0
		}
	}
	n := c.central.Add(-one)
	if n&live == 0 && n < 0 {
		c.central.Add(one)
		panic("sloppy: Put on a dead count")
	}
	return n == 0
}

// Kill takes all stocks away, drops the owner's reference, and reports whether it was the
// last. It panics if the count is killed already.
func (c *Count) Kill() bool {
	spares := int64(0)
	for i := range c.words {
		v := c.words[i].Word.Swap(0)
		if v&live == 0 {
			panic("sloppy: second Kill")
		}
		spares += v - live
	}
	return c.central.Add(-spares-one-live) == 0
}

// Count returns the number of references. It goes through the words, which others change
// meanwhile.
func (c *Count) Count() int64 {
	n := c.central.Load() >> countShift
	for i := range c.words {
		n -= c.words[i].Word.Load() >> countShift
	}
	return n
}

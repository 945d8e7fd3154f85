// Package rseq counts on the CPU that the caller runs on, in a restartable section (Linux
// rseq(2)): a few plain instructions that the kernel has begin anew if it interrupts them.
// Nobody is pinned, nothing is announced and no instruction is locked.
//
// # Protocol
//
// Get and Put add to the word of the CPU (package section) as long as the words are open, and
// else to one atomic word, the shared one. On a word nobody looks for zero: the owner's
// reference keeps the object alive. Kill closes the words, adds their sum to the shared word
// in one step, drops the owner's reference with it, and from then on the shared word is an
// atomic count: who makes 0 of it is the last.
//
// A reference may be taken on one CPU and dropped on another: a single word then goes below
// zero, and only the sum means anything.
//
// The shared word is biased by 2^63 while the words are open, since some count on it even
// then: a thread that can't have sections, or one on a CPU without a word.
//
//	words open, the owner's reference in the shared word, without a bias: 1
//	A: Get  on its CPU's word: 1
//	A: Put  on a CPU without a word: the shared word is 0, and A reports the last
//
// The words aren't looked at before they are closed, and closing cuts off every section that
// is under way. So the sum is the number that was counted, and who comes later counts on the
// shared word:
//
//	A                        owner
//	Put: loads the tag: open
//	                         Kill: the tag is closed, the section is cut off
//	Put: begins anew, closed
//	shared -= 1              shared += sum - bias - 1
//
// Whichever of the two is second makes 0 of it if these were the last. Before Kill's addition the
// bias keeps the shared word away from 0.
//
// Kill, Init and InitAt are for one caller at a time; Kill may run at the same time as all
// other methods. Init of a dead count may run while others call TryGet through stale weak
// references: the shared word is alive before the words are open.
//
// # Memory order
//
// A Put on a word synchronizes before the return of Kill's close (package section), and so
// before the addition of the sum to the shared word. Operations on that are sync/atomic
// operations. So every Put synchronizes before the Put or Kill that reports true.
//
// # Limits
//
// The count is right up to 2^62 references, and modulo 2^64 past that, but for the bias: see
// package percpu, which has the same.
//
// # Where it can't
//
// Sections need Linux 5.10 on amd64 or arm64, and no race detector. Elsewhere the same words
// are counted on by pinned goroutines, and Kill waits until nobody is pinned. refbench list
// and result files say which it is, and why: section.Way.
//
// # Cost
//
// A Get or a Put is a call of some fifteen instructions, of which two are stores to lines that
// no other CPU writes. Kill is a system call that interrupts the CPUs on which the process
// runs, and a walk over all words. A count takes 128 bytes for each CPU besides the Count
// itself. The first operation on a thread registers the thread.
//
// # Source
//
// Linux kernel/rseq.c and rseq(2): P. Turner and A. Hunter, "Restartable sequences" (2015), and
// M. Desnoyers; per-CPU counters are its first example. percpu_ref is where the two modes
// and the bias are from.
package rseq

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/section"
)

// Strategy is the per-CPU count in restartable sections.
var Strategy = &strategies.Strategy{
	Name: "rseq",
	Doc:  "a word per CPU until killed, counted on in a restartable section (Linux rseq)",
	Promise: strategies.Promise{
		Limit:        1 << 62,
		Width:        64,
		Overflow:     strategies.Wraps,
		Underflow:    strategies.Wraps,
		GetOnZero:    strategies.Revives,
		Zero:         strategies.AfterKill,
		TryGet:       strategies.Exact,
		Count:        strategies.Approximate,
		Resurrection: true,
		Progress:     strategies.LockFree,
		Bytes:        int(unsafe.Sizeof(Count{})) + section.CPUs()*section.WordBytes,
		TypeStable:   true,
	},
	Retries: true,
	Way:     section.Way,
	New:     func() strategies.Counter { return new(Count) },
}

// bias keeps the shared word away from zero while the words are open (PERCPU_COUNT_BIAS).
const bias = -1 << 63

// A Count counts references per CPU until it is killed.
type Count struct {
	words section.Words

	// shared is the count once the words are closed and added to it. Before, it is the count
	// plus bias minus the sum of the words.
	shared atomic.Int64
}

// Init starts a life with the owner's reference. The first Init allocates the words, later
// ones on the same memory keep them.
func (c *Count) Init() { c.InitAt(1) }

// InitAt is Init with n references.
func (c *Count) InitAt(n int64) {
	c.shared.Store(n + bias)
	c.words.Open()
}

// Get takes a reference.
func (c *Count) Get() {
	if !section.Add(&c.words, 1) {
		c.shared.Add(1)
	}
}

// GetN takes n references.
func (c *Count) GetN(n int) {
	if !section.Add(&c.words, int64(n)) {
		c.shared.Add(int64(n))
	}
}

// TryGet takes a reference unless the count has died. After Kill it succeeds as long as
// references are left.
func (c *Count) TryGet() bool { return section.Add(&c.words, 1) || c.tryShared(1) }

// TryGetN takes n references unless the count has died.
func (c *Count) TryGetN(n int) bool { return section.Add(&c.words, int64(n)) || c.tryShared(int64(n)) }

func (c *Count) tryShared(n int64) bool {
	for {
		v := c.shared.Load()
		if v == 0 {
			return false
		}
		if c.shared.CompareAndSwap(v, v+n) {
			return true
		}
	}
}

// Put drops a reference and reports whether it was the last, which it can be only after Kill.
func (c *Count) Put() bool { return !section.Add(&c.words, -1) && c.shared.Add(-1) == 0 }

// PutN drops n references and reports whether the last was among them.
func (c *Count) PutN(n int) bool {
	return !section.Add(&c.words, int64(-n)) && c.shared.Add(int64(-n)) == 0
}

// Kill closes the words, drops the owner's reference, and reports whether it was the last. A
// second Kill of the same life is a second drop.
func (c *Count) Kill() bool {
	n := int64(-1)
	if c.words.Close() {
		n += c.words.Sum() - bias
	}
	return c.shared.Add(n) == 0
}

// Resurrect takes a reference whether the count is zero or not. A dead count goes on on the
// shared word.
func (c *Count) Resurrect() { c.Get() }

// Count returns how many references there are: exactly once Kill has returned, and before
// that exactly only while nobody takes or drops any.
func (c *Count) Count() int64 {
	if c.words.Closed() {
		return c.shared.Load()
	}
	return c.open()
}

// open is Count while the words are open: apart, so that Count is inlined.
func (c *Count) open() int64 { return c.shared.Load() - bias + c.words.Sum() }

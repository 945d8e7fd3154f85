// Package pin keeps a goroutine on its CPU for a few instructions, and lets
// others find out that it has left.
//
// Go schedules goroutines on processors (P in the runtime), at most one
// goroutine on each at a time. A pinned goroutine stays on its P, so whatever
// belongs to that P is its own, with no atomic instruction, until Unpin. P is
// what "CPU" means to per-CPU code here. Threads that are bound to CPUs make
// the two the same.
//
// # Protocol
//
// Between Pin and Unpin a goroutine must not block, allocate, call code that it
// doesn't know, or run for more than some tens of instructions: the garbage
// collector has to wait for it.
//
// A [Word] is written only by the goroutine that is pinned to the P that owns
// the word. Others may read it at any time.
//
// # Memory order
//
// Word.Store and Word.Load are cheaper than sync/atomic and promise less. To
// see what pinned goroutines do, and to be seen by them, call [Barrier]:
//
//	pinned goroutine                 another goroutine
//	w.Store(busy)                    mode.Store(new)      // sync/atomic
//	if mode.Load() == old {...}      pin.Barrier()
//	w.Store(done)                    for w.Load() == busy {...}
//
// Either the pinned goroutine's Load observes the new mode, or the Word's Load
// after Barrier observes busy or a later Store. In the latter case, once Load
// observes a later Store of that pinned section, everything that the pinned
// goroutine did before its Store of busy happens before the return of Load.
//
// Where words are plain memory (amd64 without the race detector), Barrier makes
// every running thread of the process pass a full barrier: by membarrier(2) on
// Linux, elsewhere and where membarrier is forbidden by stopping the world for
// an instant. On all other platforms, and under the race detector, words are
// atomic and Barrier does nothing. amd64 is singled out because its stores
// become visible in program order (Intel SDM volume 3, "Memory Ordering in
// P6 and more recent processor families"), and because it is what was tested.
package pin

import (
	"runtime"
	_ "unsafe" // for go:linkname
)

// Pin keeps the calling goroutine on its P until [Unpin] and returns the P's
// number: 0 .. GOMAXPROCS-1. Pins nest.
//
//go:linkname Pin runtime.procPin
//go:nosplit
func Pin() int

// Unpin ends the innermost [Pin].
//
//go:linkname Unpin runtime.procUnpin
//go:nosplit
func Unpin()

// CPU returns the number of the P that the caller ran on. It may have moved by
// the time that CPU returns (Linux raw_smp_processor_id).
func CPU() int {
	cpu := Pin()
	Unpin()
	return cpu
}

// CPUs returns how many Ps there are now. Pin returns smaller numbers unless
// GOMAXPROCS has grown since.
func CPUs() int { return runtime.GOMAXPROCS(0) }

// LineBytes is the distance in memory at which two words don't disturb each
// other: two cache lines of 64 bytes, because hardware fetches them in pairs
// (Intel Optimization Reference Manual, spatial prefetcher), and one line of
// 128 bytes where lines are that long.
const LineBytes = 128

// A Line is what one P has of something, alone on its cache lines. T is a word of 8 bytes;
// what is longer has the more of its own.
type Line[T any] struct {
	Word T
	_    [LineBytes - 8]byte
}

// Lines has a Line for each P that there was when it was made.
type Lines[T any] []Line[T]

// NewLines makes a line for each P.
func NewLines[T any]() Lines[T] { return make(Lines[T], CPUs()) }

// Own returns the word of the P that the caller ran on. It may have moved by then, so T
// is atomic; whoever needs the P's own word alone pins itself, and takes the number from
// [Pin]. If GOMAXPROCS has grown since [NewLines], new Ps share the first one's.
//
// It is just cheap enough to be inlined, which a test sees to.
func (l Lines[T]) Own() *T {
	cpu := uint(CPU())
	if cpu >= uint(len(l)) {
		cpu = 0
	}
	return &l[cpu].Word
}

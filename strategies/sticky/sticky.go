// Package sticky is the wait-free count of Anderson, Blelloch and Wei ("Turning Manual
// Concurrent Memory Reclamation into Automatic Reference Counting", PLDI 2022, section
// 4.3; it is the counter under their library of concurrent smart pointers). Taking a
// reference of an object that may be dead is one addition, where others have a loop; and
// so that the dead stay dead while others add, zero is a bit that sticks.
//
// # Protocol
//
//	bit 63       zero: the count is dead, whatever the other bits say
//	bit 62       help: who declared it dead was a reader, and nobody is told yet
//	bits 61..0   the number of references, or if it is dead additions that came too late
//
// TryGet adds 1 and looks at the zero bit. If it is set, the addition is left where it
// is: it means nothing any more. Put subtracts 1. If that leaves 0, the count isn't dead
// yet, but about to be declared so: Put swaps in the zero bit, if the word is 0 still. If it
// isn't, somebody has taken a reference in between, and it is for whoever drops that:
//
//	the count is 1
//	A: Put      subtracts 1: 0
//	B: TryGet   adds 1: 1; the zero bit isn't set, so B has a reference
//	A: Put      finds 1 instead of 0, and reports false
//	B: Put      subtracts 1: 0; swaps in the zero bit, and reports true
//
// Count may come upon a 0 that isn't declared. It must not return 0 while a TryGet could
// still succeed, and must not wait for Put. So it declares the count dead itself, and sets
// the help bit, to say that somebody is owed the report. Of those whose Put left 0, the
// one whose swap gets the help bit out reports the last:
//
//	A: Put      subtracts 1: 0
//	B: Count    swaps zero and help for 0, and returns 0
//	A: Put      finds both instead of 0, swaps zero for them, gets help, and reports true
//
// Had B set the zero bit alone, nobody would be told. Did A look at the help bit without
// taking it, another Put that had left 0 before a TryGet came in between would be told too.
//
// Kill is Put.
//
// # Memory order
//
// All operations on one count are one total order, and each synchronizes before those
// that follow it, since sync/atomic knows no weaker form. Hence every Put synchronizes
// before the Put that reports true.
//
// # What Count is worth
//
// A Put that left 0 has taken its reference out of the number, and may yet be the last, after
// another that began later:
//
//	the count is 1
//	A: Put      subtracts 1: 0
//	B: TryGet   adds 1: 1; B has a reference
//	B: Count    1
//	B: Put      subtracts 1: 0
//	A: Put      swaps in the zero bit, and reports true
//	B: Put      finds the bit instead of 0, and reports false
//
// A is told, so A's reference was dropped last, and there were two when B counted. So Count
// may leave out references whose Put goes on: it is exact at rest only. That it returned 0 is final.
//
// # Limits
//
// At most 2^62-1 references are counted; nothing is promised past that. A Put too many
// subtracts from the zero bit, and the dead count looks alive with 2^63-1 references: the
// paper asks that it never happens, and nothing notices it here either. A Get on a dead
// count changes nothing, and is reported to the [Monitor].
//
// Each TryGet on a dead count leaves its 1 there. After 2^62 of them the help bit would
// be set, which needs a century. With 32 bits it would need 2^30, seconds of a reader that
// polls: that is why the word has 64 bits, which the paper doesn't say.
//
// A Put that left 0 and lost may touch the word once more after another Put has reported
// the last. So the memory of a released object must stay what it is until every Put that
// began before has ended, as under the grace periods of the paper:
//
//	A: Put      subtracts 1: 0
//	B: TryGet   adds 1, Put subtracts 1: 0
//	C: Count    sets zero and help
//	A: Put      finds the help bit, and is about to swap
//	B: Put      finds it too, swaps, gets it, reports true; the object is released
//	D: Init     begins another life in its memory
//	A: Put      swaps in zero: that life is dead, and nobody is told
//
// For the same reason Init must not run while others use the count.
//
// # Cost
//
// Eight bytes for the word, and a pointer to the monitor: 16 bytes on a 64-bit machine.
// Get, TryGet and Put are one locked instruction each, but for the last Put, which is two
// or three. All operations end after a fixed number of steps, whatever others do.
//
// # What the source leaves open
//
// The paper has one operation to take a reference, and its answer is for the caller to
// heed. Get here is the same addition, and reports to the monitor where there was none to
// take.
package sticky

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// bits is the width of the word.
const bits = 64

const (
	zero = 1 << (bits - 1)
	help = 1 << (bits - 2)
)

// Max is the largest number of references.
const Max = help - 1

// Strategy is the wait-free count.
var Strategy = &strategies.Strategy{
	Name: "sticky",
	Doc:  "wait-free: one addition to try, and a zero bit that sticks, of Anderson, Blelloch and Wei",
	Promise: strategies.Promise{
		Limit: Max,
		// Width is 0: a number that has left its range is in the bits above it, and
		// means nothing.
		Overflow:    strategies.Wraps,
		Underflow:   strategies.Wraps,
		GetOnZero:   strategies.Refuses,
		Zero:        strategies.Immediate,
		TryGet:      strategies.Exact,
		Count:       strategies.Approximate,
		Progress:    strategies.WaitFree,
		Bytes:       int(unsafe.Sizeof(Count{})),
		GracePeriod: true,
	},
	New: func() strategies.Counter { return new(Count) },
}

// A Count is a reference count whose zero sticks.
type Count struct {
	word    atomic.Uint64
	monitor *strategies.Monitor
}

// Monitor makes the count report misuse to m. It is called before Init.
func (c *Count) Monitor(m *strategies.Monitor) { c.monitor = m }

// Init starts a life with one reference. Nobody else may use the count meanwhile.
func (c *Count) Init() { c.word.Store(1) }

// InitAt starts a life with n references, up to [Max]; with none the count is dead.
func (c *Count) InitAt(n int64) {
	if n == 0 {
		c.word.Store(zero)
		return
	}
	c.word.Store(uint64(n))
}

// Get takes a reference. On a dead count it doesn't, and reports that.
func (c *Count) Get() {
	if c.word.Add(1)&zero != 0 {
		c.monitor.Report(strategies.GetAfterFree)
	}
}

// TryGet takes a reference unless the count is dead, and reports whether it did.
func (c *Count) TryGet() bool { return c.word.Add(1)&zero == 0 }

// Put drops a reference and reports whether it was the last.
func (c *Count) Put() bool { return c.word.Add(^uint64(0)) == 0 && c.declare() }

// Kill is Put.
func (c *Count) Kill() bool { return c.word.Add(^uint64(0)) == 0 && c.declare() }

// declare declares the count dead after a Put that left 0, and reports whether the caller
// is the one to be told.
func (c *Count) declare() bool {
	if c.word.CompareAndSwap(0, zero) {
		return true
	}
	// Somebody has taken a reference, or declared it dead before us. If that was a
	// reader, the help bit is for one of those who come here.
	return c.word.Load()&help != 0 && c.word.Swap(zero)&help != 0
}

// Count returns the number of references, without some whose Put goes on.
func (c *Count) Count() int64 {
	n := c.word.Load()
	if n == 0 {
		if c.word.CompareAndSwap(0, zero|help) {
			return 0
		}
		// It was something else just then. If it is 0 once more, somebody has
		// dropped the only reference since, and there was one.
		if n = c.word.Load(); n == 0 {
			return 1
		}
	}
	if n&zero != 0 {
		return 0
	}
	return int64(n)
}

// Package pin is refbench's package strategies/pin in explored form.
//
// A virtual CPU stands for what is a P natively. Which CPU a goroutine gets is
// the scheduler's choice at each Pin and each CPU: it may have been moved since the
// last. A pinned goroutine can be preempted, by goroutines on other CPUs; no other
// goroutine is pinned to its CPU meanwhile.
//
// # What is not modelled
//
// Words are sequentially consistent here, so Barrier has nothing to order: a
// missing Barrier isn't found. What was done on a CPU between Pin and Unpin
// happens before the next Pin on that CPU.
package pin

import (
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// Plain reports whether words are plain memory, so that Barrier is needed.
const Plain = false

// LineBytes is the distance in memory at which two words don't disturb each
// other. Here only its being a multiple of every size matters.
const LineBytes = 128

// idleCPUs is how many CPUs there are outside of an exploration: a constant, so
// that the same happens on any machine.
const idleCPUs = 4

// Pin keeps the calling goroutine on its CPU until [Unpin] and returns the CPU's
// number. Pins nest.
func Pin() int {
	if e := engine.Current; e != nil {
		return e.Pin()
	}
	return 0
}

// Unpin ends the innermost [Pin].
func Unpin() {
	if e := engine.Current; e != nil {
		e.Unpin()
	}
}

// CPU returns the number of the CPU that the caller was on.
func CPU() int {
	if e := engine.Current; e != nil {
		return e.CPU()
	}
	return 0
}

// CPUs returns how many virtual CPUs there are.
func CPUs() int {
	if e := engine.Current; e != nil {
		return e.CPUs()
	}
	return idleCPUs
}

// Barrier makes every running goroutine pass a full barrier. Here it is a
// scheduling point.
func Barrier() {
	if e := engine.Current; e != nil {
		e.PointAt(engine.Op{Kind: engine.OpBarrier, Loc: engine.LocBarrier})
	}
}

// BarrierKind says how Barrier works.
func BarrierKind() string { return "none (explored: words are sequentially consistent)" }

// A Word is an integer that one CPU writes and anybody reads.
type Word struct{ v atomic.Int64 }

// Load returns the value.
func (w *Word) Load() int64 { return w.v.Load() }

// Store sets the value. The caller is pinned to the CPU that owns the word.
func (w *Word) Store(v int64) { w.v.Store(v) }

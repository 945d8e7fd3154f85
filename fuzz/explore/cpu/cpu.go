// Package cpu tells explored code which virtual CPU it is on.
//
// It is for drop-ins of packages that bind a goroutine to a processor, or keep data
// for each processor. A virtual CPU stands for what is a P natively. Which one a
// goroutine is on is the scheduler's choice at each Pin and each Current: the
// goroutine may have been moved since the last. A pinned goroutine can be preempted by
// goroutines on other CPUs; no other goroutine is pinned to its CPU meanwhile. What was
// done on a CPU between Pin and Unpin happens before the next Pin on that CPU.
//
// Outside of an exploration every goroutine is on CPU 0, and nothing happens.
package cpu

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// idle is how many CPUs there are outside of an exploration: a constant, so that the
// same happens on any machine.
const idle = 4

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

// Current returns the number of the CPU that the caller is on. Unless it is pinned, it
// may be on another one right after.
func Current() int {
	if e := engine.Current; e != nil {
		return e.CPU()
	}
	return 0
}

// Count returns how many CPUs there are. Their numbers are 0 .. Count()-1.
func Count() int {
	if e := engine.Current; e != nil {
		return e.CPUs()
	}
	return idle
}

// Barrier makes every thread pass a full barrier, each at some moment before it returns
// (Linux membarrier(2)): what was stored to a [Buffered] before that is visible.
func Barrier() {
	if e := engine.Current; e != nil {
		e.PointAt(engine.Op{Kind: engine.OpBarrier, Loc: engine.LocBarrier})
		e.DrainAll()
	}
}

// Wait returns when every section between Pin and Unpin that had begun before has ended:
// it waits for one CPU after the other until nobody is pinned to it. The caller isn't
// pinned.
func Wait() {
	if e := engine.Current; e != nil {
		for i := range e.CPUs() {
			e.WaitIdleCPU(i)
		}
	}
}

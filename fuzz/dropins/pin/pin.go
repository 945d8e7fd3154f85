// Package pin is refbench's package strategies/pin in explored form: a P is a virtual
// CPU of package explore/cpu.
//
// # What is modelled
//
// A Word is plain memory as on amd64: a store is visible to others at the latest when the goroutine
// does something other than load, or when another goroutine calls Barrier (see
// [cpu.Buffered]). So a missing Barrier, or a second look that comes too early, is found. Unpin drains
// the buffer here; natively it needn't.
package pin

import (
	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/runtime"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// Plain reports whether words are plain memory, so that Barrier is needed.
const Plain = true

// LineBytes is the distance in memory at which two words don't disturb each
// other. Here only its being a multiple of every size matters.
const LineBytes = 128

// Pin keeps the calling goroutine on its CPU until [Unpin] and returns the CPU's
// number. Pins nest.
func Pin() int { return cpu.Pin() }

// Unpin ends the innermost [Pin].
func Unpin() { cpu.Unpin() }

// CPU returns the number of the CPU that the caller was on.
func CPU() int { return cpu.Current() }

// CPUs returns how many virtual CPUs there are.
func CPUs() int { return cpu.Count() }

// Barrier makes every running goroutine pass a full barrier.
func Barrier() { cpu.Barrier() }

// Wait returns when every pinned section that had begun before has ended.
func Wait() { cpu.Wait() }

// BarrierKind says how Barrier works.
func BarrierKind() string { return "modelled" }

// A Word is an integer that one CPU writes and anybody reads.
type Word struct{ v cpu.Buffered }

// Load returns the value.
func (w *Word) Load() int64 { return w.v.Load() }

// Store sets the value. The caller is pinned to the CPU that owns the word.
func (w *Word) Store(v int64) { w.v.Store(v) }

// A Line is what one P has of something. Here its size doesn't matter.
type Line[T any] struct {
	Word T
	_    [LineBytes - 8]byte
}

// Lines has a Line for each CPU that there was when it was made.
type Lines[T any] []Line[T]

// NewLines makes a line for each CPU.
func NewLines[T any]() Lines[T] { return make(Lines[T], CPUs()) }

// Own returns the word of the CPU that the caller was on.
func (l Lines[T]) Own() *T {
	cpu := CPU()
	if cpu >= len(l) {
		cpu = 0
	}
	return &l[cpu].Word
}

// A Tally is a number in a word for each CPU, which goroutines add to while its mode is 0.
// Here they are pinned, and each step is a scheduling point. Natively the same steps are
// assembly, which isn't explored.
type Tally struct {
	Mode  atomic.Uint32
	Words Lines[Word]
}

// What announced words are made of.
const (
	Busy = 1
	One  = 2
)

// Number is what an announced word holds besides that it is busy.
func (w *Word) Number() int64 { return w.Load() >> 1 }

// patience is how often Settle looks before it gives its CPU away.
const patience = 64

// Settle returns when the word isn't busy.
func (w *Word) Settle() {
	for n := 0; w.Load()&Busy != 0; n++ {
		if n >= patience {
			runtime.Gosched()
		}
	}
}

// Make makes the words.
func (t *Tally) Make() { t.Words = NewLines[Word]() }

// Add adds n on the word of the CPU that the caller is on, and reports whether it did: not if
// the mode isn't 0, nor on a CPU without a word.
func Add(t *Tally, n int64) bool {
	if t.Mode.Load() != 0 {
		return false
	}
	ok := false
	if cpu := Pin(); cpu < len(t.Words) {
		w := &t.Words[cpu].Word
		v := w.Load()
		w.Store(v | Busy)
		if ok = t.Mode.Load() == 0; ok {
			v += n * One
		}
		w.Store(v)
	}
	Unpin()
	return ok
}

// Drain returns when every addition that was announced under an older mode is over.
func (t *Tally) Drain() {
	Barrier()
	for i := range t.Words {
		t.Words[i].Word.Settle()
	}
}

// Sum adds the words up.
func (t *Tally) Sum() int64 {
	var n int64
	for i := range t.Words {
		n += t.Words[i].Word.Number()
	}
	return n
}

// Way says how a Tally stays on a CPU.
func Way() string { return "modelled" }

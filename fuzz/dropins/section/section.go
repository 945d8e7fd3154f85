// Package section is refbench's package strategies/section in explored form: a model of its
// restartable section, which natively is assembly, as steps of which each is a scheduling
// point and after each of which the section may be cut off.
//
// # What is modelled
//
// A section that is under way on a CPU is cut off when another one begins there, as if the
// scheduler had given the CPU to that, and when Close comes by. It begins anew on whichever
// CPU it is on by then. A section is cut off by others' once and then keeps its CPU, so that
// two can't cut each other off for ever; only the start of another that was on the way there
// and Close can cut it off again.
//
// # What is not
//
// That the assembly is such a section, that the kernel interrupts it, and the order in which
// a machine makes words visible: words are sequentially consistent here. Every thread can
// have sections, and every CPU has a word.
package section

import (
	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// WordBytes is the memory that Words take for each CPU. It is the same natively, so that promises
// are.
const WordBytes = 128

// Words are a number that is counted on the CPUs.
type Words struct {
	open  atomic.Uint32 // 1 if they are
	words []cpu.Word
}

// Open sets all words to 0 and opens them.
func (w *Words) Open() {
	if w.words == nil {
		w.words = make([]cpu.Word, cpu.Count())
	}
	for i := range w.words {
		w.words[i].Store(0)
	}
	w.open.Store(1)
}

// Close closes the words, and reports whether they were open.
func (w *Words) Close() bool {
	if w.open.Swap(0) == 0 {
		return false
	}
	for i := range w.words {
		w.words[i].Cut()
	}
	return true
}

// Closed reports whether the words are closed, or about to be.
func (w *Words) Closed() bool { return w.open.Load() == 0 }

// Sum adds the words up.
func (w *Words) Sum() int64 {
	var n int64
	for i := range w.words {
		n += w.words[i].Load()
	}
	return n
}

// Add adds n on the word of the CPU that the caller is on, and reports whether it did: not if
// the words are closed.
func Add(w *Words, n int64) bool {
	if len(w.words) == 0 {
		return false
	}
	if done, open := w.add(cpu.Current(), n); done || !open {
		return done
	}
	on := cpu.Pin()
	defer cpu.Unpin()
	for {
		if done, open := w.add(on, n); done || !open {
			return done
		}
	}
}

// add is one section.
func (w *Words) add(on int, n int64) (done, open bool) {
	word := &w.words[on]
	word.Begin()
	if w.open.Load() == 0 {
		return false, false
	}
	return word.Commit(n), true
}

// CPUs returns how many words Words have.
func CPUs() int { return cpu.Count() }

// Way says how this process adds.
func Way() string { return "modelled" }

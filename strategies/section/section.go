// Package section adds to the word of the CPU that the caller runs on, in a few plain
// instructions that either happen on that CPU as a whole or not at all.
//
// # Protocol
//
// [Words] are one number, in as many words as there are CPUs, each alone on its cache lines.
// They are open or closed. While they are open, Add adds to a word. Close ends that: when it
// has returned no Add changes a word any more, so that their sum is the number.
//
// Add is a restartable sequence of Linux (rseq(2), since 4.18): the kernel writes the number
// of the CPU that a thread runs on into memory of the thread's, and if the thread is moved,
// preempted or interrupted by a signal between the first and the last instruction of a
// section, it goes on at the section's abort handler, which begins anew. The section is
//
//	say where the section is      one store into the thread's memory
//	load the number of the CPU
//	load the tag                  where the words are, and whether they are open
//	leave if they are closed, or if the CPU has no word
//	add to the word               one plain instruction: the commit
//
// Nothing before the commit changes anything, and whoever else wants the CPU's word has to
// run on that CPU, so the thread was preempted. There is no locked instruction, and nothing
// to undo.
//
// Close sets the tag's lowest bit and then has the kernel interrupt every CPU on which a
// thread of the process is within a section (membarrier(2) with
// MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, since 5.10):
//
//	thread on CPU 1          Close
//	loads the tag: open
//	                         tag = closed
//	                         membarrier: the section begins anew
//	loads the tag: closed
//	                         sum of the words
//
// With MEMBARRIER_CMD_PRIVATE_EXPEDITED, which doesn't interrupt sections, the thread would
// commit after the sum was taken.
//
// # Where it can't
//
// [Way] says how this process adds. Where there is no rseq or no such membarrier (another
// system or architecture, an older kernel, a sandbox that forbids them, somebody else who has
// registered all threads, the race detector, which doesn't see assembly), Add pins the goroutine to
// its P instead (package pin), looks at the tag and adds, and Close waits until nobody is
// pinned any more. That is right everywhere, and slower.
//
// In a program without cgo the thread's memory is this package's, registered when the thread
// first adds: see register. A thread of which somebody else has registered some already (the
// first thread of a position-independent executable, by the system's loader) isn't in the
// way: on it Add always reports false. In a program with cgo the C library has registered its
// own for each thread (glibc since 2.35), which users may share; it is looked for at start. If the
// C library has not (musl; GLIBC_TUNABLES=glibc.pthread.rseq=0), threads are pinned.
//
// What was there at start isn't looked for again. If membarrier is forbidden later, Close
// panics.
//
// A debugger that steps through a section one instruction at a time never comes to its end,
// since each step is an interruption.
//
// # Memory order
//
// What a goroutine did before an Add that counted happens before what is done by a goroutine
// whose call of Close has returned since, and that has seen the word with Sum: the
// commit is a store that amd64 makes visible after all stores before it (arm64 after the
// barrier that Close makes every thread run), and Close synchronizes with every thread.
//
// # What is explored
//
// Assembly has no explored form. Where strategies are explored, a model stands for this
// package (fuzz/dropins/section): the steps of the section in Go, each a scheduling point, cut
// off whenever another section begins on the CPU or Close comes by. So what is explored is how
// a strategy uses sections. That the assembly is such a section is shown by the tests here, on
// real threads that are moved and interrupted.
package section

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies/pin"
)

// A line is the word of a CPU, alone on its cache lines.
type line struct {
	word pin.Word
	_    [pin.LineBytes - unsafe.Sizeof(pin.Word{})]byte
}

// lineShift is of the multiplication by the size of a line, in assembly.
const lineShift = 7

var _ [1 << lineShift]byte = [unsafe.Sizeof(line{})]byte{}

// WordBytes is the memory that Words take for each CPU.
const WordBytes = int(unsafe.Sizeof(line{}))

// Words are a number that is counted on the CPUs. The zero Words are closed, and the sum is 0.
// They must not be copied once they have been opened.
//
// The tag has two fields:
//
//	bits   meaning
//	0      closed
//	1-63   address of the first word, which is a multiple of 8; 0 before the first Open
type Words struct {
	// Assembly knows where tag and count are.
	tag   atomic.Uintptr
	count uintptr // how many words there are
	first *line   // what tag points to: one allocation of count lines, never changed
}

const closed = 1

// Open sets all words to 0 and opens them. They are closed, and nobody else calls Open or
// Close meanwhile. The first Open allocates.
func (w *Words) Open() {
	if w.first == nil {
		Way() // from now on it is known
		lines := make([]line, CPUs())
		w.first, w.count = &lines[0], uintptr(len(lines))
		// Until now the tag was 0, with no words: Add reported false.
	}
	for i := range w.lines() {
		w.lines()[i].word.Store(0)
	}
	w.tag.Store(uintptr(unsafe.Pointer(w.first)))
}

// Close closes the words, and reports whether they were open. When it has returned no Add
// changes a word. If two call it at the same time, the one that is told that they were open
// knows that.
func (w *Words) Close() bool {
	if w.tag.Or(closed)&closed != 0 || w.first == nil {
		return false
	}
	cut()
	return true
}

// Closed reports whether the words are closed, or about to be.
func (w *Words) Closed() bool { return w.tag.Load()&closed != 0 || w.first == nil }

// Sum adds the words up. It is the number that was added since Open if they are closed, or
// nobody adds meanwhile.
func (w *Words) Sum() int64 {
	var n int64
	for i := range w.lines() {
		n += w.lines()[i].word.Load()
	}
	return n
}

func (w *Words) lines() []line { return unsafe.Slice(w.first, w.count) }

// CPUs returns how many words [Words] have: one for each CPU that is online when the program
// starts, up to the highest number, and for each P, whatever is more.
func CPUs() int { return cpus() }

var cpus = sync.OnceValue(func() int { return max(runtime.GOMAXPROCS(0), onlineCPUs()) })

// Way says how this process adds, and if it pins goroutines why.
func Way() string {
	if d := decide(); d.why != "" {
		return "pinned: " + d.why
	}
	return decide().name
}

// A decision is how a process adds.
type decision struct {
	name string // of a way that has sections
	why  string // it has none
}

// decide decides once, before the first Words are opened.
var decide = sync.OnceValue(choose)

// pinned adds on the word of the caller's P, as sections do on a CPU's.
func pinned(w *Words, n int64) bool {
	p := uintptr(pin.Pin())
	ok := w.tag.Load()&closed == 0 && p < w.count
	if ok {
		word := &w.lines()[p].word
		word.Store(word.Load() + n)
	}
	pin.Unpin()
	return ok
}

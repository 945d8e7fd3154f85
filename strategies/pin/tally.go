package pin

import (
	"runtime"
	"sync/atomic"
)

// A Tally is a number in a word for each P, which goroutines add to while its mode is 0.
//
// # Protocol
//
// An addition is announced, so that whoever changes the mode can wait for it: the word is made
// busy, the mode is looked at once more, and the sum is stored, or what was there before. Each
// is one plain store where words are plain. So after
//
//	mode = another; Barrier; wait until no word is busy (Drain)
//
// every addition that saw mode 0 is in the words, and later ones aren't made. The second look
// comes after the announcement. Otherwise:
//
//	this goroutine             who changes the mode
//	mode == 0
//	                           mode = another; Barrier
//	                           the word isn't busy: takes it
//	word = v + n               (the n is lost)
//
// The first look keeps those who come when the mode is another from making words busy on and
// off, so that whoever waits sees one that isn't.
//
// A word has two fields:
//
//	bits  meaning
//	0     busy: its P is between announcing an addition and finishing it
//	1-63  what was added on this P
//
// # Two ways to stay on a P
//
// Go's scheduler never takes the P from a goroutine in the middle of assembly: where the
// runtime interrupts goroutines it looks for what the compiler says of the code, and of
// assembly it says nothing (runtime.isAsyncSafePoint, Go 1.26). So an addition in assembly
// needs no Pin, which writes twice to a word of the runtime's, each time depending on the
// last. It reads the number of the P where Pin does, and goes to the word by a jump for each
// number, so that the word's address is known before the number is.
//
// Where that number is in the runtime's memory is known for one version of Go, and is compared
// with what Pin says, on as many Ps as there are, before the first Tally counts. On another
// version or platform, under the race detector, or if they differ, goroutines are pinned:
// [Way] says which it is and why.
type Tally struct {
	// Assembly knows where mode and words are.
	Mode  atomic.Uint32
	Words Lines[Word] // one for each P, by Make
}

// What announced words are made of: those of a Tally, and of whoever announces on words of
// another shape.
const (
	Busy = 1
	One  = 2
)

// Number is what an announced word holds besides that it is busy.
func (w *Word) Number() int64 { return w.Load() >> 1 }

// patience is how often Settle looks before it gives its CPU away.
const patience = 64

// Settle returns when the word isn't busy. A busy P is a few instructions from the end, unless
// its thread lost its CPU.
func (w *Word) Settle() {
	for n := 0; w.Load()&Busy != 0; n++ {
		if n >= patience {
			runtime.Gosched()
		}
	}
}

// Make makes the words.
func (t *Tally) Make() {
	Way() // from now on it is known
	t.Words = NewLines[Word]()
}

// Drain returns when every addition that was announced under an older mode is over. The caller
// has stored a mode other than 0, and nobody changes it meanwhile.
func (t *Tally) Drain() {
	Barrier()
	for i := range t.Words {
		t.Words[i].Word.Settle()
	}
}

// Sum adds the words up: all that was added, if nobody adds meanwhile.
func (t *Tally) Sum() int64 {
	var n int64
	for i := range t.Words {
		n += t.Words[i].Word.Number()
	}
	return n
}

// pinnedAdd is [Add] of a goroutine that is pinned.
//
//lint:ignore U1000 assembly calls it
func pinnedAdd(t *Tally, n int64) bool {
	if t.Mode.Load() != 0 {
		return false
	}
	ok := false
	if cpu := Pin(); uint(cpu) < uint(len(t.Words)) {
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

// Way says how a [Tally] stays on a P, and if it pins goroutines why.
func Way() string {
	if why := pinsBecause(); why != "" {
		return "procPin: " + why
	}
	return "P number read in assembly"
}

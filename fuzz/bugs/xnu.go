package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// A folded is a count with a live word per CPU that Kill folds into the first, as XNU's
// os_pcpu_ref. It is what strategies/xnupcpu does.
//
//	bit 0       live: this word takes references
//	bits 63..1  references taken less references dropped
type folded struct {
	words pin.Lines[atomic.Int64]
	bug   foldedBug
}

// A foldedBug is what is wrong with a folded.
type foldedBug int

const (
	foldedRight  foldedBug = iota
	foldedUndoes           // what was done on the first word is taken back and done again
	foldedBared            // Kill takes live away before the sum is in the first word
	foldedLoses            // what was added to a word that is taken away stays there
)

const (
	foldedLive = 1
	foldedOne  = 2
)

func (c *folded) Init() { c.InitAt(1) }

func (c *folded) InitAt(n int64) {
	if c.words == nil {
		c.words = pin.NewLines[atomic.Int64]()
	}
	c.words[0].Word.Store(n*foldedOne | foldedLive)
	for i := 1; i < len(c.words); i++ {
		c.words[i].Word.Store(foldedLive)
	}
}

// add adds d on this CPU's word, or on the first, and returns what that is then, or
// foldedLive.
func (c *folded) add(d int64) int64 {
	w, first := c.words.Own(), &c.words[0].Word
	if (w != first || c.bug == foldedUndoes) && w.Load()&foldedLive != 0 {
		if w.Add(d)&foldedLive != 0 || c.bug == foldedLoses {
			return foldedLive
		}
		w.Add(-d)
	}
	return first.Add(d)
}

func (c *folded) Get() {
	if n := c.add(foldedOne); n&foldedLive == 0 && n <= foldedOne {
		panic("Get on a dead count")
	}
}

func (c *folded) TryGet() bool {
	w := c.words.Own()
	for {
		v := w.Load()
		if v&foldedLive == 0 {
			return false
		}
		if w.CompareAndSwap(v, v+foldedOne) {
			return true
		}
	}
}

func (c *folded) Put() bool {
	n := c.add(-foldedOne)
	if n&foldedLive == 0 && n < 0 {
		panic("Put on a dead count")
	}
	return n == 0
}

func (c *folded) Kill() bool {
	first := &c.words[0].Word
	if c.bug == foldedBared {
		first.Add(-foldedLive)
	}
	sum := int64(0)
	for i := 1; i < len(c.words); i++ {
		sum += c.words[i].Word.Swap(0) - foldedLive
	}
	if c.bug != foldedBared {
		sum -= foldedLive
	}
	return first.Add(sum-foldedOne) == 0
}

func newFolded(bug foldedBug) func() strategies.Counter {
	return func() strategies.Counter { return &folded{bug: bug} }
}

var foldedPromise = strategies.Promise{
	Limit:         1 << 60,
	Overflow:      strategies.Wraps,
	Underflow:     strategies.Panics,
	GetOnZero:     strategies.Panics,
	Zero:          strategies.AfterKill,
	TryGetRefuses: strategies.DuringKill,
	TryGet:        strategies.Exact,
	Count:         strategies.None,
	Progress:      strategies.LockFree,
	Bytes:         int(unsafe.Sizeof(folded{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[atomic.Int64]{})),
}

const xnuSource = "XNU libkern/os/refcnt.c, xnu-11417.101.15, os_pcpu_ref"

var foldedBugs = []*Bug{
	Bug{
		Name:   "foldedundo",
		Doc:    "the first CPU takes back what it did on the word that all are folded into, and does it again",
		Source: xnuSource + ": an operation that finds its word no longer live is undone there and done again on CPU 0's; strategies/xnupcpu had it on CPU 0 too until its schedules were explored",
		Interleaving: `Two references, the owner's and A's, on CPU 0. A, there, finds its word live. Kill drops the owner's
and takes live away. A subtracts: 0, and since live is gone it adds again, to begin anew. If somebody
else drops its reference in between, each of the two makes 0 of the word.`,
		Fix:     "CPU 0 does it on its own word once, live or not",
		Program: "a.Put|a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(foldedPromise, newFolded(foldedUndoes), newFolded(foldedRight)),
	Bug{
		Name:   "foldedbare",
		Doc:    "Kill takes live away from the first word before it has added the others",
		Source: xnuSource + ": the addition of the sum takes live away in the same step",
		Interleaving: `The owner's reference on CPU 0, and A's, taken on CPU 1. Kill takes live away from CPU 0's word,
which holds 1 now. A, on CPU 0, drops: 0, the last. Kill adds CPU 1's, less the owner's: 0 again.`,
		Fix:     "take live away with the addition of the sum",
		Program: "a.Get a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(foldedPromise, newFolded(foldedBared), newFolded(foldedRight)),
	Bug{
		Name:   "foldedlost",
		Doc:    "who adds to a word that Kill has just taken away doesn't look, and leaves it there",
		Source: xnuSource + ": an operation that finds its word no longer live is undone there and done again on CPU 0's",
		Interleaving: `A, on CPU 1, finds its word live. Kill takes it away. A adds there, where nobody looks any more: its
reference is lost if it takes one, and never dropped if it drops one.`,
		Fix:     "look at what the addition found",
		Program: "a.Get a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(foldedPromise, newFolded(foldedLoses), newFolded(foldedRight)),
}

package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// A stocked is a central count with spare references on each CPU, as strategies/sloppy. A
// CPU keeps so few spares that it gives one back soon.
//
//	bit 0       live: the count isn't killed; of a word: the CPU has a stock
//	bits 63..1  of the central word: references in use, and all spares; of a CPU's: its spares
type stocked struct {
	central atomic.Int64
	words   pin.Lines[atomic.Int64]
	bug     stockedBug
}

// A stockedBug is what is wrong with a stocked.
type stockedBug int

const (
	stockedRight   stockedBug = iota
	stockedSilent             // who gives spares back doesn't look whether they were the last
	stockedReverse            // spares are given back before they are off the CPU's word
)

const (
	stockedLive = 1
	stockedOne  = 2
	stockedMost = 1 // spares
)

func (c *stocked) Init() { c.InitAt(1) }

func (c *stocked) InitAt(n int64) {
	if c.words == nil {
		c.words = pin.NewLines[atomic.Int64]()
	}
	c.central.Store(n*stockedOne | stockedLive)
	for i := range c.words {
		c.words[i].Word.Store(stockedLive)
	}
}

func (c *stocked) spare() bool {
	w := c.words.Own()
	for {
		v := w.Load()
		if v < stockedOne|stockedLive {
			return false
		}
		if w.CompareAndSwap(v, v-stockedOne) {
			return true
		}
	}
}

func (c *stocked) Get() {
	if !c.spare() {
		c.central.Add(stockedOne)
	}
}

func (c *stocked) TryGet() bool {
	if c.spare() {
		return true
	}
	for {
		v := c.central.Load()
		if v == 0 {
			return false
		}
		if c.central.CompareAndSwap(v, v+stockedOne) {
			return true
		}
	}
}

func (c *stocked) Put() bool {
	w := c.words.Own()
	for {
		v := w.Load()
		switch {
		case v&stockedLive == 0:
			return c.drop(1)
		case v < stockedMost*stockedOne:
			if w.CompareAndSwap(v, v+stockedOne) {
				return false
			}
		case c.bug == stockedReverse:
			last := c.drop(2)
			w.CompareAndSwap(v, v-stockedOne)
			return last
		case w.CompareAndSwap(v, v-stockedOne):
			return c.drop(2) && c.bug != stockedSilent
		}
	}
}

// drop takes n references off the central word, and reports whether they were the last.
func (c *stocked) drop(n int64) bool {
	v := c.central.Add(-n * stockedOne)
	if v&stockedLive == 0 && v < 0 {
		panic("Put on a dead count")
	}
	return v == 0
}

func (c *stocked) Kill() bool {
	spares := int64(0)
	for i := range c.words {
		spares += c.words[i].Word.Swap(0) - stockedLive
	}
	return c.central.Add(-spares-stockedOne-stockedLive) == 0
}

func newStocked(bug stockedBug) func() strategies.Counter {
	return func() strategies.Counter { return &stocked{bug: bug} }
}

var stockedPromise = strategies.Promise{
	Limit:     1 << 60,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Panics,
	GetOnZero: strategies.Revives,
	Zero:      strategies.AfterKill,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(stocked{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[atomic.Int64]{})),
}

const sloppySource = "Boyd-Wickizer et al., An Analysis of Linux Scalability to Many Cores, OSDI 2010, section 4.3"

var stockedBugs = []*Bug{
	Bug{
		Name:   "stockedsilent",
		Doc:    "who gives spare references back doesn't look whether they were the last",
		Source: sloppySource + ": spares go back in two steps; strategies/sloppy had it until it was read once more",
		Interleaving: `A, whose CPU has a spare, drops its reference and takes the spare off its word, to give both back. Kill
finds no stock, takes live and the owner's reference off the central number, and leaves 2. A gives 2
back: 0, and nobody is told.`,
		Fix:     "look at what is left, as whoever drops centrally does",
		Program: "a.Get a.Put a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(stockedPromise, newStocked(stockedSilent), newStocked(stockedRight)),
	Bug{
		Name:   "stockedreverse",
		Doc:    "spare references are given back before they are off the CPU's word",
		Source: sloppySource + ": the central number is that of the references in use and of all spares, at any time",
		Interleaving: `A, whose CPU has a spare, drops its reference and takes both off the central number. Kill finds the
spare on A's word and takes it off once more: the number is one too low, and zero while somebody
holds a reference, or never.`,
		Fix:     "take them off the word first",
		Program: "a.Get a.Put a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(stockedPromise, newStocked(stockedReverse), newStocked(stockedRight)),
}

package bugs

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A word is a right count in one atomic word. Wrong ones embed it and have one
// method of their own.
type word struct{ n atomic.Int32 }

func (c *word) Init()          { c.n.Store(1) }
func (c *word) InitAt(n int64) { c.n.Store(int32(n)) }
func (c *word) Get()           { c.n.Add(1) }
func (c *word) Put() bool      { return c.n.Add(-1) == 0 }
func (c *word) Kill() bool     { return c.n.Add(-1) == 0 }
func (c *word) Count() int64   { return int64(c.n.Load()) }

func (c *word) TryGet() bool {
	for {
		n := c.n.Load()
		if n == 0 {
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// wordPromise is what a word promises, and what wrong ones break.
var wordPromise = strategies.Promise{
	Limit:     math.MaxInt32,
	Width:     32,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Wraps,
	GetOnZero: strategies.Revives,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.Exact,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(word{})),
}

// checkThenInc looks for zero and counts in two steps.
type checkThenInc struct{ word }

func (c *checkThenInc) TryGet() bool {
	if c.n.Load() == 0 {
		return false
	}
	c.n.Add(1)
	return true
}

// loadStorePut writes back what it read.
type loadStorePut struct{ word }

func (c *loadStorePut) Put() bool {
	n := c.n.Load()
	c.n.Store(n - 1)
	return n == 1
}

// plainCount counts in plain memory.
type plainCount struct{ n int32 }

func (c *plainCount) Init()        { c.n = 1 }
func (c *plainCount) Get()         { c.n++ }
func (c *plainCount) Put() bool    { c.n--; return c.n == 0 }
func (c *plainCount) Kill() bool   { c.n--; return c.n == 0 }
func (c *plainCount) Count() int64 { return int64(c.n) }

func (c *plainCount) TryGet() bool {
	if c.n == 0 {
		return false
	}
	c.n++
	return true
}

func newWord() strategies.Counter { return new(word) }

var wordBugs = []*Bug{
	Bug{
		Name:   "checktheninc",
		Doc:    "get_unless_zero as a look for zero and then an increment",
		Source: "Linux Documentation/core-api/kref.rst, kref_get_unless_zero, which must be one atomic step",
		Interleaving: `The count is 1, the owner's. A reader that found the object through a weak reference
loads 1. The owner puts: 1 to 0, and is told to release. The reader increments 0 to 1
and uses an object that is being released; its own put is told to release once more.`,
		Fix:     "a compare-and-swap that fails if the count has changed since it was looked at",
		Program: "a.Put a.TryGet|a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": sure}),
	}.counts(wordPromise, func() strategies.Counter { return new(checkThenInc) }, newWord),
	Bug{
		Name:   "loadstoreput",
		Doc:    "put as a load and a store of the number less one",
		Source: "Linux Documentation/atomic_t.txt: a read and a write are two operations, not a read-modify-write",
		Interleaving: `Two holders put at the same time. Both load 3, both store 2: one drop is lost. When
all have put the count is 1, nobody was told of the last drop, and the object leaks.`,
		Fix:     "one atomic subtraction whose result decides",
		Program: "a.Put|a.Put|a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(wordPromise, func() strategies.Counter { return new(loadStorePut) }, newWord),
	Bug{
		Name:   "plaincount",
		Doc:    "a count in plain memory: put has no release order, and updates get lost",
		Source: "The Go Memory Model, Incorrect synchronization; Linux Documentation/core-api/refcount-vs-atomic.rst, release order of decrements",
		Interleaving: `Two holders read the object and put. Nothing orders the first one's reads before the
last one's release: the releaser may overwrite what the other is still reading. And the
two puts may read the same number, so that one of them is lost.`,
		Fix:     "an atomic word: every put synchronizes before the one that reports the last",
		Program: "a.Put|a.Put|a.Kill", Concurrent: true, Unordered: true,
		Expected: interleaved.but(Expected{"race": sure}),
	}.counts(wordPromise, func() strategies.Counter { return new(plainCount) }, newWord),
}

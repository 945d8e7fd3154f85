package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// A delta is a count with a delta per CPU that Kill flushes in epochs, as
// strategies/refcache. Every second epoch goes through the CPUs the other way round: there
// is no order among them.
//
//	bit 0       of a CPU's word: touched since the last flush
//	bits 63..1  references taken less references dropped there since then
type delta struct {
	words  pin.Lines[atomic.Int64]
	count  atomic.Int64
	state  atomic.Int32
	epochs int
	bug    deltaBug
}

// A deltaBug is what is wrong with a delta.
type deltaBug int

const (
	deltaRight deltaBug = iota
	deltaOnce           // the first zero is believed
	deltaDeaf           // Kill doesn't look whether TryGet has made the count live again
)

const (
	deltaTouched = 1
	deltaOne     = 2

	deltaLive  = 0
	deltaDying = 1
	deltaDead  = 2
)

func (c *delta) Init() {
	if c.words == nil {
		c.words = pin.NewLines[atomic.Int64]()
	}
	c.count.Store(1)
	c.state.Store(deltaLive)
}

func (c *delta) add(d int64) {
	w := c.words.Own()
	for {
		v := w.Load()
		if w.CompareAndSwap(v, (v+d)|deltaTouched) {
			return
		}
	}
}

func (c *delta) Get() { c.use(deltaOne) }

func (c *delta) Put() bool {
	c.use(-deltaOne)
	return false
}

// use is Get or Put by who holds a reference.
func (c *delta) use(d int64) {
	if c.state.Load() == deltaDead {
		panic("Get or Put on a dead count")
	}
	c.add(d)
}

func (c *delta) TryGet() bool {
	c.add(deltaOne)
	for {
		switch s := c.state.Load(); {
		case s == deltaDead:
			c.add(-deltaOne)
			return false
		case s == deltaLive || c.state.CompareAndSwap(deltaDying, deltaLive):
			return true
		}
	}
}

// flush is an epoch, and reports whether anything was flushed.
func (c *delta) flush() bool {
	changed := false
	c.epochs++
	for i := range c.words {
		if c.epochs%2 == 0 {
			i = len(c.words) - 1 - i
		}
		w := &c.words[i].Word
		v := w.Load()
		if v == 0 {
			continue
		}
		c.count.Add(w.Swap(0) >> 1)
		changed = true
	}
	return changed
}

func (c *delta) Kill() bool {
	c.count.Add(-1)
	c.epochs = 0
	for tries := 0; ; tries++ {
		c.flush()
		if c.count.Load() == 0 {
			c.state.Store(deltaDying)
			if c.bug == deltaOnce || !c.flush() {
				if c.bug == deltaDeaf {
					c.state.Store(deltaDead)
					return true
				}
				if c.state.CompareAndSwap(deltaDying, deltaDead) {
					return true
				}
			}
		}
		patiently(tries, drainerSleeps, "Kill waits, and there is no zero")
	}
}

func newDelta(bug deltaBug) func() strategies.Counter {
	return func() strategies.Counter { return &delta{bug: bug} }
}

var deltaPromise = strategies.Promise{
	Limit:     1 << 60,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Panics,
	GetOnZero: strategies.Panics,
	Zero:      strategies.Waits,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(delta{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[atomic.Int64]{})),
}

const refcacheSource = "Clements, Kaashoek, Zeldovich, RadixVM, EuroSys 2013, section 3.1"

var deltaBugs = []*Bug{
	Bug{
		Name:   "refcacheonce",
		Doc:    "the first zero is believed, and not confirmed by a second epoch",
		Source: refcacheSource + ": the global count may be zero by the order of flushes alone; sv6 include/refcache.hh, commit 102fd1ed2766",
		Interleaving: `A has a reference. Kill flushes CPU 0. A takes another on CPU 0, and drops one on CPU 1. Kill flushes
CPU 1: what came in before CPU 0 was flushed and what left after it make zero, while A holds one.`,
		Fix:     "zero counts when all CPUs have been flushed once more and none was touched",
		Program: "a.Get a.Put|a.Kill", Concurrent: true,
		Preemptions: 4,
		Expected:    interleaved,
	}.counts(deltaPromise, newDelta(deltaOnce), newDelta(deltaRight)),
	Bug{
		Name:   "refcachedeaf",
		Doc:    "Kill doesn't look whether the count was revived while it was dying",
		Source: refcacheSource + ", weak references: who clears the dying bit first, a get or the review, has the object",
		Interleaving: `All references are dropped; the count is dying. Kill flushes all CPUs once more, and none was touched. A
TryGet adds one, finds the count dying and makes it live. Kill makes it dead all the same.`,
		Fix:     "dying becomes dead by a compare-and-swap",
		Program: "a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(deltaPromise, newDelta(deltaDeaf), newDelta(deltaRight)),
}

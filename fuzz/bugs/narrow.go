package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A narrow is a saturating count of three bits, built as Linux builds its refcount_t
// of 32: in a few steps it does what the real one does in 2^30.
//
// It is in the upper three bits of its word, so that it wraps by itself.
//
//	bits 31..29   the number, signed: -4 .. 3
//	              0 dead, 1 .. 3 references, -4 .. -1 saturated
//	bits 28..0    0
type narrow struct {
	n     atomic.Int32
	swaps bool // saturate in the step that overflows
}

const (
	narrowShift     = 29
	narrowOne       = 1 << narrowShift
	narrowMax       = 3 << narrowShift
	narrowSaturated = -2 << narrowShift
)

func (c *narrow) Init()          { c.n.Store(narrowOne) }
func (c *narrow) InitAt(n int64) { c.n.Store(int32(n) << narrowShift) }
func (c *narrow) Count() int64   { return int64(c.n.Load() >> narrowShift) }

// next is what a count becomes when a reference is taken or dropped.
func (c *narrow) next(old, d int32) int32 {
	if old <= 0 || old == narrowMax && d > 0 {
		return narrowSaturated
	}
	return old + d
}

// swap changes the count in one step, and returns what it was.
func (c *narrow) swap(d int32) int32 {
	for {
		old := c.n.Load()
		// Nothing changes a saturated count, not even to the same number.
		if old == narrowSaturated || c.n.CompareAndSwap(old, c.next(old, d)) {
			return old
		}
	}
}

func (c *narrow) Get() {
	if c.swaps {
		c.swap(narrowOne)
		return
	}
	// Between the addition and the store the number is what it wrapped to.
	if now := c.n.Add(narrowOne); now <= narrowOne {
		c.n.Store(narrowSaturated)
	}
}

func (c *narrow) TryGet() bool {
	for {
		old := c.n.Load()
		if old == 0 {
			return false
		}
		next := c.next(old, narrowOne)
		if old == next || c.n.CompareAndSwap(old, next) {
			return true
		}
	}
}

func (c *narrow) Put() bool {
	if c.swaps {
		return c.swap(-narrowOne) == narrowOne
	}
	now := c.n.Add(-narrowOne)
	if now < 0 || now == narrowMax {
		c.n.Store(narrowSaturated)
	}
	return now == 0
}

func (c *narrow) Kill() bool { return c.Put() }

var narrowPromise = strategies.Promise{
	Limit:     narrowMax >> narrowShift,
	Overflow:  strategies.Saturates,
	Underflow: strategies.Saturates,
	GetOnZero: strategies.Saturates,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.Exact,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(narrow{})),
}

var narrowBugs = []*Bug{
	Bug{
		Name:   "saturationrace",
		Doc:    "a count that saturates in a second step comes round to zero in between",
		Source: "Linux include/linux/refcount.h, the comment on saturation: with 32 bits it takes 2^30 tasks stopped in between, with three bits two",
		Interleaving: `The count is saturated, at -2. One thread gets: it adds, to -1, and is stopped before it
stores -2 again. So is a second one: 0. A third one's TryGet reads 0 and fails, though
references are held and the object was to live for ever.`,
		Fix:     "one compare-and-swap that adds or saturates (Linux lib/refcount.c of 2017)",
		Program: "a:immortal a.Get! a.Put|a.Get! a.Put|a.TryGet! a.Put", Concurrent: true, Wraps: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(narrowPromise, func() strategies.Counter { return new(narrow) }, func() strategies.Counter { return &narrow{swaps: true} }),
}

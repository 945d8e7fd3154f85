package bugs

import (
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/width"
)

// A full is the checking refcount_t that Linux had in 2017 (lib/refcount.c), in 8 bits:
// unsigned, with the saturated value one step above the largest number, and so one step
// below zero.
//
//	0         dead
//	1 .. 254  references
//	255       saturated: nothing changes it
type full struct {
	n   width.Number[uint8]
	bug fullBug
}

// A fullBug is what is wrong with a full.
type fullBug int

const (
	fullRight  fullBug = iota
	fullDrops          // drops don't look whether the count is saturated
	fullWindow         // Get checks, and then adds
)

const fullSaturated = 255

func (c *full) Init()          { c.n.Store(1) }
func (c *full) InitAt(n int64) { c.n.Store(uint8(n)) }
func (c *full) Count() int64   { return int64(c.n.Load()) }
func (c *full) Kill() bool     { return c.Put() }

func (c *full) Get() {
	if c.bug != fullWindow {
		c.TryGet()
		return
	}
	if old := c.n.Load(); old != 0 && old != fullSaturated {
		c.n.Add(1)
	}
}

func (c *full) TryGet() bool {
	for {
		old := c.n.Load()
		if old == 0 || old == fullSaturated {
			return old != 0
		}
		if c.n.CompareAndSwap(old, old+1) {
			return true
		}
	}
}

func (c *full) Put() bool {
	for {
		old := c.n.Load()
		if old == 0 || old == fullSaturated && c.bug != fullDrops {
			return false
		}
		if c.n.CompareAndSwap(old, old-1) {
			return old == 1
		}
	}
}

var fullPromise = strategies.Promise{
	Limit:     fullSaturated - 1,
	Overflow:  strategies.Saturates,
	Underflow: strategies.Refuses,
	GetOnZero: strategies.Refuses,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.Exact,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(full{})),
}

func newFull(bug fullBug) func() strategies.Counter {
	return func() strategies.Counter { return &full{bug: bug} }
}

// fewAtOnce is of bugs in narrow counts that one thread shows at the limit.
var fewAtOnce = Expected{
	"operations": sure, "programs": sure, "schedules": sure, "histories": sure, "race": nothingGone,
	"stress":    blind("programs count up from one, and the limit is a hundred steps away"),
	"workloads": blind("no workload takes a hundred references to one object"),
}

var fullBugs = []*Bug{
	Bug{
		Name:   "fullunstuck",
		Doc:    "a count sticks at the top when references are taken, and comes down when they are dropped",
		Source: "Linux lib/refcount.c of 4.11, where each way to drop looks for UINT_MAX first; drivers/misc/lkdtm, REFCOUNT_DEC_SATURATED",
		Interleaving: `There are 254 references. Two more are taken and only the first is counted: the count is
saturated. All 256 are dropped, one after the other: the 255th reports the last, and frees what
the 256th still has.`,
		Fix:     "a drop leaves a saturated count alone",
		Program: "a:InitAt(limit) a:immortal a.Get a.Put a.Count|a.Get a.Put", Wraps: true,
		Expected: fewAtOnce,
	}.counts(fullPromise, newFull(fullDrops), newFull(fullRight)),
	Bug{
		Name:   "fullwindow",
		Doc:    "a count that is checked in one step and increased in the next comes past its saturated value",
		Source: "Linux commit 7a46ec0e2f48, fast refcount overflow protection, which adds first and so has to saturate half the range away from zero; lib/refcount.c saturates beside zero and needs the compare-and-swap",
		Interleaving: `There are 254 references. Two threads get: both see that there is room for one. The first
makes 255, saturated; the second makes 0. The object is dead with 256 references.`,
		Fix:     "one compare-and-swap that fails if the count has changed since it was checked",
		Program: "a:InitAt(limit) a:immortal a.Get! a.Put|a.Get! a.Put|a.TryGet! a.Put", Concurrent: true, Wraps: true,
		Expected: interleaved.but(Expected{"race": nothingGone, "stress": fewAtOnce["stress"], "workloads": fewAtOnce["workloads"]}),
	}.counts(fullPromise, newFull(fullWindow), newFull(fullRight)),
}

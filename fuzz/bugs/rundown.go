package bugs

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A runner is run-down protection with two words, as Windows has one for each CPU: who
// takes a reference adds to the first, and who drops one subtracts from the second, as if
// everybody had moved between the two.
//
//	bit 0       run-down has begun, and the block counts
//	bits 63..1  references taken minus references dropped here
type runner struct {
	words [2]atomic.Uint64

	block atomic.Int64 // what is left while Kill waits
	woken atomic.Bool
	bug   runnerBug

	// opened: TryGet has added to the block. What is dropped of that too much is no news.
	opened atomic.Bool
}

// A runnerBug is what is wrong with a runner.
type runnerBug int

const (
	runnerRight    runnerBug = iota
	runnerInverted           // Kill doesn't wait if somebody is inside
	runnerLate               // the block is filled when it is valid already
	runnerOpen               // TryGet succeeds after run-down has begun, as Get does
	runnerUnbiased           // who drops can bring the block to 0 before the sum is in it
)

const (
	runnerActive = 1
	runnerOne    = 2

	// runnerBias keeps the block away from 0 until Kill knows how many are inside.
	runnerBias = 1 << 40
)

func (c *runner) Init() {
	c.words[1].Store(0)
	c.words[0].Store(0)
}

// add adds d to the word, and reports false if run-down has begun.
func (c *runner) add(word int, d uint64) bool {
	for {
		w := c.words[word].Load()
		if w&runnerActive != 0 {
			return false
		}
		if c.words[word].CompareAndSwap(w, w+d) {
			return true
		}
	}
}

func (c *runner) Get() {
	if !c.add(0, runnerOne) && c.block.Add(1) <= 1 {
		panic("Get by a caller that holds no reference")
	}
}

func (c *runner) TryGet() bool {
	if c.bug == runnerOpen {
		if c.add(0, runnerOne) {
			return true
		}
		if c.block.Load() == 0 {
			return false
		}
		c.opened.Store(true)
		return c.block.Add(1) != 0
	}
	return c.add(0, runnerOne)
}

func (c *runner) Put() bool {
	if c.add(1, ^uint64(runnerOne-1)) {
		return false
	}
	switch n := c.block.Add(-1); {
	case n == 0:
		c.woken.Store(true)
	case n < 0 && !c.opened.Load():
		panic("Put by a caller that holds no reference")
	}
	return false
}

func (c *runner) Kill() bool {
	c.woken.Store(false)
	bias := int64(runnerBias)
	if c.bug == runnerUnbiased {
		bias = 1
	}
	if c.bug != runnerLate {
		c.block.Store(bias)
	}
	total := int64(0)
	for i := range c.words {
		total += int64(c.words[i].Swap(runnerActive)) >> 1
	}
	if c.bug == runnerLate {
		c.block.Store(runnerBias)
	}
	left := c.block.Add(total - bias)
	if left != 0 && c.bug != runnerInverted {
		for tries := 0; !c.woken.Load(); tries++ {
			patiently(tries, drainerSleeps, "Kill waits, everybody has left, and nobody wakes it")
		}
	}
	c.block.Store(0)
	return true
}

func newRunner(bug runnerBug) func() strategies.Counter {
	return func() strategies.Counter { return &runner{bug: bug} }
}

var runnerPromise = strategies.Promise{
	Limit:         math.MaxInt32,
	Overflow:      strategies.Wraps,
	Underflow:     strategies.Panics,
	GetOnZero:     strategies.Panics,
	Zero:          strategies.Waits,
	TryGetRefuses: strategies.OnceKilled,
	TryGet:        strategies.Exact,
	Count:         strategies.None,
	Progress:      strategies.LockFree,
	Bytes:         int(unsafe.Sizeof(runner{})),
}

const rundownSource = "ReactOS ntoskrnl/ex/rundown.c, commit 05cca6444806"

var rundownBugs = []*Bug{
	Bug{
		Name:   "rundowninverted",
		Doc:    "the look whether somebody is inside is the wrong way round, and Kill doesn't wait",
		Source: rundownSource + ", ExfWaitForRundownProtectionReleaseCacheAware: it waits if the block held minus the sum of the words",
		Interleaving: `Somebody is inside. Kill takes the words away, and their sum is 1; nobody has left since, so the
block holds 0. 0 isn't -1: Kill doesn't wait, and releases what is in use. (In the source, if the one
inside leaves between the two, the block holds -1, and Kill waits for ever. Here it doesn't.)`,
		Fix:     "wait unless the block comes to 0 when the sum is added",
		Program: "a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(runnerPromise, newRunner(runnerInverted), newRunner(runnerRight)),
	Bug{
		Name:   "rundownlate",
		Doc:    "the wait block is filled after the words say that it is valid",
		Source: rundownSource + ", which sets the count before it publishes the block, but there initialises the event after",
		Interleaving: `Somebody is inside. Kill sets the words to active. The one inside leaves and counts down in the
block. Kill fills the block, with the drop lost, and waits for ever. Here the block notices if it
comes below 0.`,
		Fix:     "fill the block first",
		Program: "a.Put|a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(runnerPromise, newRunner(runnerLate), newRunner(runnerRight)),
	Bug{
		Name:   "rundownopen",
		Doc:    "TryGet adds to the wait block, as Get may",
		Source: rundownSource + ", ExfAcquireRundownProtection, which fails as soon as run-down is active",
		Interleaving: `Kill waits for the last one inside. TryGet finds the block at 1. The last one leaves: 1 to 0, and
wakes Kill, which releases the object. TryGet makes 1 of 0, and reports a reference.`,
		Fix:     "nobody but who is inside adds to the block",
		Program: "a.Put|a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(runnerPromise, newRunner(runnerOpen), newRunner(runnerRight)),
	Bug{
		Name:   "rundownunbiased",
		Doc:    "the wait block begins at 1, so that a drop which comes before the sum wakes Kill",
		Source: rundownSource + ", ExfWaitForRundownProtectionReleaseCacheAware, where the sum is added to what was dropped meanwhile, and only then compared",
		Interleaving: `Two are inside. Kill takes the words away, and knows that there are two. The first one leaves: 1 to
0, and wakes Kill. Kill adds the sum, which leaves 1, and is awake already: it releases what the
second one uses.`,
		Fix:     "begin far from 0",
		Program: "a.Put|a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(runnerPromise, newRunner(runnerUnbiased), newRunner(runnerRight)),
}

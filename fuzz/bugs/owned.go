package bugs

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// A claimed is a count with words that an actor owns, as strategies/owned: actor 1 has
// two, and all others count on the shared number.
//
//	word    bit 0: its actor is in an operation; bits 63..1: references taken, or dropped
//	shared  references of all others, biased by claimedBias until the words are in it
type claimed struct {
	closed         atomic.Bool
	taken, dropped pin.Word
	shared         atomic.Int64
	bug            claimedBug
}

// A claimedBug is what is wrong with a claimed.
type claimedBug int

const (
	claimedRight    claimedBug = iota
	claimedLate                // who counts looks before it is announced whether words count, and not after
	claimedHasty               // Kill doesn't wait for an operation of the actor
	claimedUnbiased            // the shared number has no bias
	claimedFolded              // actors without words count on another's
	claimedUnfenced            // Kill has no barrier between closing the words and looking at them
)

const (
	claimedOne  = 2
	claimedBias = -1 << 62
)

func (c *claimed) bias() int64 {
	if c.bug == claimedUnbiased {
		return 0
	}
	return claimedBias
}

func (c *claimed) sum() int64 { return c.taken.Load()>>1 - c.dropped.Load()>>1 }

func (c *claimed) Init() {
	c.shared.Store(1 - c.sum() + c.bias())
	c.closed.Store(false)
}

// add adds one on a word of the actor's, unless the shared number counts.
func (c *claimed) add(w *pin.Word, actor int) bool {
	if actor != 1 && c.bug != claimedFolded || c.closed.Load() {
		return false
	}
	v := w.Load() &^ 1 // which it isn't if nobody else is the actor
	w.Store(v | 1)
	if c.bug != claimedLate && c.closed.Load() {
		w.Store(v)
		return false
	}
	w.Store(v + claimedOne)
	return true
}

func (c *claimed) TakeAs(actor int) bool { return c.add(&c.taken, actor) }
func (c *claimed) DropAs(actor int) bool { return c.add(&c.dropped, actor) }

func (c *claimed) Get() {
	if c.shared.Add(1) == 1 {
		panic("Get on a dead count")
	}
}

func (c *claimed) TryGet() bool {
	for {
		n := c.shared.Load()
		if n == 0 || c.shared.CompareAndSwap(n, n+1) {
			return n != 0
		}
	}
}

func (c *claimed) Put() bool {
	n := c.shared.Add(-1)
	if n == -1 {
		panic("Put on a dead count")
	}
	return n == 0
}

func (c *claimed) Kill() bool {
	c.closed.Store(true)
	if c.bug != claimedUnfenced {
		pin.Barrier()
	}
	for c.bug != claimedHasty && (c.taken.Load()|c.dropped.Load())&1 != 0 {
		runtime.Gosched()
	}
	return c.shared.Add(c.sum()-c.bias()-1) == 0
}

func newClaimed(bug claimedBug) func() strategies.Counter {
	return func() strategies.Counter { return &claimed{bug: bug} }
}

var claimedPromise = strategies.Promise{
	Limit:     1 << 60,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Panics,
	GetOnZero: strategies.Panics,
	Zero:      strategies.AfterKill,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(claimed{})),
	Actors:    true,
}

// unfencedSource is where the barrier comes from that is left out.
const unfencedSource = "Linux membarrier(2), of a store and a load that have to stay in their order on the side that comes by often"

const ownedSource = "strategies/owned, after Linux lib/percpu-refcount.c"

var claimedBugs = []*Bug{
	Bug{
		Name:   "ownedlate",
		Doc:    "who counts looks whether words still count before the operation is announced, and not after",
		Source: ownedSource + ": the kernel looks at the mode in a section that percpu_ref_kill waits for",
		Interleaving: `A looks: its word counts. It is stopped. Kill closes the words, finds A not busy, and adds up what is on
them. A stores one more, which nobody looks at any more: its reference isn't counted.`,
		Fix:     "look once more after the word was made busy",
		Program: "a.GetAs a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(claimedPromise, newClaimed(claimedLate), newClaimed(claimedRight)),
	Bug{
		Name:   "ownedhasty",
		Doc:    "Kill adds words up and doesn't wait for who is in an operation",
		Source: ownedSource + ": percpu_ref_kill waits for a grace period before it adds up",
		Interleaving: `A makes its word busy, looks, and finds that words count. It is stopped. Kill closes the words and adds up what is on
them. A stores one more, which nobody looks at any more: its reference isn't counted.`,
		Fix:     "wait until no word is busy",
		Program: "a.GetAs a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(claimedPromise, newClaimed(claimedHasty), newClaimed(claimedRight)),
	Bug{
		Name:   "ownedbias",
		Doc:    "the shared number has no bias while words count",
		Source: ownedSource + ": PERCPU_COUNT_BIAS keeps the atomic count off zero until the sum is in it",
		Interleaving: `A takes a reference on its word; the shared number has the owner's. A hands it to B, who doesn't say who he is
and drops it on the shared number. That is 0: B reports the last, and the owner isn't through.`,
		Fix:      "bias the shared number until the words are added to it",
		Program:  "a.GetAs a.Put a.Kill",
		Expected: sequential,
	}.counts(claimedPromise, newClaimed(claimedUnbiased), newClaimed(claimedRight)),
	Bug{
		Name:   "ownedfolded",
		Doc:    "an actor that there is no word for counts on another's",
		Source: ownedSource + ": a word that two write isn't owned",
		Interleaving: `A has a word, and B is brought into range: it has the same. A loads 0 and is stopped. B takes a reference: 1. A
stores 1. There are two references, and one is counted.`,
		Fix:     "let actors without a word count on the shared number",
		Program: "a.GetAs a.Put|a.GetAs a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(claimedPromise, newClaimed(claimedFolded), newClaimed(claimedRight)),
	Bug{
		Name:   "ownedunfenced",
		Doc:    "Kill has no barrier between closing the words and looking whether they are busy",
		Source: ownedSource + ": percpu_ref_kill waits for a grace period, which every CPU passes a barrier in; " + unfencedSource,
		Interleaving: `A makes its word busy, which stays in its CPU's store buffer, looks, and finds that words count. Kill closes the
words, finds the word as it was before, not busy, and adds up what is on it. Then A's stores
come to memory: its reference isn't counted.`,
		Fix:     "have all CPUs pass a barrier after the words are closed",
		Program: "a.GetAs a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(claimedPromise, newClaimed(claimedUnfenced), newClaimed(claimedRight)),
}

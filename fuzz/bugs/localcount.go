package bugs

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// A locally is a count with a plain number per CPU that is drained, as
// strategies/localcount. In place of the mutex total is atomic, and Kill looks again and
// again whether it was woken, so that one who never is can say so.
//
//	bit 0       of a CPU's word: an operation is under way
//	bits 63..1  references taken less references dropped there
type locally struct {
	mode  atomic.Uint32
	words pin.Lines[pin.Word]

	total  atomic.Int64 // with locallyBias until all words are in it
	woken  atomic.Bool
	sleeps int  // for how many of patiently's Kill waits
	hasty  bool // total has no bias
	misses bool // the drain leaves out the CPU that it runs on
	bare   bool // the drain has no barrier before it looks at the words
}

const (
	locallyDead     = 0
	locallyCounting = 1
	locallyDraining = 2

	locallyBias = 1 << 40
)

func (c *locally) bias() int64 {
	if c.hasty {
		return 0
	}
	return locallyBias
}

func (c *locally) Init() {
	if c.words == nil {
		c.words = pin.NewLines[pin.Word]()
	}
	n := c.bias()
	for i := range c.words {
		n -= c.words[i].Word.Load() >> 1
	}
	c.total.Store(n)
	c.woken.Store(false)
	c.mode.Store(locallyCounting)
}

// add adds d on this CPU's word, unless total counts.
func (c *locally) add(d int64) bool {
	if c.mode.Load() != locallyCounting {
		return false
	}
	w := &c.words[pin.Pin()%len(c.words)].Word
	defer pin.Unpin()
	v := w.Load()
	w.Store(v | 1)
	if c.mode.Load() != locallyCounting {
		w.Store(v)
		return false
	}
	w.Store(v + d<<1)
	return true
}

func (c *locally) TryGet() bool { return c.add(1) }

func (c *locally) Get() {
	if !c.add(1) {
		c.drain(1)
	}
}

func (c *locally) Put() bool {
	if !c.add(-1) {
		c.drain(-1)
	}
	return false
}

// drain adds d to total, and wakes Kill if that is zero.
func (c *locally) drain(d int64) {
	if c.mode.Load() == locallyDead {
		panic("Get or Put on a dead count")
	}
	if c.total.Add(d) == 0 {
		c.woken.Store(true)
	}
}

func (c *locally) Kill() bool {
	c.mode.Store(locallyDraining)
	if !c.bare {
		pin.Barrier()
	}
	here := pin.CPU()
	for i := range c.words {
		w := &c.words[i].Word
		for w.Load()&1 != 0 {
			runtime.Gosched()
		}
		if n := w.Load() >> 1; n != 0 && (!c.misses || i != here) {
			c.total.Add(n)
		}
	}
	n := c.total.Add(-c.bias())
	if n < 0 {
		panic("more references were dropped than taken")
	}
	if n > 0 {
		for tries := 0; !c.woken.Load(); tries++ {
			patiently(tries, c.sleeps, "Kill waits, everybody has left, and nobody wakes it")
		}
	}
	c.mode.Store(locallyDead)
	return true
}

// newLocally is right. What is missed is missed for ever, so that it needn't wait for long.
func newLocally() strategies.Counter { return &locally{sleeps: drainerSleeps} }

var locallyPromise = strategies.Promise{
	Limit:         1 << 32,
	Overflow:      strategies.Wraps,
	Underflow:     strategies.Panics,
	GetOnZero:     strategies.Panics,
	Zero:          strategies.Waits,
	TryGet:        strategies.Exact,
	TryGetRefuses: strategies.OnceKilled,
	Count:         strategies.None,
	Progress:      strategies.Blocking,
	Bytes:         int(unsafe.Sizeof(locally{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[pin.Word]{})),
}

const localcountSource = "NetBSD sys/kern/subr_localcount.c, localcount_drain"

var locallyBugs = []*Bug{
	Bug{
		Name:   "localmissed",
		Doc:    "the drain leaves out the CPU that it runs on",
		Source: localcountSource + ": the cross-call (xc_broadcast) runs on every CPU, that of the caller too; one to all others only would be smp_call_function's in Linux",
		Interleaving: `A's reference was taken on CPU 0, and Kill runs there. It adds up the numbers of all other CPUs: 0.
It doesn't wait, and releases what A uses.`,
		Fix:      "add the number of every CPU",
		Program:  "a.Put|a.Kill",
		Expected: moved,
	}.counts(locallyPromise, func() strategies.Counter { return &locally{misses: true, sleeps: drainerSleeps / 50} }, newLocally),
	Bug{
		Name:   "localhasty",
		Doc:    "a drop that finds zero wakes Kill while some CPUs aren't added up",
		Source: localcountSource + ": it looks at the total when the cross-call has been everywhere (xc_wait)",
		Interleaving: `A's and B's references were taken on CPU 0, and A's second on CPU 1. Kill adds CPU 0's 2. A drops both of its
own: the total is 0, and it wakes Kill. Kill adds CPU 1's 1, and is to wait for B; but somebody has
woken it already.`,
		Fix:     "nobody finds zero before all CPUs are added up: until then the total has a bias",
		Program: "a.Get a.Put a.Put|a.Put|a.Kill", Concurrent: true,
		Preemptions: 4,
		Expected:    interleaved,
	}.counts(locallyPromise, func() strategies.Counter { return &locally{hasty: true, sleeps: drainerSleeps} }, newLocally),
	Bug{
		Name:   "localunfenced",
		Doc:    "the drain has no barrier before it looks which words are busy",
		Source: localcountSource + ": xc_broadcast interrupts every CPU, which is a barrier there; " + unfencedSource,
		Interleaving: `A makes its CPU's word busy, which stays in the store buffer, and finds that words count. Kill changes the mode,
finds the word as it was before, not busy, and adds it up. Then A's stores come to memory: its
reference isn't counted.`,
		Fix:     "have all CPUs pass a barrier after the mode is changed",
		Program: "a.Get a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(locallyPromise, func() strategies.Counter { return &locally{bare: true, sleeps: drainerSleeps / 50} }, newLocally),
}

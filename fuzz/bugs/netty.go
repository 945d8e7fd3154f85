package bugs

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A netty is a count that TryGet adds to before it looks, as Netty's has done since 4.1.17.
// What it added to a dead count it takes back.
//
//	even   alive, half as many references
//	odd    dead
type netty struct {
	word atomic.Int32
	bug  nettyBug
}

// A nettyBug is what is wrong with a netty.
type nettyBug int

const (
	nettyRight nettyBug = iota
	nettyZero           // 0 is dead, and there is no odd word
	nettySteps          // Put subtracts, and says that the count is dead afterwards
	nettyReuse          // TryGet writes to dead counts, whose memory others use again
	nettyLooks          // its twin: TryGet doesn't
)

func (c *netty) Init()          { c.word.Store(2) }
func (c *netty) InitAt(n int64) { c.word.Store(int32(n) * 2) }
func (c *netty) Kill() bool     { return c.Put() }

// refused reports whether no reference is taken of a word: it is dead, or at the limit.
func (c *netty) refused(w int32) bool {
	return w < 0 || w+2 < 0 || w&1 != 0 || w == 0 && c.bug == nettyZero
}

func (c *netty) Get() {
	if !c.TryGet() {
		panic("Get on a dead count, or past the limit")
	}
}

func (c *netty) TryGet() bool {
	for c.bug == nettyLooks {
		w := c.word.Load()
		if c.refused(w) {
			return false
		}
		if c.word.CompareAndSwap(w, w+2) {
			return true
		}
	}
	if c.refused(c.word.Add(2) - 2) {
		c.word.Add(-2)
		return false
	}
	return true
}

func (c *netty) Put() bool {
	for {
		w := c.word.Load()
		switch {
		case w < 2 || w&1 != 0:
			panic("Put of a reference that isn't there")
		case w > 2:
			if c.word.CompareAndSwap(w, w-2) {
				return false
			}
		case c.bug == nettySteps:
			if c.word.Add(-2) != 0 {
				return false
			}
			c.word.Store(1)
			return true
		case c.word.CompareAndSwap(2, c.last()):
			return true
		}
	}
}

// last is what the last reference becomes.
func (c *netty) last() int32 {
	if c.bug == nettyZero {
		return 0
	}
	return 1
}

var nettyPromise = strategies.Promise{
	Limit:     math.MaxInt32 / 2,
	Overflow:  strategies.Panics,
	Underflow: strategies.Panics,
	GetOnZero: strategies.Panics,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(netty{})),
}

var nettyReusePromise = func() strategies.Promise {
	p := nettyPromise
	p.TypeStable = true
	return p
}()

func newNetty(bug nettyBug) func() strategies.Counter {
	return func() strategies.Counter { return &netty{bug: bug} }
}

var nettyBugs = []*Bug{
	Bug{
		Name:   "retainzero",
		Doc:    "an addition to a dead count that is about to be taken back looks like a reference",
		Source: "netty#8563, a race in AbstractReferenceCounted since 83a19d565064 made additions of retain and release; fixed by netty#8583",
		Interleaving: `The count is 0. One thread's TryGet adds, sees the 0 that was there, and is stopped before it
takes that back. Another one's adds, sees that somebody has a reference, and goes on with an
object that is gone.`,
		Fix:     "a dead count has a bit that additions don't reach",
		Program: "a.Put a.TryGet|a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(nettyPromise, newNetty(nettyZero), newNetty(nettyRight)),
	Bug{
		Name:   "releasesteps",
		Doc:    "the last put leaves zero, and says in a second step that this is dead",
		Source: "Netty 4.2 RefCnt, release0, which takes a compare-and-swap for the last reference where retain does without",
		Interleaving: `The last holder puts: 2 to 0, which is even. A lookup adds 2 and has a reference. The put goes on
and stores 1: the object is released while the lookup has it.`,
		Fix:     "one compare-and-swap of 2 for 1",
		Program: "a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(nettyPromise, newNetty(nettySteps), newNetty(nettyRight)),
	Bug{
		Name:   "resetrefcnt",
		Doc:    "a new life begins in memory to which lookups still add and from which they take back",
		Source: "Netty 4.2 RefCnt, resetRefCnt, for quiescent states only",
		Interleaving: `The count is dead, 1. A TryGet through a stale reference adds 2: 3, dead. Init stores 2, a new
life. TryGet takes its 2 back: the count is 0, and the owner's reference is gone.`,
		Fix:     "TryGet looks first, and writes only to what is alive",
		Program: "a.Put a.TryGet|a.Kill a.Init", Concurrent: true,
		Expected: interleaved.but(Expected{"histories": otherUses, "race": nothingGone}),
	}.counts(nettyReusePromise, newNetty(nettyReuse), newNetty(nettyLooks)),
}

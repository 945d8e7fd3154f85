package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A page is a count of three bits that wraps and whose TryGet refuses past the limit, as
// Linux counts references to pages with 32.
//
//	bits 31..29   the number, signed: -4 .. 3
//	              0 dead, 1 .. 3 references, -4 .. -1 past the limit or below 0
//	bits 28..0    0
type page struct {
	n   atomic.Int32
	bug pageBug
}

// A pageBug is what is wrong with a page.
type pageBug int

const (
	pageRight    pageBug = iota
	pageZeroOnly         // TryGet looks for zero alone
	pageLooks            // TryGet looks in one step and adds in another
)

const (
	pageShift = 29
	pageOne   = 1 << pageShift
	pageMax   = 3
)

func (c *page) Init()          { c.n.Store(pageOne) }
func (c *page) InitAt(n int64) { c.n.Store(int32(n << pageShift)) }
func (c *page) Get()           { c.n.Add(pageOne) }
func (c *page) Put() bool      { return c.n.Add(-pageOne) == 0 }
func (c *page) Kill() bool     { return c.n.Add(-pageOne) == 0 }
func (c *page) Count() int64   { return int64(c.n.Load() >> pageShift) }

func (c *page) TryGet() bool {
	for {
		old := c.n.Load()
		switch {
		case old == 0, old < 0 && c.bug != pageZeroOnly:
			return false
		case c.bug == pageLooks:
			c.n.Add(pageOne)
			return true
		case c.n.CompareAndSwap(old, old+pageOne):
			return true
		}
	}
}

var pagePromise = strategies.Promise{
	Limit:         pageMax,
	Width:         32 - pageShift,
	Overflow:      strategies.Wraps,
	Underflow:     strategies.Wraps,
	GetOnZero:     strategies.Revives,
	Zero:          strategies.Immediate,
	TryGet:        strategies.Exact,
	TryGetRefuses: strategies.PastLimit,
	Count:         strategies.Exact,
	Progress:      strategies.LockFree,
	Bytes:         int(unsafe.Sizeof(page{})),
	TypeStable:    true,
}

func newPage(bug pageBug) func() strategies.Counter {
	return func() strategies.Counter { return &page{bug: bug} }
}

var pageBugs = []*Bug{
	Bug{
		Name:   "pagezeroonly",
		Doc:    "TryGet fails at zero alone, as get_page_unless_zero, so that user space comes round to it",
		Source: "CVE-2019-11487, and Linux 8fde12ca79af, which makes get_user_pages look for a negative number too",
		Interleaving: `User space takes references to a page until the number has passed the limit, and goes on: it
is negative and not 0, so each TryGet succeeds. After 2^32 of them, with three bits eight, the
number is 0 and then 1: the next put frees a page that all of them refer to.`,
		Fix:     "a negative number is refused as well",
		Program: "a:InitAt(limit-1) a.TryGet a.TryGet a.TryGet a.Put a.Put a.Put", Wraps: true,
		Expected: sequential.but(Expected{"histories": sure, "stress": blind("programs stay below the limit"), "race": nothingGone}),
	}.counts(pagePromise, newPage(pageZeroOnly), newPage(pageRight)),
	Bug{
		Name:   "pagelooks",
		Doc:    "TryGet looks at the number in one step and adds in another",
		Source: "Linux 88b1a17dfc3e, try_get_page, which is for callers under whom the page can't die, and may come past the limit with each of them",
		Interleaving: `The number is the limit. Two lookups look at it, and both find it above 0. Both add: the second
of them has taken a reference at a negative number. Where nobody holds the page the same happens
at 1: the lookup looks, the last put leaves 0, and the lookup adds to a page that is freed.`,
		Fix:     "a compare-and-swap that fails if the number has changed since it was looked at",
		Program: "a:InitAt(limit) a.TryGet|a.TryGet", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(pagePromise, newPage(pageLooks), newPage(pageRight)),
}

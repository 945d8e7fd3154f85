package bugs

import (
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/width"
)

// An fdCount is a count as FreeBSD's refcount(9), in 8 bits: bit 7 says that it is saturated.
//
//	0            dead
//	1 .. 127     references
//	-128 .. -1   saturated
type fdCount struct {
	n     width.Number[int8]
	wraps bool // nobody looks at bit 7, as before 2019
}

const fdSaturated = -64

func (c *fdCount) Init()          { c.n.Store(1) }
func (c *fdCount) InitAt(n int64) { c.n.Store(int8(n)) }
func (c *fdCount) Count() int64   { return int64(c.n.Load()) }
func (c *fdCount) Kill() bool     { return c.Put() }

func (c *fdCount) Get() {
	if now := c.n.Add(1); now <= 0 && !c.wraps {
		c.n.Store(fdSaturated)
	}
}

func (c *fdCount) TryGet() bool {
	for {
		old := c.n.Load()
		if old == 0 {
			return false
		}
		if old < 0 && !c.wraps || c.n.CompareAndSwap(old, old+1) {
			return true
		}
	}
}

func (c *fdCount) Put() bool {
	now := c.n.Add(-1)
	if (now < 0 || now == 127) && !c.wraps {
		c.n.Store(fdSaturated)
		return false
	}
	return now == 0
}

var freebsdPromise = strategies.Promise{
	Limit:     127,
	Overflow:  strategies.Saturates,
	Underflow: strategies.Saturates,
	GetOnZero: strategies.Revives,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.Exact,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(fdCount{})),
}

var freebsdBugs = []*Bug{
	Bug{
		Name:   "fdleak",
		Doc:    "references to a file that are leaked one by one bring its count round to zero",
		Source: "FreeBSD-SA-19:02.fd, CVE-2019-5596: descriptors passed over a socket kept a reference when the message was cut off, and f_count was 32 bits that wrapped until r350199",
		Interleaving: `Each message that is cut off leaves a reference. After as many as the count has values the
count of an open file is where it began, with as many references as before and all those that
leaked. The next close frees the file, and other processes have it open.`,
		Fix:     "a number past the limit sticks",
		Program: "a:InitAt(limit-1) a.Get a.Put|a.Get a.TryGet|a.Kill", Wraps: true,
		Expected: fewAtOnce,
	}.counts(freebsdPromise, func() strategies.Counter { return &fdCount{wraps: true} }, func() strategies.Counter { return new(fdCount) }),
}

package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A helped count is a count whose zero sticks: who drops the last reference sets a bit, and from
// then on additions don't matter. Who finds zero without the bit sets it for whoever is
// about to.
//
//	bit  31      zero: dead for good
//	bit  30      helped: set by another one than the one who dropped the last
//	bits 29..0   references, while zero isn't set
type helped struct {
	n   atomic.Uint32
	all bool // the bug: whoever sees the help is told
}

const (
	helpedZero = 1 << 31
	helpedBit  = 1 << 30
	helpedMax  = 1<<20 - 1
)

func (c *helped) Init()      { c.n.Store(1) }
func (c *helped) Get()       { c.n.Add(1) }
func (c *helped) Kill() bool { return c.Put() }

func (c *helped) TryGet() bool {
	if c.n.Load() == 0 && c.n.CompareAndSwap(0, helpedZero|helpedBit) {
		return false
	}
	return c.n.Add(1)&helpedZero == 0
}

func (c *helped) Put() bool {
	if c.n.Add(^uint32(0)) != 0 {
		return false
	}
	if c.n.CompareAndSwap(0, helpedZero) {
		return true
	}
	n := c.n.Load()
	if n&helpedZero == 0 || n&helpedBit == 0 || c.all {
		return n&helpedBit != 0
	}
	// Another one that dropped to zero may be here as well: one takes the help.
	return c.n.And(^uint32(helpedBit))&helpedBit != 0
}

var helpedPromise = strategies.Promise{
	Limit:     helpedMax,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Wraps,
	GetOnZero: strategies.Refuses,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.None,
	Progress:  strategies.LockFree,
	Bytes:     int(unsafe.Sizeof(helped{})),
}

var helpedBugs = []*Bug{
	Bug{
		Name:   "stickyhelp",
		Doc:    "every put that finds zero set by a helper takes itself for the last",
		Source: "Anderson, Blelloch, Wei, Turning Manual Concurrent Memory Reclamation into Automatic Reference Counting, PLDI 2022, the sticky counter: why the decrement exchanges the helped bit",
		Interleaving: `The owner puts: 1 to 0, and is stopped. One lookup takes a reference, 0 to 1, and puts it: 0
again, and is stopped too. Another lookup finds 0 and sets zero and helped. Both putters fail
to set zero, see that they were helped, and both release.`,
		Fix:     "who clears the helped bit is told, and nobody else",
		Program: "a.Kill|a.Put a.TryGet a.Put|a.Put a.TryGet", Concurrent: true,
		Expected: interleaved,
	}.counts(helpedPromise, func() strategies.Counter { return &helped{all: true} }, func() strategies.Counter { return new(helped) }),
}

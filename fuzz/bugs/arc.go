package bugs

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// An arcStrong is the strong count of Rust's Arc, which panics where Rust aborts.
type arcStrong struct {
	n atomic.Uint64
	// adds is the mistake: upgrade adds, and takes back what it added to a dead count.
	adds bool
}

func (c *arcStrong) Init()          { c.n.Store(1) }
func (c *arcStrong) InitAt(n int64) { c.n.Store(uint64(n)) }
func (c *arcStrong) Put() bool      { return c.n.Add(^uint64(0)) == 0 }
func (c *arcStrong) Kill() bool     { return c.n.Add(^uint64(0)) == 0 }
func (c *arcStrong) Count() int64   { return int64(c.n.Load()) }

func (c *arcStrong) Get() {
	if c.n.Add(1) > math.MaxInt64 {
		c.n.Add(^uint64(0))
		panic("clone past the limit")
	}
}

func (c *arcStrong) TryGet() bool {
	if c.adds {
		old := c.n.Add(1) - 1
		if old != 0 && old < math.MaxInt64 {
			return true
		}
		c.n.Add(^uint64(0))
		return false
	}
	for {
		n := c.n.Load()
		if n == 0 {
			return false
		}
		if n >= math.MaxInt64 {
			panic("upgrade past the limit")
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

var arcPromise = strategies.Promise{
	Limit:      math.MaxInt64,
	Overflow:   strategies.Panics,
	Underflow:  strategies.Wraps,
	GetOnZero:  strategies.Revives,
	Zero:       strategies.Immediate,
	TryGet:     strategies.Exact,
	Count:      strategies.Exact,
	Progress:   strategies.LockFree,
	Bytes:      int(unsafe.Sizeof(arcStrong{})),
	TypeStable: true,
}

var arcBugs = []*Bug{
	Bug{
		Name:   "arcaddback",
		Doc:    "upgrade adds to the strong count as clone does, and takes it back if the object was dead",
		Source: "Rust library/alloc/src/sync.rs, Weak::upgrade, which swaps in a loop where clone adds, so that the count never goes from zero to one",
		Interleaving: `The object is dead, its strong count 0, and two weak references are left. One upgrade adds, and
is stopped before it takes that back. The other one adds to 1, and has a strong reference to an
object that is destroyed. The first takes its one back, and the second's drop leaves 0 once more:
the object is destroyed twice.`,
		Fix:     "a compare-and-swap that is tried only on a number other than 0",
		Program: "a.Put a.TryGet|a.Put a.TryGet|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(arcPromise, func() strategies.Counter { return &arcStrong{adds: true} }, func() strategies.Counter { return new(arcStrong) }),
}

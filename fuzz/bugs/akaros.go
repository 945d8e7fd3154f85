package bugs

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A kref is Akaros' count: several references are taken at once and one is dropped.
type kref struct {
	n   atomic.Int64
	bug krefBug
}

// A krefBug is what is wrong with a kref.
type krefBug int

const (
	krefRight   krefBug = iota
	krefReread          // Put subtracts, and then looks what is left
	krefAddBack         // TryGet adds blindly, and takes it back if the count was dead
)

func (c *kref) Init()              { c.n.Store(1) }
func (c *kref) InitAt(n int64)     { c.n.Store(n) }
func (c *kref) Count() int64       { return c.n.Load() }
func (c *kref) Resurrect()         { c.n.Add(1) }
func (c *kref) TryGet() bool       { return c.TryGetN(1) }
func (c *kref) TryGetN(k int) bool { return c.addNotZero(int64(k)) }
func (c *kref) Get()               { c.GetN(1) }
func (c *kref) Kill() bool         { return c.Put() }

func (c *kref) GetN(k int) {
	if !c.addNotZero(int64(k)) {
		panic("kref_get of a dead count")
	}
}

func (c *kref) addNotZero(k int64) bool {
	if c.bug == krefAddBack {
		if c.n.Add(k) != k {
			return true
		}
		c.n.Add(-k)
		return false
	}
	for {
		old := c.n.Load()
		if old == 0 {
			return false
		}
		if c.n.CompareAndSwap(old, old+k) {
			return true
		}
	}
}

func (c *kref) Put() bool {
	if c.n.Load() <= 0 {
		panic("kref_put of a dead count")
	}
	left := c.n.Add(-1)
	if c.bug == krefReread {
		left = c.n.Load()
	}
	return left == 0
}

var krefPromise = strategies.Promise{
	Limit:        math.MaxInt64,
	Width:        64,
	Overflow:     strategies.Wraps,
	Underflow:    strategies.Panics,
	GetOnZero:    strategies.Panics,
	Zero:         strategies.Immediate,
	TryGet:       strategies.Exact,
	Count:        strategies.Exact,
	Resurrection: true,
	Progress:     strategies.LockFree,
	Bytes:        int(unsafe.Sizeof(kref{})),
	TypeStable:   true,
}

func newKref(bug krefBug) func() strategies.Counter {
	return func() strategies.Counter { return &kref{bug: bug} }
}

var krefBugs = []*Bug{
	Bug{
		Name:   "krefreread",
		Doc:    "put subtracts, and looks in a second step whether anything is left",
		Source: "Akaros kern/include/kref.h, kref_put: what decides is atomic_sub_and_test, one step; only the assertion reads by itself",
		Interleaving: `There are two references. Both holders put: 2 to 1, 1 to 0. Then both look, and both read 0:
the object is released twice.`,
		Fix:     "the subtraction itself says what it left",
		Program: "a.Put|a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(krefPromise, newKref(krefReread), newKref(krefRight)),
	Bug{
		Name:   "krefaddback",
		Doc:    "get_not_zero adds blindly and takes back what it added to a dead count",
		Source: "Akaros kern/include/atomic.h, atomic_add_not_zero, and Documentation/kref.txt: only __kref_get may add to zero, under a lock",
		Interleaving: `The object is dead, at 0. One lookup takes two references at once: 2. Before it takes them back
a second one adds to 2, which isn't 0, and has a reference to an object that was released.`,
		Fix:     "a compare-and-swap that is tried only on a number other than 0",
		Program: "a.Put a.TryGetN(2)|a.Kill a.TryGet", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(krefPromise, newKref(krefAddBack), newKref(krefRight)),
}

package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A torn is a word of 32 bits that is looked at in halves.
type torn struct {
	word
	bug carryBug
}

// A carryBug is what is wrong with a count when its number carries from the lower half
// into the upper one.
type carryBug int

const (
	carryRight carryBug = iota
	carryTorn           // TryGet looks at one half after the other
	carryLow            // Put looks for zero in the lower half
)

func (c *torn) TryGet() bool {
	if c.bug == carryTorn {
		if c.n.Load()>>16 == 0 && c.n.Load()&0xffff == 0 {
			return false
		}
	}
	return c.word.TryGet()
}

func (c *torn) Put() bool {
	n := c.n.Add(-1)
	if c.bug == carryLow {
		return n >= 0 && n&0xffff == 0
	}
	return n == 0
}

func (c *torn) Kill() bool { return c.Put() }

func newTorn(bug carryBug) func() strategies.Counter {
	return func() strategies.Counter { return &torn{bug: bug} }
}

var tornPromise = func() strategies.Promise {
	p := wordPromise
	p.Bytes = int(unsafe.Sizeof(torn{}))
	return p
}()

// A lowByte is a count of 32 bits that nobody can begin elsewhere than at 1.
type lowByte struct {
	n   atomic.Int32
	bug carryBug
}

func (c *lowByte) Init() { c.n.Store(1) }
func (c *lowByte) Get()  { c.n.Add(1) }

func (c *lowByte) TryGet() bool {
	for {
		n := c.n.Load()
		if n == 0 || c.bug == carryLow && n&0xffff == 0 {
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (c *lowByte) Put() bool  { return c.n.Add(-1) == 0 }
func (c *lowByte) Kill() bool { return c.Put() }

var lowBytePromise = func() strategies.Promise {
	p := wordPromise
	p.Count = strategies.None
	p.Bytes = int(unsafe.Sizeof(lowByte{}))
	return p
}()

var farAway = blind("what it does is done from a few references, or near the limit")

var carryBugs = []*Bug{
	Bug{
		Name:   "carrytorn",
		Doc:    "get_unless_zero reads the two halves of the number one after the other",
		Source: "Linux include/linux/u64_stats_sync.h: a number of two words is not read in one step",
		Interleaving: `There are 65,535 references: the upper half is 0, the lower one 0xffff. A lookup reads the upper half,
0. A holder gets: 65,536, the upper half is 1 and the lower one 0. The lookup reads the lower half, 0,
and takes an object with 65,536 references for dead.`,
		Fix:     "one load of the whole number",
		Program: "a:InitAt(2^16-1) a.Get a.Put|a.TryGet a.Put", Concurrent: true,
		Expected: interleaved.but(Expected{"stress": farAway, "workloads": farAway, "race": farAway}),
	}.counts(tornPromise, newTorn(carryTorn), newTorn(carryRight)),
	Bug{
		Name:   "carrylow",
		Doc:    "put looks for zero in the lower half of the number alone",
		Source: "CWE-197, numeric truncation error: a count that is cut to fewer bits is zero too early",
		Interleaving: `There are 65,537 references. One of them is put. The number is 0x10000, its lower half is 0, and
the object is released under 65,536 holders.`,
		Fix:      "the whole number is compared with zero",
		Program:  "a:InitAt(2^16) a.Get a.Put|a.TryGet a.Put",
		Expected: Expected{"kernel": farAway, "operations": farAway, "rules": sure, "crossings": sure, "programs": sure, "schedules": sure, "stress": farAway, "workloads": farAway, "race": noThreads},
	}.counts(tornPromise, newTorn(carryLow), newTorn(carryRight)),
	Bug{
		Name:   "carrylookup",
		Doc:    "get_unless_zero looks for zero in the lower half of the number alone, and no life can begin near there",
		Source: "CWE-197, numeric truncation error: a count that is cut to fewer bits is zero too early",
		Interleaving: `An object has 65,536 references, taken one by one. The lower half of the number is 0, so a lookup says that
the object is dead.`,
		Fix:      "the whole number is compared with zero",
		Program:  "a.Get a.Put|a.TryGet a.Put",
		Expected: Expected{"kernel": farAway, "operations": farAway, "rules": sure, "crossings": sure, "programs": farAway, "schedules": farAway, "stress": farAway, "histories": farAway, "workloads": farAway, "race": noThreads},
	}.counts(lowBytePromise, func() strategies.Counter { return &lowByte{bug: carryLow} }, func() strategies.Counter { return new(lowByte) }),
}

package bugs

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A ramp is a count with a lock in its own word, as Akaros had it on RAMP, an FPGA
// model of SPARC without compare-and-swap (kern/arch/sparc/atomic.h).
//
//	bits 31..8   the number of references, signed
//	bits  7..0   the lock: 0 free, 0xff held
//
// An operation takes the lock, computes, and stores number and free lock at once.
type ramp struct {
	word atomic.Uint32
	// global stands for the one lock that all compare-and-swaps of the system
	// shared.
	global sync.Mutex
	bug    rampBug
}

// A rampBug is what is wrong with a ramp.
type rampBug int

const (
	rampRight rampBug = iota
	rampOld           // Put reports on the number that it found
	rampMixed         // TryGet compares and swaps under the global lock
	rampSwap          // Init swaps in the raw number
	rampInit          // Init doesn't take the lock
	rampWrap          // nothing is done about 2^23
)

const (
	rampBits  = 8
	rampHeld  = 1<<rampBits - 1
	rampMax   = 1<<23 - 1
	rampStuck = -1 << 22

	// A thread that waits for the lock gives way for some tries, then sleeps,
	// and in the end says that nobody will ever free the lock. RAMP looked for
	// ever. A holder needs some ten instructions, and a CPU, which the others
	// leave to it.
	rampTries  = 64
	rampSleeps = 100
	rampSleep  = 2 * time.Millisecond
)

// lock takes the lock and returns the number.
func (c *ramp) lock() int32 {
	for tries := 0; ; tries++ {
		if c.word.Load()&rampHeld == 0 {
			if old := c.word.Or(rampHeld); old&rampHeld == 0 {
				return int32(old) >> rampBits
			}
		}
		rampWait(tries)
	}
}

// rampWait waits before the next look at a held lock.
func rampWait(tries int) {
	patiently(tries, rampSleeps, "the lock in the count's word is held, and nobody has it")
}

// patiently waits before the next look at what others are to change, and panics with what
// is wrong if that takes more than so many sleeps.
func patiently(tries, sleeps int, wrong string) {
	switch {
	case tries < rampTries:
		runtime.Gosched()
	case tries < rampTries+sleeps:
		time.Sleep(rampSleep)
	default:
		panic(wrong)
	}
}

// publish sets the number and frees the lock.
func (c *ramp) publish(n int32) { c.word.Store(uint32(n) << rampBits) }

// cas is compare-and-swap of the raw word.
func (c *ramp) cas(old, new uint32) bool {
	c.global.Lock()
	defer c.global.Unlock()
	if c.word.Load() != old {
		return false
	}
	c.word.Store(new)
	return true
}

func (c *ramp) add(d int32) (old, now int32) {
	old = c.lock()
	now = old + d
	if old == 0 || old == rampStuck || now > rampMax && c.bug != rampWrap {
		now = rampStuck
	}
	now = now << rampBits >> rampBits
	c.publish(now)
	return old, now
}

func (c *ramp) Init() {
	switch c.bug {
	case rampSwap:
		c.word.Swap(1)
		return
	case rampInit:
	default:
		c.lock()
	}
	c.publish(1)
}

func (c *ramp) InitAt(n int64) { c.lock(); c.publish(int32(n)) }
func (c *ramp) Get()           { c.add(1) }
func (c *ramp) Kill() bool     { return c.Put() }
func (c *ramp) Count() int64   { return int64(int32(c.word.Load()) >> rampBits) }

func (c *ramp) TryGet() bool {
	if c.bug == rampMixed {
		return c.tryGetMixed()
	}
	n := c.lock()
	switch {
	case n == 0 || n == rampStuck:
	case n == rampMax && c.bug != rampWrap:
		n = rampStuck
	default:
		n++
	}
	c.publish(n)
	return n != 0
}

func (c *ramp) tryGetMixed() bool {
	for tries := 0; ; tries++ {
		old := c.word.Load()
		if old&rampHeld != 0 {
			rampWait(tries)
			continue
		}
		n := int32(old) >> rampBits
		switch n {
		case 0:
			return false
		case rampMax, rampStuck:
			n = rampStuck
		default:
			n++
		}
		if c.cas(old, uint32(n)<<rampBits) {
			return true
		}
	}
}

func (c *ramp) Put() bool {
	old, now := c.add(-1)
	if c.bug == rampOld {
		return old == 0
	}
	return now == 0
}

// rampPromise is that of a count that sticks when it is misused. Counts in use are
// exact; one that somebody is changing may be read as it was before.
var rampPromise = strategies.Promise{
	Limit:     rampMax,
	Overflow:  strategies.Saturates,
	Underflow: strategies.Saturates,
	GetOnZero: strategies.Saturates,
	Zero:      strategies.Immediate,
	TryGet:    strategies.Exact,
	Count:     strategies.Approximate,
	Progress:  strategies.Blocking,
	Bytes:     int(unsafe.Sizeof(ramp{})),

	TypeStable: true,
}

func newRamp(bug rampBug) func() strategies.Counter {
	return func() strategies.Counter { return &ramp{bug: bug} }
}

const rampSource = "Akaros kern/arch/sparc/atomic.h as of 4f719142^, the lock-per-atomic of RAMP"

var rampBugs = []*Bug{
	Bug{
		Name:   "rampoldvalue",
		Doc:    "sub_and_test tests the number before the subtraction",
		Source: "Akaros 9d81ada3, which corrects atomic_sub_and_test of SPARC",
		Interleaving: `The last holder puts: 1 to 0. The test looks at the 1 and reports false: the object leaks. One
put too many looks at the 0 and reports true: an object is freed on underflow.`,
		Fix:      "test what is left",
		Program:  "a.Put|a.Kill",
		Expected: sequential.but(Expected{"histories": sure, "race": nothingGone}),
	}.counts(rampPromise, newRamp(rampOld), newRamp(rampRight)),
	Bug{
		Name:   "rampmixedlocks",
		Doc:    "additions take the lock in the word, compare-and-swap takes a global one",
		Source: rampSource + ", atomic_cas under a single lock",
		Interleaving: `The word is 2. TryGet takes the global lock, compares 2 with 2, and is stopped. Get takes the
word's lock and stores 3. TryGet goes on and stores 3 as well: one reference is lost, and the
object is released while somebody holds it.`,
		Fix:     "compare and swap under the lock in the word",
		Program: "a.TryGet a.Put|a.Get a.Put a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": sure}),
	}.counts(rampPromise, newRamp(rampMixed), newRamp(rampRight)),
	Bug{
		Name:   "rampswap",
		Doc:    "a swap of the whole word plants its number in the lock's byte",
		Source: rampSource + ", atomic_swap, which doesn't shift",
		Interleaving: `A life begins by swapping in 1. The number belongs into the upper 24 bits; it lands in the
lock's byte, which nobody will ever clear. The next operation spins for ever.`,
		Fix:      "shift the number past the lock",
		Program:  "a.Kill",
		Expected: sequential.but(Expected{"histories": sure, "race": nothingGone}),
	}.counts(rampPromise, newRamp(rampSwap), newRamp(rampRight)),
	Bug{
		Name:   "rampinit",
		Doc:    "Init stores without the lock, into memory that others still look at",
		Source: rampSource + ", atomic_init, a plain store",
		Interleaving: `The object is dead and its memory is a count still. A TryGet through a stale reference takes
the lock and reads 0. Init stores 1, with the lock free. TryGet gives up and stores its 0 back:
the new life has lost its owner's reference, and nobody will be told of its end.`,
		Fix:     "Init takes the lock",
		Program: "a.Put a.TryGet|a.Kill a.Init", Concurrent: true,
		Expected: interleaved.but(Expected{"histories": otherUses, "race": nothingGone}),
	}.counts(rampPromise, newRamp(rampInit), newRamp(rampRight)),
	Bug{
		Name:   "rampwrap",
		Doc:    "24 bits are taken for more than they are",
		Source: rampSource + ", 24 bits of value: 0x7fffff + 1 is negative",
		Interleaving: `There are 2^23-1 references. Get makes the number -2^23. 2^23 more make it 0, and a lookup
finds an object dead that millions hold; the drop after one more reports the last.`,
		Fix:     "a number past the limit sticks",
		Program: "a:InitAt(limit-1) a.Get a.Put|a.Get a.TryGet|a.Kill", Wraps: true,
		Expected: Expected{
			"operations": sure, "programs": sure, "schedules": sure, "histories": sure, "race": nothingGone,
			"stress":    blind("programs count up from one, and the limit is 2^23 steps away"),
			"workloads": blind("no workload takes 2^23 references"),
		},
	}.counts(rampPromise, newRamp(rampWrap), newRamp(rampRight)),
}

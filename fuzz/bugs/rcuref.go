package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A zoned is a count with zones, as Linux' rcuref_t: less one, with the sign bit set where
// a second step is needed. See package rcuref for the zones and the right steps.
type zoned struct {
	n       atomic.Int32
	monitor *strategies.Monitor
	bug     zonedBug
}

// A zonedBug is what is wrong with a zoned.
type zonedBug int

const (
	zonedRight  zonedBug = iota
	zonedReread          // the second step of Put looks at the word again
	zonedStore           // the last Put marks the count dead without a look
	zonedSwap            // the last Put marks it dead, and then looks what was there
	zonedKeeps           // none, and TryGet leaves a dead count where it is
)

const (
	zonedSaturated = -0x60000000
	zonedReleased  = -0x40000000
	zonedDead      = -0x20000000
	zonedNone      = -1
)

func (c *zoned) Monitor(m *strategies.Monitor) { c.monitor = m }

func (c *zoned) Init()          { c.n.Store(0) }
func (c *zoned) InitAt(n int64) { c.n.Store(int32(n - 1)) }

func (c *zoned) Get() {
	if n := c.n.Add(1); n < 0 && !c.correct(n, strategies.GetOverflow) {
		c.monitor.Report(strategies.GetAfterFree)
	}
}

func (c *zoned) TryGet() bool {
	n := c.n.Add(1)
	return n >= 0 || c.correct(n, strategies.TryGetOverflow)
}

// correct is the second step of an addition that left n.
func (c *zoned) correct(n int32, overflow strategies.Misuse) bool {
	if n >= zonedReleased && c.bug == zonedKeeps {
		return false
	}
	switch n := c.n.Load(); {
	case n >= zonedReleased && n < 0:
		c.n.Store(zonedDead)
		return false
	case n < 0:
		c.n.Store(zonedSaturated)
		c.monitor.Report(overflow)
	}
	return true
}

func (c *zoned) Put() bool {
	n := c.n.Add(-1)
	if n >= 0 {
		return false
	}
	if c.bug == zonedReread {
		n = c.n.Load()
	}
	switch {
	case n == zonedNone:
		return c.last()
	case n >= 0:
		return false
	case n >= zonedReleased:
		c.n.Store(zonedDead)
	default:
		c.n.Store(zonedSaturated)
	}
	c.monitor.Report(strategies.PutAfterFree)
	return false
}

// last is the second step of a Put that left no reference.
func (c *zoned) last() bool {
	switch c.bug {
	case zonedStore:
		c.n.Store(zonedDead)
		return true
	case zonedSwap:
		return c.n.Swap(zonedDead) == zonedNone
	}
	return c.n.CompareAndSwap(zonedNone, zonedDead)
}

func (c *zoned) Kill() bool { return c.Put() }

func (c *zoned) Count() int64 {
	if n := c.n.Load(); n < zonedReleased || n >= 0 {
		return int64(uint32(n)) + 1
	}
	return 0
}

var zonedPromise = strategies.Promise{
	Limit:       1 << 31,
	Width:       32,
	Overflow:    strategies.Saturates,
	Underflow:   strategies.Refuses,
	Stray:       strategies.LastLost,
	GetOnZero:   strategies.Refuses,
	Zero:        strategies.Immediate,
	TryGet:      strategies.Exact,
	Count:       strategies.Approximate,
	Progress:    strategies.WaitFree,
	Bytes:       int(unsafe.Sizeof(zoned{})),
	GracePeriod: true,
}

// recycledPromise is that of a zoned for memory that is used again at once.
var recycledPromise = func() strategies.Promise {
	p := zonedPromise
	p.TypeStable = true
	return p
}()

func newZoned(bug zonedBug) func() strategies.Counter {
	return func() strategies.Counter { return &zoned{bug: bug} }
}

var zonedBugs = []*Bug{
	Bug{
		Name:   "rcurefreread",
		Doc:    "the slow path of put looks at the word again, and takes what others did for its own misuse",
		Source: "Linux b9a49520679e (rcuref: Plug slowpath race in rcuref_put()): the kernel test robot saw a warning of an imbalanced put that wasn't one",
		Interleaving: `There is one reference. Its holder puts: none is left, and the slow path is to come. A lookup
takes one, 0, and puts it: none is left again, and it marks the count dead and is told. The first
one looks: the count is dead, so it takes itself for a put too many and warns.`,
		Fix:     "the slow path is given what the subtraction left",
		Program: "a.Kill|a.Put a.TryGet a.Put", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone, "histories": blind("it records answers, and not what the monitor is told")}),
	}.counts(zonedPromise, newZoned(zonedReread), newZoned(zonedRight)),
	Bug{
		Name:   "rcurefstore",
		Doc:    "the last put marks the count dead without a look whether somebody has taken it since",
		Source: "Linux lib/rcuref.c, rcuref_put_slowpath: the change to RCUREF_DEAD can fail if a get has brought the count back",
		Interleaving: `There is one reference. Its holder puts, and none is left. A lookup takes one. The first one marks
the count dead and releases an object that the lookup uses.`,
		Fix:     "a compare-and-swap that fails if a reference was taken",
		Program: "a.Kill|a.Put a.TryGet a.Put", Concurrent: true,
		Expected: interleaved,
	}.counts(zonedPromise, newZoned(zonedStore), newZoned(zonedRight)),
	Bug{
		Name:   "rcurefswap",
		Doc:    "the last put marks the count dead, and is told if nobody has taken it since",
		Source: "Linux lib/rcuref.c, rcuref_put_slowpath: the change to RCUREF_DEAD is a compare-and-swap and no swap",
		Interleaving: `There is one reference. Its holder puts, and none is left. A lookup takes one. The first one marks
the count dead, finds that it wasn't the last, and isn't told. The lookup's reference is gone: its
put looks like one too many, and nobody is told. No drop was too many, so no promise excuses it.`,
		Fix:     "a compare-and-swap that leaves a count alone which was taken",
		Program: "a.Kill|a.Put a.TryGet a.Put", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(zonedPromise, newZoned(zonedSwap), newZoned(zonedRight)),
	Bug{
		Name:   "filerefreset",
		Doc:    "a TryGet that fails restores the middle of the dead zone, in memory that is another object's by then",
		Source: "Linux include/linux/file_ref.h, file_ref_get: files are SLAB_TYPESAFE_BY_RCU, so it must not do what rcuref_get does",
		Interleaving: `A file is closed. A lookup through a stale pointer adds to its dead count, and looks: it is dead. The
memory becomes another file, whose count is set to one reference. The lookup stores the middle
of the dead zone: the new file is dead, and its owner's put looks like one too many.`,
		Fix:     "what the addition left decides, and the dead count stays one higher",
		Program: "a.Put a.TryGet|a.Kill a.Init", Concurrent: true,
		Expected: interleaved.but(Expected{"histories": otherUses, "race": nothingGone}),
	}.counts(recycledPromise, newZoned(zonedRight), newZoned(zonedKeeps)),
}

package bugs

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A drainer is a count whose owner waits until all others have left, as whoever unmounts
// a file system of NetBSD's puffs. It looks again and again whether it was woken, so that
// one who never is can say so.
type drainer struct {
	mu   sync.Mutex
	n    atomic.Int32 // references beside the owner's
	dead atomic.Bool  // Kill is over

	waits, woken atomic.Bool
	bug          drainerBug
}

// A drainerBug is what is wrong with a drainer.
type drainerBug int

const (
	drainerRight    drainerBug = iota
	drainerOnce                // who was woken doesn't look again
	drainerUnlocked            // Put doesn't take the mutex
	drainerTold                // Put reports the last reference, as Kill does
)

// drainerSleeps is for how long Kill waits until it says that nobody will wake it. Holders
// may be without a CPU for a while: these are five seconds.
const drainerSleeps = 2500

func (c *drainer) Init() { c.InitAt(1) }

func (c *drainer) InitAt(n int64) {
	c.mu.Lock()
	c.n.Store(int32(n - 1))
	c.dead.Store(false)
	c.mu.Unlock()
}

func (c *drainer) Get() {
	c.mu.Lock()
	c.n.Add(1)
	c.mu.Unlock()
}

func (c *drainer) TryGet() bool {
	c.mu.Lock()
	alive := !c.dead.Load() || c.n.Load() != 0
	if alive {
		c.n.Add(1)
	}
	c.mu.Unlock()
	return alive
}

func (c *drainer) Put() bool {
	if c.bug != drainerUnlocked {
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	left := c.n.Add(-1)
	if left == 0 && c.waits.Load() {
		c.woken.Store(true)
		return c.bug == drainerTold
	}
	return false
}

func (c *drainer) Kill() bool {
	c.mu.Lock()
	for c.n.Load() != 0 {
		c.woken.Store(false)
		c.waits.Store(true)
		c.mu.Unlock()
		for tries := 0; !c.woken.Load(); tries++ {
			patiently(tries, drainerSleeps, "Kill waits, everybody has left, and nobody wakes it")
		}
		c.mu.Lock()
		if c.bug == drainerOnce {
			break
		}
	}
	c.waits.Store(false)
	c.dead.Store(true)
	c.mu.Unlock()
	return true
}

func (c *drainer) Count() int64 {
	c.mu.Lock()
	n := c.n.Load()
	if !c.dead.Load() {
		n++
	}
	c.mu.Unlock()
	return int64(n)
}

func newDrainer(bug drainerBug) func() strategies.Counter {
	return func() strategies.Counter { return &drainer{bug: bug} }
}

var drainerPromise = strategies.Promise{
	Limit:       math.MaxInt32,
	Width:       32,
	Overflow:    strategies.Wraps,
	Underflow:   strategies.Wraps,
	GetOnZero:   strategies.Revives,
	Zero:        strategies.Waits,
	TryGet:      strategies.Exact,
	Count:       strategies.Exact,
	Progress:    strategies.Blocking,
	Bytes:       int(unsafe.Sizeof(drainer{})),
	GracePeriod: true,
}

const unmountSource = "NetBSD sys/fs/puffs/puffs_vfsops.c, puffs_vfsop_unmount"

var drainedBugs = []*Bug{
	Bug{
		Name:   "drainedonce",
		Doc:    "whoever was woken by the count's coming to zero doesn't look whether it is still there",
		Source: unmountSource + ", which waits in a loop",
		Interleaving: `Kill waits for the last holder. The holder drops: 1 to 0, and wakes it. A lookup takes a reference
before Kill has the mutex: 0 to 1. Kill goes on and releases what the lookup holds.`,
		Fix:     "wait as long as the number isn't zero",
		Program: "a.Put a.TryGet|a.TryGet a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(drainerPromise, newDrainer(drainerOnce), newDrainer(drainerRight)),
	Bug{
		Name:   "drainedunlocked",
		Doc:    "a drop counts and wakes without the mutex",
		Source: puffsSource + ", puffs_mp_release, which asserts that the mutex is held",
		Interleaving: `Kill has the mutex and finds that one reference is left. Its holder drops: 1 to 0, sees nobody
wait, and wakes nobody. Kill begins to wait, and nobody is left who could wake it.`,
		Fix:     "count down and wake under the mutex under which Kill looks and begins to wait",
		Program: "a.Put|a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": nothingGone}),
	}.counts(drainerPromise, newDrainer(drainerUnlocked), newDrainer(drainerRight)),
	Bug{
		Name:   "drainedtold",
		Doc:    "the drop that wakes the waiting owner reports the last reference too",
		Source: puffsSource + ", puffs_mp_release, which tells its caller nothing: the one who waits frees",
		Interleaving: `Kill waits. The last holder drops, 1 to 0, and is told to release the object. Kill wakes up and
releases it as well.`,
		Fix:     "only Kill reports",
		Program: "a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(drainerPromise, newDrainer(drainerTold), newDrainer(drainerRight)),
}

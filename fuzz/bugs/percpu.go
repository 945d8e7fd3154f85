package bugs

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/pin"
)

// A sharded is a count per CPU until it is killed, as Linux percpu_ref. It is what
// strategies/percpu does, without its fast paths.
//
// Bit 0 of a CPU's word is set while an operation is under way, and the bits above are
// references taken minus dropped. In per-CPU mode the shared word is the count plus
// sharedBias minus the sum of the words. Words keep their values in shared mode.
type sharded struct {
	mode      atomic.Uint32 // shardedShared and shardedDead
	words     pin.Lines[pin.Word]
	shared    atomic.Int64
	switching sync.Mutex
	bug       shardedBug
}

const (
	shardedShared = 1 << 0
	shardedDead   = 1 << 1
	shardedBias   = -1 << 63
)

// A shardedBug is what is wrong with a sharded.
type shardedBug int

const (
	shardedRight       shardedBug = iota
	shardedOneByOne               // the switch adds one CPU's word after the other
	shardedUnconfirmed            // Kill doesn't wait for operations under way
	shardedUncleared              // back in per-CPU mode the words count again
	shardedUnpinned               // a thread may move on while it changes a word
	shardedUnfenced               // who changes the mode has no barrier before it looks at the words
)

func (c *sharded) Init() { c.InitAt(1) }

func (c *sharded) InitAt(n int64) {
	if c.words == nil {
		c.words = pin.NewLines[pin.Word]()
	}
	c.shared.Store(n + shardedBias - c.sum())
	c.mode.Store(0)
}

// add adds n on this CPU's word, unless the shared word counts.
func (c *sharded) add(n int64) bool {
	if c.mode.Load() != 0 {
		return false
	}
	cpu := pin.CPU()
	if c.bug != shardedUnpinned {
		cpu = pin.Pin()
		defer pin.Unpin()
	}
	if cpu >= len(c.words) {
		return false
	}
	w := &c.words[cpu].Word
	// An operation that isn't alone here may find another's bit.
	v := w.Load() &^ 1
	w.Store(v | 1)
	// Announced, so from here on a switch waits. Has there been one before?
	if c.mode.Load() != 0 {
		w.Store(v)
		return false
	}
	w.Store(v + n<<1)
	return true
}

func (c *sharded) Get() {
	if !c.add(1) {
		c.shared.Add(1)
	}
}

func (c *sharded) TryGet() bool { return c.add(1) || c.tryShared() }

func (c *sharded) tryShared() bool {
	for {
		v := c.shared.Load()
		if v == 0 {
			return false
		}
		if c.shared.CompareAndSwap(v, v+1) {
			return true
		}
	}
}

func (c *sharded) TryGetLive() bool {
	if c.add(1) {
		return true
	}
	// The mutex keeps a kill from confirming between the look and the taking.
	c.switching.Lock()
	defer c.switching.Unlock()
	return c.mode.Load()&shardedDead == 0 && c.tryShared()
}

func (c *sharded) Put() bool  { return !c.add(-1) && c.shared.Add(-1) == 0 }
func (c *sharded) Kill() bool { return c.KillAndConfirm(nil) }

func (c *sharded) KillAndConfirm(confirm func()) bool {
	c.switching.Lock()
	m := c.mode.Load()
	c.toShared(m, m|shardedShared|shardedDead)
	if confirm != nil {
		confirm()
	}
	c.switching.Unlock()
	return c.shared.Add(-1) == 0
}

// toShared changes the mode from one to another, in which the shared word counts.
func (c *sharded) toShared(from, to uint32) {
	c.mode.Store(to)
	if c.bug != shardedUnconfirmed {
		c.drain()
	}
	if from&shardedShared != 0 {
		return
	}
	if c.bug != shardedOneByOne {
		c.shared.Add(c.sum() - shardedBias)
		return
	}
	c.shared.Add(shardedBias) // 2^63 is its own negative
	for i := range c.words {
		c.shared.Add(c.words[i].Word.Load() >> 1)
	}
}

func (c *sharded) SwitchToAtomic() {
	c.switching.Lock()
	defer c.switching.Unlock()
	if m := c.mode.Load(); m&shardedShared == 0 {
		c.toShared(m, m|shardedShared)
	}
}

func (c *sharded) SwitchToPerCPU() {
	c.switching.Lock()
	defer c.switching.Unlock()
	if c.mode.Load() == shardedShared {
		c.toPerCPU()
	}
}

// toPerCPU goes back to counting on the words. What they counted before is in the
// shared word already.
func (c *sharded) toPerCPU() {
	if c.bug == shardedUncleared {
		c.shared.Add(shardedBias)
	} else {
		c.shared.Add(shardedBias - c.sum())
	}
	c.mode.Store(0)
}

func (c *sharded) Reinit() { c.ResurrectLive() }

func (c *sharded) ResurrectLive() {
	c.switching.Lock()
	defer c.switching.Unlock()
	c.shared.Add(1)
	c.toPerCPU()
}

func (c *sharded) Count() int64 {
	if c.mode.Load()&shardedShared != 0 {
		return c.shared.Load()
	}
	return c.shared.Load() - shardedBias + c.sum()
}

// drain waits for operations that were announced under an older mode.
func (c *sharded) drain() {
	if c.bug != shardedUnfenced {
		pin.Barrier()
	}
	for i := range c.words {
		for c.words[i].Word.Load()&1 != 0 {
			runtime.Gosched()
		}
	}
}

func (c *sharded) sum() int64 {
	var n int64
	for i := range c.words {
		n += c.words[i].Word.Load() >> 1
	}
	return n
}

var shardedPromise = strategies.Promise{
	Limit:     1 << 62, // the bias is as far away again
	Width:     64,
	Overflow:  strategies.Wraps,
	Underflow: strategies.Wraps,
	GetOnZero: strategies.Revives,
	Zero:      strategies.AfterKill,
	TryGet:    strategies.Exact,
	Count:     strategies.Approximate,
	Progress:  strategies.Blocking,
	Bytes:     int(unsafe.Sizeof(sharded{})) + pin.CPUs()*int(unsafe.Sizeof(pin.Line[pin.Word]{})),
}

func newSharded(bug shardedBug) func() strategies.Counter {
	return func() strategies.Counter { return &sharded{bug: bug} }
}

const percpuSource = "Linux lib/percpu-refcount.c"

var percpuBugs = []*Bug{
	Bug{
		Name:   "percpufold",
		Doc:    "the switch to shared mode adds one CPU's number after the other",
		Source: percpuSource + ", percpu_ref_switch_to_atomic_rcu: sum all before adding",
		Interleaving: `A reference was taken on CPU 1 and dropped on CPU 0, another taken on CPU 1. Kill takes the bias
away and adds CPU 0's -1: the shared word is 0 for an instant. A put in that instant, or one that
brings it there, reports the last reference; then CPU 1's numbers are added.`,
		Fix:     "add up all words, and then add the sum in one step",
		Program: "a.Put|a.Put|a.Kill", Concurrent: true,
		Expected: interleaved.but(Expected{"race": sure}),
	}.counts(shardedPromise, newSharded(shardedOneByOne), newSharded(shardedRight)),
	Bug{
		Name:   "percpukill",
		Doc:    "Kill confirms and adds up without waiting for those who are counting",
		Source: percpuSource + ", percpu_ref_kill without percpu_ref_kill_and_confirm: tryget_live may succeed after it",
		Interleaving: `TryGetLive sees per-CPU mode and is stopped. The owner kills: the mode changes, the words are
added up, the confirmation says that nobody gets in any more. TryGetLive goes on and counts on a
word that is no longer looked at. The owner's drop reports the last while a reference is held.`,
		Fix:     "wait for all that were under way (a grace period) before the sum and the confirmation",
		Program: "a.Put a.TryGetLive|a.Put a.TryGetLive|a.KillAndConfirm", Concurrent: true,
		Expected: interleaved,
	}.counts(shardedPromise, newSharded(shardedUnconfirmed), newSharded(shardedRight)),
	Bug{
		Name:   "percpurevive",
		Doc:    "resurrection leaves the numbers of the CPUs, which then count twice",
		Source: percpuSource + ", __percpu_ref_switch_to_percpu, which clears them",
		Interleaving: `One reference beside the owner's was taken on a CPU. Kill adds it to the shared word. Resurrect
goes back to per-CPU mode and leaves the CPU's 1 where it is. The next kill adds it again: the
count never reaches zero, and the object leaks.`,
		Fix:      "take what the words hold out of the shared word",
		Program:  "a.Get a.Kill a.ResurrectLive",
		Expected: sequential.but(Expected{"histories": sure, "race": nothingGone}),
	}.counts(shardedPromise, newSharded(shardedUncleared), newSharded(shardedRight)),
	Bug{
		Name:   "percpuunpinned",
		Doc:    "a thread finds out its CPU and is moved before it counts there",
		Source: percpuSource + " and this_cpu_add: the CPU may not change in between (raw_cpu_ptr in net/ipv6/ip6_tunnel.c)",
		Interleaving: `A thread on CPU 0 loads that CPU's word and is moved to CPU 1. Another thread, on CPU 0 now,
loads the same word, adds and stores. The first one stores what it had loaded plus one: the
other's reference is lost.`,
		Fix:     "stay on the CPU from finding it out until the store",
		Program: "a.Get|a.Get|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(shardedPromise, newSharded(shardedUnpinned), newSharded(shardedRight)),
	Bug{
		Name:   "percpuunfenced",
		Doc:    "who changes the mode has no barrier before it looks which words are busy",
		Source: percpuSource + ": call_rcu, whose grace period every CPU passes a barrier in; " + unfencedSource,
		Interleaving: `A makes its CPU's word busy, which stays in the store buffer, and finds that words count. Kill
changes the mode, finds the word as it was before, not busy, and adds it up. Then A's stores come
to memory: its reference isn't counted.`,
		Fix:     "have all CPUs pass a barrier after the mode is changed",
		Program: "a.Get a.Put|a.Kill", Concurrent: true,
		Expected: interleaved,
	}.counts(shardedPromise, newSharded(shardedUnfenced), newSharded(shardedRight)),
}

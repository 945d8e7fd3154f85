package explore_test

import (
	"fmt"
	"strings"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// A planted bug and its fixed twin, as scenarios.
type planted struct {
	bug, fixed *explore.Scenario
	// exhaustive says that all schedules of the twin are few enough to try.
	exhaustive bool
	// randomMisses says that a random walk practically never finds it.
	randomMisses bool
	// pinning says that it is a migration that shows it, not a preemption.
	pinning bool
}

// counter is what the planted counts implement.
type counter interface {
	Reset()
	Get()
	TryGet() bool
	Put() bool
	Count() int64
}

// object is a counted object with the oracles of a life: it is released once,
// not used after, and released in the end.
type object struct {
	count    counter
	released bool
	owner    bool
	body     int // plain memory that holders read and the releaser writes
}

func (o *object) release() {
	explore.Set(&o.released, 1)
	if o.released {
		explore.Failf("released twice")
	}
	o.released = true
	explore.Write(&o.body)
}

func (o *object) use() {
	explore.Look(&o.released)
	if o.released {
		explore.Failf("used after release")
	}
	explore.Read(&o.body)
}

// run interprets a thread's program:
//
//	t  TryGet through the weak reference
//	g  Get, if a reference is held
//	u  use, if a reference is held
//	p  Put, if a reference is held
//	o  the owner drops its reference, once
func (o *object) run(words []string) {
	held := 0
	for _, op := range words {
		switch op {
		case "t":
			if o.count.TryGet() {
				held++
			}
		case "g":
			if held > 0 {
				o.count.Get()
				held++
			}
		case "u":
			if held > 0 {
				o.use()
			}
		case "p":
			if held > 0 {
				held--
				if o.count.Put() {
					o.release()
				}
			}
		case "o":
			explore.Set(&o.owner, 0)
			if o.owner {
				o.owner = false
				drop := o.count.Put
				if k, ok := o.count.(interface{ Kill() bool }); ok {
					drop = k.Kill
				}
				if drop() {
					o.release()
				}
			}
		}
		explore.Boundary(uint64(held))
	}
	for ; held > 0; held-- {
		if o.count.Put() {
			o.release()
		}
		explore.Boundary(uint64(held))
	}
}

// counted makes a scenario of a count and a program.
func counted(name string, count func() counter, program ...string) *explore.Scenario {
	return &explore.Scenario{
		Name: name, Program: program,
		Make: func(p explore.Program) explore.Case {
			o := &object{count: count()}
			for _, words := range p.Words() {
				for _, op := range words {
					if !strings.Contains("tgupo", op) {
						return explore.Case{Err: fmt.Errorf("no operation is called %q", op)}
					}
				}
			}
			c := explore.Case{
				Values: true, Retries: true,
				Show: func() string { return fmt.Sprintf("count %d", o.count.Count()) },
				Setup: func() {
					o.released, o.owner = false, true
					o.count.Reset()
					explore.Name(&o.released, "released")
					explore.Name(&o.owner, "owner")
				},
				Finish: func() {
					o.run([]string{"o"})
					if !o.released {
						explore.Leakf("never released: the count is %d", o.count.Count())
					}
				},
			}
			for _, words := range p.Words() {
				c.Threads = append(c.Threads, func() { o.run(words) })
			}
			return c
		},
	}
}

// good is a right count by compare-and-swap. The bugs embed it.
type good struct{ n atomic.Int64 }

func (c *good) Reset()       { c.n.Store(1); explore.Name(&c.n, "count") }
func (c *good) Get()         { c.n.Add(1) }
func (c *good) Put() bool    { return c.n.Add(-1) == 0 }
func (c *good) Count() int64 { return c.n.Load() }
func (c *good) TryGet() bool {
	for {
		v := c.n.Load()
		if v == 0 {
			return false
		}
		if c.n.CompareAndSwap(v, v+1) {
			return true
		}
	}
}

// allCAS does everything by compare-and-swap.
type allCAS struct{ good }

func (c *allCAS) Get() {
	for v := c.n.Load(); !c.n.CompareAndSwap(v, v+1); v = c.n.Load() {
	}
}

func (c *allCAS) Put() bool {
	for {
		v := c.n.Load()
		if c.n.CompareAndSwap(v, v-1) {
			return v == 1
		}
	}
}

// loadStorePut writes back what it read.
type loadStorePut struct{ good }

func (c *loadStorePut) Put() bool {
	v := c.n.Load()
	c.n.Store(v - 1)
	return v == 1
}

// checkThenInc looks for zero and counts in two steps (get_unless_zero).
type checkThenInc struct{ good }

func (c *checkThenInc) TryGet() bool {
	if c.n.Load() == 0 {
		return false
	}
	c.n.Add(1)
	return true
}

// Fold: a count per CPU that is summed when the owner drops its reference.
type perCPU struct {
	mode     atomic.Uint32 // 0: per CPU; 1: shared
	words    [2]atomic.Int64
	shared   atomic.Int64
	oneByOne bool // the bug
	unpinned bool // another bug
}

const perCPUBias = 1 << 32

func (c *perCPU) Reset() {
	c.mode.Store(0)
	for i := range c.words {
		c.words[i].Store(0)
	}
	c.shared.Store(1 + perCPUBias)
	explore.Name(&c.mode, "mode")
	explore.Name(&c.words[0], "word 0")
	explore.Name(&c.words[1], "word 1")
	explore.Name(&c.shared, "shared")
}

func (c *perCPU) add(n int64) bool {
	if c.unpinned {
		w := &c.words[cpu.Current()]
		v := w.Load()
		w.Store(v + n<<1)
		return true
	}
	w := &c.words[cpu.Pin()]
	defer cpu.Unpin()
	v := w.Load()
	w.Store(v | 1)
	if c.mode.Load() != 0 {
		w.Store(v)
		return false
	}
	w.Store(v + n<<1)
	return true
}

func (c *perCPU) Get() {
	if !c.add(1) {
		c.shared.Add(1)
	}
}

func (c *perCPU) TryGet() bool {
	if c.add(1) {
		return true
	}
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

func (c *perCPU) Put() bool    { return !c.add(-1) && c.shared.Add(-1) == 0 }
func (c *perCPU) Count() int64 { return c.shared.Load() }

func (c *perCPU) Kill() bool {
	c.mode.Store(1)
	cpu.Barrier()
	for i := range c.words {
		for c.words[i].Load()&1 != 0 {
		}
	}
	if c.oneByOne {
		c.shared.Add(-perCPUBias)
		for i := range c.words {
			c.shared.Add(c.words[i].Load() >> 1)
		}
	} else {
		var sum int64
		for i := range c.words {
			sum += c.words[i].Load() >> 1
		}
		c.shared.Add(sum - perCPUBias)
	}
	return c.shared.Add(-1) == 0
}

func perCPUScenario(name string, oneByOne, unpinned bool, program ...string) *explore.Scenario {
	s := counted(name, func() counter { return &perCPU{oneByOne: oneByOne, unpinned: unpinned} }, program...)
	s.CPUs = 2
	return s
}

// dstCache: a cached pointer whose old value is released when a new one is
// stored (Linux ip6_tunnel before cdf3464e).
func dstCache(name string, swap bool) *explore.Scenario {
	return &explore.Scenario{
		Name: name, Program: explore.Program{"s", "s"},
		Make: func(p explore.Program) explore.Case {
			type dst struct{ refs atomic.Int64 }
			var cache atomic.Pointer[dst]
			var all [8]dst
			next := 0
			alloc := func() *dst {
				d := &all[next]
				next++
				d.refs.Store(1)
				return d
			}
			put := func(d *dst) {
				if n := d.refs.Add(-1); n < 0 {
					explore.Failf("dst released with %d references", n)
				}
			}
			store := func(d *dst) {
				if swap {
					put(cache.Swap(d))
					return
				}
				old := cache.Load()
				put(old)
				cache.Store(d)
			}
			c := explore.Case{
				Setup: func() {
					next = 0
					cache.Store(alloc())
				},
				Finish: func() {
					put(cache.Load())
					for i := range all[:next] {
						if n := all[i].refs.Load(); n != 0 {
							explore.Leakf("dst %d has %d references left", i, n)
						}
					}
				},
			}
			for _, words := range p.Words() {
				c.Threads = append(c.Threads, func() {
					for range words {
						store(alloc())
					}
				})
			}
			return c
		},
	}
}

// revive: an object at zero is brought back by a lookup (Akaros kref.txt).
func revive(name string, locked bool) *explore.Scenario {
	return &explore.Scenario{
		Name: name, Program: explore.Program{"r p", "r p"},
		Make: func(p explore.Program) explore.Case {
			var mu sync.Mutex
			var n atomic.Int64
			owners := 0
			c := explore.Case{Setup: func() { n.Store(0); owners = 0; explore.Name(&n, "count") }}
			for _, words := range p.Words() {
				c.Threads = append(c.Threads, func() {
					held := 0
					for _, op := range words {
						switch {
						case op == "r":
							if locked {
								mu.Lock()
							}
							if n.Load() == 0 {
								n.Store(1)
							} else {
								n.Add(1)
							}
							if locked {
								mu.Unlock()
							}
							held++
							owners++
						case op == "p" && held > 0:
							held--
							if locked {
								mu.Lock()
							}
							left := n.Add(-1)
							owners--
							if left == 0 && owners > 0 {
								explore.Failf("released while there are %d owners", owners)
							}
							if left < 0 {
								explore.Failf("the count is %d", left)
							}
							if locked {
								mu.Unlock()
							}
						}
					}
				})
			}
			return c
		},
	}
}

// collect: a collector that takes idle peers out (Linux inet_peer).
func collect(name string, atomically bool) *explore.Scenario {
	return &explore.Scenario{
		Name: name, Program: explore.Program{"l u p", "c"},
		Make: func(p explore.Program) explore.Case {
			var n atomic.Int64
			freed := false
			lookup := func() bool {
				for {
					v := n.Load()
					if v == -1 {
						return false
					}
					if n.CompareAndSwap(v, v+1) {
						return true
					}
				}
			}
			c := explore.Case{Values: true, Retries: true, Setup: func() { n.Store(0); freed = false; explore.Name(&n, "count") }}
			for _, words := range p.Words() {
				c.Threads = append(c.Threads, func() {
					held := 0
					for _, op := range words {
						switch {
						case op == "l":
							if lookup() {
								held++
							}
						case op == "u" && held > 0:
							explore.Look(&freed)
							if freed {
								explore.Failf("a peer is used after the collector freed it")
							}
						case op == "p" && held > 0:
							n.Add(-1)
							held--
						case op == "c" && atomically:
							if n.CompareAndSwap(0, -1) {
								explore.Set(&freed, 1)
								freed = true
							}
						case op == "c":
							if n.Load() == 0 {
								n.Store(-1)
								explore.Set(&freed, 1)
								freed = true
							}
						}
						explore.Boundary(uint64(held))
					}
				})
			}
			return c
		},
	}
}

// listLookup: an object found in a list, and Get on it (kref.rst rule 3).
func listLookup(name string, locked bool) *explore.Scenario {
	return &explore.Scenario{
		Name: name, Program: explore.Program{"l", "d"},
		Make: func(p explore.Program) explore.Case {
			var mu sync.Mutex
			var head atomic.Pointer[object]
			o := &object{count: &good{}}
			lock := func() {
				if locked {
					mu.Lock()
				}
			}
			unlock := func() {
				if locked {
					mu.Unlock()
				}
			}
			c := explore.Case{Setup: func() {
				o.released, o.owner = false, true
				o.count.Reset()
				head.Store(o)
			}}
			for _, words := range p.Words() {
				c.Threads = append(c.Threads, func() {
					for _, op := range words {
						lock()
						x := head.Load()
						switch {
						case x == nil:
							unlock()
						case op == "l":
							x.count.Get()
							unlock()
							x.use()
							if x.count.Put() {
								x.release()
							}
						case op == "d":
							head.Store(nil)
							unlock()
							if x.count.Put() {
								x.release()
							}
						default:
							unlock()
						}
					}
				})
			}
			return c
		},
	}
}

// handOff: the reference for another thread is taken after the hand-over
// (kref.rst rule 2).
func handOff(name string, before bool) *explore.Scenario {
	return &explore.Scenario{
		Name: name, Program: explore.Program{"s", "r"},
		Make: func(p explore.Program) explore.Case {
			o := &object{count: &good{}}
			var box atomic.Pointer[object]
			put := func() {
				if o.count.Put() {
					o.release()
				}
			}
			c := explore.Case{Setup: func() {
				o.released, o.owner = false, true
				o.count.Reset()
				box.Store(nil)
			}}
			for _, words := range p.Words() {
				c.Threads = append(c.Threads, func() {
					for _, op := range words {
						switch op {
						case "s":
							if before {
								o.count.Get()
							}
							box.Store(o)
							if !before {
								o.count.Get()
							}
							if o.released {
								explore.Failf("Get after the object was released")
							}
							put()
						case "r":
							if box.Swap(nil) != nil {
								o.use()
								put()
							}
						}
					}
				})
			}
			return c
		},
	}
}

// freeList is a stack of free slots without (or with) a version in its head.
func freeList(name string, versioned bool) *explore.Scenario {
	return &explore.Scenario{
		Name: name, Program: explore.Program{"a a", "a a f f a"},
		Make: func(p explore.Program) explore.Case {
			var head atomic.Uint64
			var next [3]atomic.Uint64
			var owner [4]int
			step := uint64(0)
			if versioned {
				step = 1 << 32
			}
			pop := func() uint64 {
				for {
					h := head.Load()
					if uint32(h) == 0 {
						return 0
					}
					n := next[uint32(h)-1].Load()
					// A long way between what was read and what
					// is done with it, as a slow thread has.
					for range 20 {
						next[uint32(h)-1].Load()
						head.Load()
					}
					if head.CompareAndSwap(h, (h+step)&^0xffffffff|n) {
						return uint64(uint32(h))
					}
				}
			}
			push := func(i uint64) {
				for {
					h := head.Load()
					next[i-1].Store(uint64(uint32(h)))
					if head.CompareAndSwap(h, (h+step)&^0xffffffff|i) {
						return
					}
				}
			}
			c := explore.Case{
				Setup: func() {
					owner = [4]int{}
					head.Store(1)
					next[0].Store(2)
					next[1].Store(3)
					next[2].Store(0)
				},
			}
			for _, words := range p.Words() {
				c.Threads = append(c.Threads, func() {
					var mine []uint64
					for _, op := range words {
						switch {
						case op == "a":
							if i := pop(); i != 0 {
								if owner[i]++; owner[i] > 1 {
									explore.Failf("slot %d is given out twice", i)
								}
								mine = append(mine, i)
							}
						case op == "f" && len(mine) > 0:
							// First in, first out: the slot that
							// the other thread saw comes back on
							// top of another.
							i := mine[0]
							mine = mine[1:]
							owner[i]--
							push(i)
						}
					}
				})
			}
			return c
		},
	}
}

func newCount[T any, P interface {
	*T
	counter
}]() counter {
	return P(new(T))
}

// bank returns every planted bug with its twin.
func bank() []planted {
	return []planted{
		{bug: counted("load and store put", newCount[loadStorePut], "t u p t", "g t p", "t u p"),
			fixed: counted("put", newCount[good], "t u p t", "g t p", "t u p"), exhaustive: true},
		{bug: counted("check then increment", newCount[checkThenInc], "t u p", "t g p u p", "o"),
			fixed: counted("increment unless zero", newCount[allCAS], "t u p", "t g p u p", "o"), exhaustive: true},
		{bug: dstCache("release the cached dst twice", false), fixed: dstCache("swap the cached dst", true), exhaustive: true},
		{bug: revive("two revivers", false), fixed: revive("revive under the lock", true), exhaustive: true},
		{bug: collect("collector reads, then sets -1", false), fixed: collect("collector swaps 0 for -1", true), exhaustive: true},
		{bug: listLookup("list lookup without the lock", false), fixed: listLookup("list lookup under the lock", true), exhaustive: true},
		{bug: handOff("get after hand-off", false), fixed: handOff("get before hand-off", true), exhaustive: true},
		{bug: freeList("free list without versions", false), fixed: freeList("free list with versions", true), randomMisses: true},
		{bug: perCPUScenario("fold one CPU at a time", true, false, "t p", "t p", "o"),
			fixed: perCPUScenario("fold all CPUs at once", false, false, "t p", "t p", "o"), exhaustive: true},
		{bug: perCPUScenario("not pinned", false, true, "t g p", "t p"),
			fixed: perCPUScenario("pinned", false, false, "t g p", "t p"), exhaustive: true, pinning: true},
	}
}

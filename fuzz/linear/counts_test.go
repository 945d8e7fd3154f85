package linear

import (
	"runtime"
	"sync/atomic"

	xatomic "github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/strategies"
)

// word is what sync/atomic and its drop-in have in common.
type word interface {
	Load() int64
	Store(int64)
	Add(int64) int64
	CompareAndSwap(old, new int64) bool
}

// A count is an atomic count with a fault.
type count struct {
	n     word
	yield func() // in the middle of what should be one step
	fault string
}

func (c *count) Init() { c.n.Store(1) }
func (c *count) Get() {
	if c.fault == "lost update" {
		n := c.n.Load()
		c.yield()
		c.n.Store(n + 1)
		return
	}
	c.n.Add(1)
}

func (c *count) TryGet() bool {
	if c.fault == "TryGet after death" {
		if c.n.Load() == 0 {
			return false
		}
		c.yield()
		c.n.Add(1)
		return true
	}
	if c.fault == "TryGet fails" && c.n.Load()%3 == 2 {
		return false
	}
	for n := c.n.Load(); n > 0; n = c.n.Load() {
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

func (c *count) Put() bool {
	switch c.fault {
	case "two last":
		c.n.Add(-1)
		c.yield()
		return c.n.Load() == 0
	case "last while held":
		last := c.n.Load() <= 2
		c.yield()
		return c.n.Add(-1) == 0 || last
	case "no last":
		last := c.n.Load() == 1
		c.yield()
		c.n.Add(-1)
		return last
	}
	return c.n.Add(-1) == 0
}
func (c *count) Kill() bool { return c.Put() }
func (c *count) Count() int64 {
	if c.fault == "read" {
		return max(c.n.Load()-1, 0)
	}
	return c.n.Load()
}

// A reviver is a count that can be resurrected.
type reviver struct{ count }

func (c *reviver) Resurrect() {
	switch n := c.n.Load(); {
	case c.fault == "Resurrect sets" && n == 0:
		c.yield()
		c.n.Store(1)
	case c.fault == "Resurrect leaves the dead" && n == 0:
	default:
		c.n.Add(1)
	}
}

// A recycler is a count on which TryGet may be called while the next life begins.
type recycler struct{ count }

func (c *recycler) TryGet() bool {
	if c.fault == "TryGet writes back" && c.n.Load() == 0 {
		c.yield()
		c.n.Store(0)
		return false
	}
	return c.count.TryGet()
}

// A switcher is a count whose lives can be taken up again. Its word is twice the
// number of references, and one more once it is killed.
type switcher struct {
	n     word
	yield func()
	fault string
}

func (c *switcher) Init()           { c.n.Store(2) }
func (c *switcher) Get()            { c.n.Add(2) }
func (c *switcher) Put() bool       { return c.n.Add(-2)>>1 == 0 }
func (c *switcher) Kill() bool      { return c.n.Add(-1)>>1 == 0 }
func (c *switcher) Count() int64    { return c.n.Load() >> 1 }
func (c *switcher) SwitchToAtomic() {}
func (c *switcher) SwitchToPerCPU() {}

func (c *switcher) TryGet() bool     { return c.try(false) }
func (c *switcher) TryGetLive() bool { return c.try(c.fault != "TryGetLive ignores Kill") }

func (c *switcher) try(live bool) bool {
	for n := c.n.Load(); n>>1 > 0 && !(live && n&1 != 0); n = c.n.Load() {
		if live && c.fault == "TryGetLive revives" {
			c.yield()
			c.n.Add(2)
			return true
		}
		if c.n.CompareAndSwap(n, n+2) {
			return true
		}
	}
	return false
}

// KillAndConfirm marks and confirms before it drops, as the contract has it.
func (c *switcher) KillAndConfirm(confirm func()) bool {
	if c.fault != "no mark before the drop" {
		c.n.Add(1)
		confirm()
		c.yield()
		return c.n.Add(-2)>>1 == 0
	}
	last := c.n.Add(-2)>>1 == 0
	c.yield()
	c.n.Add(1)
	confirm()
	return last
}

func (c *switcher) ResurrectLive() {
	if c.fault == "ResurrectLive loses" {
		n := c.n.Load()
		c.yield()
		c.n.Store(n + 1)
		return
	}
	c.n.Add(1)
}

func (c *switcher) Reinit() {
	c.n.Store(2)
	if c.fault == "Reinit stays killed" {
		c.n.Store(3)
	}
}

// A limited is a count that saturates, refuses or panics past its limit. It adds first
// and looks then, as the saturating strategy does, but refuses in one step.
type limited struct {
	count
	overflow strategies.Response
	limit    int64
}

// farOff is far from every number of references.
const farOff = -1 << 40

func (c *limited) InitAt(n int64) { c.n.Store(n) }

func (c *limited) Count() int64 {
	if n := c.n.Load(); n >= 0 && n <= c.limit {
		return n
	}
	return -1
}

func (c *limited) Get() { c.took(c.n.Add(1)) }

// took does what has to be done after a reference was taken.
func (c *limited) took(now int64) {
	early := int64(0)
	if c.fault == "panics too early" {
		early = 1
	}
	if now >= 0 && now <= c.limit-early {
		return
	}
	switch c.overflow {
	case strategies.Panics:
		panic("past the limit")
	case strategies.Saturates:
		c.yield()
		if c.fault != "saturation is forgotten" || c.n.Load() < 0 || c.n.Load() > c.limit {
			c.n.Store(farOff)
		}
	}
}

func (c *limited) TryGet() bool {
	if c.fault == "the limit is looked at before" && c.n.Load() < c.limit {
		c.yield()
		return c.count.TryGet()
	}
	for n := c.n.Load(); n != 0 && !(n == c.limit && c.overflow == strategies.Refuses); n = c.n.Load() {
		if c.n.CompareAndSwap(n, n+1) {
			c.took(n + 1)
			return true
		}
	}
	return false
}

func (c *limited) Put() bool {
	now := c.n.Add(-1)
	if c.overflow == strategies.Saturates && (now < 0 || now >= c.limit && c.fault != "saturation is forgotten") {
		if c.fault == "saturation is left" && now < 0 {
			c.n.Store(c.limit)
			return false
		}
		c.n.Store(farOff)
	}
	return now == 0
}

func (c *limited) Kill() bool { return c.Put() }

// faults are what counts do wrong. Those of special are seen only if histories have the
// operation or begin near the limit.
var (
	faults  = []string{"lost update", "TryGet after death", "two last", "last while held", "no last", "TryGet fails", "read"}
	special = []string{
		"Resurrect sets", "Resurrect leaves the dead", "TryGet writes back",
		"TryGetLive ignores Kill", "TryGetLive revives", "no mark before the drop", "ResurrectLive loses", "Reinit stays killed",
		"saturation is forgotten", "saturation is left", "the limit is looked at before", "panics too early",
	}
	// right are counts of each type without a fault.
	right = []string{"", "reviver", "recycler", "switcher", "saturates", "refuses", "panics"}
)

func faulty(fault string, newWord func() word, yield func()) *strategies.Strategy {
	s := &strategies.Strategy{
		Name: "planted", Doc: "a count with a fault",
		Promise: strategies.Promise{
			Limit: 1<<63 - 1, Width: 64, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
			Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.Exact, Progress: strategies.LockFree, Bytes: 8,
		},
	}
	plain := func() count { return count{n: newWord(), yield: yield, fault: fault} }
	s.New = func() strategies.Counter { c := plain(); return &c }
	switch fault {
	case "reviver", "Resurrect sets", "Resurrect leaves the dead":
		s.Promise.Resurrection = true
		s.New = func() strategies.Counter { return &reviver{plain()} }
	case "recycler", "TryGet writes back":
		s.Promise.TypeStable = true
		s.New = func() strategies.Counter { return &recycler{plain()} }
	case "switcher", "TryGetLive ignores Kill", "TryGetLive revives", "no mark before the drop", "ResurrectLive loses", "Reinit stays killed":
		s.New = func() strategies.Counter { return &switcher{newWord(), yield, fault} }
	case "saturates", "saturation is forgotten", "saturation is left":
		s.Promise.Overflow = strategies.Saturates
	case "refuses", "the limit is looked at before":
		s.Promise.Overflow = strategies.Refuses
	case "panics", "panics too early":
		s.Promise.Overflow = strategies.Panics
	}
	if s.Promise.Overflow != strategies.Wraps {
		s.Promise.Limit, s.Promise.Width = 1<<20, 0
		s.New = func() strategies.Counter { return &limited{plain(), s.Promise.Overflow, s.Promise.Limit} }
	}
	return s
}

// native is a strategy with the fault on real threads. It gives way in the middle of
// its steps, so that the fault shows on any machine.
func native(fault string) *strategies.Strategy {
	return faulty(fault, func() word { return new(atomic.Int64) }, runtime.Gosched)
}

// inExploration is a strategy with the fault in explored form.
func inExploration(fault string) *strategies.Strategy {
	return faulty(fault, func() word { return new(xatomic.Int64) }, func() {})
}

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

// faults are what counts do wrong, and what the strategy must promise so that it is
// wrong.
var faults = []string{"lost update", "TryGet after death", "two last", "last while held", "no last", "TryGet fails", "read"}

func faulty(fault string, newWord func() word, yield func()) *strategies.Strategy {
	return &strategies.Strategy{
		Name: "planted", Doc: "a count with a fault",
		Promise: strategies.Promise{
			Limit: 1<<63 - 1, Width: 64, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
			Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.Exact, Progress: strategies.LockFree, Bytes: 8,
		},
		New: func() strategies.Counter { return &count{n: newWord(), yield: yield, fault: fault} },
	}
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

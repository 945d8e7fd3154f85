// Package baseline has the reference points of charts: what looks like a strategy to a
// workload, and is no count that anybody could use. They say how much of a time is the
// loop around the operations, and how much is due to their being atomic.
//
// A baseline is only timed, under workloads that say that it can be, and never judged or
// ranked.
package baseline

import "github.com/refbench/refbench/strategies"

// None counts nothing: a time of it is the loop alone, with its calls inlined to nothing.
var None = &strategies.Strategy{
	Name:     "nop",
	Doc:      "no count at all: the loop alone",
	Baseline: "counts nothing",
	New:      func() strategies.Counter { return new(Nop) },
}

// Plain is a number without atomic operations. It is right on one CPU, and loses
// references beyond.
var Plain = &strategies.Strategy{
	Name:       "plain",
	Doc:        "a plain number: what counting costs where nothing is shared",
	Baseline:   "right on one CPU only",
	MaxWorkers: 1,
	New:        func() strategies.Counter { return new(Number) },
}

// All returns the baselines in the order in which reports show them. The caller may
// change the list.
func All() []*strategies.Strategy { return []*strategies.Strategy{None, Plain} }

// Nop has nothing, and says of every reference that it isn't the last, but of the owner's.
type Nop struct{}

// Init does nothing.
func (*Nop) Init() {}

// Get does nothing.
func (*Nop) Get() {}

// TryGet returns true.
func (*Nop) TryGet() bool { return true }

// Put returns false.
func (*Nop) Put() bool { return false }

// Kill returns true.
func (*Nop) Kill() bool { return true }

// Number is how many references there are. Its operations synchronize with nothing, so
// only one goroutine may use it.
type Number struct{ refs int64 }

// Init begins a life with one reference.
func (n *Number) Init() { n.refs = 1 }

// Get takes a reference.
func (n *Number) Get() { n.refs++ }

// TryGet takes a reference if there is one.
func (n *Number) TryGet() bool {
	if n.refs == 0 {
		return false
	}
	n.refs++
	return true
}

// Put drops a reference and reports whether it was the last.
func (n *Number) Put() bool {
	n.refs--
	return n.refs == 0
}

// Kill is Put.
func (n *Number) Kill() bool { return n.Put() }

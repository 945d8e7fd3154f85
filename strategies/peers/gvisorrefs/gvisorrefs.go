// Package gvisorrefs makes a strategy of gVisor's reference count (gvisor.dev/gvisor,
// pkg/refs). gVisor writes it out for each type that is counted; this one is HostSenderRefs of
// pkg/sentry/socket/unix/transport, the smallest package that exports one. All have the same
// code.
//
// Its number has 64 bits: the lower 32 are references, the upper ones TryIncRefs that have
// begun. TryIncRef adds to the upper half, looks at the lower one, and then turns what it
// added into a reference or takes it back, so that it needs no loop. DecRef reports the last
// reference where all 64 bits are zero.
//
// It is judged by what TryIncRef says of itself: "may fail if all references have already been
// dropped".
package gvisorrefs

import (
	"math"
	"unsafe"

	"gvisor.dev/gvisor/pkg/sentry/socket/unix/transport"

	"github.com/refbench/refbench/strategies"
)

// Strategy is gVisor's count.
var Strategy = &strategies.Strategy{
	Name: "gvisorrefs",
	Doc:  "the reference count of gVisor, with speculative references in its upper half",
	New:  func() strategies.Counter { return new(Count) },
	Promise: strategies.Promise{
		Limit:     math.MaxUint32, // beyond, references are taken for speculative ones
		Overflow:  strategies.Wraps,
		Underflow: strategies.Panics,
		GetOnZero: strategies.Panics,
		Zero:      strategies.Immediate,
		TryGet:    strategies.Exact,
		Count:     strategies.None,
		Progress:  strategies.WaitFree,
		Bytes:     int(unsafe.Sizeof(Count{})),
	},
}

// A Count is an object that gVisor counts.
type Count struct{ refs transport.HostSenderRefs }

// Init starts a life with the owner's reference. Nothing of the count before is used, as
// where gVisor makes an object.
func (c *Count) Init() {
	c.refs = transport.HostSenderRefs{}
	c.refs.InitRefs()
}

// Get takes a reference.
func (c *Count) Get() { c.refs.IncRef() }

// TryGet takes a reference unless there is none, and reports whether it did.
func (c *Count) TryGet() bool { return c.refs.TryIncRef() }

// Put drops a reference and reports whether it was the last: then DecRef calls what it is
// given before it returns.
func (c *Count) Put() (last bool) {
	c.refs.DecRef(func() { last = true })
	return last
}

// Kill drops the owner's reference and reports whether it was the last.
func (c *Count) Kill() bool { return c.Put() }

package lockstep

import (
	"math"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/biased"
	"github.com/refbench/refbench/strategies/drained"
	"github.com/refbench/refbench/strategies/mutexed"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/refusing"
	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/strategies/spec"
)

// A call touches a limit, a dead count or misuse where it meets it, and not one
// reference sooner: what isn't touched explains nothing.
func TestWhatCallsTouch(t *testing.T) {
	const limit = math.MaxInt32 // of atomic
	for _, c := range []struct {
		s    *strategies.Strategy
		st   spec.State
		call string
		want []Reason
	}{
		{atomic.Strategy, spec.State{Refs: limit - 1}, "Get", nil},
		{atomic.Strategy, spec.State{Refs: limit}, "Get", []Reason{Overflow, Distance}},
		{atomic.Strategy, spec.State{Refs: limit - 3}, "TryGetN(3)", nil},
		{atomic.Strategy, spec.State{Refs: limit - 2}, "TryGetN(3)", []Reason{Overflow, Distance}},
		{atomic.Strategy, spec.State{}, "GetN(2147483647)", []Reason{DeadGet}},
		{atomic.Strategy, spec.State{}, "GetN(2147483648)", []Reason{Overflow, DeadGet, Distance}},
		{atomic.Strategy, spec.State{}, "Resurrect", nil},
		{atomic.Strategy, spec.State{}, "TryGet", []Reason{Distance}},
		{atomic.Strategy, spec.State{Refs: 1}, "Put", []Reason{Distance}},
		{atomic.Strategy, spec.State{}, "Put", []Reason{Underflow, Distance}},
		{atomic.Strategy, spec.State{Refs: 2}, "PutN(3)", []Reason{Underflow, Distance}},
		{atomic.Strategy, spec.State{Refs: 2}, "Drop", nil},
		{atomic.Strategy, spec.State{Refs: 1}, "Drop", []Reason{Underflow, Distance}},
		{atomic.Strategy, spec.State{Refs: -limit}, "Put", []Reason{Underflow, Distance}},
		{atomic.Strategy, spec.State{Refs: -limit - 1}, "Put", []Reason{Overflow, Underflow}},
		{atomic.Strategy, spec.State{Refs: -limit - 1}, "PutUnlessOne", []Reason{Overflow}},
		{atomic.Strategy, spec.State{}, "PutUnlessOne", []Reason{Underflow, Distance}},
		{atomic.Strategy, spec.State{Refs: 1}, "PutUnlessOne", []Reason{Distance}},
		{atomic.Strategy, spec.State{Refs: 2}, "PutUnlessOne", nil},
		{biased.Strategy, spec.State{Refs: -limit + 1}, "Put", []Reason{Underflow, Distance}},
		{biased.Strategy, spec.State{Refs: -limit}, "Put", []Reason{Overflow, Underflow}},
		{atomic.Strategy, spec.State{}, "PutIfOne", []Reason{Distance}},
		{mutexed.Strategy, spec.State{}, "Put", []Reason{Overflow, Underflow}},
		{drained.Strategy, spec.State{Refs: 2}, "Put", nil},
		{drained.Strategy, spec.State{Refs: 1, Killed: true}, "Put", []Reason{Distance, ZeroDetection}},
		{drained.Strategy, spec.State{Refs: 1, Killed: true}, "TryGet", nil},
		{percpu.Strategy, spec.State{Refs: 2}, "Put", nil},
		{percpu.Strategy, spec.State{Refs: -5}, "Put", []Reason{Distance, ZeroDetection}},
		{percpu.Strategy, spec.State{Refs: -5}, "Kill", []Reason{Underflow, Distance}},
		{percpu.Strategy, spec.State{}, "Get", []Reason{ZeroDetection}},
		{percpu.Strategy, spec.State{Killed: true}, "Get", []Reason{DeadGet}},
		{percpu.Strategy, spec.State{Killed: true}, "ResurrectLive", nil},
		{saturating.Strategy, spec.State{Saturated: true}, "Get", nil},
		{refusing.Strategy, spec.State{Refs: limit}, "TryGet", []Reason{Overflow, Distance}},
		{refusing.Strategy, spec.State{Refs: -limit - 1}, "TryGet", []Reason{Distance, Refusal}},
		{refusing.Strategy, spec.State{Refs: -1}, "Get", []Reason{Distance}},
	} {
		call, err := spec.ParseCall(c.call)
		if err != nil {
			t.Fatal(err)
		}
		l := &New([]*strategies.Strategy{c.s}, Both).lanes[0]
		var want touched
		for _, r := range c.want {
			want.add(r, true)
		}
		next := c.st
		if os := l.sp.Step(c.st, call); len(os) > 0 {
			next = os[0].Next
		}
		if got := l.touches(c.st, next, call); got != want {
			t.Errorf("%s in state %q, %v leads to %q: it touches %09b, want %09b for %v", c.s, c.st, call, next, got, want, c.want)
		}
	}
}

// Promises that are the same in what was touched explain nothing.
func TestEqualPromisesExplainNothing(t *testing.T) {
	a, p, s, r := &atomic.Strategy.Promise, &percpu.Strategy.Promise, &saturating.Strategy.Promise, &refusing.Strategy.Promise
	for _, c := range []struct {
		reason Reason
		a, b   *strategies.Promise
		want   bool
	}{
		{Overflow, a, a, false}, {Overflow, a, s, true}, {Overflow, a, p, true},
		{Underflow, a, p, false}, {Underflow, a, s, true},
		{DeadGet, a, p, false}, {DeadGet, a, s, true},
		{Refusal, a, s, false}, {Refusal, a, r, true},
		{ZeroDetection, a, s, false}, {ZeroDetection, p, p, false}, {ZeroDetection, a, p, true},
	} {
		if got := differ(c.reason, c.a, c.b); got != c.want {
			t.Errorf("%s: promises differ %v, want %v", c.reason, got, c.want)
		}
	}
}

// The kind of misuse is compared at each call, and not only where the specification must
// be asked.
func TestTheKindOfMisuseIsCompared(t *testing.T) {
	p, err := program.Parse("a.Kill a.Get")
	if err != nil {
		t.Fatal(err)
	}
	wrong := like(saturating.Strategy, "wrongkind", func() strategies.Counter { return new(wrongKind) })
	for _, o := range []Oracles{Specification, Differential} {
		d := New([]*strategies.Strategy{saturating.Strategy, wrong}, o).Run(&p)
		if d == nil || !strings.Contains(d.Message, strategies.PutAfterFree.String()) {
			t.Errorf("%s: %v, want %q", o, d, strategies.PutAfterFree)
		}
	}
}

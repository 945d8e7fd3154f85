package workloads

import (
	"errors"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads/arena"
)

// Some workloads need more than the five operations of a Ref. Each set of powers
// that one needs has a holder interface, a timed and a checked holder, which embed
// those for the five operations, and a counter for the generic form. The generator
// fills in the timed holder that a workload's New names, for the strategies with
// the powers in Workload.Needs.

// ResurrectRef is a count that can come back from zero, and be read.
type ResurrectRef[T any] interface {
	strategies.Ref[T]
	strategies.Resurrecter
	strategies.Reader
}

// A ResurrectHolder is the [Holder] of workloads that need the powers
// strategies.PowerResurrecter and strategies.PowerReader.
type ResurrectHolder[T any] interface {
	Holder[T]
	// Resurrect takes a reference whether the count is zero or not. The
	// caller sees to it that the object isn't being released.
	Resurrect(o *arena.Object[T]) arena.Hold
	// Count reads the count.
	Count(o *arena.Object[T]) int64
}

// TimedResurrect is the timed [ResurrectHolder].
type TimedResurrect[T any, P ResurrectRef[T]] struct{ Timed[T, P] }

// Resurrect calls the strategy's Resurrect.
func (TimedResurrect[T, P]) Resurrect(o *arena.Object[T]) arena.Hold {
	P(&o.Ref).Resurrect()
	return 0
}

// Count calls the strategy's Count.
func (TimedResurrect[T, P]) Count(o *arena.Object[T]) int64 { return P(&o.Ref).Count() }

// CheckedResurrect is the checked [ResurrectHolder].
type CheckedResurrect[T any, P ResurrectRef[T]] struct{ Checked[T, P] }

// Resurrect calls the strategy's Resurrect between its checks.
func (c CheckedResurrect[T, P]) Resurrect(o *arena.Object[T]) arena.Hold {
	c.Actor.BeginTake(o.Shadow(), arena.OpResurrect)
	P(&o.Ref).Resurrect()
	return c.Actor.EndTake(o.Shadow(), arena.OpResurrect)
}

// Count calls the strategy's Count after its check.
func (c CheckedResurrect[T, P]) Count(o *arena.Object[T]) int64 {
	c.Actor.Look(o.Shadow(), arena.OpCount)
	return P(&o.Ref).Count()
}

// DynamicResurrect is a [Dynamic] whose strategy has the powers of a
// ResurrectRef.
type DynamicResurrect struct {
	Dynamic
	strategies.Resurrecter
	strategies.Reader
}

// The holders of instances whose counts are resurrected through an interface.
type (
	DynamicTimedResurrect   = TimedResurrect[DynamicResurrect, *DynamicResurrect]
	DynamicCheckedResurrect = CheckedResurrect[DynamicResurrect, *DynamicResurrect]
)

// NewDynamicResurrect is [NewDynamic] for workloads with a ResurrectHolder.
func NewDynamicResurrect(c Config, timed Load[DynamicResurrect, DynamicTimedResurrect], checked Load[DynamicResurrect, DynamicCheckedResurrect]) (Instance, error) {
	type powers interface {
		strategies.Counter
		strategies.Resurrecter
		strategies.Reader
	}
	prepare, err := withPowers(c, "be resurrected and read", func(d *DynamicResurrect, n powers) {
		d.Counter, d.Resurrecter, d.Reader = n, n, n
	})
	if err != nil {
		return nil, err
	}
	if c.Checked {
		wrap := func(h Checked[DynamicResurrect, *DynamicResurrect]) DynamicCheckedResurrect {
			return DynamicCheckedResurrect{h}
		}
		return begin(checked, c, withHolder(CheckedKit[DynamicResurrect](prepare), wrap))
	}
	return begin(timed, c, Kit[DynamicResurrect, DynamicTimedResurrect]{Prepare: prepare, Holder: timedHolder[DynamicTimedResurrect]})
}

// OneRef is a count that can be dropped if it is one, and be read.
type OneRef[T any] interface {
	strategies.Ref[T]
	strategies.OnePutter
	strategies.Reader
}

// A OneHolder is the [Holder] of workloads that need the powers
// strategies.PowerOnePutter and strategies.PowerReader.
type OneHolder[T any] interface {
	Holder[T]
	// PutIfOne drops the reference h if it is the only one, and reports
	// whether it did. Then it was the last.
	PutIfOne(o *arena.Object[T], h arena.Hold) bool
	// Count reads the count.
	Count(o *arena.Object[T]) int64
}

// TimedOne is the timed [OneHolder].
type TimedOne[T any, P OneRef[T]] struct{ Timed[T, P] }

// PutIfOne calls the strategy's PutIfOne.
func (TimedOne[T, P]) PutIfOne(o *arena.Object[T], _ arena.Hold) bool { return P(&o.Ref).PutIfOne() }

// Count calls the strategy's Count.
func (TimedOne[T, P]) Count(o *arena.Object[T]) int64 { return P(&o.Ref).Count() }

// CheckedOne is the checked [OneHolder].
type CheckedOne[T any, P OneRef[T]] struct{ Checked[T, P] }

// PutIfOne calls the strategy's PutIfOne between its checks.
func (c CheckedOne[T, P]) PutIfOne(o *arena.Object[T], h arena.Hold) bool {
	d := c.Actor.BeginDropIf(o.Shadow(), arena.OpPutIfOne, h)
	dropped := P(&o.Ref).PutIfOne()
	c.Actor.EndDropIf(o.Shadow(), arena.OpPutIfOne, h, d, dropped)
	return dropped
}

// Count calls the strategy's Count after its check.
func (c CheckedOne[T, P]) Count(o *arena.Object[T]) int64 {
	c.Actor.Look(o.Shadow(), arena.OpCount)
	return P(&o.Ref).Count()
}

// DynamicOne is a [Dynamic] whose strategy has the powers of a OneRef.
type DynamicOne struct {
	Dynamic
	strategies.OnePutter
	strategies.Reader
}

// The holders of instances whose counts are dropped if they are one through an
// interface.
type (
	DynamicTimedOne   = TimedOne[DynamicOne, *DynamicOne]
	DynamicCheckedOne = CheckedOne[DynamicOne, *DynamicOne]
)

// NewDynamicOne is [NewDynamic] for workloads with a OneHolder.
func NewDynamicOne(c Config, timed Load[DynamicOne, DynamicTimedOne], checked Load[DynamicOne, DynamicCheckedOne]) (Instance, error) {
	type powers interface {
		strategies.Counter
		strategies.OnePutter
		strategies.Reader
	}
	prepare, err := withPowers(c, "be dropped if it is one, and read", func(d *DynamicOne, n powers) {
		d.Counter, d.OnePutter, d.Reader = n, n, n
	})
	if err != nil {
		return nil, err
	}
	if c.Checked {
		wrap := func(h Checked[DynamicOne, *DynamicOne]) DynamicCheckedOne { return DynamicCheckedOne{h} }
		return begin(checked, c, withHolder(CheckedKit[DynamicOne](prepare), wrap))
	}
	return begin(timed, c, Kit[DynamicOne, DynamicTimedOne]{Prepare: prepare, Holder: timedHolder[DynamicTimedOne]})
}

// withPowers returns what prepares counts of a strategy with the powers P by fill,
// or an error that says what the strategy can't do.
func withPowers[T, P any](c Config, do string, fill func(*T, P)) (prepare func(*T), err error) {
	if c.NewCounter == nil {
		return nil, errors.New("workloads: Config.NewCounter is nil")
	}
	if _, ok := any(c.NewCounter()).(P); !ok {
		return nil, errors.New("workloads: the counter can't " + do)
	}
	return func(t *T) { fill(t, any(c.NewCounter()).(P)) }, nil
}

// withHolder returns the kit with its holders wrapped.
func withHolder[T any, H, W Holder[T]](k Kit[T, H], wrap func(H) W) Kit[T, W] {
	return Kit[T, W]{Prepare: k.Prepare, Holder: func(name string) W { return wrap(k.Holder(name)) }, Log: k.Log}
}

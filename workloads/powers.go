package workloads

import (
	"errors"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads/arena"
)

// Some workloads need more than the five operations of a Ref. Each set of powers
// that one needs has a holder interface, a timed and a checked holder, their kits,
// and a counter for the generic form. The generator fills in the timed holder that
// a workload's New names, for the strategies with the powers in Workload.Needs.

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
type TimedResurrect[T any, P ResurrectRef[T]] struct{}

// Init calls the strategy's Init.
func (TimedResurrect[T, P]) Init(o *arena.Object[T]) arena.Hold { P(&o.Ref).Init(); return 0 }

// Get calls the strategy's Get.
func (TimedResurrect[T, P]) Get(o *arena.Object[T]) arena.Hold { P(&o.Ref).Get(); return 0 }

// TryGet calls the strategy's TryGet.
func (TimedResurrect[T, P]) TryGet(o *arena.Object[T]) (arena.Hold, bool) {
	return 0, P(&o.Ref).TryGet()
}

// Put calls the strategy's Put.
func (TimedResurrect[T, P]) Put(o *arena.Object[T], _ arena.Hold) bool { return P(&o.Ref).Put() }

// Kill calls the strategy's Kill.
func (TimedResurrect[T, P]) Kill(o *arena.Object[T], _ arena.Hold) bool { return P(&o.Ref).Kill() }

// Use does nothing.
func (TimedResurrect[T, P]) Use(*arena.Object[T], arena.Hold) {}

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

// TimedResurrectKit returns the kit of the timed form. prepare may be nil.
func TimedResurrectKit[T any, P ResurrectRef[T]](prepare func(*T)) Kit[T, TimedResurrect[T, P]] {
	return Kit[T, TimedResurrect[T, P]]{
		Prepare: prepare,
		Holder:  func(string) TimedResurrect[T, P] { return TimedResurrect[T, P]{} },
	}
}

// CheckedResurrectKit returns the kit of the checked form. prepare may be nil.
func CheckedResurrectKit[T any, P ResurrectRef[T]](prepare func(*T)) Kit[T, CheckedResurrect[T, P]] {
	k := CheckedKit[T, P](prepare)
	return Kit[T, CheckedResurrect[T, P]]{
		Prepare: k.Prepare,
		Holder:  func(name string) CheckedResurrect[T, P] { return CheckedResurrect[T, P]{k.Holder(name)} },
		Log:     k.Log,
	}
}

// DynamicResurrect is a [Dynamic] whose strategy has the powers of a
// ResurrectRef.
type DynamicResurrect struct {
	strategies.Counter
	strategies.Resurrecter
	strategies.Reader
}

type (
	dynamicTimedResurrect   = TimedResurrect[DynamicResurrect, *DynamicResurrect]
	dynamicCheckedResurrect = CheckedResurrect[DynamicResurrect, *DynamicResurrect]
)

// dynamicResurrect is dynamic for workloads with a ResurrectHolder.
func dynamicResurrect(c Config,
	timed func(Config, Kit[DynamicResurrect, dynamicTimedResurrect]) (Instance, error),
	checked func(Config, Kit[DynamicResurrect, dynamicCheckedResurrect]) (Instance, error),
) (Instance, error) {
	type powers interface {
		strategies.Counter
		strategies.Resurrecter
		strategies.Reader
	}
	if c.NewCounter == nil {
		return nil, errors.New("workloads: Config.NewCounter is nil")
	}
	if _, ok := c.NewCounter().(powers); !ok {
		return nil, errors.New("workloads: the counter can't be resurrected and read")
	}
	prepare := func(d *DynamicResurrect) {
		n := c.NewCounter().(powers)
		d.Counter, d.Resurrecter, d.Reader = n, n, n
	}
	if c.Checked {
		return checked(c, CheckedResurrectKit[DynamicResurrect](prepare))
	}
	return timed(c, TimedResurrectKit[DynamicResurrect](prepare))
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
type TimedOne[T any, P OneRef[T]] struct{}

// Init calls the strategy's Init.
func (TimedOne[T, P]) Init(o *arena.Object[T]) arena.Hold { P(&o.Ref).Init(); return 0 }

// Get calls the strategy's Get.
func (TimedOne[T, P]) Get(o *arena.Object[T]) arena.Hold { P(&o.Ref).Get(); return 0 }

// TryGet calls the strategy's TryGet.
func (TimedOne[T, P]) TryGet(o *arena.Object[T]) (arena.Hold, bool) { return 0, P(&o.Ref).TryGet() }

// Put calls the strategy's Put.
func (TimedOne[T, P]) Put(o *arena.Object[T], _ arena.Hold) bool { return P(&o.Ref).Put() }

// Kill calls the strategy's Kill.
func (TimedOne[T, P]) Kill(o *arena.Object[T], _ arena.Hold) bool { return P(&o.Ref).Kill() }

// Use does nothing.
func (TimedOne[T, P]) Use(*arena.Object[T], arena.Hold) {}

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

// TimedOneKit returns the kit of the timed form. prepare may be nil.
func TimedOneKit[T any, P OneRef[T]](prepare func(*T)) Kit[T, TimedOne[T, P]] {
	return Kit[T, TimedOne[T, P]]{
		Prepare: prepare,
		Holder:  func(string) TimedOne[T, P] { return TimedOne[T, P]{} },
	}
}

// CheckedOneKit returns the kit of the checked form. prepare may be nil.
func CheckedOneKit[T any, P OneRef[T]](prepare func(*T)) Kit[T, CheckedOne[T, P]] {
	k := CheckedKit[T, P](prepare)
	return Kit[T, CheckedOne[T, P]]{
		Prepare: k.Prepare,
		Holder:  func(name string) CheckedOne[T, P] { return CheckedOne[T, P]{k.Holder(name)} },
		Log:     k.Log,
	}
}

// DynamicOne is a [Dynamic] whose strategy has the powers of a OneRef.
type DynamicOne struct {
	strategies.Counter
	strategies.OnePutter
	strategies.Reader
}

type (
	dynamicTimedOne   = TimedOne[DynamicOne, *DynamicOne]
	dynamicCheckedOne = CheckedOne[DynamicOne, *DynamicOne]
)

// dynamicOne is dynamic for workloads with a OneHolder.
func dynamicOne(c Config,
	timed func(Config, Kit[DynamicOne, dynamicTimedOne]) (Instance, error),
	checked func(Config, Kit[DynamicOne, dynamicCheckedOne]) (Instance, error),
) (Instance, error) {
	type powers interface {
		strategies.Counter
		strategies.OnePutter
		strategies.Reader
	}
	if c.NewCounter == nil {
		return nil, errors.New("workloads: Config.NewCounter is nil")
	}
	if _, ok := c.NewCounter().(powers); !ok {
		return nil, errors.New("workloads: the counter can't be dropped if it is one, and read")
	}
	prepare := func(d *DynamicOne) {
		n := c.NewCounter().(powers)
		d.Counter, d.OnePutter, d.Reader = n, n, n
	}
	if c.Checked {
		return checked(c, CheckedOneKit[DynamicOne](prepare))
	}
	return timed(c, TimedOneKit[DynamicOne](prepare))
}

package workloads

import (
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads/arena"
)

// A Holder is how one actor of a workload takes and drops references. There are
// two: [Timed], which does what its name says and nothing else, and [Checked],
// which judges every operation. A workload is written over the type of its
// holders, so that the timed form pays nothing for the checked one.
//
// A reference is an arena.Hold from the operation that took it to the one that
// drops it, and is handed over with the object.
type Holder[T any] interface {
	// Init starts a life; the owner holds the reference.
	Init(o *arena.Object[T]) arena.Hold
	// Get takes a reference. Whoever calls it holds one already.
	Get(o *arena.Object[T]) arena.Hold
	// TryGet takes a reference through a weak one.
	TryGet(o *arena.Object[T]) (arena.Hold, bool)
	// Put drops a reference and reports whether it was the last.
	Put(o *arena.Object[T], h arena.Hold) bool
	// Kill drops the owner's reference and reports whether it was the last.
	Kill(o *arena.Object[T], h arena.Hold) bool
	// Use marks an access to the object by somebody who holds h.
	Use(o *arena.Object[T], h arena.Hold)
}

// Timed is the holder of the timed form: the strategy's own operations.
type Timed[T any, P strategies.Ref[T]] struct{}

// Init calls the strategy's Init.
func (Timed[T, P]) Init(o *arena.Object[T]) arena.Hold { P(&o.Ref).Init(); return 0 }

// Get calls the strategy's Get.
func (Timed[T, P]) Get(o *arena.Object[T]) arena.Hold { P(&o.Ref).Get(); return 0 }

// TryGet calls the strategy's TryGet.
func (Timed[T, P]) TryGet(o *arena.Object[T]) (arena.Hold, bool) { return 0, P(&o.Ref).TryGet() }

// Put calls the strategy's Put.
func (Timed[T, P]) Put(o *arena.Object[T], _ arena.Hold) bool { return P(&o.Ref).Put() }

// Kill calls the strategy's Kill.
func (Timed[T, P]) Kill(o *arena.Object[T], _ arena.Hold) bool { return P(&o.Ref).Kill() }

// Use does nothing.
func (Timed[T, P]) Use(*arena.Object[T], arena.Hold) {}

// TimedActing is the [Timed] of native loops whose strategy has the power
// strategies.PowerActor: a worker counts as the actor that it is. No generic instance has it.
//
// Go inlines a function only if it is small, and one with a call hardly is. So that what
// counts on words is inlined into loops, and the call of what doesn't stays behind, each operation is
// in two parts there: generated loops have h.GetRest(o, h.Take(o)) for h.Get(o). Operations call
// the count's own methods, and not strategies.GetAs and its kin, since loops are generated for concrete counts.
type TimedActing[T any, P ActingRef[T]] struct{ number int }

// ActingRef is a count with words for actors.
type ActingRef[T any] interface {
	strategies.Ref[T]
	strategies.ActorCounter
}

// Act gives the holder the number of the actor that it counts as.
func (h *TimedActing[T, P]) Act(number int) { h.number = number }

// Init calls the strategy's Init.
func (TimedActing[T, P]) Init(o *arena.Object[T]) arena.Hold { P(&o.Ref).Init(); return 0 }

// Get takes a reference as the actor.
func (h TimedActing[T, P]) Get(o *arena.Object[T]) arena.Hold {
	if !P(&o.Ref).TakeAs(h.number) {
		P(&o.Ref).Get()
	}
	return 0
}

// TryGet takes a reference as the actor.
func (h TimedActing[T, P]) TryGet(o *arena.Object[T]) (arena.Hold, bool) {
	return 0, P(&o.Ref).TakeAs(h.number) || P(&o.Ref).TryGet()
}

// Put drops a reference as the actor.
func (h TimedActing[T, P]) Put(o *arena.Object[T], _ arena.Hold) bool {
	return !P(&o.Ref).DropAs(h.number) && P(&o.Ref).Put()
}

// Kill calls the strategy's Kill.
func (TimedActing[T, P]) Kill(o *arena.Object[T], _ arena.Hold) bool { return P(&o.Ref).Kill() }

// Use does nothing.
func (TimedActing[T, P]) Use(*arena.Object[T], arena.Hold) {}

// Take is the first part of Get and of TryGet.
func (h TimedActing[T, P]) Take(o *arena.Object[T]) bool { return P(&o.Ref).TakeAs(h.number) }

// Drop is the first part of Put.
func (h TimedActing[T, P]) Drop(o *arena.Object[T]) bool { return P(&o.Ref).DropAs(h.number) }

// GetRest is what is left of Get.
func (TimedActing[T, P]) GetRest(o *arena.Object[T], took bool) arena.Hold {
	if !took {
		P(&o.Ref).Get()
	}
	return 0
}

// TryGetRest is what is left of TryGet.
func (TimedActing[T, P]) TryGetRest(o *arena.Object[T], took bool) (arena.Hold, bool) {
	return 0, took || P(&o.Ref).TryGet()
}

// PutRest is what is left of Put.
func (TimedActing[T, P]) PutRest(o *arena.Object[T], _ arena.Hold, dropped bool) bool {
	return !dropped && P(&o.Ref).Put()
}

// Checked is the holder of the checked form. It judges every operation by the
// arena's shadow of the object.
type Checked[T any, P strategies.Ref[T]] struct {
	Actor  *arena.Actor
	acts   bool // the strategy has words for actors
	number int  // of the actor that it counts as; 0 is nobody
}

// Act gives the holder the number of the actor that it counts as, if the strategy has words for
// such.
func (c *Checked[T, P]) Act(number int) {
	if c.acts {
		c.number = number
	}
}

// acting returns the count if the holder is an actor of it.
func (c Checked[T, P]) acting(o *arena.Object[T]) strategies.Acting {
	if c.number == 0 {
		return nil // which strategy it is isn't asked in every operation
	}
	return actingOf(P(&o.Ref))
}

// actingOf returns a count chosen at run time if it has words for actors, and nil otherwise.
func actingOf(ref any) strategies.Acting {
	if d, ok := ref.(interface{ Acting() strategies.Acting }); ok {
		return d.Acting()
	}
	return nil
}

// Init calls the strategy's Init between its checks.
func (c Checked[T, P]) Init(o *arena.Object[T]) arena.Hold {
	c.Actor.BeginInit(o.Shadow())
	P(&o.Ref).Init()
	return c.Actor.EndTake(o.Shadow(), arena.OpInit)
}

// Get calls the strategy's Get between its checks.
func (c Checked[T, P]) Get(o *arena.Object[T]) arena.Hold {
	c.Actor.BeginTake(o.Shadow(), arena.OpGet)
	if a := c.acting(o); a != nil {
		strategies.GetAs(a, c.number)
	} else {
		P(&o.Ref).Get()
	}
	return c.Actor.EndTake(o.Shadow(), arena.OpGet)
}

// TryGet calls the strategy's TryGet between its checks.
func (c Checked[T, P]) TryGet(o *arena.Object[T]) (arena.Hold, bool) {
	c.Actor.BeginTake(o.Shadow(), arena.OpTryGet)
	var ok bool
	if a := c.acting(o); a != nil {
		ok = strategies.TryGetAs(a, c.number)
	} else {
		ok = P(&o.Ref).TryGet()
	}
	if !ok {
		c.Actor.EndTakeFailed(o.Shadow())
		return 0, false
	}
	return c.Actor.EndTake(o.Shadow(), arena.OpTryGet), true
}

// Put calls the strategy's Put between its checks.
func (c Checked[T, P]) Put(o *arena.Object[T], h arena.Hold) bool {
	c.Actor.BeginDrop(o.Shadow(), arena.OpPut, h)
	var last bool
	if a := c.acting(o); a != nil {
		last = strategies.PutAs(a, c.number)
	} else {
		last = P(&o.Ref).Put()
	}
	c.Actor.EndDrop(o.Shadow(), arena.OpPut, last)
	return last
}

// Kill calls the strategy's Kill between its checks.
func (c Checked[T, P]) Kill(o *arena.Object[T], h arena.Hold) bool {
	c.Actor.BeginDrop(o.Shadow(), arena.OpKill, h)
	last := P(&o.Ref).Kill()
	c.Actor.EndDrop(o.Shadow(), arena.OpKill, last)
	return last
}

// Use checks that the object is still there.
func (c Checked[T, P]) Use(o *arena.Object[T], h arena.Hold) { c.Actor.Use(o.Shadow(), h) }

// A Kit is what a workload's constructor builds on: how to prepare counts, and
// the holders of its actors.
type Kit[T any, H Holder[T]] struct {
	// Prepare prepares the counts of slots; see arena.Options.
	Prepare func(*T)
	// Holder returns the holder of a new actor. Workers have theirs from Worker.
	Holder func(name string) H
	// Log is where the checked form puts violations, nil in the timed form.
	Log *arena.Log
}

// Worker returns the holder of a worker, who is an actor of counts that have words for
// such: see strategies.ActorCounter. What else takes and drops references is nobody there.
func (k Kit[T, H]) Worker(worker int) H {
	h := k.Holder(WorkerName(worker))
	if a, ok := any(&h).(interface{ Act(number int) }); ok {
		a.Act(worker + 1)
	}
	return h
}

// Options returns the options for an arena of the workload.
func (k Kit[T, H]) Options(c Config) arena.Options[T] {
	return arena.Options[T]{Prepare: k.Prepare, Log: k.Log, ReuseDelay: c.ReuseDelay}
}

// TimedKit returns the kit of the timed form. prepare may be nil.
func TimedKit[T any, P strategies.Ref[T]](prepare func(*T)) Kit[T, Timed[T, P]] {
	return Kit[T, Timed[T, P]]{Prepare: prepare, Holder: timedHolder[Timed[T, P]]}
}

// timedHolder returns a holder of the timed form, which has no state.
func timedHolder[H any](string) (h H) { return h }

// CheckedKit returns the kit of the checked form. prepare may be nil.
func CheckedKit[T any, P strategies.Ref[T]](prepare func(*T)) Kit[T, Checked[T, P]] {
	log := new(arena.Log)
	var one T
	if prepare != nil {
		prepare(&one)
	}
	acts := actingOf(P(&one)) != nil
	return Kit[T, Checked[T, P]]{
		Prepare: prepare,
		Holder:  func(name string) Checked[T, P] { return Checked[T, P]{Actor: log.Actor(name), acts: acts} },
		Log:     log,
	}
}

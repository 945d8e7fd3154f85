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

// Checked is the holder of the checked form. It judges every operation by the
// arena's shadow of the object.
type Checked[T any, P strategies.Ref[T]] struct{ Actor *arena.Actor }

// Init calls the strategy's Init between its checks.
func (c Checked[T, P]) Init(o *arena.Object[T]) arena.Hold {
	c.Actor.BeginInit(o.Shadow())
	P(&o.Ref).Init()
	return c.Actor.EndTake(o.Shadow(), arena.OpInit)
}

// Get calls the strategy's Get between its checks.
func (c Checked[T, P]) Get(o *arena.Object[T]) arena.Hold {
	c.Actor.BeginTake(o.Shadow(), arena.OpGet)
	P(&o.Ref).Get()
	return c.Actor.EndTake(o.Shadow(), arena.OpGet)
}

// TryGet calls the strategy's TryGet between its checks.
func (c Checked[T, P]) TryGet(o *arena.Object[T]) (arena.Hold, bool) {
	c.Actor.BeginTake(o.Shadow(), arena.OpTryGet)
	if !P(&o.Ref).TryGet() {
		c.Actor.EndTakeFailed(o.Shadow())
		return 0, false
	}
	return c.Actor.EndTake(o.Shadow(), arena.OpTryGet), true
}

// Put calls the strategy's Put between its checks.
func (c Checked[T, P]) Put(o *arena.Object[T], h arena.Hold) bool {
	c.Actor.BeginDrop(o.Shadow(), arena.OpPut, h)
	last := P(&o.Ref).Put()
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
	// Holder returns the holder of a new actor.
	Holder func(name string) H
	// Log is where the checked form puts violations, nil in the timed form.
	Log *arena.Log
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
	return Kit[T, Checked[T, P]]{
		Prepare: prepare,
		Holder:  func(name string) Checked[T, P] { return Checked[T, P]{log.Actor(name)} },
		Log:     log,
	}
}

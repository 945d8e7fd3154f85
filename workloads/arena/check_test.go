package arena_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads/arena"
)

// A scene is an object in a checked arena and two actors. Tests say what each
// operation on the count answers; there is no count.
type scene struct {
	log   *arena.Log
	arena *arena.Arena[int32, int64]
	cache *arena.Cache[int32, int64]
	slot  *slot
	s     *arena.Shadow
	a, b  *arena.Actor
}

func newScene(o arena.Options[int32]) *scene {
	o.Log = new(arena.Log)
	x := &scene{log: o.Log, arena: arena.New[int32, int64](o)}
	x.cache = x.arena.Cache()
	x.slot = x.cache.Alloc()
	x.s = x.slot.Shadow()
	x.a, x.b = x.log.Actor("alice"), x.log.Actor("bob")
	return x
}

func (x *scene) init(a *arena.Actor) arena.Hold {
	a.BeginInit(x.s)
	return a.EndTake(x.s, arena.OpInit)
}

func (x *scene) take(a *arena.Actor, o arena.Op) arena.Hold {
	a.BeginTake(x.s, o)
	return a.EndTake(x.s, o)
}

func (x *scene) takeFails(a *arena.Actor) {
	a.BeginTake(x.s, arena.OpTryGet)
	a.EndTakeFailed(x.s)
}

func (x *scene) put(a *arena.Actor, h arena.Hold, last bool) {
	a.BeginDrop(x.s, arena.OpPut, h)
	a.EndDrop(x.s, arena.OpPut, last)
}

func (x *scene) putIfOne(a *arena.Actor, h arena.Hold, dropped bool) {
	d := a.BeginDropIf(x.s, arena.OpPutIfOne, h)
	a.EndDropIf(x.s, arena.OpPutIfOne, h, d, dropped)
}

func (x *scene) free() { x.cache.Free(x.slot) }

// violations ends the scene and returns what was put down.
func (x *scene) violations() (counts [judge.Kinds]uint64, notes []string) {
	x.arena.Leaks()
	return x.log.Violations()
}

// right is a kind that no violation has.
const right judge.Kind = -1

// Each rule sees what breaks it, and nothing else; what is right passes.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		name string
		want judge.Kind
		do   func(x *scene)
	}{
		{"a life", right, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.a, arena.OpGet)
			x.b.Use(x.s, g)
			x.put(x.b, g, false)
			x.put(x.a, h, true)
			x.free()
		}},
		{"drops in another order than they end", right, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.a, arena.OpGet)
			x.a.BeginDrop(x.s, arena.OpKill, h)
			x.b.BeginDrop(x.s, arena.OpPut, g)
			x.b.EndDrop(x.s, arena.OpPut, false)
			x.a.EndDrop(x.s, arena.OpKill, true)
			x.free()
		}},
		{"TryGet fails while the last drop is under way", right, func(x *scene) {
			h := x.init(x.a)
			x.b.BeginTake(x.s, arena.OpTryGet)
			x.a.BeginDrop(x.s, arena.OpKill, h)
			x.b.EndTakeFailed(x.s)
			x.a.EndDrop(x.s, arena.OpKill, true)
			x.free()
		}},
		{"TryGet succeeds and ends after the other drop", right, func(x *scene) {
			h := x.init(x.a)
			x.b.BeginTake(x.s, arena.OpTryGet)
			x.a.BeginDrop(x.s, arena.OpKill, h)
			x.a.EndDrop(x.s, arena.OpKill, false)
			g := x.b.EndTake(x.s, arena.OpTryGet)
			x.put(x.b, g, true)
			x.free()
		}},
		{"TryGet in the grace period", right, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.cache.End(x.slot)
			x.takeFails(x.b)
			x.cache.Recycle(x.slot)
		}},

		{"TryGet after the grace period", judge.UseAfterFree, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.free()
			x.takeFails(x.b)
		}},
		{"Get in the grace period", judge.UseAfterFree, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.cache.End(x.slot)
			x.b.BeginTake(x.s, arena.OpGet)
		}},
		{"Resurrect in the grace period", judge.UseAfterFree, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.cache.End(x.slot)
			x.b.BeginTake(x.s, arena.OpResurrect)
		}},
		{"Count after the release", judge.UseAfterFree, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.free()
			x.b.Look(x.s, arena.OpCount)
		}},
		{"use after the own drop", judge.UseAfterFree, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.a, arena.OpGet)
			x.put(x.a, g, false)
			x.a.Use(x.s, g)
			x.put(x.a, h, true)
			x.free()
		}},
		{"use without a reference", judge.UseAfterFree, func(x *scene) {
			x.a.Use(x.s, 0)
			x.put(x.a, x.init(x.a), true)
			x.free()
		}},
		{"Init of memory that nobody allocated", judge.UseAfterFree, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.free()
			x.a.BeginInit(x.s)
		}},

		{"two drops report the last", judge.DoubleFree, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.a, arena.OpGet)
			x.a.BeginDrop(x.s, arena.OpPut, h)
			x.b.BeginDrop(x.s, arena.OpPut, g)
			x.a.EndDrop(x.s, arena.OpPut, true)
			x.b.EndDrop(x.s, arena.OpPut, true)
			x.free()
		}},
		{"two releases", judge.DoubleFree, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.free()
			x.free()
		}},

		{"held for ever", judge.Leak, func(x *scene) { x.init(x.a) }},
		{"told and not released", judge.Leak, func(x *scene) { x.put(x.a, x.init(x.a), true) }},

		{"the same reference dropped twice", judge.Underflow, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.a, arena.OpGet)
			x.put(x.a, g, false)
			x.put(x.a, g, false)
			x.put(x.a, h, true)
			x.free()
		}},
		{"dropped by another and by the taker", judge.Underflow, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.a, arena.OpGet)
			x.put(x.b, g, false)
			x.put(x.a, g, false)
			x.put(x.a, h, true)
			x.free()
		}},
		{"dropped twice, and the entry is in use again", judge.Underflow, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.a, arena.OpGet)
			x.put(x.a, g, false)
			again := x.take(x.a, arena.OpGet)
			x.put(x.a, g, false)
			x.put(x.a, again, false)
			x.put(x.a, h, true)
			x.free()
		}},
		{"dropped without one", judge.Underflow, func(x *scene) {
			h := x.init(x.a)
			x.put(x.b, 0, false)
			x.put(x.a, h, true)
			x.free()
		}},
		{"dropped by a hold that nobody took", judge.Underflow, func(x *scene) {
			h := x.init(x.a)
			x.put(x.b, 1<<52|500<<32|1, false)
			x.put(x.a, h, true)
			x.free()
		}},

		{"told while somebody holds one", judge.StolenReference, func(x *scene) {
			h := x.init(x.a)
			x.take(x.b, arena.OpTryGet)
			x.put(x.a, h, true)
			x.free()
		}},
		{"released while somebody holds one", judge.StolenReference, func(x *scene) {
			h := x.init(x.a)
			x.take(x.b, arena.OpTryGet)
			x.put(x.a, h, false)
			x.free()
		}},
		{"Init while somebody holds one", judge.StolenReference, func(x *scene) {
			x.init(x.a)
			x.put(x.b, x.init(x.b), false)
			x.free()
		}},
		{"Init while somebody holds one, and all is dropped later", judge.StolenReference, func(x *scene) {
			h := x.init(x.a)
			x.put(x.b, x.init(x.b), false)
			x.put(x.a, h, true)
			x.free()
		}},

		{"TryGet brings a dead object back", judge.ResurrectedDead, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			g := x.take(x.b, arena.OpTryGet)
			x.put(x.b, g, false)
			x.free()
		}},
		{"Get brings a dead object back", judge.ResurrectedDead, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			g := x.take(x.b, arena.OpGet)
			x.put(x.b, g, false)
			x.free()
		}},

		{"nobody is told", judge.LateRelease, func(x *scene) {
			x.put(x.a, x.init(x.a), false)
			x.free()
		}},
		{"nobody is told, and another operation ends last", judge.LateRelease, func(x *scene) {
			h := x.init(x.a)
			x.b.BeginTake(x.s, arena.OpTryGet)
			x.put(x.a, h, false)
			x.b.EndTakeFailed(x.s)
			x.free()
		}},
		{"nobody is told, and the first drop is unfinished", judge.LateRelease, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.a, arena.OpGet)
			x.put(x.b, g, false)
			x.put(x.a, h, false)
			x.free()
		}},

		// Resurrection.
		{"resurrected at rest", right, func(x *scene) {
			h := x.init(x.a)
			for range 20 {
				x.put(x.a, h, true)
				h = x.take(x.b, arena.OpResurrect)
			}
			x.put(x.a, h, true)
			x.free()
		}},
		{"Resurrect of a live object", right, func(x *scene) {
			h := x.init(x.a)
			for range 20 {
				g := x.take(x.b, arena.OpResurrect)
				x.put(x.b, g, false)
			}
			x.put(x.a, h, true)
			x.free()
		}},
		{"resurrected before the drop has ended", right, func(x *scene) {
			h := x.init(x.a)
			for range 20 {
				x.a.BeginDrop(x.s, arena.OpPut, h)
				h = x.take(x.b, arena.OpResurrect)
				x.a.EndDrop(x.s, arena.OpPut, true)
			}
			x.put(x.a, h, true)
			x.free()
		}},
		{"resurrected and dropped before the drop has ended", right, func(x *scene) {
			h := x.init(x.a)
			for range 20 { // more than the fields hold
				x.a.BeginDrop(x.s, arena.OpPut, h)
				for range 20 {
					g := x.take(x.b, arena.OpResurrect)
					x.put(x.b, g, true)
				}
				x.a.EndDrop(x.s, arena.OpPut, true)
				h = x.take(x.b, arena.OpResurrect)
			}
			x.put(x.a, h, true)
			x.free()
		}},
		{"TryGet meets a Resurrect", right, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.a.BeginTake(x.s, arena.OpResurrect)
			g := x.take(x.b, arena.OpTryGet)
			h := x.a.EndTake(x.s, arena.OpResurrect)
			x.put(x.b, g, false)
			x.put(x.a, h, true)
			x.free()
		}},
		{"told more often than brought back", judge.DoubleFree, func(x *scene) {
			h := x.init(x.a)
			x.a.BeginDrop(x.s, arena.OpPut, h)
			g := x.take(x.b, arena.OpResurrect)
			k := x.take(x.b, arena.OpGet)
			x.put(x.b, g, true)
			x.put(x.b, k, true)
			x.a.EndDrop(x.s, arena.OpPut, true)
			x.free()
		}},
		{"told twice after a resurrection", judge.DoubleFree, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			h := x.take(x.a, arena.OpResurrect)
			g := x.take(x.b, arena.OpGet)
			x.a.BeginDrop(x.s, arena.OpPut, h)
			x.b.BeginDrop(x.s, arena.OpPut, g)
			x.a.EndDrop(x.s, arena.OpPut, true)
			x.b.EndDrop(x.s, arena.OpPut, true)
			x.free()
		}},
		{"nobody is told after a resurrection", judge.LateRelease, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.put(x.a, x.take(x.a, arena.OpResurrect), false)
			x.free()
		}},
		{"nobody is told while a resurrection is under way", judge.LateRelease, func(x *scene) {
			h := x.init(x.a)
			x.a.BeginDrop(x.s, arena.OpPut, h)
			g := x.take(x.b, arena.OpResurrect)
			x.put(x.b, g, false)
			x.a.EndDrop(x.s, arena.OpPut, false)
			x.free()
		}},
		{"told while somebody holds one after a resurrection", judge.StolenReference, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			h := x.take(x.a, arena.OpResurrect)
			x.take(x.b, arena.OpTryGet)
			x.put(x.a, h, true)
			x.free()
		}},
		{"released after a resurrection", judge.StolenReference, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.take(x.a, arena.OpResurrect)
			x.free()
		}},
		{"two bring it back by Init", judge.StolenReference, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.a.BeginInit(x.s)
			x.b.BeginInit(x.s)
			h := x.a.EndTake(x.s, arena.OpInit)
			x.b.EndTake(x.s, arena.OpInit)
			x.put(x.a, h, true)
			x.free()
		}},
		{"one brings it back by Init", right, func(x *scene) {
			x.put(x.a, x.init(x.a), true)
			x.put(x.b, x.init(x.b), true)
			x.free()
		}},

		// PutIfOne.
		{"PutIfOne", right, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.b, arena.OpTryGet)
			x.putIfOne(x.a, h, false)
			x.a.Use(x.s, h)
			x.put(x.b, g, false)
			x.putIfOne(x.a, h, true)
			x.free()
		}},
		{"PutIfOne of another's reference", right, func(x *scene) {
			h := x.init(x.a)
			x.putIfOne(x.b, h, false)
			x.putIfOne(x.b, h, true)
			x.free()
		}},
		{"PutIfOne succeeds while somebody holds one", judge.StolenReference, func(x *scene) {
			h := x.init(x.a)
			x.take(x.b, arena.OpTryGet)
			x.putIfOne(x.a, h, true)
			x.free()
		}},
		{"told while PutIfOne fails", judge.StolenReference, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.b, arena.OpTryGet)
			d := x.a.BeginDropIf(x.s, arena.OpPutIfOne, h)
			x.put(x.b, g, true)
			x.a.EndDropIf(x.s, arena.OpPutIfOne, h, d, false)
			x.free()
		}},
		{"dropped while PutIfOne is at it", judge.Underflow, func(x *scene) {
			h := x.init(x.a)
			d := x.a.BeginDropIf(x.s, arena.OpPutIfOne, h)
			x.b.BeginDrop(x.s, arena.OpPut, h)
			x.b.EndDrop(x.s, arena.OpPut, false)
			x.a.EndDropIf(x.s, arena.OpPutIfOne, h, d, true)
			x.free()
		}},
		{"PutIfOne of a reference that was dropped", judge.Underflow, func(x *scene) {
			h := x.init(x.a)
			g := x.take(x.b, arena.OpTryGet)
			x.put(x.b, g, false)
			x.putIfOne(x.b, g, false)
			x.put(x.a, h, true)
			x.free()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newScene(arena.Options[int32]{ReuseDelay: 0})
			c.do(x)
			counts, notes := x.violations()
			for k, n := range counts {
				switch kind := judge.Kind(k); {
				case kind == c.want && n == 0:
					t.Errorf("no %v was put down", kind)
				case kind != c.want && n != 0:
					t.Errorf("%d %v", n, kind)
				}
			}
			if t.Failed() {
				t.Logf("notes: %s", strings.Join(notes, "\n"))
			}
		})
	}
}

// Whoever lost his reference finds out when he uses the object or drops the
// reference, though the slot holds another object by then.
func TestLostReferenceShowsAtItsNextUse(t *testing.T) {
	x := newScene(arena.Options[int32]{})
	h := x.init(x.a)
	g := x.take(x.b, arena.OpTryGet)
	x.put(x.a, h, true)
	x.free()
	if again := x.cache.Alloc(); again != x.slot {
		t.Fatal("the slot wasn't used again")
	}
	h = x.init(x.a)
	for i, act := range []func(){
		func() { x.b.Use(x.s, g) },
		func() { x.put(x.b, g, false) },
	} {
		before, _ := x.log.Violations()
		act()
		after, _ := x.log.Violations()
		if after[judge.StolenReference] != before[judge.StolenReference]+1 {
			t.Errorf("act %d: %v, then %v: want another stolen-reference", i, before, after)
		}
	}
	// The new object's own references are judged as ever.
	before, _ := x.log.Violations()
	x.put(x.a, h, true)
	x.free()
	if after, notes := x.violations(); after != before {
		t.Errorf("%v, then %v: %s", before, after, notes)
	}
}

// A free slot of a type-stable arena may be looked at.
func TestTypeStableAllowsTryGetOnFreeMemory(t *testing.T) {
	x := newScene(arena.Options[int32]{TypeStable: true})
	x.put(x.a, x.init(x.a), true)
	x.free()
	x.takeFails(x.b)
	if counts, notes := x.violations(); counts != [judge.Kinds]uint64{} {
		t.Errorf("violations: %v", notes)
	}
	x.b.BeginTake(x.s, arena.OpGet)
	if counts, _ := x.violations(); counts[judge.UseAfterFree] != 1 {
		t.Errorf("%v: want a use-after-free by Get", counts)
	}
}

// A violation says which reference of whom it is about, and what led to it.
func TestNoteSaysWhoAndWhat(t *testing.T) {
	x := newScene(arena.Options[int32]{})
	for range 3 {
		x.put(x.a, x.init(x.a), true)
		x.free()
		x.cache.Alloc()
	}
	h := x.init(x.a)
	x.take(x.b, arena.OpTryGet)
	x.put(x.a, h, true)
	x.free()
	_, notes := x.violations()
	if len(notes) != 1 {
		t.Fatalf("notes: %q", notes)
	}
	for _, want := range []string{
		"stolen-reference: object ", ", life 3: ", "alice: Put reported the last reference while it was held by bob (its operation 1, TryGet)",
		"; its last operations: alice Init, bob TryGet, alice Put",
	} {
		if !strings.Contains(notes[0], want) {
			t.Errorf("note %q doesn't say %q", notes[0], want)
		}
	}
}

// A drop that leaves nobody and tells nobody is put down at once, so that its
// history is fresh, unless another's drop isn't finished yet.
func TestLateReleaseIsSeenAtOnce(t *testing.T) {
	x := newScene(arena.Options[int32]{})
	x.put(x.a, x.init(x.a), false)
	if counts, _ := x.log.Violations(); counts[judge.LateRelease] != 1 {
		t.Errorf("%v: want a late-release before the end of the run", counts)
	}

	x = newScene(arena.Options[int32]{})
	h, g := x.init(x.a), x.take(x.b, arena.OpTryGet)
	x.put(x.b, g, false) // alice is left, so bob leaves the rest for later
	x.put(x.a, h, false)
	x.takeFails(x.b) // bob goes on
	if counts, _ := x.log.Violations(); counts[judge.LateRelease] != 1 {
		t.Errorf("%v: want a late-release once all have gone on", counts)
	}
}

// A late release is reported once in a life, and again in the next.
func TestLateReleaseIsReportedOnceInALife(t *testing.T) {
	x := newScene(arena.Options[int32]{})
	for life := range uint64(3) {
		x.put(x.a, x.init(x.a), false)
		for range 3 { // what follows changes nothing
			x.takeFails(x.b)
			x.put(x.a, x.take(x.a, arena.OpResurrect), false)
		}
		// And all that overlaps is judged together.
		x.b.BeginTake(x.s, arena.OpTryGet)
		x.put(x.a, x.take(x.a, arena.OpResurrect), false)
		x.b.EndTakeFailed(x.s)
		if counts, notes := x.log.Violations(); counts[judge.LateRelease] != life+1 {
			t.Fatalf("%d late releases after %d lives, want one of each: %q", counts[judge.LateRelease], life+1, notes)
		}
	}
}

// What came before a release shows when somebody comes too late.
func TestNoteTellsOfTheLifeBefore(t *testing.T) {
	x := newScene(arena.Options[int32]{})
	h := x.init(x.a)
	x.put(x.b, h, true)
	x.free()
	x.takeFails(x.b)
	_, notes := x.violations()
	if want := "bob: TryGet on memory that holds no object; its last operations: alice Init, bob Put"; len(notes) != 1 || !strings.Contains(notes[0], want) {
		t.Errorf("notes %q don't say %q", notes, want)
	}
}

// Only some violations of a kind are described, and all are counted.
func TestNotesAreFewAndCountsAreComplete(t *testing.T) {
	x := newScene(arena.Options[int32]{})
	h := x.init(x.a)
	for range 1000 {
		x.put(x.b, 0, false)
	}
	x.put(x.a, h, true)
	x.free()
	counts, notes := x.violations()
	if counts[judge.Underflow] != 1000 || len(notes) == 0 || len(notes) > 10 {
		t.Errorf("%d violations, %d notes", counts[judge.Underflow], len(notes))
	}
}

// count is a right count, for real concurrency.
type count struct{ n atomic.Int32 }

func (c *count) tryGet() bool {
	for {
		n := c.n.Load()
		if n == 0 {
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// A right count raises no alarm, whatever many goroutines do to one object: take
// through weak references, take and drop, drop each other's, find it dead, and
// release it, so that it lives again in the same memory.
func TestNoFalseAlarmOnOneHotSlot(t *testing.T) {
	const goroutines = 8
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	log := new(arena.Log)
	a := arena.New[count, int64](arena.Options[count]{Log: log, TypeStable: true})
	slots := a.Cache()
	first := slots.Alloc()
	initialize := func(a *arena.Actor) arena.Hold {
		a.BeginInit(first.Shadow())
		first.Ref.n.Store(1)
		return a.EndTake(first.Shadow(), arena.OpInit)
	}
	s := first.Shadow()
	// The owner's reference, for whoever takes it out of the channel.
	owner := make(chan arena.Hold, 1)
	owner <- initialize(log.Actor("owner"))
	var cache sync.Mutex // of slots
	// dying keeps most from taking more references once the owner's is
	// dropped; otherwise somebody always has one.
	var dying atomic.Bool
	passed := make(chan arena.Hold, 64)
	var wg sync.WaitGroup
	deadline := time.Now().Add(300 * time.Millisecond)
	for g := range goroutines {
		wg.Go(func() {
			me := log.Actor(fmt.Sprintf("goroutine %d", g))
			random := rand.New(rand.NewPCG(seed, uint64(g)))
			drop := func(op arena.Op, h arena.Hold) {
				me.BeginDrop(s, op, h)
				last := first.Ref.n.Add(-1) == 0
				me.EndDrop(s, op, last)
				if last {
					cache.Lock()
					slots.Free(first)
					if slots.Alloc() != first {
						t.Error("another slot: the test needs this one")
					}
					cache.Unlock()
					dying.Store(false)
					owner <- initialize(me)
				}
			}
			for i := 0; i < 100 || time.Now().Before(deadline); i++ {
				switch random.IntN(8) {
				case 0:
					select {
					case h := <-owner:
						dying.Store(true)
						drop(arena.OpKill, h)
					default:
					}
				case 1, 2, 3, 4:
					select {
					case h := <-passed:
						me.Use(s, h)
						drop(arena.OpPut, h)
					default:
					}
				default:
					if dying.Load() && random.IntN(20) > 0 {
						runtime.Gosched() // to somebody who holds one
						continue
					}
					me.BeginTake(s, arena.OpTryGet)
					if !first.Ref.tryGet() {
						me.EndTakeFailed(s)
						continue
					}
					h := me.EndTake(s, arena.OpTryGet)
					me.Use(s, h)
					if random.IntN(2) == 0 {
						me.BeginTake(s, arena.OpGet)
						first.Ref.n.Add(1)
						h := me.EndTake(s, arena.OpGet)
						select {
						case passed <- h:
						default:
							drop(arena.OpPut, h)
						}
					}
					if random.IntN(4) == 0 {
						runtime.Gosched()
					}
					me.Use(s, h)
					drop(arena.OpPut, h)
				}
			}
		})
	}
	wg.Wait()
	last := log.Actor("last")
	close(passed)
	for h := range passed {
		last.BeginDrop(s, arena.OpPut, h)
		n := first.Ref.n.Add(-1)
		last.EndDrop(s, arena.OpPut, n == 0)
		if n == 0 {
			slots.Free(first)
		}
	}
	select {
	case h := <-owner:
		last.BeginDrop(s, arena.OpKill, h)
		n := first.Ref.n.Add(-1)
		last.EndDrop(s, arena.OpKill, n == 0)
		if n != 0 {
			t.Fatalf("%d references left: the test is wrong", n)
		}
		slots.Free(first)
	default:
	}
	a.Leaks()
	if counts, notes := log.Violations(); counts != [judge.Kinds]uint64{} {
		t.Errorf("seed %d: %v\n%s", seed, counts, strings.Join(notes, "\n"))
	}
	t.Logf("%d operations, %d lives", log.Operations(), a.Books().Lives)
	if a.Books().Lives < 10 {
		t.Errorf("%d lives: the object never died", a.Books().Lives)
	}
}

// Nor does resurrection from zero raise one, though it overlaps the drops that
// led there.
func TestNoFalseAlarmFromResurrection(t *testing.T) {
	const goroutines = 8
	log := new(arena.Log)
	a := arena.New[count, int64](arena.Options[count]{Log: log})
	slots := a.Cache()
	slot := slots.Alloc()
	s := slot.Shadow()
	first := log.Actor("first")
	first.BeginInit(s)
	slot.Ref.n.Store(1)
	h := first.EndTake(s, arena.OpInit)
	first.BeginDrop(s, arena.OpKill, h)
	slot.Ref.n.Add(-1)
	first.EndDrop(s, arena.OpKill, true)
	var deaths atomic.Int64
	var wg sync.WaitGroup
	deadline := time.Now().Add(300 * time.Millisecond)
	for g := range goroutines {
		wg.Go(func() {
			me := log.Actor(fmt.Sprintf("goroutine %d", g))
			for i := 0; i < 100 || time.Now().Before(deadline); i++ {
				op := arena.OpResurrect
				if (i+g)%3 == 0 {
					op = arena.OpTryGet
				}
				me.BeginTake(s, op)
				if op == arena.OpResurrect {
					slot.Ref.n.Add(1)
				} else if !slot.Ref.tryGet() {
					me.EndTakeFailed(s)
					continue
				}
				h := me.EndTake(s, op)
				me.Use(s, h)
				me.BeginDrop(s, arena.OpPut, h)
				last := slot.Ref.n.Add(-1) == 0
				me.EndDrop(s, arena.OpPut, last)
				if last {
					deaths.Add(1)
				}
			}
		})
	}
	wg.Wait()
	slots.Free(slot)
	a.Leaks()
	if counts, notes := log.Violations(); counts != [judge.Kinds]uint64{} {
		t.Errorf("%v\n%s", counts, strings.Join(notes, "\n"))
	}
	t.Logf("%d operations, %d deaths", log.Operations(), deaths.Load())
	if deaths.Load() == 0 {
		t.Error("the object never died")
	}
}

// A freed slot isn't used again before as many others were freed as the delay
// says.
func TestReuseDelayDelays(t *testing.T) {
	for _, delay := range []int{0, 1, 10, 1000} {
		a := arena.New[int32, int64](arena.Options[int32]{ReuseDelay: delay})
		c := a.Cache()
		freed := make(map[*slot]int)
		shortest := 1 << 30
		for i := range 3000 {
			s := c.Alloc()
			if at, ok := freed[s]; ok {
				shortest = min(shortest, i-at-1)
			}
			c.Free(s)
			freed[s] = i
		}
		if shortest != delay {
			t.Errorf("delay %d: a slot was used again after %d others", delay, shortest)
		}
	}
}

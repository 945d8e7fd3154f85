package workloads

import (
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/spin"
)

// GetPut is the load of Linux kernel/rcu/refscale.c: every worker takes and
// drops references to the same long-lived object, as fast as it can. It shows
// what a strategy's count costs and nothing else.
//
// The workload holds the owner's reference, so no Put may ever report true: one
// that does is put down in the books as wrong. At the end the owner kills every
// object, and exactly that must release it.
var GetPut = &Workload{
	Name:      "getput",
	Doc:       "all CPUs take and drop references to one long-lived object",
	Source:    "Linux kernel/rcu/refscale.c",
	Operation: "a Get or TryGet and its Put",
	Baselines: true,
	Knobs: []Knob{
		{Name: "objects", Doc: "objects, picked at random for each operation", Default: 1, Min: 1, Max: 1 << 16},
		{Name: "private", Doc: "1: each worker has objects of its own", Default: 0, Min: 0, Max: 1},
		{Name: "tryget", Doc: "share of TryGet among the Gets, in percent", Default: 0, Min: 0, Max: 100},
		{Name: "hold", Doc: "how long a reference is held, in ns", Default: 0, Min: 0, Max: 1_000_000},
	},
	Wrong: "the first worker drops a reference more than it took, once",
	Plan: Plan{
		Settings: "objects=1,tryget=50",
		Program:  "w0.Work w0.Work|w1.Work w1.Work",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(getPut[Dynamic, DynamicTimed]), new(getPut[Dynamic, DynamicChecked]))
	},
}

type getPut[T any, H Holder[T]] struct {
	arena   *arena.Arena[T, struct{}]
	cache   *arena.Cache[T, struct{}]
	owner   H
	objects []getPutObject[T] // all of them, each once
	workers []getPutWorker[T, H]

	tryget int // percent
	hold   int // loops of spin.For
}

// getPutObject is an object and the owner's reference to it.
type getPutObject[T any] struct {
	slot *arena.Slot[T, struct{}]
	hold arena.Hold
}

type getPutWorker[T any, H Holder[T]] struct {
	holder  H
	objects []getPutObject[T]
	rand    Rand
	lasts   uint64 // operations that found an object dead
	_       [pin.LineBytes]byte
}

func (g *getPut[T, H]) Setup(c Config, k Kit[T, H]) error {
	n := c.Knob("objects")
	*g = getPut[T, H]{
		arena:   arena.New[T, struct{}](k.Options(c)),
		owner:   k.Holder("owner"),
		workers: make([]getPutWorker[T, H], c.Workers),
		tryget:  c.Knob("tryget"),
		hold:    spin.Loops(time.Duration(c.Knob("hold"))),
	}
	g.cache = g.arena.Cache()
	alloc := func() []getPutObject[T] {
		os := make([]getPutObject[T], n)
		for i := range os {
			os[i].slot = g.cache.Alloc()
			os[i].hold = g.owner.Init(&os[i].slot.Object)
		}
		g.objects = append(g.objects, os...)
		return os
	}
	var shared []getPutObject[T]
	if c.Knob("private") == 0 {
		shared = alloc()
	}
	for i := range g.workers {
		w := &g.workers[i]
		w.holder = k.Worker(i)
		w.rand = NewRand(c.Seed, i)
		if w.objects = shared; shared == nil {
			w.objects = alloc()
		}
	}
	if c.Wrong {
		w, o := &g.workers[0], g.objects[0]
		h := w.holder.Get(&o.slot.Object)
		w.holder.Put(&o.slot.Object, h)
		w.holder.Put(&o.slot.Object, h)
	}
	return nil
}

// Work has a loop of its own for the settings whose operations take only some
// nanoseconds, so that picking an object doesn't blur the comparison.
func (g *getPut[T, H]) Work(worker, n int) int {
	w := &g.workers[worker]
	var lasts uint64
	if len(w.objects) == 1 && g.hold == 0 && g.tryget == 0 {
		o := &w.objects[0].slot.Object
		for range n {
			h := w.holder.Get(o)
			if w.holder.Put(o, h) {
				lasts++
			}
		}
	} else {
		for range n {
			o := &w.objects[w.rand.Below(len(w.objects))].slot.Object
			var h arena.Hold
			if g.tryget > w.rand.Below(100) {
				var ok bool
				if h, ok = w.holder.TryGet(o); !ok {
					// The owner's reference keeps it alive.
					lasts++
					continue
				}
			} else {
				h = w.holder.Get(o)
			}
			spin.For(g.hold)
			w.holder.Use(o, h)
			if w.holder.Put(o, h) {
				lasts++
			}
		}
	}
	w.lasts += lasts
	return n
}

func (g *getPut[T, H]) Roles() []Role { return nil }

func (g *getPut[T, H]) Close() Books {
	for _, o := range g.objects {
		if g.owner.Kill(&o.slot.Object, o.hold) {
			g.cache.Free(o.slot)
		}
	}
	b := BooksOf(g.arena)
	for i := range g.workers {
		b.Observe(judge.StolenReference, g.workers[i].lasts, "operations of worker %d found an object dead that its owner held", i)
	}
	return b
}

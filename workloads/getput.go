package workloads

import (
	"time"

	"github.com/refbench/refbench/strategies"
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
	Knobs: []Knob{
		{Name: "objects", Doc: "objects, picked at random for each operation", Default: 1, Min: 1, Max: 1 << 16},
		{Name: "private", Doc: "1: each worker has objects of its own", Default: 0, Min: 0, Max: 1},
		{Name: "tryget", Doc: "share of TryGet among the Gets, in percent", Default: 0, Min: 0, Max: 100},
		{Name: "hold", Doc: "how long a reference is held, in ns", Default: 0, Min: 0, Max: 1_000_000},
	},
	New: func(c Config) (Instance, error) {
		prepare, err := c.dynamic()
		if err != nil {
			return nil, err
		}
		return newGetPut[Dynamic](c, prepare)
	},
}

type getPut[T any, P strategies.Ref[T]] struct {
	arena   *arena.Arena[T, struct{}]
	cache   *arena.Cache[T, struct{}]
	workers []getPutWorker[T]
	objects []*arena.Slot[T, struct{}] // all of them, each once

	tryget int // percent
	hold   int // loops of spin.For
}

type getPutWorker[T any] struct {
	objects []*arena.Slot[T, struct{}]
	rand    Rand
	lasts   uint64 // Puts that reported true
	_       [pin.LineBytes]byte
}

func newGetPut[T any, P strategies.Ref[T]](c Config, prepare func(*T)) (Instance, error) {
	n := c.Knob("objects")
	g := &getPut[T, P]{
		arena:   arena.New[T, struct{}](prepare),
		workers: make([]getPutWorker[T], c.Workers),
		tryget:  c.Knob("tryget"),
		hold:    spin.Loops(time.Duration(c.Knob("hold"))),
	}
	g.cache = g.arena.Cache()
	alloc := func() []*arena.Slot[T, struct{}] {
		s := make([]*arena.Slot[T, struct{}], n)
		for i := range s {
			s[i] = g.cache.Alloc()
			P(&s[i].Ref).Init()
		}
		g.objects = append(g.objects, s...)
		return s
	}
	var shared []*arena.Slot[T, struct{}]
	if c.Knob("private") == 0 {
		shared = alloc()
	}
	for i := range g.workers {
		w := &g.workers[i]
		w.rand = NewRand(c.Seed, i)
		if w.objects = shared; shared == nil {
			w.objects = alloc()
		}
	}
	return g, nil
}

// Work has a loop of its own for the settings whose operations take only some
// nanoseconds, so that picking an object doesn't blur the comparison.
func (g *getPut[T, P]) Work(worker, n int) int {
	w := &g.workers[worker]
	var lasts uint64
	if len(w.objects) == 1 && g.hold == 0 && g.tryget == 0 {
		p := P(&w.objects[0].Ref)
		for range n {
			p.Get()
			if p.Put() {
				lasts++
			}
		}
	} else {
		for range n {
			p := P(&w.objects[w.rand.Below(len(w.objects))].Ref)
			if g.tryget > w.rand.Below(100) {
				if !p.TryGet() {
					// The owner's reference keeps it alive.
					lasts++
					continue
				}
			} else {
				p.Get()
			}
			spin.For(g.hold)
			if p.Put() {
				lasts++
			}
		}
	}
	w.lasts += lasts
	return n
}

func (g *getPut[T, P]) Roles() []Role { return nil }

func (g *getPut[T, P]) Close() Books {
	for _, s := range g.objects {
		if P(&s.Ref).Kill() {
			g.cache.Free(s)
		}
	}
	b := BooksOf(g.arena.Books())
	for i := range g.workers {
		b.Observe(g.workers[i].lasts, "operations of worker %d found an object dead that its owner held", i)
	}
	return b
}

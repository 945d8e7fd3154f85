package linear

import (
	"math/rand/v2"
	"slices"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// Rounds are random programs for clients that use some counts at once. A program is
// short, and the owner's reference is given up in it. So in a life of a few microseconds
// every reference is dropped while others try to take one.
type rounds struct {
	rng    *rand.Rand
	near   bool // lives can begin near the limit
	narrow bool // no other life has room for all clients
	kinds  []kind
	p      program.Program

	calls  [kinds][]spec.Op
	drops  []spec.Op // those that drop others
	kills  []spec.Op // those that drop the owner's reference
	renews []spec.Op // those that take it again
}

// A kind is what is special about a life, as far as the promise has it.
type kind uint8

const (
	plain kind = iota

	// cached: the count stays where it is at zero, and any client may resurrect it.
	cached

	// renewed: who has killed the count takes it back, or begins another life if it
	// was told of the last drop as well.
	renewed

	kinds
)

const (
	mostObjects = 3  // that live at the same time
	mostSteps   = 30 // of a client, before it drops what it holds
	mostRefs    = 3  // of one call, and drops in a row
)

func newRounds(sp *spec.Spec, clients int, rng *rand.Rand) *rounds {
	p := sp.Promise()
	r := &rounds{rng: rng, near: program.Near(sp, clients), narrow: p.Limit <= int64(clients)}
	r.p.Threads = make([]program.Thread, clients)
	if sp.Has(spec.Resurrect) && p.Resurrection {
		r.kinds = append(r.kinds, cached)
	}
	for _, op := range sp.Ops() {
		weight, in := 4, []kind{plain, cached, renewed} // how often it is called, in which lives
		switch by, m := op.By(), op.Moves(); {
		case by == spec.Nobody, by == spec.TypeStableReleaser && !p.TypeStable, op == spec.Count && p.Count == strategies.None:
			continue
		case op.Unkills():
			r.renews, in = append(r.renews, op), in[2:]
		case by == spec.HolderOrReleaser:
			in = in[1:2]
		case op.Kills():
			r.kills, weight = append(r.kills, op), 1
		case op.TakesNumber() && op.Drops():
			weight = 3
		case by == spec.Owner, op.Power() != "" && m.Sign != 0 && m.If != spec.Unkilled:
			weight = 1
		}
		list := slices.Repeat([]spec.Op{op}, weight)
		if op.Drops() && !op.Kills() {
			r.drops = append(r.drops, list...)
		}
		for _, k := range in {
			r.calls[k] = append(r.calls[k], list...)
		}
	}
	if r.renews != nil {
		r.kinds = append(r.kinds, renewed)
	}
	return r
}

// next returns the next program. It is valid until the next call.
func (r *rounds) next() *program.Program {
	clients := len(r.p.Threads)
	var lives [mostObjects]kind
	var owners [mostObjects]int
	r.p.Objects = r.p.Objects[:0]
	for o := range 1 + r.rng.IntN(mostObjects) {
		if len(r.kinds) > 0 && r.rng.IntN(2) == 0 {
			lives[o] = pick(r.rng, r.kinds)
		}
		owners[o] = r.rng.IntN(clients)
		object := program.Object{Cached: lives[o] == cached}
		if r.narrow || r.near && r.rng.IntN(4) == 0 {
			object.Start, object.K = program.StartNear, uint8(r.rng.IntN(min(2*clients, program.MaxK)+1))
		}
		r.p.Objects = append(r.p.Objects, object)
	}
	share := program.MaxSteps / clients
	for i := range r.p.Threads {
		t := r.p.Threads[i][:0]
		add := func(object int, ops ...spec.Op) {
			call := spec.Call{Op: pick(r.rng, ops)}
			if call.Op.TakesNumber() {
				call.N = 1 + r.rng.Int64N(mostRefs)
			}
			if call.Op.By() != spec.Owner || owners[object] == i {
				t = append(t, program.Step{Call: call, Object: uint8(object)})
			}
		}
		for o := range r.p.Objects {
			if owners[o] != i && r.rng.IntN(2) == 0 {
				add(o, r.drops...) // so that some hold none from the start
			}
		}
		for range r.rng.IntN(min(mostSteps, share/2) + 1) {
			o := r.rng.IntN(len(r.p.Objects))
			add(o, r.calls[lives[o]]...)
		}
		for o := range r.p.Objects {
			drop := func() {
				for range r.rng.IntN(mostRefs + 1) {
					add(o, r.drops...)
				}
			}
			drop()
			for n := 0; lives[o] == renewed && owners[o] == i && n < 2; n++ {
				add(o, spec.Get)
				add(o, r.kills...)
				add(o, r.renews...) // while it holds some
				drop()
				add(o, r.renews...) // or was told
				drop()
			}
			add(o, r.kills...)
		}
		r.p.Threads[i] = t[:min(len(t), share)]
	}
	return &r.p
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

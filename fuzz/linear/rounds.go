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
	rng     *rand.Rand
	clients int
	near    bool // lives can begin near the limit
	narrow  bool // no other life has room for all clients
	kinds   []kind
	p       program.Program

	calls  [kinds][2][]spec.Op // of a client, and of the owner
	drops  []spec.Op           // those that drop others
	kills  []spec.Op           // those that drop the owner's reference
	renews []spec.Op           // those that take it again
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

	// The other steps of a client are at most these, and those that give up what
	// clients own: a program has no more than program.MaxSteps.
	clientSteps = mostObjects * (1 + mostRefs)
	ownerSteps  = mostObjects * (2*(4+2*mostRefs) + 1)
)

func newRounds(sp *spec.Spec, clients int, rng *rand.Rand) *rounds {
	p := sp.Promise()
	r := &rounds{rng: rng, clients: clients, near: program.Near(sp, clients), narrow: p.Limit <= int64(clients)}
	r.p.Threads = make([]program.Thread, clients)
	if sp.Has(spec.Resurrect) && p.Resurrection {
		r.kinds = append(r.kinds, cached)
	}
	for _, op := range sp.Ops() {
		switch by := op.By(); {
		case op.Kills():
			r.kills = append(r.kills, op)
		case by == spec.Nobody, by == spec.TypeStableReleaser && !p.TypeStable, op == spec.Count && p.Count == strategies.None:
			continue
		case op.Unkills():
			r.renews = append(r.renews, op)
		case op.Drops():
			n, _ := plain.weights(op)
			r.drops = append(r.drops, slices.Repeat([]spec.Op{op}, n)...)
		}
		for k := range kinds {
			anybody, owner := k.weights(op)
			r.calls[k][0] = append(r.calls[k][0], slices.Repeat([]spec.Op{op}, anybody)...)
			r.calls[k][1] = append(r.calls[k][1], slices.Repeat([]spec.Op{op}, anybody+owner)...)
		}
	}
	if r.renews != nil {
		r.kinds = append(r.kinds, renewed)
	}
	return r
}

// weights returns how often clients call the operation, and how much more often the
// owner does.
func (k kind) weights(op spec.Op) (anybody, owner int) {
	switch op.By() {
	case spec.Owner:
		if op.Kills() && k == renewed {
			return 0, 3
		}
		return 0, 1
	case spec.Killer, spec.Releaser, spec.TypeStableReleaser:
		if k == renewed {
			return 0, 4
		}
		return 0, 0
	case spec.HolderOrReleaser:
		if k == cached {
			return 4, 0
		}
		return 0, 0
	}
	switch {
	case op.Power() == "", op.Moves().Sign == 0, op.Moves().If == spec.Unkilled:
		return 4, 0
	case op.TakesNumber() && op.Drops():
		return 3, 0
	}
	return 1, 0
}

// next returns the next program. It is valid until the next call.
func (r *rounds) next() *program.Program {
	var lives [mostObjects]kind
	var owners [mostObjects]int
	objects := 1 + r.rng.IntN(mostObjects)
	r.p.Objects = r.p.Objects[:0]
	for o := range objects {
		if len(r.kinds) > 0 && r.rng.IntN(2) == 0 {
			lives[o] = pick(r.rng, r.kinds)
		}
		owners[o] = r.rng.IntN(r.clients)
		object := program.Object{Cached: lives[o] == cached}
		if r.narrow || r.near && r.rng.IntN(4) == 0 {
			object.Start, object.K = program.StartNear, uint8(r.rng.IntN(min(2*r.clients, program.MaxK)+1))
		}
		r.p.Objects = append(r.p.Objects, object)
	}
	most := min(mostSteps, (program.MaxSteps-ownerSteps)/r.clients-clientSteps)
	for i := range r.p.Threads {
		t := r.p.Threads[i][:0]
		for o := range objects {
			if owners[o] != i && r.rng.IntN(2) == 0 {
				t = append(t, r.step(o, r.drops)) // so that some hold none from the start
			}
		}
		for range r.rng.IntN(most + 1) {
			o, owner := r.rng.IntN(objects), 0
			if owners[o] == i {
				owner = 1
			}
			t = append(t, r.step(o, r.calls[lives[o]][owner]))
		}
		for o := range objects {
			if t = r.drop(t, o); owners[o] == i {
				t = r.giveUp(t, o, lives[o])
			}
		}
		r.p.Threads[i] = t
	}
	return &r.p
}

// giveUp adds steps that give up the owner's reference, and perhaps take it again.
func (r *rounds) giveUp(t program.Thread, object int, life kind) program.Thread {
	for n := 1; ; n++ {
		if life != renewed || n == 3 {
			return append(t, r.step(object, r.kills))
		}
		t = append(t, r.step(object, []spec.Op{spec.Get}), r.step(object, r.kills))
		t = append(t, r.step(object, r.renews)) // while it holds some
		t = r.drop(t, object)
		t = append(t, r.step(object, r.renews)) // or was told
		t = r.drop(t, object)
	}
}

// drop adds a few drops.
func (r *rounds) drop(t program.Thread, object int) program.Thread {
	for range r.rng.IntN(mostRefs + 1) {
		t = append(t, r.step(object, r.drops))
	}
	return t
}

// step returns a step with one of the operations.
func (r *rounds) step(object int, ops []spec.Op) program.Step {
	call := spec.Call{Op: pick(r.rng, ops)}
	if call.Op.TakesNumber() {
		call.N = 1 + r.rng.Int64N(mostRefs)
	}
	return program.Step{Call: call, Object: uint8(object)}
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

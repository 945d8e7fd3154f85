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
	may    [spec.CodeCount]bool // by operation: clients may call it
	near   bool                 // lives can begin near the limit
	powers uint8                // the highest power of two near which they can begin; 0: none
	narrow bool                 // no other life has room for all clients
	kinds  []kind
	p      program.Program
}

// A kind is what is special about a life, as far as the promise has it.
type kind uint8

const (
	_ kind = iota // nothing

	// cached: the count stays where it is at zero, and any client may resurrect it.
	cached

	// astray: a client drops more than it holds.
	astray

	// renewed: who has killed the count takes it back, or begins another life if it
	// was told of the last drop as well.
	renewed
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
	if sp.Strays() {
		r.kinds = append(r.kinds, astray)
	}
	r.powers = powers(sp, clients)
	for _, op := range sp.Ops() {
		by := op.By()
		r.may[op] = by != spec.Nobody && (p.TypeStable || by != spec.TypeStableReleaser) && (p.Count != strategies.None || op != spec.Count)
		switch {
		case op == spec.Resurrect && p.Resurrection:
			r.kinds = append(r.kinds, cached)
		case op.Unkills() && r.may[op] && !slices.Contains(r.kinds, renewed):
			r.kinds = append(r.kinds, renewed)
		}
	}
	return r
}

// in reports whether clients call the operation in such lives.
func (k kind) in(op spec.Op) bool {
	return (k == renewed || !op.Unkills()) && (k == cached || op.By() != spec.HolderOrReleaser)
}

// others reports whether the operation drops others than the owner's reference.
func others(op spec.Op) bool { return op.Drops() && !op.Kills() }

// next returns the next program. It is valid until the next call.
func (r *rounds) next() *program.Program {
	clients := len(r.p.Threads)
	var lives [mostObjects]kind
	var owners [mostObjects]int
	r.p.Objects = r.p.Objects[:0]
	for o := range 1 + r.rng.IntN(mostObjects) {
		if len(r.kinds) > 0 && r.rng.IntN(2) == 0 {
			lives[o] = r.kinds[r.rng.IntN(len(r.kinds))]
		}
		owners[o] = r.rng.IntN(clients)
		object := program.Object{Cached: lives[o] == cached}
		if r.narrow || r.near && r.rng.IntN(4) == 0 {
			object.Start, object.K = program.StartNear, uint8(r.rng.IntN(min(2*clients, program.MaxK)+1))
		} else if r.powers > 0 && r.rng.IntN(4) == 0 {
			r.carry(&object)
		}
		r.p.Objects = append(r.p.Objects, object)
	}
	share := program.MaxSteps / clients
	for i := range r.p.Threads {
		t := r.p.Threads[i][:0]
		// add adds one of these operations, as often as the byte form has it.
		add := func(object int, these func(spec.Op) bool) {
			var call spec.Call
			for ok := false; !ok; ok = r.may[call.Op] && these(call.Op) {
				call.Op = spec.OpOfCode(byte(r.rng.Uint32()))
			}
			if call.Op.TakesNumber() {
				call.N = 1 + r.rng.Int64N(mostRefs)
			}
			if call.Op.By() != spec.Owner || owners[object] == i {
				t = append(t, program.Step{Call: call, Object: uint8(object)})
			}
		}
		for o := range r.p.Objects {
			if owners[o] != i && r.rng.IntN(2) == 0 {
				add(o, others) // so that some hold none from the start
			}
		}
		for range r.rng.IntN(min(mostSteps, share/2) + 1) {
			o := r.rng.IntN(len(r.p.Objects))
			add(o, lives[o].in)
		}
		for o := range r.p.Objects {
			drop := func() {
				for range r.rng.IntN(mostRefs + 1) {
					add(o, others)
				}
			}
			drop()
			for n := 0; lives[o] == renewed && owners[o] == i && n < 2; n++ {
				add(o, is(spec.Get))
				add(o, spec.Op.Kills)
				add(o, spec.Op.Unkills) // while it holds some
				drop()
				add(o, spec.Op.Unkills) // or was told
				drop()
			}
			add(o, spec.Op.Kills)
			if lives[o] == astray && i == (owners[o]+1)%clients {
				// It may hold some of them.
				for range 1 + r.rng.IntN(mostRefs) {
					t = append(t, program.Step{Call: spec.Call{Op: spec.Put}, Object: uint8(o), Wild: true})
				}
			}
		}
		r.p.Threads[i] = t[:min(len(t), share)]
	}
	return &r.p
}

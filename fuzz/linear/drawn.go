package linear

import (
	"math/bits"
	"math/rand/v2"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// powers returns the highest power of two near which lives can begin, with room for what so
// many clients take, or 0.
func powers(sp *spec.Spec, clients int) uint8 {
	room := sp.Promise().Limit - int64(program.MaxSteps*mostRefs*clients)
	if !sp.Has(spec.InitAt) || room < 1<<program.FirstPower {
		return 0
	}
	return uint8(min(bits.Len64(uint64(room))-1, program.LastPower))
}

// carry lets the object begin near a power of two, where a number of several parts
// carries from one into the next. Most parts are bytes.
func (r *rounds) carry(o *program.Object) {
	o.Start = program.StartAt
	o.Power = uint8(program.FirstPower + r.rng.IntN(int(r.powers)-program.FirstPower+1))
	if bytes := r.powers / 8; bytes > 0 && r.rng.IntN(2) == 0 {
		o.Power = 8 * (1 + uint8(r.rng.IntN(int(bytes))))
	}
	o.K = uint8(r.rng.IntN(len(r.p.Threads) + 2))
}

// Threads of a drawn program.
const (
	FewestDrawn = 2
	mostDrawn   = 4
)

// Drawn returns a random program of two to four threads on one object, for [Scenario]: so
// short that a search gets far into it. Most threads drop what they hold at first and
// from then on have the object through a weak reference alone.
func Drawn(s *strategies.Strategy, rng *rand.Rand) program.Program {
	clients := FewestDrawn + rng.IntN(mostDrawn-FewestDrawn+1)
	for clients > FewestDrawn && Unsupported(s, clients) != "" {
		clients--
	}
	r := newRounds(spec.Of(s), clients, rng)
	return r.drawn()
}

func (r *rounds) drawn() program.Program {
	life := kind(0)
	if len(r.kinds) > 0 && r.rng.IntN(2) == 0 {
		life = r.kinds[r.rng.IntN(len(r.kinds))]
	}
	object := program.Object{Cached: life == cached}
	switch {
	case r.narrow || r.near && r.rng.IntN(8) == 0:
		object.Start, object.K = program.StartNear, uint8(r.rng.IntN(min(len(r.p.Threads), program.MaxK)+1))
	case r.powers > 0 && r.rng.IntN(4) == 0:
		r.carry(&object)
	}
	owner := r.rng.IntN(len(r.p.Threads))
	for i := range r.p.Threads {
		var t program.Thread
		step := func(op spec.Op) {
			if !r.may[op] || op.By() == spec.Owner && i != owner {
				return
			}
			c := spec.Call{Op: op}
			if op.TakesNumber() {
				c.N = 1 + r.rng.Int64N(mostRefs)
			}
			t = append(t, program.Step{Call: c})
		}
		if i == owner {
			if r.rng.IntN(4) == 0 {
				step(spec.TryGet)
			}
			step(spec.Kill)
		} else if r.rng.IntN(4) > 0 {
			step(spec.Put)
		}
		for range 1 + r.rng.IntN(3) {
			switch n := r.rng.IntN(8); {
			case n < 3:
				step(spec.TryGet)
			case n < 5:
				step(spec.Put)
			default:
				for op, ok := spec.Op(0), false; !ok; {
					op = spec.OpOfCode(byte(r.rng.Uint32()))
					if ok = r.may[op] && life.in(op); ok {
						step(op)
					}
				}
			}
		}
		r.p.Threads[i] = t
	}
	r.p.Objects = []program.Object{object}
	return r.p.Clone()
}

package linear

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// few is to how many references lives count up or down one by one.
const few = 64

// A limit is how lives begin near the limit of a strategy.
type limit struct {
	refs   int64 // the limit
	preset bool  // lives can begin there
	multi  bool  // several are dropped at once

	// past says that the promise says what happens past the limit, and that
	// counts can be used after that.
	past bool

	// tells says that who takes a reference knows whether it has one. A count
	// that refuses tells only the callers of TryGet and TryGetN.
	tells bool
}

func newLimit(sp *spec.Spec) limit {
	p := sp.Promise()
	l := limit{refs: p.Limit, preset: sp.Has(spec.InitAt), multi: sp.Has(spec.PutN), past: true, tells: p.Overflow != strategies.Refuses}
	for _, op := range []spec.Op{spec.Get, spec.TryGet} {
		for _, o := range sp.Step(spec.State{Refs: p.Limit}, spec.Call{Op: op}) {
			// Of a count that has wrapped it may be that no drop is promised.
			if o.Panics || o.Next.Lost || sp.Unpromised(o.Next, spec.Call{Op: spec.Put}) != "" {
				l.past = false
			}
		}
	}
	// A narrow number comes round to 0, where who holds a reference may do what
	// is misuse of a dead count.
	const narrow = 16
	if p.Overflow == strategies.Wraps && p.Width < narrow && p.GetOnZero != strategies.Revives {
		l.past = false
	}
	return l
}

// lives reports whether there can be lives near the limit with so many clients.
func (l limit) lives(clients int) bool {
	return (l.preset || l.refs <= few) && (l.past || l.refs > int64(clients))
}

// start returns with how many references a life near the limit begins, and how many of
// its references a client may hold. Past the limit they come only if that is promised.
func (l limit) start(rng *rand.Rand, clients int64) (refs, most int64) {
	if l.past {
		return max(1, l.refs-rng.Int64N(2*clients+1)), mostHeld
	}
	// All clients together come to the limit.
	most = min(1+rng.Int64N(2), (l.refs-1)/clients)
	return l.refs - clients*most, most
}

// init begins a life with so many references.
func (l limit) init(c strategies.Counter, refs int64) {
	switch {
	case refs == 1:
		c.Init()
	case l.preset:
		c.(strategies.Presetter).InitAt(refs)
	default:
		c.Init()
		for range refs - 1 {
			c.Get()
		}
	}
}

// drop returns the calls that drop what is left of the references that a life began
// with: none if that would take too long.
func (l limit) drop(refs int64) []spec.Call {
	switch {
	case refs == 0:
	case l.multi && refs <= math.MaxInt:
		return []spec.Call{{Op: spec.PutN, N: refs}}
	case refs <= few:
		return slices.Repeat([]spec.Call{{Op: spec.Put}}, int(refs))
	}
	return nil
}

package linear

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// promise returns one for tests.
func promise(change func(*strategies.Promise)) strategies.Promise {
	p := strategies.Promise{
		Limit: 127, Width: 8, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
		Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.Exact, Progress: strategies.LockFree, Bytes: 8,
		Resurrection: true,
	}
	if change != nil {
		change(&p)
	}
	return p
}

// promises are those that random histories are made for.
func promises() map[string]strategies.Promise {
	return map[string]strategies.Promise{
		"exact":    promise(nil),
		"spurious": promise(func(p *strategies.Promise) { p.TryGet = strategies.Spurious }),
		"saturating": promise(func(p *strategies.Promise) {
			p.Width, p.Limit = 0, 3
			p.Overflow, p.Underflow, p.GetOnZero = strategies.Saturates, strategies.Saturates, strategies.Saturates
		}),
		"refusing": promise(func(p *strategies.Promise) {
			p.Width, p.Limit = 0, 3
			p.Overflow, p.Underflow, p.GetOnZero = strategies.Refuses, strategies.Refuses, strategies.Refuses
		}),
		"atlimit": promise(func(p *strategies.Promise) {
			p.Width, p.Limit = 0, 3
			p.Overflow, p.Underflow, p.GetOnZero = strategies.Saturates, strategies.Saturates, strategies.Saturates
			p.TryGetRefuses = strategies.AtLimit
		}),
		"oncekilled":  promise(func(p *strategies.Promise) { p.TryGetRefuses = strategies.OnceKilled }),
		"duringkill":  promise(func(p *strategies.Promise) { p.TryGetRefuses = strategies.DuringKill }),
		"pastlimit":   promise(func(p *strategies.Promise) { p.Width, p.Limit, p.TryGetRefuses = 3, 3, strategies.PastLimit }),
		"afterkill":   promise(func(p *strategies.Promise) { p.Zero = strategies.AfterKill }),
		"approximate": promise(func(p *strategies.Promise) { p.Count = strategies.Approximate }),
	}
}

// sortedPromises yields them in the order of their names, so that a seed gives the
// same histories again.
func sortedPromises() iter.Seq2[string, strategies.Promise] {
	ps := promises()
	return func(yield func(string, strategies.Promise) bool) {
		for _, name := range slices.Sorted(maps.Keys(ps)) {
			if !yield(name, ps[name]) {
				return
			}
		}
	}
}

// allPowers is a counter that has every power but can't count: only its method set
// is used.
type allPowers struct {
	strategies.Counter
	strategies.Multi
	strategies.Reader
	strategies.Resurrecter
	strategies.Dropper
	strategies.OnePutter
	strategies.LockPutter
	strategies.Switcher
}

// specOf returns the specification of a strategy with the promise and all powers.
func specOf(p strategies.Promise) *spec.Spec {
	return spec.Of(&strategies.Strategy{Name: "simulated", Doc: "for tests", Promise: p, New: func() strategies.Counter { return allPowers{} }})
}

// A simulation makes lives of counts that do what the promise says, by stepping
// clients through beginnings, effects and ends in random order.
type simulation struct {
	rng     *rand.Rand
	sp      *spec.Spec
	start   int64 // references that the life begins with; 0 is 1
	clients int
	ops     int
	// guarded clients use the count rightly. Others call anything.
	guarded bool
	// long lives are killed near their end only.
	long bool
	// hurry is how likely it is, in percent, that a client that has begun a
	// call finishes it before another goes on.
	hurry int
}

var simulatedOps = []spec.Op{
	spec.Get, spec.TryGet, spec.Put, spec.Get, spec.TryGet, spec.Put, spec.Kill, spec.Count, spec.GetN, spec.TryGetN, spec.PutN,
	spec.Drop, spec.PutIfOne, spec.PutUnlessOne, spec.PutAndLock, spec.SwitchToAtomic, spec.SwitchToPerCPU,
	spec.Resurrect, spec.TryGetLive, spec.ResurrectLive, spec.Reinit,
}

func (m simulation) life() Life {
	type client struct {
		op     *Op
		did    bool
		held   int64
		owner  bool
		killed bool
	}
	start := max(1, m.start)
	st := m.sp.Start(start)
	cs := make([]client, m.clients)
	cs[0].owner = true
	now := int64(0)
	l := Life{Start: start}
	for begun, i := 0, 0; ; {
		busy := slices.ContainsFunc(cs, func(c client) bool { return c.op != nil })
		if begun >= m.ops && !busy {
			return l
		}
		if cs[i].op == nil || m.rng.IntN(100) >= m.hurry {
			i = m.rng.IntN(m.clients)
		}
		c := &cs[i]
		now += int64(m.rng.IntN(3)) // some events have the same stamp
		switch {
		case c.op == nil && begun < m.ops:
			call := spec.Call{Op: simulatedOps[m.rng.IntN(len(simulatedOps))]}
			if call.Op.TakesNumber() {
				call.N = 1 + int64(m.rng.IntN(3))
			}
			if m.guarded {
				exact := m.sp.Promise().Zero == strategies.Immediate
				holds := c.held > 0 || c.owner
				ok := true
				switch call.Op {
				case spec.Get, spec.GetN:
					ok = holds
				case spec.Put:
					ok = c.held > 0
				case spec.PutN:
					ok = c.held >= call.N
				case spec.Drop:
					ok = c.held > 1
				case spec.PutIfOne, spec.PutUnlessOne, spec.PutAndLock:
					ok = c.held > 0 && exact
				case spec.Kill, spec.SwitchToAtomic, spec.SwitchToPerCPU:
					ok = c.owner
				case spec.ResurrectLive, spec.Reinit:
					// Others may have brought it back before it takes effect.
					ok = c.killed && !m.long
				case spec.Resurrect:
					ok = !m.long
				}
				if call.Op == spec.Kill && m.long {
					ok = ok && begun > m.ops*9/10
				}
				if !ok {
					continue
				}
				switch call.Op {
				case spec.Kill:
					c.owner, c.killed = false, true
				case spec.Put, spec.PutAndLock, spec.Drop:
					c.held--
				case spec.PutN:
					c.held -= call.N
				}
			}
			c.op, c.did = &Op{Client: i, Call: call, Begin: now}, false
			begun++
		case c.op != nil && !c.did:
			os := m.sp.Step(st, c.op.Call)
			if len(os) == 0 || os[0].Panics { // nothing is promised: leave it out
				c.op = nil
				continue
			}
			o := os[m.rng.IntN(len(os))]
			st = o.Next
			c.op.Result, c.op.Value = o.Result && c.op.Call.Op.Reports(), o.Value
			if c.op.Call.Op != spec.Count {
				c.op.Value = 0
			}
			if o.NoNumber {
				c.op.Value = -1
			}
			c.did = true
			switch op := c.op.Call; {
			case op.Op == spec.Get, op.Op == spec.Resurrect, (op.Op == spec.TryGet || op.Op == spec.TryGetLive) && o.Result:
				c.held++
			case op.Op == spec.ResurrectLive, op.Op == spec.Reinit:
				c.owner, c.killed = true, false
			case op.Op == spec.GetN, op.Op == spec.TryGetN && o.Result:
				c.held += op.N
			case (op.Op == spec.PutIfOne || op.Op == spec.PutUnlessOne) && o.Result:
				c.held--
			}
		case c.op != nil:
			c.op.End = now
			l.Ops = append(l.Ops, *c.op)
			c.op = nil
		}
	}
}

// spoil changes an answer.
func spoil(rng *rand.Rand, l *Life) {
	if len(l.Ops) == 0 {
		return
	}
	o := &l.Ops[rng.IntN(len(l.Ops))]
	if o.Call.Op == spec.Count {
		o.Value += int64(1 + rng.IntN(3))
	} else if o.Call.Op.Reports() {
		o.Result = !o.Result
	}
}

// explained is the definition of linearizability and nothing else: it tries every
// order of the calls.
func explained(sp *spec.Spec, states []state, ops []Op) bool {
	if len(ops) == 0 {
		return len(found(states)) > 0
	}
	for i := range ops {
		first := true
		for _, o := range ops {
			first = first && o.End >= ops[i].Begin
		}
		if !first {
			continue
		}
		next := after(sp, states, &ops[i])
		if len(next) > 0 && explained(sp, next, slices.Delete(slices.Clone(ops), i, i+1)) {
			return true
		}
	}
	return false
}

func (l Life) String() string {
	s := fmt.Sprintf("start %d", l.Start)
	for _, o := range l.sorted() {
		s += "\n\t" + describe(o)
	}
	return s
}

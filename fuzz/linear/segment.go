package linear

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/refbench/refbench/strategies/spec"
)

// A Segment is calls between two instants at which none was going on.
type Segment struct {
	spec   *spec.Spec
	Starts []spec.State // the states that are possible before
	Ops    []Op         // in the order in which they began
}

// next returns the states that the promise allows after the call in the state, if
// it was answered like that.
func next(sp *spec.Spec, st spec.State, o *Op) []spec.State {
	outcomes := sp.Step(st, o.Call)
	if len(outcomes) == 0 {
		// Nothing is promised of this call, and so of nothing that
		// follows it.
		return []spec.State{{Lost: true}}
	}
	var out []spec.State
	for _, x := range outcomes {
		switch {
		case x.Panics != o.Panicked:
			continue
		case x.Panics:
		case o.Call.Op.Reports() && x.Result != o.Result:
			continue
		case o.Call.Op != spec.Count || x.AnyValue:
		case x.NoNumber:
			if o.Value >= 0 && o.Value <= sp.Promise().Limit && o.open&anyNumber == 0 {
				continue
			}
		case x.Value != o.Value:
			continue
		}
		out = add(out, x.Next)
	}
	switch {
	case o.Panicked:
	case o.open&mayFail != 0 && !o.Result:
		out = add(out, st)
	case o.open&mayTake != 0 && o.Result:
		// As if the count weren't killed.
		for _, x := range sp.Step(st, spec.Call{Op: spec.TryGet}) {
			if x.Result && !x.Panics {
				out = add(out, x.Next)
			}
		}
	}
	return out
}

// add adds a state to a set.
func add(states []spec.State, st spec.State) []spec.State {
	if slices.Contains(states, st) {
		return states
	}
	return append(states, st)
}

// ending is the input of a call that is searched after all others. It makes known
// what state the order that was found leaves.
type ending struct{}

// model returns the segment as porcupine wants it. If end isn't nil it is called
// with each state that an order of all calls leaves, and says whether to stop
// there.
func (s *Segment) model(end func(spec.State) bool) porcupine.Model {
	values := func(states []spec.State) []any {
		out := make([]any, len(states))
		for i, st := range states {
			out[i] = st
		}
		return out
	}
	m := porcupine.NondeterministicModel{
		Init: func() []any { return values(s.Starts) },
		Step: func(state, input, _ any) []any {
			st := state.(spec.State)
			if o, ok := input.(*Op); ok {
				return values(next(s.spec, st, o))
			}
			if end(st) {
				return []any{state}
			}
			return nil
		},
		Hash:              func(state any) uint64 { return uint64(state.(spec.State).Refs) * 0x9e3779b97f4a7c15 },
		DescribeOperation: func(input, _ any) string { return fmt.Sprint(input) },
		DescribeState:     func(state any) string { return state.(spec.State).String() },
	}
	return m.ToModel()
}

// operations returns the calls as porcupine wants them.
func (s *Segment) operations() []porcupine.Operation {
	out := make([]porcupine.Operation, len(s.Ops), len(s.Ops)+1)
	for i := range s.Ops {
		o := &s.Ops[i]
		out[i] = porcupine.Operation{ClientId: o.Client, Input: o, Call: o.Begin, Return: o.End}
	}
	return out
}

// lastEnd returns when the last call ended.
func (s *Segment) lastEnd() int64 {
	end := s.Ops[0].End
	for _, o := range s.Ops {
		end = max(end, o.End)
	}
	return end
}

// overlap returns how many calls go on at once at most.
func (s *Segment) overlap() int {
	most := 0
	for _, o := range s.Ops {
		n := 0
		for _, x := range s.Ops {
			if x.Begin <= o.Begin && o.Begin <= x.End {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// search looks for an order, and returns the states that are possible after it unless
// nothing comes after.
func (s *Segment) search(ctx context.Context, timeout time.Duration, last bool) (Class, []spec.State) {
	var states []spec.State
	if len(s.Ops) == 1 {
		for _, st := range s.Starts {
			for _, n := range next(s.spec, st, &s.Ops[0]) {
				states = add(states, n)
			}
		}
		return found(states), states
	}
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	if ctx.Err() != nil || timeout <= 0 {
		return Unknown, nil
	}
	// If another order may leave another state, go on to find it: porcupine tries all
	// orders if it is told that this one is no good.
	enough := last || s.sameEnd()
	m := s.model(func(st spec.State) bool {
		states = add(states, st)
		return enough
	})
	t := s.lastEnd() + 1
	ops := append(s.operations(), porcupine.Operation{Input: ending{}, Call: t, Return: t})
	if porcupine.CheckOperationsTimeout(m, ops, timeout) == porcupine.Unknown {
		return Unknown, nil // it may still be at it and change states
	}
	return found(states), states
}

// found is the class of calls after which these states are possible.
func found(states []spec.State) Class {
	if len(states) == 0 {
		return Illegal
	}
	return Linearizable
}

// sameEnd reports whether every order that explains the answers leaves the same
// state: the answers say who took and dropped how much, nothing can have been
// misused, and at most one client changes the mode.
func (s *Segment) sameEnd() bool {
	if len(s.Starts) != 1 {
		return false
	}
	st := s.Starts[0]
	if st.Saturated || st.Lost || st.Refs < 0 {
		return false
	}
	sw := newSweep(s.spec.Promise(), st.Refs, s.Ops)
	if sw == nil || !sw.inRange() {
		return false
	}
	owner := -1
	if st.Killed {
		owner = MaxClients // nobody
	}
	for _, o := range s.Ops {
		if o.Call.Op.By() == spec.Owner {
			if owner >= 0 && owner != o.Client {
				return false
			}
			owner = o.Client
		}
	}
	return true
}

// possible says which states are.
func possible(states []spec.State) string {
	text := make([]string, len(states))
	for i, st := range states {
		text[i] = st.String()
	}
	return strings.Join(text, " or ")
}

// String returns the calls in the order in which they began, one in a line, below the
// states that are possible before.
func (s *Segment) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "before: %s\n", possible(s.Starts))
	first := s.Ops[0].Begin
	for _, o := range s.Ops {
		fmt.Fprintf(&b, "%8d .. %-8d client %-2d %s\n", o.Begin-first, o.End-first, o.Client, o)
	}
	return b.String()
}

// WriteHTML writes porcupine's picture of the segment: the calls, the longest orders
// that the promise allows, and where they end. It searches again, for no longer than
// timeout.
func (s *Segment) WriteHTML(w io.Writer, timeout time.Duration) error {
	m := s.model(nil)
	_, info := porcupine.CheckOperationsVerbose(m, s.operations(), timeout)
	return porcupine.Visualize(m, info, w)
}

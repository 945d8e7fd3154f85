package linear

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// A Segment is calls between two instants at which none was going on.
type Segment struct {
	spec   *spec.Spec
	Starts []spec.State // the states that are possible before
	Ops    []Op         // in the order in which they began
}

// A state is a count's, or of one whose last reference was dropped and whose client
// wasn't told, while the drop that is to blame goes on: see mayLose.
type state struct {
	// State is the count's. Of a lost one Refs is what was taken since.
	spec.State

	lost  bool
	until int64 // a lost one: when the drop ends that made it so
}

// String returns the state in a few words.
func (st state) String() string {
	if st.lost {
		return fmt.Sprintf("dead, nobody told, and %d references taken since", st.Refs)
	}
	return st.State.String()
}

// notLost returns states of counts that aren't lost.
func notLost(states []spec.State) []state {
	out := make([]state, len(states))
	for i, st := range states {
		out[i] = state{State: st}
	}
	return out
}

// found returns those of the states that aren't lost. When no call goes on none is.
func found(states []state) (out []spec.State) {
	for _, st := range states {
		if !st.lost {
			out = add(out, st.State)
		}
	}
	return out
}

// after returns the states that the promise allows after the call in one of these states,
// if it was answered like that.
func after(sp *spec.Spec, states []state, o *Op) (out []state) {
	for _, st := range states {
		if st.lost {
			out = add(out, st.after(o)...)
			continue
		}
		out = add(out, notLost(promised(sp, st.State, o))...)
		if o.open&mayLose != 0 && !o.Result && !o.Panicked && !st.Saturated && !st.Lost && st.Refs == o.Call.Refs() {
			st.Refs, st.Killed = 0, st.Killed || o.Call.Op.Kills()
			if sp.Dead(st.State) {
				out = add(out, state{st.State, true, o.End})
			}
		}
	}
	return out
}

// after returns what a lost count may be after the call. Others still count, and perhaps
// one of them is told, until the other drop marks the count dead.
func (st state) after(o *Op) []state {
	dead := st.State
	dead.Refs = 0
	op, n := o.Call.Op, o.Call.Refs()
	switch {
	case o.Panicked || op.Begins():
		return nil
	case op.Last() && o.Result && st.Refs < n:
		return nil
	case op.Last() && o.Result:
		return notLost([]spec.State{dead})
	}
	next := st
	next.Refs = max(0, st.Refs+o.Call.Moved(o.Result))
	out := []state{next}
	if o.open&mayLose != 0 && o.Begin <= st.until {
		out = append(out, state{State: dead})
	}
	return out
}

// promised returns the states after the call in a state that isn't lost.
func promised(sp *spec.Spec, st spec.State, o *Op) (out []spec.State) {
	if sp.Blocks(st, o.Call) {
		return nil // it has returned, and so took effect at another time
	}
	outcomes := sp.Step(st, o.Call)
	if len(outcomes) == 0 {
		// Nothing is promised of this call, and so of nothing that
		// follows it.
		return []spec.State{{Lost: true}}
	}
	for _, x := range outcomes {
		if o.fits(x, sp.Promise().Limit) {
			out = add(out, x.Next)
		}
	}
	switch {
	case o.Panicked:
	case o.open&mayFail != 0 && !o.Result:
		if sp.Promise().TryGetRefuses == strategies.OnceKilled && o.Call.Op.Moves().If == spec.Alive && !st.Killed {
			st.Closing = true
		}
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

// fits reports whether the answer is that of the outcome.
func (o *Op) fits(x spec.Outcome, limit int64) bool {
	switch {
	case x.Panics || o.Panicked:
		return x.Panics && o.Panicked
	case o.Call.Op.Reports() && x.Result != o.Result:
		return false
	case o.Call.Op != spec.Count || x.AnyValue:
		return true
	case x.NoNumber:
		return o.Value < 0 || o.Value > limit || o.open&anyNumber != 0
	}
	return x.Value == o.Value
}

// add adds states to a set.
func add[S comparable](set []S, states ...S) []S {
	for _, st := range states {
		if !slices.Contains(set, st) {
			set = append(set, st)
		}
	}
	return set
}

// ending is the input of a call that is searched after all others. It makes known
// what states the order that was found leaves.
type ending struct{}

// model returns the segment as porcupine wants it; its states are sets of ours. If end
// isn't nil it is called with those that an order of all calls leaves, and says whether
// to stop there.
func (s *Segment) model(end func([]spec.State) bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return notLost(s.Starts) },
		Step: func(before, input, _ any) (bool, any) {
			states := before.([]state)
			if o, ok := input.(*Op); ok {
				states = after(s.spec, states, o)
				return len(states) > 0, states
			}
			ends := found(states)
			return len(ends) > 0 && end(ends), states
		},
		Equal: func(a, b any) bool {
			x, y := a.([]state), b.([]state)
			return len(x) == len(y) && !slices.ContainsFunc(y, func(st state) bool { return !slices.Contains(x, st) })
		},
		Hash: func(states any) (sum uint64) {
			for _, st := range states.([]state) {
				sum ^= uint64(st.Refs) * 0x9e3779b97f4a7c15
			}
			return sum
		},
		DescribeOperation: func(input, _ any) string { return fmt.Sprint(input) },
		DescribeState:     func(states any) string { return possible(states.([]state)) },
	}
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
	return slices.MaxFunc(s.Ops, func(a, b Op) int { return cmp.Compare(a.End, b.End) }).End
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
		states = found(after(s.spec, notLost(s.Starts), &s.Ops[0]))
	} else {
		if deadline, ok := ctx.Deadline(); ok {
			timeout = min(timeout, time.Until(deadline))
		}
		if ctx.Err() != nil || timeout <= 0 {
			return Unknown, nil
		}
		// If another order may leave another state, go on to find it: porcupine tries
		// all orders if it is told that this one is no good.
		enough := last || s.sameEnd()
		m := s.model(func(these []spec.State) bool {
			states = add(states, these...)
			return enough
		})
		t := s.lastEnd() + 1
		ops := append(s.operations(), porcupine.Operation{Input: ending{}, Call: t, Return: t})
		if porcupine.CheckOperationsTimeout(m, ops, timeout) == porcupine.Unknown {
			return Unknown, nil // it may still be at it and change states
		}
	}
	if len(states) == 0 {
		return Illegal, nil
	}
	return Linearizable, states
}

// sameEnd reports whether every order that explains the answers leaves the same
// state: the answers say who took and dropped how much, nothing can have been
// misused, and at most one client changes the mode.
func (s *Segment) sameEnd() bool {
	st := s.Starts[0]
	if len(s.Starts) > 1 || st.Saturated || st.Lost || st.Refs < 0 || s.sweep() == nil {
		return false
	}
	owners := make(map[int]bool)
	if st.Killed {
		owners[MaxClients] = true // nobody
	}
	for _, o := range s.Ops {
		if o.Call.Op.By() == spec.Owner {
			owners[o.Client] = true
		}
	}
	return len(owners) <= 1
}

// possible says which states are.
func possible[S fmt.Stringer](states []S) string {
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

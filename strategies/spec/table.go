package spec

import (
	"slices"

	"github.com/refbench/refbench/strategies"
)

// A Row is one cell of the table of a strategy: what a call does in a state.
type Row struct {
	State State
	Path  []Call // calls that bring a new count to the state
	Call  Call

	// Outcomes is what the call may do, or empty with the reason in
	// Unpromised.
	Outcomes   []Outcome
	Unpromised string
}

// Table returns what every call of [Spec.Calls] does in every state of
// [Spec.States], state by state.
func (sp *Spec) Table() []Row {
	paths := sp.reach()
	var rows []Row
	for _, st := range sp.states(paths) {
		for _, c := range sp.Calls() {
			rows = append(rows, Row{st, paths[st], c, sp.Step(st, c), sp.Unpromised(st, c)})
		}
	}
	return rows
}

// Calls returns one call of every operation that the counter has, and for those
// that take a number of references, calls with several numbers. InitAt starts at
// the limit.
func (sp *Spec) Calls() []Call {
	var calls []Call
	for _, op := range sp.ops {
		switch {
		case op == InitAt:
			calls = append(calls, Call{op, sp.p.Limit})
		case op.TakesNumber():
			calls = append(calls, Call{op, 1}, Call{op, 2}, Call{op, 4})
		default:
			calls = append(calls, Call{Op: op})
		}
	}
	return calls
}

// States returns the boundaries that a count of the strategy can be brought to in
// a few calls: below zero, dead, 1, 2, the limit, one less and one more, and
// saturated; of a count that detects zero after Kill, each of them while it
// doesn't, after SwitchToAtomic, and after Kill; of others 0 and 1 after Kill as
// well, since the next life must forget it. No two are the same.
func (sp *Spec) States() []State { return sp.states(sp.reach()) }

func (sp *Spec) states(paths map[State][]Call) []State {
	below, past := sp.moved(State{}, -1), sp.moved(State{Refs: sp.p.Limit}, 1)
	numbers := []int64{below.Refs, 0, 1, 2, sp.p.Limit - 1, sp.p.Limit, past.Refs} // 0 if Lost
	var states []State
	for _, st := range sp.modes() {
		few := st.Killed && !sp.modal()
		for _, n := range numbers {
			st.Refs = n
			if paths[st] != nil && !slices.Contains(states, st) && !(few && n != 0 && n != 1) {
				states = append(states, st)
			}
		}
		st.Refs, st.Saturated = 0, true
		if paths[st] != nil && !few {
			states = append(states, st)
		}
	}
	return states
}

// modes returns the modes that a count can be in, as states without references.
func (sp *Spec) modes() []State {
	if sp.p.Zero == strategies.AfterKill && sp.has[SwitchToAtomic] {
		return []State{{}, {Atomic: true}, {Killed: true}}
	}
	return []State{{}, {Killed: true}}
}

// Path returns the calls that bring a new count to one of the states of
// [Spec.States], or nil for other states.
func (sp *Spec) Path(st State) []Call { return sp.reach()[st] }

// deepest is how many calls the boundaries are away from a new count: the farthest
// is past the limit after Kill, by InitAt(limit), Kill, Get, Get.
const deepest = 4

// reach returns the shortest calls that bring a new count to each state that
// so few calls reach.
func (sp *Spec) reach() map[State][]Call {
	paths := make(map[State][]Call)
	var queue []State
	add := func(st State, path ...Call) {
		if paths[st] == nil && !st.Lost {
			paths[st] = path
			queue = append(queue, st)
		}
	}
	add(sp.Start(1), Call{Op: Init})
	for _, n := range []int64{2, sp.p.Limit - 1, sp.p.Limit} {
		if sp.has[InitAt] && n >= 1 && n <= sp.p.Limit {
			add(sp.Start(n), Call{InitAt, n})
		}
	}
	for i := 0; i < len(queue) && len(paths[queue[i]]) < deepest; i++ {
		st := queue[i]
		for _, op := range []Op{Get, Put, Kill, SwitchToAtomic} {
			for _, o := range sp.Step(st, Call{Op: op}) {
				add(o.Next, append(slices.Clone(paths[st]), Call{Op: op})...)
			}
		}
	}
	return paths
}

package spec

import (
	"fmt"
	"slices"
	"strings"
)

// A Runner makes calls on a new count of a strategy, one after the other, and
// checks each of them. One goroutine uses it.
type Runner struct {
	sp   *Spec
	x    *Subject
	st   State
	born bool
	done []Call

	// Deaf makes the runner ignore what the count's monitor is told.
	Deaf bool
}

// NewRunner returns a runner with a count that is not initialized yet: the first
// call is Init or InitAt.
func (sp *Spec) NewRunner() *Runner {
	return &Runner{sp: sp, x: New(sp.s)}
}

// State returns what the count holds. Before the first call it is a dead count's.
func (r *Runner) State() State {
	if !r.born {
		// Killed, so that it is dead for every strategy.
		return State{Killed: true}
	}
	return r.st
}

// Done returns the calls that were made.
func (r *Runner) Done() []Call { return r.done }

// Unpromised is [Spec.Unpromised] in the present state.
func (r *Runner) Unpromised(call Call) string {
	if !r.born && call.Op != Init && call.Op != InitAt {
		return "the count is not initialized"
	}
	return r.sp.Unpromised(r.State(), call)
}

// Do makes a call that is promised and checks it, and then reads the count if it
// can be read. The error says what is wrong in which state, and after which calls.
func (r *Runner) Do(call Call) (Answer, error) {
	a, err := r.one(call)
	count := Call{Op: Count}
	if err == nil && call != count {
		r.done = append(r.done, call)
		if r.Unpromised(count) == "" {
			_, err = r.one(count)
		}
	}
	if err != nil {
		return a, fmt.Errorf("%w, after %s", err, joinCalls(r.done))
	}
	return a, nil
}

func (r *Runner) one(call Call) (Answer, error) {
	if why := r.Unpromised(call); why != "" {
		return Answer{}, fmt.Errorf("%s in state %q: %s is not promised: %s", r.sp.name, r.State(), call, why)
	}
	a := r.x.Do(call)
	if r.Deaf {
		a.Heard = false
	}
	var err error
	if r.st, err = r.sp.Check(r.State(), call, a); err == nil {
		r.born = true
	}
	return a, err
}

// shown is how many calls before a failure are printed.
const shown = 40

// joinCalls returns the last of the calls in a sentence.
func joinCalls(calls []Call) string {
	if len(calls) == 0 {
		return "no other call"
	}
	var b strings.Builder
	cut := max(0, len(calls)-shown)
	if cut > 0 {
		fmt.Fprintf(&b, "%d calls and then ", cut)
	}
	for i, c := range calls[cut:] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.String())
	}
	return b.String()
}

// TryRow brings a new count to the row's state and makes its call, and then the
// calls of [Afterwards] as far as they are promised. deaf is [Runner.Deaf]. It
// returns the first thing that is otherwise than promised, or nil.
func (sp *Spec) TryRow(row Row, deaf bool) error {
	r := sp.NewRunner()
	r.Deaf = deaf
	for _, c := range slices.Concat(row.Path, []Call{row.Call}) {
		if _, err := r.Do(c); err != nil {
			return err
		}
	}
	for _, c := range Afterwards() {
		if r.Unpromised(c) == "" {
			if _, err := r.Do(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// Afterwards returns calls that show what a count really holds, whether or not it
// can be read: up, down past where it was, and up again.
func Afterwards() []Call {
	var calls []Call
	for _, up := range []bool{true, false, false, true} {
		for range 4 {
			if up {
				calls = append(calls, Call{Op: TryGet}, Call{Op: Get})
			} else {
				calls = append(calls, Call{Op: Put}, Call{Op: Put})
			}
		}
	}
	return calls
}

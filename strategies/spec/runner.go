package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/refbench/refbench/strategies"
)

// A Runner makes calls on a count of a strategy, one after the other, and checks each
// of them. One goroutine uses it.
type Runner struct {
	sp   *Spec
	x    *Subject
	st   State
	born bool
	done []Call
	said []said

	// Deaf makes the runner ignore what the count's monitor is told.
	Deaf bool
	// Checks is how many answers were checked.
	Checks int
}

// said is a call and what it did.
type said struct {
	call   Call
	answer Answer
}

// NewRunner returns a runner with a count that is not initialized yet: the first
// call is Init or InitAt.
func (sp *Spec) NewRunner() *Runner {
	// Killed, so that it is dead for every strategy.
	return &Runner{sp: sp, x: New(sp.s), st: State{Killed: true}}
}

// Resume returns a runner with a count that others have brought to the state. Nobody
// listens to its monitor.
func (sp *Spec) Resume(c strategies.Counter, st State) *Runner {
	return &Runner{sp: sp, x: &Subject{Counter: c, witness: NewWitness(alone)}, st: st, born: true}
}

// State returns what the count holds. Before the first call it is a dead count's.
func (r *Runner) State() State { return r.st }

// Done returns the calls that were made.
func (r *Runner) Done() []Call { return r.done }

// Unpromised is [Spec.Unpromised] in the present state.
func (r *Runner) Unpromised(call Call) string {
	if !r.born && call.Op != Init && call.Op != InitAt {
		return "the count is not initialized"
	}
	return r.sp.Unpromised(r.st, call)
}

// Do makes a call that is promised and checks it, and then reads the count if it
// can be read. The error says what is wrong in which state, after which calls, and
// which field of the promise the code contradicts, if it is known.
func (r *Runner) Do(call Call) (Answer, error) {
	if why := r.Unpromised(call); why != "" {
		return Answer{}, fmt.Errorf("%s in state %q: %s is not promised: %s, after %s", r.sp.Name(), r.st, call, why, joinCalls(r.done))
	}
	a, err := r.one(call)
	count := Call{Op: Count}
	if err == nil && call != count {
		r.done = append(r.done, call)
		if r.Unpromised(count) == "" {
			_, err = r.one(count)
		}
	}
	if err != nil {
		return a, fmt.Errorf("%w, after %s%s", err, joinCalls(r.done), r.sp.blame(r.said))
	}
	return a, nil
}

func (r *Runner) one(call Call) (Answer, error) {
	a := r.x.Do(call)
	a.Misuse = slices.Clone(a.Misuse)
	if r.Deaf {
		a.Heard = false
	}
	r.said = append(r.said, said{call, a})
	r.Checks++
	var err error
	if r.st, err = r.sp.Check(r.st, call, a); err == nil {
		r.born = true
	}
	return a, err
}

// Bare makes a call of which nothing is asked. After it, nothing is known of the count.
func (r *Runner) Bare(call Call) Answer { return r.x.Do(call) }

// Try makes those of the calls that are promised, and checks them.
func (r *Runner) Try(calls ...Call) error {
	for _, c := range calls {
		if r.Unpromised(c) != "" {
			continue
		}
		if _, err := r.Do(c); err != nil {
			return err
		}
	}
	return nil
}

// Finish drops the references that are left, if they are few, to see that the last drop
// says so.
func (r *Runner) Finish() error {
	const few = 256
	if st := r.st; !r.born || st.Saturated || st.Lost || st.Refs < 0 || st.Refs > few {
		return nil
	}
	for r.sp.Waits() && r.st.Refs > 1 && !r.st.Killed {
		if _, err := r.Do(Call{Op: Put}); err != nil {
			return err
		}
	}
	if r.st.Refs > 0 && !r.st.Killed {
		if err := r.Try(Call{Op: Kill}); err != nil {
			return err
		}
	}
	for r.st.Refs > 0 {
		if _, err := r.Do(Call{Op: Put}); err != nil {
			return err
		}
	}
	return r.Try(Call{Op: TryGet}, Call{Op: TryGet})
}

// shown is how many calls before a failure are printed.
const shown = 40

// joinCalls returns the last of the calls in a sentence.
func joinCalls(calls []Call) string {
	if len(calls) == 0 {
		return "no other call"
	}
	cut := max(0, len(calls)-shown)
	text := strings.ReplaceAll(strings.Trim(fmt.Sprint(calls[cut:]), "[]"), " ", ", ")
	if cut > 0 {
		return fmt.Sprintf("%d calls and then %s", cut, text)
	}
	return text
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
	return r.Try(Afterwards()...)
}

// Afterwards returns calls that show what a count really holds, whether or not it
// can be read: up, down past where it was, and up again.
func Afterwards() []Call {
	up := slices.Repeat([]Call{{Op: TryGet}, {Op: Get}}, 4)
	return slices.Concat(up, slices.Repeat([]Call{{Op: Put}}, 2*len(up)), up)
}

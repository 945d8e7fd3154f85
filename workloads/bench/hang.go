package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

// A HangError is a cell of which a call doesn't return.
type HangError struct {
	Cell   Cell
	Actor  string        // who makes the call: "worker 0", a role's name, "New", "Close"
	After  time.Duration // since the call was seen, in wall time
	Stacks []byte        // of all goroutines, cut where there are many
}

func (e *HangError) Error() string {
	return fmt.Sprintf("%s: hang: a call of %s hasn't returned after %v", e.Cell, e.Actor, e.After.Round(time.Millisecond))
}

// calls are who is in a call: the workers, the roles, and what makes and closes the
// instance.
type calls struct {
	workers []call

	mu    sync.Mutex
	main  call
	in    string // what main calls
	roles []*call
	names []string // of the roles
}

// A call is one actor's: its state is odd while the actor is in a call, and grows with
// each.
type call struct {
	_     [pin.LineBytes]byte
	state atomic.Uint64
	_     [pin.LineBytes]byte
}

func (c *call) enter() { c.state.Add(1) }
func (c *call) leave() { c.state.Add(1) }

// end says that the actor makes no call any more: it may have left one by a panic.
func (c *call) end() { c.state.Store(0) }

func newCalls(workers int) *calls { return &calls{workers: make([]call, workers)} }

// add adds a role.
func (cs *calls) add(role string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.roles, cs.names = append(cs.roles, new(call)), append(cs.names, role)
}

func (cs *calls) role(i int) *call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.roles[i]
}

// states returns the states of all actors, always in the same order: roles that are
// added come last.
func (cs *calls) states() (states []uint64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	states = append(states, cs.main.state.Load())
	for i := range cs.workers {
		states = append(states, cs.workers[i].state.Load())
	}
	for _, r := range cs.roles {
		states = append(states, r.state.Load())
	}
	return states
}

// name returns the name of an actor by its place in states.
func (cs *calls) name(i int) string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	switch n := len(cs.workers); {
	case i == 0:
		return cs.in
	case i <= n:
		return workloads.WorkerName(i - 1)
	default:
		return cs.names[i-1-n]
	}
}

// call calls f, which is a part of the cell that is neither a worker's nor a role's, and
// turns a panic into an error.
func (b *barrier) call(c Cell, actor string, f func() error) error {
	b.calls.mu.Lock()
	b.calls.in = actor
	b.calls.mu.Unlock()
	b.calls.main.enter()
	defer b.calls.main.leave()
	return guarded(c, actor, f)
}

// looksBeforeHang is how often calls are looked at within the time after which one counts
// as hanging.
const looksBeforeHang = 16

// mostStacks bounds the stacks of a hang: they are for reading.
const mostStacks = 1 << 20 // bytes

// A watch looks from time to time whether calls return.
type watch struct {
	calls *calls
	limit time.Duration // on the clock
	clock clock

	states []uint64        // at the last look
	since  []time.Duration // on the clock, of the look at which each state was new
	begun  []time.Time     // the same in wall time
}

// A clock tells the time that a call has had.
type clock interface{ Now() time.Duration }

// look returns which call doesn't return and for how long it has been seen, "" if there
// is none.
func (w *watch) look() (actor string, after time.Duration) {
	now, wall := w.clock.Now(), time.Now()
	for i, state := range w.calls.states() {
		if i == len(w.states) {
			w.states, w.since, w.begun = append(w.states, state), append(w.since, now), append(w.begun, wall)
		}
		if state != w.states[i] || state%2 == 0 {
			w.states[i], w.since[i], w.begun[i] = state, now, wall
			continue
		}
		if now-w.since[i] >= w.limit {
			return w.calls.name(i), wall.Sub(w.begun[i])
		}
	}
	return "", 0
}

// turn is how much longer a call may take for each worker more on the same CPU: a few of
// the time slices that the system gives to the others meanwhile.
const turn = 20 * time.Millisecond

// hangLimit returns how long a call of the cell may take.
func hangLimit(m *Machine, c Cell, l Length) time.Duration {
	return l.timeout() + turn*time.Duration(m.crowding(c.CPUs))
}

// supervise runs f on a goroutine of its own and gives up on it when a call doesn't
// return. When ctx ends, it stops the sample and waits for it.
func supervise[R any](ctx context.Context, m *Machine, c Cell, l Length, f func(*barrier) (R, error)) (R, error) {
	type outcome struct {
		result R
		err    error
	}
	var zero R
	b := newBarrier(c, m.CPUs.Max())
	done := make(chan outcome, 1)
	go func() {
		r, err := f(b)
		done <- outcome{r, err}
	}()
	limit := hangLimit(m, c, l)
	w := watch{calls: b.calls, limit: limit}
	every := max(limit/looksBeforeHang, time.Millisecond)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	cancelled := ctx.Done()
	for {
		select {
		case o := <-done:
			if ctx.Err() != nil {
				return zero, ctx.Err()
			}
			return o.result, o.err
		case <-cancelled:
			cancelled = nil
			b.abort(ctx.Err())
		case <-ticker.C:
			if w.clock == nil { // Most samples are over before: it takes a look at each thread.
				w.clock = cpu.NewShareClock(m.CPUs.Max(), every)
			}
			if actor, after := w.look(); actor != "" {
				err := &HangError{Cell: c, Actor: actor, After: after, Stacks: stacks()}
				b.abort(err) // Those that can end do.
				return zero, err
			}
		}
	}
}

func stacks() []byte {
	buf := make([]byte, mostStacks)
	return buf[:runtime.Stack(buf, true)]
}

package linear

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// A Judge judges histories of one strategy.
type Judge struct {
	// Spec is what the counts should do.
	Spec *spec.Spec

	// Timeout is how long the search may take for the calls between two
	// cuts; 0 means 2 seconds.
	Timeout time.Duration

	without part // for tests
}

// A part is a step of judging that tests turn off.
type part uint8

const (
	intervals part = 1 << iota
	cuts
	search
)

// A Result is what a judge found.
type Result struct {
	Verdict Verdict

	// Reason says what can't be explained, or why it isn't known.
	Reason string

	// Found is the step that found it: "intervals" or "search"; or "patience" if
	// it is a call that didn't return.
	Found string

	// Life is the index of the life that is illegal or unknown, -1 if there
	// is none, and Stretch are the calls of it between two cuts that
	// can't be explained.
	Life    int
	Stretch *Stretch

	Judged    int // calls of lives that were found linearizable or illegal
	Unknown   int // calls of lives that weren't decided
	Unjudged  int // approximate reads that were left out
	Met       int // calls that went on at the same time as another of the same life
	Stretches int // how often porcupine searched
}

// A Stretch is calls between two instants at which none was going on.
type Stretch struct {
	spec   *spec.Spec
	Starts []spec.State // the states that are possible before
	Ops    []Op         // in the order in which they began
}

// Check judges the history. If ctx ends, what isn't judged yet is Unknown. A
// history that can't have been recorded is an error.
func (j *Judge) Check(ctx context.Context, h *History) (Result, error) {
	for i, l := range h.Lives {
		if err := l.check(); err != nil {
			return Result{}, fmt.Errorf("life %d: %w", i, err)
		}
	}
	results := make([]Result, len(h.Lives))
	var next atomic.Int64
	var illegal atomic.Bool
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(h.Lives)) {
		wg.Go(func() {
			// Lives are begun in order, so all before the first illegal
			// one are judged, and which one is reported doesn't depend on
			// who is faster.
			for !illegal.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(h.Lives) {
					return
				}
				results[i] = j.life(ctx, h.Lives[i])
				if results[i].Verdict == Illegal {
					illegal.Store(true)
				}
			}
		})
	}
	wg.Wait()
	total := Result{Verdict: Linearizable, Life: -1}
	for i, r := range results {
		worse := r.Verdict == Illegal && total.Verdict != Illegal || r.Verdict == Unknown && total.Verdict == Linearizable
		if worse {
			total.Verdict, total.Reason, total.Found, total.Life, total.Stretch = r.Verdict, r.Reason, r.Found, i, r.Stretch
		}
		total.Judged += r.Judged
		total.Unknown += r.Unknown
		total.Unjudged += r.Unjudged
		total.Met += r.Met
		total.Stretches += r.Stretches
	}
	return total, nil
}

// stretchLength is how many calls are searched at least between two cuts. Fewer
// would cost more than they save.
const stretchLength = 128

// life judges one life.
func (j *Judge) life(ctx context.Context, l Life) (r Result) {
	r.Verdict = Linearizable
	ops := l.sorted()
	met := met(ops)
	if j.Spec.Promise().Count == strategies.Approximate {
		n := len(ops)
		ops = withoutBusyReads(ops)
		r.Unjudged = n - len(ops)
	}
	leaveOpen(ops, j.Spec.Promise())
	defer func() {
		r.Met = met
		if r.Verdict == Unknown {
			r.Unknown = len(ops)
		} else {
			r.Judged = len(ops)
		}
	}()
	if j.without&intervals == 0 {
		if s := newSweep(l.Start, ops); s != nil && s.inRange(j.Spec.Promise()) {
			if why := s.wrong(j.Spec); why != "" {
				r.Verdict, r.Found, r.Reason = Illegal, "intervals", why
				r.Stretch = &Stretch{j.Spec, []spec.State{j.Spec.Start(l.Start)}, ops}
				// The search is for a picture of the part that matters.
				if x := j.searched(ctx, l.Start, ops); j.without&search == 0 && x.Verdict == Illegal {
					r.Stretch = x.Stretch
				}
				return r
			}
		}
	}
	if j.without&search == 0 {
		x := j.searched(ctx, l.Start, ops)
		x.Unjudged = r.Unjudged
		r = x
	}
	return r
}

// searched judges a life by the search alone.
func (j *Judge) searched(ctx context.Context, start int64, ops []Op) (r Result) {
	length := stretchLength
	if j.without&cuts != 0 {
		length = math.MaxInt
	}
	states := []spec.State{j.Spec.Start(start)}
	r = j.search(ctx, states, ops, length)
	if s := r.Stretch; r.Verdict == Illegal && j.without&cuts == 0 {
		// Now that it is known where, cut wherever that is possible: people
		// look at fewer calls.
		if x := j.search(ctx, s.Starts, s.Ops, 1); x.Verdict == Illegal {
			x.Stretches = r.Stretches
			return x
		}
	}
	return r
}

// search searches stretches of at least so many calls one after the other.
func (j *Judge) search(ctx context.Context, states []spec.State, ops []Op, length int) (r Result) {
	r.Verdict = Linearizable
	for len(ops) > 0 {
		n := cut(ops, length)
		s := &Stretch{j.Spec, states, ops[:n]}
		ops = ops[n:]
		if n == 1 {
			states = s.step()
			if len(states) == 0 {
				r.Verdict, r.Found, r.Stretch = Illegal, "search", s
				r.Reason = fmt.Sprintf("%s: not what is promised in state %q", describe(s.Ops[0]), possible(s.Starts))
				return r
			}
			continue
		}
		r.Stretches++
		r.Verdict, states = s.search(ctx, j.timeout(), len(ops) == 0)
		switch r.Verdict {
		case Illegal:
			r.Found, r.Stretch = "search", s
			r.Reason = fmt.Sprintf("no order of the %d calls at %d..%d explains the answers", n, s.Ops[0].Begin, s.lastEnd())
			return r
		case Unknown:
			r.Found, r.Stretch = "search", s
			r.Reason = fmt.Sprintf("no order was found in %v for %d calls, up to %d of them at once", j.timeout(), n, s.overlap())
			if ctx.Err() != nil {
				r.Reason = "ended early: " + context.Cause(ctx).Error()
			}
			return r
		}
	}
	return r
}

func (j *Judge) timeout() time.Duration {
	if j.Timeout > 0 {
		return j.Timeout
	}
	return 2 * time.Second
}

// met returns how many of the sorted calls go on at the same time as another.
func met(ops []Op) int {
	n := 0
	busy := -1 // the call that ends last of those before
	for i, o := range ops {
		if busy >= 0 && o.Begin <= ops[busy].End || i+1 < len(ops) && ops[i+1].Begin <= o.End {
			n++
		}
		if busy < 0 || o.End > ops[busy].End {
			busy = i
		}
	}
	return n
}

// cut returns how many of the sorted calls to search at once: up to where none is
// going on, and at least length unless the first is alone.
func cut(ops []Op, length int) int {
	end := ops[0].End
	for i, o := range ops {
		if o.Begin > end && (i == 1 && length < math.MaxInt || i >= length) {
			return i
		}
		end = max(end, o.End)
	}
	return len(ops)
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
	add := func(st spec.State) {
		if !slices.Contains(out, st) {
			out = append(out, st)
		}
	}
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
		add(x.Next)
	}
	if o.Panicked {
		return out
	}
	if o.open&mayFail != 0 && !o.Result {
		add(st)
	}
	if o.open&mayTake != 0 && o.Result && st.Killed {
		for _, x := range sp.Step(st, spec.Call{Op: spec.TryGet}) {
			if x.Result && !x.Panics {
				add(x.Next)
			}
		}
	}
	return out
}

// step returns the states that are possible after the only call.
func (s *Stretch) step() []spec.State {
	var out []spec.State
	for _, st := range s.Starts {
		for _, n := range next(s.spec, st, &s.Ops[0]) {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// ending is the input of a call that is searched after all others. It makes known
// what state the order that was found leaves.
type ending struct{}

// model returns the stretch as porcupine wants it. If end isn't nil it is called
// with each state that an order of all calls leaves, and says whether to stop
// there.
func (s *Stretch) model(end func(spec.State) bool) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any {
			var states []any
			for _, st := range s.Starts {
				states = append(states, st)
			}
			return states
		},
		Step: func(state, input, _ any) []any {
			st := state.(spec.State)
			o, ok := input.(*Op)
			if !ok {
				if end(st) {
					return []any{state}
				}
				return nil
			}
			ns := next(s.spec, st, o)
			out := make([]any, len(ns))
			for i, n := range ns {
				out[i] = n
			}
			return out
		},
		Hash: func(state any) uint64 { return uint64(state.(spec.State).Refs) * 0x9e3779b97f4a7c15 },
		DescribeOperation: func(input, _ any) string {
			if o, ok := input.(*Op); ok {
				return o.String()
			}
			return "end"
		},
		DescribeState: func(state any) string { return state.(spec.State).String() },
	}
	return m.ToModel()
}

// operations returns the calls as porcupine wants them.
func (s *Stretch) operations() []porcupine.Operation {
	out := make([]porcupine.Operation, len(s.Ops), len(s.Ops)+1)
	for i := range s.Ops {
		o := &s.Ops[i]
		out[i] = porcupine.Operation{ClientId: o.Client, Input: o, Call: o.Begin, Return: o.End}
	}
	return out
}

// lastEnd returns when the last call ended.
func (s *Stretch) lastEnd() int64 {
	end := s.Ops[0].End
	for _, o := range s.Ops {
		end = max(end, o.End)
	}
	return end
}

// overlap returns how many calls go on at once at most.
func (s *Stretch) overlap() int {
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

// search asks porcupine for an order, and returns the states that are possible after
// it unless nothing comes after.
func (s *Stretch) search(ctx context.Context, timeout time.Duration, last bool) (Verdict, []spec.State) {
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	if ctx.Err() != nil || timeout <= 0 {
		return Unknown, nil
	}
	ops := s.operations()
	if last {
		return verdict(porcupine.CheckOperationsTimeout(s.model(nil), ops, timeout)), nil
	}
	var states []spec.State
	same := s.sameEnd()
	m := s.model(func(st spec.State) bool {
		if !slices.Contains(states, st) {
			states = append(states, st)
		}
		// If another order may leave another state, go on to find it:
		// porcupine tries all orders if it is told that this one is no good.
		return same
	})
	t := s.lastEnd() + 1
	ops = append(ops, porcupine.Operation{Input: ending{}, Call: t, Return: t})
	v := verdict(porcupine.CheckOperationsTimeout(m, ops, timeout))
	switch {
	case v == Unknown: // porcupine may still be at it and change states
		return Unknown, nil
	case len(states) == 0:
		return Illegal, nil
	}
	return Linearizable, states
}

// sameEnd reports whether every order that explains the answers leaves the same
// state: the answers say who took and dropped how much, nothing can have been
// misused, and at most one client changes the mode.
func (s *Stretch) sameEnd() bool {
	if len(s.Starts) != 1 {
		return false
	}
	st := s.Starts[0]
	if st.Saturated || st.Lost || st.Refs < 0 {
		return false
	}
	sw := newSweep(st.Refs, s.Ops)
	if sw == nil || !sw.inRange(s.spec.Promise()) {
		return false
	}
	modes := -1
	if st.Killed {
		modes = MaxClients // nobody may
	}
	for _, o := range s.Ops {
		switch o.Call.Op {
		case spec.Kill, spec.KillAndConfirm, spec.SwitchToAtomic, spec.SwitchToPerCPU:
			if modes >= 0 && modes != o.Client {
				return false
			}
			modes = o.Client
		}
	}
	return true
}

func verdict(r porcupine.CheckResult) Verdict {
	switch r {
	case porcupine.Ok:
		return Linearizable
	case porcupine.Illegal:
		return Illegal
	}
	return Unknown
}

// possible says which states are.
func possible(states []spec.State) string {
	text := ""
	for i, st := range states {
		if i > 0 {
			text += " or "
		}
		text += st.String()
	}
	return text
}

// String returns the calls in the order in which they began, one in a line, below the
// states that are possible before.
func (s *Stretch) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "before: %s\n", possible(s.Starts))
	first := s.Ops[0].Begin
	for _, o := range s.Ops {
		fmt.Fprintf(&b, "%8d .. %-8d client %-2d %s\n", o.Begin-first, o.End-first, o.Client, o)
	}
	return b.String()
}

// WriteHTML writes porcupine's picture of the stretch: the calls, the longest orders
// that the promise allows, and where they end. It searches again, for no longer than
// timeout.
func (s *Stretch) WriteHTML(w io.Writer, timeout time.Duration) error {
	m := s.model(nil)
	_, info := porcupine.CheckOperationsVerbose(m, s.operations(), timeout)
	return porcupine.Visualize(m, info, w)
}

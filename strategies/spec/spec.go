// Package spec is the executable specification of reference counts. From what a
// strategy promises of itself, and from nothing else, it derives what each
// operation does in each state: the next state, what is returned, and of what
// misuse the monitor is told.
//
// It speaks of one operation after the other on one count. What happens when
// operations overlap follows from it where each takes effect at one instant
// between its call and its return; package strategies and each strategy's doc say
// where that doesn't hold.
//
// A [State] is a number of references and what mode the count is in. [Spec.Step]
// gives the outcomes of a call in a state. There may be several, as of a TryGet
// that may fail without a reason; and none where the promise says nothing, for
// which [Spec.Unpromised] gives the reason. [Spec.Check] compares a real count with
// that, one call at a time, and [Spec.Table] lists all calls at every boundary.
package spec

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/refbench/refbench/strategies"
)

// A State is all that a count holds, as far as its promise is concerned. States
// can be compared.
type State struct {
	// Refs is the number of references; of a count that wraps, what it reads
	// as once it has come past its limit or below zero. 0 if Saturated or
	// Lost.
	Refs int64

	// Killed reports that Kill was called in this life.
	Killed bool

	// Closing reports that a TryGet has failed because Kill has begun, which takes effect
	// later. It is for calls that overlap, and none leads to it.
	Closing bool

	// Atomic reports that SwitchToAtomic is in effect.
	Atomic bool

	// Saturated reports that the count is stuck.
	Saturated bool

	// Lost reports that nothing more is promised: the count panicked, or left
	// its range without a promised width.
	Lost bool
}

// String returns the state in a few words, as "2 references, killed".
func (st State) String() string {
	text := fmt.Sprintf("%d references", st.Refs)
	switch {
	case st.Lost:
		return "unknown"
	case st.Saturated:
		text = "saturated"
	case st.Refs == 1:
		text = "1 reference"
	}
	if st.Atomic {
		text += ", atomic"
	}
	if st.Killed {
		text += ", killed"
	}
	if st.Closing {
		text += ", closing"
	}
	return text
}

// An Outcome is one of the things that a call may do.
type Outcome struct {
	// Next is the state that the call leaves.
	Next State

	// Result is what it returns, if it returns a bool.
	Result bool

	// Value is what Count returns. If AnyValue, it may return anything, and
	// if NoNumber anything that isn't a number of references from 0 to the
	// limit.
	Value              int64
	AnyValue, NoNumber bool

	// Warns reports that the monitor, if the count has one, is told of
	// Misuse. Otherwise it is told nothing.
	Warns  bool
	Misuse strategies.Misuse

	// Panics reports that the call panics.
	Panics bool
}

// A Spec is the specification of one strategy. It is not modified after [Of] and
// may be shared.
type Spec struct {
	s   *strategies.Strategy
	p   strategies.Promise
	ops []Op
	has [opCount]bool
}

// Of returns the specification of a valid strategy.
func Of(s *strategies.Strategy) *Spec {
	sp := &Spec{s: s, p: s.Promise}
	powers := append(s.Powers(), "")
	for _, op := range Ops() {
		if slices.Contains(powers, op.Power()) {
			sp.ops = append(sp.ops, op)
			sp.has[op] = true
		}
	}
	return sp
}

// Name returns the strategy's name.
func (sp *Spec) Name() string { return sp.s.Name }

// Promise returns what the specification is derived from.
func (sp *Spec) Promise() strategies.Promise { return sp.p }

// Ops returns the operations that the counter has.
func (sp *Spec) Ops() []Op { return sp.ops }

// Has reports whether the counter has the operation.
func (sp *Spec) Has(op Op) bool { return op < opCount && sp.has[op] }

// Start returns the state that Init (for n = 1) or InitAt(n) leaves. n is from 1
// to the limit.
func (sp *Spec) Start(n int64) State { return State{Refs: n} }

// Exact reports whether the last drop is detected in the state: always, or once
// the count is killed or switched to atomic.
func (sp *Spec) Exact(st State) bool {
	return sp.p.Zero == strategies.Immediate || st.Killed || st.Atomic
}

// Waits reports whether Kill waits until all other references are dropped, and reports the
// last one instead of Put.
func (sp *Spec) Waits() bool { return sp.p.Zero == strategies.Waits }

// Blocks reports whether the call waits in the state for what others do. Then it takes
// effect only in another state.
func (sp *Spec) Blocks(st State, call Call) bool {
	return sp.Waits() && call.Op.Kills() && !st.Killed && !st.Saturated && !st.Lost && st.Refs != 1
}

// Dead reports whether the count is dead, so that TryGet fails.
func (sp *Spec) Dead(st State) bool {
	return st.Refs == 0 && !st.Saturated && !st.Lost && sp.Exact(st)
}

// modal reports whether Kill makes a difference to more than the owner.
func (sp *Spec) modal() bool {
	return sp.p.Zero != strategies.Immediate || sp.p.Closes()
}

// moved returns the state with k references more, modulo the width.
func (sp *Spec) moved(st State, k int64) State {
	st.Refs += k
	if sp.p.Width > 0 {
		mask := ^uint64(0) >> (64 - sp.p.Width)
		n := uint64(st.Refs) & mask
		if n > uint64(sp.p.Limit) {
			n |= ^mask
		}
		st.Refs = int64(n)
	} else if st.Refs < 0 || st.Refs > sp.p.Limit {
		return State{Lost: true}
	}
	return st
}

// warns is an outcome that reports misuse.
func warns(next State, result bool, m strategies.Misuse) Outcome {
	return Outcome{Next: next, Result: result, Warns: true, Misuse: m}
}

var panics = Outcome{Next: State{Lost: true}, Panics: true}

// misused returns what the response r makes of a change by k references that the
// count can't make. result is what an operation returns that took effect or that
// leaves the count alone for good.
func (sp *Spec) misused(st State, r strategies.Response, k int64, result bool, m strategies.Misuse) Outcome {
	switch r {
	case strategies.Wraps, strategies.Revives:
		return Outcome{Next: sp.moved(st, k), Result: result}
	case strategies.Saturates:
		st.Refs, st.Saturated = 0, true
		return warns(st, result, m)
	case strategies.Panics:
		return panics
	}
	return warns(st, false, m)
}

// begin is Init, InitAt and Reinit.
func (sp *Spec) begin(_ State, k int64) Outcome { return Outcome{Next: sp.Start(k)} }

// take is Get and GetN.
func (sp *Spec) take(st State, k int64) Outcome { return sp.taken(st, k, false) }

// try is TryGet and TryGetN that don't fail for no reason.
func (sp *Spec) try(st State, k int64) Outcome { return sp.taken(st, k, true) }

// taken is both: tries says that the caller may have no reference, and is told.
func (sp *Spec) taken(st State, k int64, tries bool) Outcome {
	overflow := strategies.GetOverflow
	if tries {
		overflow = strategies.TryGetOverflow
	}
	switch {
	case tries && sp.closed(st):
		return Outcome{Next: st}
	case tries && sp.refused(st, k):
		return warns(st, false, overflow)
	case st.Saturated:
		return warns(st, tries, overflow)
	case tries && sp.Dead(st):
		return Outcome{Next: st}
	case sp.Dead(st):
		return sp.misused(st, sp.p.GetOnZero, k, false, strategies.GetAfterFree)
	case st.Refs > sp.p.Limit-k:
		return sp.misused(st, sp.p.Overflow, k, tries, overflow)
	}
	return Outcome{Next: sp.moved(st, k), Result: tries}
}

// Refuses reports whether the call is a TryGet that takes no reference in the state,
// though the count isn't dead and whatever Get does.
func (sp *Spec) Refuses(st State, call Call) bool {
	closed := sp.closed(st) && !sp.Dead(st)
	return call.Op.Takes() && call.Op.Moves().If != Always && (closed || sp.refused(st, call.Refs()))
}

// closed reports whether Kill has begun, and TryGet fails for that.
func (sp *Spec) closed(st State) bool {
	return sp.p.Closes() && (st.Killed || st.Closing)
}

func (sp *Spec) refused(st State, k int64) bool {
	past := st.Saturated || st.Refs < 0 || st.Refs > sp.p.Limit
	switch sp.p.TryGetRefuses {
	case strategies.AtLimit:
		return past || !sp.Dead(st) && st.Refs > sp.p.Limit-k
	case strategies.PastLimit:
		return past
	}
	return false
}

// tryLive is TryGetLive.
func (sp *Spec) tryLive(st State, k int64) Outcome {
	if st.Killed {
		return Outcome{Next: st}
	}
	return sp.try(st, k)
}

// drop is Put and PutN.
func (sp *Spec) drop(st State, k int64) Outcome {
	switch {
	case st.Saturated:
		return warns(st, false, strategies.PutAfterFree)
	case sp.Exact(st) && st.Refs < k && sp.p.Underflow != strategies.Wraps:
		return sp.misused(st, sp.p.Underflow, -k, false, strategies.PutAfterFree)
	}
	next := sp.moved(st, -k)
	return Outcome{Next: next, Result: sp.Dead(next) && !sp.Waits()}
}

// kill is Kill and KillAndConfirm.
func (sp *Spec) kill(st State, k int64) Outcome {
	st.Killed, st.Atomic, st.Closing = true, false, false
	o := sp.drop(st, k)
	if sp.Waits() {
		o.Result = sp.Dead(o.Next)
	}
	return o
}

// dropBeforeLast is Drop.
func (sp *Spec) dropBeforeLast(st State, k int64) Outcome {
	switch {
	case st.Saturated:
		return warns(st, false, strategies.DropToZero)
	case sp.Exact(st) && st.Refs <= k && sp.p.Underflow != strategies.Wraps:
		return sp.misused(st, sp.p.Underflow, -k, false, strategies.DropToZero)
	}
	return Outcome{Next: sp.moved(st, -k)}
}

// dropIfOne is PutIfOne.
func (sp *Spec) dropIfOne(st State, k int64) Outcome {
	if st.Saturated || st.Refs != 1 {
		return Outcome{Next: st}
	}
	return sp.drop(st, k)
}

// dropUnlessOne is PutUnlessOne.
func (sp *Spec) dropUnlessOne(st State, k int64) Outcome {
	switch {
	case st.Saturated:
		return Outcome{Next: st, Result: true}
	case st.Refs == 1:
		return Outcome{Next: st}
	case sp.Dead(st):
		o := sp.misused(st, sp.p.OnDeadUnlessOne(), -k, true, strategies.PutAfterFree)
		o.Result = !o.Panics
		return o
	}
	return Outcome{Next: sp.moved(st, -k), Result: true}
}

// dropAndLock is PutAndLock: PutUnlessOne, and only for the last reference Put.
func (sp *Spec) dropAndLock(st State, k int64) Outcome {
	if !st.Saturated && st.Refs == 1 {
		return sp.drop(st, k)
	}
	o := sp.dropUnlessOne(st, k)
	o.Result = false
	return o
}

// read is Count.
func (sp *Spec) read(st State, _ int64) Outcome {
	return Outcome{Next: st, Value: st.Refs, AnyValue: sp.p.Count == strategies.None, NoNumber: st.Saturated}
}

// resurrect is Resurrect: Get that a dead count is made for.
func (sp *Spec) resurrect(st State, k int64) Outcome {
	if sp.Dead(st) {
		st.Refs = k
		return Outcome{Next: st}
	}
	return sp.take(st, k)
}

// resurrectLive is ResurrectLive. The owner's reference comes back first, while the
// count is exact.
func (sp *Spec) resurrectLive(st State, k int64) Outcome {
	o := sp.resurrect(st, k)
	o.Next.Killed = false
	return o
}

// switchToAtomic is SwitchToAtomic.
func (sp *Spec) switchToAtomic(st State, _ int64) Outcome {
	st.Atomic = !st.Killed && sp.p.Zero == strategies.AfterKill
	return Outcome{Next: st}
}

// switchToPerCPU is SwitchToPerCPU.
func (sp *Spec) switchToPerCPU(st State, _ int64) Outcome {
	st.Atomic = false
	return Outcome{Next: st}
}

// Unpromised returns why the promise doesn't say what the call does in the state,
// or "" if it does.
func (sp *Spec) Unpromised(st State, call Call) string {
	op, by, k := call.Op, call.Op.By(), call.Refs()
	switch {
	case !sp.Has(op):
		return fmt.Sprintf("%s has no %s", sp.Name(), op)
	case st.Lost:
		return "what the count holds isn't promised any more"
	case k < 1:
		return "the number must be at least 1"
	case op != InitAt && k > math.MaxInt:
		return "the number doesn't fit an int"
	case op.Begins() && !sp.Dead(st):
		return "a life isn't over"
	case op.Begins() && k > sp.p.Limit:
		return "a life can't begin past the limit"
	case op.Kills() && st.Killed:
		return "the life was killed already"
	case sp.Blocks(st, call):
		return "it would wait for ever, alone with other references left"
	case by == Owner && !op.Kills() && !st.Saturated && (st.Refs == 0 || st.Refs < 0 && sp.Exact(st)):
		return "the caller holds no reference"
	case by == Killer && !st.Killed:
		return "the life wasn't killed"
	case by == HolderOrReleaser && !sp.p.Resurrection:
		return "resurrection isn't promised"
	case by == ExactHolder && sp.Waits():
		return "whether it is the last is for Kill to find out"
	case by == ExactHolder && !sp.Exact(st):
		return "whether it is the last isn't known before Kill"
	case (by == Holder || by == HolderOfTwo) && !sp.Exact(st) && !st.Saturated && st.Refs >= 0 && st.Refs <= k:
		// The owner's reference keeps a count alive that can't see zero; only
		// Kill may drop it. Below 0 such a count has come past its limit, so that
		// the references are there.
		return "the owner's reference is dropped by Kill alone before zero is detected"
	case op.Drops() && op.Moves().If != One && st.Refs < 0 && sp.p.Underflow != strategies.Wraps:
		// It wrapped at its limit, and promises something else for dropping too many.
		return "the count has come past its limit and can't tell that from too many drops"
	}
	return ""
}

// step is Step without garbage: it returns how many outcomes there are.
func (sp *Spec) step(st State, call Call) (list [2]Outcome, n int) {
	if sp.Unpromised(st, call) != "" {
		return list, 0
	}
	o := call.Op.row().step(sp, st, call.Refs())
	// Who tries can be told, so it may be refused instead of a panic, or without a reason.
	if tries := call.Op.Takes() && call.Op.Moves().If != Always; tries && (o.Panics || o.Result && sp.p.TryGet == strategies.Spurious) {
		return [2]Outcome{o, {Next: st}}, 2
	}
	return [2]Outcome{o}, 1
}

// Step returns what the call may do in the state: one outcome, or several, the
// usual one first; none if the promise doesn't say.
func (sp *Spec) Step(st State, call Call) []Outcome {
	list, n := sp.step(st, call)
	return list[:n:n]
}

// Check compares what a call did in the state with what the promise says, and
// returns the next state or an error that says what is wrong. It is wrong to
// check a call that is [Spec.Unpromised].
func (sp *Spec) Check(st State, call Call, a Answer) (State, error) {
	list, n := sp.step(st, call)
	if n == 0 {
		return st, fmt.Errorf("%s in state %q: %s is not promised: %s", sp.Name(), st, call, sp.Unpromised(st, call))
	}
	var wrong []string
	for _, o := range list[:n] {
		w := sp.differs(call, o, a)
		if w == "" {
			return o.Next, nil
		}
		wrong = append(wrong, w)
	}
	return st, fmt.Errorf("%s in state %q: %s %s", sp.Name(), st, call, strings.Join(wrong, ", or "))
}

// differs says in what the answer isn't the outcome, or "".
func (sp *Spec) differs(call Call, o Outcome, a Answer) string {
	switch {
	case o.Panics && a.Panicked == nil:
		return "didn't panic"
	case o.Panics:
		return ""
	case a.Panicked != nil:
		return fmt.Sprintf("panicked: %v", a.Panicked)
	case call.Op.Reports() && a.Result != o.Result:
		return fmt.Sprintf("returned %v, want %v", a.Result, o.Result)
	case call.Op == Count:
		switch {
		case o.AnyValue:
		case o.NoNumber && a.Value >= 0 && a.Value <= sp.p.Limit:
			return fmt.Sprintf("returned %d, which looks like a number of references", a.Value)
		case !o.NoNumber && a.Value != o.Value:
			return fmt.Sprintf("returned %d, want %d", a.Value, o.Value)
		}
	case call.Op == PutAndLock:
		// While nobody else uses the count, the lock is taken only for the
		// last reference.
		want := 0
		if o.Result {
			want = 1
		}
		if a.Locks != want || a.Unlocks != 0 {
			return fmt.Sprintf("returned %v and locked %d times, unlocked %d times, want %d and 0", a.Result, a.Locks, a.Unlocks, want)
		}
	case call.Op == KillAndConfirm && a.Confirms != 1:
		return fmt.Sprintf("called confirm %d times before it returned, want 1", a.Confirms)
	}
	if !a.Heard {
		return ""
	}
	switch {
	case !o.Warns && len(a.Misuse) > 0:
		return fmt.Sprintf("reported %q, want no report", a.Misuse)
	case o.Warns && (len(a.Misuse) != 1 || a.Misuse[0] != o.Misuse):
		return fmt.Sprintf("reported %q, want %q once", a.Misuse, o.Misuse)
	}
	return ""
}

// A Past says what becomes of references past the limit.
type Past uint8

// What may become of them.
const (
	// Untold: the promise doesn't say how the count can be used from then on.
	Untold Past = iota
	// Refused: they are refused, and only who calls TryGet is told.
	Refused
	// Told: who takes one has it.
	Told
)

// Strays reports whether a count can be used on after a drop too many: it refuses it, or
// sticks.
func (sp *Spec) Strays() bool {
	return sp.p.Underflow == strategies.Refuses || sp.p.Underflow == strategies.Saturates
}

// MayRefuse reports whether TryGet may fail on a count that has come to its limit or past
// it, though there are references.
func (sp *Spec) MayRefuse() bool {
	return sp.p.TryGetRefuses == strategies.AtLimit || sp.p.TryGetRefuses == strategies.PastLimit || sp.p.Overflow == strategies.Refuses
}

// PastLimit returns what becomes of references past the limit, for tests that use counts
// there rightly.
func (sp *Spec) PastLimit() Past {
	for _, op := range []Op{Get, TryGet} {
		for _, o := range sp.Step(State{Refs: sp.p.Limit}, Call{Op: op}) {
			// Of a count that has wrapped it may be that no drop is promised.
			if o.Panics || o.Next.Lost || sp.Unpromised(o.Next, Call{Op: Put}) != "" {
				return Untold
			}
		}
	}
	// A narrow number comes round to 0, where who holds a reference may do what
	// is misuse of a dead count.
	const narrow = 16
	switch {
	case sp.p.Overflow == strategies.Wraps && sp.p.Width < narrow && sp.p.GetOnZero != strategies.Revives:
		return Untold
	case sp.p.Overflow == strategies.Refuses:
		return Refused
	}
	return Told
}

package lockstep

import (
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// A Reason is why promises let counts differ that did the same calls.
type Reason uint8

// The reasons.
const (
	// Overflow: a reference past the limit of one of them. They promise another
	// limit, width or response.
	Overflow Reason = iota
	// Underflow: a drop of what isn't there. They promise another response.
	Underflow
	// DeadGet: Get on a dead count. They promise another response.
	DeadGet
	// ZeroDetection: one of them doesn't detect zero yet.
	ZeroDetection
	// Refusal: TryGet past the limit or below zero. They promise another refusal.
	Refusal
	// Distance: a life that began near the limits came down to zero, or to one where
	// that decides. They promise another limit, so for one of them the way was longer.
	Distance
	// Spurious: TryGet of one of them may fail without a reason.
	Spurious
	// Choice: the promise of one of them allows several answers, as of Count on a
	// saturated count.
	Choice
	// Lacking: one of them doesn't have the operation, and the call was left
	// out for it.
	Lacking
	// Unpromised: the promise of one of them says nothing of the call, and it was
	// left out for it.
	Unpromised
	reasons
)

// String returns the reason in a few words.
func (r Reason) String() string {
	if r >= reasons {
		return "unknown reason"
	}
	return [reasons]string{
		"overflow policy", "underflow policy", "get on a dead count", "zero detection", "refusal of TryGet",
		"distance from the limit to zero", "spurious TryGet", "free choice", "operation lacking", "not promised",
	}[r]
}

// touched is a set of reasons: what the calls of a life have touched.
type touched uint16

func (t touched) has(r Reason) bool { return t>>r&1 != 0 }

// add adds the reason if it is so.
func (t *touched) add(r Reason, so bool) {
	if so {
		*t |= 1 << r
	}
}

// touches returns what the call touches that leads from one state to the next.
func (l *lane) touches(st, next spec.State, call spec.Call) (t touched) {
	t.add(Refusal, l.sp.Refuses(st, call))
	if st.Saturated || st.Lost {
		return t // by what made it so
	}
	op, k, limit := call.Op, call.Refs(), l.s.Promise.Limit
	dead, exact := l.sp.Dead(st), l.sp.Exact(st)
	t.add(Distance, next.Refs <= 0 || st.Refs == 1 && op.Moves().If == spec.NotOne)
	t.add(ZeroDetection, st.Refs == 0 && !exact || l.sp.Waits() && op.Drops() && !op.Kills() && l.sp.Dead(next))
	switch {
	case op.Takes() && !op.Begins():
		t.add(DeadGet, dead && op.By() == spec.AnyHolder)
		t.add(Overflow, !dead && st.Refs > limit-k)
		// A large number may come round even from 0.
		t.add(Overflow, dead && k > limit)
	case op.Drops() && op.By() == spec.ExactHolder:
		t.add(Underflow, dead && op.Moves().If != spec.One)
		t.add(Overflow, next.Refs > st.Refs) // it came round
	case op.Drops():
		left := int64(0)
		if op.By() == spec.HolderOfTwo {
			left = 1 // what must be
		}
		early := !exact && !op.Kills() && st.Refs <= k
		t.add(ZeroDetection, early)
		t.add(Underflow, !early && st.Refs-k < left)
		t.add(Overflow, st.Refs < -limit-1+k || next.Refs > st.Refs)
	}
	return t
}

// explains returns why two counts that did the same may now have done something
// else, or false if nothing explains it.
func explains(a, b *lane, o int, call spec.Call) (Reason, bool) {
	ca, cb := &a.counts[o], &b.counts[o]
	switch {
	case a.saw.did == lacking || b.saw.did == lacking:
		return Lacking, true
	case a.saw.did == unpromised || b.saw.did == unpromised:
		return Unpromised, true
	}
	t := ca.touched | cb.touched
	for reason := range Distance {
		if t.has(reason) && differ(reason, &a.s.Promise, &b.s.Promise) {
			return reason, true
		}
	}
	switch m := call.Op.Moves(); {
	case t.has(Distance) && ca.base != cb.base:
		return Distance, true
	case m.Sign > 0 && m.If != spec.Always && (a.s.Promise.TryGet == strategies.Spurious || b.s.Promise.TryGet == strategies.Spurious):
		return Spurious, true
	}
	_, several := a.step(a.states[ca.before], call)
	_, too := b.step(b.states[cb.before], call)
	return Choice, several || too
}

// differ reports whether two promises are different in what the reason is about.
func differ(reason Reason, a, b *strategies.Promise) bool {
	switch reason {
	case Overflow:
		return a.Overflow != b.Overflow || a.Limit != b.Limit || a.Width != b.Width
	case Underflow:
		return a.Underflow != b.Underflow || a.OnDeadUnlessOne() != b.OnDeadUnlessOne()
	case DeadGet:
		return a.GetOnZero != b.GetOnZero
	case Refusal:
		return a.TryGetRefuses != b.TryGetRefuses
	}
	return a.Zero != b.Zero
}

// step returns the usual outcome of a call that is promised, and whether the promise
// allows several answers.
func (l *lane) step(st spec.State, call spec.Call) (o spec.Outcome, several bool) {
	os := l.sp.Step(st, call)
	return os[0], len(os) > 1 || os[0].AnyValue || os[0].NoNumber
}

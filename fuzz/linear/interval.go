package linear

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// An event is the beginning or the end of a call.
type event struct {
	time int64
	end  int // 1 if it is the end
	op   int // index of the call
}

// Bounds are the smallest and the largest number of references that a count can have
// between an event and the next. They hold in whatever order the calls that go on then
// take effect.
type bounds struct{ low, high int64 }

// A sweep is the bounds of a life from its beginning to its end.
type sweep struct {
	ops   []Op
	begin []int // index of each call's first event
	end   []int // and of its last
	at    []bounds

	p    strategies.Promise
	kill int // the call that drops the owner's reference, or -1
}

// change returns how many references the call took, by its answer: below 0 if it
// dropped some. known is false for calls of which that can't be said without
// knowing the state, as of those that bring a dead count back.
func (o Op) change() (n int64, known bool) {
	n, op := o.Call.Refs(), o.Call.Op
	if o.Panicked || n < 1 || n > maxChange || op.Revives() || op.Unkills() {
		return 0, false
	}
	return o.Call.Moved(o.Result), true
}

// maxChange is the largest number in a call with which bounds are computed, so that
// sums don't overflow: a history has less than 2^31 calls.
const maxChange = 1 << 31

// sweep computes the bounds. It returns nil if it doesn't know what some call does, or if
// a right count may come out of range.
//
// A reference that a call takes may be there from the call's beginning and is there
// for sure after its end; one that a call drops may be gone from the beginning and
// is gone for sure after the end. As intervals are closed, a call that ends when
// another begins goes on at the same time as that.
func (x *Segment) sweep() *sweep {
	start, ops := x.Starts[0].Refs, x.Ops
	if start > 1<<62 {
		return nil
	}
	events := make([]event, 0, 2*len(ops))
	for i, o := range ops {
		if _, known := o.change(); !known {
			return nil
		}
		events = append(events, event{o.Begin, 0, i}, event{o.End, 1, i})
	}
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.end, b.end), cmp.Compare(a.op, b.op))
	})
	s := &sweep{p: x.spec.Promise(), ops: ops, begin: make([]int, len(ops)), end: make([]int, len(ops)), at: make([]bounds, len(events))}
	s.kill = slices.IndexFunc(ops, func(o Op) bool { return o.Call.Op.Kills() })
	now := bounds{start, start}
	for i, e := range events {
		n, _ := ops[e.op].change()
		took, dropped := max(n, 0), min(n, 0)
		if e.end == 0 {
			s.begin[e.op] = i
			now = bounds{now.low + dropped, now.high + took}
		} else {
			s.end[e.op] = i
			now = bounds{now.low + took, now.high + dropped}
		}
		s.at[i] = now
	}
	if !s.inRange() {
		return nil
	}
	return s
}

// impossible returns what the bounds alone say that no order of the calls explains, or "".
func (x *Segment) impossible() string {
	if s := x.sweep(); s != nil {
		return s.wrong()
	}
	return ""
}

// during returns the bounds while the call goes on.
func (s *sweep) during(op int) []bounds { return s.at[s.begin[op]:s.end[op]] }

// killed reports whether the call began after the owner had given up its reference.
func (s *sweep) killed(o Op) bool { return s.kill >= 0 && s.ops[s.kill].End < o.Begin }

// inRange reports whether the calls are such that a right count always holds what
// was taken and not dropped: no call drops what isn't there, no Get is made by one
// who holds nothing, nothing comes past the limit, the owner gives up once, and
// nobody else drops the owner's reference.
func (s *sweep) inRange() bool {
	if slices.ContainsFunc(s.at, func(b bounds) bool { return b.low < 0 || b.high > s.p.Limit }) {
		return false
	}
	for i, o := range s.ops {
		n, _ := o.change()
		op := o.Call.Op
		// What low and high must be: low doesn't hold what the call itself drops.
		least, most := int64(0), s.p.Limit
		early := s.p.Zero != strategies.Immediate && !s.killed(o) // zero may not be detected
		switch by := op.By(); {
		case op.Kills() && i != s.kill, by == spec.ExactHolder && early:
			return false
		case by == spec.Anybody:
			// A call that failed to take references may have had no room.
			if op.Takes() && !o.Result {
				most -= o.Call.Refs()
			}
		case by == spec.HolderOfTwo:
			least = 1
		default:
			least = 1 + min(n, 0)
			// If it comes before Kill, it must leave the owner's.
			before := s.during(i)
			if s.kill >= 0 {
				before = before[:min(len(before), max(0, s.begin[s.kill]-s.begin[i]))]
			}
			if by == spec.Holder && early && slices.ContainsFunc(before, func(b bounds) bool { return b.low < 1 }) {
				return false
			}
		}
		if slices.ContainsFunc(s.during(i), func(b bounds) bool { return b.low < least || b.high > most }) {
			return false
		}
	}
	return true
}

// wrong returns what no order of the calls explains, given that a right count would
// be in range, or "".
func (s *sweep) wrong() string {
	last := -1
	for i, o := range s.ops {
		if o.Call.Last(o.Result) {
			if last >= 0 {
				return fmt.Sprintf("%s and %s were both told that theirs was the last", describe(s.ops[last]), describe(o))
			}
			last = i
		}
	}
	for i, o := range s.ops {
		if why := s.unexplained(i, o, last); why != "" {
			return fmt.Sprintf("%s: %s", describe(o), why)
		}
	}
	if len(s.at) == 0 {
		return ""
	}
	left := s.at[len(s.at)-1].low // all calls have ended, so high is the same
	switch {
	case left == 0 && last < 0 && (s.p.Zero == strategies.Immediate || s.kill >= 0):
		return "every reference was dropped, and nobody was told that theirs was the last"
	case left > 0 && last >= 0:
		return fmt.Sprintf("%s was told that it was the last, and %d are left", describe(s.ops[last]), left)
	}
	return ""
}

// unexplained says why the answer to call i fits no number of references that the count
// can have meanwhile, or "". last is the call that was told of the last drop, or -1.
func (s *sweep) unexplained(i int, o Op, last int) string {
	n, _ := o.change()
	some := func(ok func(bounds) bool) bool { return slices.ContainsFunc(s.during(i), ok) }
	// The most that the count was right before the call took effect.
	before := func(b bounds) int64 { return b.high - max(n, 0) }
	unless := func(ok bool, why string) string {
		if ok {
			return ""
		}
		return why
	}
	switch op, depends := o.Call.Op, o.Call.Op.If(s.p); {
	case depends == spec.NotOne && o.Result:
		return unless(some(func(b bounds) bool { return before(b) >= 2 }), "at most 1 reference was there")
	case depends == spec.NotOne:
		return unless(some(func(b bounds) bool { return b.low <= 1 && b.high >= 1 }), "the count wasn't 1")
	case depends == spec.One && !o.Result:
		return unless(some(func(b bounds) bool { return b.low != 1 || b.high != 1 }), "1 reference was there")
	case op.Last() && o.Result:
		return unless(some(func(b bounds) bool { return b.low <= 0 && before(b) >= -n }), "other references were held")
	case op.Last():
		// Only a drop after Kill, or Kill, has to be told.
		untold := s.p.Zero != strategies.Immediate && !op.Kills() && !s.killed(o)
		return unless(untold || some(func(b bounds) bool { return before(b) > -n }), "no other reference was there")
	case depends == spec.Unkilled && o.Result && s.killed(o):
		return "the count had been killed"
	case depends == spec.Unkilled && !o.Result && s.kill >= 0 && s.ops[s.kill].Begin <= o.End:
		return ""
	case depends != spec.Always && o.Result:
		early := last < 0 || o.Begin <= s.ops[last].End
		return unless(early && some(func(b bounds) bool { return before(b) >= 1 }), "the count had died")
	case depends != spec.Always:
		late := last >= 0 && s.ops[last].Begin <= o.End
		return unless(s.p.TryGet == strategies.Spurious || late && some(func(b bounds) bool { return b.low <= 0 }), "the count was alive")
	case op == spec.Count:
		return unless(s.p.Count == strategies.None || some(func(b bounds) bool { return b.low <= o.Value && o.Value <= b.high }), "there weren't so many references")
	}
	return ""
}

// describe names a call of a history.
func describe(o Op) string {
	return fmt.Sprintf("client %d's %s at %d..%d", o.Client, o, o.Begin, o.End)
}

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
	end  bool
	op   int // index of the call
}

// bounds are between which numbers the count is after an event and before the
// next, whatever the order of the calls that are going on.
type bounds struct{ low, high int64 }

// A sweep is the bounds of a life from its beginning to its end.
type sweep struct {
	ops   []Op
	begin []int // index of each call's first event
	end   []int // and of its last
	at    []bounds
}

// change returns how many references the call took, by its answer: below 0 if it
// dropped some. known is false for calls of which that can't be said without
// knowing the state.
func (o Op) change() (n int64, known bool) {
	n = o.number()
	if o.Panicked || n < 1 || n > maxChange {
		return 0, false
	}
	switch o.Call.Op {
	case spec.Get, spec.GetN:
		return n, true
	case spec.TryGet, spec.TryGetN, spec.TryGetLive:
		if !o.Result {
			n = 0
		}
		return n, true
	case spec.Put, spec.PutN, spec.PutAndLock, spec.Drop, spec.Kill, spec.KillAndConfirm:
		return -n, true
	case spec.PutIfOne, spec.PutUnlessOne:
		if !o.Result {
			n = 0
		}
		return -n, true
	case spec.Count, spec.SwitchToAtomic, spec.SwitchToPerCPU:
		return 0, true
	}
	return 0, false
}

// number returns how many references the call is about.
func (o Op) number() int64 {
	if o.Call.Op.TakesNumber() {
		return o.Call.N
	}
	return 1
}

// maxChange is the largest number in a call with which bounds are computed, so that
// sums don't overflow: a history has less than 2^31 calls.
const maxChange = 1 << 31

// kills reports whether the call is one that a life has once.
func (o Op) kills() bool { return o.Call.Op == spec.Kill || o.Call.Op == spec.KillAndConfirm }

// drops reports whether the call reports the last drop.
func (o Op) drops() bool {
	switch o.Call.Op {
	case spec.Put, spec.PutN, spec.PutAndLock, spec.PutIfOne:
		return true
	}
	return o.kills()
}

// newSweep computes the bounds of calls that begin with start references. It returns
// nil if it doesn't know what some call does, as of those that bring a dead count
// back. ops are sorted.
//
// A reference that a call takes may be there from the call's beginning and is there
// for sure after its end; one that a call drops may be gone from the beginning and
// is gone for sure after the end. As intervals are closed, a call that ends when
// another begins goes on at the same time as that.
func newSweep(start int64, ops []Op) *sweep {
	if start > 1<<62 {
		return nil
	}
	events := make([]event, 0, 2*len(ops))
	for i, o := range ops {
		if _, known := o.change(); !known {
			return nil
		}
		events = append(events, event{o.Begin, false, i}, event{o.End, true, i})
	}
	slices.SortFunc(events, func(a, b event) int {
		if c := cmp.Compare(a.time, b.time); c != 0 {
			return c
		}
		if a.end != b.end {
			if b.end {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.op, b.op)
	})
	s := &sweep{ops: ops, begin: make([]int, len(ops)), end: make([]int, len(ops)), at: make([]bounds, len(events))}
	now := bounds{start, start}
	for i, e := range events {
		n, _ := ops[e.op].change()
		switch {
		case !e.end:
			s.begin[e.op] = i
			now.low += min(n, 0)
			now.high += max(n, 0)
		default:
			s.end[e.op] = i
			now.low += max(n, 0)
			now.high += min(n, 0)
		}
		s.at[i] = now
	}
	return s
}

// during returns the bounds while the call goes on.
func (s *sweep) during(op int) []bounds { return s.at[s.begin[op]:s.end[op]] }

// inRange reports whether the calls are such that a right count always holds what
// was taken and not dropped: no call drops what isn't there, no Get is made by one
// who holds nothing, nothing comes past the limit, the owner gives up once, and
// nobody else drops the owner's reference.
func (s *sweep) inRange(p strategies.Promise) bool {
	for _, b := range s.at {
		if b.low < 0 || b.high > p.Limit {
			return false
		}
	}
	kill := -1
	for i, o := range s.ops {
		if o.kills() {
			if kill >= 0 {
				return false
			}
			kill = i
		}
	}
	for i, o := range s.ops {
		n, _ := o.change()
		all := func(ok func(int, bounds) bool) bool {
			for k := s.begin[i]; k < s.end[i]; k++ {
				if !ok(k, s.at[k]) {
					return false
				}
			}
			return true
		}
		ok := true
		switch o.Call.Op {
		case spec.Get, spec.GetN, spec.PutIfOne, spec.PutUnlessOne, spec.SwitchToAtomic, spec.SwitchToPerCPU:
			// low doesn't hold what the call itself drops.
			ok = all(func(_ int, b bounds) bool { return b.low-min(n, 0) >= 1 })
		case spec.TryGet, spec.TryGetN, spec.TryGetLive:
			// If it failed, that may have been for want of room.
			ok = o.Result || all(func(_ int, b bounds) bool { return b.high <= p.Limit-o.number() })
		case spec.Drop:
			// Its caller knows of another reference.
			ok = all(func(_ int, b bounds) bool { return b.low >= 1 })
		}
		if p.Zero == strategies.AfterKill && (kill < 0 || s.ops[kill].End >= o.Begin) {
			switch o.Call.Op {
			case spec.Put, spec.PutN, spec.Drop:
				// If it comes before Kill, it must leave the owner's.
				ok = ok && all(func(k int, b bounds) bool {
					return b.low >= 1 || kill >= 0 && k >= s.begin[kill]
				})
			case spec.PutIfOne, spec.PutUnlessOne, spec.PutAndLock:
				ok = false
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

// wrong returns what no order of the calls explains, given that a right count would
// be in range, or "".
func (s *sweep) wrong(sp *spec.Spec) string {
	p := sp.Promise()
	last := -1
	var killed *Op
	for i := range s.ops {
		o := &s.ops[i]
		if o.drops() && o.Result {
			if last >= 0 {
				return fmt.Sprintf("%s and %s were both told that theirs was the last", s.describe(last), s.describe(i))
			}
			last = i
		}
		if o.kills() {
			killed = o
		}
	}
	for i, o := range s.ops {
		n, _ := o.change()
		some := func(ok func(bounds) bool) bool { return slices.ContainsFunc(s.during(i), ok) }
		// What the count was before the call, at the instant of the call.
		before := func(b bounds) bounds { return bounds{b.low - min(n, 0), b.high - max(n, 0)} }
		tries := o.Call.Op == spec.TryGet || o.Call.Op == spec.TryGetN || o.Call.Op == spec.TryGetLive
		var ok bool
		why := ""
		switch {
		case o.Call.Op == spec.PutUnlessOne:
			if o.Result {
				ok = some(func(b bounds) bool { return before(b).high >= 2 })
				why = "at most 1 reference was there"
			} else {
				ok = some(func(b bounds) bool { return b.low <= 1 && b.high >= 1 })
				why = "the count wasn't 1"
			}
		case o.Call.Op == spec.PutIfOne && !o.Result:
			ok = some(func(b bounds) bool { return b.low != 1 || b.high != 1 })
			why = "1 reference was there"
		case o.drops() && o.Result:
			ok = some(func(b bounds) bool { return b.low <= 0 && before(b).high >= -n })
			why = "other references were held"
		case o.drops():
			// Only a drop after Kill, or Kill, has to be told.
			exact := p.Zero == strategies.Immediate || o.kills() || killed != nil && killed.End < o.Begin
			ok = !exact || some(func(b bounds) bool { return before(b).high > -n })
			why = "no other reference was there"
		case o.Call.Op == spec.TryGetLive && o.Result && killed != nil && killed.End < o.Begin:
			why = "the count had been killed"
		case o.Call.Op == spec.TryGetLive && !o.Result && killed != nil && killed.Begin <= o.End:
			ok = true
		case tries && o.Result:
			ok = (last < 0 || o.Begin <= s.ops[last].End) && some(func(b bounds) bool { return before(b).high >= 1 })
			why = "the count had died"
		case tries:
			ok = p.TryGet == strategies.Spurious ||
				last >= 0 && s.ops[last].Begin <= o.End && some(func(b bounds) bool { return b.low <= 0 })
			why = "the count was alive"
		case o.Call.Op == spec.Count:
			ok = p.Count == strategies.None || some(func(b bounds) bool { return b.low <= o.Value && o.Value <= b.high })
			why = "there weren't so many references"
		default:
			ok = true
		}
		if !ok {
			return fmt.Sprintf("%s: %s", s.describe(i), why)
		}
	}
	if len(s.at) == 0 {
		return ""
	}
	left := s.at[len(s.at)-1].low // all calls have ended, so high is the same
	switch {
	case left == 0 && last < 0 && (p.Zero == strategies.Immediate || killed != nil):
		return "every reference was dropped, and nobody was told that theirs was the last"
	case left > 0 && last >= 0:
		return fmt.Sprintf("%s was told that it was the last, and %d are left", s.describe(last), left)
	}
	return ""
}

func (s *sweep) describe(op int) string { return describe(s.ops[op]) }

// describe names a call of a history.
func describe(o Op) string {
	return fmt.Sprintf("client %d's %s at %d..%d", o.Client, o, o.Begin, o.End)
}

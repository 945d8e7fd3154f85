package spec

import (
	"fmt"
	"math"

	"github.com/refbench/refbench/strategies"
)

// An alternative is the promise with another value of one field.
type alternative struct {
	field string
	p     strategies.Promise
}

// alternatives returns promises that a strategy might have meant to make instead.
func alternatives(p strategies.Promise) []alternative {
	var list []alternative
	add := func(field string, change func(q *strategies.Promise)) {
		q := p
		if change(&q); q != p {
			list = append(list, alternative{field, q})
		}
	}
	for _, n := range []int64{max(p.Limit, 2) - 1, min(p.Limit, math.MaxInt64-1) + 1} {
		add("limit", func(q *strategies.Promise) { q.Limit = n })
	}
	for _, n := range []int{0, 8, 16, 24, 32, 48, 64} {
		add("width", func(q *strategies.Promise) { q.Width = n })
	}
	for _, r := range []strategies.Response{strategies.Wraps, strategies.Saturates, strategies.Refuses, strategies.Panics} {
		add("overflow", func(q *strategies.Promise) { q.Overflow = r })
		add("underflow", func(q *strategies.Promise) { q.Underflow, q.PutUnlessOne = r, p.OnDeadUnlessOne() })
		add("putunlessone", func(q *strategies.Promise) { q.PutUnlessOne = r })
	}
	for _, r := range []strategies.Response{strategies.Revives, strategies.Saturates, strategies.Refuses, strategies.Panics} {
		add("getonzero", func(q *strategies.Promise) { q.GetOnZero = r })
	}
	for _, z := range []strategies.ZeroDetection{strategies.Immediate, strategies.AfterKill} {
		add("zero", func(q *strategies.Promise) { q.Zero = z })
	}
	add("tryget", func(q *strategies.Promise) { q.TryGet = strategies.Spurious })
	add("resurrection", func(q *strategies.Promise) { q.Resurrection = !p.Resurrection })
	add("count", func(q *strategies.Promise) { q.Count = strategies.None })
	return list
}

// blame names the field of the promise that the last of the answers contradicts, in
// parentheses, or returns "": a field with another value of which the answer would be
// right, as all before it are; or else one with another value of which nothing would be
// promised of the last call. A count that was resumed has no such beginning.
func (sp *Spec) blame(all []said) string {
	if op := all[0].call.Op; op != Init && op != InitAt {
		return ""
	}
	last := all[len(all)-1]
	silent := ""
	for _, alt := range alternatives(sp.p) {
		other := *sp
		other.p = alt.p
		st, ok := State{Killed: true}, true
		for _, x := range all[:len(all)-1] {
			if ok = ok && other.Unpromised(st, x.call) == ""; !ok {
				break
			}
			next, err := other.Check(st, x.call, x.answer)
			st, ok = next, err == nil
		}
		switch {
		case !ok:
		case other.Unpromised(st, last.call) != "":
			if silent == "" && last.answer.Panicked == nil {
				silent = fmt.Sprintf(" (promise: %s)", FieldOf(sp.p, alt.field))
			}
		case alt.field == "count" && len(all) > 2:
			// Another operation is more likely to be wrong than Count.
		default:
			if _, err := other.Check(st, last.call, last.answer); err == nil {
				return fmt.Sprintf(" (promise: %s)", FieldOf(sp.p, alt.field))
			}
		}
	}
	return silent
}

// FieldOf returns a field of the promise, as in "overflow wraps".
func FieldOf(p strategies.Promise, name string) string {
	for _, f := range p.Fields() {
		if f[0] == name {
			return name + " " + f[1]
		}
	}
	return name
}

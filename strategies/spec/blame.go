package spec

import (
	"fmt"
	"math"
	"slices"
	"strings"

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
	for _, n := range []int64{max(p.Limit, 2) - 1, min(p.Limit, math.MaxInt64-1) + 1, math.MaxInt64} {
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
	for _, z := range []strategies.ZeroDetection{strategies.Immediate, strategies.AfterKill, strategies.Waits} {
		add("zero", func(q *strategies.Promise) { q.Zero = z })
	}
	add("tryget", func(q *strategies.Promise) { q.TryGet = strategies.Spurious })
	for _, r := range []strategies.Refusal{"", strategies.AtLimit, strategies.PastLimit, strategies.OnceKilled, strategies.DuringKill} {
		add("trygetrefuses", func(q *strategies.Promise) { q.TryGetRefuses = r })
	}
	add("resurrection", func(q *strategies.Promise) { q.Resurrection = !p.Resurrection })
	add("count", func(q *strategies.Promise) { q.Count = strategies.None })
	return list
}

// blame names the fields of the promise that the last of the answers may contradict, in
// parentheses, or returns "": those with another value of which that answer would be
// right, or not promised, as all before it are right. A count that was resumed has no
// such beginning.
func (sp *Spec) blame(all []said) string {
	if op := all[0].call.Op; op != Init && op != InitAt {
		return ""
	}
	var fields []string
	for _, alt := range alternatives(sp.p) {
		// Another operation is more likely to be wrong than Count.
		if field := FieldOf(sp.p, alt.field); !slices.Contains(fields, field) && sp.allows(alt.p, all) && (alt.field != "count" || len(all) == 2) {
			fields = append(fields, field)
		}
	}
	if fields == nil {
		return ""
	}
	return fmt.Sprintf(" (promise: %s)", strings.Join(fields, ", "))
}

// allows reports whether a promise allows all answers. Of the last call, and of the one
// before it if that only reads what it did, it may also say nothing.
func (sp *Spec) allows(p strategies.Promise, all []said) bool {
	other := *sp
	other.p = p
	end := len(all) - 1
	if all[end].call.Op == Count {
		end--
	}
	st := State{Killed: true}
	for i, x := range all {
		if other.Blocks(st, x.call) {
			return false // it has returned
		}
		if other.Unpromised(st, x.call) != "" {
			return i >= end && x.answer.Panicked == nil
		}
		var err error
		if st, err = other.Check(st, x.call, x.answer); err != nil {
			return false
		}
	}
	return true
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

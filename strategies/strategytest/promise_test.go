package strategytest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
)

// unseen are fields of the promise that no rule can see on one goroutine, or at all.
var unseen = map[string]string{
	"progress":    "the deterministic scheduler sees it",
	"graceperiod": "it is about memory that isn't the count's",
	"stray":       "crossings, recorded histories and the deterministic scheduler see it",
	"actors":      "strategies.Validate compares it with the power",
	"typestable":  "recorded histories and the deterministic scheduler see it",
}

// A strategy that promises something else than its code does is told which field of the
// promise that is.
func TestWrongFieldOfThePromiseIsNamed(t *testing.T) {
	is := func(p strategies.Promise) func() counter {
		return func() counter { return &fixed{sound{p: p}} }
	}
	type planted struct {
		promise strategies.Promise
		code    func() counter
	}
	plant := make(map[string]planted)
	add := func(field string, p strategies.Promise, change func(q *strategies.Promise), code func() counter) {
		change(&p)
		plant[field] = planted{p, code}
	}
	wraps, saturating, late := all(strategies.Wraps), saturates(), saturates()
	late.Zero = strategies.AfterKill
	add("limit", saturating, func(q *strategies.Promise) { q.Limit = 100 }, is(saturating))
	add("width", wraps, func(q *strategies.Promise) { q.Width = 16 }, is(wraps))
	add("overflow", saturating, func(q *strategies.Promise) { q.Overflow = strategies.Refuses }, is(saturating))
	add("underflow", saturating, func(q *strategies.Promise) { q.Underflow, q.PutUnlessOne = strategies.Wraps, strategies.Saturates }, is(saturating))
	add("getonzero", saturating, func(q *strategies.Promise) { q.GetOnZero = strategies.Revives }, is(saturating))
	add("putunlessone", saturating, func(q *strategies.Promise) { q.PutUnlessOne = strategies.Refuses }, is(saturating))
	add("zero", late, func(q *strategies.Promise) { q.Zero = strategies.Immediate }, is(late))
	add("tryget", saturating, func(*strategies.Promise) {}, func() counter { return new(flaky) })
	add("trygetrefuses", wraps, func(q *strategies.Promise) { q.TryGetRefuses = strategies.PastLimit }, is(wraps))
	add("count", saturating, func(*strategies.Promise) {}, func() counter { return new(withoutOwner) })
	add("resurrection", saturating, func(*strategies.Promise) {}, func() counter { return new(staysDead) })
	add("bytes", saturating, func(q *strategies.Promise) { q.Bytes++ }, is(saturating))
	blamed := regexp.MustCompile(`\(promise: (.*)\)`)
	for _, f := range saturating.Fields() {
		field := f[0]
		p, ok := plant[field]
		if !ok {
			if unseen[field] == "" {
				t.Errorf("no wrong %s is planted", field)
			}
			continue
		}
		s := strategy("wrong"+field, p.promise, p.code)
		named := 0
		for _, r := range rules.All() {
			if r.Kind == rules.Crossing {
				continue
			}
			err := r.Run(t.Context(), s, rules.Config{Seed: 1, Short: true}).Err()
			if err == nil {
				continue
			}
			for _, m := range blamed.FindAllStringSubmatch(err.Error(), -1) {
				if named++; !strings.Contains(", "+m[1], ", "+field+" ") {
					t.Errorf("a wrong %s: rule %s blames %s:\n%v", field, r.Name, m[1], err)
				}
			}
		}
		if named == 0 {
			t.Errorf("no failure names the wrong %s", field)
		}
	}
}

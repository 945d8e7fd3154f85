package check

import (
	"context"
	"time"

	"github.com/refbench/refbench/fuzz/rules"
)

var (
	kernel = ruled{rules.Kernel, "tests"}.check(Check{
		Name: "kernel", Doc: "the 17 tests that Linux has of its refcount_t, judged by the promise", Weight: 1,
	})
	operations = ruled{rules.Operation, "operations"}.check(Check{
		Name: "operations", Doc: "every operation in every state at a boundary, against the executable specification", Weight: 1,
	})
	contract = ruled{rules.Contract, "rules"}.check(Check{
		Name: "rules", Doc: "the rules of the contract, one by one", Weight: 2,
	})
	crossings = ruled{rules.Crossing, "crossings"}.check(Check{
		Name: "crossings", Doc: "goroutines that cross a boundary at once", Weight: 4, Threads: true, Shaken: true,
	})
)

// ruled is the rules of one kind. Those of goroutines are repeated with other seeds until
// the time is up; each of the others takes no time.
type ruled struct {
	kind rules.Kind
	unit string
}

// check returns the check with what the rules add to it.
func (k ruled) check(c Check) Check {
	c.Unsupported = func(s Subject) string {
		if why := usesAlone(s); why != "" {
			return why
		}
		if some, _, _ := k.list(s, Budget{}); len(some) == 0 {
			return "none of the " + k.unit + " applies"
		}
		return ""
	}
	c.Run = k.run
	return c
}

// list returns the rules that apply to the subject and are the part's, how many don't apply,
// and how many there are.
func (k ruled) list(s Subject, b Budget) (some []rules.Rule, not, all int) {
	for _, r := range rules.All() {
		if r.Kind != k.kind {
			continue
		}
		if all++; r.Unsupported(s.Strategy) != "" {
			not++
		} else if b.has(all - not - 1) {
			some = append(some, r)
		}
	}
	return some, not, all
}

func (k ruled) run(ctx context.Context, s Subject, b Budget) Result {
	const rounds = 10 // of a crossing at a time: some milliseconds
	var r Result
	list, not, all := k.list(s, b)
	if len(list) == 0 {
		return Result{Verdict: Unsupported, Reason: "none of the " + k.unit + " is in this part"}
	}
	// All of them take less than half a second on a machine that is free.
	deadline := time.Now().Add(max(b.Time, 500*time.Millisecond))
	answers, ran, left := 0, 0, 0
	scores := make(map[rules.Verdict]int)
	again := k.kind == rules.Crossing
	for seed := b.Seed; ; seed++ {
		for _, rule := range list {
			if late := b.Each == 0 && time.Now().After(deadline); ctx.Err() != nil || r.Left || late && (!again || seed != b.Seed) || b.First && r.Verdict == Broken {
				left++
				continue
			}
			x := rule.Run(ctx, s.Strategy, rules.Config{Seed: seed, Short: true, Rounds: 5 * rounds, Timeout: b.timeout()})
			answers += x.Checks
			ran++
			if x.Score != "" {
				scores[x.Score]++
			}
			switch err := x.Err(); {
			case x.Hang != nil:
				r.hang(rule.Name, x.Hang, Finding{})
			case err != nil:
				r.broken(Finding{What: rule.Name + ": " + firstLine(x.Reason), Detail: err.Error()})
			}
		}
		if !again || r.Verdict != "" || ctx.Err() != nil || b.Each > 0 || time.Now().After(deadline) {
			break
		}
	}
	if again {
		r.tried(uint64(answers), "answers")
		r.tried(uint64(min(ran, len(list))), k.unit)
	} else {
		r.tried(uint64(ran), k.unit)
		r.tried(uint64(answers), "answers")
	}
	if len(scores) > 0 && b.Parts == 0 { // a part has some of the tests
		r.note("by the kernel's own measure, whatever is promised: %d good, %d tolerated, %d fail",
			scores[rules.Good], scores[rules.Tolerated], scores[rules.Fail])
	}
	if not > 0 {
		r.note("%d of %d %s don't apply", not, all, k.unit)
	}
	if !again && left > 0 && !r.Left {
		r.unknown("the time was enough for %d of %d %s", ran, ran+left, k.unit)
	}
	return r
}

package rules

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies/spec"
)

// verdicts are what lkdtm's tests say of a count that ends, from left to right, at
// REFCOUNT_MAX, where the test started, at 0, at 1, at 77, stuck at another number that
// is none of references, and at one that moves: good, tolerated, Fail. Worked out by hand
// from overflow_check, check_zero, check_negative, check_from_zero and check_saturated.
const verdicts = `
INC_OVERFLOW            tFFFFgF
ADD_OVERFLOW            tFFFFgF
INC_NOT_ZERO_OVERFLOW   ttFFFgF
ADD_NOT_ZERO_OVERFLOW   ttFFFgF
DEC_ZERO                tFtFFgF
DEC_NEGATIVE            tttFFgF
DEC_AND_TEST_NEGATIVE   tttFFgF
SUB_AND_TEST_NEGATIVE   ttFFFgF
INC_ZERO                tggFFgF
ADD_ZERO                tggFFgF
INC_SATURATED           tgFFFFF
DEC_SATURATED           tgFFFFF
ADD_SATURATED           tgFFFFF
INC_NOT_ZERO_SATURATED  tgFFFFF
ADD_NOT_ZERO_SATURATED  tgFFFFF
DEC_AND_TEST_SATURATED  tgFFFFF
SUB_AND_TEST_SATURATED  tgFFFFF
`

// A fake count answers as a test wants and ends at a number.
type fake struct {
	k          kernelTest
	calls      []spec.Call
	start, end int64
	moves      bool
	odd        bool // it answers otherwise
	leaves     bool // it isn't where it started when it should be
	made       int
	over       bool
}

func (f *fake) stopJudging() { f.over = true }

func (f *fake) do(c spec.Call) spec.Answer {
	switch {
	case c.Op == spec.Count && f.made < len(f.calls):
		if f.leaves && f.made > 0 {
			return spec.Answer{Value: f.start + 1}
		}
		return spec.Answer{Value: f.start}
	case c.Op == spec.Count:
		if f.over && f.moves {
			f.end++
		}
		return spec.Answer{Value: f.end}
	case f.over:
		return spec.Answer{}
	}
	f.made++
	right := f.k.odd(f.calls[f.made-1], true) == Good
	return spec.Answer{Result: right != f.odd}
}

// Every verdict of every test, one by one.
func TestVerdictsAreTheKernels(t *testing.T) {
	const limit = 1<<31 - 1
	starts := map[start]int64{atTwo: 2, atThree: 3, nearMax: limit - 1, atMax: limit, atSaturated: -1000}
	rows := strings.Fields(verdicts)
	for i, k := range kernelList {
		if want := "REFCOUNT_" + rows[2*i]; k.name != want {
			t.Fatalf("test %d is %s, want %s", i+1, k.name, want)
		}
		from, calls := starts[k.start], parse(k.calls)
		var got strings.Builder
		for j, end := range []int64{limit, from, 0, 1, 77, -5, -7} {
			got.WriteByte(k.judge(limit, &fake{k: k, calls: calls, start: from, end: end, moves: j == 6}, calls, true)[0])
		}
		if got.String() != rows[2*i+1] {
			t.Errorf("%s says %s, want %s", k.name, got.String(), rows[2*i+1])
		}
		// An answer that isn't wanted is odd, and taking a reference of a dead count is
		// an error.
		best := k.judge(limit, &fake{k: k, calls: calls, start: from, end: from, odd: true}, calls, true)
		switch c := calls[0]; {
		case !c.Op.Reports():
		case k.detects(c) && best != Fail, !k.detects(c) && best == Good:
			t.Errorf("%s: %s that returns something else is %s", k.name, c, best)
		}
		if c := calls[0]; k.detects(c) && k.judge(limit, &fake{k: k, calls: calls, start: from, end: from, leaves: true}, calls, true) != Fail {
			t.Errorf("%s: %s that changes a dead count doesn't fail", k.name, c)
		}
	}
}

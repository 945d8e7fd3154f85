package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// A start is the number at which a kernel's test starts.
type start string

const (
	atZero      start = "0"
	atTwo       start = "2"
	atThree     start = "3"
	nearMax     start = "MAX-1"
	atMax       start = "MAX"
	atSaturated start = "SATURATED"
)

// A step is one step of a kernel's test.
type step struct {
	call spec.Call
	// want is what the call must return, "" if it doesn't matter, and other
	// what the kernel's test says if it returns something else.
	want  string
	other Verdict
	// stays asks that the count be at its start after the step, or Fail.
	stays bool
	// prepares marks a drop that isn't the subject of the test.
	prepares bool
}

// A final is what a kernel's test says of the number that it ends with.
type final struct {
	about     string // the promise that decides it
	saturated Verdict
	max       Verdict // REFCOUNT_MAX
	start     Verdict // where the test started, if that is another number
	zero      Verdict
	other     Verdict
}

// The four functions that the kernel's tests end with. A reset to REFCOUNT_MAX is
// always tolerated: some architectures did that.
var (
	overflowCheck  = final{"overflow", Good, Tolerated, Fail, Fail, Fail}
	checkZero      = final{"underflow", Good, Tolerated, Fail, Tolerated, Fail}
	checkNegative  = final{"underflow", Good, Tolerated, Tolerated, Fail, Fail}
	checkFromZero  = final{"getonzero", Good, Tolerated, Good, Good, Fail}
	checkSaturated = final{"overflow", Good, Tolerated, Good, Fail, Fail}
)

type kernelTest struct {
	name  string
	start start
	steps []step
	final final
}

func kernelList() []kernelTest {
	c := func(op spec.Op) step { return step{call: spec.Call{Op: op}} }
	n := func(op spec.Op, k int64) step { return step{call: spec.Call{Op: op, N: k}} }
	prep := step{call: spec.Call{Op: spec.Drop}, prepares: true}
	returns := func(s step, want bool, other Verdict) step {
		s.want, s.other = fmt.Sprint(want), other
		return s
	}
	// Another result is "Weird" to the kernel, which is a warning; except that
	// taking a reference of a dead count is an error.
	weird := func(s step, want bool) step { return returns(s, want, Tolerated) }
	detects := func(s step) step { s = returns(s, false, Fail); s.stays = true; return s }
	return []kernelTest{
		{"REFCOUNT_INC_OVERFLOW", nearMax, []step{prep, c(spec.Get), c(spec.Get), c(spec.Get)}, overflowCheck},
		{"REFCOUNT_ADD_OVERFLOW", nearMax, []step{prep, prep, prep, prep, n(spec.GetN, 4), n(spec.GetN, 4)}, overflowCheck},
		{"REFCOUNT_INC_NOT_ZERO_OVERFLOW", atMax, []step{weird(c(spec.TryGet), true)}, overflowCheck},
		{"REFCOUNT_ADD_NOT_ZERO_OVERFLOW", atMax, []step{weird(n(spec.TryGetN, 6), true)}, overflowCheck},
		{"REFCOUNT_DEC_ZERO", atTwo, []step{c(spec.Drop), c(spec.Drop)}, checkZero},
		{"REFCOUNT_DEC_NEGATIVE", atZero, []step{c(spec.Drop)}, checkNegative},
		{"REFCOUNT_DEC_AND_TEST_NEGATIVE", atZero, []step{weird(c(spec.Put), false)}, checkNegative},
		{"REFCOUNT_SUB_AND_TEST_NEGATIVE", atThree, []step{weird(n(spec.PutN, 5), false)}, checkNegative},
		{"REFCOUNT_INC_ZERO", atZero, []step{detects(c(spec.TryGet)), c(spec.Get)}, checkFromZero},
		{"REFCOUNT_ADD_ZERO", atZero, []step{detects(n(spec.TryGetN, 3)), n(spec.GetN, 3)}, checkFromZero},
		{"REFCOUNT_INC_SATURATED", atSaturated, []step{c(spec.Get)}, checkSaturated},
		{"REFCOUNT_DEC_SATURATED", atSaturated, []step{c(spec.Drop)}, checkSaturated},
		{"REFCOUNT_ADD_SATURATED", atSaturated, []step{n(spec.GetN, 8)}, checkSaturated},
		{"REFCOUNT_INC_NOT_ZERO_SATURATED", atSaturated, []step{weird(c(spec.TryGet), true)}, checkSaturated},
		{"REFCOUNT_ADD_NOT_ZERO_SATURATED", atSaturated, []step{weird(n(spec.TryGetN, 7), true)}, checkSaturated},
		{"REFCOUNT_DEC_AND_TEST_SATURATED", atSaturated, []step{weird(c(spec.Put), false)}, checkSaturated},
		{"REFCOUNT_SUB_AND_TEST_SATURATED", atSaturated, []step{weird(n(spec.PutN, 8), false)}, checkSaturated},
	}
}

func kernelRules() []Rule {
	var list []Rule
	for _, k := range kernelList() {
		var calls []string
		for _, s := range k.steps {
			calls = append(calls, s.call.String())
		}
		doc := fmt.Sprintf("From %s, %s do what the promise says.", k.start, strings.Join(calls, ", "))
		list = append(list, Rule{k.name, Kernel, doc, k.plan})
	}
	return list
}

// begin returns ways to where the test starts, all to one state. Zero is detected in
// it, since the kernel's count always does. (The kernel just sets the number.)
func (k kernelTest) begin(e *env) []begin {
	limit := e.p.Limit
	st := spec.State{Killed: e.p.Zero == strategies.AfterKill}
	switch k.start {
	case atZero:
	case atTwo:
		st.Refs = 2
	case atThree:
		st.Refs = 3
	case nearMax:
		st.Refs = limit - 1
	case atMax:
		st.Refs = limit
	case atSaturated:
		st.Saturated = true
		if ways := e.saturate(st); len(ways) > 0 {
			return ways
		}
		// A count that never saturates is brought as far past its limit
		// as the kernel's saturated one is: half the way round.
		over := spec.Call{Op: spec.Get}
		if e.sp.Has(spec.GetN) {
			over = spec.Call{Op: spec.GetN, N: min(limit/2+2, math.MaxInt)}
		}
		st.Refs, st.Saturated = limit, false
		path := e.sp.Path(st)
		next := e.sp.Step(st, over)
		if path == nil || len(next) == 0 || next[0].Next.Lost || next[0].Next.Refs == limit {
			e.skip("%s can't be brought past its limit", e.s.Name)
		}
		return []begin{{append(slices.Clone(path), over), next[0].Next}}
	}
	path := e.sp.Path(st)
	if path == nil {
		e.skip("no calls that %s has lead to %s references", e.s.Name, k.start)
	}
	return []begin{{path, st}}
}

// saturate returns ways to saturate a count: past the limit, and below zero.
func (e *env) saturate(want spec.State) []begin {
	var ways []begin
	for _, way := range []struct {
		refs int64
		op   spec.Op
	}{{e.p.Limit, spec.TryGet}, {e.p.Limit, spec.Get}, {0, spec.Put}, {0, spec.Get}} {
		from := e.exact(way.refs)
		last := spec.Call{Op: way.op}
		path := e.sp.Path(from)
		if next := e.sp.Step(from, last); path != nil && len(next) == 1 && next[0].Next == want {
			ways = append(ways, begin{append(slices.Clone(path), last), want})
		}
	}
	return ways
}

// stepsFor returns the steps with the operations that the strategy has.
func (k kernelTest) stepsFor(e *env) []step {
	steps := slices.Clone(k.steps)
	for i := range steps {
		if steps[i].prepares && !e.sp.Has(spec.Drop) {
			steps[i].call.Op = spec.Put
		}
		e.need(steps[i].call.Op)
	}
	return steps
}

func (k kernelTest) plan(e *env) func() error {
	steps := k.stepsFor(e)
	starts := k.begin(e)
	readable := e.sp.Has(spec.Count) && e.p.Count != strategies.None
	expected := k.judge(e.p.Limit, &model{e: e, st: starts[0].state}, steps, readable)
	return func() error {
		// A count that is wrong may still get to the start on another way.
		var r *real
		for _, b := range starts {
			r = &real{r: e.sp.NewRunner()}
			for _, c := range b.path {
				r.do(c)
			}
			if r.broken == nil {
				break
			}
		}
		if r.broken != nil {
			return r.broken
		}
		got := k.judge(e.p.Limit, r, steps, readable)
		e.res.Checks = r.r.Checks
		if readable {
			e.res.Score, e.res.Expected = got, expected
		}
		switch {
		case r.broken != nil:
			return r.broken
		case !readable:
			e.res.Reason = "the count can't be read, so the kernel's test can't be made of it"
		case expected != Good:
			e.res.Reason = "as promised: " + spec.FieldOf(e.p, k.final.about)
		}
		if expected == Tolerated {
			e.res.Verdict = Tolerated
		}
		return nil
	}
}

// A machine is what a kernel's test runs on: a count, or its specification.
type machine interface {
	do(spec.Call) spec.Answer
	stopJudging() // what follows isn't part of the test
}

// judge makes the test's steps and returns what the kernel's test says.
func (k kernelTest) judge(limit int64, m machine, steps []step, readable bool) Verdict {
	verdict := Good
	var first int64
	if readable && k.start == atSaturated {
		first = m.do(spec.Call{Op: spec.Count}).Value
	}
	for _, s := range steps {
		a := m.do(s.call)
		if a.Panicked != nil {
			return verdict // it was noticed, and nothing comes after
		}
		if s.want != "" && fmt.Sprint(a.Result) != s.want {
			verdict = worse(verdict, s.other)
		}
		if s.stays && readable && m.do(spec.Call{Op: spec.Count}).Value != 0 {
			verdict = Fail // the only starting number of these steps is 0
		}
	}
	if !readable {
		return verdict
	}
	begin, numbered := map[start]int64{atZero: 0, atTwo: 2, atThree: 3, nearMax: limit - 1, atMax: limit}[k.start]
	n := m.do(spec.Call{Op: spec.Count}).Value
	switch {
	case n == limit:
		return worse(verdict, k.final.max)
	case numbered && n == begin:
		return worse(verdict, k.final.start)
	case n == 0:
		return worse(verdict, k.final.zero)
	case n > 0 && n < limit:
		return worse(verdict, k.final.other)
	case k.start == atSaturated && n == first:
		return worse(verdict, k.final.saturated)
	case k.start == atSaturated:
		return worse(verdict, k.final.other)
	}
	// It is no number of references. Is it stuck there? It needn't be for all
	// operations, since one of them may be what is wrong; but then others
	// bring it back.
	m.stopJudging()
	for _, ops := range [][]spec.Op{{spec.Put}, {spec.Put, spec.Get}} {
		for _, op := range ops {
			m.do(spec.Call{Op: op})
		}
		if m.do(spec.Call{Op: spec.Count}).Value == n {
			return worse(verdict, k.final.saturated)
		}
	}
	return worse(verdict, k.final.other)
}

// A model is a count that does what the promise says.
type model struct {
	e  *env
	st spec.State
}

func (m *model) do(c spec.Call) spec.Answer {
	outcomes := m.e.sp.Step(m.st, c)
	if len(outcomes) == 0 {
		m.e.skip("%s at %q isn't promised: %s", c, m.st, m.e.sp.Unpromised(m.st, c))
	}
	o := outcomes[0]
	m.st = o.Next
	a := spec.Answer{Result: o.Result, Value: o.Value}
	if o.NoNumber {
		a.Value = -1
	}
	if o.Panics {
		a.Panicked = "misuse"
	}
	return a
}

func (m *model) stopJudging() {}

// real is a count whose answers are compared with the promise, until one breaks
// it.
type real struct {
	r      *spec.Runner
	broken error
	over   bool
}

func (r *real) stopJudging() { r.over = true }

func (r *real) do(c spec.Call) spec.Answer {
	if r.over || r.broken != nil || r.r.Unpromised(c) != "" {
		return r.r.Bare(c)
	}
	var a spec.Answer
	a, r.broken = r.r.Do(c)
	return a
}

// worse returns the worse of two verdicts that aren't NotApplicable.
func worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Fail, Tolerated} {
		if a == v || b == v {
			return v
		}
	}
	return Good
}

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

// refs returns the number, and false if it is none of references.
func (s start) refs(limit int64) (n int64, ok bool) {
	n, ok = map[start]int64{atZero: 0, atTwo: 2, atThree: 3, nearMax: limit - 1, atMax: limit}[s]
	return n, ok
}

// A final is what a kernel's test says of the number that it ends with, if that is where
// it started or zero. Every test is good if the count has saturated and tolerates
// REFCOUNT_MAX, to which some architectures did reset it. It fails at other numbers.
type final struct {
	about string // the promise that decides it
	start Verdict
	zero  Verdict
}

// The functions that the kernel's tests end with.
var (
	overflowCheck  = final{"overflow", Fail, Fail}
	checkZero      = final{"underflow", Fail, Tolerated}
	checkNegative  = final{"underflow", Tolerated, Fail}
	checkFromZero  = final{"getonzero", Good, Good}
	checkSaturated = final{"overflow", Good, Fail}
)

type kernelTest struct {
	name  string
	start start
	calls string
	final final
}

var kernelList = []kernelTest{
	{"REFCOUNT_INC_OVERFLOW", nearMax, "Drop Get Get Get", overflowCheck},
	{"REFCOUNT_ADD_OVERFLOW", nearMax, "Drop Drop Drop Drop GetN(4) GetN(4)", overflowCheck},
	{"REFCOUNT_INC_NOT_ZERO_OVERFLOW", atMax, "TryGet", overflowCheck},
	{"REFCOUNT_ADD_NOT_ZERO_OVERFLOW", atMax, "TryGetN(6)", overflowCheck},
	{"REFCOUNT_DEC_ZERO", atTwo, "Drop Drop", checkZero},
	{"REFCOUNT_DEC_NEGATIVE", atZero, "Drop", checkNegative},
	{"REFCOUNT_DEC_AND_TEST_NEGATIVE", atZero, "Put", checkNegative},
	{"REFCOUNT_SUB_AND_TEST_NEGATIVE", atThree, "PutN(5)", checkNegative},
	{"REFCOUNT_INC_ZERO", atZero, "TryGet Get", checkFromZero},
	{"REFCOUNT_ADD_ZERO", atZero, "TryGetN(3) GetN(3)", checkFromZero},
	{"REFCOUNT_INC_SATURATED", atSaturated, "Get", checkSaturated},
	{"REFCOUNT_DEC_SATURATED", atSaturated, "Drop", checkSaturated},
	{"REFCOUNT_ADD_SATURATED", atSaturated, "GetN(8)", checkSaturated},
	{"REFCOUNT_INC_NOT_ZERO_SATURATED", atSaturated, "TryGet", checkSaturated},
	{"REFCOUNT_ADD_NOT_ZERO_SATURATED", atSaturated, "TryGetN(7)", checkSaturated},
	{"REFCOUNT_DEC_AND_TEST_SATURATED", atSaturated, "Put", checkSaturated},
	{"REFCOUNT_SUB_AND_TEST_SATURATED", atSaturated, "PutN(8)", checkSaturated},
}

func kernelRules() []Rule {
	var list []Rule
	for _, k := range kernelList {
		doc := fmt.Sprintf("From %s, %s do what the promise says.", k.start, strings.ReplaceAll(k.calls, " ", ", "))
		list = append(list, Rule{k.name, Kernel, doc, k.plan})
	}
	return list
}

// detects reports whether the call must find the count dead and leave it so.
func (k kernelTest) detects(c spec.Call) bool {
	return k.start == atZero && c.Op.Moves().If == spec.Alive
}

// odd is what the kernel's test says of a call that returned something else than it
// wants: "Weird", which is a warning, or an error if it took a reference of a dead count.
func (k kernelTest) odd(c spec.Call, result bool) Verdict {
	switch detects := k.detects(c); {
	case !c.Op.Reports() || result == (c.Op.Takes() && !detects):
		return Good
	case detects:
		return Fail
	}
	return Tolerated
}

// begin returns ways to where the test starts, all to one state. Zero is detected in
// it, since the kernel's count always does. (The kernel just sets the number.)
func (k kernelTest) begin(e *env) []begin {
	limit := e.p.Limit
	refs, numbered := k.start.refs(limit)
	st := e.exact(refs)
	if numbered {
		path := e.sp.Path(st)
		if path == nil {
			e.skip("no calls that %s has lead to %s references", e.s.Name, k.start)
		}
		return []begin{{path, st}}
	}
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
	st = e.exact(limit)
	path, next := e.sp.Path(st), e.sp.Step(st, over)
	if path == nil || len(next) == 0 || next[0].Next.Lost || next[0].Next.Refs == limit {
		e.skip("%s can't be brought past its limit", e.s.Name)
	}
	return []begin{{append(slices.Clone(path), over), next[0].Next}}
}

// saturate returns ways to saturate a count: below zero, and past the limit. There it may
// be left for the next call to make it stick, so that is the last that is tried.
func (e *env) saturate(want spec.State) []begin {
	var ways []begin
	for _, way := range []struct {
		refs int64
		op   spec.Op
	}{{0, spec.Put}, {0, spec.Get}, {e.p.Limit, spec.TryGet}, {e.p.Limit, spec.Get}} {
		from := e.exact(way.refs)
		last := spec.Call{Op: way.op}
		path := e.sp.Path(from)
		if next := e.sp.Step(from, last); path != nil && len(next) == 1 && next[0].Next == want {
			ways = append(ways, begin{append(slices.Clone(path), last), want})
		}
	}
	return ways
}

func (k kernelTest) plan(e *env) func() error {
	calls := parse(k.calls)
	for i := range calls {
		// Near the limit drops only prepare, so that any will do.
		if calls[i].Op == spec.Drop && k.start == nearMax && !e.sp.Has(spec.Drop) {
			calls[i].Op = spec.Put
		}
		e.need(calls[i].Op)
	}
	starts := k.begin(e)
	readable := e.sp.Has(spec.Count) && e.p.Count != strategies.None
	expected := k.judge(e.p.Limit, &model{e: e, st: starts[0].state}, calls, readable)
	refused := k.judge(e.p.Limit, &model{e: e, st: starts[0].state, refuses: true}, calls, readable)
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
		got := k.judge(e.p.Limit, r, calls, readable)
		e.res.Checks = r.r.Checks
		expected := expected
		if got == refused {
			expected = refused
		}
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

// judge makes the test's calls and returns what the kernel's test says.
func (k kernelTest) judge(limit int64, m machine, calls []spec.Call, readable bool) Verdict {
	verdict := Good
	count := func() int64 { return m.do(spec.Call{Op: spec.Count}).Value }
	var first int64
	if readable && k.start == atSaturated {
		first = count()
	}
	for _, c := range calls {
		a := m.do(c)
		if a.Panicked != nil {
			return verdict // it was noticed, and nothing comes after
		}
		verdict = worse(verdict, k.odd(c, a.Result))
		if k.detects(c) && readable && count() != 0 {
			verdict = Fail
		}
	}
	if !readable {
		return verdict
	}
	begin, numbered := k.start.refs(limit)
	n := count()
	switch {
	case n == limit:
		return worse(verdict, Tolerated)
	case numbered && n == begin:
		return worse(verdict, k.final.start)
	case n == 0:
		return worse(verdict, k.final.zero)
	case n > 0 && n < limit || k.start == atSaturated && n != first:
		return Fail
	case k.start == atSaturated:
		return verdict
	}
	// It is no number of references. Is it stuck there? It needn't be for all
	// operations, since one of them may be what is wrong; but then others
	// bring it back.
	m.stopJudging()
	for _, op := range []spec.Op{spec.Put, spec.Put, spec.Get} {
		m.do(spec.Call{Op: op})
		if count() == n {
			return verdict
		}
	}
	return Fail
}

// A model is a count that does what the promise says.
type model struct {
	e  *env
	st spec.State

	// refuses: where who tries may be refused instead of a panic, it is.
	refuses bool
}

func (m *model) do(c spec.Call) spec.Answer {
	outcomes := m.e.sp.Step(m.st, c)
	if len(outcomes) == 0 {
		m.e.skip("%s at %q isn't promised: %s", c, m.st, m.e.sp.Unpromised(m.st, c))
	}
	o := outcomes[0]
	if o.Panics && m.refuses {
		o = outcomes[len(outcomes)-1]
	}
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
	if a == Fail || b == Good {
		return a
	}
	return b
}

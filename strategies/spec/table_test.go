package spec_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/percpu"
	"github.com/refbench/refbench/strategies/saturating"
	"github.com/refbench/refbench/strategies/spec"
)

// refcount is what Linux' refcount_t does, worked out by hand from
// include/linux/refcount.h (commit 00247cbf173a) for the operations that the
// saturating strategy has, and lib/refcount.c for dec_if_one and dec_not_one. A cell
// is "value/return!warning". bad stands for each of REFCOUNT_SATURATED, the value
// above it, and -1: every operation treats them alike, but for which number in the
// bad half it leaves. (Of INT_MIN, which is seen only while an operation is between
// its two steps, dec_not_one makes INT_MAX: package saturating says when.)
const refcount = `
operation        call           0        1        2        MAX-1       MAX         bad
inc              Get            bad!uaf  2        3        MAX         bad!ovf     bad!ovf
add(4)           GetN(4)        bad!uaf  5        6        bad!ovf     bad!ovf     bad!ovf
inc_not_zero     TryGet         0/F      2/T      3/T      MAX/T       bad/T!tov   bad/T!tov
add_not_zero(4)  TryGetN(4)     0/F      5/T      6/T      bad/T!tov   bad/T!tov   bad/T!tov
dec_and_test     Put            bad/F!suf 0/T     1/F      MAX-2/F     MAX-1/F     bad/F!suf
sub_and_test(4)  PutN(4)        bad/F!suf bad/F!suf bad/F!suf MAX-5/F  MAX-4/F     bad/F!suf
dec              Drop           bad!leak bad!leak 1        MAX-2       MAX-1       bad!leak
dec_if_one       PutIfOne       0/F      0/T      2/F      MAX-1/F     MAX/F       bad/F
dec_not_one      PutUnlessOne   0/T!suf  1/F      1/T      MAX-2/T     MAX-1/T     bad/T
dec_and_lock     PutAndLock     0/F!suf  0/T      1/F      MAX-2/F     MAX-1/F     bad/F
`

// counting is what a signed number of 32 bits does that wraps and looks only for
// zero, worked out by hand.
const counting = `
operation        call           -1       0        1        2        MAX-1       MAX         MIN
atomic_inc       Get            0        1        2        3        MAX         MIN         MIN+1
atomic_add(4)    GetN(4)        3        4        5        6        MIN+2       MIN+3       MIN+4
inc_not_zero     TryGet         0/T      0/F      2/T      3/T      MAX/T       MIN/T       MIN+1/T
add_unless_zero  TryGetN(4)     3/T      0/F      5/T      6/T      MIN+2/T     MIN+3/T     MIN+4/T
dec_and_test     Put            -2/F     -1/F     0/T      1/F      MAX-2/F     MAX-1/F     MAX/F
sub_and_test(4)  PutN(4)        -5/F     -4/F     -3/F     -2/F     MAX-5/F     MAX-4/F     MAX-3/F
dec              Drop           -2       -1       0        1        MAX-2       MAX-1       MAX
cmpxchg(1,0)     PutIfOne       -1/F     0/F      0/T      2/F      MAX-1/F     MAX/F       MIN/F
add_unless(-1,1) PutUnlessOne   -2/T     -1/T     1/F      1/T      MAX-2/T     MAX-1/T     MAX/T
__kref_get       Resurrect      0        1        2        3        MAX         MIN         MIN+1
atomic_read      Count          -1       0        1        2        MAX-1       MAX         MIN
`

func TestSpecificationAgreesWithHandMadeTables(t *testing.T) {
	for _, tt := range []struct {
		s     *strategies.Strategy
		table string
	}{{saturating.Strategy, refcount}, {atomic.Strategy, counting}} {
		sp := spec.Of(tt.s)
		rows := strings.Split(strings.TrimSpace(tt.table), "\n")
		starts := strings.Fields(rows[0])[2:]
		seen := make(map[spec.Op]bool)
		for _, row := range rows[1:] {
			cells := strings.Fields(row)
			call, err := spec.ParseCall(cells[1])
			if err != nil {
				t.Fatal(err)
			}
			seen[call.Op] = true
			if len(cells) != 2+len(starts) {
				t.Fatalf("row %s has %d cells, want %d", cells[0], len(cells)-2, len(starts))
			}
			for i, want := range cells[2:] {
				st := state(t, starts[i])
				var got []string
				for _, o := range sp.Step(st, call) {
					got = append(got, cell(call, o))
				}
				if !slices.Equal(got, []string{want}) {
					t.Errorf("%s: %s (%s) at %s: specified is %q, want %q", tt.s, call, cells[0], starts[i], got, want)
				}
			}
		}
		// Kill is Put, and how a life begins the other tests say.
		for _, op := range sp.Ops() {
			if !seen[op] && op != spec.Init && op != spec.InitAt && op != spec.Kill && !(op == spec.Count && tt.s == saturating.Strategy) {
				t.Errorf("%s: the hand-made table has no row for %s", tt.s, op)
			}
		}
	}
}

// state returns the state that a column stands for.
func state(t *testing.T, text string) spec.State {
	t.Helper()
	if text == "bad" {
		return spec.State{Saturated: true}
	}
	for name, n := range map[string]int64{"MAX": math.MaxInt32, "MIN": math.MinInt32} {
		if rest, ok := strings.CutPrefix(text, name); ok {
			var d int64
			fmt.Sscan(rest, &d) // nothing is 0
			return spec.State{Refs: n + d}
		}
	}
	var n int64
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatalf("column %q: %v", text, err)
	}
	return spec.State{Refs: n}
}

// cell returns an outcome as the hand-made tables write it.
func cell(call spec.Call, o spec.Outcome) string {
	var b strings.Builder
	switch n := o.Next.Refs; {
	case o.Next.Saturated:
		b.WriteString("bad")
	case n == math.MaxInt32:
		b.WriteString("MAX")
	case n == math.MinInt32:
		b.WriteString("MIN")
	case n > math.MaxInt32-100:
		fmt.Fprintf(&b, "MAX%+d", n-math.MaxInt32)
	case n < math.MinInt32+100:
		fmt.Fprintf(&b, "MIN%+d", n-math.MinInt32)
	default:
		fmt.Fprint(&b, n)
	}
	if call.Op.Reports() {
		b.WriteString(map[bool]string{true: "/T", false: "/F"}[o.Result])
	}
	if o.Warns {
		b.WriteString("!" + map[strategies.Misuse]string{
			strategies.GetAfterFree:   "uaf",
			strategies.GetOverflow:    "ovf",
			strategies.TryGetOverflow: "tov",
			strategies.PutAfterFree:   "suf",
			strategies.DropToZero:     "leak",
		}[o.Misuse])
	}
	if call.Op == spec.Count && o.Value != o.Next.Refs {
		fmt.Fprintf(&b, " but reads %d", o.Value)
	}
	return b.String()
}

// The modes of a per-CPU count, as walks: each call with what it returns, and in
// brackets the state that it leaves.
func TestModesOfPerCPUCounts(t *testing.T) {
	for _, walk := range []string{
		"Init [1 reference] Get [2 references] Kill false [1 reference, killed] TryGetLive false TryGet true [2 references, killed] PutN(2) true [0 references, killed] TryGet false Reinit [1 reference] TryGetLive true [2 references]",
		"InitAt(3) SwitchToAtomic [3 references, atomic] Put false Put false [1 reference, atomic] Put true [0 references, atomic] TryGet false TryGetLive false Kill false [-1 references, killed]",
		"InitAt(2) SwitchToAtomic SwitchToPerCPU [2 references] Kill false SwitchToPerCPU [1 reference, killed] SwitchToAtomic [1 reference, killed] ResurrectLive [2 references] Put false Kill true [0 references, killed]",
		"Init Kill true ResurrectLive [1 reference] KillAndConfirm true Resurrect [1 reference, killed] Put true Init [1 reference]",
		"InitAt(4611686018427387904) Get [4611686018427387905 references] Put false [4611686018427387904 references]",
	} {
		sp := spec.Of(percpu.Strategy)
		r := sp.NewRunner()
		var call spec.Call
		var a spec.Answer
		for rest := walk; rest != ""; {
			var word string
			if inside, ok := strings.CutPrefix(rest, "["); ok {
				word, rest, _ = strings.Cut(inside, "]")
				if got := r.State().String(); got != word {
					t.Errorf("%s\nafter %v the state is %q, want %q", walk, r.Done(), got, word)
				}
				rest = strings.TrimSpace(rest)
				continue
			}
			word, rest, _ = strings.Cut(rest, " ")
			if word == "true" || word == "false" {
				if fmt.Sprint(a.Result) != word {
					t.Errorf("%s\nafter %v %s returned %v, want %s", walk, r.Done(), call, a.Result, word)
				}
				continue
			}
			var err error
			if call, err = spec.ParseCall(word); err == nil {
				a, err = r.Do(call)
			}
			if err != nil {
				t.Fatalf("%s\n%v", walk, err)
			}
		}
	}
}

// some returns the promise of a count up to 100 that responds to all misuse with
// r.
func some(r strategies.Response) strategies.Promise {
	p := strategies.Promise{
		Limit: 100, Width: 8, Overflow: r, Underflow: r, GetOnZero: r,
		Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.Exact,
		Progress: strategies.Blocking, Bytes: 8,
	}
	if r == strategies.Wraps {
		p.GetOnZero = strategies.Revives
	}
	return p
}

// of returns the specification of a count with every method of the saturating one
// and another promise: nothing here calls them.
func of(p strategies.Promise) *spec.Spec {
	return spec.Of(&strategies.Strategy{Name: "some", Doc: "a promise", Promise: p, New: saturating.Strategy.New})
}

// What the built-in strategies don't promise, others may.
func TestOtherPromises(t *testing.T) {
	refuses, panics, wraps := some(strategies.Refuses), some(strategies.Panics), some(strategies.Wraps)
	spurious, unsaid, unread, mixed := some(strategies.Saturates), wraps, wraps, wraps
	spurious.TryGet = strategies.Spurious
	unsaid.Width = 0
	unread.Count = strategies.None
	mixed.Underflow = strategies.Saturates
	unlessOne := refuses
	unlessOne.PutUnlessOne = strategies.Panics
	for _, tt := range []struct {
		what string
		p    strategies.Promise
		refs int64
		call string
		want string
	}{
		{"refuses", refuses, 100, "Get", "100!ovf"},
		{"refuses", refuses, 100, "TryGet", "100/F!tov"},
		{"refuses", refuses, 97, "TryGetN(3)", "100/T"},
		{"refuses", refuses, 98, "TryGetN(3)", "98/F!tov"},
		{"refuses", refuses, 0, "Get", "0!uaf"},
		{"refuses", refuses, 0, "Put", "0/F!suf"},
		{"refuses", refuses, 2, "PutN(3)", "2/F!suf"},
		{"refuses", refuses, 1, "Drop", "1!leak"},
		{"refuses", refuses, 0, "PutUnlessOne", "0/T!suf"},
		{"refuses but for PutUnlessOne", unlessOne, 0, "PutUnlessOne", "panics"},
		{"refuses but for PutUnlessOne", unlessOne, 0, "Put", "0/F!suf"},
		{"panics", panics, 100, "Get", "panics"},
		{"panics", panics, 100, "TryGet", "panics or 100/F"},
		{"panics", panics, 0, "TryGet", "0/F"},
		{"panics", panics, 0, "Put", "panics"},
		{"panics", panics, 1, "Drop", "panics"},
		{"panics", panics, 0, "PutAndLock", "panics"},
		{"spurious", spurious, 3, "TryGet", "4/T or 3/F"},
		{"spurious", spurious, 100, "TryGet", "bad/T!tov or 100/F"},
		{"spurious", spurious, 0, "TryGet", "0/F"},
		{"wraps at 8 bits", wraps, 100, "Get", "-155"},
		{"wraps at 8 bits", wraps, -155, "Put", "100/F"},
		{"wraps at 8 bits", wraps, 1, "GetN(255)", "0"},
		{"wraps, nobody says where", unsaid, 100, "Get", "lost"},
		{"wraps, nobody says where", unsaid, 0, "Put", "lost"},
		{"wraps above, saturates below", mixed, 100, "Get", "-155"},
		{"wraps above, saturates below", mixed, -155, "Put", ""},
		{"wraps above, saturates below", mixed, 0, "Put", "bad/F!suf"},
		{"can't be read", unread, 3, "Count", "3 but reads 0 or anything"},
		{"a life isn't over", wraps, 3, "InitAt(3)", ""},
		{"past the limit", wraps, 0, "InitAt(101)", ""},
		{"nothing", wraps, 3, "GetN(0)", ""},
		{"less than nothing", wraps, 3, "PutN(-1)", ""},
	} {
		sp := of(tt.p)
		call, err := spec.ParseCall(tt.call)
		if err != nil {
			t.Fatal(err)
		}
		st := spec.State{Refs: tt.refs}
		var got []string
		for _, o := range sp.Step(st, call) {
			switch {
			case o.Panics:
				got = append(got, "panics")
			case o.Next.Lost:
				got = append(got, "lost")
			case o.AnyValue:
				got = append(got, "3 but reads 0 or anything")
			default:
				got = append(got, cell(call, o))
			}
		}
		if got := strings.Join(got, " or "); got != tt.want {
			t.Errorf("%s: %s at %d: specified is %q, want %q", tt.what, tt.call, tt.refs, got, tt.want)
		}
		if unpromised := sp.Unpromised(st, call) != ""; unpromised != (tt.want == "") {
			t.Errorf("%s: %s at %d: Unpromised says %q", tt.what, tt.call, tt.refs, sp.Unpromised(st, call))
		}
	}
}

// The boundaries are where the issues are: each strategy's list, in full.
func TestStatesAreTheBoundaries(t *testing.T) {
	for _, tt := range []struct {
		s    *strategies.Strategy
		want string
	}{
		{atomic.Strategy, "-1, 0, 1, 2, 2147483646, 2147483647, -2147483648, 0 killed, 1 killed"},
		{saturating.Strategy, "0, 1, 2, 2147483646, 2147483647, saturated, 0 killed, 1 killed"},
		{percpu.Strategy, "1, 2, 4611686018427387903, 4611686018427387904, 4611686018427387905, " +
			"-1 atomic, 0 atomic, 1 atomic, 2 atomic, 4611686018427387903 atomic, 4611686018427387904 atomic, 4611686018427387905 atomic, " +
			"-1 killed, 0 killed, 1 killed, 2 killed, 4611686018427387903 killed, 4611686018427387904 killed, 4611686018427387905 killed"},
	} {
		var got []string
		sp := spec.Of(tt.s)
		for _, st := range sp.States() {
			text := strings.NewReplacer(" references", "", " reference", "", ",", "").Replace(st.String())
			got = append(got, text)
			if len(sp.Path(st)) == 0 {
				t.Errorf("%s: no calls lead to %q", tt.s, st)
			}
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s: the boundaries are\n%s, want\n%s", tt.s, got, tt.want)
		}
	}
}

// A cell of the printed page says all that an outcome may be.
func TestPageSaysWhatMayHappen(t *testing.T) {
	p := some(strategies.Panics)
	p.TryGet = strategies.Spurious
	page := string(spec.Markdown([]*strategies.Strategy{
		{Name: "some", Doc: "a count with a promise", Promise: p, New: saturating.Strategy.New},
		percpu.Strategy,
	}))
	for _, want := range []string{
		"## some\n\nA count with a promise.\n\nIt promises: limit 100, width 8, overflow panics,",
		"| | dead | 1 | 2 | 99 | limit |\n",
		"| Get | panics | 2 | 3 | limit | panics |\n",
		"| TryGet | dead, false | 2, true *or* 1, false | 3, true *or* 2, false | limit, true *or* 99, false | panics *or* limit, false |\n",
		"| Init | 1 | – (1) | – (1) | – (1) | – (1) |\n",
		"\n1. a life isn't over\n",
		"### percpu, after Kill\n",
		"| PutN(2) | – (2) | – (2) | limit-3, false | limit-2, false | limit-1, false |\n",
		"\n2. the owner's reference is dropped by Kill alone before zero is detected\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%.3000s", want, page)
		}
	}
}

// TestCodes: each operation that programs have stands for its code, and no other has one.
func TestCodes(t *testing.T) {
	sp := spec.Of(saturating.Strategy)
	for op := range spec.Op(spec.CodeCount) {
		if _, ok := op.Code(); !ok && op > spec.InitAt && sp.Has(op) {
			t.Errorf("a count has %v, which is none", op)
		}
		code, ok := op.Code()
		switch {
		case ok && spec.OpOfCode(code) != op:
			t.Errorf("%v has code %d, which is that of %v", op, code, spec.OpOfCode(code))
		case !ok && code != 0:
			t.Errorf("%v, which programs don't have, has code %d", op, code)
		}
	}
}

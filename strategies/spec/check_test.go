package spec_test

import (
	"math"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// answer returns what a count that does o answers.
func answer(call spec.Call, o spec.Outcome) spec.Answer {
	a := spec.Answer{Result: o.Result, Value: o.Value, Heard: true}
	switch {
	case o.Panics:
		a.Panicked = "misuse"
	case o.NoNumber:
		a.Value = -5
	case call.Op == spec.PutAndLock && o.Result:
		a.Locks = 1
	case call.Op == spec.KillAndConfirm:
		a.Confirms = 1
	}
	if o.Warns {
		a.Misuse = []strategies.Misuse{o.Misuse}
	}
	return a
}

// Each right answer passes, and each that differs in one thing fails.
func TestCheckSeesEveryDifference(t *testing.T) {
	list := []*spec.Spec{of(some(strategies.Panics)), of(some(strategies.Refuses))}
	for _, s := range builtin.All() {
		list = append(list, spec.Of(s))
	}
	tried := make(map[string]int)
	for _, sp := range list {
		for _, row := range sp.Table() {
			for i, o := range row.Outcomes {
				right := answer(row.Call, o)
				next, err := sp.Check(row.State, row.Call, right)
				if err != nil || next != o.Next {
					t.Errorf("%s at %q: %s with its outcome %d: got state %q and %v, want %q", sp.Name(), row.State, row.Call, i, next, err, o.Next)
				}
				if len(row.Outcomes) > 1 || o.Panics {
					continue // another outcome may be what the changes make
				}
				wrong := func(what string, change func(a *spec.Answer)) {
					a := right
					change(&a)
					tried[what]++
					next, err := sp.Check(row.State, row.Call, a)
					switch {
					case err == nil:
						t.Errorf("%s at %q: %s passes with %s", sp.Name(), row.State, row.Call, what)
					case next != row.State:
						t.Errorf("%s at %q: %s with %s goes on in state %q", sp.Name(), row.State, row.Call, what, next)
					case !strings.HasPrefix(err.Error(), sp.Name()+" in state ") || !strings.Contains(err.Error(), row.Call.String()+" "):
						t.Errorf("the error %q doesn't name strategy, state and call", err)
					}
				}
				wrong("a panic", func(a *spec.Answer) { a.Panicked = "oh" })
				if row.Call.Op.Reports() {
					wrong("the other result", func(a *spec.Answer) { a.Result = !a.Result })
				}
				if row.Call.Op == spec.Count {
					if o.NoNumber {
						wrong("a saturated count that reads like a number", func(a *spec.Answer) { a.Value = 7 })
						wrong("a saturated count that reads as dead", func(a *spec.Answer) { a.Value = 0 })
						wrong("a saturated count that reads as at its limit", func(a *spec.Answer) { a.Value = sp.Promise().Limit })
					} else {
						wrong("one reference more", func(a *spec.Answer) { a.Value++ })
					}
				}
				if row.Call.Op == spec.PutAndLock {
					wrong("a lock taken or left otherwise", func(a *spec.Answer) { a.Locks = 1 - a.Locks })
					wrong("the lock released", func(a *spec.Answer) { a.Locks, a.Unlocks = 1, 1 })
				}
				if row.Call.Op == spec.KillAndConfirm {
					wrong("no confirmation", func(a *spec.Answer) { a.Confirms = 0 })
					wrong("two confirmations", func(a *spec.Answer) { a.Confirms = 2 })
				}
				if o.Warns {
					wrong("no report", func(a *spec.Answer) { a.Misuse = nil })
					wrong("another report", func(a *spec.Answer) { a.Misuse = []strategies.Misuse{(o.Misuse + 1) % 5} })
					wrong("two reports", func(a *spec.Answer) { a.Misuse = []strategies.Misuse{o.Misuse, o.Misuse} })
				} else {
					wrong("a report", func(a *spec.Answer) { a.Misuse = []strategies.Misuse{strategies.GetOverflow} })
				}
			}
		}
	}
	if len(tried) != 14 {
		t.Errorf("%d kinds of difference were tried, want 14: %v", len(tried), tried)
	}
}

func TestCheckOfMissingPanic(t *testing.T) {
	sp := of(some(strategies.Panics))
	full := spec.State{Refs: 100}
	for call, want := range map[spec.Op]string{
		spec.Get:    `some in state "100 references": Get didn't panic`,
		spec.TryGet: `some in state "100 references": TryGet didn't panic, or returned true, want false`,
	} {
		_, err := sp.Check(full, spec.Call{Op: call}, spec.Answer{Result: true})
		if err == nil || err.Error() != want {
			t.Errorf("got the error %v, want %s", err, want)
		}
	}
}

// A silent monitor is right only if nobody listened.
func TestUnheardMisuseIsNotJudged(t *testing.T) {
	sp := of(some(strategies.Refuses))
	if _, err := sp.Check(spec.State{}, spec.Call{Op: spec.Put}, spec.Answer{Heard: false}); err != nil {
		t.Error(err)
	}
	if _, err := sp.Check(spec.State{}, spec.Call{Op: spec.Put}, spec.Answer{Heard: true}); err == nil {
		t.Error("Put on a dead count that reports nothing passes")
	}
}

func TestUnpromisedCallsAreNotChecked(t *testing.T) {
	sp := of(some(strategies.Wraps))
	_, err := sp.Check(spec.State{Refs: 2}, spec.Call{Op: spec.Init}, spec.Answer{})
	const want = `some in state "2 references": Init is not promised: a life isn't over`
	if err == nil || err.Error() != want {
		t.Errorf("got the error %v, want %s", err, want)
	}
}

func TestCallsReadBack(t *testing.T) {
	for _, op := range spec.Ops() {
		numbers := []int64{0}
		if op.TakesNumber() {
			numbers = []int64{1, 0, -1, math.MaxInt64, math.MinInt64}
		}
		for _, n := range numbers {
			want := spec.Call{Op: op, N: n}
			if got, err := spec.ParseCall(want.String()); got != want || err != nil {
				t.Errorf("ParseCall(%q) = %v, %v, want %v", want, got, err, want)
			}
		}
	}
}

func TestBadCallsAreExplained(t *testing.T) {
	for text, want := range map[string]string{
		"":                              `no operation is called ""`,
		"get":                           `no operation is called "get"`,
		"GetN":                          "GetN takes a number, as in GetN(2)",
		"Get(1)":                        "Get takes no number, so write Get",
		"Get()":                         "Get takes no number",
		"GetN()":                        "want one number of 64 bits in parentheses",
		"GetN(1":                        "want one number of 64 bits in parentheses",
		"GetN(1))":                      "want one number of 64 bits in parentheses",
		"GetN(+1)":                      "want one number of 64 bits in parentheses",
		"GetN(01)":                      "want one number of 64 bits in parentheses",
		"GetN(9223372036854775808)":     "want one number of 64 bits in parentheses",
		"Op(3)":                         `no operation is called "Op"`,
		strings.Repeat("\x00", 1000000): "no operation is called",
	} {
		_, err := spec.ParseCall(text)
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 1000 {
			t.Errorf("ParseCall(%.40q): got the error %.1000v, want it to say %s", text, err, want)
		}
	}
}

// A count that panics, and one that reports, answer with that.
func TestSubjectHearsMonitorAndPanics(t *testing.T) {
	for _, s := range builtin.All() {
		x := spec.New(s)
		x.Do(spec.Call{Op: spec.Init})
		x.Do(spec.Call{Op: spec.Kill})
		a := x.Do(spec.Call{Op: spec.Get})
		_, monitored := x.Counter.(strategies.Monitored)
		// Killed, so that it is dead for every strategy.
		warns := spec.Of(s).Step(spec.State{Killed: true}, spec.Call{Op: spec.Get})[0].Warns
		if a.Heard != monitored || (monitored && warns) != (len(a.Misuse) == 1) {
			t.Errorf("%s: Get on a dead count answered %+v, heard %v; it has a monitor: %v", s, a, a.Heard, monitored)
		}
	}
	var none strategies.Counter
	if a := spec.Do(none, spec.Call{Op: spec.Get}); a.Panicked == nil {
		t.Errorf("Get on no counter at all answered %+v, want a panic", a)
	}
}

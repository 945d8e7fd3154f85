package engine

import (
	"fmt"
	"runtime"
	"strings"
)

// A Kind of failure.
type Kind string

// The kinds of failure.
const (
	KindViolation        Kind = "violation"        // an oracle of the case says so
	KindRace             Kind = "race"             // plain accesses that are not ordered
	KindDeadlock         Kind = "deadlock"         // threads are left and none can go on
	KindLivelock         Kind = "livelock"         // threads go on without getting anywhere
	KindLeak             Kind = "leak"             // something is left at the end
	KindPanic            Kind = "panic"            // the explored code panicked
	KindMisuse           Kind = "misuse"           // a primitive was used wrongly: unlock of an unlocked mutex
	KindGoexit           Kind = "goexit"           // a thread called runtime.Goexit
	KindUnsupported      Kind = "unsupported"      // something that isn't modelled
	KindNondeterministic Kind = "nondeterministic" // the same decisions led elsewhere
)

// A Failure is what went wrong in an execution.
type Failure struct {
	Kind    Kind
	Message string
	Thread  int // its number, or Outside
	Step    int // points passed
	Stack   string
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %s", f.Kind, f.Message) }

// abortType is what panics are of that are the engine's own.
type abortType struct{ _ int }

// abort unwinds Setup and Finish.
var abort = &abortType{}

// unwind ends what runs, because the execution is given up: deferred calls run. It ends
// a thread by Goexit, which explored code that recovers from panics doesn't see.
func (e *Engine) unwind() {
	if e.phase == runPhase {
		runtime.Goexit()
	}
	panic(abort)
}

// record keeps the first failure of an execution.
func (e *Engine) record(k Kind, msg string, stack []byte) {
	if e.failure != nil {
		return
	}
	number := Outside
	if e.cur != nil {
		number = e.cur.Number
	}
	f := &Failure{Kind: k, Message: msg, Thread: number, Step: e.Step(), Stack: trimStack(string(stack))}
	if e.trace && e.cur != nil {
		e.event(e.cur, Op{Kind: OpFail, Loc: NoLoc}, 0, 0, false)
		e.Events[len(e.Events)-1].Text = string(k) + ": " + msg
	}
	e.failure = f
	e.beginAbort()
}

// beginAbort makes every thread unwind.
func (e *Engine) beginAbort() {
	if e.phase == runPhase {
		e.base, e.grant, e.fuel = e.Step(), abortPoints, abortPoints
		e.aborting = true
		e.note = false
	}
}

// abortPoints is how many points a thread may pass while it unwinds, in deferred calls,
// before what runs is unwound again.
const abortPoints = 10000

// Fail ends the execution with a failure. It doesn't return to a thread.
func (e *Engine) Fail(k Kind, msg string) {
	e.record(k, msg, nil)
	e.unwind()
}

// trimStack drops the lines of the engine at the bottom of a stack.
func trimStack(s string) string {
	for _, own := range []string{"internal/engine.(*Engine).run(", "internal/engine.(*Engine).guard("} {
		if i := strings.Index(s, own); i >= 0 {
			s = s[:strings.LastIndex(s[:i], "\n")+1]
		}
	}
	// The top lines are debug.Stack, our deferred function and panic
	// itself; what matters begins after the line "panic(...)".
	if i := strings.Index(s, "\npanic("); i >= 0 {
		rest := s[i+1:]
		for range 2 {
			if j := strings.Index(rest, "\n"); j >= 0 {
				rest = rest[j+1:]
			}
		}
		s = rest
	}
	return s
}

// Nondeterministic is called by a search that finds that the same decisions led
// elsewhere.
func (e *Engine) Nondeterministic(msg string) {
	e.record(KindNondeterministic, msg+" at point "+itoa(e.Step())+"; something differs from one execution to the next: state that Setup doesn't reset, a map's order, a clock, a random number", nil)
}

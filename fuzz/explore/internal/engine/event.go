package engine

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strings"
)

// An Event is one step of a traced execution.
type Event struct {
	Step             int
	Thread           int // its number, or Outside
	CPU              int
	Kind             OpKind
	Where            string // name of the location
	Old              uint64
	OldName, NewName string // of pointers
	New              uint64
	Wrote            bool
	File             string
	Line             int
	Func             string
	Value            string // Show, after the step
	Text             string
}

// event appends an event and returns where in the source it is.
func (e *Engine) event(t *Thread, op Op, old, new uint64, wrote bool) string {
	ev := Event{
		Step: e.Step(), Thread: t.Number, CPU: t.cpu, Kind: op.Kind, Where: e.LocName(op.Loc),
		Old: old, New: new, Wrote: wrote,
	}
	if op.Kind != OpEnd {
		ev.File, ev.Line, ev.Func = e.caller()
	}
	if e.Show != nil && e.phase == runPhase {
		// Show may use drop-ins, which must not decide anything.
		phase, note, fuel, cur := e.phase, e.note, e.fuel, e.cur
		e.phase, e.note, e.fuel, e.cur, e.trace = finishPhase, false, math.MaxInt, &e.outside, false
		ev.Value = e.Show()
		e.phase, e.note, e.fuel, e.cur, e.trace = phase, note, fuel, cur, true
	}
	e.Events = append(e.Events, ev)
	if ev.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", filepath.Base(ev.File), ev.Line)
}

// Text puts a line of the case's own into the events.
func (e *Engine) Text(s string) {
	if e.trace && e.phase == runPhase {
		e.event(e.cur, Op{Kind: OpNote, Loc: NoLoc}, 0, 0, false)
		e.Events[len(e.Events)-1].Text = s
	}
}

const home = "github.com/refbench/refbench/fuzz/explore"

// isOwn reports whether the function is the explorer's, or of a drop-in of the case:
// not, for example, of package explored, which is explored code.
func (c *Case) isOwn(function string) bool {
	if rest, ok := strings.CutPrefix(function, home); ok && (strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ".")) {
		return true
	}
	for _, path := range c.DropIns {
		if rest, ok := strings.CutPrefix(function, path); ok && strings.HasPrefix(rest, ".") {
			return true
		}
	}
	return false
}

// caller returns the innermost frame outside of the explorer and the drop-ins.
func (e *Engine) caller() (file string, line int, fn string) {
	var pcs [48]uintptr
	n := runtime.Callers(3, pcs[:])
	frames := runtime.CallersFrames(pcs[:n])
	for {
		f, more := frames.Next()
		own := e.caseOf.isOwn(f.Function) && !strings.HasSuffix(f.File, "_test.go") && !strings.Contains(f.Function, "/testdata/")
		if !own {
			if strings.HasPrefix(f.Function, "runtime.") || strings.HasPrefix(f.Function, "iter.") {
				return "", 0, ""
			}
			return f.File, f.Line, f.Function
		}
		if !more {
			return "", 0, ""
		}
	}
}

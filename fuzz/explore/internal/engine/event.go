package engine

import (
	"math"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/refbench/refbench/fuzz/explore/internal/source"
)

// An Event is one step of a traced execution.
type Event struct {
	Step             int
	Thread           int // its number, or Outside
	CPU              int
	Kind             OpKind
	Loc              uint32 // NoLoc if there is none
	Others           bool   // other locations too
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
		Step: e.Step(), Thread: t.Number, CPU: t.cpu, Kind: op.Kind, Loc: op.Loc, Others: len(t.with) > 0,
		Old: old, New: new, Wrote: wrote,
	}
	if op.Kind != OpEnd {
		ev.File, ev.Line, ev.Func = e.caller()
		e.nameAs(op, ev.File, ev.Line)
	}
	ev.Where = e.LocName(op.Loc)
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
	return source.Place(ev.File, ev.Line)
}

// Text puts a line of the case's own into the events.
func (e *Engine) Text(s string) {
	if e.trace && e.phase == runPhase {
		e.event(e.cur, Op{Kind: OpNote, Loc: NoLoc}, 0, 0, false)
		e.Events[len(e.Events)-1].Text = s
	}
}

const (
	module = "github.com/refbench/refbench"
	// home is in one piece: where the explorer is copied into another module, its path is
	// replaced in the text.
	home = "github.com/refbench/refbench/fuzz/explore"
)

// whole returns the path of the file of an explored function of this module. What is
// generated there names its original relative to its own folder.
func whole(file, function string) string {
	if filepath.IsAbs(file) {
		return file
	}
	pkg := function
	if i := strings.IndexByte(pkg[strings.LastIndexByte(pkg, '/')+1:], '.'); i >= 0 {
		pkg = pkg[:strings.LastIndexByte(pkg, '/')+1+i]
	}
	rest, ok := strings.CutPrefix(pkg, module+"/")
	_, here, _, known := runtime.Caller(0)
	if !ok || !known || !filepath.IsAbs(here) {
		return file
	}
	// here is fuzz/explore/internal/engine/event.go.
	root := filepath.Join(filepath.Dir(here), "..", "..", "..", "..")
	return filepath.Join(root, filepath.FromSlash(rest), filepath.FromSlash(file))
}

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
			return whole(f.File, f.Function), f.Line, f.Function
		}
		if !more {
			return "", 0, ""
		}
	}
}

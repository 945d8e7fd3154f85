// Package draw draws a schedule: as text for a terminal, and as a page.
package draw

import (
	"fmt"
	"strings"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/internal/source"
)

// A Picture is what is drawn.
type Picture struct {
	Title   string
	Rule    string // what is violated, in one sentence
	Program string // what each thread does
	Token   string
	CPUs    int
	Threads int
	Events  []engine.Event
	// Preempted are the steps before which the running thread was
	// preempted.
	Preempted   map[int]bool
	Preemptions int
	Migrations  int
	// Judges are import paths of packages that look on. What a thread does in
	// one of them without a break is drawn as one row.
	Judges []string
}

// preempts reports whether the thread of the event before step last lost the
// processor on the way to the event at step.
func (p *Picture) preempts(last, step int) bool {
	for s := last + 1; s <= step; s++ {
		if p.Preempted[s] {
			return true
		}
	}
	return false
}

// A row is an event, or several: of a thread that waits in a loop, that is in a package
// that judges, or that touches what no other thread does.
type row struct {
	engine.Event
	times int
	judge string // the package's name, or ""
	own   bool   // what no other thread touches
}

// folded reports whether the row stands for accesses that it doesn't show.
func (r row) folded() bool { return r.judge != "" || r.own }

func same(a, b engine.Event) bool {
	return a.Kind == b.Kind && a.Thread == b.Thread && a.CPU == b.CPU && a.Where == b.Where && a.Line == b.Line && a.File == b.File &&
		a.Old == b.Old && a.New == b.New && (a.Kind == engine.OpLoad || a.Kind == engine.OpYield)
}

// rows are the events that are drawn: those that say nothing are left out, and many of
// which no other thread can see anything are one row. If nobody sees anything of another
// these are what there is to see.
func (p *Picture) rows() []row {
	shared := p.shared()
	var all []row
	for _, ev := range p.Events {
		if ev.Thread == engine.Outside && ev.Kind != engine.OpFail {
			continue
		}
		own := len(shared) > 0 && private(ev) && !shared[ev.Loc]
		all = append(all, row{Event: ev, times: 1, judge: p.judge(ev), own: own})
	}
	var rows []row
	for i := 0; i < len(all); i++ {
		r := all[i]
		n := 1
		if r.own {
			for n < len(all)-i && all[i+n].own && all[i+n].Thread == r.Thread && all[i+n].CPU == r.CPU {
				n++
			}
			if n < fewestOwn {
				// They say more than that they were left out.
				for k := range n {
					all[i+k].own = false
				}
				r.own, n = false, 1
			}
		}
		last := all[i+n-1]
		if k := len(rows) - 1; k >= 0 && n == 1 {
			before := &rows[k]
			if same(before.Event, r.Event) && !before.own || r.judge != "" && r.judge == before.judge && before.Thread == r.Thread && before.CPU == r.CPU {
				before.times++
				before.Step, before.Value = r.Step, r.Value
				continue
			}
		}
		r.times, r.Step, r.Value = n, last.Step, last.Value
		rows = append(rows, r)
		i += n - 1
	}
	return rows
}

// fewestOwn is how many accesses running, to what no other thread touches, are drawn as
// one row.
const fewestOwn = 3

// private reports whether the event is of memory that a thread may have for itself.
func private(ev engine.Event) bool {
	switch ev.Kind {
	case engine.OpFail, engine.OpNote, engine.OpEnd, engine.OpSpawn, engine.OpYield, engine.OpSleep:
		return false
	}
	return ev.Loc < engine.LocClock && !ev.Others
}

// shared returns the locations that several threads touch.
func (p *Picture) shared() map[uint32]bool {
	first := make(map[uint32]int)
	shared := make(map[uint32]bool)
	for _, ev := range p.Events {
		if ev.Thread == engine.Outside {
			continue
		}
		if t, ok := first[ev.Loc]; !ok {
			first[ev.Loc] = ev.Thread
		} else if t != ev.Thread {
			shared[ev.Loc] = true
		}
	}
	return shared
}

// judge returns the name of the package that judges and that the event is in, or "".
func (p *Picture) judge(ev engine.Event) string {
	switch ev.Kind {
	case engine.OpFail, engine.OpNote, engine.OpEnd:
		return ""
	}
	for _, path := range p.Judges {
		if strings.HasPrefix(ev.Func, path+".") {
			return path[strings.LastIndexByte(path, '/')+1:]
		}
	}
	return ""
}

// lanes returns how many CPUs the schedule uses.
func (p *Picture) lanes() int {
	n := 1
	for _, ev := range p.rows() {
		n = max(n, ev.CPU+1)
	}
	return min(n, max(p.CPUs, 1))
}

func thread(i int) string {
	if i == engine.Outside {
		return "after"
	}
	return fmt.Sprintf("T%d", i)
}

// label says what an event does, without its thread.
func label(ev row) string {
	if ev.own {
		return fmt.Sprintf("(%d accesses of its own)", ev.times)
	}
	if ev.judge != "" {
		if ev.times == 1 {
			return "(" + ev.judge + ": 1 access)"
		}
		return fmt.Sprintf("(%s: %d accesses)", ev.judge, ev.times)
	}
	s := describe(ev.Event)
	if ev.times > 1 {
		s += fmt.Sprintf(" (%d times)", ev.times)
	}
	return s
}

// longestName is how much is shown of the name of a variable.
const longestName = 18

func describe(ev engine.Event) string {
	s := ev.Kind.String()
	switch ev.Kind {
	case engine.OpFail, engine.OpNote:
		return ev.Text
	case engine.OpEnd, engine.OpYield, engine.OpSleep, engine.OpBarrier:
		return s
	case engine.OpPin, engine.OpCPU:
		if ev.Old != ev.New {
			return fmt.Sprintf("moved to CPU %d, %s", ev.New, s)
		}
		return fmt.Sprintf("%s CPU %d", s, ev.New)
	case engine.OpIdle:
		return fmt.Sprintf("nobody on CPU %d", ev.New)
	case engine.OpSpawn:
		return fmt.Sprintf("go T%d", ev.New)
	}
	if ev.Where != "" && ev.Where != "cpu" {
		s += " " + clip(ev.Where, longestName) // the values behind it say more
	}
	old, now := ev.OldName, ev.NewName
	if now == "" {
		old, now = fmt.Sprint(int64(ev.Old)), fmt.Sprint(int64(ev.New))
	}
	switch ev.Kind {
	case engine.OpLoad:
		s += " = " + now
	case engine.OpStore, engine.OpSwap, engine.OpAdd, engine.OpAnd, engine.OpOr:
		s += " " + old + " -> " + now
	case engine.OpCommit:
		if ev.Wrote {
			s += " " + old + " -> " + now
		} else {
			s += ": was cut off"
		}
	case engine.OpCAS:
		if ev.Wrote {
			s += " " + old + " -> " + now
		} else {
			s += " fails: " + old
		}
	}
	return s
}

// place is where in the source an event is.
func place(ev row) string {
	if ev.File == "" || ev.folded() {
		return ""
	}
	return source.Place(ev.File, ev.Line)
}

// line is the source line of an event.
func line(files *source.Files, ev row) string {
	if ev.File == "" || ev.folded() {
		return ""
	}
	return files.Line(ev.File, ev.Line)
}

// clip shortens s to n runes.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

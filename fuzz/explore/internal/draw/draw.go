// Package draw draws a schedule: as text for a terminal, and as a page.
package draw

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
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

// A row is an event, or several that are the same: a thread that waits in a loop,
// or one that is in a package that judges.
type row struct {
	engine.Event
	times int
	judge string // the package's name, or ""
}

func same(a, b engine.Event) bool {
	return a.Kind == b.Kind && a.Thread == b.Thread && a.CPU == b.CPU && a.Where == b.Where && a.Line == b.Line && a.File == b.File &&
		a.Old == b.Old && a.New == b.New && (a.Kind == engine.OpLoad || a.Kind == engine.OpYield)
}

// rows are the events that are drawn: those that say nothing are left out.
func (p *Picture) rows() []row {
	var rows []row
	for _, ev := range p.Events {
		if ev.Thread == engine.Outside && ev.Kind != engine.OpFail {
			continue
		}
		judge := p.judge(ev)
		if n := len(rows); n > 0 {
			last := &rows[n-1]
			if same(last.Event, ev) || judge != "" && judge == last.judge && last.Thread == ev.Thread && last.CPU == ev.CPU {
				last.times++
				last.Step, last.Value = ev.Step, ev.Value
				continue
			}
		}
		rows = append(rows, row{ev, 1, judge})
	}
	return rows
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
	if ev.File == "" || ev.judge != "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", filepath.Base(ev.File), ev.Line)
}

// sources reads source lines, each file once.
type sources map[string][]string

func (s sources) line(ev row) string {
	if ev.File == "" || ev.judge != "" {
		return ""
	}
	lines, ok := s[ev.File]
	if !ok {
		if f, err := os.Open(ev.File); err == nil {
			sc := bufio.NewScanner(f)
			for sc.Scan() {
				lines = append(lines, sc.Text())
			}
			f.Close()
		}
		s[ev.File] = lines
	}
	if ev.Line < 1 || ev.Line > len(lines) {
		return "" // the source isn't here: a binary that was built elsewhere
	}
	return strings.TrimSpace(lines[ev.Line-1])
}

// clip shortens s to n runes.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

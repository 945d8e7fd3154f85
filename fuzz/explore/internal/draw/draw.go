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

// rows are the events that are drawn: those that say nothing are left out.
func (p *Picture) rows() []engine.Event {
	var rows []engine.Event
	for _, ev := range p.Events {
		if ev.Thread >= engine.MaxThreads && ev.Kind != engine.OpFail {
			continue
		}
		rows = append(rows, ev)
	}
	return rows
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
	if i >= engine.MaxThreads {
		return "after"
	}
	return fmt.Sprintf("T%d", i)
}

// label says what an event does, without its thread.
func label(ev engine.Event) string {
	s := ev.Kind.String()
	switch ev.Kind {
	case engine.OpFail, engine.OpNote:
		return ev.Text
	case engine.OpEnd, engine.OpYield, engine.OpSleep, engine.OpBarrier:
		return s
	case engine.OpPin:
		if ev.Old != ev.New {
			return fmt.Sprintf("moved to CPU %d, %s", ev.New, s)
		}
		return fmt.Sprintf("%s CPU %d", s, ev.New)
	case engine.OpSpawn:
		return fmt.Sprintf("go T%d", ev.New)
	}
	if ev.Where != "" && ev.Where != "cpu" {
		s += " " + ev.Where
	}
	switch ev.Kind {
	case engine.OpLoad:
		s += fmt.Sprintf(" = %d", int64(ev.New))
	case engine.OpStore, engine.OpSwap, engine.OpAdd, engine.OpAnd, engine.OpOr:
		s += fmt.Sprintf(" %d -> %d", int64(ev.Old), int64(ev.New))
	case engine.OpCAS:
		if ev.Wrote {
			s += fmt.Sprintf(" %d -> %d", int64(ev.Old), int64(ev.New))
		} else {
			s += fmt.Sprintf(" fails: %d", int64(ev.Old))
		}
	}
	return s
}

// place is where in the source an event is.
func place(ev engine.Event) string {
	if ev.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", filepath.Base(ev.File), ev.Line)
}

// sources reads source lines, each file once.
type sources map[string][]string

func (s sources) line(ev engine.Event) string {
	if ev.File == "" {
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

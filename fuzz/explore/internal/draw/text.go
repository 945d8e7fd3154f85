package draw

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/internal/source"
)

// maxColumn bounds the width of a CPU's column, maxSource that of a source line.
const (
	maxColumn = 44
	maxSource = 48
)

// Text draws the schedule as lines: a column for each CPU, then where in the
// source it is, and the case's value. A line of dots stands where a thread is
// preempted.
func Text(w io.Writer, p *Picture) error {
	b := bufio.NewWriter(w)
	rows, lanes := p.rows(), p.lanes()
	width := make([]int, lanes)
	for i := range width {
		width[i] = len("CPU 0")
	}
	cell := func(ev row) string { return thread(ev.Thread) + " " + label(ev) }
	wide, values := 0, false
	var files source.Files
	source := func(ev row) string {
		return strings.TrimSpace(place(ev) + "  " + clip(line(&files, ev), maxSource))
	}
	for _, ev := range rows {
		if ev.Kind != engine.OpFail && ev.Kind != engine.OpNote {
			c := min(ev.CPU, lanes-1)
			width[c] = max(width[c], min(utf8.RuneCountInString(cell(ev)), maxColumn))
			wide = max(wide, utf8.RuneCountInString(source(ev)))
		}
		values = values || ev.Value != ""
	}
	fmt.Fprintf(b, "%s: %s\n", p.Title, p.Rule)
	if p.Program != "" {
		fmt.Fprintf(b, "program %s, ", p.Program)
	}
	fmt.Fprintf(b, "%s, %s, %s\n", number(p.Threads, "thread"), number(p.Preemptions, "preemption"), number(p.Migrations, "migration"))
	fmt.Fprintf(b, "%5s", "point")
	for i, n := range width {
		fmt.Fprintf(b, "  %-*s", n, fmt.Sprintf("CPU %d", i))
	}
	if values {
		fmt.Fprintf(b, "  %-*s  %s", wide, "source", "value")
	}
	fmt.Fprintln(b)
	total := 0
	for _, n := range width {
		total += n + 2
	}
	prev, last := -1, 0
	for _, ev := range rows {
		if prev >= 0 && p.preempts(last, ev.Step) && prev != ev.Thread {
			fmt.Fprintf(b, "%5s  %s\n", "", dots(fmt.Sprintf("··· %s is preempted, %s goes on ", thread(prev), thread(ev.Thread)), total-2))
		}
		prev, last = ev.Thread, ev.Step
		switch ev.Kind {
		case engine.OpFail:
			fmt.Fprintf(b, "%5d  ** %s %s\n", ev.Step, thread(ev.Thread), ev.Text)
			continue
		case engine.OpNote:
			fmt.Fprintf(b, "%5s  -- %s %s\n", "", thread(ev.Thread), ev.Text)
			continue
		}
		fmt.Fprintf(b, "%5d", ev.Step)
		line := ""
		for i, n := range width {
			s := ""
			if i == min(ev.CPU, lanes-1) {
				s = clip(cell(ev), maxColumn)
			}
			line += "  " + s + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s)))
		}
		s := source(ev)
		line += "  " + s
		if ev.Value != "" {
			line += strings.Repeat(" ", max(0, wide-utf8.RuneCountInString(s))) + "  " + ev.Value
		}
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
	if p.Token != "" {
		fmt.Fprintf(b, "token %s\n", p.Token)
	}
	return b.Flush()
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// dots fills s up with dots.
func dots(s string, n int) string {
	return s + strings.Repeat("·", max(3, n-utf8.RuneCountInString(s)))
}

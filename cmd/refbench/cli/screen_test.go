package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/refbench/refbench/fuzz/bugs/matrix"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/report"
)

// isScreen fails if lines don't fit on a screen. Only what is of use whole, a path or a
// command, may be longer than a line.
func isScreen(t *testing.T, what string, lines []string) {
	t.Helper()
	if len(lines) > report.ScreenLines {
		t.Errorf("%s: %d lines, want at most %d:\n%s", what, len(lines), report.ScreenLines, strings.Join(lines, "\n"))
	}
	for _, l := range lines {
		whole := strings.HasPrefix(l, "see it again: ") || strings.HasPrefix(l, "file: ") || strings.HasPrefix(l, "picture: ")
		if n := text.StringWidthWithoutEscSequences(l); n > report.ScreenColumns && !whole || strings.Contains(l, "\n") {
			t.Errorf("%s: a line of %d columns, want %d: %q", what, n, report.ScreenColumns, l)
		}
	}
}

// However many strategies are checked and however many of them break, it is one screen: what
// is broken first, and how to see it again.
func TestCheckIsOneScreen(t *testing.T) {
	checks := check.All()
	for _, strategies := range []int{1, 2, 20, 40} {
		for _, broken := range []int{0, 1, 2, strategies} {
			if broken > strategies {
				continue
			}
			out := checked{Seed: 7}
			for i := range strategies {
				name := fmt.Sprintf("strategy%d", i)
				out.Strategies = append(out.Strategies, checkedStrategy{Name: name})
				for k, c := range checks {
					r := check.Result{Strategy: name, Check: c.Name, Verdict: check.Kept}
					if i >= strategies-broken && k > 2 {
						long := strings.Repeat("a reference was lost, and ", 20)
						r.Verdict = check.Broken
						r.Findings = []check.Finding{{What: long, Detail: strings.Repeat(long+"\n", 50), Replay: "refbench replay x", Files: []string{"a.html", "a.program"}}}
					}
					out.Results = append(out.Results, r)
				}
			}
			lines := checkScreen(out, checks)
			what := fmt.Sprintf("%d strategies, %d broken", strategies, broken)
			isScreen(t, what, lines)
			all := strings.Join(lines, "\n")
			last := fmt.Sprintf("strategy%d ", strategies-1)
			if (broken > 0) != strings.Contains(all, "BREAKS ITS PROMISE") || (broken > 0) != strings.Contains(all, "see it again: refbench replay x") {
				t.Errorf("%s: it doesn't say what broke and how to see it again, or says so of nothing:\n%s", what, all)
			}
			if broken == 1 && !strings.Contains(all, "\n"+last) {
				t.Errorf("%s: what is broken isn't among the rows:\n%s", what, all)
			}
			if want := fmt.Sprintf("%d broken", broken); !strings.Contains(all, want) {
				t.Errorf("%s: it doesn't say %q:\n%s", what, want, all)
			}
		}
	}
}

// The same for pairs that are explored, and for planted bugs.
func TestExploreIsOneScreen(t *testing.T) {
	for _, workloads := range []int{1, 4, 15} {
		for _, strategies := range []int{1, 20} {
			for _, wrong := range []bool{false, true} {
				out := exploration{Seed: 1, program: "refbench"}
				for i := range strategies {
					for k := range workloads {
						p := exploredPair{Strategy: fmt.Sprintf("strategy%d", i), Workload: fmt.Sprintf("workload%d", k), Result: &explore.Result{
							Scenario: fmt.Sprintf("strategy%d/workload%d", i, k), Verdict: explore.Passed, Exhaustive: true, Complete: "all schedules",
						}}
						if wrong {
							p.Verdict, p.Wrong = "violation", strings.Repeat("known to be wrong ", 10)
							p.Failure = &explore.Failure{Kind: "violation", Message: strings.Repeat("a reference was lost ", 20), Token: "rx3.xyz"}
						}
						out.Pairs = append(out.Pairs, p)
					}
				}
				what := fmt.Sprintf("%d by %d pairs, wrong: %v", strategies, workloads, wrong)
				lines := exploreScreen(out)
				isScreen(t, what, lines)
				if all := strings.Join(lines, "\n"); wrong != strings.Contains(all, "see it again: refbench replay rx3.xyz") || wrong && workloads*strategies > 8 != strings.Contains(all, "BAD") {
					t.Errorf("%s:\n%s", what, all)
				}
			}
		}
	}
}

func TestBugsAreOneScreen(t *testing.T) {
	entries := Builtin().Bugs
	for _, n := range []int{1, 2, 12, 13, len(entries)} {
		d := detection{Seed: 1}
		for _, c := range check.All() {
			d.Checks = append(d.Checks, c.Name)
		}
		for _, e := range entries[:n] {
			row := matrix.Row{Bug: e.Native.Name}
			for i, c := range d.Checks {
				row.Cells = append(row.Cells, matrix.Cell{Check: c, State: []matrix.State{matrix.Found, matrix.Missed, matrix.Blind, matrix.Unavailable}[i%4], Bug: &check.Result{Findings: []check.Finding{{}}}})
			}
			row.Failure = &explore.Failure{Kind: "violation", Message: strings.Repeat("a reference was lost ", 20), Token: "rx3.xyz"}
			d.Bugs = append(d.Bugs, detectedBug{row, e.Native.Source, e.Native.Interleaving, e.Native.Fix})
			d.Wrong = append(d.Wrong, strings.Repeat("nobody finds it ", 10))
		}
		lines := bugsScreen(d, entries[:n])
		isScreen(t, fmt.Sprintf("%d bugs", n), lines)
		if want := fmt.Sprintf("%d of %s found", n, plural(n, "bug")); !strings.Contains(lines[len(lines)-1], want) {
			t.Errorf("%d bugs: it ends with %q, want %q", n, lines[len(lines)-1], want)
		}
	}
}

// Colours stand around words that are there without them, never in JSON.
func TestPainterPaintsWordsOnly(t *testing.T) {
	for text, want := range map[string]string{
		"atomic ok BAD\nrest":     "atomic \x1b[32mok\x1b[0m \x1b[1;31mBAD\x1b[0m\n",
		"x 3 !\n":                 "x \x1b[1;31m3 !\x1b[0m\n",
		"{\"verdict\": \"ok\"}\n": "{\"verdict\": \"ok\"}\n",
		"looks broken\n":          "looks broken\n",
	} {
		var b bytes.Buffer
		p := &painter{w: &b}
		for i := range len(text) { // writes end anywhere
			if n, err := p.Write([]byte{text[i]}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if b.String() != want {
			t.Errorf("%q is painted as %q, want %q", text, b.String(), want)
		}
		if painted(&b) != &b {
			t.Error("what isn't a terminal is painted")
		}
	}
}

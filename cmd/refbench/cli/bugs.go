package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/bugs/diff"
	"github.com/refbench/refbench/fuzz/bugs/matrix"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explored"
	"github.com/refbench/refbench/fuzz/shard"
	"github.com/refbench/refbench/report"
)

// The output of bugs --json. Field names are part of the interface.
type (
	detection struct {
		Version     string        `json:"version"` // of the explored code, as in tokens
		Seed        uint64        `json:"seed"`
		Seconds     float64       `json:"seconds"`               // for each cell at most
		Interrupted bool          `json:"interrupted,omitempty"` // then bugs are missing
		Checks      []string      `json:"checks"`
		Bugs        []detectedBug `json:"bugs"`
		Wrong       []string      `json:"problems"` // why the status is 1

		program string // how this one is called
	}
	detectedBug struct {
		matrix.Row
		Source       string `json:"source"`
		Interleaving string `json:"interleaving"`
		Fix          string `json:"fix"`
	}
)

func newBugsCommand(parts Parts) *cobra.Command {
	entries := parts.Bugs
	var (
		seed                  uint64
		jobs                  int
		each                  time.Duration
		list, verbose, asJSON bool
		cut                   = sharding{whole: true}
	)
	c := &cobra.Command{
		Use:   "bugs [flags] [NAME...]",
		Short: "Run the planted bugs through the checks and show which finds which",
		Long: `bugs runs known-wrong counts and known-wrong uses of counts, each beside its twin, which
is the same with the one mistake put right, through every check that refbench check
has, and says on one screen which check finds which: a row for each bug and a column for
each check if the bugs are few, or a row for each check.

  found       the check finds the bug
  missed      not found within --time, or 10 s if the check is expected to find it
  -           the check can't see it
  n/a         the check can't run in this process

--verbose prints before that for each bug and check after how much and how many seconds
it was found, or why not, and how few preemptions its smallest schedule needs.

The race detector only sees what happens in a program that is built with -race:
go run -race ./cmd/refbench bugs. It has a process for each bug.

With one name it prints the wrong code beside the right one, as a difference to the twin,
then what the bug is, who does what in which order, and the smallest schedule.

Exit status: 1 if a bug that some check is expected to find is found by none, or
if a twin is flagged.`,
		Example: `  refbench bugs
  refbench bugs --time 5s --verbose percpufold percpukill
  refbench bugs --list
  refbench bugs --json --seed 7`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, e := range entries {
				names = append(names, e.Native.Name+"\t"+e.Native.Doc)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if each <= 0 {
				return usagef("--time %v: want a time such as 1s", each)
			}
			if err := checkJobs(jobs); err != nil {
				return err
			}
			chosen, err := chooseBugs(entries, args)
			if err != nil {
				return err
			}
			if err := cut.check(c); err != nil {
				return err
			}
			if list {
				return listBugs(c.OutOrStdout(), chosen, asJSON)
			}
			rows := bugRows{self: parts.self, jobs: jobs, checks: check.All(), budget: bugBudget(seed, each)}
			if cut.given() {
				return detectShard(c, &cut, chosen, rows)
			}
			return detect(c, parts.program(), chosen, rows, verbose, asJSON)
		},
	}
	f := c.Flags()
	f.Uint64Var(&seed, "seed", 1, "seed of all random choices")
	f.DurationVar(&each, "time", 500*time.Millisecond, "how long each check may look at each bug, and at each twin")
	f.IntVar(&jobs, "jobs", runtime.GOMAXPROCS(0), "how many bugs at the same time, for checks without real threads; those with real threads have all CPUs, one after the other; what a check does with a seed doesn't depend on it")
	cut.addFlags(c)
	c.Flags().BoolVar(&list, "list", false, "only describe the bugs: source, interleaving, fix")
	c.Flags().BoolVar(&verbose, "verbose", false, "say before the screen what each check saw, after how much, or why it can't see it")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// chooseBugs returns the named bugs in their own order, all of them for no name.
func chooseBugs(entries []matrix.Entry, names []string) ([]matrix.Entry, error) {
	var known []string
	var list []*bugs.Bug
	for _, e := range entries {
		known = append(known, e.Native.Name)
		list = append(list, e.Native)
	}
	if err := bugs.Validate(list); err != nil {
		return nil, usagef("this refbench's bugs can't be used: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if len(names) == 0 {
		if len(entries) == 0 {
			return nil, usagef("this refbench has no planted bugs")
		}
		return entries, nil
	}
	asked := make(map[string]bool)
	for _, n := range names {
		asked[n] = true
	}
	var chosen []matrix.Entry
	for _, e := range entries {
		if asked[e.Native.Name] {
			chosen = append(chosen, e)
			delete(asked, e.Native.Name)
		}
	}
	for _, n := range names {
		if asked[n] {
			return nil, usagef("unknown bug %q: there are %s", n, strings.Join(nearest(n, known), ", "))
		}
	}
	return chosen, nil
}

// detect prints a row after the other, as they are ready.
func detect(c *cobra.Command, program string, chosen []matrix.Entry, rows bugRows, verbose, asJSON bool) error {
	out := c.OutOrStdout()
	checks, b := rows.checks, rows.budget
	d := detection{Version: explored.Version, Seed: b.Seed, Seconds: b.Time.Seconds(), Bugs: []detectedBug{}, Wrong: []string{}, program: program}
	for _, k := range checks {
		d.Checks = append(d.Checks, k.Name)
	}
	if text := diff.Of(chosen[0].Native.Name); len(chosen) == 1 && text != "" && !asJSON {
		if _, err := fmt.Fprintln(out, text); err != nil {
			return err
		}
	}
	if verbose && !asJSON {
		if err := printHeader(out, d.Checks); err != nil {
			return err
		}
	}
	found := make([]int, len(checks))
	var errs []error
	rows.run(c.Context(), chosen, func(row matrix.Row, err error) bool {
		i := len(d.Bugs)
		e := chosen[i]
		if d.Interrupted = c.Context().Err() != nil; d.Interrupted {
			errs = append(errs, failedf("interrupted: %d of %d bugs were run", i, len(chosen)))
			return false
		}
		if err != nil {
			errs = append(errs, failedf("bug %s: %w", e.Native.Name, err))
			return false
		}
		d.Bugs = append(d.Bugs, detectedBug{row, e.Native.Source, e.Native.Interleaving, e.Native.Fix})
		d.Wrong = append(d.Wrong, row.Problems()...)
		for k, cell := range row.Cells {
			if cell.State == matrix.Found {
				found[k]++
			}
		}
		if asJSON || !verbose {
			// It is printed at the end, which may be far.
			fmt.Fprintf(c.ErrOrStderr(), "%d of %d: %s\n", i+1, len(chosen), row.Bug)
		} else if err := printRow(out, row); err != nil {
			errs = append(errs, err)
			return false
		}
		return true
	})
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(d); err != nil {
			return err
		}
	} else {
		if verbose {
			if err := printSum(out, d, found); err != nil {
				return err
			}
		}
		if err := printLines(out, bugsScreen(d, chosen)); err != nil {
			return err
		}
	}
	for _, w := range d.Wrong {
		errs = append(errs, findingf("%s", w))
	}
	return errors.Join(errs...) // the first decides the status
}

// detectShard runs a shard's bugs through the checks. A bug is all of a part.
func detectShard(c *cobra.Command, cut *sharding, chosen []matrix.Entry, rows bugRows) error {
	var items []shard.Item
	of := make(map[string]matrix.Entry)
	for _, e := range chosen {
		name := e.Native.Name
		items = append(items, shard.Item{Name: name, Row: name, Column: "verdict"})
		of[name] = e
	}
	w, err := cut.begin(c, c.Flags().Args(), explored.Version, rows.budget.Seed, items)
	if err != nil {
		return err
	}
	left := w.Left()
	todo := make([]matrix.Entry, len(left))
	for i, t := range left {
		todo[i] = of[t.Item]
	}
	i := 0
	var failed, unsaved error
	rows.run(c.Context(), todo, func(row matrix.Row, err error) bool {
		t := left[i]
		if c.Context().Err() != nil {
			failed = failedf("interrupted")
			return false
		}
		if err != nil {
			failed = failedf("bug %s: %w", t.Item, err)
			return false
		}
		r := shard.Result{Item: t.Item, Part: t.Part, Verdict: string(matrix.Missed)}
		if row.Found() {
			r.Verdict = string(matrix.Found)
		}
		var by []string
		ran := 0
		for _, cell := range row.Cells {
			if cell.Bug != nil {
				ran++
				r.Seconds += cell.Bug.Seconds
			}
			if cell.State == matrix.Found {
				by = append(by, cell.Check)
			}
		}
		r.Tried = []shard.Amount{{N: uint64(ran), Unit: "checks"}}
		r.Notes = []string{"found by " + strings.Join(by, ", ")}
		var fs []shard.Finding
		for _, p := range row.Problems() {
			fs = append(fs, shard.Finding{ID: p, What: p})
		}
		i++
		fmt.Fprintf(c.ErrOrStderr(), "%d of %d: %s %s\n", i, len(left), row.Bug, r.Verdict)
		if err := w.Done(r, fs); err != nil {
			unsaved = unwritten(cut.output, err)
		}
		return unsaved == nil
	})
	if unsaved != nil {
		return unsaved
	}
	return cut.finish(c, w, failed)
}

const (
	bugColumns  = "%-15s %-8s"
	checkColumn = " %-15s"
)

func printHeader(w io.Writer, checks []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, bugColumns, "bug", "twin")
	for _, name := range checks {
		fmt.Fprintf(&b, checkColumn, name)
	}
	_, err := fmt.Fprintln(w, b.String()+" preemptions")
	return err
}

func printRow(w io.Writer, r matrix.Row) error {
	var b strings.Builder
	twin := "passes"
	for _, c := range r.Cells {
		if c.Twin != nil && c.Twin.Verdict == check.Broken {
			twin = "FLAGGED"
		}
	}
	fmt.Fprintf(&b, bugColumns, r.Bug, twin)
	for _, c := range r.Cells {
		fmt.Fprintf(&b, checkColumn, cellText(c))
	}
	if r.Preemptions >= 0 {
		fmt.Fprintf(&b, " %d", r.Preemptions)
	} else {
		b.WriteString(" -")
	}
	b.WriteByte('\n')
	for _, c := range r.Cells {
		fmt.Fprintf(&b, "    %s: %s\n", c.Check, cellReason(c))
	}
	if r.Failure != nil {
		b.WriteString("\n" + failureText(r.Failure) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cellText(c matrix.Cell) string {
	switch c.State {
	case matrix.Blind:
		return "-"
	case matrix.Unavailable:
		return "n/a"
	case matrix.Missed:
		return "missed"
	}
	n := figure(c.Bug)
	text := strconv.FormatUint(n, 10)
	switch {
	case n >= 10_000_000:
		text = fmt.Sprintf("%dM", n/1_000_000)
	case n >= 100_000:
		text = fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprintf("%s %.3fs", text, c.Bug.Findings[0].Seconds)
}

// figure returns the first figure of how much a check tried that isn't 0.
func figure(r *check.Result) uint64 {
	for _, a := range r.Tried {
		if a.N > 0 {
			return a.N
		}
	}
	return 0
}

func cellReason(c matrix.Cell) string {
	switch c.State {
	case matrix.Blind, matrix.Unavailable:
		return string(c.State) + ": " + c.Why
	case matrix.Missed:
		text := fmt.Sprintf("missed in %s and %.3f s", amounts(c.Bug.Tried), c.Bug.Seconds)
		if c.Bug.Reason != "" {
			text += ": " + string(c.Bug.Verdict) + ": " + c.Bug.Reason
		}
		return text
	}
	return fmt.Sprintf("found after %s: %.200s", amounts(c.Bug.Tried), c.Bug.Findings[0].What)
}

func printSum(w io.Writer, d detection, found []int) error {
	var b strings.Builder
	fmt.Fprintf(&b, bugColumns, "found of "+strconv.Itoa(len(d.Bugs)), "")
	for _, n := range found {
		fmt.Fprintf(&b, checkColumn, strconv.Itoa(n))
	}
	s := strings.TrimRight(b.String(), " ")
	n := 0
	for _, x := range d.Bugs {
		if x.Found() {
			n++
		}
	}
	_, err := fmt.Fprintf(w, "%s\n\n", s)
	return err
}

// stateMarks are what a screen has for the cells of the matrix.
var stateMarks = map[matrix.State]string{matrix.Found: "found", matrix.Missed: "missed", matrix.Blind: "-", matrix.Unavailable: "n/a"}

// bugsScreen says on one screen what came out: of one bug everything, of a few a row each, of
// many a row for each check.
func bugsScreen(d detection, chosen []matrix.Entry) []string {
	found := 0
	for _, b := range d.Bugs {
		if b.Found() {
			found++
		}
	}
	ends := []string{fmt.Sprintf("%d of %s found by at least one check, seed %d; --verbose has all.", found, plural(len(d.Bugs), "bug"), d.Seed)}
	if d.Interrupted {
		ends[0] = "Interrupted. " + ends[0]
	}
	const few = 12
	var lines []string
	switch {
	case len(d.Bugs) == 0:
	case len(chosen) == 1:
		return slices.Concat(bugLines(d.program, d.Bugs[0], chosen[0].Native, report.ScreenLines-len(ends)), ends)
	case len(d.Bugs) <= few:
		g := grid{first: "bug", heads: append(slices.Clone(d.Checks), "twin")}
		for _, b := range d.Bugs {
			row := gridRow{name: b.Bug}
			for _, c := range b.Cells {
				mark := stateMarks[c.State]
				if c.State == matrix.Found {
					mark = "yes"
				} else if c.State == matrix.Missed {
					mark = "no"
				}
				row.cells = append(row.cells, mark)
			}
			row.cells = append(row.cells, map[bool]string{false: "ok", true: "BAD"}[b.flagged()])
			g.rows = append(g.rows, row)
		}
		lines = g.lines(report.ScreenColumns)
		ends = append([]string{"yes: found; no: missed; -: can't see it; n/a: can't run; twin ok: passes."}, ends...)
	default:
		g := grid{first: "check", heads: []string{"found", "missed", "can't see", "can't run"}}
		for i, name := range d.Checks {
			row := gridRow{name: name}
			for _, s := range []matrix.State{matrix.Found, matrix.Missed, matrix.Blind, matrix.Unavailable} {
				n := 0
				for _, b := range d.Bugs {
					if b.Cells[i].State == s {
						n++
					}
				}
				row.cells = append(row.cells, strconv.Itoa(n))
			}
			g.rows = append(g.rows, row)
		}
		lines = g.lines(report.ScreenColumns)
		depth := make(map[int]int)
		for _, b := range d.Bugs {
			depth[b.Preemptions]++
		}
		var parts []string
		for _, n := range slices.Sorted(maps.Keys(depth)) {
			if n >= 0 {
				parts = append(parts, fmt.Sprintf("%d in %d", n, depth[n]))
			}
		}
		lines = append(lines, folded("Preemptions of the smallest schedules: "+strings.Join(parts, ", ")+" bugs.", 2)...)
	}
	for _, w := range d.Wrong[:min(len(d.Wrong), report.ScreenLines-len(lines)-len(ends))] {
		lines = append(lines, cut("! "+w, report.ScreenColumns))
	}
	return append(lines, ends...)
}

// flagged reports whether a check finds something wrong with the twin, which is right.
func (b detectedBug) flagged() bool {
	return slices.ContainsFunc(b.Cells, func(c matrix.Cell) bool { return c.Twin != nil && c.Twin.Verdict == check.Broken })
}

// bugLines says of one bug what it is, the story, which checks find it, and how the smallest
// schedule goes.
func bugLines(program string, d detectedBug, b *bugs.Bug, most int) []string {
	lines := folded(b.Name+": "+b.Doc, 2)
	lines = append(lines, folded("source: "+b.Source, 2)...)
	lines = append(lines, folded(b.Interleaving, 5)...)
	lines = append(lines, folded("twin: "+b.Fix, 2)...)
	by := make(map[matrix.State][]string)
	for _, c := range d.Cells {
		by[c.State] = append(by[c.State], c.Check)
	}
	for _, s := range []matrix.State{matrix.Found, matrix.Missed} {
		if len(by[s]) > 0 {
			lines = append(lines, folded(string(s)+" by: "+strings.Join(by[s], ", "), 2)...)
		}
	}
	if d.flagged() {
		lines = append(lines, "! FLAGGED: a check finds something wrong with the twin, which is right")
	}
	if d.Failure == nil {
		return lines
	}
	var ends []string
	if d.Failure.Token != "" {
		ends = []string{"see it again: " + program + " replay " + d.Failure.Token}
	}
	return slices.Concat(lines, excerpt(scheduleText(d.Failure), most-len(lines)-len(ends), "--verbose, or replay"), ends)
}

// A describedBug is what bugs --list --json prints of a bug.
type describedBug struct {
	Name         string `json:"name"`
	Doc          string `json:"doc"`
	Source       string `json:"source"`
	Interleaving string `json:"interleaving"`
	Fix          string `json:"fix"`
	Program      string `json:"program"`
	Concurrent   bool   `json:"concurrent"` // one thread alone never goes wrong
	Wraps        bool   `json:"wraps"`      // a number must go round
}

func listBugs(w io.Writer, chosen []matrix.Entry, asJSON bool) error {
	if asJSON {
		var ds []describedBug
		for _, e := range chosen {
			n := e.Native
			ds = append(ds, describedBug{n.Name, n.Doc, n.Source, n.Interleaving, n.Fix, n.Text(), n.Concurrent, n.Wraps})
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(ds)
	}
	for _, e := range chosen {
		if err := describeBug(w, e.Native); err != nil {
			return err
		}
	}
	return nil
}

func describeBug(w io.Writer, b *bugs.Bug) error {
	needs := "one thread"
	if b.Concurrent {
		needs = "two threads"
	}
	if b.Wraps {
		needs += " and a number that goes round"
	}
	_, err := fmt.Fprintf(w, "%s: %s\n  source: %s\n  needs:  %s\n  %s\n  twin:   %s\n\n",
		b.Name, b.Doc, b.Source, needs, strings.ReplaceAll(b.Interleaving, "\n", "\n  "), b.Fix)
	return err
}

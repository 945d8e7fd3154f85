package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/bugs/matrix"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explored"
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
	}
	detectedBug struct {
		matrix.Row
		Source       string `json:"source"`
		Interleaving string `json:"interleaving"`
		Fix          string `json:"fix"`
	}
)

func newBugsCommand(entries []matrix.Entry) *cobra.Command {
	var (
		seed                  uint64
		each                  time.Duration
		list, verbose, asJSON bool
	)
	c := &cobra.Command{
		Use:   "bugs [flags] [NAME...]",
		Short: "Run the planted bugs through the checks and show which finds which",
		Long: `bugs runs known-wrong counts and known-wrong uses of counts, each beside its twin, which
is the same with the one mistake put right, through every check that refbench check
has, and prints the detection matrix: after how much and how many seconds the check
finds the bug, and how few preemptions its smallest schedule needs.

  12 0.003s   found after 12 of what the check counts, and 0.003 s
  missed      not found within --time, or 10 s if the check is expected to find it
  -           the check can't see it; --verbose says why
  n/a         the check can't run in this process; --verbose says why

The race detector only sees what happens in a program that is built with -race:
go run -race ./cmd/refbench bugs. Each bug then runs in a process of its own.

With one name the bug is described and its smallest schedule is drawn.

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
			chosen, err := chooseBugs(entries, args)
			if err != nil {
				return err
			}
			if list {
				return listBugs(c.OutOrStdout(), chosen, asJSON)
			}
			b := matrix.Budget{Budget: check.Budget{Seed: seed, Time: each}}
			b.Child = func(name string, fixed bool) []string { return raceChild(bugSubject(name, fixed)) }
			return detect(c, chosen, b, verbose, asJSON)
		},
	}
	f := c.Flags()
	f.Uint64Var(&seed, "seed", 1, "seed of all random choices")
	f.DurationVar(&each, "time", 500*time.Millisecond, "how long each check may look at each bug, and at each twin")
	c.Flags().BoolVar(&list, "list", false, "only describe the bugs: source, interleaving, fix")
	c.Flags().BoolVar(&verbose, "verbose", false, "say what each check saw, or why it can't see it")
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
func detect(c *cobra.Command, chosen []matrix.Entry, b matrix.Budget, verbose, asJSON bool) error {
	out := c.OutOrStdout()
	checks := check.All()
	d := detection{Version: explored.Version, Seed: b.Seed, Seconds: b.Time.Seconds(), Bugs: []detectedBug{}, Wrong: []string{}}
	for _, k := range checks {
		d.Checks = append(d.Checks, k.Name)
	}
	alone := len(chosen) == 1
	if !asJSON {
		if alone {
			if err := describeBug(out, chosen[0].Native); err != nil {
				return err
			}
		}
		if err := printHeader(out, d.Checks); err != nil {
			return err
		}
	}
	found := make([]int, len(checks))
	var errs []error
	for i, e := range chosen {
		row, err := matrix.Run(c.Context(), e, checks, b)
		if d.Interrupted = c.Context().Err() != nil; d.Interrupted {
			errs = append(errs, failedf("interrupted: %d of %d bugs were run", i, len(chosen)))
			break
		}
		if err != nil {
			errs = append(errs, failedf("bug %s: %w", e.Native.Name, err))
			break
		}
		d.Bugs = append(d.Bugs, detectedBug{row, e.Native.Source, e.Native.Interleaving, e.Native.Fix})
		d.Wrong = append(d.Wrong, row.Problems()...)
		for k, cell := range row.Cells {
			if cell.State == matrix.Found {
				found[k]++
			}
		}
		if asJSON {
			// It is printed at the end, which may be far.
			fmt.Fprintf(c.ErrOrStderr(), "%d of %d: %s\n", i+1, len(chosen), row.Bug)
		} else {
			if err := printRow(out, row, verbose, alone); err != nil {
				return err
			}
		}
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(d); err != nil {
			return err
		}
	} else if err := printSum(out, d, found); err != nil {
		return err
	}
	for _, w := range d.Wrong {
		errs = append(errs, findingf("%s", w))
	}
	return errors.Join(errs...) // the first decides the status
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

func printRow(w io.Writer, r matrix.Row, verbose, alone bool) error {
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
		if verbose {
			fmt.Fprintf(&b, "    %s: %s\n", c.Check, cellReason(c))
		}
	}
	if alone && r.Failure != nil {
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
	_, err := fmt.Fprintf(w, "%s\n\n%d of %s found by at least one check, seed %d.\n", s, n, plural(len(d.Bugs), "bug"), d.Seed)
	return err
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

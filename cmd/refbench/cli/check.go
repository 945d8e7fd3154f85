package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"al.essio.dev/pkg/shellescape"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/shard"
	"github.com/refbench/refbench/report"
	"github.com/refbench/refbench/strategies"
)

// The output of check --json. Field names are part of the interface.
type (
	checked struct {
		Version     string            `json:"version"` // of the explored code, as in tokens
		Seed        uint64            `json:"seed"`
		Budget      float64           `json:"budget_seconds"`
		Seconds     float64           `json:"seconds"`
		Interrupted bool              `json:"interrupted,omitempty"`
		Strategies  []checkedStrategy `json:"strategies"`
		// Results are ordered by strategy, and then as the checks run.
		Results []check.Result `json:"results"`
	}
	checkedStrategy struct {
		Name    string            `json:"name"`
		Promise map[string]string `json:"promise"`
		Hazards []string          `json:"hazards"`
	}
)

// findingsDir is where files about findings go that were given no folder, one folder
// for each run, called by its time in UTC.
const findingsDir = "refbench-findings"

const (
	shortestCheck = time.Second
	longestCheck  = 7 * 24 * time.Hour
)

func newCheckCommand(parts Parts) *cobra.Command {
	var (
		budget time.Duration
		seed   uint64
		names  []string
		dir    string
		wait   time.Duration
		asJSON bool
		each   uint64
		jobs   int

		verbose bool
		cut     sharding
	)
	all := check.All()
	var about strings.Builder
	for _, c := range all {
		fmt.Fprintf(&about, "  %-11s %s\n", c.Name, c.Doc)
	}
	c := &cobra.Command{
		Use:   "check [STRATEGY...]",
		Short: "Find out whether strategies keep their promises",
		Long: `check runs every check on every strategy, all within one time budget, and prints one
screen: a row for each strategy, a column for each check, and for what breaks its promise
what happened and how to see it again. --verbose says before that what was tried and how
much of it, what follows from that, and the hazards that promises leave: they are never
held against a strategy.

Checks:
` + about.String() + `
Verdicts: kept (ok): nothing was found. BROKEN (BAD): the promise is broken. unknown (?):
inconclusive, which is no pass. unsupported (-): there is nothing to check. --verbose has
the reasons.

A call that never returns breaks the promise too. The strategy's other checks would call it
again, so they are left out; the time that it took is added to --time. What isn't finished
while no call is seen that doesn't return is inconclusive.

"at most" is an upper bound of how often the promise is broken, at 95 % confidence: 3/N
after N operations of workloads without a finding, if they are taken for independent. It
says nothing of what was never tried. Schedules, programs and meetings of goroutines are
chosen where bugs are likely, so no share follows from them: so many were tried, and
none failed.

What goes wrong under a workload that isn't refbench's own is tried with a count that is
known to be right, too. If that goes wrong as well, the workload is named, and other
strategies are checked without it.

Exit status: 1 if a strategy breaks its promise or a workload is wrong, 0 if none was seen to, 3 if the checks
were interrupted or couldn't run.`,
		Example: `  refbench check
  refbench check percpu --time 10m
  refbench check atomic saturating --checks schedules,histories --seed 7 --json`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkParts(parts); err != nil {
				return err
			}
			if err := cut.check(c); err != nil {
				return err
			}
			if budget < shortestCheck || budget > longestCheck {
				return usagef("--time %v: want %v .. %v", budget, shortestCheck, longestCheck)
			}
			if err := checkJobs(jobs); err != nil {
				return err
			}
			if wait <= 0 {
				return usagef("--timeout %v: want a time such as 10s", wait)
			}
			if len(args) == 0 {
				args = []string{"all"}
			}
			ss, err := chooseStrategies(parts, args)
			if err != nil {
				return err
			}
			if len(ss) == 0 {
				return usagef("nothing to check: this refbench has no strategies")
			}
			cs, err := chooseChecks(all, names)
			if err != nil {
				return err
			}
			if !c.Flags().Changed("seed") && !cut.given() {
				seed = rand.Uint64()
			}
			if dir == "" {
				dir = filepath.Join(findingsDir, time.Now().UTC().Format("20060102T150405.000Z"))
			} else if info, err := os.Stat(dir); err == nil && !info.IsDir() {
				return usagef("--findings %s: there is a file of that name, want a folder", dir)
			}
			ch := checking{
				parts: parts, strategies: ss, checks: cs, budget: budget, timeout: wait, seed: seed, dir: dir, json: asJSON, verbose: verbose,
				all: len(cs) == len(all), each: each, jobs: jobs,
			}
			if cut.given() {
				return ch.shard(c, &cut)
			}
			return ch.run(c)
		},
	}
	f := c.Flags()
	f.DurationVar(&budget, "time", time.Minute, "how long to check, all strategies and checks together; on a busy machine it takes longer, since each has a quarter of its share at least")
	f.DurationVar(&wait, "timeout", 10*time.Second, "how long a call may take before it counts as one that never returns, longer where the CPUs have much else to do")
	f.Uint64Var(&seed, "seed", 0, "seed of all random choices (default a new one, or 0 with --shard)")
	f.Uint64Var(&each, "executions", 0, "try so many programs, schedules of each scenario and executions of each load, of all shards together, however long that takes; "+timedChecks(all)+" take their part of --time as ever")
	f.IntVar(&jobs, "jobs", runtime.GOMAXPROCS(0), "how many checks at the same time, each in a process of its own; those with real threads have all CPUs, one after the other; what a check does with a seed doesn't depend on it")
	f.StringSliceVar(&names, "checks", []string{"all"}, "checks, comma-separated, or all")
	f.StringVar(&dir, "findings", "", "folder for files about findings, made if there is one (default a new folder in "+findingsDir+"/)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	cut.addFlags(c)
	f.BoolVar(&verbose, "verbose", false, "say before the screen what was tried, why what is unknown is, and all of what was found")

	c.ValidArgsFunction = func(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
		for _, s := range parts.Strategies {
			names = append(names, s.Name+"\t"+s.Doc)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	mustComplete(c, "checks", func() (names []string) {
		for _, c := range all {
			names = append(names, c.Name+"\t"+c.Doc)
		}
		return append(names, "all")
	})
	return c
}

// timedChecks names the checks that only time says something to.
func timedChecks(all []check.Check) string {
	var names []string
	for _, c := range all {
		if c.Timed {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// chooseChecks returns the named checks in the order of the list, all of them for
// "all".
func chooseChecks(all []check.Check, names []string) ([]check.Check, error) {
	known := make([]string, len(all))
	for i, c := range all {
		known[i] = c.Name
	}
	var chosen []check.Check
	for i, c := range all {
		if slices.Contains(names, known[i]) || slices.Contains(names, "all") {
			chosen = append(chosen, c)
		}
	}
	for _, n := range names {
		if n != "all" && !slices.Contains(known, n) {
			return nil, usagef("unknown check %q: there are %s", n, strings.Join(nearest(n, known), ", "))
		}
	}
	return chosen, nil
}

// checking is one run of check.
type checking struct {
	parts      Parts
	strategies []*strategies.Strategy
	checks     []check.Check
	all        bool // the checks are all that there are
	budget     time.Duration
	timeout    time.Duration
	seed       uint64
	dir        string
	json       bool
	verbose    bool // all of it is printed before the screen
	each       uint64
	jobs       int // how many cells at a time, in processes of their own

	// A shard's.
	partly []int // the parts that are checked; nil: the whole
	cut    int   // into how many
	has    func(strategy, check string, part int) bool
	done   func(r check.Result, part int) error
}

// shard checks a shard's parts.
func (ch checking) shard(c *cobra.Command, cut *sharding) error {
	var items []shard.Item
	for _, s := range ch.strategies {
		for _, k := range ch.checks {
			items = append(items, shard.Item{Name: s.Name + " " + k.Name, Row: s.Name, Column: k.Name})
		}
	}
	w, err := cut.begin(c, c.Flags().Args(), ch.parts.Explored.Version, ch.seed, items)
	if err != nil {
		return err
	}
	ch.cut, ch.partly = cut.parts, cut.shard.Parts(cut.parts)
	ch.has = func(strategy, check string, part int) bool {
		return w.Has(shard.Task{Item: strategy + " " + check, Part: part})
	}
	ch.done = func(r check.Result, part int) error {
		out := shard.Result{
			Item: r.Strategy + " " + r.Check, Part: part, Verdict: string(r.Verdict), Reason: r.Reason,
			Through: r.Through, Notes: r.Notes, Seconds: r.Seconds,
		}
		for _, a := range r.Tried {
			out.Tried = append(out.Tried, shard.Amount(a))
		}
		var fs []shard.Finding
		add := func(f check.Finding, what string) {
			found := shard.Finding{ID: cmp.Or(f.Token, f.Program, what), What: what, Replay: f.Replay}
			if f.Token == "" && f.Detail != f.What {
				found.Detail = f.Detail // a token replays it
			}
			fs = append(fs, found)
		}
		for _, f := range r.Findings {
			add(f, f.What)
		}
		for _, m := range r.Misuses {
			add(m.Finding, fmt.Sprintf("WORKLOAD %s IS WRONG ITSELF, also with %s, which is right: %s", m.Workload, m.Control, m.What))
		}
		if err := w.Done(out, fs); err != nil {
			return unwritten(cut.output, err)
		}
		return nil
	}
	left := len(w.Left())
	p := newCheckProgress(c.ErrOrStderr(), left)
	// What is done already has had its share of the time.
	budget := time.Duration(float64(ch.budget) * float64(left) / float64(max(w.Planned(), 1)))
	_, interrupted, err := ch.results(c.Context(), time.Now().Add(budget), p)
	p.end()
	if interrupted {
		err = errors.Join(failedf("interrupted"), err)
	}
	return cut.finish(c, w, err)
}

func (ch checking) run(c *cobra.Command) error {
	p := newCheckProgress(c.ErrOrStderr(), len(ch.checks)*len(ch.strategies))
	fmt.Fprintf(c.ErrOrStderr(), "%s of %s within %v, seed %d\n",
		plural(len(ch.checks), "check"), strategyCount(len(ch.strategies)), ch.budget, ch.seed)
	begin := time.Now()
	results, interrupted, err := ch.results(c.Context(), begin.Add(ch.budget), p)
	p.end()
	out := checked{
		Version: ch.parts.Explored.Version, Seed: ch.seed, Budget: ch.budget.Seconds(), Seconds: time.Since(begin).Seconds(),
		Interrupted: interrupted, Strategies: []checkedStrategy{}, Results: results,
	}
	for _, s := range ch.strategies {
		promise := make(map[string]string)
		for _, f := range s.Promise.Fields() {
			promise[f[0]] = f[1]
		}
		out.Strategies = append(out.Strategies, checkedStrategy{s.Name, promise, append([]string{}, check.Hazards(s.Promise)...)})
	}
	if ch.json {
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", "  ")
		err = errors.Join(err, e.Encode(out))
	} else {
		if ch.verbose {
			err = errors.Join(err, printChecked(c.OutOrStdout(), out))
		}
		err = errors.Join(err, printLines(c.OutOrStdout(), checkScreen(out, ch.checks)))
	}
	var broken []string
	for _, r := range results {
		if r.Verdict == check.Broken && !slices.Contains(broken, r.Strategy) {
			broken = append(broken, r.Strategy)
		}
	}
	var wrong []string
	for _, r := range results {
		for _, m := range r.Misuses {
			if !slices.Contains(wrong, m.Workload) {
				wrong = append(wrong, m.Workload)
			}
		}
	}
	planned := len(ch.checks) * len(ch.strategies)
	switch {
	case interrupted:
		return errors.Join(failedf("interrupted after %d of %s", len(results), plural(planned, "check")), err)
	case err != nil:
		return failedf("%w", err)
	}
	var found []error
	switch len(broken) {
	case 0:
	case 1:
		found = append(found, findingf("%s breaks its promise", broken[0]))
	default:
		found = append(found, findingf("%s break their promises", strings.Join(broken, ", ")))
	}
	if len(wrong) > 0 {
		found = append(found, findingf("wrong are the workloads themselves: %s", strings.Join(wrong, ", ")))
	}
	return errors.Join(found...)
}

func (ch checking) position(strategy string) int {
	return slices.IndexFunc(ch.strategies, func(s *strategies.Strategy) bool { return s.Name == strategy })
}

// keep writes the files of a check's finding about a strategy, or about how a workload uses
// it, and says how to see it again. Its number among the check's is i.
func (ch checking) keep(by, strategy string, f *check.Finding, i int) error {
	again := []string{
		ch.parts.program(), "check", strategy, "--checks", by,
		"--seed", strconv.FormatUint(ch.seed, 10), "--time", max(ch.budget, shortestCheck).String(),
	}
	if ch.each > 0 {
		again = append(again, "--executions", strconv.FormatUint(ch.each, 10))
	}
	f.Replay = shellescape.QuoteCommand(again)
	if f.Token != "" {
		f.Replay = shellescape.QuoteCommand([]string{ch.parts.program(), "replay", f.Token})
	}
	if len(f.Attachments) == 0 {
		return nil
	}
	if err := os.MkdirAll(ch.dir, 0o777); err != nil {
		return fmt.Errorf("what was found can't be written down: %w: name another folder with --findings", err)
	}
	var errs []error
	for _, a := range f.Attachments {
		name := filepath.Join(ch.dir, strategy+"-"+by+"-"+strconv.Itoa(i+1)+a.Suffix)
		if err := writeFile(name, a.Write); err != nil {
			errs = append(errs, fmt.Errorf("what was found can't be written down: %w", err))
			continue
		}
		f.Files = append(f.Files, name)
		if a.Replays {
			f.Replay = shellescape.QuoteCommand([]string{ch.parts.program(), "replay", name})
		}
	}
	return errors.Join(errs...)
}

func printChecked(w io.Writer, out checked) error {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "strategy\tcheck\tverdict\ttried\tat most\ttime")
	for _, r := range out.Results {
		bound := ""
		if r.Bound > 0 {
			bound = fmt.Sprintf("1 in %d %s", int64(1/r.Bound), r.Tried[0].Unit)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%.1f s\n", r.Strategy, r.Check, r.Verdict, amounts(r.Tried), bound, r.Seconds)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	section := func(title string, lines func(check.Result) []string) {
		begun := false
		for _, r := range out.Results {
			for _, l := range lines(r) {
				if !begun {
					b.WriteString("\n" + title + "\n")
					begun = true
				}
				fmt.Fprintf(&b, "  %s %s: %s\n", r.Strategy, r.Check, l)
			}
		}
	}
	section("Inconclusive, or nothing to check", func(r check.Result) []string {
		if r.Reason == "" || r.Verdict == check.Broken {
			return nil
		}
		return []string{string(r.Verdict) + ": " + r.Reason}
	})
	section("Notes", func(r check.Result) []string { return r.Notes })
	b.WriteString("\nHazards that the promises leave\n")
	for _, s := range out.Strategies {
		for _, h := range s.Hazards {
			fmt.Fprintf(&b, "  %s: %s\n", s.Name, h)
		}
		if len(s.Hazards) == 0 {
			fmt.Fprintf(&b, "  %s: none\n", s.Name)
		}
	}
	show := func(f check.Finding, format string, args ...any) {
		fmt.Fprintf(&b, "\n"+format+" (seed %d)\n  %s\n", append(args, f.Seed, f.What)...)
		if f.Detail != f.What {
			for line := range strings.Lines(strings.TrimRight(f.Detail, "\n") + "\n") {
				b.WriteString("    " + line)
			}
		}
		for _, name := range f.Files {
			fmt.Fprintf(&b, "  file: %s\n", name)
		}
		if f.Replay != "" {
			fmt.Fprintf(&b, "  see it again: %s\n", f.Replay)
		}
	}
	for _, r := range out.Results {
		for _, f := range r.Findings {
			show(f, "%s BREAKS ITS PROMISE, found by %s", r.Strategy, r.Check)
		}
		for _, m := range r.Misuses {
			show(m.Finding, "WORKLOAD %s IS WRONG ITSELF: %s, which is known to be right, goes wrong under it, found by %s", m.Workload, m.Control, r.Check)
		}
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// verdictMarks are what a screen has for verdicts.
var verdictMarks = map[check.Verdict]string{check.Kept: "ok", check.Broken: "BAD", check.Unknown: "?", check.Unsupported: "-"}

const verdictLegend = "ok: kept; BAD: broken; ?: inconclusive; -: nothing to check; --verbose has all."

// checkScreen says on one screen what came out: a row for each strategy, the broken ones
// first, then what broke and how to see it again.
func checkScreen(out checked, checks []check.Check) []string {
	of := make(map[string][]check.Result)
	count := make(map[check.Verdict]int) // of strategies, by the worst of their verdicts
	worst := func(rs []check.Result) check.Verdict {
		v := check.Kept
		for _, r := range rs {
			if r.Verdict == check.Broken || r.Verdict == check.Unknown && v != check.Broken {
				v = r.Verdict
			}
		}
		return v
	}
	for _, r := range out.Results {
		of[r.Strategy] = append(of[r.Strategy], r)
	}
	order := slices.Clone(out.Strategies)
	isBroken := func(s checkedStrategy) int {
		if worst(of[s.Name]) == check.Broken {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(order, func(a, b checkedStrategy) int { return isBroken(a) - isBroken(b) })
	g := grid{first: "strategy"}
	for _, c := range checks {
		g.heads = append(g.heads, c.Name)
	}
	for _, s := range order {
		count[worst(of[s.Name])]++
		row := gridRow{name: s.Name}
		for _, c := range checks {
			mark := ""
			for _, r := range of[s.Name] {
				if r.Check == c.Name {
					mark = verdictMarks[r.Verdict]
				}
			}
			row.cells = append(row.cells, mark)
		}
		g.rows = append(g.rows, row)
	}
	sum := fmt.Sprintf("%s: %d broken, %d inconclusive in part; %.1f s, seed %d.",
		strategyCount(len(order)), count[check.Broken], count[check.Unknown], out.Seconds, out.Seed)
	if out.Interrupted {
		sum = "Interrupted. " + sum
	}
	ends := append(misuseLines(out.Results), verdictLegend)
	ends = append(ends, folded(sum, 2)...)
	broken := count[check.Broken]
	lines := g.lines(report.ScreenColumns)
	heading := len(lines) - len(g.rows)
	room := report.ScreenLines - len(ends) - heading
	var found []string
	rows := len(g.rows)
	if broken > 0 {
		// A row for each that is broken, a line for the others, and what was found has the rest.
		rows = min(rows, max(broken, 3), room/3)
		left := room - rows
		if rows < len(g.rows) {
			left--
		}
		for i, s := range order[:broken] {
			lines := foundLines(of[s.Name], left-len(found), broken == 1)
			if len(found)+len(lines) > left-1 && i < broken-1 {
				found = append(found, fmt.Sprintf("and %s of %d more: --verbose has it", "what broke", broken-i))
				break
			}
			found = append(found, lines...)
		}
	} else {
		rows = min(rows, room)
		if rows < len(g.rows) {
			rows--
		}
	}
	if n := len(g.rows) - rows; n > 0 {
		lines = append(lines[:heading+rows], fmt.Sprintf("and %d more: --verbose has them", n))
	}
	return slices.Concat(lines, found, ends)
}

// misuseLines says which workloads are wrong themselves, of each the first finding, and of
// the first how to see it again.
func misuseLines(rs []check.Result) (lines []string) {
	const few = 3
	var seen []string
	for _, r := range rs {
		for _, m := range r.Misuses {
			if slices.Contains(seen, m.Workload) {
				continue
			}
			if seen = append(seen, m.Workload); len(seen) > few {
				continue
			}
			lines = append(lines, cut(fmt.Sprintf("WORKLOAD %s IS WRONG ITSELF, also with %s, which is right: %s", m.Workload, m.Control, m.What), report.ScreenColumns))
			if len(seen) == 1 && m.Replay != "" {
				lines = append(lines, "see it again: "+m.Replay)
			}
		}
	}
	if n := len(seen) - few; n > 0 {
		lines = append(lines, fmt.Sprintf("and %s more: --verbose", plural(n, "wrong workload")))
	}
	return lines
}

// foundLines says what was found of a strategy and how to see it again, in so many lines: of
// the first finding, whole if there is room, and which other checks found something.
func foundLines(rs []check.Result, most int, whole bool) []string {
	var lines, also []string
	var first check.Finding
	for _, r := range rs {
		switch {
		case len(r.Findings) == 0:
		case lines == nil:
			first = r.Findings[0]
			text := fmt.Sprintf("%s BREAKS ITS PROMISE (%s): %s", r.Strategy, r.Check, first.What)
			if most = min(most, report.ScreenLines); !whole {
				lines = []string{cut(strings.ReplaceAll(text, "\n", " "), report.ScreenColumns)}
				break
			}
			lines = folded(text, 4)
		default:
			also = append(also, r.Check)
		}
	}
	var ends []string
	if whole {
		if len(also) > 0 {
			ends = append(ends, cut("also found by: "+strings.Join(also, ", "), report.ScreenColumns))
		}
		for _, name := range first.Files {
			ends = append(ends, "file: "+name)
		}
	}
	if first.Replay != "" {
		ends = append(ends, "see it again: "+first.Replay)
	}
	if room := most - len(lines) - len(ends); whole && first.Detail != first.What && room > 1 {
		lines = append(lines, excerpt(first.Detail, room, "--verbose")...)
	}
	return append(lines, ends...)
}

// amounts says how much was tried.
func amounts(as []check.Amount) string {
	var parts []string
	for _, a := range as {
		parts = append(parts, fmt.Sprintf("%d %s", a.N, a.Unit))
	}
	return strings.Join(parts, ", ")
}

// checkProgress shows on stderr how far check has come: a bar on a terminal, else a
// line for each check.
type checkProgress struct {
	w       io.Writer
	bar     *progressbar.ProgressBar
	planned int
	n       int
}

func newCheckProgress(w io.Writer, planned int) *checkProgress {
	p := &checkProgress{w: w, planned: planned}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(planned,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription("checking"),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

func (p *checkProgress) begin(name, strategy string) {
	if p.bar != nil {
		p.bar.Describe("checking " + strategy + ": " + name)
	}
}

func (p *checkProgress) done(r check.Result, left time.Duration) {
	p.n++
	if p.bar != nil {
		if r.Verdict == check.Broken {
			_ = p.bar.Clear()
		}
		_ = p.bar.Set(p.n) // a terminal that is gone stops no run
	} else {
		fmt.Fprintf(p.w, "%d of %d: %s %s: %s, %s left\n", p.n, p.planned, r.Strategy, r.Check, r.Verdict, rough(max(left, 0)))
	}
	if r.Verdict == check.Broken && len(r.Findings) > 0 {
		fmt.Fprintf(p.w, "refbench: %s breaks its promise: %s\n", r.Strategy, r.Findings[0].What)
	}
	for _, m := range r.Misuses {
		fmt.Fprintf(p.w, "refbench: workload %s is wrong itself: %s\n", m.Workload, m.What)
	}
}

func (p *checkProgress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// strategyCount is plural for a noun that it can't make one of.
func strategyCount(n int) string {
	if n == 1 {
		return "1 strategy"
	}
	return fmt.Sprintf("%d strategies", n)
}

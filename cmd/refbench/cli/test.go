package cli

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/gotest"
	"github.com/refbench/refbench/fuzz/shard"
)

func newTestCommand() *cobra.Command {
	t := new(tester)
	c := &cobra.Command{
		Use:   "test [PACKAGES]",
		Short: "Run ordinary Go tests under every schedule",
		Long: `test takes packages of any module with the tests that they have, and runs each test
function again and again under a scheduler that decides before every access to shared
memory who goes on. Nothing has to be changed for it, and nothing is written into the
module.

A test that fails under some schedule is reported with that schedule, made small, and
with the command that replays it. Data races, deadlocks and panics are failures too. What
a verdict covers stands behind it: all schedules, or how many. A test that starts no
goroutine runs once.

Time is virtual and passes only when no goroutine can go on, so that a test's own time-out
is no failure; --anytime lets it pass while goroutines are slow. Map orders and random numbers depend on the seed alone, and goroutines
that a test leaves behind end with it. Packages of other modules are explored too where
they synchronize; --keep names those that are to stay as they are. What isn't modelled, as
sockets and other processes, is refused where a test reaches it.

Flags may be written as those of go test: -run, -v, -json, -short, -tags, -count.

Exit status: 0 if no test fails, 1 if one does, 2 for wrong usage, 3 if a package or a test
couldn't be explored.`,
		Example: `  refbench test
  refbench test ./... -run TestClose --time 10s
  refbench test ./pool -run '^TestClose$' --replay rx3.GDVi... --html close.html`,
		RunE: func(c *cobra.Command, args []string) error { return t.run(c, args) },
	}
	f := c.Flags()
	f.StringVar(&t.runs, "run", "", "run only tests that match the regular expression")
	f.StringVar(&t.skips, "skip", "", "leave out tests that match the regular expression")
	f.DurationVar(&t.time, "time", 2*time.Second, "how long to search schedules of each test; 0: until --executions")
	f.IntVar(&t.executions, "executions", 0, "how many schedules to try of each test; 0: no limit")
	f.StringVar(&t.search, "search", string(explore.Portfolio), "how to choose schedules: "+strings.Join(searchNames(), ", "))
	f.IntVar(&t.depth, "depth", 3, "depth of pct: how many ordered points a bug may need")
	f.IntVar(&t.bound, "bound", 2, "preemptions that dfs allows; -1: any number")
	f.Uint64Var(&t.seed, "seed", 1, "seed of all random choices, and of what tests take for chance")
	f.BoolVar(&t.plainless, "noraces", false, "don't look for data races: plain memory isn't announced")
	f.BoolVar(&t.anyTime, "anytime", false, "let timers fire, and sleepers wake, while others could go on")
	f.StringSliceVar(&t.keep, "keep", nil, "packages or modules that stay as they are, comma-separated")
	f.StringVar(&t.replay, "replay", "", "token of a schedule to run again")
	f.StringVar(&t.html, "html", "", "with --replay, file for a picture of the schedule; else folder for pictures of all that fail")
	f.IntVarP(&t.jobs, "p", "p", runtime.GOMAXPROCS(0), "how many tests to explore at once, each in a process")
	f.BoolVarP(&t.verbose, "v", "v", false, "list all tests, and what they log")
	f.BoolVar(&t.asJSON, "json", false, "print JSON as go test -json does")
	f.BoolVar(&t.short, "short", false, "what testing.Short returns")
	f.StringVar(&t.tags, "tags", "", "build tags, comma-separated")
	f.IntVar(&t.count, "count", 1, "explore each test so often, with seeds one after another")
	t.cut.addFlags(c)
	mustComplete(c, "search", searchNames)
	return c
}

// goFlags returns arguments of test with flags as the go command has them, with one dash,
// as they are here.
func goFlags(args []string) []string {
	if len(args) == 0 || args[0] != "test" {
		return args
	}
	known := newTestCommand().Flags()
	args = slices.Clone(args)
	for i, a := range args[1:] {
		if a == "--" {
			break
		}
		name, isFlag := strings.CutPrefix(a, "-")
		if !isFlag || strings.HasPrefix(name, "-") || len(name) < 2 {
			continue
		}
		name, _, _ = strings.Cut(name, "=")
		if known.Lookup(name) != nil || name == "help" {
			args[i+1] = "-" + a
		}
	}
	return args
}

// tester is a run of the command.
type tester struct {
	runs, skips, search, replay, html, tags string
	keep                                    []string
	time                                    time.Duration
	executions, depth, bound, jobs, count   int
	seed                                    uint64
	plainless, verbose, asJSON, short       bool
	anyTime                                 bool

	run0, skip0 *regexp.Regexp // the part for test functions

	cut  sharding
	work *shard.Work // of a shard

	out, errOut io.Writer
	flags       *pflag.FlagSet
}

func (t *tester) check(c *cobra.Command) error {
	switch {
	case !slices.Contains(explore.Searches(), explore.Search(t.search)):
		return usagef("unknown search %q: there are %s", t.search, strings.Join(nearest(t.search, searchNames()), ", "))
	case t.time < 0:
		return usagef("--time %v: want a time such as 5s, or 0 for none", t.time)
	case t.executions < 0:
		return usagef("--executions %d: want at least 1, or 0 for no limit", t.executions)
	case t.executions == 0 && t.time == 0:
		return usagef("--time 0 without --executions would never end: give one of them")
	case t.jobs < 1:
		return usagef("-p %d: want at least 1", t.jobs)
	case t.count < 1:
		return usagef("-count %d: want at least 1", t.count)
	case t.cut.given() && t.replay != "":
		return usagef("--replay runs one schedule, which can't be cut: leave out --shard")
	}
	if err := t.cut.check(c); err != nil {
		return err
	}
	if t.executions > 0 && !c.Flags().Changed("time") {
		t.time = 0
	}
	for _, x := range []struct {
		flag, text string
		to         **regexp.Regexp
	}{{"-run", t.runs, &t.run0}, {"-skip", t.skips, &t.skip0}} {
		for i, part := range strings.Split(x.text, "/") {
			re, err := regexp.Compile(part)
			if err != nil {
				return usagef("%s %q: %w", x.flag, x.text, err)
			}
			if i == 0 {
				*x.to = re
			}
		}
	}
	return nil
}

func (t *tester) run(c *cobra.Command, args []string) error {
	if err := t.check(c); err != nil {
		return err
	}
	t.out, t.errOut, t.flags = c.OutOrStdout(), c.ErrOrStderr(), c.Flags()
	if len(args) == 0 {
		args = []string{"."}
	}
	ctx := c.Context()
	w, err := gotest.Load(ctx, gotest.Options{Patterns: args, Tags: t.tags, Keep: t.keep, NoPlain: t.plainless})
	if err != nil {
		if ctx.Err() != nil {
			return failedf("interrupted")
		}
		if errors.As(err, new(*gotest.InputError)) {
			return usagef("%w", err)
		}
		return failedf("%w", err)
	}
	defer func() { _ = w.Close() }()
	if t.html != "" && t.replay == "" {
		if err := os.MkdirAll(t.html, 0o777); err != nil {
			return usagef("--html %s: %w", t.html, err)
		}
	}
	if t.cut.given() {
		if err := t.begin(c, w, args); err != nil {
			return err
		}
	}
	var total outcome
	for _, p := range w.Packages {
		o := t.pkg(ctx, w, p)
		total.add(o)
		if ctx.Err() != nil {
			break
		}
		if o.unwritten != nil {
			return t.cut.finish(c, t.work, unwritten(t.cut.output, o.unwritten))
		}
	}
	if ctx.Err() != nil {
		err := failedf("interrupted")
		if t.work != nil {
			return t.cut.finish(c, t.work, err)
		}
		return err
	}
	if total.matched == 0 && t.runs != "" {
		fmt.Fprintf(t.errOut, "refbench: warning: no tests match -run %s\n", t.runs)
	}
	if t.work != nil {
		return t.cut.finish(c, t.work, nil)
	}
	switch {
	case total.unable > 0:
		return failedf("%s couldn't be explored%s", countOf(total.unable, "package or test", "packages or tests"), alsoFailed(total.failed))
	case total.failed > 0:
		return findingf("%s", countOf(total.failed, "test fails", "tests fail"))
	}
	return nil
}

func alsoFailed(n int) string {
	if n == 0 {
		return ""
	}
	return ", and " + countOf(n, "test fails", "tests fail")
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// An outcome counts what came of tests.
type outcome struct {
	matched, failed, unable, skipped, once, all, some int
	executions                                        int

	unwritten error // what a shard has done can't be
}

func (o *outcome) add(p outcome) {
	o.matched += p.matched
	o.failed += p.failed
	o.unable += p.unable
}

// pkg explores the tests of a package and prints what came of it.
func (t *tester) pkg(ctx context.Context, w *gotest.Work, p *gotest.Package) (o outcome) {
	begin := time.Now()
	err := p.Err
	names := t.names(p)
	o.matched = len(names)
	if t.work != nil && !t.anyLeft(p, names) {
		return o
	}
	if err == nil && len(names) > 0 {
		err = w.Build(ctx, p)
	}
	if ctx.Err() != nil {
		return o
	}
	if err != nil {
		o.unable++
		if t.work != nil {
			o.unwritten = t.unbuilt(p, names, err)
		}
		t.print(testEvent{Action: "output", Package: p.Path, Output: fmt.Sprintf("FAIL\t%s [not explored]\n    %s\n", p.Path, err)})
		t.print(testEvent{Action: "fail", Package: p.Path})
		return o
	}
	if len(p.Tests) == 0 {
		t.print(testEvent{Action: "output", Package: p.Path, Output: fmt.Sprintf("?   \t%s\t[no test files]\n", p.Path)})
		t.print(testEvent{Action: "skip", Package: p.Path})
		return o
	}
	var runs []testRun
	for i := range t.count {
		for _, name := range names {
			r := testRun{name: name, seed: t.seed + uint64(i)}
			if t.work == nil {
				runs = append(runs, r)
				continue
			}
			for _, r.part = range t.cut.shard.Parts(t.cut.parts) {
				if !t.work.Has(shard.Task{Item: t.item(p, r.name, r.seed).Name, Part: r.part}) {
					runs = append(runs, r)
				}
			}
		}
	}
	t.each(runs, func(r *testRun) {
		if ctx.Err() == nil {
			r.report, r.err = p.Try(ctx, t.trial(p, r))
			if r.err == nil && r.report.Verdict == gotest.Failed {
				t.doubt(ctx, w, p, r)
			}
		}
	}, func(r *testRun) {
		if ctx.Err() == nil {
			t.one(p, r, &o)
			if t.work != nil && o.unwritten == nil {
				o.unwritten = t.record(p, r)
			}
		}
	})
	if ctx.Err() != nil {
		return o
	}
	elapsed := time.Since(begin).Seconds()
	word, action := "ok  ", "pass"
	if o.failed > 0 || o.unable > 0 {
		word, action = "FAIL", "fail"
	}
	t.print(testEvent{Action: "output", Package: p.Path, Output: fmt.Sprintf("%s\t%s\t%.3fs\t%s\n", word, p.Path, elapsed, o.text(t.work != nil))})
	if len(p.Kept) > 0 && len(names) > 0 {
		t.print(testEvent{Action: "output", Package: p.Path, Output: "    not explored, although they synchronize: " + strings.Join(p.Kept, ", ") + "\n"})
	}
	t.print(testEvent{Action: action, Package: p.Path, Elapsed: elapsed})
	return o
}

// doubt looks whether a failure is one of the test's schedule.
func (t *tester) doubt(ctx context.Context, w *gotest.Work, p *gotest.Package, r *testRun) {
	if r.report.Threads <= 1 && w.Native(ctx, p, r.name, t.short) {
		// No schedule is to blame: something isn't as it is natively.
		r.report.Verdict = gotest.Unsupported
		r.report.Message = "it fails although it starts no goroutine and go test passes it: " + r.report.Message
		return
	}
	if t.replay != "" {
		return
	}
	o := t.trial(p, r)
	o.Replay, o.HTML = r.report.Token, ""
	if again, err := p.Try(ctx, o); ctx.Err() == nil && (err != nil || again.Verdict != gotest.Failed) {
		// Each execution has left something behind for the next, such as a locked file.
		r.report.Verdict = gotest.Nondeterministic
		r.report.Message = "it fails only where other executions came before, so that something outside of its memory differs: " + r.report.Message
	}
}

// text says what the outcome covers. Of a shard it counts parts of tests, none of which is all
// of a test.
func (o *outcome) text(cut bool) string {
	all := "all schedules"
	if cut {
		all = "all of their schedules"
	}
	var texts []string
	add := func(n int, text string) {
		switch {
		case n == 0:
		case cut:
			texts = append(texts, plural(n, "part")+" "+text)
		default:
			texts = append(texts, fmt.Sprintf("%d %s", n, text))
		}
	}
	add(o.failed, "failed")
	add(o.unable, "not explored")
	add(o.all, "passed in "+all)
	add(o.some, fmt.Sprintf("passed in %d schedules", o.executions))
	add(o.once, "without a choice ran once")
	add(o.skipped, "skipped")
	if len(texts) == 0 {
		return "[no tests to run]"
	}
	return strings.Join(texts, ", ")
}

// A testRun is one test explored with one seed.
type testRun struct {
	name   string
	seed   uint64
	part   int // of a shard
	report *gotest.Report
	err    error
}

// names are the tests of a package that were asked for.
func (t *tester) names(p *gotest.Package) (names []string) {
	for _, name := range p.Tests {
		if t.run0.MatchString(name) && (t.skips == "" || !t.skip0.MatchString(name)) {
			names = append(names, name)
		}
	}
	return names
}

// item is a test with a seed, as something that is cut into parts.
func (t *tester) item(p *gotest.Package, test string, seed uint64) shard.Item {
	i := shard.Item{Name: p.Path + " " + test, Row: p.Path, Column: test}
	if t.count > 1 {
		i.Name += fmt.Sprintf(" seed %d", seed)
	}
	return i
}

// items are all of a package. One that can't be loaded may have any.
func (t *tester) items(p *gotest.Package, names []string) (items []shard.Item) {
	if p.Err != nil {
		return []shard.Item{{Name: p.Path, Row: p.Path, Column: "the package"}}
	}
	for i := range t.count {
		for _, name := range names {
			items = append(items, t.item(p, name, t.seed+uint64(i)))
		}
	}
	return items
}

// begin begins a shard. Shards of other explored code don't fit together.
func (t *tester) begin(c *cobra.Command, w *gotest.Work, args []string) (err error) {
	items := []shard.Item{}
	h := sha256.New()
	for _, p := range w.Packages {
		items = append(items, t.items(p, t.names(p))...)
		fmt.Fprintf(h, "%s %s\n", p.Path, p.Version)
	}
	t.work, err = t.cut.begin(c, args, fmt.Sprintf("%.12x", h.Sum(nil)), t.seed, items)
	return err
}

// anyLeft reports whether a shard has something of the package to do.
func (t *tester) anyLeft(p *gotest.Package, names []string) bool {
	for _, item := range t.items(p, names) {
		for _, part := range t.cut.shard.Parts(t.cut.parts) {
			if !t.work.Has(shard.Task{Item: item.Name, Part: part}) {
				return true
			}
		}
	}
	return false
}

// unbuilt notes that a package can't be explored.
func (t *tester) unbuilt(p *gotest.Package, names []string, why error) error {
	for _, item := range t.items(p, names) {
		for _, part := range t.cut.shard.Parts(t.cut.parts) {
			if err := t.work.Done(shard.Result{Item: item.Name, Part: part, Verdict: shard.NotExplored, Reason: why.Error()}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// record notes what came of a part of a test.
func (t *tester) record(p *gotest.Package, r *testRun) error {
	out := shard.Result{Item: t.item(p, r.name, r.seed).Name, Part: r.part}
	if r.err != nil {
		out.Verdict, out.Reason = shard.NotExplored, r.err.Error()
		return t.work.Done(out, nil)
	}
	rep := r.report
	message, _, _ := strings.Cut(rep.Message, "\n")
	out.Verdict, out.Complete, out.Exhaustive, out.Seconds = rep.Verdict, rep.Complete, rep.Exhaustive, rep.Seconds
	out.Tried = []shard.Amount{{N: uint64(rep.Executions), Unit: "executions"}, {N: uint64(rep.Points), Unit: "points"}}
	var fs []shard.Finding
	switch rep.Verdict {
	case gotest.Passed, gotest.Once, gotest.Skipped:
	case gotest.Failed:
		f := shard.Finding{ID: rep.Token, What: rep.Kind + ": " + message, Executions: rep.Found}
		if rep.Token != "" {
			f.Replay = t.again(p, r)
		} else {
			f.ID = f.What
		}
		fs = append(fs, f)
	default:
		out.Verdict, out.Reason = shard.NotExplored, rep.Verdict+": "+message
	}
	return t.work.Done(out, fs)
}

// each calls do for the runs, some at once, and done for each in order.
func (t *tester) each(runs []testRun, do, done func(*testRun)) {
	ready := make([]chan struct{}, len(runs))
	for i := range ready {
		ready[i] = make(chan struct{})
	}
	slots := make(chan struct{}, t.jobs)
	var all sync.WaitGroup
	for i := range runs {
		all.Go(func() {
			slots <- struct{}{}
			do(&runs[i])
			<-slots
			close(ready[i])
		})
	}
	for i := range runs {
		<-ready[i]
		done(&runs[i])
	}
	all.Wait()
}

func (t *tester) trial(p *gotest.Package, r *testRun) gotest.Trial {
	o := gotest.Trial{
		Test: r.name, Run: t.runs, Short: t.short, Verbose: t.verbose,
		Seed: r.seed, Time: t.time, Executions: t.executions, Search: t.search, Depth: t.depth, Bound: t.bound,
		Part: r.part, Parts: t.cut.parts,
		NoRaces: t.plainless, AnyTime: t.anyTime, Replay: t.replay,
	}
	switch {
	case t.html != "" && t.replay != "":
		o.HTML = absolute(t.html)
	case t.html != "":
		o.HTML = absolute(filepath.Join(t.html, strings.ReplaceAll(p.Path, "/", "-")+"-"+r.name+".html"))
	}
	if t.executions == 0 {
		o.Executions = math.MaxInt
	}
	return o
}

func absolute(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

// one prints what came of a test, and counts it.
func (t *tester) one(p *gotest.Package, r *testRun, o *outcome) {
	rep := r.report
	if r.err != nil {
		rep = &gotest.Report{Test: r.name, Verdict: "error", Message: r.err.Error()}
	}
	name, all := r.name, rep.Complete
	if t.work != nil {
		name += fmt.Sprintf(" part %d of %d", r.part+1, t.cut.parts)
		all += " of this part"
	}
	say := func(format string, args ...any) {
		t.print(testEvent{Action: "output", Package: p.Path, Test: r.name, Output: fmt.Sprintf(format, args...)})
	}
	if t.verbose {
		t.print(testEvent{Action: "run", Package: p.Path, Test: r.name})
		say("=== RUN   %s\n", name)
	}
	action := "pass"
	switch rep.Verdict {
	case gotest.Passed:
		covers := fmt.Sprintf("%d schedules", rep.Executions)
		if rep.Exhaustive {
			o.all++
			covers = fmt.Sprintf("%s (%d executions)", all, rep.Executions)
		} else {
			o.some++
			o.executions += rep.Executions
			if rep.Complete != "" {
				covers += ", " + all
			}
			if rep.Cut > 0 {
				covers += fmt.Sprintf(", %d of them stopped for their length", rep.Cut)
			}
		}
		if t.verbose {
			say("--- PASS: %s (%.2fs)\n%s    %s, %d goroutines\n", name, rep.Seconds, rep.Log, covers, rep.Threads)
		}
	case gotest.Once:
		o.once++
		if t.verbose {
			say("--- PASS: %s (%.2fs)\n%s    there is no choice: ran once\n", name, rep.Seconds, rep.Log)
		}
	case gotest.Skipped:
		o.skipped++
		action = "skip"
		if t.verbose {
			say("--- SKIP: %s (%.2fs)\n%s", name, rep.Seconds, rep.Log)
		}
	case gotest.Failed:
		o.failed++
		action = "fail"
		say("--- FAIL: %s (%.2fs)\n%s", name, rep.Seconds, t.failure(p, r))
	default:
		o.unable++
		action = "fail"
		why := rep.Message
		switch rep.Verdict {
		case gotest.Unsupported:
			why = "not modelled: " + why
		case gotest.TooLong:
			why = "an execution is too long: " + why
		case gotest.Hangs:
			why += "\n" + rep.Stack
		}
		say("--- NOT EXPLORED: %s (%.2fs)\n    %s\n", name, rep.Seconds, strings.ReplaceAll(strings.TrimSpace(why), "\n", "\n    "))
	}
	t.print(testEvent{Action: action, Package: p.Path, Test: r.name, Elapsed: rep.Seconds})
}

// failure says how a test fails.
func (t *tester) failure(p *gotest.Package, r *testRun) string {
	rep := r.report
	var b strings.Builder
	fmt.Fprintf(&b, "    %s: %s\n", rep.Kind, strings.ReplaceAll(rep.Message, "\n", "\n        "))
	if t.replay == "" {
		fmt.Fprintf(&b, "    found in execution %d with seed %d by %s\n", rep.Found, r.seed, rep.Search)
	}
	if strings.TrimSpace(rep.Log) != rep.Message {
		b.WriteString(rep.Log)
	}
	// What comes before the numbers has been said.
	_, schedule, _ := strings.Cut(rep.Schedule, rep.Message+"\n")
	for line := range strings.Lines(schedule) {
		if !strings.Contains(line, "replay with token") && !strings.Contains(line, rep.Token) {
			b.WriteString("    " + line)
		}
	}
	// Where the code under test is, not what it calls of the explorer.
	frames := strings.SplitAfter(rep.Stack, "\n")
	for i := 0; i+1 < len(frames); i += 2 {
		if !strings.Contains(frames[i+1], gotest.ExplorerDir) {
			b.WriteString("    " + frames[i] + "    " + frames[i+1])
		}
	}
	if rep.Token != "" {
		fmt.Fprintf(&b, "    to see it again: %s\n", t.again(p, r))
	}
	return b.String()
}

// again is the command that replays a failure.
func (t *tester) again(p *gotest.Package, r *testRun) string {
	again := []string{"refbench", "test", p.Path, "-run", "^" + r.name + "$"}
	for _, f := range []struct{ flag, value string }{{"-tags", t.tags}, {"--keep", strings.Join(t.keep, ",")}} {
		if f.value != "" {
			again = append(again, f.flag, f.value)
		}
	}
	if t.short {
		again = append(again, "-short")
	}
	if t.plainless {
		again = append(again, "--noraces")
	}
	if t.anyTime {
		again = append(again, "--anytime")
	}
	if r.seed != 1 {
		again = append(again, "--seed", fmt.Sprint(r.seed))
	}
	return shellescape.QuoteCommand(append(again, "--replay", r.report.Token))
}

// A testEvent is a line of what go test -json prints.
type testEvent struct {
	Time    *time.Time `json:",omitempty"`
	Action  string
	Package string  `json:",omitempty"`
	Test    string  `json:",omitempty"`
	Elapsed float64 `json:",omitempty"`
	Output  string  `json:",omitempty"`
}

func (t *tester) print(e testEvent) {
	if t.asJSON {
		now := time.Now()
		e.Time = &now
		_ = json.NewEncoder(t.out).Encode(e)
		return
	}
	if e.Action == "output" {
		_, _ = io.WriteString(t.out, e.Output)
	}
}

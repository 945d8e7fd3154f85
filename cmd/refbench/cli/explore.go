package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/fuzz/shard"
	"github.com/refbench/refbench/report"
	"github.com/refbench/refbench/strategies"
)

// The output of explore --json. Field names are part of the interface.
type (
	exploration struct {
		Version     string         `json:"version"` // of the explored code, as in tokens
		Seed        uint64         `json:"seed"`
		Interrupted bool           `json:"interrupted,omitempty"` // then pairs are missing
		Pairs       []exploredPair `json:"pairs"`

		program string // how this one is called
	}
	exploredPair struct {
		Strategy string `json:"strategy"`
		Workload string `json:"workload"`
		Wrong    string `json:"wrong,omitempty"` // what the known-wrong variant does
		// Unsupported is why the pair can't run. Then the rest is missing.
		Unsupported string `json:"unsupported,omitempty"`
		*explore.Result
		// Interrupted reports that the search was, so that less was tried.
		Interrupted bool   `json:"interrupted,omitempty"`
		Picture     string `json:"picture,omitempty"` // file
		// Control is a count that is known to be right and goes wrong under the workload too,
		// so that this is to blame.
		Control string `json:"control,omitempty"`
	}
)

// verdictUnsupported is the verdict of a pair that can't run.
const verdictUnsupported = "unsupported"

func newExploreCommand(parts Parts) *cobra.Command {
	forms := parts.Explored
	var (
		strategyNames, workloadNames []string
		search, htmlDir, programText string
		each                         time.Duration
		executions, depth, bound     int
		jobs                         int
		seed                         uint64
		wrong, verbose, asJSON       bool
		cut                          sharding
	)
	c := &cobra.Command{
		Use:   "explore",
		Short: "Search schedules of strategies and workloads for one that goes wrong",
		Long: `explore runs strategies and workloads in their explored form: a scheduler decides
before every access to shared memory who goes on and on which virtual CPU. A schedule
that goes wrong is made small, printed, and named by a token with which refbench
replay shows it again. What came out is one screen; --verbose prints each pair as it ends,
and all of what goes wrong, before it.

Workload "count" stands for ` + scenarios.CountDoc + `. --program
gives it another program: the steps of each thread separated by blanks, threads by "|",
objects named a to d. What begins an object's first life beside Init stands before the
first thread's steps, as a:SwitchToAtomic. Threads begin with a reference; the first
that kills has the owner's. Steps that would be wrong uses are left out, unless an
exclamation mark follows, as in a.Get!, and what is held at the end is dropped.

Searches: random is a random walk; pct is probabilistic concurrency testing; pos is
partial-order sampling and urw the selectively uniform random walk, which find what
lies behind many accesses that nobody else can see; dfs tries schedules one after
another, up to --bound preemptions, and leaves out those that can't differ; plaindfs
leaves nothing out; portfolio takes turns among them. What is found within --executions depends on the seed alone, what is found within --time on
the machine too.

Ctrl-C ends the search, and what was tried until then is printed.

Exit status: 1 if a schedule goes wrong, 0 if none was found, 3 if it was interrupted.`,
		Example: `  refbench explore --strategy percpu --workload count,dstcache
  refbench explore --wrong --strategy atomic --workload handoff --html pictures
  refbench explore --time 0 --executions 100000 --seed 7 --json
  refbench explore --strategy percpu --workload count --search dfs --bound -1 --time 1m
  refbench explore --workload count --program 'a.TryGet a.Put|a.TryGet a.Put|a.Kill'
  refbench explore --strategy percpu --workload count --program 'a:SwitchToAtomic a.SwitchToPerCPU|a.TryGet'`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := cut.check(c); err != nil {
				return err
			}
			o := explore.Options{
				Seed: seed, Search: explore.Search(search), Depth: depth, Bound: bound,
				Executions: executions, Time: each, Version: forms.Version, Stop: c.Context().Done(),
			}
			switch {
			case !slices.Contains(explore.Searches(), o.Search):
				return usagef("unknown search %q: there are %s", search, strings.Join(nearest(search, searchNames()), ", "))
			case each < 0:
				return usagef("--time %v: want a time such as 5s, or 0 for none", each)
			case executions < 0:
				return usagef("--executions %d: want at least 1, or 0 for no limit", executions)
			case depth < 1 || depth > 8:
				return usagef("--depth %d: want 1 .. 8", depth)
			case bound < explore.Unbounded:
				return usagef("--bound %d: want 0 or more preemptions, or %d for any number", bound, explore.Unbounded)
			}
			if err := checkJobs(jobs); err != nil {
				return err
			}
			if executions == 0 {
				if each == 0 {
					return usagef("--time 0 without --executions would never end: give one of them")
				}
				o.Executions = math.MaxInt
			} else if !c.Flags().Changed("time") {
				o.Time = 0
			}
			for i, name := range strategyNames {
				strategyNames[i] = parts.strategyName(name)
			}
			if err := refuseUnexplored(parts, strategyNames, workloadNames); err != nil {
				return err
			}
			pairs, err := choosePairs(forms, strategyNames, workloadNames, wrong)
			if err != nil {
				return err
			}
			if c.Flags().Changed("program") {
				if pairs, err = giveProgram(pairs, forms, programText, wrong); err != nil {
					return err
				}
			}
			if htmlDir != "" {
				if err := os.MkdirAll(htmlDir, 0o777); err != nil {
					return usagef("--html %s: %w", htmlDir, err)
				}
			}
			out := exploration{Version: forms.Version, Seed: seed, Pairs: []exploredPair{}, program: parts.program()}
			if cut.given() {
				return exploreShard(c, parts, &cut, pairs, o, jobs, programText, wrong)
			}
			explored, end := exploreSomewhere(c.Context(), parts, jobs, whole(pairs), o, programText, wrong)
			defer end()
			err = explorePairs(c.Context(), len(pairs), explored, htmlDir, func(p exploredPair) error {
				p.Control = parts.control(pairs, p, o)
				out.Pairs = append(out.Pairs, p)
				if !verbose {
					// It is printed at the end, which may be far.
					fmt.Fprintf(c.ErrOrStderr(), "%d of %d: %s %s\n", len(out.Pairs), len(pairs), p.Scenario, p.Verdict)
					return nil
				}
				return printExplored(c.OutOrStdout(), p)
			})
			out.Interrupted = c.Context().Err() != nil && err != nil
			if !asJSON {
				err = errors.Join(err, printLines(c.OutOrStdout(), exploreScreen(out)))
			}
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				err = errors.Join(err, e.Encode(out))
			}
			if err != nil {
				return err
			}
			bad := 0
			var wrongUses []string
			for _, p := range out.Pairs {
				if p.Result != nil && p.Failure != nil {
					bad++
				}
				if p.Control != "" && !slices.Contains(wrongUses, p.Workload) {
					wrongUses = append(wrongUses, p.Workload)
				}
			}
			if len(wrongUses) > 0 {
				return findingf("%d of %d pairs go wrong; wrong are the workloads themselves: %s", bad, len(out.Pairs), strings.Join(wrongUses, ", "))
			}
			if bad > 0 {
				return findingf("%d of %d pairs go wrong", bad, len(out.Pairs))
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringSliceVar(&strategyNames, "strategy", []string{"all"}, "strategies, comma-separated, or all")
	f.StringSliceVar(&workloadNames, "workload", []string{"all"}, "workloads, comma-separated, or all; count: op programs on the count alone")
	f.StringVar(&programText, "program", "", "op program for workload count, such as 'a.Get a.Put|a.Kill'")
	f.StringVar(&search, "search", string(explore.Portfolio), "how to choose schedules: "+strings.Join(searchNames(), ", "))
	f.DurationVar(&each, "time", 2*time.Second, "how long to search each pair; 0: until --executions (default 2s, or 0 with --executions)")
	f.IntVar(&executions, "executions", 0, "how many schedules to try of each pair; 0: no limit")
	f.IntVar(&depth, "depth", 3, "depth of pct: how many ordered points a bug may need")
	f.IntVar(&bound, "bound", 2, "preemptions that dfs allows; -1: any number")
	f.IntVar(&jobs, "jobs", runtime.GOMAXPROCS(0), "how many pairs to explore at the same time, each in a process of its own; what is found for a seed doesn't depend on it")
	f.Uint64Var(&seed, "seed", 1, "seed of all random choices")
	f.BoolVar(&wrong, "wrong", false, "explore the known-wrong variants, to see that what is wrong is found")
	f.StringVar(&htmlDir, "html", "", "folder for pictures of the schedules that go wrong")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.BoolVar(&verbose, "verbose", false, "print each pair as it ends, and all of what goes wrong")
	f.Lookup("time").DefValue = "0s" // not shown: the text says it
	cut.addFlags(c)

	mustComplete(c, "strategy", func() []string { return append(exploredStrategies(forms), "all") })
	mustComplete(c, "workload", func() []string { return append(exploredWorkloads(forms), "all") })
	mustComplete(c, "search", searchNames)
	return c
}

// control returns the count that is known to be right and goes wrong under the workload of a
// pair as well, or "".
func (p Parts) control(pairs []scenarios.Pair, e exploredPair, o explore.Options) string {
	i := slices.IndexFunc(pairs, func(p scenarios.Pair) bool { return p.Strategy == e.Strategy && p.Workload == e.Workload })
	j := slices.IndexFunc(p.Strategies, func(s *strategies.Strategy) bool { return s.Name == e.Strategy })
	if e.Wrong != "" || e.Result == nil || e.Failure == nil || i < 0 || j < 0 {
		return ""
	}
	if m := subject(p, p.Strategies[j]).AccuseSchedule(pairs[i].Scenario, e.Result, o); m != nil {
		return m.Control
	}
	return ""
}

func searchNames() (names []string) {
	for _, s := range explore.Searches() {
		names = append(names, string(s))
	}
	return names
}

// exploredStrategies and exploredWorkloads return names, each with what it is after
// a tab.
func exploredStrategies(forms scenarios.Forms) (names []string) {
	for _, s := range forms.Strategies {
		names = append(names, s.Name+"\t"+s.Doc)
	}
	return names
}

func exploredWorkloads(forms scenarios.Forms) []string {
	names := []string{scenarios.CountName + "\t" + scenarios.CountDoc}
	for _, w := range forms.Workloads {
		names = append(names, w.Name+"\t"+w.Doc)
	}
	return names
}

// refuseUnexplored refuses names of strategies and workloads that the program has, but
// not in explored form.
func refuseUnexplored(parts Parts, strategyNames, workloadNames []string) error {
	const why = "%s %s has no explored form in this refbench: refbench build makes one"
	has := func(known []string, name string) bool {
		return slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, name+"\t") })
	}
	for _, s := range parts.Strategies {
		if slices.Contains(strategyNames, s.Name) && !has(exploredStrategies(parts.Explored), s.Name) {
			return usagef(why, "strategy", s.Name)
		}
	}
	for _, w := range parts.Workloads {
		if slices.Contains(workloadNames, w.Name) && !has(exploredWorkloads(parts.Explored), w.Name) {
			return usagef(why, "workload", w.Name)
		}
	}
	return nil
}

// choosePairs returns the pairs of the named strategies and workloads.
func choosePairs(forms scenarios.Forms, strategyNames, workloadNames []string, wrong bool) ([]scenarios.Pair, error) {
	if err := errors.Join(strategies.Validate(forms.Strategies), validateExplored(forms)); err != nil {
		return nil, usagef("this refbench can't explore: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	ss, err := chosen("strategy", strategyNames, exploredStrategies(forms))
	if err != nil {
		return nil, err
	}
	ws, err := chosen("workload", workloadNames, exploredWorkloads(forms))
	if err != nil {
		return nil, err
	}
	var pairs []scenarios.Pair
	for _, p := range forms.Pairs(wrong) {
		if slices.Contains(ss, p.Strategy) && slices.Contains(ws, p.Workload) {
			pairs = append(pairs, p)
		}
	}
	if len(pairs) == 0 {
		return nil, usagef("nothing to explore: no strategy or no workload is chosen")
	}
	return pairs, nil
}

// giveProgram returns a pair for each strategy of the pairs, which are of the op programs,
// with the given one.
func giveProgram(pairs []scenarios.Pair, forms scenarios.Forms, text string, wrong bool) ([]scenarios.Pair, error) {
	for i := range pairs {
		if pairs[i].Workload != scenarios.CountName || wrong {
			return nil, usagef("--program is for --workload %s without --wrong: leave it out or choose that", scenarios.CountName)
		}
		for _, s := range forms.Strategies {
			if s.Name != pairs[i].Strategy {
				continue
			}
			sc, err := scenarios.CountText(s, text)
			if err != nil {
				return nil, usagef("--program: %w", err)
			}
			pairs[i].Scenario = sc
		}
	}
	return slices.CompactFunc(pairs, func(a, b scenarios.Pair) bool { return a.Strategy == b.Strategy }), nil
}

func validateExplored(forms scenarios.Forms) error {
	names := make(map[string]bool)
	for _, w := range forms.Workloads {
		if err := strategies.CheckName("workload", w.Name); err != nil {
			return err
		}
		if names[w.Name] || w.Name == scenarios.CountName {
			return fmt.Errorf("workload name %q: used twice", w.Name)
		}
		names[w.Name] = true
	}
	return nil
}

// chosen returns the names that were asked for, all of them for "all". What is
// known has its meaning after a tab.
func chosen(kind string, asked, known []string) ([]string, error) {
	for i, k := range known {
		known[i], _, _ = strings.Cut(k, "\t")
	}
	var names []string
	for _, name := range asked {
		switch {
		case name == "all":
			names = append(names, known...)
		case slices.Contains(known, name):
			names = append(names, name)
		default:
			return nil, usagef("unknown %s %q: there are %s", kind, name, strings.Join(nearest(name, known), ", "))
		}
	}
	return names, nil
}

// An explorer explores the pair with the number, of those that it was made for. It returns
// what came out, also of a search that was interrupted.
type explorer func(i int) (exploredPair, error)

// exploreHere explores pairs in this process.
func exploreHere(ctx context.Context, tasks []task, o explore.Options) explorer {
	return func(i int) (exploredPair, error) {
		p, o := tasks[i], o
		o.Part = p.part
		e := exploredPair{Strategy: p.Strategy, Workload: p.Workload, Wrong: p.Wrong, Unsupported: p.Unsupported}
		if p.Scenario == nil {
			e.Result = &explore.Result{Scenario: p.Strategy + "/" + p.Workload, Verdict: verdictUnsupported}
			return e, nil
		}
		r, err := explore.Explore(p.Scenario, o)
		if err != nil {
			return e, failedf("%s: %w", p.Scenario.Name, err)
		}
		e.Result = r
		e.Interrupted = ctx.Err() != nil && r.Failure == nil && !r.Exhaustive && r.Executions < o.Limit()
		return e, nil
	}
}

// exploreSomewhere explores in other processes if there is more than one task, and there can
// be some. end must be called.
func exploreSomewhere(ctx context.Context, parts Parts, jobs int, tasks []task, o explore.Options, program string, wrong bool) (explored explorer, end func()) {
	if jobs > 1 && len(tasks) > 1 && parts.self != "" {
		return exploreApart(ctx, parts.self, jobs, tasks, o, program, wrong)
	}
	return exploreHere(ctx, tasks, o), func() {}
}

// exploreShard explores a shard's parts of pairs. Pairs of the same names are explored
// together, so they are finished together.
func exploreShard(c *cobra.Command, parts Parts, cut *sharding, pairs []scenarios.Pair, o explore.Options, jobs int, program string, wrong bool) error {
	o.Parts = cut.parts
	var items []shard.Item
	of := make(map[string]scenarios.Pair)
	for _, p := range pairs {
		name := p.Strategy + "/" + p.Workload
		if p.Scenario != nil {
			name = p.Scenario.Name
		}
		items = append(items, shard.Item{Name: name, Row: p.Strategy, Column: p.Workload})
		of[name] = p
	}
	w, err := cut.begin(c, nil, parts.Explored.Version, o.Seed, items)
	if err != nil {
		return err
	}
	type group struct {
		strategy, workload string
		part               int
	}
	at := make(map[group]int) // where its first stands
	left := make(map[group]bool)
	groupOf := func(t shard.Task) group { return group{of[t.Item].Strategy, of[t.Item].Workload, t.Part} }
	for _, t := range w.Left() {
		left[groupOf(t)] = true
	}
	todo := slices.DeleteFunc(w.Tasks(), func(t shard.Task) bool { return !left[groupOf(t)] })
	for i, t := range todo {
		if _, ok := at[groupOf(t)]; !ok {
			at[groupOf(t)] = i
		}
	}
	slices.SortStableFunc(todo, func(a, b shard.Task) int { return at[groupOf(a)] - at[groupOf(b)] })
	var tasks []task
	for _, t := range todo {
		tasks = append(tasks, task{of[t.Item], t.Part})
	}
	explored, end := exploreSomewhere(c.Context(), parts, jobs, tasks, o, program, wrong)
	defer end()
	n := 0
	err = explorePairs(c.Context(), len(tasks), explored, "", func(p exploredPair) error {
		t := tasks[n]
		n++
		if p.Interrupted || w.Has(todo[n-1]) {
			return nil // it is done again, or was done before
		}
		r := shard.Result{Item: p.Scenario, Part: t.part, Verdict: p.Verdict, Reason: p.Unsupported, Complete: p.Complete, Exhaustive: p.Exhaustive, Seconds: p.Seconds}
		if p.Unsupported == "" {
			r.Tried = []shard.Amount{{N: uint64(p.Executions), Unit: "executions"}, {N: uint64(p.Points), Unit: "points"}}
		}
		var fs []shard.Finding
		if f := p.Failure; f != nil {
			found := shard.Finding{ID: f.Token, What: f.Error(), Executions: f.Executions}
			if f.Token != "" {
				found.Replay = parts.program() + " replay " + f.Token
			} else {
				found.ID = found.What
			}
			o := o
			o.Part = t.part
			if p.Control = parts.control(pairs, p, o); p.Control != "" {
				found.What += ": " + p.blame()
			}
			fs = append(fs, found)
		}
		fmt.Fprintf(c.ErrOrStderr(), "%d of %d: %s part %d of %d: %s\n", n, len(tasks), p.Scenario, t.part+1, cut.parts, p.Verdict)
		if err := w.Done(r, fs); err != nil {
			return unwritten(cut.output, err)
		}
		return nil
	})
	return cut.finish(c, w, err)
}

// explorePairs takes n pairs one after the other. What one of them has found is never lost
// because its picture can't be written or the rest is interrupted.
func explorePairs(ctx context.Context, n int, explored explorer, htmlDir string, done func(exploredPair) error) error {
	var errs []error
	for i := range n {
		interrupted := func() error {
			return errors.Join(append(errs, failedf("interrupted: %d of %d pairs were explored", i, n))...)
		}
		if ctx.Err() != nil {
			return interrupted()
		}
		e, err := explored(i)
		if err != nil {
			if ctx.Err() != nil {
				return interrupted()
			}
			return errors.Join(append(errs, err)...)
		}
		if e.Failure != nil && htmlDir != "" {
			e.Picture = filepath.Join(htmlDir, strings.ReplaceAll(e.Scenario, "/", "-")+".html")
			if err := writePicture(e.Picture, e.Failure); err != nil {
				e.Picture = ""
				errs = append(errs, err)
			}
		}
		if err := done(e); err != nil {
			return errors.Join(append(errs, err)...)
		}
		if e.Interrupted {
			return interrupted()
		}
	}
	return errors.Join(errs...)
}

// exploreScreen says on one screen what came out: a row for each strategy and a column for
// each workload, or a line for each pair if they are few; then the first that went wrong.
func exploreScreen(out exploration) []string {
	const few = 8
	var bad []exploredPair
	var executions, points int
	for _, p := range out.Pairs {
		executions, points = executions+p.Executions, points+p.Points
		if p.Failure != nil {
			bad = append(bad, p)
		}
	}
	var lines []string
	if len(out.Pairs) <= few {
		for _, p := range out.Pairs {
			lines = append(lines, pairLines(p)...)
		}
	} else {
		lines = exploreGrid(out.Pairs).lines(report.ScreenColumns)
	}
	var ends []string
	if len(out.Pairs) > few {
		ends = append(ends, "ok: passed; BAD: a schedule goes wrong; -: can't run together.")
	}
	sum := fmt.Sprintf("%s, %d wrong; %d executions, %d points, seed %d; --verbose has all.", plural(len(out.Pairs), "pair"), len(bad), executions, points, out.Seed)
	if out.Interrupted {
		sum = "Interrupted. " + sum
	}
	ends = append(ends, folded(sum, 2)...)
	var found []string
	if len(bad) > 0 {
		p := bad[0]
		if p.Wrong != "" {
			found = append(found, cut("known to be wrong: "+p.Wrong, report.ScreenColumns))
		}
		last := []string{}
		if p.Picture != "" {
			last = append(last, "picture: "+p.Picture)
		}
		if p.Failure.Token != "" {
			last = append(last, "see it again: "+out.program+" replay "+p.Failure.Token)
		}
		if p.Control != "" {
			last = append(last, cut(p.blame(), report.ScreenColumns))
		}
		room := report.ScreenLines - len(ends) - len(last) - len(found) - min(len(lines), 8)
		found = append(found, excerpt(scheduleText(p.Failure), room, "--verbose, or replay")...)
		if n := len(bad) - 1; n > 0 {
			last = append(last, fmt.Sprintf("and %s: --verbose", plural(n, "more pair")))
		}
		found = append(found, last...)
	}
	room := report.ScreenLines - len(ends) - len(found)
	if n := len(lines) - room; n > 0 {
		lines = append(lines[:room-1], fmt.Sprintf("and %d more: --verbose has them", n+1))
	}
	return slices.Concat(lines, found, ends)
}

// blame says that the workload is wrong itself.
func (p exploredPair) blame() string {
	return fmt.Sprintf("WORKLOAD %s IS WRONG ITSELF, also with %s, which is right", p.Workload, p.Control)
}

// exploreGrid returns a row for each strategy and a column for each workload.
func exploreGrid(pairs []exploredPair) grid {
	marks := map[string]string{explore.Passed: "ok", verdictUnsupported: "-"}
	g := grid{first: "strategy"}
	rows, columns := make(map[string]int), make(map[string]int)
	for _, p := range pairs {
		if _, ok := columns[p.Workload]; !ok {
			columns[p.Workload] = len(g.heads)
			g.heads = append(g.heads, p.Workload)
		}
		if _, ok := rows[p.Strategy]; !ok {
			rows[p.Strategy] = len(g.rows)
			g.rows = append(g.rows, gridRow{name: p.Strategy})
		}
	}
	for i := range g.rows {
		g.rows[i].cells = make([]string, len(g.heads))
	}
	for _, p := range pairs {
		cell := &g.rows[rows[p.Strategy]].cells[columns[p.Workload]]
		mark, ok := marks[p.Verdict]
		if !ok {
			mark = "BAD"
		}
		if *cell != "BAD" { // a workload may have several scenarios
			*cell = mark
		}
	}
	bad := func(r gridRow) int {
		if slices.Contains(r.cells, "BAD") {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(g.rows, func(a, b gridRow) int { return bad(a) - bad(b) })
	return g
}

func writePicture(name string, f *explore.Failure) error {
	err := writeFile(name, f.WriteHTML)
	switch {
	case err == nil:
		return nil
	case badPlace(err):
		return usagef("can't write the picture: %s: %w", name, reason(err))
	}
	return failedf("can't write the picture: %s: %w", name, reason(err))
}

// pairLines says what came out of a pair, in lines of a screen.
func pairLines(p exploredPair) []string {
	r := p.Result
	if p.Unsupported != "" {
		return folded(fmt.Sprintf("%-27s %-11s %s", r.Scenario, r.Verdict, p.Unsupported), 2)
	}
	lines := []string{cut(fmt.Sprintf("%-27s %-11s %8d executions %7.2f s, %s", r.Scenario, r.Verdict, r.Executions, r.Seconds, r.Search), report.ScreenColumns)}
	switch {
	case r.Exhaustive:
		lines = append(lines, "    exhaustive of this one program: "+r.Complete)
	case r.Complete != "":
		lines = append(lines, "    complete: "+r.Complete)
	}
	if p.Interrupted {
		lines = append(lines, "    interrupted")
	}
	return lines
}

func printExplored(w io.Writer, p exploredPair) error {
	var b strings.Builder
	r := p.Result
	b.WriteString(strings.Join(pairLines(p), "\n") + "\n")
	if f := r.Failure; f != nil {
		b.WriteByte('\n')
		if p.Wrong != "" {
			fmt.Fprintf(&b, "known to be wrong: %s\n", p.Wrong)
		}
		b.WriteString(failureText(f))
		if p.Picture != "" {
			fmt.Fprintf(&b, "picture: %s\n", p.Picture)
		}
		if p.Control != "" {
			b.WriteString(p.blame() + "\n")
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// scheduleText is the schedule of a failure without its token, and without the steps in which
// what runs op programs touches the object: a reader looks for those of the count.
func scheduleText(f *explore.Failure) string {
	var b strings.Builder
	for line := range strings.Lines(f.Text()) {
		if !strings.HasPrefix(line, "token ") && !strings.Contains(line, " driver.go:") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// failureText is what explore and replay print of a failure.
func failureText(f *explore.Failure) string {
	text := f.Text()
	if f.Stack != "" {
		text += f.Stack
	}
	if f.Token != "" && !strings.Contains(text, f.Token) {
		text += "token: " + f.Token + "\n"
	}
	return text
}

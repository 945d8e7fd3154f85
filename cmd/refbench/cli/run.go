package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
)

func newRunCommand(parts Parts) *cobra.Command {
	var (
		strategyNames, workloadSpecs, cpus []string
		rounds, reuse                      int
		timed, checked, budget, timeout    time.Duration
		seed                               uint64
		dispatch, output, contentsDir, how string
		oversubscribe, appendTo            bool
	)
	c := &cobra.Command{
		Use:   "run",
		Short: "Measure chosen strategies under chosen workloads",
		Long: `run measures every chosen strategy under every chosen workload on every chosen
number of CPUs. All of these cells are measured in rounds, in an order that is new in
each round. Each sample is on disk before the next begins, in Go's benchmark
format; what varies from run to run stands in a JSON file beside it. One run at a time
adds to a file. A pipe or a device such as /dev/stdout gets the samples as they come.

An interrupt (Ctrl-C) drops the sample that is being taken, prints the table of what
there is, and ends with status 3.`,
		Example: `  refbench run --strategy atomic,percpu --workload getput --cpus 1,2
  refbench run --workload getput:objects=64,hold=100 --workload handoff --rounds 20
  refbench run --workload buffers --contents refbench-corpus/png
  refbench run --placement nosmt --cpus 1-4,8
  refbench run -o results.txt --append`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkParts(parts); err != nil {
				return err
			}
			switch {
			case rounds < 1:
				return usagef("--rounds %d: want at least 1", rounds)
			case timed < shortestSample || timed > longestSample:
				return usagef("--time %v: want %v .. %v", timed, shortestSample, longestSample)
			case checked < 0 || checked > longestSample:
				return usagef("--checked %v: want 0 .. %v", checked, longestSample)
			case reuse < 0 || reuse > mostReuseDelay:
				return usagef("--reuse-delay %d: want 0 .. %d", reuse, mostReuseDelay)
			case budget < 0:
				return usagef("--budget %v: want a time such as 5m, or 0 for none", budget)
			case timeout < 0:
				return usagef("--timeout %v: want a time such as 15s", timeout)
			case dispatch != "native" && dispatch != "generic":
				return usagef("--dispatch %q: want native or generic", dispatch)
			case appendTo && output == "":
				return usagef("--append needs the file to add to: -o FILE")
			case strings.EqualFold(filepath.Ext(output), ".json"):
				return usagef("-o %s: a name in .json is that of the facts beside the results, choose another", output)
			}
			ss, err := chooseStrategies(parts, strategyNames)
			if err != nil {
				return err
			}
			vs, err := chooseWorkloads(parts, workloadSpecs)
			if err != nil {
				return err
			}
			contents, err := chooseContents(vs, contentsDir, c.Flags().Changed("contents"))
			if err != nil {
				return err
			}
			m, err := chooseMachine(how, c.Flags().Changed("placement"))
			if err != nil {
				return err
			}
			ns, err := chooseCPUs(m, cpus, oversubscribe)
			if err != nil {
				return err
			}
			if !c.Flags().Changed("seed") {
				seed = uint64(time.Now().UnixNano())
			}
			if output == "" {
				output = filepath.Join(newRunDir(), "results.txt")
			}
			return session{
				parts:   parts,
				machine: m,
				selection: bench.Selection{
					Strategies: ss, Variants: vs, CPUs: ns,
					Loops: parts.Loops, Generic: dispatch == "generic", Contents: contents,
				},
				rounds: rounds,
				length: bench.Length{Timed: timed, Checked: checked, ReuseDelay: reuse, Timeout: timeout},
				budget: budget,
				seed:   seed,
				file:   output,
				append: appendTo,
				named:  c.Flags().Changed("strategy") || c.Flags().Changed("workload"),
			}.run(c)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&strategyNames, "strategy", []string{"all"}, "strategies, comma-separated, or all")
	f.StringArrayVar(&workloadSpecs, "workload", []string{"all"}, "workloads with their knobs, as in getput:objects=64,hold=100, comma-separated, or all; may be repeated")
	f.StringSliceVar(&cpus, "cpus", nil, "numbers of CPUs and ranges of them, as in 1-4,8 (default 1, 2, 4 ..., those with which a cache, NUMA node, socket or all cores are full, and all that are allowed)")
	placementFlag(c, &how)
	f.IntVar(&rounds, "rounds", 10, "samples of each cell; benchstat needs 6 for an interval")
	f.DurationVar(&timed, "time", 100*time.Millisecond, "timed part of each sample")
	f.DurationVar(&checked, "checked", 20*time.Millisecond, "how long the checked form runs after each timed part, with every operation judged; 0 leaves it out")
	f.IntVar(&reuse, "reuse-delay", 0, "freed objects that each actor of the checked form sets aside before it uses the memory of the first again")
	f.DurationVar(&budget, "budget", 0, "end before a round that would make the run longer than this (default no limit)")
	f.DurationVar(&timeout, "timeout", 15*time.Second, "how long a call may take before it counts as one that never returns")
	f.Uint64Var(&seed, "seed", 0, "seed of the order and of all random choices (default the time)")
	f.StringVar(&contentsDir, "contents", "", "folder with the files that the workload buffers reads, as from refbench corpus import (default built-in ones)")
	f.StringVar(&dispatch, "dispatch", "native", "native: loops with the concrete counter type where there are any; generic: calls through an interface")
	f.BoolVar(&oversubscribe, "oversubscribe", false, "allow more workers than CPUs, to check correctness; their speed is marked as shared")
	f.StringVarP(&output, "output", "o", "", "result file (default a new folder in "+resultsDir+"/)")
	f.BoolVar(&appendTo, "append", false, "add to a result file of the same machine and commit")

	if err := c.MarkFlagDirname("contents"); err != nil {
		panic(err) // only for a flag that isn't there
	}
	mustComplete(c, "strategy", func() (names []string) {
		for _, s := range parts.Strategies {
			names = append(names, s.Name+"\t"+s.Doc)
		}
		return names
	})
	mustComplete(c, "workload", func() (names []string) {
		for _, w := range parts.Workloads {
			names = append(names, w.Name+"\t"+w.Doc)
		}
		return names
	})
	mustComplete(c, "dispatch", func() []string { return []string{"native", "generic"} })
	return c
}

const (
	// mostReuseDelay bounds the memory that slots set aside take.
	mostReuseDelay = 1 << 16

	shortestSample = time.Millisecond
	longestSample  = time.Hour
)

// mustComplete offers the values of a flag to the shell, each with what it
// means after a tab. Of a comma-separated list the last item is completed.
func mustComplete(c *cobra.Command, flag string, values func() []string) {
	err := c.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var out []string
		for _, v := range values() {
			out = append(out, before+v)
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // only for a flag that isn't there
	}
}

// A session is one measuring run from the first check to the table.
type session struct {
	parts     Parts
	machine   *bench.Machine
	selection bench.Selection
	rounds    int
	length    bench.Length // Timed 0: as the budget allows
	budget    time.Duration
	least     int // rounds, whatever the budget
	seed      uint64
	file      string
	append    bool
	named     bool   // strategies or workloads were chosen by name
	report    string // folder of the report, "" for none
}

func (s session) run(c *cobra.Command) error {
	cells, err := s.selection.Cells()
	if err != nil {
		return usagef("%w", err)
	}
	errOut := c.ErrOrStderr()
	if !s.machine.CPUs.Bindable {
		fmt.Fprintf(errOut, "refbench: threads aren't bound to CPUs (%s): expect more noise\n", s.machine.CPUs.Unbindable)
	}
	if names := spoilers(s.machine.Examine()); len(names) > 0 {
		fmt.Fprintf(errOut, "refbench: numbers may be spoilt here (%s): refbench doctor says by what\n", strings.Join(names, ", "))
	}
	header := s.machine.Header(s.parts.Strategies, s.parts.Workloads)
	if s.selection.Contents != nil {
		header = append(header, bench.ContentsConfig(s.selection.Contents))
	}
	file, err := s.open(c.Context(), header)
	if err != nil {
		return err
	}
	if file.Unlocked != nil {
		fmt.Fprintf(errOut, "refbench: %s can't be locked (%v): let no other run add to it meanwhile\n", s.file, file.Unlocked)
	}
	for _, u := range s.asked() {
		fmt.Fprintf(errOut, "refbench: %s isn't run under %s: %s\n", u.Strategy, u.Workload, u.Reason)
	}
	p := newProgress(errOut)
	outcome, err := bench.Plan{
		Machine: s.machine,
		Cells:   cells,
		Rounds:  s.rounds,
		Seed:    s.seed,
		Length:  s.length,
		Budget:  s.budget,
		Least:   s.least,
		File:    file,
		Watcher: p,
	}.Run(c.Context())
	p.end()
	err = errors.Join(err, file.Close())
	var setup *bench.SetupError
	if errors.As(err, &setup) && !s.append && file.FactsPath() != "" {
		err = errors.Join(err, os.Remove(file.Path())) // made by this run, holds nothing
	}
	if outcome.OutOfTime {
		fmt.Fprintf(errOut, "refbench: the budget of %v was enough for %d of %d rounds\n", s.budget, outcome.Rounds, s.rounds)
	}
	if outcome.Shared > 0 {
		fmt.Fprintf(errOut, "refbench: %d of %s measured while CPUs were shared; they are marked and not averaged in\n", outcome.Shared, plural(outcome.Samples, "sample"))
	}
	if gone := new(bench.GoneError); errors.As(err, &gone) || outcome.Samples == 0 {
		return verdict(outcome, err) // there is nothing to show
	}
	if !file.Regular() {
		fmt.Fprintf(errOut, "refbench: no table, since %s can't be read again: refbench report makes one of what came out of it\n", s.file)
		return verdict(outcome, err)
	}
	return errors.Join(s.show(c), verdict(outcome, err))
}

// asked returns the pairs that were asked for and can't run, if some were asked for by
// name.
func (s session) asked() []bench.Unsupported {
	if !s.named {
		return nil
	}
	var ws []*workloads.Workload
	for _, v := range s.selection.Variants {
		ws = append(ws, v.Workload)
	}
	return bench.UnsupportedPairs(unique(ws), s.selection.Strategies)
}

func (s session) open(ctx context.Context, header []bench.Config) (*bench.File, error) {
	var f *bench.File
	var err error
	if s.append {
		f, err = bench.Append(ctx, s.file, s.machine, header)
	} else {
		f, err = bench.Create(ctx, s.file, s.machine, header)
	}
	var exists *bench.ExistsError
	var mismatch *bench.MismatchError
	switch {
	case err == nil:
		if _, err := bench.ReadFacts(f.FactsPath()); err != nil {
			return nil, errors.Join(usagef("%w: move that file away to go on without what it says", err), f.Close())
		}
		return f, nil
	case errors.As(err, &exists):
		return nil, usagef("%w: add to it with --append, or name another file", err)
	case errors.As(err, &mismatch), errors.As(err, new(*bench.InUseError)), errors.As(err, new(*bench.KindError)):
		return nil, usagef("%w", err)
	case s.append && errors.Is(err, fs.ErrNotExist):
		return nil, usagef("%w: without --append it would be made", err)
	}
	return nil, failedf("the results can't be written: %w", err)
}

// show prints the table and writes the report of what was measured.
func (s session) show(c *cobra.Command) error {
	if s.parts.Table != nil {
		if err := s.parts.Table(c.OutOrStdout(), []string{s.file}); err != nil {
			return failedf("table of %s: %w", s.file, err)
		}
	}
	page := ""
	if s.report != "" && s.parts.Report != nil {
		var err error
		if page, err = s.parts.Report(s.report, []string{s.file}); err != nil {
			return failedf("report in %s: %w", s.report, err)
		}
	}
	fmt.Fprintf(c.OutOrStdout(), "\nresults: %s\n", s.file)
	if page != "" {
		fmt.Fprintf(c.OutOrStdout(), "report:  %s\n", page)
	}
	return nil
}

// oneLine is an error whose text has no line breaks: joined errors have.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.ReplaceAll(e.error.Error(), "\n", "; ") }
func (e oneLine) Unwrap() error { return e.error }

// verdict turns what a run did into its exit status. A failure comes before a
// finding: what failed may hide more.
func verdict(o bench.Outcome, err error) error {
	var setup *bench.SetupError
	switch {
	case errors.As(err, &setup):
		return usagef("%w", err)
	case err != nil:
		return failedf("%w, after %d of %s", oneLine{err}, o.Samples, plural(o.Planned, "sample"))
	case o.Interrupted:
		return failedf("interrupted after %d of %s", o.Samples, plural(o.Planned, "sample"))
	case len(o.Failures) > 0:
		return failedf("%s, the first: %w", plural(len(o.Failures), "failure"), o.Failures[0])
	case o.Findings > 0:
		return findingf("the books of %d of %s don't balance", o.Findings, plural(o.Samples, "sample"))
	}
	return nil
}

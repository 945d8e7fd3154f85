package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
		resume                             string
		oversubscribe, appendTo, control   bool
		inside                             []string
		verbose                            bool
	)
	parts = parts.timed()
	c := &cobra.Command{
		Use:   "run",
		Short: "Measure chosen strategies under chosen workloads",
		Long: `run measures every chosen strategy under every chosen workload on every chosen
number of CPUs. All of these cells are measured in rounds, in an order that is new in
each round. Each sample is on disk before the next begins, in Go's benchmark
format; what varies from run to run stands in a JSON file beside it. One run at a time
adds to a file. A pipe or a device such as /dev/stdout gets the samples as they come.

A sample that was taken while something else used its CPUs is taken again at the end of
its round, a few times for each cell. What is still spoiled is excluded: it goes to a file of its own
beside the results (results.shared.txt), which report reads too.

One cell in ten is measured a second time, as strategy NAME+control. How far the two lie
apart is the noise floor of the run: smaller differences mean nothing.

--inside looks into the same cells, in samples of their own, so that what is timed stays as
it is: latency times single operations (median, 99 %, 99.9 %, slowest), counters reads the
CPUs' counters of cycles, instructions and cache misses.

An interrupt (Ctrl-C) drops the sample that is being taken, prints what was found in what
there is, and ends with status 3. What is missing then, or after a crash or on a full
disk, run --resume FILE takes, on the same machine and commit: cells, rounds, times and
seed are those of the last run of FILE. A --placement or --contents is given again.`,
		Example: `  refbench run --strategy atomic,percpu --workload getput --cpus 1,2
  refbench run --workload getput:objects=64,hold=100 --workload handoff --rounds 20
  refbench run --workload buffers --contents refbench-corpus/png
  refbench run --placement nosmt --cpus 1-4,8
  refbench run --workload churn --inside latency
  refbench run -o results.txt --append
  refbench run --resume results.txt`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkParts(parts); err != nil {
				return err
			}
			if err := checkResume(c, resume); err != nil {
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
			case bench.IsAside(output):
				return usagef("-o %s: a name in .shared is that of the samples excluded, choose another", output)
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
			probes, err := chooseProbes(inside, c.Flags().Changed("inside"))
			if err != nil {
				return err
			}
			if !c.Flags().Changed("seed") {
				seed = uint64(time.Now().UnixNano())
			}
			if output == "" {
				output = resume
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
				rounds:       rounds,
				length:       bench.Length{Timed: timed, Checked: checked, ReuseDelay: reuse, Timeout: timeout},
				budget:       budget,
				seed:         seed,
				file:         output,
				append:       appendTo,
				resume:       resume != "",
				control:      control,
				probes:       probes,
				verbose:      verbose,
				leastControl: c.Flags().Changed("control"),
				named:        c.Flags().Changed("strategy") || c.Flags().Changed("workload"),
			}.run(c)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&strategyNames, "strategy", []string{defaultNames}, "strategies, comma-separated; default: those that refbench list marks; or all")
	f.StringArrayVar(&workloadSpecs, "workload", []string{"all"}, "workloads with their knobs, as in getput:objects=64,hold=100, comma-separated, or all; may be repeated")
	f.StringSliceVar(&cpus, "cpus", nil, "numbers of CPUs and ranges of them, as in 1-4,8 (default 1, 2, 4 ..., those with which a cache, NUMA node, socket or all cores are full, and all that are allowed)")
	placementFlag(c, &how)
	f.IntVar(&rounds, "rounds", 10, "samples of each cell; benchstat needs 6 for an interval")
	f.DurationVar(&timed, "time", 100*time.Millisecond, "timed part of each sample")
	f.DurationVar(&checked, "checked", 20*time.Millisecond, "how long the checked form runs after each timed part, with every operation judged; 0 leaves it out")
	f.IntVar(&reuse, "reuse-delay", 0, "freed objects that each actor of the checked form sets aside before it uses the memory of the first again")
	f.StringSliceVar(&inside, "inside", nil, "what to find out in samples of their own: latency, counters, or all")
	f.DurationVar(&budget, "budget", 0, "end before a round that would make the run longer than this (default no limit)")
	f.DurationVar(&timeout, "timeout", 15*time.Second, "how long a call may take before it counts as one that never returns")
	f.Uint64Var(&seed, "seed", 0, "seed of the order and of all random choices (default the time)")
	f.StringVar(&contentsDir, "contents", "", "folder with the files that the workload buffers reads, as from refbench corpus import (default built-in ones)")
	f.StringVar(&dispatch, "dispatch", "native", "native: loops with the concrete counter type where there are any; generic: calls through an interface")
	f.BoolVar(&oversubscribe, "oversubscribe", false, "allow more workers than CPUs, to check correctness; their speed is marked as shared")
	f.StringVarP(&output, "output", "o", "", "result file (default a new folder in "+resultsDir+"/)")
	f.BoolVar(&appendTo, "append", false, "add to a result file of the same machine and commit")
	f.StringVar(&resume, "resume", "", "take what the last run of this result `file` has left to do")
	controlFlag(c, &control)
	verboseFlag(c, &verbose)

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
	mustComplete(c, "inside", probeNames)
	mustComplete(c, "dispatch", func() []string { return []string{"native", "generic"} })
	return c
}

// controlFlag adds the flag of control cells.
func controlFlag(c *cobra.Command, control *bool) {
	c.Flags().BoolVar(control, "control", true, "measure one cell in ten twice, to know how far two may lie apart by chance; if it is given, at least one")
}

// verboseFlag adds the flag of all numbers.
func verboseFlag(c *cobra.Command, verbose *bool) {
	c.Flags().BoolVarP(verbose, "verbose", "v", false, "print all numbers before what was found")
}

// beside are the flags that go with --resume. All else stands beside the results.
var beside = []string{"resume", "contents", "placement", "budget", "timeout", "verbose"}

// checkResume returns an error if flags were given that --resume leaves no room for.
func checkResume(c *cobra.Command, file string) error {
	if !c.Flags().Changed("resume") {
		return nil
	}
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && !slices.Contains(beside, f.Name) {
			err = usagef("--resume %s: the run goes on as it began, so --%s can't be given", file, f.Name)
		}
	})
	return err
}

const (
	// mostReuseDelay bounds the memory that slots excluded take.
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
	resume    bool     // do the rest of the file's last run: cells, rounds, length and seed are those of it
	named     bool     // strategies or workloads were chosen by name
	report    string   // folder of the report, "" for none
	verbose   bool     // print all numbers before what was found
	leftOut   []string // of the session, and why, a line each

	control      bool // add control cells
	leastControl bool // at least one

	probes []bench.Probe // in samples of their own
}

func (s session) run(c *cobra.Command) error {
	cells, err := s.selection.Cells()
	if err != nil {
		return usagef("%w", err)
	}
	probed := s.machine.Probed(cells, s.probes)
	if s.control {
		cells = append(cells, s.machine.Controls(cells, s.leastControl)...)
	}
	cells = append(cells, probed...)
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
	file, rest, err := s.open(c.Context(), header)
	if complete := new(bench.CompleteError); errors.As(err, &complete) {
		fmt.Fprintf(errOut, "refbench: %v\n", complete)
		return s.show(c)
	}
	if err != nil {
		return err
	}
	if rest != nil {
		if cells, err = s.cellsOf(rest); err != nil {
			return errors.Join(err, file.Close())
		}
		s.rounds, s.seed = rest.Facts.Rounds, rest.Facts.Seed
		timeout := s.length.Timeout
		s.length = rest.Length()
		s.length.Timeout = timeout
	}
	if file.Unlocked != nil {
		fmt.Fprintf(errOut, "refbench: %s can't be locked (%v): let no other run add to it meanwhile\n", s.file, file.Unlocked)
	}
	for _, u := range s.asked() {
		fmt.Fprintf(errOut, "refbench: %s isn't run under %s: %s\n", u.Strategy, u.Workload, u.Reason)
	}
	claim := s.claim(errOut, cells)
	defer claim.Close() // only others care
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
		Rest:    rest,
		Watcher: p,
	}.Run(c.Context())
	p.end()
	err = errors.Join(err, file.Close())
	var setup *bench.SetupError
	if errors.As(err, &setup) && !s.append && !s.resume && file.FactsPath() != "" {
		err = errors.Join(err, os.Remove(file.Path())) // made by this run, holds nothing
	}
	if outcome.OutOfTime {
		fmt.Fprintf(errOut, "refbench: the budget of %v was enough for %d of %d rounds\n", s.budget, outcome.Rounds, s.rounds)
	}
	if n := outcome.Samples + outcome.Repeated; outcome.Shared > 0 {
		fmt.Fprintf(errOut, "refbench: %d of %s measured while CPUs were shared (%d were taken again); they are excluded%s\n",
			outcome.Shared, plural(n, "sample"), outcome.Repeated, in(file.AsidePath()))
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

// claim claims the CPUs of the cells and says who measures on them already.
func (s session) claim(errOut io.Writer, cells []bench.Cell) *bench.Claim {
	workers := 0
	for _, cell := range cells {
		workers = max(workers, cell.CPUs)
	}
	claim, others := s.machine.Claim(workers)
	for _, o := range others {
		fmt.Fprintf(errOut, "refbench: %s on %s too: what that disturbs is excluded, so let it end first if you can\n", measurer(o), cpuNames(o.CPUs))
	}
	return claim
}

// measurer says who measures.
func measurer(o bench.Other) string {
	if o.Process == 0 {
		return "another process measures"
	}
	return fmt.Sprintf("process %d measures", o.Process)
}

// cpuNames lists CPUs in words, the first of them if there are many.
func cpuNames(cpus []int) string {
	const most = 8
	var names []string
	for _, n := range cpus[:min(len(cpus), most)] {
		names = append(names, strconv.Itoa(n))
	}
	text := "CPU " + strings.Join(names, ", ")
	if more := len(cpus) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// in says where something is, "" if it isn't in a file.
func in(file string) string {
	if file == "" {
		return ""
	}
	return " in " + file
}

// cellsOf returns the cells of the run that is resumed.
func (s session) cellsOf(rest *bench.Rest) ([]bench.Cell, error) {
	sel := bench.Selection{Strategies: s.parts.Strategies, Loops: s.parts.Loops, Contents: s.selection.Contents}
	for _, w := range s.parts.Workloads {
		sel.Variants = append(sel.Variants, bench.Variant{Workload: w})
	}
	var cells []bench.Cell
	for _, name := range rest.Facts.CellNames {
		c, err := sel.CellNamed(name)
		if err != nil {
			return nil, usagef("the run of %s can't be resumed: %w", s.file, err)
		}
		if s.machine.CheckCPUs(c.CPUs) != nil && c.CPUs > mostOnCPU*s.machine.CPUs.Max() {
			return nil, usagef("the run of %s can't be resumed: cell %q has too many workers for this machine", s.file, name)
		}
		cells = append(cells, c)
	}
	return cells, nil
}

// open opens the result file. The rest is nil unless a run is resumed.
func (s session) open(ctx context.Context, header []bench.Config) (f *bench.File, rest *bench.Rest, err error) {
	switch {
	case s.resume:
		f, rest, err = bench.Resume(ctx, s.file, s.machine, header)
	case s.append:
		f, err = bench.Append(ctx, s.file, s.machine, header)
	default:
		f, err = bench.Create(ctx, s.file, s.machine, header)
	}
	var exists *bench.ExistsError
	var mismatch *bench.MismatchError
	switch {
	case err == nil:
		if _, err := bench.ReadFacts(f.FactsPath()); err != nil {
			return nil, nil, errors.Join(usagef("%w: move that file away to go on without what it says", err), f.Close())
		}
		return f, rest, nil
	case errors.As(err, new(*bench.CompleteError)):
		return nil, nil, err
	case errors.As(err, &exists) && bench.IsAside(exists.Path):
		return nil, nil, usagef("%w: samples that were excluded are in it, of results that are gone: move it away, or name another file", err)
	case errors.As(err, &exists):
		return nil, nil, usagef("%w: add to it with --append, or name another file", err)
	case s.resume && errors.As(err, &mismatch) && !mismatch.Alien:
		return nil, nil, usagef("the run of %s can't be resumed: it was measured with %s", mismatch.Path, mismatch.Difference())
	case errors.As(err, &mismatch), errors.As(err, new(*bench.InUseError)), errors.As(err, new(*bench.KindError)), errors.As(err, new(*bench.ResumeError)):
		return nil, nil, usagef("%w", err)
	case s.append && errors.Is(err, fs.ErrNotExist):
		return nil, nil, usagef("%w: without --append it would be made", err)
	case s.resume && errors.Is(err, fs.ErrNotExist):
		return nil, nil, usagef("%w: name the result file of the run to resume", err)
	}
	return nil, nil, failedf("the results can't be written: %w", err)
}

// show writes the report of what was measured and prints what was found, be the report
// written or not.
func (s session) show(c *cobra.Command) error {
	around := append(slices.Clone(s.leftOut), "results: "+s.file)
	var failed error
	if s.report != "" && s.parts.Report != nil {
		page, err := s.parts.Report(s.report, []string{s.file})
		if err != nil {
			failed = failedf("report in %s: %w", s.report, err)
		} else {
			around = append(around, "report:  "+page)
		}
	}
	if s.parts.Table == nil {
		for _, line := range around {
			fmt.Fprintln(c.OutOrStdout(), line)
		}
	} else if err := s.parts.Table(c.OutOrStdout(), []string{s.file}, s.verbose, around); err != nil {
		failed = errors.Join(failed, failedf("table of %s: %w", s.file, err))
	}
	return failed
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
		return findingf("reference accounting failed in %d of %s", o.Findings, plural(o.Samples, "sample"))
	}
	return nil
}

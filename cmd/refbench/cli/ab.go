package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/report/gate"
	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/ab"
)

// abWorkloads are what ab measures if nothing is said: takes and drops of what one has,
// whole lives, and lookups that may fail.
var abWorkloads = []string{"getput", "churn", "listtryget"}

// newABCommand is the command that compares two builds.
func newABCommand() *cobra.Command {
	var (
		o                            ab.Options
		b                            ab.Builder
		served                       servedCells
		gates                        []string
		effect, format, output, keep string
		all, asJSON                  bool
	)
	c := &cobra.Command{
		Use:   "ab OLD NEW",
		Short: "Compare two commits or two binaries, measured by turns",
		Long: `ab measures two commits, or two binaries, in turn on the same CPUs, and reports what got
slower, what got faster, and what is inconclusive.

Each round has a process of either side, and a second one of OLD as control. Rounds go
through the layouts that each commit is built in, again from the first after the last: what
a layout costs comes again with it, so a difference that is the layouts' may pass for the
commits', the sooner the fewer there are. The processes measure one cell at a time, one after
the other and back again. What counts is the ratio within a round: rounds are independent,
samples of one process aren't. The ratios of a cell are judged by the signed-rank test,
corrected for the number of cells (Holm) and for looking more than once. It ends as soon as
every cell is decided.

A difference counts if it is significant and at least --min-effect. The last line says which
one the run could have seen: it would be found in about half of such runs. The exit status
is 3 if there were too few rounds to call any cell different, or if less than half of the cells
have usable data. It is 1 if anything is slower, or if a gate is given and passed:

  --fail-on 'ns/op > 5%'
  --fail-on 'ns/op{/strategy:percpu /cpus:2} > 5%'
  --fail-on 'ns/op{/strategy:percpu} / ns/op{/strategy:atomic} > 5%'

The last one is of a ratio within a run: percpu over atomic, cell by cell. What stands in
braces is a filter of benchstat's.

The exit status is 3 if more than half of the cells have no usable data, since something
else used the CPUs. A commit is built in a work tree of its own: it can't be one from
before this command.`,
		Example: `  refbench ab main HEAD
  refbench ab HEAD~1 HEAD --strategy percpu --workload getput,dstcache --cpus 1,2
  refbench ab ./refbench-old ./refbench-new --fail-on 'ns/op > 5%' --format markdown`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("ab wants two commits or binaries, OLD and NEW, not %d: see %s --help", len(args), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if asJSON {
				if c.Flags().Changed("format") && format != "json" {
					return usagef("--json and --format %s contradict each other: give one", format)
				}
				format = "json"
			}
			share, err := minEffect(effect)
			switch {
			case !slices.Contains([]string{"text", "markdown", "json"}, format):
				return usagef("--format %q: want text, markdown or json", format)
			case o.Rounds < 1 || o.Rounds > 1000:
				return usagef("--rounds %d: want 1 .. 1000", o.Rounds)
			case !(o.Alpha > 0 && o.Alpha < 1):
				return usagef("--alpha %g: want a level between 0 and 1", o.Alpha)
			case err != nil:
				return err
			case b.Layouts < 1 || b.Layouts > 64:
				return usagef("--layouts %d: want 1 .. 64", b.Layouts)
			case o.Budget < 0:
				return usagef("--budget %v: want a time such as 5m, or 0 for none", o.Budget)
			}
			o.MinEffect = share
			if err := served.check(); err != nil {
				return err
			}
			if o.Gates, err = parseGates(gates); err != nil {
				return err
			}
			if !c.Flags().Changed("seed") {
				o.Seed = uint64(time.Now().UnixNano())
			}
			if output == "" {
				output = newRunDir() + "-ab"
			}
			o.Args = served.args(c)
			return compareSides(c, o, b, args, output, keep, func(r *ab.Result, w io.Writer) error {
				switch format {
				case "json":
					return r.JSON(w)
				case "markdown":
					return r.Markdown(w)
				}
				return r.Text(w, all)
			})
		},
	}
	f := c.Flags()
	served.flags(c)
	f.IntVar(&o.Rounds, "rounds", 32, "the most rounds")
	f.DurationVar(&o.Budget, "budget", 3*time.Minute, "begin no round that would make it longer than this, building apart; 0 for no limit")
	f.Uint64Var(&o.Seed, "seed", 0, "seed of the order and of all random choices (default the time)")
	f.Float64Var(&o.Alpha, "alpha", 0.01, "how likely any row is called different if nothing changed")
	f.StringVar(&effect, "min-effect", "2%", "a smaller difference isn't called one")
	f.StringArrayVar(&gates, "fail-on", nil, "a change that is a failure (default: whatever is slower); may be repeated")
	f.IntVar(&b.Layouts, "layouts", 32, "in how many layouts of its code each commit is built: with fewer than rounds they come again")
	f.StringVar(&b.Package, "package", "./cmd/refbench", "the program to build of each commit")
	f.StringVar(&format, "format", "text", "text, markdown or json")
	f.BoolVar(&asJSON, "json", false, "the same as --format json")
	f.BoolVar(&all, "all", false, "show every row, not only what is slower or faster")
	f.StringVar(&keep, "keep", "", "folder in which the programs stay that were built, in folders old and new that OLD and NEW may name another time")
	f.StringVarP(&output, "output", "o", "", "folder for the samples and the result (default a new one in "+resultsDir+"/)")
	return c
}

// parseGates reads the values of --fail-on.
func parseGates(texts []string) (gates []gate.Gate, err error) {
	for _, text := range texts {
		g, err := gate.Parse(text)
		if err != nil {
			return nil, usagef("--fail-on: %w", err)
		}
		gates = append(gates, g)
	}
	return gates, nil
}

// minEffect reads the value of --min-effect: "2%" is 0.02.
func minEffect(text string) (float64, error) {
	percent, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%")), 64)
	if err != nil || !(percent >= 0 && percent < 100) {
		return 0, usagef("--min-effect %q: want a share below 100%%, as in 2%%", text)
	}
	return percent / 100, nil
}

// compareSides builds, measures and says what came out.
func compareSides(c *cobra.Command, o ab.Options, b ab.Builder, specs []string, output, keep string, show func(*ab.Result, io.Writer) error) (err error) {
	ctx, errOut := c.Context(), c.ErrOrStderr()
	say := func(format string, args ...any) { fmt.Fprintf(errOut, "refbench: "+format+"\n", args...) }
	if _, err := os.Lstat(output); err == nil {
		return usagef("-o %s: it exists already, name another folder", output)
	}
	if keep == "" {
		if keep, err = os.MkdirTemp("", "refbench-ab-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(keep)) }()
	}
	for _, name := range []string{"old", "new"} {
		if _, err := os.Lstat(filepath.Join(keep, name)); err == nil {
			return usagef("--keep %s: it has a folder %s already, name another", keep, name)
		}
	}
	if keep, err = filepath.Abs(keep); err != nil {
		return err
	}
	b.Repository, b.Dir, b.Say = ".", keep, say
	if o.Old, o.New, err = b.Sides(ctx, specs[0], specs[1]); err != nil {
		return abError(ctx, err)
	}
	files := abFiles{ctx: ctx, dir: output, open: make(map[string]*bench.File)}
	defer func() { err = errors.Join(err, files.close()) }()
	o.Sample, o.Watch = files.add, &abProgress{say: say}
	r, err := ab.Compare(ctx, o)
	if r == nil {
		return abError(ctx, err)
	}
	if err := os.MkdirAll(output, 0o777); err != nil {
		return failedf("the results can't be written: %w", err)
	}
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{{"ab.json", r.JSON}, {"ab.md", r.Markdown}} {
		if err := writeFile(filepath.Join(output, file.name), file.write); err != nil {
			return failedf("the result can't be written: %w", err)
		}
	}
	if err := show(r, c.OutOrStdout()); err != nil {
		return fmt.Errorf("writing the comparison to standard output: %w", err)
	}
	say("samples and result: %s", output)
	switch {
	case r.Interrupted:
		return failedf("interrupted after %s: what there was is judged", plural(r.Rounds, "round"))
	case r.Violations > 0:
		return findingf("%s has %g violations", r.New, r.Violations)
	case r.Failed() || len(o.Gates) == 0 && r.Count(ab.Slower) > 0:
		return findingf("%s is slower than %s", r.New, r.Old)
	case r.Unusable() != "":
		return failedf("too little usable data: %s", r.Unusable())
	}
	return nil
}

// abError is the error of a comparison that gave no result.
func abError(ctx context.Context, err error) error {
	var spec *ab.SpecError
	var refused *gate.Error
	var process *ab.ProcessError
	switch {
	case ctx.Err() != nil:
		return failedf("interrupted before there was anything to judge")
	case errors.As(err, &spec), errors.As(err, &refused), errors.As(err, &process) && process.Refused:
		return usagef("%w", oneLine{err})
	}
	return failedf("%w", oneLine{err})
}

// abFiles are the result files of a comparison, one for each role.
type abFiles struct {
	ctx  context.Context
	dir  string
	open map[string]*bench.File
}

func (f *abFiles) add(role string, config []bench.Config, r *benchfmt.Result) error {
	file := f.open[role]
	if file == nil {
		var err error
		if file, err = bench.Create(f.ctx, filepath.Join(f.dir, role+".txt"), &bench.Machine{}, config); err != nil {
			return err
		}
		f.open[role] = file
	}
	return file.AddResult(r)
}

func (f *abFiles) close() error {
	var errs []error
	for _, file := range f.open {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// abProgress says how far a comparison is.
type abProgress struct {
	say    func(format string, args ...any)
	rows   int
	rounds int
}

func (p *abProgress) Begin(rows, rounds int) {
	p.rows, p.rounds = rows, rounds
	p.say("%s on both sides, at most %s", plural(rows, "cell"), plural(rounds, "round"))
}

func (p *abProgress) Round(done, decided int) {
	if done%8 == 0 || done == p.rounds {
		p.say("%s of at most %d, %d of %s decided", plural(done, "round"), p.rounds, decided, plural(p.rows, "row"))
	}
}

func (p *abProgress) Warn(text string) { p.say("%s", text) }

// servedCells are the flags of ab that its processes get as well.
type servedCells struct {
	strategies, workloads, cpus []string
	timed                       time.Duration
	placement                   string
}

func (s *servedCells) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&s.strategies, "strategy", []string{defaultNames}, "strategies, comma-separated; default: those that refbench list marks; or all")
	f.StringArrayVar(&s.workloads, "workload", []string{strings.Join(abWorkloads, ",")}, "workloads with their knobs, comma-separated, or all; may be repeated")
	f.StringSliceVar(&s.cpus, "cpus", nil, "numbers of CPUs, and ranges of them (default those that refbench run takes)")
	f.DurationVar(&s.timed, "time", 15*time.Millisecond, "timed part of each sample")
	placementFlag(c, &s.placement)
}

func (s *servedCells) check() error {
	if s.timed < shortestSample || s.timed > longestSample {
		return usagef("--time %v: want %v .. %v", s.timed, shortestSample, longestSample)
	}
	return nil
}

// args are the command line with the same flags.
func (s *servedCells) args(c *cobra.Command) []string {
	args := []string{measureName, "--time", s.timed.String()}
	if c.Flags().Changed("placement") {
		args = append(args, "--placement", s.placement)
	}
	for _, w := range s.workloads {
		args = append(args, "--workload", w)
	}
	args = append(args, "--strategy", strings.Join(s.strategies, ","))
	if len(s.cpus) > 0 {
		args = append(args, "--cpus", strings.Join(s.cpus, ","))
	}
	return args
}

// measureName is the command that a comparison starts on each side.
const measureName = "measure"

func newMeasureCommand(parts Parts) *cobra.Command {
	var served servedCells
	c := &cobra.Command{
		Use:    measureName,
		Hidden: true,
		Args:   noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(checkParts(parts), served.check()); err != nil {
				return err
			}
			ss, err := chooseStrategies(parts, served.strategies)
			if err != nil {
				return err
			}
			vs, err := chooseWorkloads(parts, served.workloads)
			if err != nil {
				return err
			}
			m, err := chooseMachine(served.placement, c.Flags().Changed("placement"))
			if err != nil {
				return err
			}
			ns, err := chooseCPUs(m, served.cpus, false)
			if err != nil {
				return err
			}
			cells, err := bench.Selection{Strategies: ss, Variants: vs, CPUs: ns, Loops: parts.Loops}.Cells()
			if err != nil {
				return usagef("%w", err)
			}
			header := m.Header(parts.Strategies, parts.Workloads)
			return ab.Serve(c.Context(), m, header, cells, bench.Length{Timed: served.timed}, c.InOrStdin(), c.OutOrStdout())
		},
	}
	served.flags(c)
	return c
}

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/refbench/refbench/report"
	"github.com/refbench/refbench/workloads/bench"
	"github.com/spf13/cobra"
)

func newReportCommand() *cobra.Command {
	var (
		dir    string
		layout report.Options
		asJSON bool

		verbose bool
		format  string
	)
	cmd := &cobra.Command{
		Use:   "report FILE...",
		Short: "Turn result files into a table, plots and an HTML page",
		Long: `Turn result files into a table, plots and an HTML page.

What was found goes to standard output, on one screen; with --verbose all numbers come
first. With -o, report writes the page (` + report.PageName + `) and the plots of throughput
and correctness for each workload, as SVG and PNG, into a directory. It names lines that
it can't use on standard error, and uses the rest. Excluded samples stand in a file beside
the results (results.shared.txt) and are read with it: they count for correctness, and for
times only with --include-shared. Results of several machines are never pooled: each
machine has tables of its own.

Tables, rows and columns are chosen in benchstat's language of projections: name
keys as /cpus, config lines as goos, .fullname for the settings that no other names.

The exit status is 1 if the files have violations.`,
		Example: `  refbench report results.txt -o report
  refbench report results.txt --filter '/workload:getput /cpus:(1 OR 2)'
  refbench report results.txt --table /workload,/cpus --row /hold --col /strategy
  refbench report results.txt --verbose
  refbench report results.txt --format markdown`,
		Args: fileArgs(1, -1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			form, err := chooseForm(format, cmd.Flags().Changed("format"), asJSON, verbose)
			if err != nil {
				return err
			}
			set, err := readResults(cmd, paths, layout)
			if err != nil {
				return err
			}
			if dir != "" {
				page, err := report.Write(dir, set)
				if err != nil {
					return err
				}
				defer fmt.Fprintf(cmd.ErrOrStderr(), "report: %s\n", page)
			}
			if form == report.FormText {
				err = writeFound(cmd.OutOrStdout(), set, verbose, nil)
			} else {
				err = report.WriteAs(cmd.OutOrStdout(), set, form)
			}
			if err != nil {
				return fmt.Errorf("writing the report to standard output: %w", err)
			}
			if n := set.Violations(); n > 0 {
				return findingf("%g violations: see the report", n)
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(flagError)
	cmd.Flags().StringVarP(&dir, "output", "o", "", "write the HTML page and the plots into this `directory`")
	layoutFlags(cmd, &layout)
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	cmd.Flags().StringVar(&format, "format", string(report.FormText), "text: one screen; ascii: the same for mail; markdown: that and all numbers; csv: a line for each cell; json: everything")
	mustComplete(cmd, "format", formNames)
	verboseFlag(cmd, &verbose)
	return cmd
}

// formNames are the names of the forms of a report.
func formNames() (names []string) {
	for _, f := range report.Forms() {
		names = append(names, string(f))
	}
	return names
}

// chooseForm returns the form that --format names, or --json. --verbose is of the text alone.
func chooseForm(name string, named, asJSON, verbose bool) (report.Form, error) {
	switch {
	case asJSON && named:
		return "", usagef("--json is --format json: give one of the two")
	case asJSON:
		name = string(report.FormJSON)
	case !slices.Contains(formNames(), name):
		return "", usagef("unknown format %q: there are %s", name, strings.Join(nearest(name, formNames()), ", "))
	}
	if verbose && name != string(report.FormText) {
		return "", usagef("--verbose is for the text: --format %s has its own numbers", name)
	}
	return report.Form(name), nil
}

// writeFound writes what was found on one screen, after all numbers if that is asked for.
// The lines stand at its end.
func writeFound(w io.Writer, set *report.Set, verbose bool, around []string) error {
	if verbose {
		if err := report.Text(w, set); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return report.Screen(w, set, around...)
}

// fileArgs checks the number of file arguments; most is -1 for any.
func fileArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usagef("%s: got %d arguments; usage: %s", cmd.CommandPath(), len(args), cmd.UseLine())
		}
		return nil
	}
}

// flagError makes a flag that can't be understood wrong usage.
func flagError(cmd *cobra.Command, err error) error {
	return usagef("%s: %w; see %s --help", cmd.CommandPath(), err, cmd.CommandPath())
}

// layoutFlags adds the flags that say which results are used and where they stand.
func layoutFlags(cmd *cobra.Command, o *report.Options) {
	f := cmd.Flags()
	f.StringVar(&o.Filter, "filter", "*", "use only results that match `query`, in benchstat's language")
	f.StringVar(&o.Table, "table", report.DefaultTable, "make a table for each value of this `projection`")
	f.StringVar(&o.Row, "row", report.DefaultRow, "make a row for each value of this `projection`")
	f.BoolVar(&o.IncludeShared, "include-shared", false, "average in the samples that were measured while the CPUs were shared; their cells are marked and not ranked")
	f.StringVar(&o.Column, "col", report.DefaultColumn, "make a column for each value of this `projection`")
}

// readResults reads result files and names their problems on standard error.
func readResults(cmd *cobra.Command, paths []string, layout report.Options) (*report.Set, error) {
	layout.Open = func(path string) (io.ReadCloser, error) { return openInput(cmd.Context(), path) }
	set, err := report.Read(paths, layout)
	if se := new(statusError); errors.As(err, &se) {
		return nil, &statusError{se.status, err}
	}
	if err != nil {
		if pe := new(fs.PathError); errors.As(err, &pe) {
			return nil, usagef("can't read %s: %v", pe.Path, pe.Err)
		}
		return nil, usagef("%w", err)
	}
	set.LeaveAsked()
	for _, err := range addConditions(set, paths) {
		fmt.Fprintf(cmd.ErrOrStderr(), "refbench: %v\n", err)
	}
	const most = 10
	for i, p := range set.Problems {
		if i == most {
			fmt.Fprintf(cmd.ErrOrStderr(), "refbench: and %d more problems\n", set.ProblemCount-most)
			break
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "refbench: %s\n", p)
	}
	return set, nil
}

// runCommand returns the command that measures again what a run did.
func runCommand(f bench.Facts) string {
	var strategies, workloads, cpus, inside []string
	add := func(list *[]string, v string) {
		if !slices.Contains(*list, v) {
			*list = append(*list, v)
		}
	}
	generic := 0
	for _, cell := range f.CellNames {
		name, probe, _ := strings.Cut(cell, " ")
		if probe != "" {
			add(&inside, probe)
		}
		var workload string
		var knobs []string
		for part := range strings.SplitSeq(name, "/") {
			key, value, _ := strings.Cut(part, "=")
			switch key {
			case "workload":
				workload = value
			case "cpus":
				add(&cpus, value)
			case "strategy":
				add(&strategies, strings.TrimSuffix(value, "+control"))
			case "dispatch":
				generic++
			default:
				knobs = append(knobs, part)
			}
		}
		if len(knobs) > 0 {
			workload += ":" + strings.Join(knobs, ",")
		}
		add(&workloads, workload)
	}
	args := []string{"refbench", "run", "--strategy", strings.Join(strategies, ","), "--cpus", strings.Join(cpus, ",")}
	for _, w := range workloads {
		args = append(args, "--workload", w)
	}
	if len(inside) > 0 {
		args = append(args, "--inside", strings.Join(inside, ","))
	}
	if generic > 0 && generic == len(f.CellNames) { // else they are of strategies without loops
		args = append(args, "--dispatch", "generic")
	}
	return shellescape.QuoteCommand(append(args, "--rounds", strconv.Itoa(f.Rounds), "--time", f.TimedNS.String(), "--checked", f.CheckedNS.String(),
		"--seed", strconv.FormatUint(f.Seed, 10), "-o", "again.txt"))
}

// addConditions adds what the facts beside the result files say of the machine. It returns
// which of them can't be read.
func addConditions(set *report.Set, paths []string) (errs []error) {
	for _, path := range paths {
		runs, err := bench.ReadFacts(bench.FactsPath(path))
		if err != nil {
			errs = append(errs, fmt.Errorf("what held while %s was measured isn't known: %w", path, err))
		}
		for _, run := range runs {
			set.Ran(report.Run{Started: run.Started.Format("2006-01-02 15:04 UTC"), Command: runCommand(run)})
			for _, c := range run.Conditions {
				set.Had(report.Condition{Name: c.Name, State: string(c.State), Is: c.Is, Effect: c.Effect, Path: path})
			}
		}
	}
	return errs
}

package cli

import (
	"fmt"
	"io"

	"github.com/refbench/refbench/report"
	"github.com/spf13/cobra"
)

func newCompareCommand() *cobra.Command {
	var (
		format string
		layout report.Options
		opts   report.CompareOptions
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Compare two result files with benchstat's statistics",
		Long: `Compare two result files with benchstat's statistics: medians, 95 % intervals,
Mann-Whitney U-test, geometric means. "~" stands for a difference that isn't
significant.

Samples that were measured while the CPUs were shared are set aside, unless there is
--include-shared. Cells that
are in one file only are listed. Warnings say where the machines differ, or the files
that the workload buffers read.

The exit status is 1 if NEW has violations.`,
		Example: `  refbench compare old.txt new.txt
  refbench compare old.txt new.txt --format markdown --filter .unit:ns/op
  refbench compare old.txt new.txt --json`,
		Args: fileArgs(2, 2),
		RunE: func(cmd *cobra.Command, paths []string) error {
			if asJSON {
				if cmd.Flags().Changed("format") && format != "json" {
					return usagef("--json and --format %s contradict each other: give one", format)
				}
				format = "json"
			}
			write := map[string]func(*report.Comparison, io.Writer) error{
				"text":     (*report.Comparison).Text,
				"markdown": (*report.Comparison).Markdown,
				"csv":      (*report.Comparison).CSV,
				"json":     (*report.Comparison).JSON,
			}[format]
			if write == nil {
				return usagef("--format %q: want text, markdown, csv or json", format)
			}
			if err := report.CheckAlpha(opts.Alpha); err != nil {
				return usagef("--alpha %g: %w", opts.Alpha, err)
			}
			older, err := readResults(cmd, paths[:1], layout)
			if err != nil {
				return err
			}
			newer, err := readResults(cmd, paths[1:], layout)
			if err != nil {
				return err
			}
			c := report.Compare(older, newer, opts)
			if format == "csv" { // the other formats have them inside
				for _, w := range c.Warnings {
					fmt.Fprintf(cmd.ErrOrStderr(), "refbench: %s\n", w)
				}
			}
			if err := write(c, cmd.OutOrStdout()); err != nil {
				return fmt.Errorf("writing the comparison to standard output: %w", err)
			}
			if c.Violations > 0 {
				return findingf("%s has %g violations", paths[1], c.Violations)
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(flagError)
	cmd.Flags().StringVar(&format, "format", "text", "text, markdown, csv or json")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	cmd.Flags().Float64Var(&opts.Alpha, "alpha", 0.05, "a difference counts if p is at most this")
	cmd.Flags().BoolVar(&opts.AllUnits, "all-units", false, "compare also units that say how it was measured")
	layoutFlags(cmd, &layout)
	return cmd
}

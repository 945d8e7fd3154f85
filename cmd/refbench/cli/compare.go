package cli

import (
	"fmt"
	"io"

	"github.com/refbench/refbench/report"
	"github.com/spf13/cobra"
)

func newCompareCommand() *cobra.Command {
	var (
		format  string
		layout  report.Options
		opts    report.CompareOptions
		effect  string
		texts   []string
		asJSON  bool
		all     bool
		verbose bool
	)
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Compare two result files with benchstat's statistics",
		Long: `Compare two result files with benchstat's statistics: medians, 95 % intervals,
Mann-Whitney U-test, geometric means. The p-values are corrected for all rows that are
judged (Holm), so a comparison in which nothing changed calls any row different in at
most --alpha of all cases. A difference counts if it is significant and at least
--min-effect. The largest changes stand on one screen; --verbose shows all that changed,
and --all every row. The last lines say what it comes to.

The two files were measured one after the other, so a drift from one to the other counts
as a difference, too. "refbench ab" measures in turn.

Samples that were measured while the CPUs were shared are excluded, unless there is
--include-shared. Cells that are in one file only are listed. Warnings say where the machines differ, or the files
that the workload buffers read.

The exit status is 1 if NEW has violations, or if a change is beyond what --fail-on says:
as "refbench ab" has it, but for ratios of cells. It is significant after correction for
all rows that the expression means, and its medians are beyond the bound.

  --fail-on 'ns/op > 5%'
  --fail-on 'ns/op{/strategy:percpu /cpus:2} > 5%'

The exit status is 3 if nothing can be compared: the files
have no cell in common, or none with usable samples in both. It is
3, too, if no row has enough samples that it could be beyond --fail-on.`,
		Example: `  refbench compare old.txt new.txt
  refbench compare old.txt new.txt --all --min-effect 0%
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
				"text": func(c *report.Comparison, w io.Writer) error {
					if all || verbose {
						return c.Text(w, all)
					}
					return c.Screen(w)
				},
				"markdown": func(c *report.Comparison, w io.Writer) error { return c.Markdown(w, all) },
				"csv":      (*report.Comparison).CSV,
				"json":     (*report.Comparison).JSON,
			}[format]
			if write == nil {
				return usagef("--format %q: want text, markdown, csv or json", format)
			}
			if err := report.CheckAlpha(opts.Alpha); err != nil {
				return usagef("--alpha %g: %w", opts.Alpha, err)
			}
			var err error
			if opts.MinEffect, err = minEffect(effect); err != nil {
				return err
			}
			gates, err := parseGates(texts)
			if err != nil {
				return err
			}
			older, err := readResults(cmd, paths[:1], layout, false)
			if err != nil {
				return err
			}
			newer, err := readResults(cmd, paths[1:], layout, false)
			if err != nil {
				return err
			}
			c := report.Compare(older, newer, opts)
			if c.Nothing() == "" {
				for _, g := range gates {
					if err := c.Hold(&g); err != nil {
						return usagef("--fail-on: %w", err)
					}
				}
			}
			if format == "csv" { // the other formats have them inside
				for _, w := range c.Warnings {
					fmt.Fprintf(cmd.ErrOrStderr(), "refbench: %s\n", w)
				}
			}
			if err := write(c, cmd.OutOrStdout()); err != nil {
				return fmt.Errorf("writing the comparison to standard output: %w", err)
			}
			if format == "csv" {
				fmt.Fprintf(cmd.ErrOrStderr(), "refbench: %s\n", c.Conclusion())
			}
			if c.Violations > 0 {
				return findingf("%s has %g violations", paths[1], c.Violations)
			}
			if n := c.Beyond(); n > 0 {
				return findingf("%s: %s beyond --fail-on", paths[1], plural(n, "row"))
			}
			if why := c.Nothing(); why != "" {
				return failedf("nothing to compare: %s", why)
			}
			if g := c.Untold(); g != "" {
				return failedf("too little usable data: with so few samples no row could have been beyond the gate %q: measure more rounds, or choose rows with --filter", g)
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(flagError)
	cmd.Flags().StringVar(&format, "format", "text", "text, markdown, csv or json")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	cmd.Flags().Float64Var(&opts.Alpha, "alpha", 0.05, "a difference counts if its corrected p is at most this")
	cmd.Flags().StringVar(&effect, "min-effect", "2%", "a smaller difference isn't called one")
	cmd.Flags().StringArrayVar(&texts, "fail-on", nil, "a change that is a failure; may be repeated")
	cmd.Flags().BoolVar(&all, "all", false, "show also the rows in which nothing changed (text and Markdown)")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "show all rows in which something changed, with intervals, p-values and warnings")
	cmd.Flags().BoolVar(&opts.AllUnits, "all-units", false, "compare also units that say how it was measured or follow from others")
	layoutFlags(cmd, &layout)
	return cmd
}

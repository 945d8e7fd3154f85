package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/cpulist"
)

// The quick sweep is made to take less than 90 s with everything around it.
const (
	quickBudget = 72 * time.Second
	quickRounds = 10
	leastRounds = 6 // fewer give benchstat no interval
)

// resultsDir is where results go that were given no name, one folder for each
// run, called by its time in UTC.
const resultsDir = "refbench-results"

func newRunDir() string {
	return filepath.Join(resultsDir, time.Now().UTC().Format("20060102T150405.000Z"))
}

func newQuickCommand(parts Parts) *cobra.Command {
	var budget time.Duration
	var control, verbose bool
	var how string
	parts = parts.timed()
	c := &cobra.Command{
		Use:   "refbench",
		Short: "Compare ways to count references: how fast, and are they right",
		Long: `refbench compares ways to count references: how fast is each on this machine,
from one CPU to all of them, and is it right.

Without a command it measures the default strategies (refbench list marks them; run
--strategy all takes all) under every workload for about a minute, prints what it
found on one screen (--verbose: all numbers before that), and writes a report to a new
folder in ` + resultsDir + `/. What the budget has no room for is left out, and named:
strategies beyond four first, then numbers of CPUs between others, then workloads.

Exit status: 0 fine, 1 a finding (an object lost, freed twice, ...), 2 wrong usage,
3 the run failed or was interrupted.`,
		Example: `  refbench
  refbench run --strategy atomic,percpu --workload getput --cpus 1,2
  refbench list`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkParts(parts); err != nil {
				return err
			}
			if budget < time.Second {
				return usagef("--budget %v: want at least 1s", budget)
			}
			m, err := chooseMachine(how, c.Flags().Changed("placement"))
			if err != nil {
				return err
			}
			variants, err := chooseWorkloads(parts, []string{allNames})
			if err != nil {
				return err
			}
			ss, err := chooseStrategies(parts, []string{defaultNames})
			if err != nil {
				return err
			}
			cut := quickCut(parts, ss, m, variants, budget)
			var left []string
			if text := leftOut(cut, budget); text != "" {
				fmt.Fprintf(c.ErrOrStderr(), "refbench: %s\n", text)
				left = append(left, fmt.Sprintf("Left out for a budget of %v: see above; --budget %v has room for all.", budget, cut.Whole))
			}
			dir := newRunDir()
			return session{
				parts:     parts,
				machine:   m,
				selection: cut.Selection,
				rounds:    cut.Rounds,
				least:     leastRounds,
				budget:    budget,
				seed:      uint64(time.Now().UnixNano()),
				file:      filepath.Join(dir, "results.txt"),
				report:    dir,
				verbose:   verbose,
				leftOut:   left,

				control:      control,
				leastControl: c.Flags().Changed("control"),
			}.run(c)
		},
	}
	c.Flags().DurationVar(&budget, "budget", quickBudget, "about how long to measure")
	controlFlag(c, &control)
	verboseFlag(c, &verbose)
	placementFlag(c, &how)
	return c
}

// quickCut returns what the budget lets measure of everything.
func quickCut(parts Parts, ss []*strategies.Strategy, m *bench.Machine, variants []bench.Variant, budget time.Duration) bench.Cut {
	return bench.Selection{
		Strategies: ss,
		Variants:   variants,
		CPUs:       m.CPUs.Sweep(),
		Loops:      parts.Loops,
	}.Cut(budget, quickRounds, leastRounds, m.CPUs.Landmarks())
}

// leftOut says what a budget has no room for, and how to measure it; "" if it has room for
// everything.
func leftOut(cut bench.Cut, budget time.Duration) string {
	var parts []string
	if len(cut.Strategies) > 0 {
		var names []string
		for _, s := range cut.Strategies {
			names = append(names, s.Name)
		}
		parts = append(parts, strings.Join(names, ", "))
	}
	if len(cut.CPUs) > 0 {
		parts = append(parts, "on "+cpulist.Format(cut.CPUs)+" CPUs")
	}
	if len(cut.Variants) > 0 {
		var names []string
		for _, v := range cut.Variants {
			names = append(names, v.Workload.Name)
		}
		parts = append(parts, "under "+strings.Join(names, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("a budget of %v is too short to measure %s: --budget %v is long enough, and refbench run measures what you choose",
		budget, strings.Join(parts, " and "), cut.Whole)
}

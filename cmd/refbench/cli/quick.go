package cli

import (
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/workloads/bench"
)

// The quick sweep is made to take less than 90 s with everything around it.
const (
	quickBudget = 72 * time.Second
	quickRounds = 10 // fewer give benchstat no interval
)

// resultsDir is where results go that were given no name, one folder for each
// run, called by its time in UTC.
const resultsDir = "refbench-results"

func newRunDir() string {
	return filepath.Join(resultsDir, time.Now().UTC().Format("20060102T150405.000Z"))
}

func newQuickCommand(parts Parts) *cobra.Command {
	var budget time.Duration
	var control bool
	c := &cobra.Command{
		Use:   "refbench",
		Short: "Compare ways to count references: how fast, and are they right",
		Long: `refbench compares ways to count references: how fast is each on this machine,
from one CPU to all of them, and is it right.

Without a command it measures every strategy under every workload for about a
minute, prints a table, and writes a report to a new folder in ` + resultsDir + `/.

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
			m, err := bench.NewMachine()
			if err != nil {
				return err
			}
			variants, err := chooseWorkloads(parts, []string{"all"})
			if err != nil {
				return err
			}
			dir := newRunDir()
			return session{
				parts:   parts,
				machine: m,
				selection: bench.Selection{
					Strategies: parts.Strategies,
					Variants:   variants,
					CPUs:       m.CPUs.Sweep(),
					Loops:      parts.Loops,
				},
				rounds:       quickRounds,
				budget:       budget,
				seed:         uint64(time.Now().UnixNano()),
				file:         filepath.Join(dir, "results.txt"),
				report:       dir,
				control:      control,
				leastControl: c.Flags().Changed("control"),
			}.run(c)
		},
	}
	c.Flags().DurationVar(&budget, "budget", quickBudget, "about how long to measure")
	controlFlag(c, &control)
	return c
}

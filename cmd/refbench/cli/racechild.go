package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
)

// raceChildName is the command that runs a strategy, a planted bug or its twin for the
// race detector to see.
const raceChildName = "race-child"

// raceChild is the command line for check.Subject's Child, nil if this program can't be
// started again.
func raceChild(subject string) []string {
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{exe, raceChildName, subject}
}

// Planted bugs are called so, to tell them from strategies.
const (
	bugPrefix  = "bugs/"
	twinSuffix = "/twin"
)

func bugSubject(name string, fixed bool) string {
	if fixed {
		name += twinSuffix
	}
	return bugPrefix + name
}

func newRaceChildCommand(parts Parts) *cobra.Command {
	var b check.Budget
	c := &cobra.Command{
		Use:    raceChildName + " STRATEGY|" + bugPrefix + "NAME[" + twinSuffix + "]",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var s check.Subject
			if name, ok := strings.CutPrefix(args[0], bugPrefix); ok {
				name, fixed := strings.CutSuffix(name, twinSuffix)
				chosen, err := chooseBugs(parts.Bugs, []string{name})
				if err != nil {
					return err
				}
				s = chosen[0].Subject(fixed)
			} else {
				chosen, err := chooseStrategies(parts, args)
				if err != nil {
					return err
				}
				s = subject(parts, chosen[0])
			}
			return check.RaceChild(c.Context(), s, b, c.OutOrStdout())
		},
	}
	c.Flags().Uint64Var(&b.Seed, "seed", 1, "seed of all random choices")
	c.Flags().DurationVar(&b.Time, "time", time.Second, "how long")
	return c
}

// subject returns a strategy of the parts as what is checked. Workloads that nobody has
// proven come first: most is to be found under them.
func subject(parts Parts, s *strategies.Strategy) check.Subject {
	unproven := parts.unproven()
	what := check.Subject{
		Strategy: s, Others: parts.Strategies, Workloads: namedFirst(parts.Workloads, unproven), Explored: parts.Explored, Child: raceChild(s.Name),
		Unproven: unproven, Controls: builtin.All(),
	}
	what.Explored.Workloads = namedFirst(what.Explored.Workloads, unproven)
	return what
}

// namedFirst returns the list with what has one of the names at the front.
func namedFirst[W fmt.Stringer](list []W, names []string) []W {
	named := func(w W) bool { return slices.Contains(names, w.String()) }
	return slices.Concat(slices.DeleteFunc(slices.Clone(list), func(w W) bool { return !named(w) }), slices.DeleteFunc(slices.Clone(list), named))
}

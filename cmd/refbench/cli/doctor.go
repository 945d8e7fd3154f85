package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/workloads/bench"
	"github.com/refbench/refbench/workloads/bench/doctor"
)

// The output of doctor --json. Field names are part of the interface.
type examined struct {
	Topology   string             `json:"topology"`
	Spoiling   int                `json:"spoiling"`
	Conditions []doctor.Condition `json:"conditions"`
}

func newDoctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Report what on this machine would spoil a run, and how to fix it",
		Long: `doctor looks at the machine and at the environment of the process. It reports in one line
each what it found, what that does to the numbers, and the command that fixes it. It
changes nothing. Each run records beside its results what isn't fine.

States: SPOILS: numbers would be wrong or vary more than they should. note: it limits
what numbers say. unknown: the system doesn't say, which isn't fine. fine: no harm.

Exit status: 1 if something would spoil a run, 0 if nothing is known that would.`,
		Example: `  refbench doctor
  refbench doctor --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := bench.NewMachine()
			if err != nil {
				return err
			}
			out := examined{Topology: m.CPUs.Topology.String(), Conditions: m.Examine()}
			spoiling := spoilers(out.Conditions)
			out.Spoiling = len(spoiling)
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				err = e.Encode(out)
			} else {
				err = printExamined(c.OutOrStdout(), out)
			}
			switch {
			case err != nil:
				return failedf("%w", err)
			case len(spoiling) > 0:
				return findingf("%s would spoil a run", strings.Join(spoiling, ", "))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// spoilers returns the names of the conditions that spoil a run.
func spoilers(conditions []doctor.Condition) (names []string) {
	for _, c := range doctor.With(conditions, doctor.Spoils) {
		names = append(names, c.Name)
	}
	return names
}

func printExamined(w io.Writer, out examined) error {
	var b strings.Builder
	fmt.Fprintf(&b, "This machine has %s.\n\n", out.Topology)
	for _, state := range []doctor.State{doctor.Spoils, doctor.Note, doctor.Unknown, doctor.Fine} {
		for _, c := range doctor.With(out.Conditions, state) {
			word := string(state)
			if state == doctor.Spoils {
				word = strings.ToUpper(word)
			}
			fmt.Fprintf(&b, "%-8s %s: %s", word, c.Name, c.Is)
			if c.Effect != "" {
				fmt.Fprintf(&b, "; %s", c.Effect)
			}
			if c.Mend != "" {
				fmt.Fprintf(&b, "; to mend it: %s", c.Mend)
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

package cli

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/bugs/matrix"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/scenarios"
)

func newReplayCommand(forms scenarios.Forms, planted []matrix.Entry) *cobra.Command {
	var page string
	var asJSON bool
	c := &cobra.Command{
		Use:   "replay TOKEN",
		Short: "Show the schedule again that a token of explore or bugs names",
		Long: `replay runs the schedule that a token names, and shows how it goes wrong: the
same on any machine with the same version of the code.

Exit status: 1 if the schedule goes wrong as the token says, 2 if the token can't be
followed: it is cut or altered, or of another version.`,
		Example: `  refbench replay rx1.GDVi...
  refbench replay --html schedule.html rx1.GDVi...`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("refbench replay takes one token, not %d: see refbench replay --help", len(args))
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			f, err := explore.Replay(args[0], append(forms.All(), matrix.Scenarios(planted)...), explore.Options{Version: forms.Version})
			if err != nil {
				// What is wrong with the token is said as such. The rest is
				// that the code under test didn't run.
				if strings.HasPrefix(err.Error(), "replay token: ") {
					return usagef("%w", err)
				}
				return failedf("%w", err)
			}
			if page != "" {
				if err := writePicture(page, f); err != nil {
					return err
				}
			}
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				err = e.Encode(f)
			} else {
				_, err = io.WriteString(c.OutOrStdout(), failureText(f))
			}
			if err != nil {
				return err
			}
			return findingf("%v", f)
		},
	}
	c.Flags().StringVar(&page, "html", "", "file for a picture of the schedule")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

package cli

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/bugs/matrix"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explore"
)

func newReplayCommand(kit Kit) *cobra.Command {
	forms := kit.Explored
	var page string
	var asJSON bool
	c := &cobra.Command{
		Use:   "replay TOKEN|FILE",
		Short: "Show again what explore, check or bugs found",
		Long: `replay runs the schedule that a token names, and shows how it goes wrong: the
same on any machine with the same version of the code. A file that check wrote about a
finding is judged again if it is a history, and run again if it is an op program.

Exit status: 1 if it goes wrong again, 0 if a history or a program doesn't, 2 if the
token can't be followed or the file not be read: it is cut or altered, or of another
version.`,
		Example: `  refbench replay rx2.GDVi...
  refbench replay --html schedule.html rx2.GDVi...
  refbench replay refbench-findings/20261121T060000.000Z/mine-histories-1.history`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("refbench replay takes one token or file, not %d: see refbench replay --help", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if replayable(args[0]) {
				return replayFile(c, kit, args[0], page)
			}
			known := slices.Concat(forms.All(), check.Scenarios(forms), matrix.Scenarios(kit.Bugs))
			f, err := explore.Replay(args[0], known, explore.Options{Version: forms.Version})
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
	c.Flags().StringVar(&page, "html", "", "file for a picture of the schedule or the history")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

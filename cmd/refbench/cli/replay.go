package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/bugs/matrix"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored"
)

func newReplayCommand(parts Parts) *cobra.Command {
	var page string
	var asJSON bool
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "replay TOKEN|FILE",
		Short: "Show again what explore, check or bugs found",
		Long: `replay runs the schedule that a token names, and shows how it goes wrong: the
same on any machine with the same version of the code. A file that check wrote about a
finding is judged again if it is a history, and run again if it is an op program. A
token may be in a file, too.

With --json a token's failure has the fields of "failure" in explore --json.

Exit status: 1 if it goes wrong again, 0 if a history or a program doesn't, 2 if the
token can't be followed or the file not be read: it is cut or altered, or of another
version, 3 if a program isn't finished and no call is seen that doesn't return.`,
		Example: `  refbench replay rx3.GDVi...
  refbench replay --html schedule.html rx3.GDVi...
  refbench replay refbench-findings/20261121T060000.000Z/mine-histories-1.history`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("refbench replay takes one token or file, not %d: see refbench replay --help", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if timeout <= 0 {
				return usagef("--timeout %v: want a time such as 10s", timeout)
			}
			switch info, err := os.Stat(args[0]); {
			case err == nil && info.IsDir():
				return usagef("%s is a folder: name a file in it, or a token", args[0])
			case err == nil:
				return replayFile(c, parts, args[0], page, asJSON, timeout)
			case !isToken(args[0]):
				if errors.Is(err, fs.ErrNotExist) {
					return usagef("%q is neither a file nor a token, which begins with rx", short(args[0]))
				}
				return usagef("%w", err)
			}
			return replayToken(c, parts, args[0], page, asJSON)
		},
	}
	c.Flags().StringVar(&page, "html", "", "file for a picture of the schedule or the history")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long an op program may take before a call counts as one that never returns")
	return c
}

// isToken reports whether a text begins as tokens of any format do.
func isToken(s string) bool { return strings.HasPrefix(strings.TrimSpace(s), "rx") }

// short cuts what an error shows of a text that may be long.
func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}

// replayToken runs the schedule of a token.
func replayToken(c *cobra.Command, parts Parts, token, page string, asJSON bool) error {
	forms := parts.Explored
	// What is refbench's own is the same with other code beside it.
	version := forms.Version
	if info, err := explore.InspectToken(token); err == nil && info.Version == explored.Version && strings.HasPrefix(version, info.Version+" ") {
		version = info.Version
	}
	known := slices.Concat(forms.All(), check.Scenarios(forms), matrix.Scenarios(parts.Bugs))
	f, err := explore.Replay(token, known, explore.Options{Version: version})
	if err != nil {
		// What is wrong with the token is said as such. The rest is that the
		// code under test didn't run.
		if strings.HasPrefix(err.Error(), "replay token: ") {
			return usagef("%w", err)
		}
		return failedf("%w", err)
	}
	if asJSON {
		err = writeJSON(c.OutOrStdout(), f)
	} else {
		_, err = io.WriteString(c.OutOrStdout(), failureText(f))
	}
	if err == nil && page != "" {
		err = writePicture(page, f)
	}
	if err != nil {
		return err
	}
	return findingf("%v", f)
}

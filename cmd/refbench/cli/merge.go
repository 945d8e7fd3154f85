package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/shard"
	"github.com/refbench/refbench/report/pending"
	"github.com/refbench/refbench/workloads/bench/cpulist"
)

func newMergeCommand() *cobra.Command {
	var (
		output string
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Put together what shards of check, explore, test or bugs have found",
		Long: `merge takes the files that commands with --shard have written, adds up what was tried,
unites what was found, and prints one screen. What several shards have found with the same
token is one finding. "Exhaustive" is said only of what every shard has tried completely.

Shards fit together if refbench's commit, the command, its flags and the seed are the same.
Others are refused, and so is a shard that is there twice. A shard that is missing or
unfinished is named: what there is is merged, and the status is 3. So is a clock that can't
be right; nothing that is merged depends on it.

-o writes all of it into one file, of the form that shards have, which can be merged again.

Exit status: 0 if nothing was found, 1 if something was, 2 if files don't fit together,
3 if something is missing or couldn't be explored.`,
		Example: `  refbench merge shard-*.json
  refbench merge shard-*.json -o all.json`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("there is nothing to merge: name the files that commands with --shard have written")
			}
			return merge(c, args, output, asJSON)
		},
	}
	f := c.Flags()
	f.StringVarP(&output, "output", "o", "", "file for all of it")
	f.BoolVar(&asJSON, "json", false, "print JSON, as -o writes it")
	return c
}

func merge(c *cobra.Command, names []string, output string, asJSON bool) error {
	if output != "" && asJSON {
		return usagef("-o and --json: want one of them, since -o writes what --json prints")
	}
	if there, err := os.Stat(output); err == nil {
		for _, name := range names {
			if info, err := os.Stat(name); err == nil && os.SameFile(info, there) {
				return usagef("-o %s is one of the files to merge: name another", output)
			}
		}
	}
	w, done := io.Writer(io.Discard), func(bool) error { return nil }
	switch {
	case output != "":
		// Findings may be many, so they aren't kept in memory: the file gets its name when
		// it is whole.
		f, err := pending.New(output)
		if err != nil {
			return usagef("-o %s: %w: name a file in a folder that is there and can be written to", output, reason(err))
		}
		w, done = f, func(keep bool) error {
			if keep {
				return f.CloseAtomicallyReplace()
			}
			return f.Cleanup()
		}
	case asJSON:
		w = c.OutOrStdout()
	}
	m, err := shard.Merge(w, names, time.Now())
	if err != nil {
		err = errors.Join(err, done(false))
		if errors.As(err, new(*shard.MisfitError)) || errors.As(err, new(*shard.FormatError)) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return usagef("%w", err)
		}
		return failedf("%w", err)
	}
	if err := done(true); err != nil {
		return unwritten(output, err)
	}
	n := m.Header.Plan.Shards
	var errs []error
	if !asJSON {
		whose := fmt.Sprintf("%d of %s", len(m.Header.Done), plural(n, "shard"))
		errs = append(errs, printLines(c.OutOrStdout(), slices.Concat(mergedScreen(m, whose), machineLines(m))))
	}
	for _, clock := range m.Clocks {
		errs = append(errs, failedf("a clock is wrong: %s: set it, as with chrony or ntpd; what was merged doesn't depend on it, reports by date would", clock))
	}
	if len(m.Missing) > 0 {
		what, todo := "a shard is", "run it, and merge again with its file"
		if len(m.Missing) > 1 {
			what, todo = "shards are", "run them, and merge again with their files"
		}
		errs = append(errs, failedf("%s missing: %s of %d: %s", what, cpulist.Format(m.Missing), n, todo))
	}
	for i, u := range m.Unfinished {
		if i == 10 {
			errs = append(errs, failedf("and %s unfinished", plural(len(m.Unfinished)-i, "more shard")))
			break
		}
		errs = append(errs, failedf("shard %d of %d is unfinished: %d of %d are left to do: run it with --resume, and merge again", u.Shard, n, u.Left, u.Planned))
	}
	return errors.Join(append(errs, unableError(m), foundError(m))...)
}

// machineLines says on which machines it was done, if they differ.
func machineLines(m *shard.Merged) []string {
	count := make(map[string]int)
	var kinds []string
	for _, d := range m.Header.Done {
		k := strings.Join([]string{d.Machine.OS, d.Machine.Arch, d.Machine.CPU, plural(d.Machine.CPUs, "CPU")}, " ")
		if count[k]++; count[k] == 1 {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) < 2 {
		return nil
	}
	var lines []string
	for _, k := range kinds {
		lines = append(lines, fmt.Sprintf("%s on %s", plural(count[k], "shard"), k))
	}
	return lines
}

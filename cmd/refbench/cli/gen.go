package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func newGenCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "gen [flags] [DIR]",
		Short: "Write the native loops and the explored form of strategies, workloads and planted bugs",
		Long: `Gen writes the two forms in which strategies and workloads run: the native form
of every workload with every strategy, which are the loops in which the compiler
knows the concrete counter type, and the explored form of both, in which every
access to shared memory is a scheduling point. It also writes the specification of
every strategy as a page to read. DIR is the root of refbench's source, by default
the current folder; the files go to DIR/workloads/native, DIR/fuzz/explored and
DIR/strategies/SPECIFICATION.md. Files there whose source is gone are removed.

It builds the generator from DIR with the go command and runs it. Where refbench
itself can't be built, because what is generated is missing or out of date, the same
is done by: go run ./cmd/refbench/gen`,
		Example: "  refbench gen          # write them\n  refbench gen --check  # only say whether they are current",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			source := filepath.Join("cmd", "refbench", "gen")
			if _, err := os.Stat(filepath.Join(dir, source, "main.go")); err != nil {
				return usagef("%s is not the root of refbench's source (no %s): go there or name it", dir, source)
			}
			temp, err := os.MkdirTemp("", "refbench-gen-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(temp)
			generator := filepath.Join(temp, "gen.exe")
			build := exec.CommandContext(cmd.Context(), "go", "build", "-o", generator, "./"+filepath.ToSlash(source))
			build.Dir = dir
			if out, err := build.CombinedOutput(); err != nil {
				return fmt.Errorf("building the generator from %s: %w\n%s", filepath.Join(dir, source), err, out)
			}
			var flags []string
			if check {
				flags = append(flags, "--check")
			}
			var said bytes.Buffer
			run := exec.CommandContext(cmd.Context(), generator, append(flags, dir)...)
			run.Stdout, run.Stderr = cmd.OutOrStdout(), &said
			err = run.Run()
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() > 0 {
				// Every line begins with the name of the command, and will again.
				lines := strings.TrimPrefix(strings.ReplaceAll(strings.TrimSpace(said.String()), "\nrefbench: ", "\n"), "refbench: ")
				return &statusError{exit.ExitCode(), errors.New(lines)}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; exit 1 if a file is not current")
	return cmd
}

// Package cli is the refbench command: one file for each subcommand.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/strategies/builtin"
)

// Exit statuses.
const (
	exitOK      = 0 // fine
	exitFinding = 1 // a broken promise, a regression past the gate, a violation
	exitUsage   = 2 // wrong usage
	exitFailed  = 3 // the run itself failed
)

// A statusError is an error that decides the exit status.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// usagef returns an error for wrong usage or bad input: exit status 2.
func usagef(format string, args ...any) error {
	return &statusError{exitUsage, fmt.Errorf(format, args...)}
}

// findingf returns an error for a finding: exit status 1.
func findingf(format string, args ...any) error {
	return &statusError{exitFinding, fmt.Errorf(format, args...)}
}

// Main runs the command with the process's arguments and exits.
func Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Run runs the command and returns its exit status. Data goes to out, progress
// and warnings to errOut.
func Run(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(errOut, "refbench: %v\n", err)
	var se *statusError
	if errors.As(err, &se) {
		return se.status
	}
	return exitFailed
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "refbench",
		Short:         "Compare ways to count references: how fast, and are they right",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newGenCommand(builtin.All()))
	root.AddCommand(newReportCommand())
	root.AddCommand(newCompareCommand())
	return root
}

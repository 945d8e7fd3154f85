// Package cli is the refbench command: one file for each subcommand.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/bugs/matrix"
	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/fuzz/corpus"
	"github.com/refbench/refbench/fuzz/outside"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// Exit statuses. A run that fails and has findings too has failed.
const (
	exitOK      = 0 // fine
	exitFinding = 1 // a broken promise, a regression past the gate, a violation
	exitUsage   = 2 // wrong usage
	exitFailed  = 3 // the run itself failed or was interrupted
)

// Parts are what a refbench is built from. Programs that add strategies or
// workloads of their own call [Main] with a longer list.
type Parts struct {
	// Program is how the program was called, for commands that it tells to run. Empty
	// means refbench.
	Program string

	// Modules are what refbench build took along.
	Modules []Module

	Strategies []*strategies.Strategy
	Workloads  []*workloads.Workload

	// Aliases are names of strategies in the systems that they are from, as people type
	// them. They lead to a strategy wherever one is chosen, in upper or lower case.
	Aliases []Alias

	// Default are the names of the strategies that are measured where none are named.
	// Nil are all of them.
	Default []string

	// Baselines are what is timed beside the strategies as reference points of charts.
	Baselines []*strategies.Strategy

	// Loops are the loops with concrete counter types. A pair that has
	// none runs through the generic workload.
	Loops []workloads.Loop

	// Explored are the strategies and workloads in explored form.
	Explored scenarios.Forms

	// Bugs are the planted bugs.
	Bugs []matrix.Entry

	// FuzzTargets are the fuzz targets of which corpus minimize can tell what
	// an input adds.
	FuzzTargets []corpus.Target

	// Table writes what was found in the result files, or all of it first, and then the
	// lines around it; Report writes the report into a folder and returns the page to open.
	Table  func(w io.Writer, files []string, verbose bool, around []string) error
	Report func(dir string, files []string) (page string, err error)

	added int // by AddStrategy

	// self is the file of this program, where it can be started again; Main sets it.
	self string
}

// A Module is one that refbench build took along.
type Module = outside.Module

// AddStrategy adds a strategy, and puts it among those that are measured where none are
// named: behind the first, which the others are compared with.
func (p *Parts) AddStrategy(s *strategies.Strategy) {
	p.Strategies = append(p.Strategies, s)
	if len(p.Default) > 0 {
		p.added++
		p.Default = slices.Insert(p.Default, p.added, s.Name)
	}
}

// unproven returns the names of workloads that aren't refbench's own.
func (p Parts) unproven() (names []string) {
	for _, w := range p.Workloads {
		if !slices.Contains(workloads.All, w) {
			names = append(names, w.Name)
		}
	}
	return names
}

// An Alias is another name of a strategy.
type Alias struct {
	Name     string // "refcount_t"
	Strategy string // "saturating"
}

// strategyName returns the name of the strategy that is meant: names are looked for first,
// and what nobody knows is returned as it is.
func (p Parts) strategyName(name string) string {
	if slices.ContainsFunc(p.Strategies, func(s *strategies.Strategy) bool { return s.Name == name }) {
		return name
	}
	for _, a := range p.Aliases {
		if strings.EqualFold(a.Name, name) {
			return a.Strategy
		}
	}
	return name
}

// aliasesOf returns the other names of a strategy.
func (p Parts) aliasesOf(strategy string) []string {
	names := []string{}
	for _, a := range p.Aliases {
		if a.Strategy == strategy {
			names = append(names, a.Name)
		}
	}
	return names
}

// program is how the program is called.
func (p Parts) program() string { return cmp.Or(p.Program, "refbench") }

// isDefault reports whether a strategy is measured where none are named.
func (p Parts) isDefault(name string) bool {
	return p.Default == nil || slices.Contains(p.Default, name)
}

// timed returns the parts with the baselines among the strategies, for what times them.
func (p Parts) timed() Parts {
	bs := p.Baselines
	p.Strategies, p.Baselines = slices.Concat(p.Strategies, bs), nil
	if p.Default != nil {
		p.Default = slices.Clone(p.Default)
		for _, b := range bs {
			p.Default = append(p.Default, b.Name)
		}
	}
	return p
}

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

// failedf returns an error for a run that failed: exit status 3.
func failedf(format string, args ...any) error {
	return &statusError{exitFailed, fmt.Errorf(format, args...)}
}

// Main runs the command with the process's arguments and exits. The first signal ends the
// context, the second the process.
func Main(parts Parts) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ending := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ending = append(ending, syscall.SIGHUP)
	}
	interruptIgnored := signal.Ignored(os.Interrupt)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, ending...)
	once(ending)
	go func() {
		<-signals
		stop()
		// From now on the system ends the process, even if no goroutine can run any
		// more. But an interrupt that was ignored at the beginning would be so again.
		signal.Reset(ending...)
		if interruptIgnored {
			signal.Notify(signals, os.Interrupt)
		}
		<-signals
		os.Exit(exitFailed)
	}()
	if exe, err := os.Executable(); err == nil {
		parts.self = exe
	}
	os.Exit(Run(ctx, parts, os.Args[1:], os.Stdout, os.Stderr))
}

// Run runs the command and returns its exit status. Data goes to out, progress
// and warnings to errOut. When ctx ends, what was measured is kept and
// reported.
func Run(ctx context.Context, parts Parts, args []string, out, errOut io.Writer) int {
	var refused error
	root := newRootCommand(parts, &refused)
	root.SetArgs(goFlags(args))
	out = painted(out)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if p, ok := out.(*painter); ok {
		err = errors.Join(err, p.Flush())
	}
	if err == nil {
		err = refused
	}
	if err == nil {
		return exitOK
	}
	for line := range strings.SplitSeq(err.Error(), "\n") { // joined errors have several
		fmt.Fprintf(errOut, "refbench: %s\n", line)
	}
	var se *statusError
	if errors.As(err, &se) {
		return se.status
	}
	return exitFailed
}

// newRootCommand returns the command with all that are below it. What is refused beside
// --help is put where refused points, since that isn't returned.
func newRootCommand(parts Parts, refused *error) *cobra.Command {
	root := newQuickCommand(parts)
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w: see %s --help", err, c.CommandPath())
	})
	root.AddCommand(newRunCommand(parts))
	root.AddCommand(newListCommand(parts))
	root.AddCommand(newDoctorCommand())
	root.AddCommand(newNewCommand())
	root.AddCommand(newBuildCommand())
	root.AddCommand(newGenCommand())
	root.AddCommand(newReportCommand())
	root.AddCommand(newCompareCommand())
	root.AddCommand(newAdviseCommand(parts))
	root.AddCommand(newABCommand())
	root.AddCommand(newCorpusCommand(parts.FuzzTargets))
	root.AddCommand(newCheckCommand(parts))
	root.AddCommand(newExploreCommand(parts))
	root.AddCommand(newReplayCommand(parts))
	root.AddCommand(newTestCommand())
	root.AddCommand(newBugsCommand(parts))
	root.AddCommand(newMergeCommand(), newSlurmCommand(parts))
	checks := sync.OnceValue(check.All) // once in a process: what they find out about the machine they keep
	root.AddCommand(
		newRaceChildCommand(parts),
		newHelperCommand(exploreChildName, func(ctx context.Context, o order) answer { return o.carryOut(ctx, parts.Explored) }),
		newHelperCommand(bugChildName, func(ctx context.Context, o bugOrder) bugAnswer { return o.carryOut(ctx, parts, checks()) }),
		newHelperCommand(checkChildName, func(ctx context.Context, o cellOrder) cellAnswer { return o.carryOut(ctx, parts, checks()) }),
	)
	root.AddCommand(newMeasureCommand(parts))
	root.SetHelpCommand(newHelpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	strict(root)
	refuseBesideHelp(root, refused)
	return root
}

// noArgs refuses arguments that aren't flags.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument %q: see %s --help", c.CommandPath(), args[0], c.CommandPath())
	}
	return nil
}

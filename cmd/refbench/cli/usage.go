package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// strict has a command and those below it refuse what they can't use, with status 2:
// arguments that they don't take, also beside --help, and flags that were given nothing.
func strict(c *cobra.Command) {
	args := c.Args
	if args == nil {
		args = cobra.ArbitraryArgs
		if c.HasSubCommands() && !c.HasParent() || !c.Runnable() {
			args = noSuchCommand
		}
	}
	c.Args = func(c *cobra.Command, given []string) error {
		err := args(c, given)
		if err != nil && !errors.As(err, new(*statusError)) {
			return usagef("%s: %w; see %s --help", c.CommandPath(), err, c.CommandPath())
		}
		return err
	}
	run := c.RunE
	if run == nil && c.Run != nil {
		plain := c.Run
		run = func(c *cobra.Command, given []string) error { plain(c, given); return nil }
	}
	if run == nil {
		run = needsCommand
	}
	c.RunE = func(c *cobra.Command, given []string) error {
		if err := emptyFlags(c); err != nil {
			return err
		}
		return run(c, given)
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

// commandNames returns the names of the commands below one.
func commandNames(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// noSuchCommand refuses arguments where a command is to stand.
func noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	below := ""
	if c.HasParent() {
		below = c.CommandPath() + " "
	}
	return usagef("unknown command %q: there are %s%s", args[0], below, strings.Join(nearest(args[0], commandNames(c)), ", "))
}

// needsCommand is what a command does that only has others below it.
func needsCommand(c *cobra.Command, _ []string) error {
	return usagef("%s needs a command: there are %s", c.CommandPath(), strings.Join(commandNames(c), ", "))
}

// emptyFlags refuses flags that were given nothing, or a list with nothing in one place:
// whoever writes that wants something else than the default.
func emptyFlags(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		given := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			given = list.GetSlice()
		}
		if err == nil && (len(given) == 0 || slices.ContainsFunc(given, func(s string) bool { return strings.TrimSpace(s) == "" })) {
			what := "it was given nothing"
			if len(given) > 1 {
				what = "there is nothing in one place of its list"
			}
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand
			}
			err = usagef("%s: %s: see %s --help", name, what, c.CommandPath())
		}
	})
	return err
}

// newHelpCommand returns the command help, which refuses commands that there aren't.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show what a command does",
		Example: `  refbench help run
  refbench help corpus import`,
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			if found, rest, err := c.Root().Find(args); err == nil && len(rest) == 0 {
				for _, sub := range found.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, sub.Name()+"\t"+sub.Short)
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil {
				return usagef("%w", err)
			}
			if len(rest) > 0 && found.HasAvailableSubCommands() {
				return noSuchCommand(found, rest)
			}
			if len(rest) > 0 {
				return usagef("%s has no commands below it such as %q", found.CommandPath(), rest[0])
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// refuseBesideHelp has --help refuse arguments that the command doesn't take: help is
// printed by a function that returns no error, so the error is put where refused points.
func refuseBesideHelp(root *cobra.Command, refused *error) {
	show := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if given := c.Flags().Args(); len(given) > 0 && c.Args != nil {
			if *refused = c.Args(c, given); *refused != nil {
				return
			}
		}
		show(c, args)
	})
}

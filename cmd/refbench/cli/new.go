package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"

	"github.com/refbench/refbench/cmd/refbench/skeleton"
	"github.com/refbench/refbench/fuzz/outside"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
)

func newNewCommand() *cobra.Command {
	var kind, modulePath, source string
	var kinds []string
	var about strings.Builder
	for _, k := range skeleton.Kinds() {
		kinds = append(kinds, k.Name)
		fmt.Fprintf(&about, "  %-11s %s\n", k.Name, k.Doc)
	}
	c := &cobra.Command{
		Use:   "new [flags] DIR",
		Short: "Write a module with a strategy to begin with",
		Long: `new writes a module into a new folder, with a strategy, its tests and a README. The
package and the strategy are called as the folder is. go test passes at once.

Kinds:
` + about.String() + `
An adapter makes a strategy of a count that is there already. It comes with a small
package that stands for it, to be replaced.

The module requires all that refbench does, in the same versions, so that nothing is to
be looked up; go mod tidy leaves out what isn't used.`,
		Example: `  refbench new mycount
  refbench new --kind destructor --module example.com/lib/refs refs`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir := args[0]
			i := slices.Index(kinds, kind)
			if i < 0 {
				return usagef("unknown kind %q: there are %s", kind, strings.Join(nearest(kind, kinds), ", "))
			}
			name := filepath.Base(filepath.Clean(dir))
			if modulePath == "" {
				modulePath = "example.com/" + name
			} else {
				name = path.Base(modulePath)
			}
			if err := strategies.CheckName("strategy", name); err != nil {
				return usagef("%w: name another folder, or a module as in --module example.com/mycount", err)
			}
			if err := module.CheckImportPath(modulePath); err != nil {
				return usagef("--module %w", err)
			}
			if slices.Contains(builtinNames(), name) {
				return usagef("strategy name %q: a built-in one has it: name another folder", name)
			}
			switch entries, err := os.ReadDir(dir); {
			case err == nil && len(entries) > 0:
				return usagef("%s isn't empty: name a new folder", dir)
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return usagef("%w", err)
			}
			from, err := outside.Source(source)
			if err != nil {
				return buildError(err)
			}
			files, err := skeleton.Files(skeleton.Kinds()[i], modulePath, name)
			if err != nil {
				return err
			}
			if err := writeModule(dir, modulePath, from, files); err != nil {
				return fmt.Errorf("writing the module: %w", err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: module %s, strategy %s\n", dir, modulePath, name)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&kind, "kind", "own", "what to begin with: "+strings.Join(kinds, ", "))
	f.StringVar(&modulePath, "module", "", "module path, which ends with the strategy's name (default example.com/ and the folder's)")
	f.StringVar(&source, "refbench", "", sourceDocument)
	mustComplete(c, "kind", func() (list []string) {
		for _, k := range skeleton.Kinds() {
			list = append(list, k.Name+"\t"+k.Doc)
		}
		return list
	})
	return c
}

// writeModule writes the module beside the folder first, so that it is there whole or not
// at all.
func writeModule(dir, modulePath, source string, files []skeleton.File) (err error) {
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, ".refbench-new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	if err := outside.WriteModule(temp, modulePath, source); err != nil {
		return err
	}
	for _, f := range files {
		name := filepath.Join(temp, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o666); err != nil {
			return err
		}
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty one
		return err
	}
	return os.Rename(temp, dir)
}

// builtinNames are the names of the strategies that are built in.
func builtinNames() (names []string) {
	for _, s := range builtin.All() {
		names = append(names, s.Name)
	}
	return names
}

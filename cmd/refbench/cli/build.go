package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/outside"
)

func newBuildCommand() *cobra.Command {
	var (
		with             []string
		out, source      string
		explored         bool
		race, force      bool
		missingWith      = "nothing to build in: name modules or folders, as in --with example.com/mine@v1.2.3 or --with ."
		existsAdvice     = "remove it, name another file, or replace it with --force"
		exploredDocument = "write the explored form too, which explore, replay and the schedules of check need"
	)
	c := &cobra.Command{
		Use:   "build --with MODULE[@VERSION]|DIR ... -o FILE",
		Short: "Build a refbench with strategies and workloads of other modules",
		Long: `build makes a refbench that has strategies and workloads of other modules beside
its own: all exported variables of type *strategies.Strategy and *workloads.Workload.
They get what the built-in ones have: native loops, in which the compiler knows the
counter's type, and the explored form. Both are written into a temporary module,
nothing into yours.

--with names a module, in a version or the newest, or a folder with a module or below
one. Versions are pinned, and the new program's list prints them. Nothing is fetched
that the module cache has.

What the generator of native loops doesn't accept runs through an interface. build says
so, and so do the results.

Exit status: 2 if what is to be built in can't be, 3 if the build failed. Then FILE is
as it was.`,
		Example: `  refbench build --with . -o ./mybench
  refbench build --with example.com/mine@v1.2.3 --with ../other -o ./mybench
  ./mybench check mine --time 20s`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case len(with) == 0:
				return usagef("%s", missingWith)
			case out == "":
				return usagef("no file to write: name one with -o")
			}
			if info, err := os.Stat(out); err == nil {
				switch {
				case info.IsDir():
					return usagef("-o %s: it is a folder: name a file in it", out)
				case !force:
					return usagef("-o %s: it exists: %s", out, existsAdvice)
				}
			} else if !errors.Is(err, fs.ErrNotExist) {
				return usagef("-o %w", err)
			}
			if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
				return usagef("-o %s: there is no folder %s: make it first", out, filepath.Dir(out))
			}
			o := outside.Options{Race: race}
			for _, text := range with {
				w, err := outside.ParseWith(text)
				if err != nil {
					return buildError(err)
				}
				o.With = append(o.With, w)
			}
			var err error
			if o.Source, err = outside.Source(source); err != nil {
				return buildError(err)
			}
			return buildError(build(c, o, out, explored))
		},
	}
	f := c.Flags()
	f.StringArrayVar(&with, "with", nil, "module, module@version or folder to build in; may be repeated")
	f.StringVarP(&out, "output", "o", "", "file to write")
	f.StringVar(&source, "refbench", "", sourceDocument)
	f.BoolVar(&explored, "explored", true, exploredDocument)
	f.BoolVar(&race, "race", false, "build with the race detector, for check race; it slows everything else down")
	f.BoolVar(&force, "force", false, "replace the file if it exists")
	return c
}

// sourceDocument is of the flag of two commands that build.
const sourceDocument = "folder of refbench's source (default $" + outside.SourceVariable + ", or the one this program was built from)"

// build builds the program into the file out.
func build(c *cobra.Command, o outside.Options, out string, explored bool) (err error) {
	w, err := outside.Open(c.Context(), o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	exe, err := w.Refbench(c.Context(), outside.Forms{Explored: explored, Warn: func(text string) {
		fmt.Fprintf(c.ErrOrStderr(), "refbench: %s\n", text)
	}})
	if err != nil {
		return err
	}
	// It says by itself whether its lists can be used.
	if said, err := exec.CommandContext(c.Context(), exe, "list").CombinedOutput(); err != nil {
		text := strings.TrimPrefix(strings.TrimSpace(string(said)), "refbench: ")
		return usagef("what was built can't be used: %s", text)
	}
	if err := install(exe, out); err != nil {
		return err
	}
	for _, m := range w.Modules {
		fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", out, moduleText(m))
	}
	return nil
}

// install copies a program so that the file is there whole or not at all.
func install(exe, out string) (err error) {
	from, err := os.Open(exe)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.CreateTemp(filepath.Dir(out), ".refbench-build-*")
	if err != nil {
		return usagef("-o %s: %w", out, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(to.Name()))
		}
	}()
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return err
	}
	if err = os.Chmod(to.Name(), 0o755); err != nil {
		return err
	}
	return os.Rename(to.Name(), out)
}

// moduleText says which module was built in.
func moduleText(m Module) string {
	if m.Dir != "" {
		return fmt.Sprintf("%s from %s, %s", m.Path, m.Dir, m.Sum)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", m.Path, m.Version, m.Sum))
}

// buildError gives mistakes in what is to be built in their status.
func buildError(err error) error {
	var input *outside.InputError
	if errors.As(err, &input) {
		return &statusError{exitUsage, err}
	}
	return err
}

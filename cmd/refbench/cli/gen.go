package cli

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/tools/go/packages"

	"github.com/refbench/refbench/fuzz/dropins"
	exploregen "github.com/refbench/refbench/fuzz/explore/gen"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
	"github.com/refbench/refbench/workloads/native/gen"
)

// Import paths of the source that is generated from, and of what is written.
const (
	modulePath     = "github.com/refbench/refbench"
	strategiesPath = modulePath + "/strategies"
	builtinPath    = modulePath + "/strategies/builtin"
	workloadsPath  = modulePath + "/workloads"
	spinPath       = modulePath + "/workloads/spin"
	bugsPath       = modulePath + "/fuzz/bugs"
	exploredPath   = modulePath + "/fuzz/explored"
)

// A generated file, below the root of the source.
type generated struct {
	name string
	data []byte
}

func newGenCommand(ss []*strategies.Strategy) *cobra.Command {
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
DIR/strategies/SPECIFICATION.md. Explored files whose source is gone are removed.`,
		Example: "  refbench gen          # write them\n  refbench gen --check  # only say whether they are current",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if _, err := os.Stat(filepath.Join(dir, "workloads", "native", "native.go")); err != nil {
				return usagef("%s is not the root of refbench's source (no %s): go there or name it", dir, filepath.Join("workloads", "native"))
			}
			files, err := nativeForm(dir, ss)
			if err != nil {
				return err
			}
			explored, err := exploredForm(dir)
			if err != nil {
				return err
			}
			files = append(files, explored...)
			files = append(files, generated{filepath.Join("strategies", "SPECIFICATION.md"), spec.Markdown(ss)})
			old, err := exploredFiles(dir)
			if err != nil {
				return err
			}
			stale := 0
			for _, f := range files {
				name := filepath.Join(dir, f.name)
				old = slices.DeleteFunc(old, func(o string) bool { return o == name })
				if data, err := os.ReadFile(name); err == nil && bytes.Equal(data, f.data) {
					continue
				}
				stale++
				if check {
					fmt.Fprintf(cmd.ErrOrStderr(), "refbench: %s is not current\n", name)
					continue
				}
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					return err
				}
				if err := os.WriteFile(name, f.data, 0o644); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), name)
			}
			for _, name := range old {
				stale++
				if check {
					fmt.Fprintf(cmd.ErrOrStderr(), "refbench: %s is of source that is gone\n", name)
					continue
				}
				if err := os.Remove(name); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s removed\n", name)
			}
			if check && stale > 0 {
				return findingf("%d generated files are not current: run refbench gen", stale)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; exit 1 if a file is not current")
	return cmd
}

// nativeForm returns the loops with concrete counter types.
func nativeForm(dir string, ss []*strategies.Strategy) ([]generated, error) {
	var types []gen.Strategy
	for _, s := range ss {
		t, err := gen.StrategyOf(s)
		if err != nil {
			return nil, usagef("%v", err)
		}
		types = append(types, t)
	}
	loops, err := gen.Native(dir, workloadsPath, types)
	if err != nil {
		return nil, err
	}
	var files []generated
	for _, f := range loops {
		files = append(files, generated{filepath.Join("workloads", "native", f.Name), f.Data})
	}
	return files, nil
}

// exploredForm returns the explored form of the built-in strategies, the workloads,
// the planted bugs, and what these import of this module, and a file with their
// common version.
func exploredForm(dir string) ([]generated, error) {
	// The contract between strategies and workloads is the same in both forms,
	// so that an explored strategy is a *strategies.Strategy as well. Package
	// spin measures real time and passes it, which between two scheduling
	// points changes nothing.
	keep := []string{strategiesPath, spinPath}
	pkgs, err := packages.Load(&packages.Config{Dir: dir, Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps}, builtinPath, workloadsPath, bugsPath)
	if err != nil {
		return nil, err
	}
	var patterns []string
	packages.Visit(pkgs, nil, func(p *packages.Package) {
		if strings.HasPrefix(p.PkgPath, modulePath+"/") && !slices.Contains(keep, p.PkgPath) {
			patterns = append(patterns, p.PkgPath)
		}
	})
	slices.Sort(patterns)
	copies, err := exploregen.Packages(exploregen.Options{Dir: dir, Patterns: patterns, Keep: keep, Replace: dropins.Replace(), Root: exploredPath})
	var unsupported *exploregen.UnsupportedError
	if errors.As(err, &unsupported) {
		return nil, usagef("%w", err)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	if err := hashExplorer(sum, dir); err != nil {
		return nil, err
	}
	var files []generated
	for _, f := range copies {
		fmt.Fprintf(sum, "%s %d\n", f.Path, len(f.Data))
		sum.Write(f.Data)
		files = append(files, generated{filepath.Join("fuzz", "explored", filepath.FromSlash(f.Path)), f.Data})
	}
	version := fmt.Sprintf(`// Code generated by refbench gen; DO NOT EDIT.

// Package explored has below it the explored form of the built-in strategies, the
// workloads and the planted bugs: the same source, with every access to shared
// memory a scheduling point. Package fuzz/explore/gen says how it differs.
package explored

// Version is a hash of the source below here, of the explorer and of the scenarios.
// Replay tokens carry it, since a schedule means something for the very same code
// only.
const Version = "%.12x"
`, sum.Sum(nil))
	return append(files, generated{filepath.Join("fuzz", "explored", "explored.go"), []byte(version)}), nil
}

// hashExplorer writes the source that explored code runs on: what a schedule means
// depends on it as well.
func hashExplorer(w io.Writer, dir string) error {
	for _, below := range []string{
		"strategies", "strategies/spec", "workloads/spin", "fuzz/explore", "fuzz/dropins", "fuzz/program", "fuzz/scenarios", "fuzz/bugs/matrix",
	} {
		root := filepath.Join(dir, filepath.FromSlash(below))
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || d.Name() == "gen" || below == "strategies" && name != root):
				return filepath.SkipDir
			case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(dir, name)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s %d\n", filepath.ToSlash(rel), len(data))
			_, err = w.Write(data)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// exploredFiles returns the names of the files that are there, sorted.
func exploredFiles(dir string) ([]string, error) {
	var names []string
	root := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(exploredPath, modulePath+"/")))
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !d.IsDir() && path.Ext(name) == ".go" {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// Gen writes what is generated in refbench's source: the counts with words of other widths,
// the native loops of workloads, the explored form of strategies, workloads and planted bugs, and the page of
// specifications. It removes what its source is gone of.
//
//	go run ./cmd/refbench/gen [--check] [DIR]
//
// DIR is the root of the source, by default the current folder. With --check it
// writes nothing, and says which files aren't current.
//
// It is a program of its own, and links nothing that it writes, so that it can be
// built whatever has become of that: when a strategy is gone or something in a workload
// has another name, and when all of it is deleted. refbench gen builds and runs it.
//
// Exit status: 0 fine; 1 with --check a file isn't current; 2 wrong usage, or source
// that can't be generated from; 3 it failed.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
)

//go:generate go run . ../../..

const (
	exitOK = iota
	exitStale
	exitUsage
	exitFailed
)

func main() { os.Exit(run(os.Args[1:], builtin.All(), os.Stdout, os.Stderr)) }

// run is main with the strategies whose forms it writes.
func run(args []string, ss []*strategies.Strategy, out, errOut io.Writer) int {
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	flags.SetOutput(errOut)
	check := flags.Bool("check", false, "write nothing; exit 1 if a file is not current")
	flags.Usage = func() {
		fmt.Fprintln(errOut, "usage: gen [--check] [DIR]\n\nWrite what is generated in refbench's source, whose root is DIR.")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitOK
	} else if err != nil {
		return exitUsage
	}
	if flags.NArg() > 1 {
		fmt.Fprintf(errOut, "refbench: gen takes one folder, not %d: name the root of refbench's source, or nothing for this one\n", flags.NArg())
		return exitUsage
	}
	dir := "."
	if flags.NArg() == 1 {
		dir = flags.Arg(0)
	}
	if _, err := os.Stat(filepath.Join(dir, "cmd", "refbench", "gen", "main.go")); err != nil {
		fmt.Fprintf(errOut, "refbench: %s is not the root of refbench's source (no %s): go there or name it\n", dir, filepath.Join("cmd", "refbench", "gen"))
		return exitUsage
	}
	stale, err := generate(dir, ss, *check, out, errOut)
	var source *sourceError
	switch {
	case errors.As(err, &source):
		fmt.Fprintf(errOut, "refbench: %v\n", err)
		return exitUsage
	case err != nil:
		fmt.Fprintf(errOut, "refbench: %v\n", err)
		return exitFailed
	case *check && stale > 0:
		fmt.Fprintf(errOut, "refbench: %d generated files are not current: run refbench gen\n", stale)
		return exitStale
	}
	return exitOK
}

// generate makes all that is generated current, or only says what isn't, and returns how
// many files weren't.
func generate(dir string, ss []*strategies.Strategy, check bool, out, errOut io.Writer) (stale int, err error) {
	// The rest is made of the first room's files, as they are on disk.
	first, err := widthForm(dir, ss)
	if err != nil {
		return 0, err
	}
	if stale, err = update(dir, first, rooms[:1], check, out, errOut); err != nil {
		return stale, err
	}
	rest, err := forms(dir, ss)
	if err != nil {
		return stale, err
	}
	more, err := update(dir, rest, rooms[1:], check, out, errOut)
	return stale + more, err
}

// A sourceError is one of the source that is generated from.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// update makes the files below dir, and all that are in the rooms, those that are given,
// or only says which aren't. It returns how many weren't.
func update(dir string, files []file, rooms []room, check bool, out, errOut io.Writer) (stale int, err error) {
	current := make(map[string]bool)
	for _, f := range files {
		name := filepath.Join(dir, f.name)
		current[name] = true
		if data, err := os.ReadFile(name); err == nil && bytes.Equal(data, f.data) {
			continue
		}
		stale++
		if check {
			fmt.Fprintf(errOut, "refbench: %s is not current\n", name)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return stale, err
		}
		if err := os.WriteFile(name, f.data, 0o644); err != nil {
			return stale, err
		}
		fmt.Fprintln(out, name)
	}
	for _, r := range rooms {
		old, err := r.files(dir)
		if err != nil {
			return stale, err
		}
		for _, name := range old {
			if current[name] {
				continue
			}
			stale++
			if check {
				fmt.Fprintf(errOut, "refbench: %s is of source that is gone\n", name)
				continue
			}
			if err := os.Remove(name); err != nil {
				return stale, err
			}
			fmt.Fprintf(out, "%s removed\n", name)
			// A folder in which nothing is left goes too.
			for d := filepath.Dir(name); d != filepath.Join(dir, r.dir); d = filepath.Dir(d) {
				if os.Remove(d) != nil {
					break
				}
			}
		}
	}
	return stale, nil
}

// files returns the names of the generated files that are in the room, sorted.
func (r room) files(dir string) ([]string, error) {
	var names []string
	root := filepath.Join(dir, r.dir)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir() && name != root && !r.below:
			return fs.SkipDir
		case !d.IsDir() && r.holds(d.Name()):
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

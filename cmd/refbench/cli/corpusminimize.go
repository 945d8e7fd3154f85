package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/corpus"
)

// minimizedInputs is what minimizing did.
type minimizedInputs struct {
	Target   string `json:"target"`
	Folder   string `json:"folder"`
	Files    int    `json:"files"`    // that were read
	From     int    `json:"from"`     // different inputs in them, as far as the target reads
	Kept     int    `json:"kept"`     // of these
	Bytes    int    `json:"bytes"`    // of those kept
	Features int    `json:"features"` // different ones, of all and of those kept
	Removed  int    `json:"removed"`  // files that were in the folder and aren't needed
	Bad      int    `json:"bad"`      // files that are no inputs
}

func newCorpusMinimizeCommand(targets []corpus.Target) *cobra.Command {
	var (
		to, layoutOf string
		fromGoFuzz   bool
		printJSON    bool
	)
	c := &cobra.Command{
		Use:   "minimize TARGET [FILE|DIR...]",
		Short: "Keep the inputs of a fuzz target that add something",
		Long: `minimize runs inputs of a fuzz target and keeps, the shortest first, those that do
something that no other one does: of a program, a call in a state and its outcome, or
two in a row; of an explored one, two accesses to shared memory by different threads
that meet. Each is cut to what the target reads. What is kept depends on the set of
inputs alone.

The inputs are those of files and folders, as for import, and those already in the
folder of the target below -o, which the result replaces: what isn't needed is removed
from it. With --go-fuzz-corpus they are those of
` + goFuzzCorpus.path + ` (Apache-2.0), and no others. Its licence is put
beside the result, with a text that says what was taken.`,
		Example: `  refbench corpus minimize -o corpus FuzzSequential found/
  refbench corpus minimize -o fuzz/corpus --go-fuzz-corpus FuzzSequential`,
		RunE: func(c *cobra.Command, args []string) error {
			var known []string
			for _, t := range targets {
				known = append(known, t.Name)
			}
			if len(known) == 0 {
				return usagef("this refbench has no fuzz target of which it can tell what an input adds")
			}
			if len(args) == 0 {
				return usagef("name a target: there are %s", strings.Join(known, ", "))
			}
			i := slices.Index(known, args[0])
			if i < 0 {
				return usagef("unknown target %q: there are %s", args[0], strings.Join(nearest(args[0], known), ", "))
			}
			layout, err := corpus.ParseLayout(layoutOf)
			if err != nil {
				return usagef("--layout: %w", err)
			}
			if fromGoFuzz && len(args) > 1 {
				return usagef("--go-fuzz-corpus takes no other inputs such as %q: their licences would be mixed", args[1])
			}
			return minimizeInputs(c, targets[i], args[1:], layout, to, fromGoFuzz, printJSON)
		},
	}
	f := c.Flags()
	f.StringVarP(&to, "output", "o", "corpus", "folder that has a folder for each target")
	f.StringVar(&layoutOf, "layout", string(corpus.Raw), "what the files of libFuzzer hold: raw, v1 or v2")
	f.BoolVar(&fromGoFuzz, "go-fuzz-corpus", false, "take the inputs of "+goFuzzCorpus.path)
	f.BoolVar(&printJSON, "json", false, "print what was kept as JSON")
	if err := c.MarkFlagDirname("output"); err != nil {
		panic(err) // only for a flag that isn't there
	}
	return c
}

func minimizeInputs(c *cobra.Command, t corpus.Target, paths []string, layout corpus.Layout, to string, fromGoFuzz, printJSON bool) error {
	done := minimizedInputs{Target: t.Name, Folder: filepath.Join(to, t.Name)}
	// What is in the folder is replaced, so it must be what this wrote.
	var before [][]byte
	if _, err := os.Stat(done.Folder); err == nil {
		if before, err = corpus.Read(done.Folder); err != nil {
			return usagef("%w", err)
		}
	}
	inputs, bad, err := collect(c.Context(), paths, layout, t.Trim)
	if err != nil {
		return err
	}
	done.Files = len(inputs) + len(before)
	var notices []notice
	if fromGoFuzz {
		dir, err := fetchGoFuzzCorpus(c)
		if err != nil {
			return err
		}
		more, left, files, err := goFuzzInputs(c.Context(), dir, t.Trim)
		if err != nil {
			return err
		}
		// The text beside the result says that all of it is from there.
		for _, data := range before {
			if _, found := slices.BinarySearchFunc(more, data, corpus.Compare); !found {
				return usagef("folder %s has an input of another source, %s: name another folder with -o", done.Folder, corpus.Name(data))
			}
		}
		if len(left) > 0 {
			fmt.Fprintf(c.ErrOrStderr(), "refbench: left out %s of %s, the first: %v\n", plural(len(left), "file"), goFuzzCorpus.path, left[0])
		}
		if notices, err = (corpusImport{from: dir, source: goFuzzCorpus.source(), maxBytes: corpus.MaxBytes}).notices(); err != nil {
			return err
		}
		inputs = more
		done.Files = files
	}
	for _, data := range before {
		if t.Trim != nil {
			data = t.Trim(data)
		}
		inputs = append(inputs, data)
	}
	if done.Bad = len(bad); len(inputs) == 0 {
		return errors.Join(usagef("there are no inputs to minimize: name files or folders"), badInputs(bad))
	}
	m, err := corpus.Minimize(c.Context(), inputs, t.Trace(), minimizeProgress(c))
	switch {
	case c.Context().Err() != nil:
		return failedf("interrupted: nothing was changed")
	case err != nil:
		return failedf("%s can't be traced: %w", t.Name, err)
	}
	done.From, done.Kept, done.Features = m.From, len(m.Inputs), m.Features
	for _, data := range m.Inputs {
		done.Bytes += len(data)
	}
	for _, n := range notices {
		// Beside the folders of all targets; that of another source would be lost.
		name, text := n.name, n.data
		if name == sourceName {
			name, text = t.Name+"."+sourceName, done.source(goFuzzCorpus)
		} else {
			name += ".go-fuzz-corpus"
		}
		if err := os.MkdirAll(to, 0o777); err != nil {
			return failedf("the inputs can't be written: %w", err)
		}
		if err := corpus.WriteFile(filepath.Join(to, name), text); err != nil {
			return failedf("the inputs can't be written: %w", err)
		}
	}
	if _, err := corpus.Write(done.Folder, m.Inputs); err != nil {
		return failedf("the inputs can't be written: %w; minimize again to go on", err)
	}
	// Only now, so that nothing is lost if it ends before.
	for _, data := range before {
		if slices.ContainsFunc(m.Inputs, func(kept []byte) bool { return string(kept) == string(data) }) {
			continue
		}
		if err := os.Remove(filepath.Join(done.Folder, corpus.Name(data))); err != nil {
			return failedf("%w: remove it", err)
		}
		done.Removed++
	}
	if printJSON {
		err = writeJSON(c.OutOrStdout(), done)
	} else {
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s: kept %d of %s in %s, %d bytes, %d features; removed %s\n",
			done.Folder, done.Kept, plural(done.From, "different input"), plural(done.Files, "file"), done.Bytes, done.Features, plural(done.Removed, "file"))
	}
	return errors.Join(err, badInputs(bad))
}

// minimizeProgress tells how far it is, now and then.
func minimizeProgress(c *cobra.Command) func(done, kept int) {
	return func(done, kept int) {
		if done%10000 == 0 {
			fmt.Fprintf(c.ErrOrStderr(), "refbench: %d inputs traced, %d add something\n", done, kept)
		}
	}
}

// source says where kept inputs come from. The numbers are of the set of inputs, so
// that minimizing them again writes the same.
func (d minimizedInputs) source(m corpusModule) []byte {
	return fmt.Appendf(nil, `Of the %d inputs of %s, cut to what %s
reads, %d are different, and the %d in folder %s have all %d features of
them. "refbench corpus minimize --go-fuzz-corpus %s" chose them and named
them by their SHA-1. For the terms of use see LICENSE.go-fuzz-corpus.

%s
`, d.Files, m.path, d.Target, d.From, d.Kept, d.Target, d.Features, d.Target, m.source())
}

// goFuzzInputs returns the inputs in a folder of go-fuzz-corpus, sorted and each
// once, as far as the target reads, and how many files there were.
func goFuzzInputs(ctx context.Context, dir string, trim func([]byte) []byte) (inputs [][]byte, bad corpus.Problems, files int, err error) {
	list, err := corpusImport{from: dir, to: os.DevNull}.scan(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	for i := 0; i < len(list); {
		// By targets, so that not all of it is in memory before it is cut.
		var paths []string
		for target := list[i].target; i < len(list) && list[i].target == target; i++ {
			paths = append(paths, list[i].path)
		}
		more, problems, err := collect(ctx, paths, corpus.Raw, trim)
		if err != nil {
			return nil, nil, 0, err
		}
		inputs, bad = corpus.Sort(append(inputs, more...)), append(bad, problems...)
	}
	return inputs, bad, len(list), nil
}

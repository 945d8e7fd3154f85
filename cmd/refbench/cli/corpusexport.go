package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/corpus"
)

// exportedInputs is what an export did for one target.
type exportedInputs struct {
	Target string `json:"target"`
	To     string `json:"to"` // folder or zip
	Inputs int    `json:"inputs"`
	Bytes  int    `json:"bytes"` // of the inputs
}

func newCorpusExportCommand() *cobra.Command {
	var (
		from               []string
		to, form, layoutOf string
		printJSON          bool
	)
	c := &cobra.Command{
		Use:   "export [TARGET...]",
		Short: "Write inputs of fuzz targets as go test, go-fuzz or libFuzzer reads them",
		Long: `export writes inputs of fuzz targets that are built in, with -o alone those of all:

  --form go     a folder TARGET for testdata/fuzz, which go test reads
  --form raw    a folder TARGET of raw inputs, each named by its SHA-1
  --form seeds  a file TARGET_seed_corpus.zip, which libFuzzer starts from

What seeds hold depends on the tool that builds the target, by --layout: raw if it is
given libFuzzer's bytes as they are, v2 for compile_native_go_fuzzer_v2 of OSS-Fuzz and
ClusterFuzzLite, v1 for the one without _v2. The same inputs make the same zip, byte by
byte.

With --from they are those of other folders, each of which has a folder for each target,
in raw or Go form. What is there already stays, except for a zip.`,
		Example: `  refbench corpus export -o testdata/fuzz FuzzSequential
  refbench corpus export --form seeds --layout v2 -o out
  refbench corpus export --form seeds --layout v2 --from fuzz/corpus --from fuzz/testdata/fuzz -o out FuzzSequential`,
		RunE: func(c *cobra.Command, names []string) error {
			layout, err := corpus.ParseLayout(layoutOf)
			if err != nil {
				return usagef("--layout: %w", err)
			}
			if err := checkForm(form, formGo, formRaw, formSeeds); err != nil {
				return err
			}
			if form != formSeeds && c.Flags().Changed("layout") {
				return usagef("--layout is for --form seeds")
			}
			known, err := knownTargets(from)
			if err != nil {
				return err
			}
			if len(names) == 0 && to == "" {
				return usagef("name targets, or a folder for the inputs of all with -o: there are %s", strings.Join(known, ", "))
			}
			if to == "" {
				to = formDir(form)
			}
			if len(names) == 0 {
				names = known
			}
			var all []exportedInputs
			var bad corpus.Problems
			for _, name := range names {
				if err := checkTarget(name); err != nil {
					return err
				}
				if !slices.Contains(known, name) {
					return usagef("there are no inputs of target %q: there are those of %s", name, strings.Join(nearest(name, known), ", "))
				}
				inputs, problems, err := inputsOf(c, name, from)
				if err != nil {
					return err
				}
				bad = append(bad, problems...)
				done, err := exportInputs(to, form, layout, name, inputs)
				if err != nil {
					return failedf("the inputs can't be written: %w", err)
				}
				all = append(all, done)
			}
			if printJSON {
				err = writeJSON(c.OutOrStdout(), all)
			} else {
				for _, d := range all {
					fmt.Fprintf(c.OutOrStdout(), "%s: %s, %d bytes\n", d.To, plural(d.Inputs, "input"), d.Bytes)
				}
			}
			return errors.Join(err, badInputs(bad))
		},
	}
	f := c.Flags()
	f.StringArrayVar(&from, "from", nil, "folder that has a folder for each target (default the built-in inputs)")
	f.StringVar(&form, "form", formGo, "what to write: go, raw or seeds")
	f.StringVar(&layoutOf, "layout", string(corpus.Raw), "what seeds hold: raw, v1 or v2")
	f.StringVarP(&to, "output", "o", "", "folder to write to (default testdata/fuzz for go, corpus for raw, . for seeds)")
	f.BoolVar(&printJSON, "json", false, "print what was exported as JSON")
	for _, flag := range []string{"from", "output"} {
		if err := c.MarkFlagDirname(flag); err != nil {
			panic(err) // only for a flag that isn't there
		}
	}
	return c
}

// knownTargets returns the targets that the folders have, or that are built in.
func knownTargets(from []string) ([]string, error) {
	if len(from) == 0 {
		return corpus.Targets(), nil
	}
	var known []string
	for _, dir := range from {
		entries, err := os.ReadDir(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, usagef("folder %s does not exist: name one that has a folder for each target", dir)
		case err != nil:
			return nil, usagef("%w: name a folder that has a folder for each target", err)
		}
		for _, e := range entries {
			if e.IsDir() && checkTarget(e.Name()) == nil {
				known = append(known, e.Name())
			}
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	if len(known) == 0 {
		return nil, usagef("there is no folder of a fuzz target, such as FuzzSequential, in %s", strings.Join(from, ", "))
	}
	return known, nil
}

// inputsOf returns the inputs of a target in all folders that have it.
func inputsOf(c *cobra.Command, target string, from []string) ([][]byte, corpus.Problems, error) {
	if len(from) == 0 {
		return corpus.Builtin(target), nil, nil
	}
	var paths []string
	for _, dir := range from {
		path := filepath.Join(dir, target)
		if _, err := os.Stat(path); err == nil {
			paths = append(paths, path)
		}
	}
	return collect(c.Context(), paths, corpus.Raw, nil)
}

// exportInputs writes the inputs of one target.
func exportInputs(to, form string, layout corpus.Layout, target string, inputs [][]byte) (exportedInputs, error) {
	done := exportedInputs{Target: target, Inputs: len(inputs)}
	for _, data := range inputs {
		done.Bytes += len(data)
	}
	var err error
	switch form {
	case formGo:
		done.To = filepath.Join(to, target)
		_, err = corpus.WriteGo(done.To, inputs)
	case formRaw:
		done.To = filepath.Join(to, target)
		_, err = corpus.Write(done.To, inputs)
	case formSeeds:
		done.To = filepath.Join(to, target+"_seed_corpus.zip")
		var b bytes.Buffer
		if err = corpus.WriteSeeds(&b, inputs, layout); err == nil {
			err = os.MkdirAll(to, 0o777)
		}
		if err == nil {
			err = corpus.WriteFile(done.To, b.Bytes())
		}
	}
	return done, err
}

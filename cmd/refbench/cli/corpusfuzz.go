package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/corpus"
)

// The forms in which inputs of fuzz targets are written.
const (
	formRaw   = "raw"
	formGo    = "go"
	formSeeds = "seeds" // export only
)

// formDirs says where inputs go that were given no folder.
const formDirs = "corpus or testdata/fuzz, by its --form"

// formDir is that folder.
func formDir(form string) string {
	switch form {
	case formGo:
		return filepath.Join("testdata", "fuzz")
	case formSeeds:
		return "."
	}
	return "corpus"
}

// checkForm refuses unknown forms.
func checkForm(form string, known ...string) error {
	if !slices.Contains(known, form) {
		return usagef("unknown form %q: there are %s", form, strings.Join(known, ", "))
	}
	return nil
}

// fuzzPackage is where the targets of this repository are.
const fuzzPackage = "github.com/refbench/refbench/fuzz"

// checkTarget refuses names that no fuzz target has: they name folders.
func checkTarget(name string) error {
	rest, ok := strings.CutPrefix(name, "Fuzz")
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	if !ok || rest != "" && !strings.Contains(letters, rest[:1]) || strings.Trim(rest, letters+strings.ToLower(letters)) != "" {
		return usagef("%q is no fuzz target: name one as FuzzSequential", name)
	}
	return nil
}

// An inputsImport is an import of inputs of a fuzz target.
type inputsImport struct {
	target       string
	paths        []string
	to           string
	layout, form string
	pkg          string
}

// importedInputs is what it did.
type importedInputs struct {
	Target string   `json:"target"`
	Folder string   `json:"folder"`
	Inputs int      `json:"inputs"` // different ones
	Added  int      `json:"added"`  // of these, not there before
	Names  []string `json:"names"`  // of these, their files
	Bad    int      `json:"bad"`    // files that are no inputs
}

func (im inputsImport) run(c *cobra.Command, printJSON bool) error {
	if err := errors.Join(checkTarget(im.target), checkForm(im.form, formRaw, formGo)); err != nil {
		return err
	}
	layout, err := corpus.ParseLayout(im.layout)
	if err != nil {
		return usagef("--layout: %w", err)
	}
	if im.to == "" {
		im.to = formDir(im.form)
	}
	paths := im.paths
	if len(paths) == 0 {
		dir, err := goFuzzCache(c.Context(), im.pkg, im.target)
		if err != nil {
			return err
		}
		paths = []string{dir}
	}
	inputs, bad, err := collect(c.Context(), paths, layout, nil)
	if err != nil {
		return err
	}
	done := importedInputs{Target: im.target, Folder: filepath.Join(im.to, im.target), Inputs: len(inputs), Bad: len(bad), Names: []string{}}
	write, name := corpus.Write, corpus.Name
	if im.form == formGo {
		write, name = corpus.WriteGo, corpus.GoName
	}
	if len(inputs) > 0 {
		if done.Added, err = write(done.Folder, inputs); err != nil {
			return failedf("the inputs can't be written: %w; import again to go on", err)
		}
	}
	for _, data := range inputs {
		done.Names = append(done.Names, name(data))
	}
	if printJSON {
		err = writeJSON(c.OutOrStdout(), done)
	} else {
		if len(inputs) == 1 {
			fmt.Fprintf(c.OutOrStdout(), "%s\n", filepath.Join(done.Folder, done.Names[0]))
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %s, of which %d were there already\n", done.Folder, plural(done.Inputs, "input"), done.Inputs-done.Added)
	}
	return errors.Join(err, badInputs(bad))
}

// badInputs returns an error with one line for each file that is no input, or nil.
func badInputs(bad corpus.Problems) error {
	if len(bad) == 0 {
		return nil
	}
	return usagef("%w", bad)
}

// collect returns the inputs of files and folders, each trimmed, sorted and once, and
// which files are none.
func collect(ctx context.Context, paths []string, layout corpus.Layout, trim func([]byte) []byte) (inputs [][]byte, bad corpus.Problems, err error) {
	for _, p := range paths {
		if ctx.Err() != nil {
			return nil, nil, failedf("interrupted")
		}
		more, err := corpus.Collect(p, layout)
		var problems corpus.Problems
		var problem *corpus.FileError
		switch {
		case errors.As(err, &problems):
			bad = append(bad, problems...)
		case errors.As(err, &problem):
			bad = append(bad, problem)
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil, usagef("%s does not exist: name files or folders with inputs", p)
		case err != nil:
			return nil, nil, usagef("%w: make it readable or leave it out", err)
		}
		for _, data := range more {
			if trim != nil {
				// Not a slice of the whole, which would keep it in memory.
				data = bytes.Clone(trim(data))
			}
			if len(data) > 0 {
				inputs = append(inputs, data)
			}
		}
	}
	return corpus.Sort(inputs), bad, nil
}

// goFuzzCache returns the folder with what go test -fuzz found.
func goFuzzCache(ctx context.Context, pkg, target string) (string, error) {
	const instead = "or name the files"
	path, err := exec.LookPath("go")
	if err != nil {
		return "", failedf("the go command, which knows where its cache is, isn't here: install Go, %s", instead)
	}
	out, err := exec.CommandContext(ctx, path, "env", "GOCACHE").Output()
	if err != nil {
		return "", failedf("go env GOCACHE: %w: repair it, %s", err, instead)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "fuzz", filepath.FromSlash(pkg), target)
	if _, err := os.Stat(dir); err != nil {
		return "", usagef("the go command's cache has no inputs of %s in package %s: run %s, %s", target, pkg, shellescape.QuoteCommand([]string{"go", "test", "-fuzz", "^" + target + "$", pkg}), instead)
	}
	return dir, nil
}

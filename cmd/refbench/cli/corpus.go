package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/corpus"
	"github.com/refbench/refbench/workloads"
)

func newCorpusCommand(targets []corpus.Target) *cobra.Command {
	c := &cobra.Command{
		Use:   "corpus",
		Short: "Files for the workload buffers, and inputs of fuzz targets",
		Example: `  refbench corpus import --target png,gob
  refbench corpus import --fuzz FuzzSequential --layout v2 --form go -o fuzz/testdata/fuzz crash-1
  refbench corpus export --form seeds --layout v2 -o seeds FuzzSequential
  refbench corpus minimize -o corpus FuzzSequential found/`,
	}
	c.AddCommand(newCorpusImportCommand(), newCorpusExportCommand(), newCorpusMinimizeCommand(targets))
	return c
}

func newCorpusImportCommand() *cobra.Command {
	var (
		contents  contentsImport
		inputs    inputsImport
		fuzz      string
		printJSON bool
	)
	c := &cobra.Command{
		Use:   "import [--fuzz TARGET [FILE|DIR...]]",
		Short: "Copy files to where run --contents reads them, or inputs to a fuzz target's corpus",
		Long: `import copies files into a folder for "refbench run --contents": raw, each named by
its SHA-1, in one folder for each target. A file that is there twice is copied once.

Without --dir they are those of ` + goFuzzCorpus.path + ` (Apache-2.0),
which the go command fetches into its module cache: 46 MB over the network, 276 MB
on the disk.

With --dir they are those of any folder. If it has folders named corpus, as a checkout
of go-fuzz-corpus does, these are the targets, each named by the folder that it is in.
Otherwise every folder with files is one. Names that begin with a dot and symbolic
links are left out.

Licences and notices of the source are copied too, and a text SOURCE says where the
files come from. So an output folder holds the files of one source. An import can be
repeated, or go on after an interrupt; what is there already stays.

With --fuzz the files are inputs of a fuzz target that take one []byte. They are given
as arguments: files, or folders with nothing else in them. Those of go test say so in
their first line; all others, and those named by their SHA-1, are raw, in the --layout of
the tool that built the target: raw if it is given libFuzzer's bytes as they are, v2 for what OSS-Fuzz and
ClusterFuzzLite build with compile_native_go_fuzzer_v2, v1 without the _v2. Without
arguments they are what go test -fuzz found and keeps in its cache. They go to a folder
named by the target: raw and named by their SHA-1 with --form raw, and with --form go as
go test reads them from testdata/fuzz. A file that is no input is named, the others are
imported, and the status is 2.`,
		Example: `  refbench corpus import --target png,gob
  refbench corpus import --dir ~/go-fuzz-corpus --max-files 100
  refbench run --workload buffers --contents ` + corpusDir + `/png
  refbench corpus import --fuzz FuzzSequential --layout v2 --form go -o fuzz/testdata/fuzz crash-1
  refbench corpus import --fuzz FuzzSequential -o found`,
		RunE: func(c *cobra.Command, args []string) error {
			f := c.Flags()
			if !f.Changed("fuzz") {
				for _, name := range []string{"layout", "form", "package"} {
					if f.Changed(name) {
						return usagef("--%s is for the inputs of a fuzz target: name it with --fuzz", name)
					}
				}
				if err := noArgs(c, args); err != nil {
					return err
				}
				if !f.Changed("output") {
					contents.to = corpusDir
				}
				return contents.run(c, printJSON)
			}
			for _, name := range []string{"dir", "target", "max-bytes", "max-files"} {
				if f.Changed(name) {
					return usagef("--%s is for files of the workload buffers, not for --fuzz: see %s --help", name, c.CommandPath())
				}
			}
			inputs.target, inputs.paths, inputs.to = fuzz, args, contents.to
			return inputs.run(c, printJSON)
		},
	}
	limits := workloads.DefaultBufferLimits()
	f := c.Flags()
	f.StringVar(&contents.from, "dir", "", "folder to import from (default the files of "+goFuzzCorpus.path+")")
	f.StringSliceVar(&contents.targets, "target", nil, "targets and those below them, comma-separated, as in png,x509 (default all)")
	f.Int64Var(&contents.maxBytes, "max-bytes", limits.FileBytes, "leave out larger files; run --contents takes no larger ones than the default")
	f.IntVar(&contents.maxFiles, "max-files", limits.Files, "at most so many files of each target, the first by name")
	f.StringVarP(&contents.to, "output", "o", "", "folder for the files (default "+corpusDir+"; with --fuzz "+formDirs+")")
	f.StringVar(&fuzz, "fuzz", "", "fuzz target to import inputs for, as in FuzzSequential")
	f.StringVar(&inputs.layout, "layout", string(corpus.Raw), "what the files of libFuzzer hold: raw, v1 or v2")
	f.StringVar(&inputs.form, "form", formRaw, "what to write: raw or go")
	f.StringVar(&inputs.pkg, "package", fuzzPackage, "package of the target, for what go test -fuzz found")
	f.BoolVar(&printJSON, "json", false, "print what was imported as JSON")
	for _, flag := range []string{"dir", "output"} {
		if err := c.MarkFlagDirname(flag); err != nil {
			panic(err) // only for a flag that isn't there
		}
	}
	return c
}

// A contentsImport is an import of files for the workload buffers.
type contentsImport struct {
	from, to string
	targets  []string
	maxBytes int64
	maxFiles int
}

func (o contentsImport) run(c *cobra.Command, printJSON bool) error {
	switch {
	case o.maxBytes < 1:
		return usagef("--max-bytes %d: want at least 1", o.maxBytes)
	case o.maxFiles < 1:
		return usagef("--max-files %d: want at least 1", o.maxFiles)
	}
	im := corpusImport{
		from:     o.from,
		to:       o.to,
		targets:  o.targets,
		maxBytes: o.maxBytes,
		maxFiles: o.maxFiles,
	}
	if c.Flags().Changed("dir") {
		abs, err := filepath.Abs(o.from)
		if err != nil {
			return usagef("--dir %s: %w", o.from, err)
		}
		im.source = "folder: " + abs
	} else {
		var err error
		if im.from, err = fetchGoFuzzCorpus(c); err != nil {
			return err
		}
		im.source = goFuzzCorpus.source()
	}
	done, err := im.run(c.Context())
	done.warn(c, o.maxBytes, o.maxFiles)
	if err != nil {
		return err
	}
	if printJSON {
		return writeJSON(c.OutOrStdout(), done)
	}
	for _, t := range done.Targets {
		fmt.Fprintf(c.OutOrStdout(), "%s: %s, %d bytes\n", filepath.Join(o.to, filepath.FromSlash(t.Name)), plural(t.Files, "file"), t.Bytes)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: %s, %d bytes, of which %d were there already\n", o.to, plural(done.Files, "file"), done.Bytes, done.Present)
	return nil
}

// fetchGoFuzzCorpus returns the folder of go-fuzz-corpus.
func fetchGoFuzzCorpus(c *cobra.Command) (string, error) {
	fmt.Fprintf(c.ErrOrStderr(), "refbench: the go command fetches %s, 46 MB, unless its cache has it\n", goFuzzCorpus.path)
	return goFuzzCorpus.fetch(c.Context())
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// corpusDir is where imported files go that were given no folder.
const corpusDir = "refbench-corpus"

// warn says what was left out.
func (d corpusDone) warn(c *cobra.Command, maxBytes int64, maxFiles int) {
	if d.Large > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "refbench: left out %s with more than %d bytes, the first: %s; see --max-bytes\n", plural(d.Large, "file"), maxBytes, d.FirstLarge)
	}
	if d.Many > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "refbench: left out %s, since there are more than %d of a target; see --max-files\n", plural(d.Many, "file"), maxFiles)
	}
	if d.Repaired > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "refbench: %s in the output folder had other contents than their names say, and were written anew\n", plural(d.Repaired, "file"))
	}
	if d.NoLicence && d.Files > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "refbench: there is no LICENSE in the folder: find out yourself whether you may pass on the files\n")
	}
}

// A corpusModule is a Go module whose files are imported.
type corpusModule struct {
	path, version string
	repository    string
	licence       string
	gomod, gosum  string // of a module that requires it
}

// goFuzzCorpus has the go.mod and go.sum of the module fuzz/gofuzzcorpus, so that
// a refbench that was installed without its source can fetch the same files: a
// module can't embed another one's. A test compares them.
var goFuzzCorpus = corpusModule{
	path:       "github.com/dvyukov/go-fuzz-corpus",
	version:    "v0.0.0-20190920191254-c42c1b2914c7",
	repository: "https://github.com/dvyukov/go-fuzz-corpus",
	licence:    "Apache-2.0",
	gomod: `module github.com/refbench/refbench/fuzz/gofuzzcorpus

go 1.26.0

require github.com/dvyukov/go-fuzz-corpus v0.0.0-20190920191254-c42c1b2914c7
`,
	gosum: `github.com/dvyukov/go-fuzz-corpus v0.0.0-20190920191254-c42c1b2914c7 h1:dECcCtiFwubOBYviX4zj9ggx9ucw2lLEGlU3O+Q7tuk=
github.com/dvyukov/go-fuzz-corpus v0.0.0-20190920191254-c42c1b2914c7/go.mod h1:aSQy4yPbyjNrXv8ANgj9BQacfss3bbmXTon1mFcwc1k=
`,
}

// source says in SOURCE where the files come from.
func (m corpusModule) source() string {
	return fmt.Sprintf("module: %s\nversion: %s\nrepository: %s\nlicence: %s", m.path, m.version, m.repository, m.licence)
}

// fetch has the go command download the module, unless it is there already, and
// returns its folder in the module cache. The go command verifies the files
// against gosum.
func (m corpusModule) fetch(ctx context.Context) (dir string, err error) {
	const instead = "or get the files yourself and name their folder with --dir"
	path, err := exec.LookPath("go")
	if err != nil {
		return "", failedf("%s is fetched by the go command, which isn't here: install Go, %s", m.path, instead)
	}
	tmp, err := os.MkdirTemp("", "refbench-corpus-")
	if err != nil {
		return "", failedf("%w", err)
	}
	defer func() {
		if e := os.RemoveAll(tmp); e != nil {
			err = errors.Join(err, failedf("%w", e))
		}
	}()
	for name, text := range map[string]string{"go.mod": m.gomod, "go.sum": m.gosum} {
		if err := os.WriteFile(filepath.Join(tmp, name), []byte(text), 0o666); err != nil {
			return "", failedf("%w", err)
		}
	}
	cmd := exec.CommandContext(ctx, path, "mod", "download", "-json", m.path)
	cmd.Dir = tmp
	// A workspace around the temporary folder has nothing to say here.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GO111MODULE=on", "PWD="+tmp)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var reply struct{ Dir, Error string }
	if e := json.Unmarshal(out, &reply); err == nil {
		err = e
	}
	switch {
	case ctx.Err() != nil:
		return "", failedf("interrupted while fetching %s", m.path)
	case err == nil && reply.Error == "" && reply.Dir != "":
		return reply.Dir, nil
	}
	// The go command says why in its JSON or on its stderr.
	why := reply.Error
	if why == "" {
		why = stderr.String()
	}
	if why == "" && err != nil {
		why = err.Error()
	}
	return "", failedf("%s %s can't be fetched: %s: see that the network and GOPROXY are right, %s", m.path, m.version, strings.Join(strings.Fields(why), " "), instead)
}

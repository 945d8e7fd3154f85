package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/workloads"
)

func newCorpusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "corpus",
		Short: "Get files for the workload buffers",
		Example: `  refbench corpus import --target png,gob
  refbench corpus import --dir ~/pictures -o pictures`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q: there is %s import", args[0], c.CommandPath())
			}
			return usagef("%s needs a command: there is %s import", c.CommandPath(), c.CommandPath())
		},
	}
	c.AddCommand(newCorpusImportCommand())
	return c
}

func newCorpusImportCommand() *cobra.Command {
	var (
		dir, output string
		targets     []string
		maxBytes    int64
		maxFiles    int
		printJSON   bool
	)
	c := &cobra.Command{
		Use:   "import",
		Short: "Copy real files to where run --contents reads them",
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
repeated, or go on after an interrupt; what is there already stays.`,
		Example: `  refbench corpus import --target png,gob
  refbench corpus import --dir ~/go-fuzz-corpus --max-files 100
  refbench run --workload buffers --contents ` + corpusDir + `/png`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case maxBytes < 1:
				return usagef("--max-bytes %d: want at least 1", maxBytes)
			case maxFiles < 1:
				return usagef("--max-files %d: want at least 1", maxFiles)
			case output == "":
				return usagef("-o: name a folder for the files")
			}
			if c.Flags().Changed("target") && len(targets) == 0 || slices.Contains(targets, "") {
				return usagef("--target: name a target such as png, or leave it out for all")
			}
			im := corpusImport{
				from:     dir,
				to:       output,
				targets:  targets,
				maxBytes: maxBytes,
				maxFiles: maxFiles,
			}
			if c.Flags().Changed("dir") {
				abs, err := filepath.Abs(dir)
				if err != nil || dir == "" {
					return usagef("--dir %q: name a folder with files", dir)
				}
				im.source = "folder: " + abs
			} else {
				fmt.Fprintf(c.ErrOrStderr(), "refbench: the go command fetches %s, 46 MB, unless its cache has it\n", goFuzzCorpus.path)
				var err error
				if im.from, err = goFuzzCorpus.fetch(c.Context()); err != nil {
					return err
				}
				im.source = goFuzzCorpus.source()
			}
			done, err := im.run(c.Context())
			done.warn(c, maxBytes, maxFiles)
			if err != nil {
				return err
			}
			if printJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(done)
			}
			for _, t := range done.Targets {
				fmt.Fprintf(c.OutOrStdout(), "%s: %s, %d bytes\n", filepath.Join(output, filepath.FromSlash(t.Name)), plural(t.Files, "file"), t.Bytes)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: %s, %d bytes, of which %d were there already\n", output, plural(done.Files, "file"), done.Bytes, done.Present)
			return nil
		},
	}
	limits := workloads.DefaultBufferLimits()
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "folder to import from (default the files of "+goFuzzCorpus.path+")")
	f.StringSliceVar(&targets, "target", nil, "targets and those below them, comma-separated, as in png,x509 (default all)")
	f.Int64Var(&maxBytes, "max-bytes", limits.FileBytes, "leave out larger files; run --contents takes no larger ones than the default")
	f.IntVar(&maxFiles, "max-files", limits.Files, "at most so many files of each target, the first by name")
	f.StringVarP(&output, "output", "o", corpusDir, "folder for the files")
	f.BoolVar(&printJSON, "json", false, "print what was imported as JSON")
	for _, flag := range []string{"dir", "output"} {
		if err := c.MarkFlagDirname(flag); err != nil {
			panic(err) // only for a flag that isn't there
		}
	}
	return c
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

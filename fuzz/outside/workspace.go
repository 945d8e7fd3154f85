package outside

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	xmodule "golang.org/x/mod/module"
)

// build is the path of the temporary module.
const build = "refbench.invalid/build"

func modVersion(path, version string) xmodule.Version {
	return xmodule.Version{Path: path, Version: version}
}

// A Module is one that was taken along.
type Module struct {
	Path string `json:"path"`
	// Version is empty of a folder, whose path is Dir.
	Version string `json:"version,omitempty"`
	Dir     string `json:"dir,omitempty"`
	// Sum is the hash in go.sum, or, of a folder, one of the source that was built.
	Sum string `json:"sum,omitempty"`
}

// A Workspace is a temporary module in which programs are built.
type Workspace struct {
	Modules []Module

	dir    string
	source string // refbench's
	env    []string
	withs  []With
	race   bool

	found *found // what is taken along
}

// Options say what to take along.
type Options struct {
	// Source is the folder of refbench's source.
	Source string
	With   []With
	// Race builds with the race detector.
	Race bool
}

// Open makes the module and resolves versions. Close removes it.
func Open(ctx context.Context, o Options) (w *Workspace, err error) {
	for i, with := range o.With {
		for _, other := range o.With[:i] {
			if other.Path == with.Path && (other.Dir != with.Dir || other.Version != with.Version) {
				return nil, inputf("%s and %s are one module, %s: name it once", other.Text, with.Text, with.Path)
			}
		}
	}
	dir, err := os.MkdirTemp("", "refbench-build-")
	if err != nil {
		return nil, err
	}
	w = &Workspace{dir: dir, source: o.Source, withs: o.With, race: o.Race}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
			w = nil
		}
	}()
	// Flags given before hold too, and these count if both are given.
	w.env = append(os.Environ(), "GOWORK=off", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -mod=mod"), "PWD="+dir)
	mod, sum, err := Requiring(build, o.Source)
	if err != nil {
		return w, err
	}
	for _, with := range o.With {
		if with.Dir == "" {
			continue
		}
		if err := with.add(mod); err != nil {
			return w, err
		}
		_, theirs, err := readModule(with.Dir)
		if err != nil {
			return w, err
		}
		sum = joinSums(sum, theirs)
	}
	if err := writeModule(dir, mod, sum); err != nil {
		return w, err
	}
	for _, with := range o.With {
		if with.Dir == "" {
			if err := w.get(ctx, with); err != nil {
				return w, err
			}
		}
	}
	return w, w.resolve(ctx)
}

// Close removes the module.
func (w *Workspace) Close() error { return os.RemoveAll(w.dir) }

// get adds a module that isn't a folder. Where the network isn't there the newest version
// is that in the module cache.
func (w *Workspace) get(ctx context.Context, with With) error {
	name := with.Path
	if with.Version != "" {
		name += "@" + with.Version
	}
	_, err := w.command(ctx, with.Text, "get", name)
	var input *InputError
	if err == nil || !errors.As(err, &input) {
		return err
	}
	cache, cerr := w.command(ctx, "the module cache", "env", "GOMODCACHE")
	if cerr != nil {
		return err
	}
	env := w.env
	defer func() { w.env = env }()
	w.env = append(env[:len(env):len(env)], "GOPROXY=file://"+filepath.ToSlash(filepath.Join(strings.TrimSpace(cache), "cache", "download")))
	if _, again := w.command(ctx, with.Text, "get", name); again == nil {
		return nil
	}
	return err
}

// resolve finds out which versions the modules have.
func (w *Workspace) resolve(ctx context.Context) error {
	for _, with := range w.withs {
		out, err := w.command(ctx, with.Text, "list", "-m", "-json", with.Path)
		if err != nil {
			return err
		}
		var m struct {
			Version   string
			GoVersion string
			Replace   *struct{ Path, Version string }
		}
		if err := json.Unmarshal([]byte(out), &m); err != nil {
			return fmt.Errorf("what go list says of %s: %w", with.Path, err)
		}
		if with.Dir != "" {
			w.Modules = append(w.Modules, Module{Path: with.Path, Dir: with.Dir})
			continue
		}
		w.Modules = append(w.Modules, Module{Path: with.Path, Version: m.Version})
	}
	return nil
}

// command runs the go command in the module. about is what its errors are about.
func (w *Workspace) command(ctx context.Context, about string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("there is no go command: install Go, it builds what is taken along")
	}
	if err != nil {
		return "", goError(about, said.String(), err)
	}
	return out.String(), nil
}

// write writes a file of the module.
func (w *Workspace) write(name string, data []byte) error { return write(w.dir, name, data) }

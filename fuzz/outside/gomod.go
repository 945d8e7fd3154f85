package outside

import (
	"bytes"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// undated is the version of a module that is a folder.
const undated = "v0.0.0-00010101000000-000000000000"

// Requiring returns the go.mod and the go.sum of a module that uses refbench, whose source
// is the given folder. It requires all that refbench requires, in the same versions, so
// that nothing is to be looked up.
func Requiring(path, source string) (mod *modfile.File, sum []byte, err error) {
	own, sum, err := readModule(source)
	if err != nil {
		return nil, nil, err
	}
	mod = new(modfile.File)
	mod.Syntax = new(modfile.FileSyntax)
	requires := []*modfile.Require{{Mod: modVersion(module, undated)}}
	for _, r := range own.Require {
		requires = append(requires, &modfile.Require{Mod: r.Mod, Indirect: true})
	}
	err = errors.Join(
		mod.AddModuleStmt(path),
		mod.AddGoStmt(own.Go.Version),
		mod.AddReplace(module, "", source, ""),
	)
	mod.SetRequireSeparateIndirect(requires)
	return mod, sum, err
}

// WriteModule writes the go.mod and the go.sum of a module that uses refbench, as
// [Requiring] has them.
func WriteModule(dir, path, source string) error {
	mod, sum, err := Requiring(path, source)
	if err != nil {
		return err
	}
	return writeModule(dir, mod, sum)
}

// readModule reads a folder's go.mod and go.sum. There may be no go.sum.
func readModule(dir string) (mod *modfile.File, sum []byte, err error) {
	name := filepath.Join(dir, "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	if mod, err = modfile.Parse(name, data, nil); err != nil {
		return nil, nil, inputf("%v", err)
	}
	if sum, err = os.ReadFile(filepath.Join(dir, "go.sum")); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return mod, sum, err
}

// add has a go.mod require the folder's module as well, with what that replaces. A module
// that is required already stays what it is.
func (w With) add(mod *modfile.File) error {
	if g := w.file.Go; g != nil && version.Compare("go"+g.Version, "go"+mod.Go.Version) > 0 {
		if err := mod.AddGoStmt(g.Version); err != nil {
			return err
		}
	}
	if err := mod.AddRequire(w.Path, undated); err != nil {
		return err
	}
	if err := mod.AddReplace(w.Path, "", w.Dir, ""); err != nil {
		return err
	}
	for _, r := range w.file.Replace {
		if slices.ContainsFunc(mod.Replace, func(o *modfile.Replace) bool { return o.Old.Path == r.Old.Path }) {
			continue
		}
		to := r.New.Path
		if r.New.Version == "" && !filepath.IsAbs(to) {
			to = filepath.Join(w.Dir, filepath.FromSlash(to))
		}
		if err := mod.AddReplace(r.Old.Path, r.Old.Version, to, r.New.Version); err != nil {
			return err
		}
	}
	return nil
}

// joinSums returns the lines of both files, each once.
func joinSums(a, b []byte) []byte {
	lines := strings.Split(strings.TrimSpace(string(a)+"\n"+string(b)), "\n")
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), "\n") + "\n")
}

// write writes a file below a folder that it makes.
func write(dir, name string, data []byte) error {
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o666)
}

// writeModule writes a go.mod and a go.sum.
func writeModule(dir string, mod *modfile.File, sum []byte) error {
	mod.Cleanup()
	mod.SortBlocks()
	data, err := mod.Format()
	if err != nil {
		return fmt.Errorf("writing go.mod: %w", err)
	}
	return errors.Join(write(dir, "go.mod", data), write(dir, "go.sum", bytes.TrimLeft(sum, "\n")))
}

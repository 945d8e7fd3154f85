package main

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	exploregen "github.com/refbench/refbench/fuzz/explore/gen"
)

// hashExplorer writes the source that explored code runs on, since what a schedule
// means depends on it as well: all of this module that the copies and the scenarios
// import, and the packages that make scenarios of the copies beside.
func hashExplorer(w io.Writer, dir string, copies []exploregen.File) error {
	found := make(map[string]bool)
	var paths []string
	var add func(imports []string) error
	add = func(imports []string) error {
		for _, p := range imports {
			if !under(p, modulePath) || under(p, exploredPath) || found[p] {
				continue
			}
			found[p] = true
			paths = append(paths, p)
			files, err := goFiles(dir, p)
			if err != nil {
				return err
			}
			for _, name := range files {
				imports, err := importsOf(name, nil)
				if err != nil {
					return err
				}
				if err := add(imports); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, c := range copies {
		imports, err := importsOf(c.Path, c.Data)
		if err != nil {
			return err
		}
		if err := add(imports); err != nil {
			return err
		}
	}
	if err := add([]string{scenariosPath}); err != nil {
		return err
	}
	users, err := usersOfCopies(dir)
	if err != nil {
		return err
	}
	for _, p := range users {
		if !found[p] {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	for _, p := range paths {
		files, err := goFiles(dir, p)
		if err != nil {
			return err
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s %d\n", path.Join(below(p), filepath.Base(name)), len(data))
			if _, err := w.Write(data); err != nil {
				return err
			}
		}
	}
	return nil
}

// usersOfCopies returns the packages of the module that import explored code.
func usersOfCopies(dir string) ([]string, error) {
	var users []string
	explored := filepath.Join(dir, filepath.FromSlash(below(exploredPath)))
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if base := d.Name(); name == explored || base == "testdata" || name != dir && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		p := path.Join(modulePath, filepath.ToSlash(rel))
		files, err := goFiles(dir, p)
		if err != nil {
			return err
		}
		for _, f := range files {
			imports, err := importsOf(f, nil)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(imports, func(i string) bool { return i != exploredPath && under(i, exploredPath) }) {
				users = append(users, p)
				break
			}
		}
		return nil
	})
	return users, err
}

// goFiles returns the files of a package, for all systems and without tests, sorted.
// There are none of a package that isn't there.
func goFiles(dir, pkg string) (names []string, err error) {
	folder := filepath.Join(dir, filepath.FromSlash(below(pkg)))
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if name := e.Name(); filepath.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") {
			names = append(names, filepath.Join(folder, name))
		}
	}
	return names, err
}

// importsOf returns what a file imports. data is its text, or nil to read it.
func importsOf(name string, data []byte) ([]string, error) {
	var src any
	if data != nil {
		src = data
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return nil, &sourceError{err}
	}
	var imports []string
	for _, im := range f.Imports {
		p, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			return nil, &sourceError{err}
		}
		imports = append(imports, p)
	}
	return imports, nil
}

// under reports whether an import path is the other one or below it.
func under(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

// below returns where a package of the module is in it.
func below(p string) string { return strings.TrimPrefix(strings.TrimPrefix(p, modulePath), "/") }

// Package gen writes the explored form of ordinary Go packages.
//
// The explored form is the same source with the imports of sync, sync/atomic,
// runtime, time and context replaced by the drop-ins of package explore, go statements
// by explore.Go, and channels and select statements by explore/channel. It works on
// code that was never written for it, in this module or in another.
//
// # Use
//
// A program writes the copies where they can be imported, and is run again when the
// source has changed. Here they are of a package, and of the module that it needs:
//
//	files, err := gen.Packages(gen.Options{
//		Patterns: []string{"example.com/mine", "example.com/needed/..."},
//		Root:     "example.com/mine/explored",
//	})
//	...
//	for _, f := range files {
//		name := filepath.Join("explored", filepath.FromSlash(f.Path))
//		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, f.Data, 0o666))
//	}
//
// Ordinary tests explore the copy with explore.Run.
//
// A package that synchronizes by other means than the standard library's, such as one
// that binds goroutines to processors, gets a drop-in of one's own, in Options.Replace.
// It is built of package explore's drop-ins and of explore/cpu, and has the names of the
// original that are used.
//
// # Limits
//
// Variables of a package keep their values from one execution to the next: what the
// threads share is made in the execution. Maps are iterated in Go's random order, which
// is no choice of the scheduler; code that depends on it isn't explored exhaustively and
// its tokens may not replay.
//
// What can't be modelled is refused by name: identifiers that the drop-ins don't
// have, dot imports, cgo, assembly, go:linkname, embedded files, packages
// of the standard library that synchronize by themselves or draw lots, and packages of
// other modules that synchronize and aren't taken along. Options.Keep says which
// packages to use all the same.
//
// A copy of a package of the main module, if Options.Root is in that module, has neither
// comments nor blank lines, and line directives: so failures, pictures and stacks show
// where something is in the original. Other copies are changed only where they have to
// be, unless Options.Absolute is set.
package gen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"
)

// home is where the drop-ins are.
const home = "github.com/refbench/refbench/fuzz/explore"

// dropIns maps packages to their drop-ins.
var dropIns = map[string]string{
	"sync":        home + "/sync",
	"sync/atomic": home + "/sync/atomic",
	"runtime":     home + "/runtime",
	"time":        home + "/time",
	"context":     home + "/context",
}

// Options say what to write.
type Options struct {
	// Dir is the directory in which patterns are understood: inside the
	// module, or one that requires it. Empty means the current one.
	Dir string

	// Patterns are the packages to write in explored form, as the go command
	// takes them. Dependencies that synchronize must be among them, or in
	// Keep.
	Patterns []string

	// Keep are import paths that stay as they are although they use a
	// package that has a drop-in: what they do isn't explored.
	Keep []string

	// Replace are drop-ins of one's own: import paths of packages, and of what
	// replaces them. Neither is written in explored form.
	Replace map[string]string

	// Root is the import path under which the copies will be. A package of
	// the main module goes to Root and its path in the module, one of
	// another module to Root and its import path: so internal packages stay
	// importable.
	Root string

	// Absolute says that copies of other modules' packages are written for this machine
	// alone: positions in them are those of the original too, whose absolute path they
	// name.
	Absolute bool

	// Env is the environment of the go command; nil means that of the
	// process.
	Env []string
}

// A File is one generated file.
type File struct {
	Path string // below Root, with slashes
	Data []byte
}

// An UnsupportedError lists what can't be modelled, in the order of the source.
type UnsupportedError struct{ Items []string }

func (e *UnsupportedError) Error() string { return strings.Join(e.Items, "\n") }

// Packages returns the explored form of the packages, ordered by path. The result
// depends on the source alone.
func Packages(o Options) ([]File, error) {
	if o.Root == "" {
		return nil, fmt.Errorf("gen: no root import path for the copies")
	}
	all, err := packages.Load(&packages.Config{
		Dir: o.Dir, Env: o.Env,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedModule | packages.NeedEmbedFiles,
	}, append(slices.Sorted(maps.Values(o.Replace)), o.Patterns...)...)
	if err != nil {
		return nil, fmt.Errorf("gen: %w", err)
	}
	g := &generator{home: home, o: o, new: make(map[string]string), bad: make(map[*packages.Package]string), dropIns: maps.Clone(dropIns), exports: make(map[string][]string)}
	for from := range dropIns {
		if g.exports[from], err = exportedNames(from); err != nil {
			return nil, err
		}
	}
	pkgs, err := g.replace(all)
	if err != nil {
		return nil, err
	}
	if len(pkgs) == 0 {
		return nil, fmt.Errorf("gen: no packages match %s", strings.Join(o.Patterns, " "))
	}
	for _, p := range pkgs {
		if len(p.Errors) > 0 && p.Errors[0].Kind == packages.ListError {
			return nil, fmt.Errorf("gen: package %s can't be loaded: %s", p.PkgPath, p.Errors[0].Msg)
		}
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("gen: package %s doesn't compile: %v", p.PkgPath, p.Errors[0])
		}
		g.new[p.PkgPath] = path.Join(o.Root, below(p))
	}
	slices.SortFunc(pkgs, func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
	var files []File
	for _, p := range pkgs {
		fs, err := g.pkg(p)
		if err != nil {
			return nil, err
		}
		files = append(files, fs...)
	}
	if len(g.items) > 0 {
		return nil, &UnsupportedError{g.items}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

// below is where a package goes below the root.
func below(p *packages.Package) string {
	if p.Module != nil && p.Module.Main {
		return strings.TrimPrefix(strings.TrimPrefix(p.PkgPath, p.Module.Path), "/")
	}
	return p.PkgPath
}

type generator struct {
	o       Options
	new     map[string]string // import path to that of the copy
	bad     map[*packages.Package]string
	dropIns map[string]string   // import path to that of the drop-in
	exports map[string][]string // import path to the names of the drop-in
	items   []string
	home    string // import path of the explorer

	whole   *Whole   // nil: the form is of some packages
	refused []string // what is refused where it is reached

	tempFiles bool // temporary files are made
	parallel  bool // T.Parallel is called
}

// replace takes the drop-ins of Options.Replace and their originals out of what was
// loaded, and notes what the drop-ins have.
func (g *generator) replace(all []*packages.Package) (pkgs []*packages.Package, err error) {
	loaded := make(map[string]*packages.Package)
	for _, p := range all {
		loaded[p.PkgPath] = p
	}
	isDropIn := make(map[string]bool)
	for _, from := range slices.Sorted(maps.Keys(g.o.Replace)) {
		to := g.o.Replace[from]
		p := loaded[to]
		switch {
		case p == nil:
			return nil, fmt.Errorf("gen: drop-in %s of %s can't be loaded: Replace needs its import path", to, from)
		case len(p.Errors) > 0:
			return nil, fmt.Errorf("gen: drop-in %s of %s can't be loaded: %s", to, from, p.Errors[0].Msg)
		}
		isDropIn[to] = true
		g.dropIns[from], g.exports[from] = to, nil
		for _, name := range p.Types.Scope().Names() {
			if ast.IsExported(name) {
				g.exports[from] = append(g.exports[from], name)
			}
		}
	}
	for _, p := range all {
		if !isDropIn[p.PkgPath] && g.o.Replace[p.PkgPath] == "" {
			pkgs = append(pkgs, p)
		}
	}
	return pkgs, nil
}

func (g *generator) unsupported(fset *token.FileSet, pos token.Pos, what string) {
	p := fset.Position(pos)
	g.items = append(g.items, fmt.Sprintf("unsupported: %s in %s:%d", what, g.short(p.Filename), p.Line))
}

// short makes file names the same on every machine where it can.
func (g *generator) short(name string) string {
	dir := g.o.Dir
	if dir == "" {
		dir, _ = os.Getwd()
	}
	if abs, err := filepath.Abs(dir); err == nil {
		if rel, err := filepath.Rel(abs, name); err == nil && !strings.HasPrefix(rel, "..") {
			return filepath.ToSlash(rel)
		}
	}
	return name
}

func (g *generator) pkg(p *packages.Package) ([]File, error) {
	if p.Name == "main" {
		g.items = append(g.items, fmt.Sprintf("unsupported: package %s is a command; only packages that can be imported have an explored form", p.PkgPath))
	}
	for _, f := range p.OtherFiles {
		if what, ok := map[string]string{".s": "assembly", ".S": "assembly", ".c": "C", ".cc": "C++", ".cpp": "C++", ".syso": "object code"}[filepath.Ext(f)]; ok {
			if base := filepath.Base(f); empty(f) {
				_ = base // a .s file without code only allows functions without bodies
				continue
			}
			g.items = append(g.items, fmt.Sprintf("unsupported: %s in %s", what, g.short(f)))
		}
	}
	if len(p.EmbedFiles) > 0 {
		g.items = append(g.items, fmt.Sprintf("unsupported: embedded file %s of package %s", filepath.Base(p.EmbedFiles[0]), p.PkgPath))
	}
	g.imports(p)
	var files []File
	for i, f := range p.Syntax {
		name := p.CompiledGoFiles[i]
		if !slices.Contains(p.GoFiles, name) {
			g.items = append(g.items, fmt.Sprintf("unsupported: cgo in package %s", p.PkgPath))
			break
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("gen: %w", err)
		}
		r := &rewriter{g: g, p: p, file: f, src: src, base: p.Fset.File(f.Pos()), comm: make(map[ast.Node]bool)}
		out, err := r.rewrite()
		if err != nil {
			return nil, fmt.Errorf("gen: %s: %w", g.short(name), err)
		}
		files = append(files, File{Path: path.Join(below(p), filepath.Base(name)), Data: out})
	}
	return files, nil
}

// empty reports whether an assembly file has no code.
func empty(name string) bool {
	data, err := os.ReadFile(name)
	return err == nil && !bytes.Contains(data, []byte("TEXT")) && !bytes.Contains(data, []byte("DATA"))
}

// hidden are packages of the standard library that synchronize by themselves or
// depend on real time, so that what they do would not be explored, or on chance, so
// that it would not be repeated.
var hidden = []string{"crypto/rand", "hash/maphash", "internal/", "net", "net/", "os/exec", "os/signal", "runtime/", "testing/synctest", "unique", "weak"}

// harmless are packages below hidden ones that are not.
var harmless = []string{"runtime/debug"}

func (g *generator) imports(p *packages.Package) {
	for _, f := range p.Syntax {
		for _, im := range f.Imports {
			to, _ := strconv.Unquote(im.Path.Value)
			if to == "C" {
				g.unsupported(p.Fset, im.Pos(), "cgo")
				continue
			}
			if g.dropIns[to] != "" || g.new[to] != "" || slices.Contains(g.o.Keep, to) {
				continue
			}
			if !strings.Contains(strings.Split(to, "/")[0], ".") && !inMain(p, to) {
				for _, h := range hidden {
					if (to == h || strings.HasSuffix(h, "/") && strings.HasPrefix(to, h)) && !slices.Contains(harmless, to) {
						g.unsupported(p.Fset, im.Pos(), "import of "+to)
					}
				}
				continue
			}
			if why := g.synchronizes(p.Imports[to]); why != "" {
				g.unsupported(p.Fset, im.Pos(), fmt.Sprintf("import of %s, which uses %s and is not among the packages to explore", to, why))
			}
		}
	}
}

func inMain(p *packages.Package, to string) bool {
	q := p.Imports[to]
	return q != nil && q.Module != nil
}

// synchronizes returns which package with a drop-in a dependency uses, itself or
// through others, or "".
func (g *generator) synchronizes(p *packages.Package) string {
	if p == nil {
		return ""
	}
	if why, ok := g.bad[p]; ok {
		return why
	}
	g.bad[p] = ""
	var paths []string
	for to := range p.Imports {
		paths = append(paths, to)
	}
	sort.Strings(paths)
	for _, to := range paths {
		why := ""
		switch q := p.Imports[to]; {
		case to == "sync" || to == "sync/atomic" || to == "context" || g.o.Replace[to] != "":
			why = to
		case q.Module != nil && !slices.Contains(g.o.Keep, to) && g.new[to] == "":
			why = g.synchronizes(q)
		}
		if why != "" {
			g.bad[p] = why
			return why
		}
	}
	return ""
}

// header is the first line of each file.
func (r *rewriter) header() string {
	return fmt.Sprintf("// Code generated by explore/gen from %s/%s; DO NOT EDIT.\n\n", r.p.PkgPath, filepath.Base(r.base.Name()))
}

// An edit replaces the text from one offset to another.
type edit struct {
	from, to int
	text     string
	order    int  // of insertions at one place
	optional bool // left out if another edit replaces what is there
}

// rewrite returns the file in explored form.
func (r *rewriter) rewrite() ([]byte, error) {
	original := r.g.original(r.p, r.base.Name())
	if original != "" {
		r.markLines()
	}
	r.rewriteImports()
	ast.PreorderStack(r.file, nil, func(n ast.Node, stack []ast.Node) bool { r.node(n, stack); return true })
	for _, c := range r.file.Comments {
		for _, l := range c.List {
			if strings.HasPrefix(l.Text, "//go:linkname ") {
				r.unsupported(l.Pos(), "go:linkname")
			}
		}
	}
	r.rewriteSelects()
	text, err := apply(r.src, 0, len(r.src), r.edits)
	if err != nil {
		return nil, err
	}
	var data []byte
	if original != "" {
		data, err = dense(text, original)
	} else {
		data, err = format.Source([]byte(text))
	}
	if err != nil && len(r.g.items) == 0 {
		return nil, fmt.Errorf("the explored form doesn't parse: %w", err)
	}
	if len(r.g.items) > 0 {
		return nil, nil // it isn't written
	}
	// Formatted again: a directive may be in the way of what was aligned.
	return format.Source(append([]byte(r.header()), data...))
}

// apply returns the source between two offsets with the edits.
func apply(src []byte, from, to int, edits []edit) (string, error) {
	slices.SortStableFunc(edits, func(a, b edit) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.order - b.order
	})
	var out strings.Builder
	at := from
	for _, e := range edits {
		if e.from < at && e.optional {
			continue
		}
		if e.from < at {
			return "", fmt.Errorf("two changes overlap at offset %d; report this", e.from)
		}
		out.Write(src[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(src[at:to])
	return out.String(), nil
}

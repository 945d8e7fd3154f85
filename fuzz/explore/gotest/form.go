package gotest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/tools/go/packages"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/gen"
)

// ExplorerDir is a folder that the go command sees in the main module: the explorer, and
// copies of other modules' packages.
const ExplorerDir = "refbenchexplored_"

// What the go command sees beside the user's files.
const (
	besideDir = "refbenchbeside_" // in a package under test: its package _test
	mainDir   = "refbenchmain_"   // in a package under test: the test program
)

// explorerPath is the import path of the explorer's source.
const explorerPath = "github.com/refbench/refbench/fuzz/explore"

// A world is all packages under test of one main module.
type world struct {
	l     *loader
	main  mainModule
	plans []*plan

	explored map[string]bool // packages in explored form
	moved    map[string]string
	kept     map[string]bool
	forms    map[string]*formed
	failed   map[string]error // packages that have no explored form
}

// formed is a package in explored form.
type formed struct {
	p    *packages.Package
	form *gen.Form
}

// sources are files by the path at which the go command sees them.
type sources struct {
	data  map[string][]byte
	links map[string]string // files that are taken as they are
}

// load finds out which packages are explored and writes them.
func (l *loader) load(ctx context.Context) error {
	worlds := make(map[string]*world)
	for _, p := range l.plans {
		p.main = l.mains[0]
		for _, m := range l.mains {
			if p.plain != nil && p.plain.Module != nil && p.plain.Module.Path == m.Path {
				p.main = m
			}
		}
		if err := listed(p); err != nil {
			p.pkg.Err = err
			continue
		}
		if p.inside == nil && p.beside == nil {
			continue // no tests
		}
		if worlds[p.main.Path] == nil {
			worlds[p.main.Path] = &world{l: l, main: p.main}
		}
		wo := worlds[p.main.Path]
		wo.plans = append(wo.plans, p)
	}
	for _, path := range slices.Sorted(maps.Keys(worlds)) {
		if err := worlds[path].write(ctx); err != nil {
			return err
		}
	}
	return nil
}

// listed returns what the go command found wrong with a package and its tests.
func listed(p *plan) error {
	for _, v := range []*packages.Package{p.plain, p.inside, p.beside} {
		if v == nil {
			continue
		}
		for _, e := range v.Errors {
			return brief(e)
		}
	}
	if p.plain == nil {
		return errors.New("it can't be loaded")
	}
	var err error
	packages.Visit([]*packages.Package{p.plain}, nil, func(q *packages.Package) {
		if len(q.Errors) > 0 && err == nil {
			err = fmt.Errorf("it needs %s: %w", q.PkgPath, brief(q.Errors[0]))
		}
	})
	return err
}

// brief is an error of a package in one line.
func brief(e packages.Error) error {
	msg := firstError(e.Msg)
	if e.Pos != "" && e.Pos != "-" {
		msg = e.Pos + ": " + msg
	}
	return errors.New(msg)
}

// variants are the packages that the test program is made of.
func (p *plan) variants() (vs []*packages.Package) {
	for _, v := range []*packages.Package{p.plain, p.inside, p.beside} {
		if v != nil {
			vs = append(vs, v)
		}
	}
	return vs
}

// closure finds out which packages are explored, which are moved, and which are kept.
func (wo *world) closure() {
	wo.explored, wo.moved, wo.kept = make(map[string]bool), make(map[string]string), make(map[string]bool)
	var roots []*packages.Package
	tested := make(map[string]bool)
	for _, p := range wo.plans {
		roots = append(roots, p.variants()...)
		tested[p.path] = true
	}
	packages.Visit(roots, nil, func(p *packages.Package) {
		path := p.PkgPath
		if standard(p) || strings.HasSuffix(p.ID, ".test") || strings.HasSuffix(path, "_test") && p.ForTest != "" {
			return
		}
		p = wo.l.known[path]
		switch {
		case tested[path] || wo.l.isLocal(p):
		case wo.l.keeps(path):
			if looks(p) != "" {
				wo.kept[path] = true
			}
			return
		case wo.l.synchronizes(p) == "":
			return
		}
		wo.explore(p)
	})
}

// explore takes a package along, and the internal packages of its module that it can't import
// any more if it is built elsewhere.
func (wo *world) explore(p *packages.Package) {
	path := p.PkgPath
	if wo.explored[path] {
		return
	}
	wo.explored[path] = true
	if !wo.l.inCache(p) {
		return
	}
	wo.moved[path] = wo.home() + "/x/" + path
	for _, im := range sortedImports(p) {
		if q := wo.l.known[im]; q != nil && !standard(q) && slices.Contains(strings.Split(im, "/"), "internal") {
			wo.explore(q)
		}
	}
}

func (wo *world) home() string { return wo.main.Path + "/" + ExplorerDir }

// write loads what is explored and writes its explored form.
func (wo *world) write(ctx context.Context) error {
	wo.closure()
	var tested, others []string
	for _, p := range wo.plans {
		tested = append(tested, p.path)
	}
	for _, path := range slices.Sorted(maps.Keys(wo.explored)) {
		if !slices.Contains(tested, path) {
			others = append(others, path)
		}
	}
	with, err := wo.typed(ctx, true, tested)
	if err != nil {
		return err
	}
	without, err := wo.typed(ctx, false, others)
	if err != nil {
		return err
	}
	whole := &gen.Whole{Home: wo.home(), Moved: wo.moved, Explored: wo.explored, Dir: wo.l.w.o.Dir, NoPlain: wo.l.w.o.NoPlain}
	if whole.Dir == "" {
		whole.Dir, _ = os.Getwd()
	}
	wo.forms, wo.failed = make(map[string]*formed), make(map[string]error)
	ids := make(map[string]*packages.Package)
	for _, p := range slices.Concat(with, without) {
		if strings.HasSuffix(p.ID, ".test") {
			continue
		}
		ids[p.ID] = p
		if len(p.Errors) > 0 {
			wo.failed[p.ID] = fmt.Errorf("it doesn't compile: %w", brief(p.Errors[0]))
			if name := cgoFile(p); name != "" {
				wo.failed[p.ID] = fmt.Errorf("it needs cgo, for %s: only what is all Go can be explored", filepath.Base(name))
			}
			continue
		}
		form, err := whole.Package(p)
		if unsupported := new(gen.UnsupportedError); errors.As(err, &unsupported) {
			wo.failed[p.ID] = errors.New(strings.TrimPrefix(unsupported.Items[0], "unsupported: "))
			continue
		}
		if err != nil {
			wo.failed[p.ID] = err
			continue
		}
		wo.forms[p.ID] = &formed{p, form}
	}
	explorer, err := wo.explorer()
	if err != nil {
		return err
	}
	for _, p := range wo.plans {
		if err := wo.plan(p, ids, explorer); err != nil {
			p.pkg.Err = err
		}
	}
	return nil
}

// cgoFile returns a file of a package that is left out because it needs cgo, or "".
func cgoFile(p *packages.Package) string {
	for _, name := range p.IgnoredFiles {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			continue
		}
		for _, im := range f.Imports {
			if im.Path.Value == `"C"` {
				return name
			}
		}
	}
	return ""
}

func (wo *world) typed(ctx context.Context, tests bool, paths []string) ([]*packages.Package, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	w := wo.l.w
	all, err := packages.Load(&packages.Config{
		Context: ctx, Dir: w.o.Dir, Env: w.env, BuildFlags: w.flags(), Tests: tests,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedTypesSizes |
			packages.NeedModule | packages.NeedEmbedFiles | packages.NeedForTest,
	}, paths...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// explorer returns the explorer's source.
func (wo *world) explorer() (map[string][]byte, error) {
	source := explore.Source()
	files := make(map[string][]byte)
	dir := filepath.Join(wo.main.Dir, ExplorerDir)
	err := fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "source.go" {
			return err
		}
		data, err := source.ReadFile(name)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(data), explorerPath, wo.home())
		if rest, ok := strings.CutPrefix(text, "//go:build "); ok {
			constraint, rest, _ := strings.Cut(rest, "\n")
			text = "//go:build " + oldest + " && (" + constraint + ")\n" + rest
		} else {
			text = "//go:build " + oldest + "\n\n" + text
		}
		files[filepath.Join(dir, filepath.FromSlash(name))] = []byte(text)
		return nil
	})
	return files, err
}

// dir is where the go command sees a package.
func (wo *world) dir(p *packages.Package, path string) string {
	if wo.moved[path] != "" {
		return filepath.Join(wo.main.Dir, ExplorerDir, "x", filepath.FromSlash(path))
	}
	return dirOf(p)
}

// place is the import path of a package in the test program.
func (wo *world) place(path string) string {
	if to := wo.moved[path]; to != "" {
		return to
	}
	return path
}

// plan puts the files of a test program together.
func (wo *world) plan(p *plan, ids map[string]*packages.Package, explorer map[string][]byte) error {
	s := &sources{data: maps.Clone(explorer), links: make(map[string]string)}
	own := p.plain.ID
	if p.inside != nil {
		own = p.inside.ID
	}
	refused := make(map[string]bool)
	var reached []*packages.Package
	packages.Visit(p.variants(), nil, func(q *packages.Package) {
		if wo.explored[q.PkgPath] && q.PkgPath != p.path && !strings.HasSuffix(q.ID, ".test") {
			if k := wo.l.known[q.PkgPath]; !slices.Contains(reached, k) {
				reached = append(reached, k)
			}
		}
		if wo.kept[q.PkgPath] && !slices.Contains(p.pkg.Kept, q.PkgPath) {
			p.pkg.Kept = append(p.pkg.Kept, q.PkgPath)
		}
	})
	slices.Sort(p.pkg.Kept)
	files, parallel := false, false
	add := func(id, dir string) error {
		if err := wo.failed[id]; err != nil {
			if id == own || p.beside != nil && id == p.beside.ID {
				return err
			}
			return fmt.Errorf("it needs %s: %w", id, err)
		}
		f := wo.forms[id]
		if f == nil {
			return fmt.Errorf("package %s can't be loaded with its types", id)
		}
		for name, data := range f.form.Files {
			base := filepath.Base(name)
			if strings.HasSuffix(base, "_test.go") {
				base = strings.TrimSuffix(base, ".go") + "_refbench_.go"
			}
			s.data[filepath.Join(dir, base)] = data
		}
		s.data[filepath.Join(dir, gen.VariablesFile)] = f.form.Variables
		files, parallel = files || f.form.TempFiles, parallel || f.form.Parallel
		for _, r := range f.form.Refused {
			refused[r] = true
		}
		if dir != dirOf(f.p) {
			for _, name := range slices.Concat(f.p.OtherFiles, f.p.EmbedFiles) {
				rel, err := filepath.Rel(dirOf(f.p), name)
				if err == nil {
					s.links[filepath.Join(dir, rel)] = name
				}
			}
		}
		return nil
	}
	for _, q := range reached {
		if err := add(q.ID, wo.dir(q, q.PkgPath)); err != nil {
			return err
		}
	}
	dir := wo.dir(p.plain, p.path)
	if err := add(own, dir); err != nil {
		return err
	}
	if p.beside != nil {
		if err := add(p.beside.ID, filepath.Join(dir, besideDir)); err != nil {
			return err
		}
	}
	p.pkg.Refused = slices.Sorted(maps.Keys(refused))
	text, names := wo.program(p, ids, files, parallel)
	if len(names) == 0 {
		return nil
	}
	p.pkg.Tests = names
	s.data[filepath.Join(dir, mainDir, "main.go")] = []byte(text)
	p.pkg.sources, p.pkg.program = s, wo.place(p.path)+"/"+mainDir
	p.pkg.Version = s.version(wo.main.Dir)
	return nil
}

// version tells explored code from other code.
func (s *sources) version(root string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s.data)) {
		sum := sha256.Sum256(s.data[name])
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// program returns the source of the test program, and the names of the tests in it.
func (wo *world) program(p *plan, ids map[string]*packages.Package, files, parallel bool) (string, []string) {
	var names []string
	var tests, targets, examples, imports strings.Builder
	main := ""
	for _, v := range []struct {
		p          *packages.Package
		path, name string
	}{
		{p.inside, wo.place(p.path), "inside"}, {p.beside, wo.place(p.path) + "/" + besideDir, "beside"},
	} {
		if v.p == nil {
			continue
		}
		typed := ids[v.p.ID]
		used := false
		var files []*ast.File
		for i, f := range typed.Syntax {
			if !strings.HasSuffix(typed.CompiledGoFiles[i], "_test.go") {
				continue
			}
			files = append(files, f)
			for _, d := range f.Decls {
				d, ok := d.(*ast.FuncDecl)
				if !ok || d.Recv != nil || d.Type.Params.NumFields() != 1 {
					continue
				}
				name := d.Name.Name
				switch {
				case name == "TestMain" && takes(typed, d, "M"):
					main = ", Main: " + v.name + ".TestMain"
				case isTest(name, "Test") && takes(typed, d, "T"):
					fmt.Fprintf(&tests, "{%q, %s.%s}, ", name, v.name, name)
					names = append(names, name)
				case isTest(name, "Fuzz") && takes(typed, d, "F"):
					fmt.Fprintf(&targets, "{%q, %s.%s}, ", name, v.name, name)
					names = append(names, name)
				default:
					continue
				}
				used = true
			}
		}
		for _, x := range doc.Examples(files...) {
			if x.Output == "" && !x.EmptyOutput {
				continue
			}
			name := "Example" + x.Name
			fmt.Fprintf(&examples, "{%q, %s.%s, %q, %v}, ", name, v.name, name, x.Output, x.Unordered)
			names = append(names, name)
			used = true
		}
		if !used {
			fmt.Fprintf(&imports, "import _ %q\n", v.path)
			continue
		}
		fmt.Fprintf(&imports, "import %s %q\n", v.name, v.path)
	}
	h := wo.home()
	text := fmt.Sprintf(`//go:build %s

package main

import %q
%s
func main() {
	p := testing.Program{
		Path: %q,
		Tests: []testing.InternalTest{%s},
		Targets: []testing.InternalFuzzTarget{%s},
		Examples: []testing.InternalExample{%s}%s,
		Files: %v, Parallel: %v,
	}
	p.Start()
}
`, oldest, h+"/testing", imports.String(), p.path, tests.String(), targets.String(), examples.String(), main, files, parallel)
	return text, names
}

// isTest is the go command's rule for names.
func isTest(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || !unicode.IsLower(r)
}

// takes reports whether a function takes a pointer to a type of package testing.
func takes(p *packages.Package, d *ast.FuncDecl, name string) bool {
	if d.Type.Results.NumFields() > 0 || d.Type.TypeParams.NumFields() > 0 {
		return false
	}
	star, ok := d.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	t := p.TypesInfo.TypeOf(star.X)
	return t != nil && t.String() == "testing."+name
}

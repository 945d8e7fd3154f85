// Package gotest runs the tests of ordinary Go packages under the explorer.
//
// It finds the packages and what they need, writes all of it that synchronizes in explored
// form, and builds a program of each package's tests. The copies are in a temporary folder:
// the go command is told by its flag -overlay to see them in place of the originals, so that
// nothing in the user's module changes, and go.mod, go.work, vendor and internal packages
// mean what they mean to go test. The explorer's source comes along in the same way: the
// user's module requires nothing for it.
package gotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/refbench/refbench/fuzz/explore/gen"
)

// Options say which tests to take, and how.
type Options struct {
	// Dir is where patterns are understood; empty means the current directory.
	Dir      string
	Patterns []string
	Tags     string // build tags, separated by commas
	// Keep are import paths of packages, or of whole modules, that stay as they are
	// although they synchronize: nothing in them is explored.
	Keep []string
	// NoPlain leaves plain memory alone: data races aren't found then.
	NoPlain bool
}

// A Package is a package with tests.
type Package struct {
	Path string
	Dir  string

	// Err is why its tests can't be explored. Then the rest is missing.
	Err error
	// Tests are the names of its tests, fuzz targets and examples with output.
	Tests []string
	// Kept are packages of other modules that stay as they are although they synchronize.
	Kept []string
	// Refused is what is refused where a test reaches it.
	Refused []string
	// Version says what the explored code is, for tokens.
	Version string

	program string // its import path
	sources *sources
	binary  string
}

// A Work is packages on their way to be tested, in a temporary folder.
type Work struct {
	Packages []*Package

	o   Options
	dir string // temporary
	mod string // the main module's go.mod; "" in a workspace, which takes no other file for it
	env []string
}

// Close removes what is temporary.
func (w *Work) Close() error { return os.RemoveAll(w.dir) }

// An InputError says what is wrong with what was asked for.
type InputError struct{ err error }

func (e *InputError) Error() string { return e.err.Error() }
func (e *InputError) Unwrap() error { return e.err }

// oldest is the oldest Go version that compiles the explorer.
const oldest = "go1.26"

// environment is that of the go commands. Without cgo the standard library is all Go, and
// so are packages that have both.
func environment() []string { return append(os.Environ(), "CGO_ENABLED=0") }

// goCommand runs the go command and returns what it prints.
func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir, c.Env = dir, environment()
	var errOut bytes.Buffer
	c.Stderr = &errOut
	out, err := c.Output()
	if err != nil {
		if s := strings.TrimSpace(errOut.String()); s != "" {
			return out, errors.New(s)
		}
	}
	return out, err
}

// mainModule is a module that the user works in.
type mainModule struct {
	Path, Dir, GoVersion string
}

// Load finds the packages and what they need. Packages that can't be explored are there
// too, and say why.
func Load(ctx context.Context, o Options) (*Work, error) {
	out, err := goCommand(ctx, o.Dir, "env", "-json", "GOVERSION", "GOMODCACHE", "GOMOD", "GOWORK")
	if err != nil {
		return nil, &InputError{fmt.Errorf("the go command doesn't run: %w", err)}
	}
	var env struct{ GOVERSION, GOMODCACHE, GOMOD, GOWORK string }
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, err
	}
	if v, _, _ := strings.Cut(env.GOVERSION, " "); version.Compare(v, oldest) < 0 {
		return nil, &InputError{fmt.Errorf("the go command is %s: exploring needs %s or newer", v, oldest)}
	}
	if env.GOMOD == "" || env.GOMOD == os.DevNull {
		return nil, &InputError{errors.New("there is no go.mod here or above: run it in a module")}
	}
	out, err = goCommand(ctx, o.Dir, "list", "-m", "-json=Path,Dir,GoVersion")
	if err != nil {
		return nil, &InputError{err}
	}
	var mains []mainModule
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var m mainModule
		if err := d.Decode(&m); err != nil {
			return nil, err
		}
		mains = append(mains, m)
	}
	w := &Work{o: o, env: environment()}
	if env.GOWORK == "" || env.GOWORK == "off" {
		w.mod = env.GOMOD
	}
	all, err := w.list(ctx, o.Patterns)
	if err != nil {
		return nil, err
	}
	l := &loader{w: w, mains: mains, cache: env.GOMODCACHE, syncs: make(map[string]string)}
	l.group(all)
	if err := l.nothing(); err != nil {
		return nil, &InputError{err}
	}
	if len(w.Packages) == 0 {
		return nil, &InputError{fmt.Errorf("no packages match %s", strings.Join(o.Patterns, " "))}
	}
	if w.dir, err = os.MkdirTemp("", "refbench-"); err != nil {
		return nil, err
	}
	if err := l.load(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *Work) flags() []string {
	if w.o.Tags == "" {
		return nil
	}
	return []string{"-tags=" + w.o.Tags}
}

// list finds packages, their tests, and all that they need, without looking into them.
func (w *Work) list(ctx context.Context, patterns []string) ([]*packages.Package, error) {
	all, err := packages.Load(&packages.Config{
		Context: ctx, Dir: w.o.Dir, Env: w.env, BuildFlags: w.flags(), Tests: true,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedModule | packages.NeedEmbedFiles | packages.NeedForTest,
	}, patterns...)
	if err != nil {
		return nil, &InputError{err}
	}
	return all, nil
}

// A loader finds out what is explored, and loads it.
type loader struct {
	w     *Work
	mains []mainModule
	cache string // the module cache

	plans []*plan
	known map[string]*packages.Package // all dependencies, by import path
	syncs map[string]string            // why packages synchronize, "" if they don't
}

// A plan is what belongs to one package under test.
type plan struct {
	pkg    *Package
	path   string
	plain  *packages.Package // without tests
	inside *packages.Package // with those inside, or nil
	beside *packages.Package // package _test, or nil
	main   mainModule
}

// group finds the packages under test.
func (l *loader) group(all []*packages.Package) {
	byPath := make(map[string]*plan)
	at := func(path string) *plan {
		if byPath[path] == nil {
			byPath[path] = &plan{path: path, pkg: &Package{Path: path}}
			l.plans = append(l.plans, byPath[path])
		}
		return byPath[path]
	}
	for _, p := range all {
		switch {
		case strings.HasSuffix(p.ID, ".test"):
		case p.ForTest == "":
			at(p.PkgPath).plain = p
		case p.PkgPath == p.ForTest:
			at(p.ForTest).inside = p
		case p.PkgPath == p.ForTest+"_test":
			at(p.ForTest).beside = p
		}
	}
	slices.SortFunc(l.plans, func(a, b *plan) int { return strings.Compare(a.path, b.path) })
	for _, p := range l.plans {
		l.w.Packages = append(l.w.Packages, p.pkg)
		p.pkg.Dir = dirOf(p.plain)
	}
	l.known = make(map[string]*packages.Package)
	packages.Visit(all, nil, func(p *packages.Package) {
		if p.ForTest == "" && !strings.HasSuffix(p.ID, ".test") || l.known[p.PkgPath] == nil && !strings.HasSuffix(p.PkgPath, "_test") {
			l.known[p.PkgPath] = p
		}
	})
}

// nothing returns what the go command says if it found no package at all.
func (l *loader) nothing() (err error) {
	for _, p := range l.plans {
		if p.plain == nil || len(p.plain.GoFiles) > 0 || len(p.plain.Errors) == 0 {
			return nil
		}
		err = errors.Join(err, fmt.Errorf("%s: %w", p.path, brief(p.plain.Errors[0])))
	}
	return err
}

func dirOf(p *packages.Package) string {
	if p == nil {
		return ""
	}
	if p.Dir != "" {
		return p.Dir
	}
	for _, files := range [][]string{p.GoFiles, p.OtherFiles, p.IgnoredFiles} {
		if len(files) > 0 {
			return filepath.Dir(files[0])
		}
	}
	return ""
}

// inCache reports whether a package lies in the module cache, where it can't be replaced.
func (l *loader) inCache(p *packages.Package) bool {
	rel, err := filepath.Rel(l.cache, dirOf(p))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// standard reports whether a package is of the standard library.
func standard(p *packages.Package) bool { return p.Module == nil }

// kept are modules that synchronize for themselves only: they call nobody back while they
// hold a lock, and wait for nobody. Each was looked at.
var kept = []string{
	"github.com/davecgh/go-spew", "github.com/golang/protobuf", "github.com/golang/snappy", "github.com/google/go-cmp",
	"github.com/klauspost/compress", "github.com/pmezard/go-difflib", "golang.org/x/sys", "golang.org/x/text",
	"google.golang.org/protobuf", "gopkg.in/yaml.v2", "gopkg.in/yaml.v3",
}

func (l *loader) keeps(path string) bool {
	for _, list := range [][]string{kept, l.w.o.Keep} {
		for _, k := range list {
			if path == k || strings.HasPrefix(path, k+"/") {
				return true
			}
		}
	}
	return false
}

// synchronizes returns why a package of another module has to be explored, or "".
func (l *loader) synchronizes(p *packages.Package) string {
	if why, ok := l.syncs[p.PkgPath]; ok {
		return why
	}
	l.syncs[p.PkgPath] = ""
	why := looks(p)
	for _, path := range sortedImports(p) {
		if why != "" {
			break
		}
		if q := p.Imports[path]; !standard(q) && !l.keeps(q.PkgPath) && (l.isLocal(q) || l.synchronizes(q) != "") {
			why = q.PkgPath
		}
	}
	l.syncs[p.PkgPath] = why
	return why
}

func sortedImports(p *packages.Package) []string {
	var paths []string
	for path := range p.Imports {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// isLocal reports whether a package is the user's own.
func (l *loader) isLocal(p *packages.Package) bool {
	return p.Module != nil && !l.inCache(p) && (p.Module.Main || p.Module.Replace != nil)
}

// active are names of packages that matter to concurrent code, of packages that have many
// others. What has no entry matters in whole.
var active = map[string][]string{
	"runtime": {"AddCleanup", "GOMAXPROCS", "Goexit", "Gosched", "NumCPU", "NumGoroutine", "SetFinalizer", "Stack"},
	"time":    {"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Ticker", "Timer", "Until"},
	"testing": {},
}

// looks returns what in a package itself synchronizes or depends on chance or time.
func looks(p *packages.Package) string {
	for path := range p.Imports {
		if _, some := active[path]; gen.HasDropIn(path) && !some {
			return path
		}
	}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return "" // it doesn't compile, which is said elsewhere
		}
		names := make(map[string]string)
		for _, im := range f.Imports {
			path, _ := strconv.Unquote(im.Path.Value)
			if _, some := active[path]; some {
				names[path[strings.LastIndex(path, "/")+1:]] = path
				if im.Name != nil {
					names[im.Name.Name] = path
				}
			}
		}
		why := ""
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
				why = "goroutines or channels"
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && slices.Contains(active[names[x.Name]], n.Sel.Name) {
					why = names[x.Name]
				}
			}
			return why == ""
		})
		if why != "" {
			return why
		}
	}
	return ""
}

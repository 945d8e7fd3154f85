package gen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/refbench/refbench/fuzz/explore"
)

// A Whole is a program all of whose packages that matter are in explored form, each built
// in the place of its original. Unlike in the form that [Packages] writes, in this form
//
//   - variables of packages are made anew for each execution, in Go's order,
//   - plain memory that other goroutines may see is announced,
//   - maps are ranged over in an order that is the same in each execution,
//   - what can't be modelled is refused where it is reached.
type Whole struct {
	// Home is the import path of the explorer's source.
	Home string
	// Moved are import paths of packages that are built elsewhere, and where.
	Moved map[string]string
	// Explored are the import paths of all packages in explored form.
	Explored map[string]bool
	// NoPlain leaves plain memory unannounced.
	NoPlain bool
	// Dir is the folder that messages show paths below.
	Dir string

	dropIns map[string]string
	exports map[string][]string
}

// A Form is a package in explored form.
type Form struct {
	// Files are the files, by the paths of their originals.
	Files map[string][]byte
	// Variables is one more file of the package.
	Variables []byte
	// Refused is what is refused where it is reached.
	Refused []string
	// TempFiles says that it makes temporary files.
	TempFiles bool
}

// wholeDropIns are the packages that have drop-ins in a whole program.
var wholeDropIns = []string{
	"context", "crypto/rand", "hash/maphash", "math/rand", "math/rand/v2", "os/signal",
	"runtime", "sync", "sync/atomic", "testing", "testing/synctest", "time",
}

// complete are packages whose drop-ins stand for all of the original: what they don't have
// isn't modelled. Of the others it doesn't matter to concurrent code.
var complete = []string{"context", "math/rand", "math/rand/v2", "os/signal", "sync", "sync/atomic", "testing", "testing/synctest"}

// HasDropIn reports whether a package of the standard library has a drop-in.
func HasDropIn(path string) bool { return slices.Contains(wholeDropIns, path) }

// Package returns the explored form of a package. It must have been loaded with types and
// without errors.
func (w *Whole) Package(p *packages.Package) (*Form, error) {
	if w.dropIns == nil {
		w.dropIns, w.exports = make(map[string]string), make(map[string][]string)
		for _, from := range wholeDropIns {
			names, err := exportedNames(from)
			if err != nil {
				return nil, err
			}
			w.dropIns[from], w.exports[from] = w.Home+"/"+from, names
		}
	}
	g := &generator{
		o: Options{Dir: w.Dir}, new: w.Moved, dropIns: w.dropIns, exports: w.exports,
		whole: w, home: w.Home,
	}
	v := newVariables(p)
	form := &Form{Files: make(map[string][]byte)}
	for i, f := range p.Syntax {
		name := p.CompiledGoFiles[i]
		if filepath.Ext(name) != ".go" || !slices.Contains(p.GoFiles, name) {
			return nil, &UnsupportedError{[]string{"it needs cgo"}}
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("gen: %w", err)
		}
		r := &rewriter{g: g, p: p, file: f, src: src, base: p.Fset.File(f.Pos()), comm: make(map[ast.Node]bool), vars: v, n: i, going: make(map[*ast.CallExpr]bool)}
		r.shared = sharedLocals(p, f)
		text, err := r.rewriteWhole()
		if err != nil {
			return nil, fmt.Errorf("gen: %s: %w", g.short(name), err)
		}
		form.Files[name] = text
	}
	if len(g.items) > 0 {
		return nil, &UnsupportedError{g.items}
	}
	form.Variables = v.file(w.Home, p)
	form.Refused, form.TempFiles = g.refused, g.tempFiles
	return form, nil
}

// exportedNames returns the exported names of a drop-in.
func exportedNames(from string) ([]string, error) {
	source := explore.Source()
	entries, err := source.ReadDir(from)
	if err != nil {
		return nil, fmt.Errorf("gen: drop-in of %s: %w", from, err)
	}
	var names []string
	add := func(ids ...*ast.Ident) {
		for _, id := range ids {
			if id.IsExported() {
				names = append(names, id.Name)
			}
		}
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		src, err := source.ReadFile(path.Join(from, e.Name()))
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), src, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(d.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						add(s.Name)
					case *ast.ValueSpec:
						add(s.Names...)
					}
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// formName is the name under which generated files import package form.
const formName = "form_"

// rewriteWhole returns the file in the explored form of a whole program.
func (r *rewriter) rewriteWhole() ([]byte, error) {
	r.markLines()
	r.uses, r.gone = make(map[*types.PkgName]int), make(map[*types.PkgName]int)
	ast.PreorderStack(r.file, nil, func(n ast.Node, stack []ast.Node) bool { r.node(n, stack); return true })
	r.plain()
	r.rewriteSelects()
	tail := r.variables()
	r.rewriteImports()
	r.addWholeImports()
	text, err := apply(r.src, 0, len(r.src), r.edits)
	if err != nil {
		return nil, err
	}
	out := placed(text+"\n"+tail, r.base.Name(), r.version())
	if _, err := parser.ParseFile(token.NewFileSet(), r.base.Name(), out, parser.SkipObjectResolution); err != nil && len(r.g.items) == 0 {
		return nil, fmt.Errorf("the explored form doesn't parse: %w", err)
	}
	return out, nil
}

// version is the constraint that gives the file the language that its explored form needs:
// at least that with type parameters. Newer ones would change what loops mean.
func (r *rewriter) version() string {
	if v := r.p.Module; v != nil && v.GoVersion != "" {
		parts := strings.Split(v.GoVersion, ".")
		if len(parts) >= 2 {
			if minor, err := strconv.Atoi(parts[1]); err == nil && minor > 21 {
				return fmt.Sprintf("go1.%d", minor)
			}
		}
	}
	return "go1.21"
}

// placed turns marks into line directives where lines aren't where they were, and gives
// the file the language version.
func placed(text, name, version string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "//go:build %s\n\n", version)
	src := []byte(text)
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", 1, len(src))
	s.Init(file, src, nil, scanner.ScanComments)
	at := 0          // what was written
	line, of := 0, 0 // line of is that of the original's line, by the last directive
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok != token.COMMENT {
			continue
		}
		begin := int(pos) - 1
		if strings.HasPrefix(lit, "//go:build ") || strings.HasPrefix(lit, "// +build") || strings.HasPrefix(lit, "//line ") || strings.HasPrefix(lit, "/*line ") {
			out.Write(src[at:begin])
			at = begin + len(lit)
			continue
		}
		m := isMark.FindStringSubmatch(lit)
		if m == nil {
			continue
		}
		out.Write(src[at:begin])
		at = begin + len(lit)
		want, _ := strconv.Atoi(m[1])
		here := file.Line(pos)
		if line == 0 || want != of+here-line {
			fmt.Fprintf(&out, "/*line %s:%d:1*/", name, want)
			line, of = here, want
		}
	}
	out.Write(src[at:])
	return out.Bytes()
}

// imported returns the name under which the file imports a package besides what its source
// does.
func (r *rewriter) imported(path string) string {
	if i := slices.Index(r.extra, path); i >= 0 {
		return fmt.Sprintf("also%d_", i)
	}
	r.extra = append(r.extra, path)
	return fmt.Sprintf("also%d_", len(r.extra)-1)
}

// addWholeImports adds what the form needs behind the package clause, and makes imports
// blank that are no longer used.
func (r *rewriter) addWholeImports() {
	at := r.offset(r.file.Name.End())
	text := ""
	if r.g.whole != nil && r.p.Name == "main" {
		r.replace(r.file.Name.Pos(), r.file.Name.End(), MainName)
	}
	for _, im := range []struct {
		used       bool
		name, path string
	}{
		{r.explore, exploreName, r.g.home}, {r.channel, channelName, r.g.home + "/channel"},
		{r.form, formName, r.g.home + "/form"}, {r.bridge, bridgeName, r.g.home + "/context"},
	} {
		if im.used {
			text += fmt.Sprintf("; import %s %q", im.name, im.path)
		}
	}
	for i, path := range r.extra {
		text += fmt.Sprintf("; import also%d_ %q", i, path)
	}
	if text != "" {
		r.edits = append(r.edits, edit{from: at, to: at, text: text, order: 1})
	}
	for _, im := range r.file.Imports {
		pn, _ := r.p.TypesInfo.Implicits[im].(*types.PkgName)
		if im.Name != nil {
			pn, _ = r.p.TypesInfo.Defs[im.Name].(*types.PkgName)
		}
		if pn == nil || r.uses[pn] == 0 || r.uses[pn] > r.gone[pn] {
			continue
		}
		if im.Name != nil {
			r.replace(im.Name.Pos(), im.Name.End(), "_")
		} else {
			r.before(im.Path.Pos(), "_ ")
		}
	}
}

// MainName is the name that package main has in explored form, where it is imported.
const MainName = "main_"

// bridgeName is the name under which generated files import the drop-in of package context
// for its bridges to the original.
const bridgeName = "bridge_"

// qualified changes a name of another package where a whole program has something else.
func (r *rewriter) qualified(sel *ast.SelectorExpr) {
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return
	}
	pn, ok := r.p.TypesInfo.Uses[x].(*types.PkgName)
	if !ok {
		return
	}
	from, name := pn.Imported().Path(), sel.Sel.Name
	instead := func(alias string) {
		r.replace(x.Pos(), x.End(), alias)
		r.gone[pn]++
	}
	if (from == "os" || from == "io/ioutil") && slices.Contains(tempNames, name) {
		r.g.tempFiles = true
	}
	switch to := r.g.dropIns[from]; {
	case from == "os" && name == "Exit":
		r.form = true
		instead(formName)
	case standsFor(from, name) != "":
		instead(r.imported(r.g.home + standsFor(from, name)))
	case to != "" && !slices.Contains(r.g.exports[from], name):
		if slices.Contains(complete, from) {
			r.unsupported(sel.Pos(), from+"."+name)
			return
		}
		instead(r.imported(from))
	}
}

// tempNames are what makes temporary files, of packages os and ioutil.
var tempNames = []string{"CreateTemp", "MkdirTemp", "TempDir", "TempFile"}

// partly are packages of which some names have other ones in explored form, and the package
// that has those.
var partly = map[string]struct {
	instead string
	names   []string
}{
	"expvar": {"/expvar", []string{"NewFloat", "NewInt", "NewMap", "NewString", "Publish"}},
	"io":     {"/pipe", []string{"Pipe", "PipeReader", "PipeWriter"}},
	"net":    {"/net", []string{"Dial", "DialTimeout", "Listen", "Pipe"}},
}

// standsFor returns the package below the explorer's that has what stands for the name, "" if
// the name stays.
func standsFor(path, name string) string {
	if p := partly[path]; slices.Contains(p.names, name) {
		return p.instead
	}
	return ""
}

// reached are functions and methods of the standard library that block or switch
// goroutines by themselves, or need the world outside. They are refused where they are
// reached.
var reached = map[string][]string{
	"net": {
		"DialIP", "DialTCP", "DialUDP", "DialUnix", "Dialer.Dial", "Dialer.DialContext",
		"FileConn", "FileListener", "ListenConfig.Listen", "ListenIP", "ListenMulticastUDP",
		"ListenPacket", "ListenTCP", "ListenUDP", "ListenUnix", "ListenUnixgram", "LookupAddr",
		"LookupCNAME", "LookupHost", "LookupIP", "LookupMX", "LookupNS", "LookupPort", "LookupSRV",
		"LookupTXT", "ResolveIPAddr", "ResolveTCPAddr", "ResolveUDPAddr", "Resolver.LookupHost",
		"Resolver.LookupIP", "Resolver.LookupIPAddr",
	},
	"net/http": {
		"Client.Do", "Client.Get", "Client.Head", "Client.Post", "Client.PostForm", "Get", "Head",
		"ListenAndServe", "ListenAndServeTLS", "Post", "PostForm", "Serve", "ServeTLS", "Server.Close",
		"Server.ListenAndServe", "Server.ListenAndServeTLS", "Server.Serve", "Server.Shutdown", "Transport.RoundTrip",
	},
	"net/http/httptest": {"NewServer", "NewTLSServer", "NewUnstartedServer"},
	"os/exec":           {"Cmd.CombinedOutput", "Cmd.Output", "Cmd.Run", "Cmd.Start", "Cmd.Wait"},
	"plugin":            {"Open"},
	"reflect":           {"ChanOf", "MakeChan", "Select", "Value.Recv", "Value.Send", "Value.TryRecv", "Value.TrySend"},
	"testing/quick":     {"Check", "CheckEqual", "Value"},
}

// refuses returns what is refused where a function of another package is reached, or "".
func (r *rewriter) refuses(f *types.Func) string {
	if f.Pkg() == nil {
		return ""
	}
	names := reached[f.Pkg().Path()]
	if names == nil {
		return ""
	}
	name := f.Name()
	if recv := f.Signature().Recv(); recv != nil {
		t := recv.Type()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem()
		}
		named, ok := t.(*types.Named)
		if !ok {
			return ""
		}
		name = named.Obj().Name() + "." + name
	}
	if !slices.Contains(names, name) {
		return ""
	}
	return f.Pkg().Path() + "." + name
}

// function changes a use of a function of a package that isn't explored: id is its name,
// and whole the expression that stands for it.
func (r *rewriter) function(id *ast.Ident, whole ast.Expr) {
	f, ok := r.p.TypesInfo.Uses[id].(*types.Func)
	if !ok || f.Pkg() == nil {
		return
	}
	what := r.refuses(f)
	if what == "" {
		return
	}
	p := r.p.Fset.Position(id.Pos())
	what = fmt.Sprintf("%s in %s:%d", what, r.g.short(p.Filename), p.Line)
	r.g.refused = append(r.g.refused, what)
	r.form = true
	call := ".Refused("
	if t := r.p.TypesInfo.TypeOf(whole); r.hasDropIn(t) {
		call = ".RefusedAs[" + r.typ(whole.Pos(), t) + "]("
	}
	r.before(whole.Pos(), formName+call)
	r.after(whole.End(), fmt.Sprintf(", %q)", what))
}

// hasDropIn reports whether a function's parameters or results are of types that are
// others in explored form.
func (r *rewriter) hasDropIn(t types.Type) bool {
	switch t := t.(type) {
	case *types.Named:
		p := t.Obj().Pkg()
		return p != nil && (r.g.dropIns[p.Path()] != "" || r.g.new[p.Path()] != "")
	case *types.Alias:
		return r.hasDropIn(types.Unalias(t))
	case *types.Pointer:
		return r.hasDropIn(t.Elem())
	case *types.Slice:
		return r.hasDropIn(t.Elem())
	case *types.Chan:
		return true
	case *types.Signature:
		for _, list := range []*types.Tuple{t.Params(), t.Results()} {
			for i := range list.Len() {
				if r.hasDropIn(list.At(i).Type()) {
					return true
				}
			}
		}
	}
	return false
}

// addresses turns a comparison of where two objects lie,
//
//	uintptr(unsafe.Pointer(a)) < uintptr(unsafe.Pointer(b))
//
// into one whose outcome is a choice of the search:
//
//	form_.Compare(unsafe.Pointer(a), unsafe.Pointer(b)) < 0
func (r *rewriter) addresses(n *ast.BinaryExpr) {
	if !slices.Contains([]token.Token{token.LSS, token.LEQ, token.GTR, token.GEQ}, n.Op) {
		return
	}
	x, y := r.addressOf(n.X), r.addressOf(n.Y)
	if x == nil || y == nil {
		return
	}
	r.form = true
	r.replace(x.Pos(), x.Lparen+1, formName+".Compare(")
	r.replace(x.Rparen, y.Lparen+1, ", ")
	r.after(y.End(), " "+n.Op.String()+" 0")
}

// addressOf returns the expression if it converts an unsafe.Pointer to a uintptr.
func (r *rewriter) addressOf(x ast.Expr) *ast.CallExpr {
	c, ok := x.(*ast.CallExpr)
	if !ok || len(c.Args) != 1 || !r.p.TypesInfo.Types[c.Fun].IsType() {
		return nil
	}
	to, ok1 := r.p.TypesInfo.TypeOf(c).Underlying().(*types.Basic)
	from, ok2 := r.p.TypesInfo.TypeOf(c.Args[0]).Underlying().(*types.Basic)
	if !ok1 || !ok2 || to.Kind() != types.Uintptr || from.Kind() != types.UnsafePointer {
		return nil
	}
	return c
}

// contexts gives a function of a package that isn't explored the contexts that it knows,
// and takes them from it.
func (r *rewriter) contexts(c *ast.CallExpr) {
	var id *ast.Ident
	switch f := ast.Unparen(c.Fun).(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return
	}
	f, ok := r.p.TypesInfo.Uses[id].(*types.Func)
	if !ok || f.Pkg() == nil || r.g.dropIns[f.Pkg().Path()] != "" || f.Pkg() == r.p.Types || r.isExplored(f.Pkg().Path()) {
		return
	}
	sig := f.Signature()
	for i, a := range c.Args {
		if i < sig.Params().Len() && isContext(sig.Params().At(i).Type()) && !(sig.Variadic() && i == sig.Params().Len()-1) {
			r.bridge = true
			r.before(a.Pos(), bridgeName+".Native(")
			r.after(a.End(), ")")
		}
	}
	if sig.Results().Len() == 1 && isContext(sig.Results().At(0).Type()) {
		r.bridge = true
		r.before(c.Pos(), bridgeName+".Foreign(")
		r.after(c.End(), ")")
	}
}

// size gives a size that makes up the length of an array or a constant the value that it has
// natively: what synchronizes has other sizes in explored form.
func (r *rewriter) size(c *ast.CallExpr, stack []ast.Node) {
	sel, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Sizeof" {
		return
	}
	tv := r.p.TypesInfo.Types[c]
	x, ok := sel.X.(*ast.Ident)
	if pn, isPkg := r.p.TypesInfo.Uses[x].(*types.PkgName); !ok || !isPkg || pn.Imported().Path() != "unsafe" || tv.Value == nil {
		return
	}
	for _, up := range stack {
		_, inArray := up.(*ast.ArrayType)
		if d, ok := up.(*ast.GenDecl); inArray || ok && d.Tok == token.CONST {
			// What it is the size of stays, so that imports are used.
			r.after(c.End(), "*0+"+tv.Value.ExactString()+")")
			r.before(c.Pos(), "(")
			return
		}
	}
}

// isExplored reports whether a package is in explored form.
func (r *rewriter) isExplored(path string) bool {
	return r.g.whole.Explored[path] || path == r.p.PkgPath
}

func isContext(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "context" && n.Obj().Name() == "Context"
}

// linknames are functions of the runtime that code links to, and what stands for them.
var linknames = map[string]string{
	"runtime.nanotime":              "Nanotime",
	"runtime.procPin":               "ProcPin",
	"runtime.procUnpin":             "ProcUnpin",
	"sync.runtime_procPin":          "ProcPin",
	"sync.runtime_procUnpin":        "ProcUnpin",
	"sync/atomic.runtime_procPin":   "ProcPin",
	"sync/atomic.runtime_procUnpin": "ProcUnpin",
	"runtime.fastrand":              "Uint32",
	"runtime.cheaprand":             "Uint32",
	"runtime.fastrandn":             "Uint32n",
	"runtime.cheaprandn":            "Uint32n",
	"runtime.fastrand64":            "Uint64",
	"runtime.rand":                  "Uint64",
	"runtime.memhash":               "Memhash",
	"runtime.strhash":               "Strhash",
	"runtime.osyield":               "Yield",
	"sync.runtime_canSpin":          "CanSpin",
	"sync.runtime_doSpin":           "DoSpin",
}

// linkname gives a function without a body, which is linked to one of the runtime, the body
// that stands for that.
func (r *rewriter) linkname(d *ast.FuncDecl) {
	if d.Body != nil || d.Recv != nil {
		return
	}
	for _, group := range r.file.Comments {
		for _, c := range group.List {
			words := strings.Fields(c.Text)
			if len(words) != 3 || words[0] != "//go:linkname" || words[1] != d.Name.Name {
				continue
			}
			to := linknames[words[2]]
			if to == "" {
				return
			}
			var args []string
			for _, f := range d.Type.Params.List {
				for _, n := range f.Names {
					args = append(args, n.Name)
				}
			}
			if len(args) != d.Type.Params.NumFields() || slices.Contains(args, "_") {
				r.unsupported(d.Pos(), "go:linkname to "+words[2])
				return
			}
			call := fmt.Sprintf("%s.%s(%s)", formName, to, strings.Join(args, ", "))
			if t := d.Type.Results; t != nil && t.NumFields() == 1 {
				call = fmt.Sprintf("return %s(%s)", r.typ(d.Pos(), r.p.TypesInfo.TypeOf(t.List[0].Type)), call)
			}
			r.form = true
			r.replace(c.Pos(), c.End(), "")
			if d.Doc != nil {
				for _, c := range d.Doc.List {
					if c.Text == "//go:noescape" {
						r.replace(c.Pos(), c.End(), "")
					}
				}
			}
			r.after(d.End(), " { "+call+" }")
			return
		}
	}
}

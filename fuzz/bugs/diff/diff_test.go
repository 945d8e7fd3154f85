package diff

import (
	"bytes"
	"flag"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/refbench/refbench/fuzz/bugs/matrix"
)

var update = flag.Bool("update", false, "write the differences")

// The differences are those of the source, and every bug has one.
func TestDiffsAreCurrent(t *testing.T) {
	src := load(t, "..", "../../../workloads")
	current := make(map[string]bool)
	for _, e := range matrix.Builtin() {
		name := e.Native.Name
		want := src.diff(name)
		if want == "" {
			t.Errorf("%s: the source has no difference between the bug and its twin that can be worked out", name)
			continue
		}
		current[name+".diff"] = true
		if *update {
			if err := os.WriteFile(name+".diff", []byte(want), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got := Of(name); got != want {
			t.Errorf("%s.diff is not current: go test ./fuzz/bugs/diff -update\n got %s\nwant %s", name, got, want)
		}
	}
	files, err := filepath.Glob("*.diff")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !current[f] {
			t.Errorf("%s is of no bug: remove it", f)
		}
	}
	if Of("nobody") != "" {
		t.Error("a bug that there isn't has a difference")
	}
}

// A source is the declarations of some packages, by name.
type source struct {
	fset  *token.FileSet
	funcs map[string]*ast.FuncDecl   // without a receiver
	of    map[string][]*ast.FuncDecl // by the receiver's type
	file  map[string][]*ast.FuncDecl // by the file of a variable
	bugs  map[string]*ast.CallExpr   // Bug{Name: ...}.counts(...)
}

func load(t *testing.T, dirs ...string) *source {
	t.Helper()
	s := &source{token.NewFileSet(), map[string]*ast.FuncDecl{}, map[string][]*ast.FuncDecl{}, map[string][]*ast.FuncDecl{}, map[string]*ast.CallExpr{}}
	for _, dir := range dirs {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(paths), err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(s.fset, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			s.add(f)
		}
	}
	return s
}

func (s *source) add(f *ast.File) {
	var funcs []*ast.FuncDecl
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
			funcs = append(funcs, d)
			if d.Recv == nil {
				s.funcs[d.Name.Name] = d
			} else if name := typeName(d.Recv.List[0].Type); name != "" {
				s.of[name] = append(s.of[name], d)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for _, name := range n.Names {
				s.file[name.Name] = funcs
			}
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
				if lit, ok := sel.X.(*ast.CompositeLit); ok {
					if name, err := strconv.Unquote(text(field(lit, "Name"))); err == nil {
						s.bugs[name] = n
					}
				}
			}
		}
		return true
	})
}

// typeName returns the name of a type without what points to it and what it is made with.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// text returns a name or a literal as it is written.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.BasicLit:
		return e.Value
	}
	return ""
}

func field(lit *ast.CompositeLit, name string) ast.Expr {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && text(kv.Key) == name {
			return kv.Value
		}
	}
	return nil
}

// Flags are the values of a type's fields that say what is wrong with it: names of constants,
// "true", or "" for the zero value.
type flags map[string]string

// diff returns what differs between the functions of a bug and of its twin.
func (s *source) diff(bug string) string {
	call := s.bugs[bug]
	if call == nil {
		return ""
	}
	var wrong, right flags
	var funcs []*ast.FuncDecl
	twins := make(map[string]*ast.FuncDecl) // of the twin's type, by name, if that is another one
	switch call.Fun.(*ast.SelectorExpr).Sel.Name {
	case "counts":
		var name, twin string
		name, wrong = s.made(call.Args[1])
		twin, right = s.made(call.Args[2])
		funcs = s.of[name]
		if twin != name {
			for _, f := range s.of[twin] {
				twins[f.Name.Name] = f
			}
		}
	case "use":
		// Of a type whose only flag is called so.
		wrong, right = flags{"wrong": "true"}, flags{}
		if start := s.funcs[text(call.Args[0])]; start != nil {
			ast.Inspect(start, func(n ast.Node) bool {
				if lit, ok := n.(*ast.CompositeLit); ok && len(funcs) == 0 {
					funcs = s.of[typeName(lit.Type)]
				}
				return true
			})
		}
	case "uses":
		wrong, right = flags{"wrong": "true", "Wrong": "true"}, flags{}
		if sel, ok := call.Args[0].(*ast.SelectorExpr); ok {
			funcs = s.file[sel.Sel.Name]
		}
	}
	for f, v := range wrong {
		if _, ok := right[f]; !ok && v != "" {
			right[f] = ""
		}
	}
	for f, v := range right {
		if _, ok := wrong[f]; !ok && v != "" {
			wrong[f] = ""
		}
	}
	var a, b bytes.Buffer
	for _, f := range funcs {
		g := f
		if len(twins) > 0 {
			if g = twins[f.Name.Name]; g == nil {
				continue
			}
		}
		if x, y := s.print(specialize(f, wrong)), s.print(specialize(g, right)); x != y {
			a.WriteString(x + "\n")
			b.WriteString(y + "\n")
		}
	}
	if a.Len() == 0 {
		return ""
	}
	_, text, _ := bytes.Cut(diff.Diff(bug, a.Bytes(), "twin", b.Bytes()), []byte("\n")) // the first line names them again
	return string(text)
}

func (s *source) print(f *ast.FuncDecl) string {
	var b bytes.Buffer
	if err := format.Node(&b, token.NewFileSet(), f); err != nil { // another set: as if on no lines
		return err.Error()
	}
	return b.String()
}

// made returns the type of what a constructor makes, and its flags.
func (s *source) made(e ast.Expr) (name string, values flags) {
	values = flags{}
	args := make(map[string]string)
	var body ast.Node = e
	if f := s.funcs[text(e)]; f != nil {
		body = f.Body
	}
	if call, ok := e.(*ast.CallExpr); ok {
		f := s.funcs[text(call.Fun)]
		if f == nil {
			return "", values
		}
		i := 0
		for _, p := range f.Type.Params.List {
			for _, n := range p.Names {
				args[n.Name] = text(call.Args[i])
				i++
			}
		}
		body = f.Body
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if text(n.Fun) == "new" && name == "" {
				name = typeName(n.Args[0])
			}
		case *ast.CompositeLit:
			if name != "" {
				return true
			}
			name = typeName(n.Type)
			for _, el := range n.Elts {
				kv, ok := el.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				v := text(kv.Value)
				if a, ok := args[v]; ok {
					v = a
				}
				if v != "" {
					values[text(kv.Key)] = v
				}
			}
		}
		return true
	})
	return name, values
}

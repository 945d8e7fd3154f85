package gen

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/context"
	"github.com/refbench/refbench/fuzz/explore/gen/testdata/explored/fuzz/explore/gen/testdata/src/poller"
	"github.com/refbench/refbench/fuzz/explore/gen/testdata/explored/fuzz/explore/gen/testdata/src/queue"
	"github.com/refbench/refbench/fuzz/explore/time"
)

var update = flag.Bool("update", false, "write testdata/explored")

const (
	testdata     = "github.com/refbench/refbench/fuzz/explore/gen/testdata/"
	exploredRoot = testdata + "explored"
)

// TestExplored: the explored form is what is committed, compiles, and is the same
// every time.
func TestExplored(t *testing.T) {
	o := Options{Patterns: []string{"./testdata/src/..."}, Root: exploredRoot}
	files, err := Packages(o)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Packages(o)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if !bytes.Equal(f.Data, again[i].Data) || f.Path != again[i].Path {
			t.Errorf("%s differs the second time", f.Path)
		}
		name := filepath.Join("testdata", "explored", filepath.FromSlash(f.Path))
		if *update {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(f.Data, want) {
			t.Errorf("%s is out of date; run go test ./fuzz/explore/gen -update. Now it would be:\n%s", name, f.Data)
		}
		if !bytes.HasPrefix(f.Data, []byte("// Code generated ")) {
			t.Errorf("%s isn't marked as generated", f.Path)
		}
	}
	if len(files) != 8 {
		t.Errorf("%d files, want 8", len(files))
	}
	pkgs, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes | packages.NeedDeps | packages.NeedImports | packages.NeedSyntax}, exploredRoot+"/...")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		for _, e := range p.Errors {
			t.Errorf("%s: %v", p.PkgPath, e)
		}
	}
}

// TestPositionsAreTheOriginals: what is in functions of the explored form has the file and
// line of the original, and the copy has neither comments nor blank lines that formatting
// doesn't ask for.
func TestPositionsAreTheOriginals(t *testing.T) {
	// idents returns where names are, by file and line, and the names that there are.
	idents := func(name string) (at map[string]bool, names map[string]bool, f *ast.File, fset *token.FileSet) {
		t.Helper()
		fset = token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		at, names = make(map[string]bool), make(map[string]bool)
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				p := fset.Position(id.Pos())
				at[fmt.Sprintf("%s:%d %s", filepath.Base(p.Filename), p.Line, id.Name)] = true
				names[id.Name] = true
			}
			return true
		})
		return at, names, f, fset
	}
	copies, err := filepath.Glob("testdata/explored/fuzz/explore/gen/testdata/src/*/*.go")
	if err != nil || len(copies) < 5 {
		t.Fatalf("%d copies, %v", len(copies), err)
	}
	checked := 0
	for _, name := range copies {
		original := strings.TrimPrefix(name, "testdata/explored/fuzz/explore/gen/")
		at, names, _, _ := idents(original)
		_, _, f, fset := idents(name)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if p := fset.Position(fn.Name.Pos()); filepath.Clean(p.Filename) != filepath.Clean(original) {
				t.Errorf("%s: function %s is said to be in %s, want %s", name, fn.Name, p.Filename, original)
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if s, ok := n.(*ast.SwitchStmt); ok && s.Init != nil {
					if to, ok := s.Init.(*ast.AssignStmt); ok && strings.HasPrefix(fmt.Sprint(to.Lhs[0]), "select") {
						s.Init = nil // operands of cases are evaluated where the select begins
					}
				}
				id, ok := n.(*ast.Ident)
				if !ok || !names[id.Name] || slices.Contains([]string{"panic", "Close", "int", "int64", "error"}, id.Name) {
					return true // the explorer's, or a type that a go statement needs
				}
				p := fset.Position(id.Pos())
				if where := fmt.Sprintf("%s:%d %s", filepath.Base(p.Filename), p.Line, id.Name); !at[where] {
					t.Errorf("%s: %s isn't there in the original", name, where)
				}
				checked++
				return true
			})
		}
	}
	t.Logf("%d names", checked)
	if checked < 400 {
		t.Errorf("only %d names were looked at", checked)
	}
}

// TestGeneratedCodeIsExplored: the bug in the package is found in its explored form,
// and without the bug it passes.
func TestGeneratedCodeIsExplored(t *testing.T) {
	for _, torn := range []bool{true, false} {
		s := &explore.Scenario{Name: "queue", CPUs: 2, Make: func(explore.Program) explore.Case {
			return explore.Case{Threads: []func(){func() {
				q := queue.New(2, torn)
				q.Add(3, 4)
				if got := q.Close(); got != 7 {
					explore.Failf("the sum is %d, want 7", got)
				}
			}}}
		}}
		r, err := explore.Explore(s, explore.Options{Executions: 20_000})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case torn && r.Failure == nil:
			t.Errorf("the planted bug was not found in %d executions", r.Executions)
		case torn && !strings.Contains(r.Failure.Message, "the sum is"):
			t.Errorf("%v", r.Failure)
		case !torn && r.Failure != nil:
			t.Errorf("false alarm:\n%s%s", r.Failure.Text(), r.Failure.Stack)
		}
	}
}

// TestServiceIsExplored: a service with a select, a ticker and contexts goes through the
// generator; its bug, which needs certain cases of selects, is found, and without the
// bug it passes.
func TestServiceIsExplored(t *testing.T) {
	for _, hasty := range []bool{true, false} {
		s := &explore.Scenario{Name: "poller", CPUs: 2, Make: func(explore.Program) explore.Case {
			return explore.Case{Threads: []func(){func() {
				p := poller.New(context.Background(), time.Second, hasty)
				want := 0
				for _, v := range []int{3, 4} {
					switch err := p.Add(v, 2*time.Second); err {
					case nil:
						want += v
					case context.DeadlineExceeded:
					default:
						explore.Failf("%v", err)
					}
				}
				if got := p.Close(); got != want {
					explore.Failf("the sum is %d, want %d", got, want)
				}
			}}}
		}}
		for _, o := range []explore.Options{
			{Search: explore.Random}, {Search: explore.PCT}, {Search: explore.DFS, Bound: explore.Unbounded}, {Seed: 1},
		} {
			o.Executions = 3000
			r, err := explore.Explore(s, o)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case hasty && r.Failure == nil:
				t.Errorf("%s: the planted bug was not found in %d executions", o.Search, r.Executions)
			case hasty && !strings.Contains(r.Failure.Message, "the sum is"):
				t.Errorf("%s: %v", o.Search, r.Failure)
			case hasty:
				if _, err := explore.Replay(r.Failure.Token, []*explore.Scenario{s}, explore.Options{}); err != nil {
					t.Errorf("%s: %v", o.Search, err)
				}
			case r.Failure != nil:
				t.Errorf("%s: false alarm:\n%s%s", o.Search, r.Failure.Text(), r.Failure.Stack)
			}
		}
	}
}

// TestRefused: what can't be modelled is refused by name and place.
func TestRefused(t *testing.T) {
	for dir, want := range map[string]string{
		"ident":     "unsupported: time.LoadLocation in testdata/bad/ident/bad.go:5",
		"hidden":    "unsupported: import of os/signal in testdata/bad/hidden/bad.go:3",
		"signature": "unsupported: log/slog.InfoContext, which has a context or a channel and is not among the packages to explore, in testdata/bad/signature/bad.go:8",
		"rand":      "unsupported: math/rand/v2.IntN in testdata/bad/rand/bad.go:5",
		"dot":       "unsupported: dot import of sync in testdata/bad/dot/bad.go:3",
		"named":     "unsupported: named channel type C in testdata/bad/named/bad.go:3",
		"broken":    "doesn't compile: ",
		"linkname":  "unsupported: go:linkname in testdata/bad/linkname/bad.go:5",
		"embed":     "unsupported: embedded file x.txt",
		"cgo":       "unsupported: cgo in ",
		"asm":       "unsupported: assembly in testdata/bad/asm/f_amd64.s",
		"command":   "is a command",
		"dep":       "unsupported: import of " + testdata + "src/poller, which uses context and is not among the packages to explore in testdata/bad/dep/bad.go:3",
		"chance":    "unsupported: import of hash/maphash in testdata/bad/chance/bad.go:3",
		"pipe":      "unsupported: io.Pipe in testdata/bad/pipe/bad.go:5",
		"none":      "none can't be loaded: ",
		"gochan":    "unsupported: go statement with an argument whose type chan int must be written in testdata/bad/gochan/bad.go:5",
	} {
		_, err := Packages(Options{Patterns: []string{"./testdata/bad/" + dir}, Root: "example.com/explored"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
	if _, err := Packages(Options{Patterns: []string{"./testdata/bad/dep"}, Root: "example.com/explored", Keep: []string{testdata + "src/poller"}}); err != nil {
		t.Errorf("a dependency that is kept: %v", err)
	}
	if _, err := Packages(Options{Patterns: []string{"./testdata/none"}, Root: "example.com/explored"}); err == nil {
		t.Errorf("a directory that doesn't exist: no error")
	}
	if _, err := Packages(Options{Patterns: []string{"."}}); err == nil {
		t.Errorf("no root: no error")
	}
}

// TestReplace: a package with a drop-in of one's own is replaced by it, and what the
// drop-in doesn't have is refused.
func TestReplace(t *testing.T) {
	o := Options{
		Patterns: []string{"./testdata/replace/user", "./testdata/replace/wired", "./testdata/replace/dropin"}, Root: "example.com/explored",
		Replace: map[string]string{testdata + "replace/wired": testdata + "replace/dropin"},
	}
	files, err := Packages(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || !strings.HasSuffix(files[0].Path, "replace/user/user.go") {
		t.Fatalf("files %v, want that of package user alone", files)
	}
	if text := string(files[0].Data); !strings.Contains(text, `"`+testdata+`replace/dropin"`) || strings.Contains(text, "replace/wired") {
		t.Errorf("the drop-in isn't used:\n%s", text)
	}
	for name, want := range map[string]string{
		"bad":  "unsupported: wired.Move in testdata/replace/bad/bad.go:5",
		"none": "gen: drop-in " + testdata + "replace/none of " + testdata + "replace/wired can't be loaded: ",
	} {
		o := o
		o.Patterns = []string{"./testdata/replace/bad"}
		if name == "none" {
			o.Replace = map[string]string{testdata + "replace/wired": testdata + "replace/none"}
		}
		if _, err := Packages(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

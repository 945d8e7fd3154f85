package report

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// The report knows files only, so that it reads what any version measured.
func TestImportsNoStrategyAndNoWorkload(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for dep := range strings.FieldsSeq(string(out)) {
		if !strings.HasPrefix(dep, "github.com/refbench/refbench") {
			continue
		}
		own++
		// What is below it is its own: statistics.
		if dep != "github.com/refbench/refbench/report" && !strings.HasPrefix(dep, "github.com/refbench/refbench/report/") {
			t.Errorf("package report needs %s", dep)
		}
	}
	if own < 2 {
		t.Errorf("go list names %d packages of this module, want report and what is below it", own)
	}
}

// Nothing in the report is for one strategy or for one workload.
func TestKnowsNoStrategyAndNoWorkloadByName(t *testing.T) {
	names := make(map[string]bool)
	for _, of := range []struct {
		files, pattern string
		least          int
	}{
		{"../strategies/*/*.go", `Strategy\{\s+Name:\s+"(\w+)"`, 4},
		{"../workloads/*.go", `Workload\{\s+Name:\s+"(\w+)"`, 14},
	} {
		before := len(names)
		files, err := filepath.Glob(filepath.FromSlash(of.files))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range regexp.MustCompile(of.pattern).FindAllSubmatch(text, -1) {
				names[string(m[1])] = true
			}
		}
		if n := len(names) - before; n < of.least {
			t.Fatalf("%d names in %s, want at least %d: has their form changed?", n, of.files, of.least)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	literals := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			literals++
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
				if names[word] {
					t.Errorf("%s: %s names %s", fset.Position(lit.Pos()), lit.Value, word)
				}
			}
			return true
		})
	}
	if literals < 300 {
		t.Errorf("only %d strings were looked at", literals)
	}
}

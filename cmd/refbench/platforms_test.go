package main

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// All of refbench and its tests has the right types on other platforms, ints of 32 bits
// among them, and all functions are there. Types are checked from source, those of what is imported
// too, which is far less work than compiling all of it. .ci/run compiles the assembly.
func TestOtherPlatforms(t *testing.T) {
	if os.Getenv("REFBENCH_PLATFORMS") == "" {
		t.Skip("it needs modules that only other platforms import, which go test doesn't download where there is no network; .ci/run has them: set REFBENCH_PLATFORMS=all")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range []string{"linux/arm64", "linux/386", "darwin/arm64", "windows/amd64"} {
		t.Run(strings.ReplaceAll(platform, "/", "-"), func(t *testing.T) {
			system, arch, _ := strings.Cut(platform, "/")
			pkgs, err := packages.Load(&packages.Config{
				Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
					packages.NeedModule | packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax,
				Dir:   root,
				Env:   append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0"),
				Tests: true,
			}, "./...")
			if err != nil {
				t.Fatal(err)
			}
			own := 0
			for p := range packages.Postorder(pkgs) {
				if p.Module != nil && p.Module.Main {
					own++
					for _, name := range missing(t, p) {
						t.Errorf("%s: %s has neither a body nor assembly", p.ID, name)
					}
				}
				for _, e := range p.Errors {
					t.Errorf("%s: %v", p.ID, e)
				}
			}
			if own < 100 {
				t.Errorf("%d packages of this module were checked, want 100 and more", own)
			}
		})
	}
}

// missing returns the functions of a package that it declares and doesn't have: neither here,
// nor in assembly, nor as another package's.
func missing(t *testing.T, p *packages.Package) (names []string) {
	t.Helper()
	var assembly strings.Builder
	for _, name := range p.OtherFiles {
		if filepath.Ext(name) != ".s" {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		assembly.Write(data)
	}
	for _, file := range p.Syntax {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body != nil || strings.Contains(assembly.String(), "TEXT ·"+f.Name.Name+"(SB)") {
				continue
			}
			elsewhere := func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:linkname "+f.Name.Name+" ") }
			if f.Doc == nil || !slices.ContainsFunc(f.Doc.List, elsewhere) {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

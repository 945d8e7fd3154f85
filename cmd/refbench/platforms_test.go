package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// All of refbench and its tests has the right types on other platforms, ints of 32 bits
// among them. Types are checked from source, those of what is imported too: compiling all of it takes
// five times as long. What types don't show, functions without a body and assembly, .ci/run compiles
// and links.
func TestOtherPlatforms(t *testing.T) {
	if os.Getenv("REFBENCH_PLATFORMS") == "" {
		t.Skip("it reads the standard library for each platform; .ci/run does: set REFBENCH_PLATFORMS=all")
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

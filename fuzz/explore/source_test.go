package explore_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
)

// TestSourceIsComplete: the source that programs carry is all of the explorer and its
// drop-ins, and needs nothing but that and the standard library.
func TestSourceIsComplete(t *testing.T) {
	const home = "github.com/refbench/refbench/fuzz/explore"
	tools := map[string]bool{"gen": true, "gotest": true} // what makes and runs explored forms
	files := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (tools[name] || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		files++
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if got, err := explore.Source().ReadFile(filepath.ToSlash(name)); err != nil || string(got) != string(src) {
			t.Errorf("%s isn't in Source: %v", name, err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, im := range f.Imports {
			path, _ := strconv.Unquote(im.Path.Value)
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && path != home && !strings.HasPrefix(path, home+"/") {
				t.Errorf("%s imports %s, which the user's module may not have", name, path)
			}
		}
		return nil
	})
	if err != nil || files < 60 {
		t.Errorf("%d files, %v", files, err)
	}
}

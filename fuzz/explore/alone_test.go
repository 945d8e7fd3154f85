package explore_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestStandsAlone: the explorer, its generator and their tests need nothing of the rest of
// the module, so that they serve code of any kind.
func TestStandsAlone(t *testing.T) {
	const module, home = "github.com/refbench/refbench/", "github.com/refbench/refbench/fuzz/explore"
	out, err := exec.Command("go", "list", "-deps", "-test", home+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	own := 0
	for line := range strings.Lines(string(out)) {
		// A package that is built for a test: path [test], or path.test.
		path, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case path == home || strings.HasPrefix(path, home+"/") || strings.HasPrefix(path, home+".") || strings.HasPrefix(path, home+"_test"):
			own++
		case strings.HasPrefix(path, module):
			t.Errorf("it needs %s", path)
		}
	}
	if own < 20 {
		t.Errorf("only %d packages seen", own)
	}
}

package report

import (
	"os/exec"
	"strings"
	"testing"
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
		if dep != "github.com/refbench/refbench/report" {
			t.Errorf("package report needs %s", dep)
		}
	}
	if own != 1 {
		t.Errorf("go list names %d packages of this module, want report itself", own)
	}
}

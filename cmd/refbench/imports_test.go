package main

import (
	"os/exec"
	"strings"
	"testing"
)

const modulePath = "github.com/refbench/refbench/"

// layers say what a package may import of this module: the first rule whose
// prefix fits a package counts, and lists the prefixes it may import.
var layers = []struct {
	pkg string
	may []string
}{
	{"strategies/strategytest", []string{"strategies", "fuzz"}},
	{"strategies", []string{"strategies"}},
	{"workloads/native/gen", []string{"strategies"}},
	{"fuzz/explore/gen", []string{"fuzz/explore"}},
	{"cmd/refbench/gen", []string{"strategies", "workloads/native/gen", "fuzz/explore/gen", "fuzz/dropins"}},
	{"report/family", nil},
	{"report/gate", nil},
	{"workloads", []string{"strategies", "workloads", "report/family", "report/gate"}},
	{"fuzz", []string{"strategies", "workloads", "fuzz"}},
	{"report", []string{"report"}},
	{"cmd", []string{"strategies", "workloads", "fuzz", "report", "cmd"}},
}

// wrong returns why a package may not import another, or "".
func wrong(pkg, imported string) string {
	pkg, ok := strings.CutPrefix(pkg, modulePath)
	if !ok {
		return ""
	}
	imported, ok = strings.CutPrefix(imported, modulePath)
	if !ok {
		return ""
	}
	under := func(p, prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }
	for _, l := range layers {
		if !under(pkg, l.pkg) {
			continue
		}
		for _, m := range l.may {
			if under(imported, m) {
				return ""
			}
		}
		return pkg + " imports " + imported + ": it may import " + strings.Join(l.may, ", ")
	}
	return pkg + " is in no layer"
}

// Imports point one way: strategies <- workloads, fuzz <- cmd, and report knows
// only files.
func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{$p := .ImportPath}}{{range .Imports}}{{$p}} {{.}}{{"\n"}}{{end}}`, modulePath+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	pairs := 0
	for line := range strings.Lines(string(out)) {
		pkg, imported, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		pairs++
		if why := wrong(pkg, imported); why != "" {
			t.Error(why)
		}
	}
	if pairs < 50 {
		t.Errorf("only %d imports seen", pairs)
	}
}

// The command doesn't carry package testing, nor what writes its own loops
// into a strategy.
func TestCommandDoesNotLinkTesting(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", modulePath+"cmd/refbench").Output()
	if err != nil {
		t.Fatalf("go list -deps: %v", err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if dep == "testing" || dep == modulePath+"strategies/strategytest" {
			t.Errorf("cmd/refbench links %s", dep)
		}
	}
}

func TestWrongImportsAreSeen(t *testing.T) {
	for _, c := range []struct {
		pkg, imported string
		ok            bool
	}{
		{"strategies/atomic", "strategies", true},
		{"strategies/atomic", "workloads", false},
		{"workloads", "fuzz/explore", false},
		{"workloads/native", "workloads", true},
		{"workloads/native/gen", "workloads", false},
		{"cmd/refbench/gen", "workloads/native", false},
		{"cmd/refbench/gen", "fuzz/explore/gen", true},
		{"cmd/refbench/gen", "fuzz/explored", false},
		{"report", "strategies", false},
		{"report", "report/family", true},
		{"report/family", "report", false},
		{"workloads/bench/ab", "report/family", true},
		{"workloads/bench/ab", "report", false},
		{"reporting", "report", false},
		{"cmd/refbench/cli", "report", true},
	} {
		if got := wrong(modulePath+c.pkg, modulePath+c.imported); (got == "") != c.ok {
			t.Errorf("%s imports %s: %q", c.pkg, c.imported, got)
		}
	}
	if why := wrong("fmt", modulePath+"report"); why != "" {
		t.Errorf("fmt: %s", why)
	}
}

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The command runs the generator of the source that it is given, and passes on what
// that says and its exit status.
func TestGenRunsTheGeneratorOfTheSource(t *testing.T) {
	var out, errOut bytes.Buffer
	gen := func(args ...string) int {
		out.Reset()
		errOut.Reset()
		return Run(t.Context(), Parts{}, append([]string{"gen"}, args...), &out, &errOut)
	}
	if status := gen(t.TempDir()); status != exitUsage || !strings.Contains(errOut.String(), "is not the root of refbench's source") {
		t.Errorf("status %d for a folder without source: %s", status, errOut.String())
	}

	// Another source, whose generator says something and fails.
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n",
		"cmd/refbench/gen/main.go": `package main
import ("fmt"; "os")
func main() {
	fmt.Println("out", len(os.Args), os.Args[1])
	fmt.Fprintln(os.Stderr, "refbench: one")
	fmt.Fprintln(os.Stderr, "refbench: two")
	os.Exit(2)
}
`,
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if status := gen("--check", dir); status != 2 || out.String() != "out 3 --check\n" || errOut.String() != "refbench: one\nrefbench: two\n" {
		t.Errorf("status %d, stdout %q, stderr %q: want 2 and what the generator says", status, out.String(), errOut.String())
	}
}

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
)

// The committed native and explored forms are those of the committed source, and
// gen --check says which file isn't.
func TestGeneratedIsCurrent(t *testing.T) {
	var out, errOut bytes.Buffer
	parts := Builtin()
	gen := func() int {
		out.Reset()
		errOut.Reset()
		return Run(t.Context(), parts, []string{"gen", "--check", filepath.Join("..", "..", "..")}, &out, &errOut)
	}
	if status := gen(); status != exitOK {
		t.Fatalf("status %d: %s", status, errOut.String())
	}
	// A file whose source is gone, where the go command doesn't see it.
	extra := filepath.Join("..", "..", "..", "fuzz", "explored", "_planted")
	defer os.RemoveAll(extra)
	if err := os.MkdirAll(extra, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(extra, "planted.go"), []byte("package planted\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// A promise that the page of specifications doesn't have.
	changed := *parts.Strategies[0]
	changed.Promise.Underflow = strategies.Refuses
	parts.Strategies[0] = &changed
	status := gen()
	for _, want := range []string{"planted.go is of source that is gone", "SPECIFICATION.md is not current", "2 generated files are not current"} {
		if status != exitFinding || !strings.Contains(errOut.String(), want) || out.Len() > 0 {
			t.Errorf("status %d with a planted file and another promise, want it to say %q: %s%s", status, want, out.String(), errOut.String())
		}
	}
}

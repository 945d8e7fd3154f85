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
	kit := Builtin()
	gen := func() int {
		out.Reset()
		errOut.Reset()
		return Run(t.Context(), kit, []string{"gen", "--check", filepath.Join("..", "..", "..")}, &out, &errOut)
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
	if status := gen(); status != exitFinding || !strings.Contains(errOut.String(), "planted.go is of source that is gone") || out.Len() > 0 {
		t.Errorf("status %d with a planted file: %s%s", status, out.String(), errOut.String())
	}
	if err := os.RemoveAll(extra); err != nil {
		t.Fatal(err)
	}
	// A promise that the page of specifications doesn't have.
	changed := *kit.Strategies[0]
	changed.Promise.Underflow = strategies.Refuses
	kit.Strategies[0] = &changed
	if status := gen(); status != exitFinding || !strings.Contains(errOut.String(), "SPECIFICATION.md is not current") || strings.Count(errOut.String(), "not current") != 2 {
		t.Errorf("status %d with another promise: %s%s", status, out.String(), errOut.String())
	}
}

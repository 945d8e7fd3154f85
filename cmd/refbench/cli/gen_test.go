package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The committed native and explored forms are those of the committed source, and
// gen --check says which file isn't.
func TestGeneratedIsCurrent(t *testing.T) {
	var out, errOut bytes.Buffer
	gen := func() int {
		out.Reset()
		errOut.Reset()
		return Run(t.Context(), Builtin(), []string{"gen", "--check", filepath.Join("..", "..", "..")}, &out, &errOut)
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
}

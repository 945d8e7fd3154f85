package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// A process that can't be started, or ends without an answer, is an error that says so, and
// the next order begins another one.
func TestProcessWithoutAnAnswerIsSaid(t *testing.T) {
	for _, tt := range []struct{ self, want string }{
		{"go", "the process that explored it ended: "}, // it has no such command
		{filepath.Join(t.TempDir(), "none"), "none"},
	} {
		h := helper{self: tt.self}
		for range 2 {
			if a := h.do(t.Context(), order{}); len(a.Pairs) > 0 || !strings.Contains(a.Error, tt.want) {
				t.Errorf("%s: %+v, want an error with %q", tt.self, a, tt.want)
			}
		}
		h.end()
	}
}

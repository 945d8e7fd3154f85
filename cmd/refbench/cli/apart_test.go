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
		{"go", "the process that did it ended: "}, // it has no such command
		{filepath.Join(t.TempDir(), "none"), "none"},
	} {
		h := helper{self: tt.self, command: exploreChildName}
		for range 2 {
			if err := h.do(t.Context(), order{}, new(answer)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want an error with %q", tt.self, err, tt.want)
			}
		}
		h.end()
	}
}

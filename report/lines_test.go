package report

import (
	"strings"
	"testing"
)

// A line of 60 characters is quoted whole, whatever they are, and a longer one is cut there.
func TestShorten(t *testing.T) {
	for n, want := range map[int]string{59: strings.Repeat("é", 59), 60: strings.Repeat("é", 60), 61: strings.Repeat("é", 60) + "…"} {
		if got := shorten(strings.Repeat("é", n)); got != want {
			t.Errorf("%d characters: %q, want %q", n, got, want)
		}
	}
}

package explore_test

import (
	"slices"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
)

// TestProgramText: what String writes ParseProgram reads, and white space doesn't matter.
func TestProgramText(t *testing.T) {
	for _, c := range []struct {
		text string
		want explore.Program
	}{
		{"", explore.Program{""}},
		{"a.Get", explore.Program{"a.Get"}},
		{"t p|o", explore.Program{"t p", "o"}},
		{" t\tp  p\n| o |", explore.Program{"t p p", "o", ""}},
	} {
		p := explore.ParseProgram(c.text)
		if !slices.Equal(p, c.want) {
			t.Errorf("%q: %q, want %q", c.text, p, c.want)
		}
		if again := explore.ParseProgram(p.String()); !slices.Equal(again, p) {
			t.Errorf("%q: %q is read as %q", c.text, p.String(), again)
		}
	}
	if words := explore.ParseProgram("t p|o").Words(); len(words) != 2 || !slices.Equal(words[0], []string{"t", "p"}) || !slices.Equal(words[1], []string{"o"}) {
		t.Errorf("words %q", words)
	}
}

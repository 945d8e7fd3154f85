//go:build linux && amd64 && !race

package pin

import (
	"strings"
	"testing"
)

// eachWay runs the test with each way that there is here.
func eachWay(t *testing.T, f func(t *testing.T)) {
	Way()
	was := known
	defer func() { known = was }()
	if was != 0 {
		t.Run("assembly", f)
	}
	known = 0
	t.Run("procPin", f)
}

// What isn't known or reads another number isn't used.
func TestNumbersAreComparedBeforeUse(t *testing.T) {
	own := func() int { // of who is pinned
		cpu := Pin()
		Unpin()
		return cpu
	}
	for _, c := range []struct {
		version string
		number  func() int
		want    string
	}{
		{"go1.26", own, ""},
		{"go1.26.8", own, ""},
		{"go1.26", func() int { return own() + 1 }, "the P number is read as "},
		{"go1.25.4", own, "isn't known for go1.25.4"},
		{"go1.260", own, "isn't known for go1.260"},
		{"devel go1.27-1234", own, "isn't known for devel"},
	} {
		if got := compare(c.version, c.number); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.version, got, c.want)
		}
	}
}

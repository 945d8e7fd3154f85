package dropins_test

import (
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/dropins/pin"
	"github.com/refbench/refbench/fuzz/explore"
)

// A word that two CPUs write loses a number, and the picture shows who writes it, not the
// drop-in's own lines.
func TestPicturesShowCallers(t *testing.T) {
	s := &explore.Scenario{Name: "word", CPUs: 2, DropIns: dropins.Paths(), Make: func(explore.Program) explore.Case {
		var w pin.Word
		body := func() {
			pin.Pin()
			w.Store(w.Load() + 1)
			pin.Unpin()
		}
		return explore.Case{
			Setup: func() { w.Store(0) }, Threads: []func(){body, body},
			Finish: func() {
				if n := w.Load(); n != 2 {
					explore.Failf("the word is %d, want 2", n)
				}
			},
		}
	}}
	r, err := explore.Explore(s, explore.Options{})
	if err != nil || r.Failure == nil {
		t.Fatalf("not found: %v, %v", r, err)
	}
	if text := r.Failure.Text(); !strings.Contains(text, "dropins_test.go:19") || strings.Contains(text, "pin.go:") {
		t.Errorf("want line 19 of dropins_test.go and nothing of pin.go in:\n%s", text)
	}
}

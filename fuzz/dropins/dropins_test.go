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

// Who doesn't see a store that waits in another thread's buffer is said so in the picture.
func TestPicturesSayWhatIsNotSeen(t *testing.T) {
	s := &explore.Scenario{Name: "late", CPUs: 2, DropIns: dropins.Paths(), Make: func(explore.Program) explore.Case {
		var none, seen [2]int64
		var w, v pin.Word
		store := func(i int, mine, other *pin.Word) func() {
			return func() {
				mine.Store(7)
				seen[i] = other.Load()
			}
		}
		return explore.Case{
			Setup:   func() { w.Store(0); v.Store(0); seen = none },
			Threads: []func(){store(0, &w, &v), store(1, &v, &w)},
			Finish: func() {
				if seen == none {
					explore.Failf("neither saw the other's store")
				}
			},
		}
	}}
	r, err := explore.Explore(s, explore.Options{})
	if err != nil || r.Failure == nil {
		t.Fatalf("not found: %v, %v", r, err)
	}
	if text := r.Failure.Text(); !strings.Contains(text, "T1 doesn't see T0's store of 7 yet") && !strings.Contains(text, "T0 doesn't see T1's store of 7 yet") {
		t.Errorf("the picture doesn't say which store isn't seen:\n%s", text)
	}
}

package bench

import (
	"testing"
	"time"

	"github.com/refbench/refbench/workloads"
)

// The checked form is asked for by the sample's length, with its reuse delay, and
// only its judged operations count as such.
func TestCheckedFormGetsItsSettings(t *testing.T) {
	m := testMachine(t)
	var asked []workloads.Config
	w := fakeWorkload("asked", func(c workloads.Config, f *fake) error {
		asked = append(asked, c)
		if c.Checked {
			f.books.Judged = 42
		}
		return nil
	})
	c := Cell{Workload: w, Strategy: fakeStrategy("plain"), CPUs: 1, New: w.New}
	l := Length{Timed: 2 * time.Millisecond, Checked: 2 * time.Millisecond, ReuseDelay: 7}
	s, err := Measure(t.Context(), m, c, l, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 || asked[0].Checked || !asked[1].Checked || asked[0].ReuseDelay != 0 || asked[1].ReuseDelay != 7 {
		t.Errorf("instances made with %+v", asked)
	}
	if s.Books.Judged != 42 || s.Books.Lives != 2 {
		t.Errorf("books %+v, want 42 judged operations and the lives of both forms", s.Books)
	}
	l.Checked = 0
	asked = nil
	if s, err = Measure(t.Context(), m, c, l, 1); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 1 || s.Books.Judged != 0 {
		t.Errorf("without a checked part: %d instances, %d operations judged", len(asked), s.Books.Judged)
	}
}

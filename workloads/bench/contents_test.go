package bench

import (
	"testing"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// Instances of both forms get the selection's contents.
func TestContentsReachInstances(t *testing.T) {
	got := make(map[bool]string) // by Checked
	w := fakeWorkload("load", func(c workloads.Config, _ *fake) error {
		for _, data := range c.Contents {
			got[c.Checked] += string(data)
		}
		return nil
	})
	cells, err := Selection{
		Strategies: []*strategies.Strategy{fakeStrategy("plain")},
		Variants:   []Variant{{Workload: w}},
		CPUs:       []int{1},
		Contents:   [][]byte{[]byte("a"), []byte("b")},
	}.Cells()
	if err != nil {
		t.Fatal(err)
	}
	l := Length{Timed: time.Millisecond, Checked: time.Millisecond}
	if _, err := Measure(t.Context(), testMachine(t), cells[0], l, 1); err != nil {
		t.Fatal(err)
	}
	for _, checked := range []bool{false, true} {
		if got[checked] != "ab" {
			t.Errorf("checked %v: contents %q, want %q", checked, got[checked], "ab")
		}
	}
}

package bench

import (
	"testing"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/baseline"
	"github.com/refbench/refbench/workloads"
)

// Baselines have cells where a workload allows them, on no more CPUs than they are for.
func TestCellsOfBaselines(t *testing.T) {
	s := Selection{Strategies: append(baseline.All(), fakeStrategy("count")), CPUs: []int{1, 2}}
	for _, w := range []*workloads.Workload{workloads.GetPut, workloads.Churn} {
		s.Variants = append(s.Variants, Variant{Workload: w})
	}
	cells, err := s.Cells()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]bool)
	for _, c := range cells {
		got[c.Workload.Name+" "+c.Strategy.Name+" "+string(rune('0'+c.CPUs))] = true
	}
	for _, name := range []string{"getput nop 1", "getput nop 2", "getput plain 1", "getput count 2", "churn count 1"} {
		if !got[name] {
			t.Errorf("no cell %s", name)
		}
	}
	for _, name := range []string{"getput plain 2", "churn nop 1", "churn plain 1"} {
		if got[name] {
			t.Errorf("a cell %s", name)
		}
	}
	if us := UnsupportedPairs(workloads.All, baseline.All()); len(us) > 0 {
		t.Errorf("%v is said of what isn't for most workloads", us[0])
	}
}

// A baseline is timed, and nothing is judged: it keeps no promise.
func TestBaselinesAreNotChecked(t *testing.T) {
	for _, st := range []*strategies.Strategy{baseline.None, baseline.Plain} {
		cells, err := Selection{Strategies: []*strategies.Strategy{st}, Variants: []Variant{{Workload: workloads.GetPut}}, CPUs: []int{1}}.Cells()
		if err != nil {
			t.Fatal(err)
		}
		l := short
		l.Checked = 5 * time.Millisecond
		s, err := Measure(t.Context(), testMachine(t), cells[0], l, 1)
		if err != nil || s.Ops == 0 || s.Books.Judged != 0 || s.Books.Violations() != 0 {
			t.Errorf("%s: %v, %d operations, %d judged, %v", st, err, s.Ops, s.Books.Judged, s.Books.Err())
		}
	}
}

// A result file says which strategies are no counts.
func TestHeaderMarksBaselines(t *testing.T) {
	h := testMachine(t).Header(baseline.All(), workloads.All)
	if got := value(h, "baseline-plain"); got != "a plain number: what counting costs where nothing is shared; right on one CPU only" {
		t.Errorf("baseline-plain: %q", got)
	}
	for _, c := range h {
		if c.Key == "promise-plain" || c.Key == "promise-nop" {
			t.Errorf("a baseline promises %q", c.Value)
		}
	}
}

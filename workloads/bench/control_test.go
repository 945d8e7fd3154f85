package bench

import (
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

func TestOneCellInTenHasAControl(t *testing.T) {
	m := testMachine(t)
	var all []Cell
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		cells, err := Selection{
			Strategies: []*strategies.Strategy{fakeStrategy("p"), fakeStrategy("q"), fakeStrategy("r"), fakeStrategy("s")},
			Variants:   []Variant{{Workload: fakeWorkload(name, nil)}},
			CPUs:       m.CPUs.Sweep(),
		}.Cells()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cells...)
	}
	controls := m.Controls(all, false)
	if n := len(controls); n != len(all)/cellsPerControl || n < 2 {
		t.Errorf("%d cells have %d controls, want one in %d", len(all), n, cellsPerControl)
	}
	seen := make(map[string]bool)
	for _, c := range controls {
		key := c.Key()
		twin := strings.Replace(key, controlSuffix, "", 1)
		if seen[key] || twin == key || !slices.ContainsFunc(all, func(o Cell) bool { return o.Key() == twin }) {
			t.Errorf("control %s: want each once, as a twin of a cell", key)
		}
		seen[key], seen[c.Strategy.Name] = true, true
	}
	if !seen["p"] || !(seen["q"] || seen["r"] || seen["s"]) {
		t.Errorf("the controls %v are all of one strategy", controls)
	}
	if got := m.Controls(all[:9], false); len(got) != 0 {
		t.Errorf("9 cells have controls %v, want none: they would cost more than a tenth", got)
	}
	if got := m.Controls(all[:9], true); len(got) != 1 || got[0].Key() != all[0].Key()[:len(all[0].Key())-len("/dispatch=generic")]+controlSuffix+"/dispatch=generic" {
		t.Errorf("9 cells, at least one: controls %v, want that of the first", got)
	}
	crowded := slices.Clone(all)
	for i := range crowded {
		crowded[i].CPUs = m.CPUs.Max() + 1
	}
	if got := m.Controls(crowded, true); len(got) != 0 {
		t.Errorf("cells that share CPUs have controls %v, want none", got)
	}
}

// A control cell does what its twin does, on the same seeds.
func TestControlIsATwin(t *testing.T) {
	m := testMachine(t)
	seeds := make(map[uint64]int)
	w := fakeWorkload("a", func(c workloads.Config, _ *fake) error { seeds[c.Seed]++; return nil })
	p, _ := planOf(t, m, []*workloads.Workload{w}, 1)
	p.Cells = append(p.Cells[:1], m.Controls(p.Cells[:1], true)...)
	p.Rounds = 6
	if _, err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for seed, n := range seeds {
		if n%2 != 0 {
			t.Errorf("seed %d was used %d times, want by both twins", seed, n)
		}
	}
	got := linesOf(t, p.File.Path())
	if got["first"] != 6 || got["first+control"] != 6 {
		t.Errorf("the file has %v, want 6 samples of each twin", got)
	}
}

package bench

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

func probedValue(t *testing.T, s Sample, unit string) float64 {
	t.Helper()
	for _, v := range s.Probed {
		if v.Unit == unit {
			return v.Value
		}
	}
	t.Fatalf("no %s in %v", unit, s.Probed)
	return 0
}

// burn keeps the CPU for so long.
func burn(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
	}
}

// Of a load of which one operation in 40 takes 50 us, and the others nearly nothing, the
// median is short, and 99 % aren't done in less than 50 us.
func TestLatencyTellsSlowOperationsFromOthers(t *testing.T) {
	const slow = 50 * time.Microsecond
	m := testMachine(t)
	for _, cpus := range []int{1, 2} {
		if m.CheckCPUs(cpus) != nil {
			continue
		}
		c := oneCell(t, cpus, func(_ workloads.Config, f *fake) error {
			done := make([]struct {
				n int
				_ [120]byte
			}, cpus)
			f.work = func(worker, n int) int {
				for range n {
					if done[worker].n++; done[worker].n%40 == 0 {
						burn(slow)
					}
				}
				return n
			}
			return nil
		})
		c.Probe = Latency
		s, err := Measure(t.Context(), m, c, Length{Timed: 100 * time.Millisecond, Warm: time.Millisecond, Checked: time.Second}, 1)
		if err != nil {
			t.Fatal(err)
		}
		half, most, slowest := probedValue(t, s, UnitP50), probedValue(t, s, UnitP99), probedValue(t, s, UnitSlowest)
		timer, n := probedValue(t, s, UnitTimer), probedValue(t, s, UnitLatencies)
		if us := float64(slow.Nanoseconds()); half >= us/2 || most < us*0.98 || slowest < most || timer <= 0 || timer > half || n < 100 {
			t.Errorf("%d CPUs: median %v ns, 99 %% %v ns, slowest %v ns, timer %v ns, %v timed; want the median short, 99 %% and the slowest at least %v ns", cpus, half, most, slowest, timer, n, us)
		}
		if s.Books.Judged != 0 {
			t.Errorf("%d CPUs: a probed sample ran the checked form", cpus)
		}
		r := s.Result(2)
		if _, ok := r.Value(UnitTime); ok || string(r.Name) != c.Name(2) || probeOf(r) != Latency {
			t.Errorf("%d CPUs: the line %v has a time per operation (%v), or isn't seen to be of the probe", cpus, r, ok)
		}
	}
}

// What is timed doesn't know of probes.
func TestTimedSamplesAreNotProbed(t *testing.T) {
	s, err := Measure(t.Context(), testMachine(t), oneCell(t, 1, nil), short, 1)
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Result(1); s.Probed != nil || probeOf(r) != Timed {
		t.Errorf("probed %v, line %v", s.Probed, r)
	}
}

// Control cells and cells whose workers share CPUs aren't probed.
func TestProbedCells(t *testing.T) {
	m := testMachine(t)
	c := oneCell(t, 1, nil)
	twin, crowded := c, c
	twin.Control, crowded.CPUs = true, m.CPUs.Max()+1
	got := m.Probed([]Cell{c, twin, crowded}, []Probe{Latency, Counters})
	if len(got) != 2 || got[0].String() != c.Key()+" latency" || got[1].String() != c.Key()+" counters" || got[0].Name(1) != c.Name(1) {
		t.Errorf("probed cells %v, want the first with each probe, by the same name in the file", got)
	}
}

func TestCellNamedFindsProbes(t *testing.T) {
	c := oneCell(t, 1, nil)
	c.Probe = Latency
	sel := Selection{Variants: []Variant{{Workload: c.Workload}}, Strategies: []*strategies.Strategy{c.Strategy}}
	name := c.String()
	got, err := sel.CellNamed(name)
	if err != nil || got.Probe != Latency || got.String() != name {
		t.Errorf("cell %q: %v (%v)", name, got, err)
	}
	if _, err := sel.CellNamed(c.Key() + " heat"); err == nil || !strings.Contains(err.Error(), "probe") {
		t.Errorf("a probe that isn't there: %v", err)
	}
}

// A line that was cut off inside is no sample; a whole one is.
func TestProbedLinesAreWhole(t *testing.T) {
	for _, p := range Probes() {
		s := Sample{Cell: oneCell(t, 1, nil), Ops: 10, Round: 1, Probed: []benchfmt.Value{{Unit: UnitP50, Value: 1}, {Unit: p.lastUnit(), Value: 2}}}
		s.Cell.Probe = p
		var b strings.Builder
		if err := benchfmt.NewWriter(&b).Write(s.Result(2)); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSpace(b.String())
		if !isWhole(line) {
			t.Errorf("%q is taken for one that was cut off", line)
		}
		for i := range line {
			if isWhole(line[:i]) {
				t.Errorf("%q is taken for a whole line", line[:i])
			}
		}
	}
}

package bench

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench/cpu"
	"github.com/refbench/refbench/workloads/bench/doctor"
	"github.com/refbench/refbench/workloads/bench/placement"
	"github.com/refbench/refbench/workloads/bench/topology/topologytest"
)

// absent returns a machine that isn't there, on which threads could be bound.
func absent(t *testing.T, m topologytest.Machine) *Machine {
	t.Helper()
	set, err := cpu.DetectIn(m.Files(), m.IDs())
	if err != nil {
		t.Fatal(err)
	}
	set.Bindable = true
	return &Machine{CPUs: set, root: m.Files()}
}

func value(cs []Config, key string) string {
	for _, c := range cs {
		if c.Key == key {
			return c.Value
		}
	}
	return ""
}

func TestHeaderSaysOnWhichCPUsCellsRun(t *testing.T) {
	m := absent(t, topologytest.Xeon())
	for _, tt := range []struct{ how, placement, order, cpus string }{
		{"", "compact", "0-23,48-71,24-47,72-95", "96"},
		{"nosmt", "nosmt", "0-47", "48"},
		{"95,0-1", "95,0-1", "95,0-1", "3"},
		{"compact", "compact", "0-23,48-71,24-47,72-95", "96"},
	} {
		if tt.how != "" {
			p, err := placement.Parse(tt.how)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Place(p); err != nil {
				t.Fatal(err)
			}
		}
		h := m.Header(nil, nil)
		for key, want := range map[string]string{
			"placement": tt.placement, "cpu-order": tt.order, "cpus": tt.cpus,
			"topology": "2 sockets, 2 NUMA nodes, 2 L3 caches of 35.75 MiB, 48 cores, 96 CPUs",
		} {
			if got := value(h, key); got != want {
				t.Errorf("placement %q: config line %s: %q, want %q", tt.how, key, got, want)
			}
		}
		if got, want := m.cpuOf(2), m.CPUs.Order[2]; got != want || m.cpuOf(len(m.CPUs.Order)) != m.CPUs.Order[0] {
			t.Errorf("placement %q: worker 2 on CPU %d, want %d", tt.how, got, want)
		}
	}
}

func TestPlacementThatCannotBeIsRefused(t *testing.T) {
	m := absent(t, topologytest.VM())
	p, err := placement.Parse("1-2")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Place(p); err == nil || !strings.Contains(err.Error(), "CPU 2 can't be used") || !slices.Equal(m.CPUs.Order, []int{0, 1}) {
		t.Errorf("a CPU that isn't there: %v, and the order %v: want an error, and 0 1 as it was", err, m.CPUs.Order)
	}
	m.CPUs.Bindable, m.CPUs.Unbindable = false, "a filter forbids it"
	if err := m.Place(placement.Compact); err == nil || !strings.Contains(err.Error(), "threads can't be bound to CPUs here: a filter forbids it") {
		t.Errorf("threads that can't be bound: %v", err)
	}
	h := m.Header(nil, nil)
	if how, order := value(h, "placement"), value(h, "cpu-order"); how != "unpinned" || order != "" {
		t.Errorf("threads that can't be bound: placement %q, order %q, want unpinned and no order", how, order)
	}
}

// Workers are bound to the CPUs of the placement, in its order.
func TestWorkersRunWhereThePlacementSays(t *testing.T) {
	m := testMachine(t)
	if !m.CPUs.Bindable {
		t.Logf("threads can't be bound here: %s", m.CPUs.Unbindable)
		return
	}
	ids := m.CPUs.Topology.IDs()
	last := ids[len(ids)-1]
	p, err := placement.Parse(strconv.Itoa(last))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Place(p); err != nil {
		t.Fatal(err)
	}
	masks := make(chan []int, 1)
	c := oneCell(t, 1, func(_ workloads.Config, f *fake) error {
		f.work = func(_, n int) int {
			mask, err := cpu.Mask()
			if err != nil {
				t.Error(err)
			}
			select {
			case masks <- mask:
			default:
			}
			return n
		}
		return nil
	})
	room(t, c, m)
	if _, err := Measure(t.Context(), m, c, short, 1); err != nil {
		t.Fatal(err)
	}
	if got := <-masks; !slices.Equal(got, []int{last}) {
		t.Errorf("the worker may run on %v, want CPU %d only", got, last)
	}
}

func TestFactsHaveWhatIsNotFine(t *testing.T) {
	t.Setenv("GOGC", "100") // the runtime read it long ago
	m := testMachine(t)
	p, _ := planOf(t, m, []*workloads.Workload{fakeWorkload("a", nil)}, 1)
	if _, err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	facts, err := ReadFacts(p.File.FactsPath())
	if err != nil || len(facts) != 1 {
		t.Fatalf("%d runs, %v, want one", len(facts), err)
	}
	seen := false
	for _, c := range facts[0].Conditions {
		if c.State == doctor.Fine {
			t.Errorf("%+v among the facts, want only what isn't fine", c)
		}
		seen = seen || c.Name == "collector" && c.State == doctor.Note && c.Mend == "unset GOGC"
	}
	if !seen {
		t.Errorf("%+v: want that GOGC is set among them", facts[0].Conditions)
	}
}

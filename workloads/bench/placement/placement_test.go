package placement_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/workloads/bench/cpulist"
	. "github.com/refbench/refbench/workloads/bench/placement"
	"github.com/refbench/refbench/workloads/bench/topology"
	"github.com/refbench/refbench/workloads/bench/topology/topologytest"
)

func TestCPUsAreFilledAsThePlacementSays(t *testing.T) {
	xeon, epyc, hybrid := topologytest.Xeon(), topologytest.EPYC(), topologytest.Hybrid()
	oneSocket := topologytest.Arm() // as newer kernels have it
	for i := range oneSocket.CPUs {
		oneSocket.CPUs[i].Socket = 0
	}
	for _, tt := range []struct {
		name, placement string
		m               topologytest.Machine
		want            string // the order begins so; all of it if whole
		whole           bool
	}{
		{"Xeon: a socket's cores, then its second threads", "compact", xeon, "0-23,48-71,24-47,72-95", true},
		{"Xeon: sockets in turn, then second threads", "spread", xeon, "0,24,1,25,2,26", false},
		{"Xeon: one thread a core", "nosmt", xeon, "0-47", true},
		{"EPYC: caches and nodes of a socket, then second threads", "compact", epyc, "0-63,128-191,64-127,192-255", true},
		{"EPYC: sockets, nodes, caches in turn", "spread", epyc, "0,64,16,80,32,96,48,112,8,72,24,88,40,104,56,120,1,65", false},
		{"hybrid: fast cores, slow cores, second threads", "compact", hybrid, "0,2,4,6,8,10,12,14,16-31,1,3,5,7,9,11,13,15", true},
		{"hybrid: as there is one cache", "spread", hybrid, "0,2,4,6,8,10,12,14,16-31,1,3,5,7,9,11,13,15", true},
		{"hybrid: one thread a core", "nosmt", hybrid, "0,2,4,6,8,10,12,14,16-31", true},
		{"Arm: the fast cluster first", "compact", topologytest.Arm(), "4-7,0-3", true},
		{"Arm: clusters in turn", "spread", topologytest.Arm(), "4,0,5,1,6,2,7,3", true},
		{"Arm, one socket: the fast cluster first", "compact", oneSocket, "4-7,0-3", true},
		{"VM", "compact", topologytest.VM(), "0-1", true},
		{"a first thread is off line", "compact", xeon.Without(0, 1), "2-23,48-71,24-47,72-95", true},
		{"a first thread is off line, one a core", "nosmt", xeon.Without(0, 1), "2-23,48-49,24-47", true},
		{"holes: sockets of different size", "spread", xeon.Without(cpus(t, "2-23,50-71")...), "0,24,1,25-47,48,72,49,73-95", true},
		{"a list", "8,3-5,0", xeon, "8,3-5,0", true},
	} {
		p, err := Parse(tt.placement)
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != tt.placement {
			t.Errorf("%s is written as %s", tt.placement, p)
		}
		got, err := p.Order(topology.Read(tt.m.Files(), tt.m.IDs()))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		want := cpus(t, tt.want)
		if !tt.whole {
			if len(got) != len(tt.m.CPUs) {
				t.Errorf("%s: %d CPUs, want all %d", tt.name, len(got), len(tt.m.CPUs))
			}
			got = got[:min(len(want), len(got))]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s, want %s", tt.name, cpulist.Format(got), tt.want)
		}
	}
}

func cpus(t *testing.T, list string) []int {
	t.Helper()
	ids, err := cpulist.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// Every CPU has its place once, whatever is hidden.
func TestOrdersAreComplete(t *testing.T) {
	for _, p := range []Placement{{}, Compact, Spread} {
		for name, m := range map[string]topologytest.Machine{
			"Xeon": topologytest.Xeon(), "EPYC": topologytest.EPYC(), "hybrid": topologytest.Hybrid(), "Arm": topologytest.Arm(),
			"holes": topologytest.EPYC().Without(0, 7, 9, 200),
		} {
			for _, files := range []topology.Topology{topology.Read(m.Files(), m.IDs()), topology.Read(topologytest.VM().Files(), m.IDs())} {
				got, err := p.Order(files)
				if err != nil {
					t.Fatal(err)
				}
				if slices.Sort(got); !slices.Equal(got, m.IDs()) {
					t.Errorf("%s, %s: %s, want %s", name, p, cpulist.Format(got), cpulist.Format(m.IDs()))
				}
			}
		}
	}
}

func TestZeroValueIsCompact(t *testing.T) {
	m := topologytest.Hybrid()
	top := topology.Read(m.Files(), m.IDs())
	zero, err1 := Placement{}.Order(top)
	want, err2 := Compact.Order(top)
	if err1 != nil || err2 != nil || !slices.Equal(zero, want) || (Placement{}).String() != "compact" {
		t.Errorf("%v, %v, want %v, %v; it is called %s", zero, err1, want, err2, Placement{})
	}
}

func TestBadPlacementsAreRefusedWithAReason(t *testing.T) {
	for text, want := range map[string]string{
		"":        "the list is empty",
		"close":   `"close": want compact, spread, nosmt or a list of CPUs`,
		"Compact": `"Compact": want compact`,
		"3-1":     "the range is reversed: want 1-3",
		"1,2,1":   "CPU 1 is there twice",
		"1,,2":    "want whole numbers",
	} {
		if p, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want an error with %q", text, p, err, want)
		}
	}
	m := topologytest.VM()
	top := topology.Read(m.Files(), m.IDs())
	p, err := Parse("0-2")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Order(top); err == nil || !strings.Contains(err.Error(), "CPU 2 can't be used: this process may use 0-1") {
		t.Errorf("a CPU that isn't there: %v, %v", got, err)
	}
	if got, err := Compact.Order(topology.Topology{}); err == nil {
		t.Errorf("no CPU at all: %v, want an error", got)
	}
}

package topology_test

import (
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	. "github.com/refbench/refbench/workloads/bench/topology"
	"github.com/refbench/refbench/workloads/bench/topology/topologytest"
)

func upTo(n int) (cpus []int) {
	for c := range n {
		cpus = append(cpus, c)
	}
	return cpus
}

func TestMachinesAreToldInOneLine(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    topologytest.Machine
		want string
	}{
		{"Xeon", topologytest.Xeon(), "2 sockets, 2 NUMA nodes, 2 L3 caches of 35.75 MiB, 48 cores, 96 CPUs"},
		{"EPYC", topologytest.EPYC(), "2 sockets, 8 NUMA nodes, 16 L3 caches of 32 MiB, 128 cores, 256 CPUs"},
		{"hybrid", topologytest.Hybrid(), "1 socket, 1 NUMA node, 1 L3 cache of 36 MiB, 24 cores of 2 kinds, 32 CPUs"},
		{"Arm", topologytest.Arm(), "2 sockets, 1 NUMA node, 2 L2 caches of 2 MiB, 8 cores of 2 kinds, 8 CPUs"},
		{"VM", topologytest.VM(), "1 socket, 1 NUMA node, caches unknown, 2 cores, 2 CPUs"},
		{"hybrid, fast cores only", topologytest.Hybrid().Without(upTo(32)[16:]...), "1 socket, 1 NUMA node, 1 L3 cache of 36 MiB, 8 cores, 16 CPUs"},
	} {
		if got := Read(tt.m.Files(), tt.m.IDs()).String(); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// Each CPU is where the machine has it, however it is numbered.
func TestEveryCPUIsInItsPlace(t *testing.T) {
	for name, m := range map[string]topologytest.Machine{
		"Xeon": topologytest.Xeon(), "EPYC": topologytest.EPYC(), "hybrid": topologytest.Hybrid(), "Arm": topologytest.Arm(), "VM": topologytest.VM(),
		"holes": topologytest.EPYC().Without(0, 5, 130, 131, 255),
	} {
		top := Read(m.Files(), m.IDs())
		if len(top.CPUs) != len(m.CPUs) {
			t.Fatalf("%s: %d CPUs, want %d", name, len(top.CPUs), len(m.CPUs))
		}
		for _, a := range m.CPUs {
			got, ok := top.Find(a.ID)
			if !ok {
				t.Fatalf("%s: CPU %d isn't found", name, a.ID)
			}
			if got.Package != a.Socket || got.Node != a.Node {
				t.Errorf("%s: CPU %d in socket %d, node %d, want %d, %d", name, a.ID, got.Package, got.Node, a.Socket, a.Node)
			}
			rank := 0
			for _, b := range m.CPUs {
				other, _ := top.Find(b.ID)
				if same := got.Core == other.Core; same != (a.Core == b.Core) {
					t.Errorf("%s: CPUs %d and %d on one core: %v, want %v", name, a.ID, b.ID, same, !same)
				}
				if same := got.Cache == other.Cache; same != (m.CacheLevel == 0 || a.Cache == b.Cache) {
					t.Errorf("%s: CPUs %d and %d on one cache: %v, want %v", name, a.ID, b.ID, same, !same)
				}
				if got.Core == other.Core && b.ID < a.ID {
					rank++
				}
			}
			if got.Thread != rank {
				t.Errorf("%s: CPU %d is thread %d of its core, want %d", name, a.ID, got.Thread, rank)
			}
		}
	}
}

func TestKindsAreOrderedBySpeed(t *testing.T) {
	kinds := func(m topologytest.Machine) (ks []int) {
		for _, c := range Read(m.Files(), m.IDs()).CPUs {
			ks = append(ks, c.Kind)
		}
		return ks
	}
	if got, want := kinds(topologytest.Arm()), []int{1, 1, 1, 1, 0, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("Arm: %v, want %v", got, want)
	}
	want := append(make([]int, 16), slices.Repeat([]int{1}, 16)...)
	if got := kinds(topologytest.Hybrid()); !slices.Equal(got, want) {
		t.Errorf("hybrid: %v, want %v", got, want)
	}
	same := topologytest.VM()
	same.CPUs[1].Capacity = 1000
	if got := kinds(same); !slices.Equal(got, []int{0, 0}) {
		t.Errorf("cores that differ a little: %v, want one kind", got)
	}
	same.CPUs[1].Capacity = 0
	if got := kinds(same); !slices.Equal(got, []int{0, 0}) {
		t.Errorf("one of which nothing is known: %v, want one kind", got)
	}
}

// A container may show nothing at all.
func TestUnknownCPUsAreCoresOfTheirOwn(t *testing.T) {
	got := Read(fstest.MapFS{}, []int{7, 3, 3})
	want := Topology{CPUs: []CPU{{ID: 3, Cache: -1, Core: 3}, {ID: 7, Cache: -1, Core: 7}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if bs := got.Boundaries([]int{3, 7}); len(bs) > 0 {
		t.Errorf("boundaries %v of what is unknown, want none", bs)
	}
}

// Whatever a file holds, reading ends, and every CPU is in a place.
func TestMalformedFilesAreUnknown(t *testing.T) {
	for _, bad := range []string{"", "\n", "x", "-1", "-99999999999999999999", "99999999999999999999", "3-1", "0-4294967295", "0,0,0", "1-", "\x00\xff", strings.Repeat("9", 10000)} {
		m := topologytest.Hybrid().Without(upTo(16)[2:]...).Without(upTo(32)[18:]...)
		files := m.Files()
		for name, good := range files {
			files[name] = &fstest.MapFile{Data: []byte(bad)}
			if top := Read(files, m.IDs()); len(top.CPUs) != 4 || top.String() == "" {
				t.Errorf("%s with %.20q: %d CPUs, want 4", name, bad, len(top.CPUs))
			}
			files[name] = good
		}
		for name := range files {
			files[name] = &fstest.MapFile{Data: []byte(bad)}
		}
		top := Read(files, m.IDs())
		top.Boundaries(m.IDs())
		for _, c := range top.CPUs {
			if c.Cache >= len(top.Caches) || c.Thread < 0 || c.Package < 0 {
				t.Errorf("all files with %.20q: %+v", bad, c)
			}
		}
	}
	dirs := fstest.MapFS{}
	for name := range topologytest.VM().Files() {
		dirs[name] = &fstest.MapFile{Mode: fs.ModeDir}
	}
	if got := Read(dirs, upTo(2)); got.Cores() != 2 {
		t.Errorf("folders in place of files: %v", got)
	}
}

// A list that doesn't have the CPU itself isn't about it.
func TestListsOfOthersAreNotBelieved(t *testing.T) {
	m := topologytest.Arm()
	files := m.Files()
	for _, name := range []string{"cache/index2/shared_cpu_list", "topology/core_cpus_list", "topology/thread_siblings_list"} {
		files["sys/devices/system/cpu/cpu1/"+name] = &fstest.MapFile{Data: []byte("2-3\n")}
	}
	c, ok := Read(files, m.IDs()).Find(1)
	if want := (CPU{ID: 1, Cache: -1, Core: 1, Kind: 1}); !ok || c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
}

func TestBoundariesAreWhereSomethingNewBegins(t *testing.T) {
	for _, tt := range []struct {
		name  string
		m     topologytest.Machine
		order []int
		want  string
	}{
		{"threads of a core in turn", topologytest.Xeon(), []int{0, 48, 1, 49}, "1:core without a shared thread"},
		{"sockets in turn", topologytest.Xeon(), []int{0, 24, 1}, "1:cache+NUMA node+socket"},
		{"one socket", topologytest.Xeon(), upTo(24), ""},
		{"as numbered", topologytest.Xeon(), upTo(96), "24:cache+NUMA node+socket 48:core without a shared thread"},
		{"caches, nodes, sockets", topologytest.EPYC(), upTo(256), "8:cache 16:NUMA node 64:socket 128:core without a shared thread"},
		{"kinds", topologytest.Hybrid(), []int{0, 2, 16, 1}, "2:kind of cores 3:core without a shared thread"},
		{"nothing", topologytest.VM(), upTo(2), ""},
	} {
		var got []string
		for _, b := range Read(tt.m.Files(), tt.m.IDs()).Boundaries(tt.order) {
			got = append(got, fmt.Sprintf("%d:%s", b.CPUs, strings.Join(b.Last, "+")))
		}
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, text, tt.want)
		}
	}
}

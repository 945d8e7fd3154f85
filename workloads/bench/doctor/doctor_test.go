package doctor_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/refbench/refbench/workloads/bench/cpu"
	. "github.com/refbench/refbench/workloads/bench/doctor"
	"github.com/refbench/refbench/workloads/bench/placement"
	"github.com/refbench/refbench/workloads/bench/topology/topologytest"
)

// with returns the files with some more of them, or others.
func with(files fstest.MapFS, more map[string]string) fstest.MapFS {
	files = maps.Clone(files)
	for name, text := range more {
		files[name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	return files
}

// healthy returns the files of a machine on which nothing spoils a run.
func healthy(m topologytest.Machine) fstest.MapFS {
	files := with(m.Files(), map[string]string{
		"sys/devices/system/cpu/intel_pstate/no_turbo":                    "1",
		"sys/devices/system/cpu/isolated":                                 "",
		"sys/devices/system/cpu/smt/active":                               "0",
		"sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
		"sys/class/power_supply/AC/type":                                  "Mains",
		"sys/class/power_supply/AC/online":                                "1",
		"proc/loadavg":                                                    "0.02 0.10 0.20 1/300 4711",
		"proc/uptime":                                                     "1000.00 1990.00",
		"proc/cpuinfo":                                                    "processor\t: 0\nflags\t\t: fpu vme de pse tsc\n",
		"proc/stat":                                                       "cpu  1 0 0 0 0 0 0 0 0 0\ncpu0 1 0 0 0 0 0 0 0 0 0\ncpu1 1 0 0 0 0 0 0 0 0 0",
		"proc/self/cgroup":                                                "0::/",
		"proc/self/mountinfo":                                             "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw",
		"proc/sys/kernel/numa_balancing":                                  "0",
		"proc/sys/kernel/perf_event_paranoid":                             "2",
	})
	for name := range m.Files() {
		if dir, ok := strings.CutSuffix(name, "topology/core_id"); ok {
			files[dir+"cpufreq/scaling_governor"] = &fstest.MapFile{Data: []byte("performance\n")}
		}
	}
	return files
}

// A patient is a host to be examined.
type patient struct {
	m         topologytest.Machine
	files     fs.FS
	mask      []int // nil: all
	placement string
	env       map[string]string
	unbound   bool
}

func (p patient) examine(t *testing.T) map[string]Condition {
	t.Helper()
	if p.mask == nil {
		p.mask = p.m.IDs()
	}
	set, err := cpu.DetectIn(p.files, p.mask)
	if err != nil {
		t.Fatal(err)
	}
	if p.placement != "" {
		how, err := placement.Parse(p.placement)
		if err != nil {
			t.Fatal(err)
		}
		if set, err = set.Place(how); err != nil {
			t.Fatal(err)
		}
	}
	if set.Bindable = !p.unbound; p.unbound {
		set.Unbindable = "a filter forbids it"
	}
	found := make(map[string]Condition)
	for _, c := range Examine(Host{Root: p.files, CPUs: set, Getenv: func(name string) string { return p.env[name] }}) {
		if _, ok := found[c.Name]; ok || c.Name == "" {
			t.Errorf("%q is there twice, or has no name", c.Name)
		}
		switch {
		case c.State == Fine && (c.Is == "" || c.Effect != "" || c.Mend != ""),
			c.State == Unknown && (c.Is == "" || c.Effect != "" || c.Mend != ""),
			(c.State == Spoils || c.State == Note) && (c.Is == "" || c.Effect == "" || c.Mend == ""),
			!slices.Contains([]State{Fine, Note, Spoils, Unknown}, c.State),
			strings.Contains(c.Is+c.Effect+c.Mend, "\n"):
			t.Errorf("%+v: want what it is in one line, and its effect and what mends it if there is something to mend", c)
		}
		found[c.Name] = c
	}
	return found
}

func TestHealthyMachineIsFine(t *testing.T) {
	m := topologytest.VM()
	for name, c := range (patient{m: m, files: healthy(m)}).examine(t) {
		if c.State != Fine {
			t.Errorf("%s: %+v, want it fine", name, c)
		}
	}
}

// Each condition is seen when it is the only one, and mended by what is said.
func TestWhatSpoilsARunIsSaidWithWhatMendsIt(t *testing.T) {
	vm, xeon, hybrid := topologytest.VM(), topologytest.Xeon(), topologytest.Hybrid()
	for _, tt := range []struct {
		name  string
		p     patient
		state State
		is    string // a part of it
		mend  string // likewise
	}{
		{"binding", patient{m: vm, files: healthy(vm), unbound: true}, Spoils, "a filter forbids it", "Linux"},
		{"governor", patient{m: vm, files: with(healthy(vm), map[string]string{"sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave"})},
			Spoils, `"powersave" on CPU 1`, "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"},
		{"turbo", patient{m: vm, files: with(healthy(vm), map[string]string{"sys/devices/system/cpu/intel_pstate/no_turbo": "0"})},
			Spoils, "on", "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"},
		{"turbo", patient{m: vm, files: with(healthy(vm), map[string]string{"sys/devices/system/cpu/intel_pstate/no_turbo": "x", "sys/devices/system/cpu/cpufreq/boost": "1"})},
			Spoils, "on", "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"},
		{"power", patient{m: vm, files: with(healthy(vm), map[string]string{"sys/class/power_supply/AC/online": "0"})}, Spoils, "on battery", "plug"},
		{"load", patient{m: vm, files: with(healthy(vm), map[string]string{"proc/loadavg": "0.50 1 1 1/2 3"})}, Spoils, "0.50 over", "top"},
		{"load", patient{m: vm, files: with(healthy(vm), map[string]string{"proc/loadavg": "NaN"})}, Unknown, `"NaN"`, ""},
		{"hypervisor", patient{m: vm, files: with(healthy(vm), map[string]string{"proc/cpuinfo": "flags : fpu hypervisor"})},
			Note, "a virtual machine, others took 0 %", "bare machine"},
		{"hypervisor", patient{m: vm, files: with(healthy(vm), map[string]string{
			// 60 s of 1000 s of two CPUs.
			"proc/stat": "cpu0 1 0 0 0 0 0 0 5000 0 0\ncpu1 1 0 0 0 0 0 0 1000 0 0"})}, Spoils, "others took 3 %", "dedicated"},
		{"quota", patient{m: vm, files: with(healthy(vm), map[string]string{"sys/fs/cgroup/cpu.max": "150000 100000"})},
			Spoils, "1.5 of 2 CPUs by /sys/fs/cgroup/cpu.max", "echo max | sudo tee /sys/fs/cgroup/cpu.max"},
		{"affinity", patient{m: vm, files: healthy(vm), mask: []int{1}}, Note, "CPUs 1 of 0-1 may be used", "taskset -c 0-1 refbench"},
		{"isolation", patient{m: vm, files: with(healthy(vm), map[string]string{"sys/devices/system/cpu/isolated": "1"})},
			Note, "CPUs 1 are kept free", "--placement 1"},
		{"smt", patient{m: xeon, files: healthy(xeon)}, Note, "96 CPUs are threads of 48 cores: with placement compact, more than 24 workers share cores", "--placement nosmt"},
		{"smt", patient{m: xeon, files: healthy(xeon), placement: "spread"}, Note, "more than 48 workers share cores", "--placement nosmt"},
		{"smt", patient{m: xeon, files: healthy(xeon), placement: "nosmt"}, Fine, "placement nosmt uses one thread of each core", ""},
		{"smt", patient{m: xeon, files: with(healthy(xeon), map[string]string{"sys/devices/system/cpu/smt/active": "1"}), mask: []int{0, 1}},
			Note, "second threads of the cores may not be used", "echo off"},
		{"kinds", patient{m: hybrid, files: healthy(hybrid)}, Note, "CPUs 0-15; then 16-31", "--placement 0-15"},
		{"numabalancing", patient{m: xeon, files: with(healthy(xeon), map[string]string{"proc/sys/kernel/numa_balancing": "1"})}, Spoils, "on", "kernel.numa_balancing=0"},
		{"clocksource", patient{m: vm, files: with(healthy(vm), map[string]string{"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet"})},
			Spoils, "hpet", "echo tsc"},
		{"clocksource", patient{m: vm, files: with(healthy(vm), map[string]string{"sys/devices/system/clocksource/clocksource0/current_clocksource": "sundial"})},
			Unknown, `"sundial"`, ""},
		{"counters", patient{m: vm, files: with(healthy(vm), map[string]string{"proc/sys/kernel/perf_event_paranoid": "3"})}, Note, "is 3", "perf_event_paranoid=2"},
		{"preemption", patient{m: vm, files: healthy(vm), env: map[string]string{"GODEBUG": "gctrace=0,asyncpreemptoff=1"}}, Spoils, "asyncpreemptoff=1", "unset GODEBUG"},
		{"gomaxprocs", patient{m: vm, files: healthy(vm), env: map[string]string{"GOMAXPROCS": "1"}}, Note, "GOMAXPROCS is 1", "unset GOMAXPROCS"},
		{"collector", patient{m: vm, files: healthy(vm), env: map[string]string{"GOGC": "off"}}, Note, "GOGC set", "unset GOGC"},
	} {
		got, ok := tt.p.examine(t)[tt.name]
		if !ok || got.State != tt.state || !strings.Contains(got.Is, tt.is) || !strings.Contains(got.Mend, tt.mend) {
			t.Errorf("%s: %+v, want %s, %q, mended by %q", tt.name, got, tt.state, tt.is, tt.mend)
		}
	}
}

// Where nothing can be read, nothing that has to be read is said to be fine.
func TestWhatCannotBeReadIsUnknown(t *testing.T) {
	m := topologytest.VM()
	for name, c := range (patient{m: m, files: fstest.MapFS{}}).examine(t) {
		want := Unknown
		switch name {
		case "binding", "preemption", "gomaxprocs", "collector": // of the process
			want = Fine
		}
		if c.State != want {
			t.Errorf("%s: %+v, want %s", name, c, want)
		}
	}
}

func TestMalformedFilesSpoilNothing(t *testing.T) {
	m := topologytest.VM()
	files := healthy(m)
	for _, bad := range []string{"", "x", "-1", "99999999999999999999", "\x00\n\xff", ", - ,", "NaN", strings.Repeat("cpu0 ", 1000)} {
		for name, good := range files {
			files[name] = &fstest.MapFile{Data: []byte(bad)}
			patient{m: m, files: files}.examine(t) // looks at each condition's form
			files[name] = good
		}
	}
}

func TestConditionsAreChosenByState(t *testing.T) {
	all := []Condition{{Name: "a", State: Fine}, {Name: "b", State: Spoils}, {Name: "c", State: Note}, {Name: "d", State: Unknown}}
	if got := With(all, Spoils, Note); len(got) != 2 || got[0].Name != "b" || got[1].Name != "c" || all[0].Name != "a" {
		t.Errorf("%+v of %+v, want b and c", got, all)
	}
	b, err := json.Marshal(all[0])
	if want := `{"name":"a","state":"fine","is":""}`; err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
}

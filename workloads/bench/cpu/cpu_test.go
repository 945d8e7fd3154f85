package cpu

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/refbench/refbench/workloads/bench/placement"
	"github.com/refbench/refbench/workloads/bench/topology/topologytest"
)

func files(kv ...string) fstest.MapFS {
	fs := make(fstest.MapFS)
	for i := 0; i < len(kv); i += 2 {
		fs[kv[i]] = &fstest.MapFile{Data: []byte(kv[i+1])}
	}
	return fs
}

const (
	mountV2        = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
	mountV1        = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
	mountV1Memory  = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	mountContainer = "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"
)

func TestQuotaIsTheTightestLimitUpToTheMount(t *testing.T) {
	for _, tt := range []struct {
		name string
		fs   fstest.MapFS
		want float64
		file string
	}{
		{"no cgroups", files(), 0, ""},
		{"v2, no limit", files(
			"proc/self/cgroup", "0::/a\n", "proc/self/mountinfo", mountV2,
			"sys/fs/cgroup/a/cpu.max", "max 100000\n"), 0, ""},
		{"v2, own group", files(
			"proc/self/cgroup", "0::/a/b\n", "proc/self/mountinfo", mountV2,
			"sys/fs/cgroup/a/b/cpu.max", "150000 100000\n"), 1.5, "/sys/fs/cgroup/a/b/cpu.max"},
		{"v2, a group above is tighter", files(
			"proc/self/cgroup", "0::/a/b\n", "proc/self/mountinfo", mountV2,
			"sys/fs/cgroup/a/b/cpu.max", "400000 100000\n",
			"sys/fs/cgroup/a/cpu.max", "100000 50000\n"), 2, "/sys/fs/cgroup/a/cpu.max"},
		{"v1, unlimited is -1", files(
			"proc/self/cgroup", "3:cpu,cpuacct:/\n", "proc/self/mountinfo", mountV1,
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"), 0, ""},
		{"v1", files(
			"proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/g\n", "proc/self/mountinfo", mountV1Memory+mountV1,
			"sys/fs/cgroup/memory/m/cpu.cfs_quota_us", "1\n", "sys/fs/cgroup/memory/m/cpu.cfs_period_us", "100000\n",
			"sys/fs/cgroup/cpu/g/cpu.cfs_quota_us", "300000\n", "sys/fs/cgroup/cpu/g/cpu.cfs_period_us", "100000\n"), 3, "/sys/fs/cgroup/cpu/g/cpu.cfs_quota_us"},
		{"v1 in a container", files(
			"proc/self/cgroup", "3:cpu:/docker/abc\n", "proc/self/mountinfo", mountContainer,
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"), 0.5, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"},
		{"nonsense is no limit", files(
			"proc/self/cgroup", "0::/a\nx\n", "proc/self/mountinfo", mountV2+"x\n",
			"sys/fs/cgroup/a/cpu.max", "many\n"), 0, ""},
	} {
		got, file := Quota(tt.fs)
		if got != tt.want || file != tt.file {
			t.Errorf("%s: %v CPUs from %q, want %v from %q", tt.name, got, file, tt.want, tt.file)
		}
	}
}

// limited returns the set of a machine with a placement, under a quota.
func limited(t *testing.T, m topologytest.Machine, how string, quota float64) Set {
	t.Helper()
	s, err := DetectIn(m.Files(), m.IDs())
	if err != nil {
		t.Fatal(err)
	}
	if s.Quota > 0 || s.Bindable {
		t.Fatalf("%+v: want no quota", s)
	}
	s.Quota, s.QuotaFile = quota, "/f"
	p, err := placement.Parse(how)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Place(p); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMaxSaysWhatLimits(t *testing.T) {
	two := topologytest.VM()
	four := topologytest.Shape{Sockets: 1, Nodes: 1, Caches: 1, Cores: 2, Threads: 2}.Machine()
	for _, tt := range []struct {
		m         topologytest.Machine
		placement string
		quota     float64
		want      int
		why       string
	}{
		{four, "compact", 0, 4, "the affinity mask has 4 CPUs"},
		{two.Without(0), "compact", 0, 1, "the affinity mask has 1 CPU"},
		{four, "compact", 2.5, 2, "the cgroup quota in /f is 2.5 CPUs, the affinity mask has 4 CPUs"},
		{two, "compact", 0.5, 1, "the cgroup quota in /f is 0.5 CPUs, the affinity mask has 2 CPUs"},
		{two, "compact", 8, 2, "the affinity mask has 2 CPUs"},
		{four, "nosmt", 0, 2, "placement nosmt has 2 of the 4 CPUs of the affinity mask"},
		{four, "3,0-1", 8, 3, "placement 3,0-1 has 3 of the 4 CPUs of the affinity mask"},
		{four, "0-2", 1, 1, "the cgroup quota in /f is 1 CPUs, placement 0-2 has 3 of the 4 CPUs of the affinity mask"},
	} {
		s := limited(t, tt.m, tt.placement, tt.quota)
		if got, why := s.Max(), s.Why(); got != tt.want || why != tt.why {
			t.Errorf("%s, quota %v: %d because %q, want %d because %q", tt.placement, tt.quota, got, why, tt.want, tt.why)
		}
	}
}

func TestSweepHasPowersOfTwoAndWhereSomethingEnds(t *testing.T) {
	for _, tt := range []struct {
		name, placement  string
		m                topologytest.Machine
		quota            float64
		landmarks, sweep []int
	}{
		{"VM", "compact", topologytest.VM(), 0, []int{1, 2}, []int{1, 2}},
		{"one CPU", "compact", topologytest.VM().Without(0), 0, []int{1}, []int{1}},
		{"Xeon", "compact", topologytest.Xeon(), 0, []int{1, 24, 48, 96}, []int{1, 2, 4, 8, 16, 24, 32, 48, 64, 96}},
		{"Xeon, sockets in turn", "spread", topologytest.Xeon(), 0, []int{1, 48, 96}, []int{1, 2, 4, 8, 16, 32, 48, 64, 96}},
		{"Xeon, one thread a core", "nosmt", topologytest.Xeon(), 0, []int{1, 24, 48}, []int{1, 2, 4, 8, 16, 24, 32, 48}},
		{"Xeon, quota", "compact", topologytest.Xeon(), 30.5, []int{1, 24, 30}, []int{1, 2, 4, 8, 16, 24, 30}},
		{"EPYC", "compact", topologytest.EPYC(), 0, []int{1, 8, 16, 64, 128, 256}, []int{1, 2, 4, 8, 16, 32, 64, 128, 256}},
		{"hybrid", "compact", topologytest.Hybrid(), 0, []int{1, 8, 24, 32}, []int{1, 2, 4, 8, 16, 24, 32}},
		{"Arm", "compact", topologytest.Arm(), 0, []int{1, 4, 8}, []int{1, 2, 4, 8}},
		{"a list", "0,48,1", topologytest.Xeon(), 0, []int{1, 3}, []int{1, 2, 3}},
	} {
		s := limited(t, tt.m, tt.placement, tt.quota)
		if got := s.Landmarks(); !slices.Equal(got, tt.landmarks) {
			t.Errorf("%s: landmarks %v, want %v", tt.name, got, tt.landmarks)
		}
		if got := s.Sweep(); !slices.Equal(got, tt.sweep) {
			t.Errorf("%s: sweep %v, want %v", tt.name, got, tt.sweep)
		}
	}
}

func TestStealAddsTheListedCPUs(t *testing.T) {
	stat := files("proc/stat", "cpu  1 0 0 0 0 0 0 99 0 0\ncpu0 1 0 0 0 0 0 0 7 0 0\ncpu1 1 0 0 0 0 0 0 5 0 0\nintr 1\n")
	if got, ok := Steal(stat, []int{0, 1}); !ok || got != 120*time.Millisecond {
		t.Errorf("both: %v, %v, want 120ms", got, ok)
	}
	if got, ok := Steal(stat, []int{1}); !ok || got != 50*time.Millisecond {
		t.Errorf("CPU 1: %v, %v, want 50ms", got, ok)
	}
	if got, ok := Steal(stat, []int{2}); ok {
		t.Errorf("a CPU that isn't there: %v, want not ok", got)
	}
}

func TestSchedstat(t *testing.T) {
	u, ok := parseSchedstat("329884 70 1\n")
	if want := (Usage{329884, 70}); !ok || u != want {
		t.Errorf("got %v, %v, want %v", u, ok, want)
	}
	for _, bad := range []string{"", "1 2", "a b c"} {
		if u, ok := parseSchedstat(bad); ok {
			t.Errorf("%q: got %v, want not ok", bad, u)
		}
	}
}

// A thread that was bound must not run other goroutines afterwards.
func TestBindLeavesNoBoundThreadBehind(t *testing.T) {
	set, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	if !set.Bindable {
		if runtime.GOOS == "linux" {
			t.Logf("threads can't be bound here: %s", set.Unbindable)
		}
		if set.Unbindable == "" {
			t.Fatal("not bindable, and no reason given")
		}
		return
	}
	if set.Unbindable != "" || !strings.Contains(set.Why(), "affinity mask") {
		t.Fatalf("bindable, but %q; %q", set.Unbindable, set.Why())
	}
	want := slices.Sorted(slices.Values(set.Order))
	for range 20 {
		done := make(chan []int)
		go func() {
			runtime.LockOSThread()
			if err := Bind(set.Order[len(set.Order)-1]); err != nil {
				t.Error(err)
			}
			mask, err := Mask()
			if err != nil {
				t.Error(err)
			}
			done <- mask
		}()
		if got := <-done; !slices.Equal(got, set.Order[len(set.Order)-1:]) {
			t.Fatalf("bound thread may run on %v, want only %d", got, set.Order[len(set.Order)-1])
		}
		go func() {
			mask, err := Mask()
			if err != nil {
				t.Error(err)
			}
			done <- mask
		}()
		if got := <-done; !slices.Equal(got, want) {
			t.Fatalf("another goroutine's thread may run on %v, want %v", got, want)
		}
	}
}

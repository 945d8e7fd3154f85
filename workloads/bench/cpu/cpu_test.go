package cpu

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func files(kv ...string) fstest.MapFS {
	fs := make(fstest.MapFS)
	for i := 0; i < len(kv); i += 2 {
		fs[kv[i]] = &fstest.MapFile{Data: []byte(kv[i+1])}
	}
	return fs
}

// machine describes a topology: for each CPU its package and core.
func machine(places ...[2]int) fstest.MapFS {
	fs := make(fstest.MapFS)
	for c, p := range places {
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/", c)
		fs[dir+"physical_package_id"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%d\n", p[0])}
		fs[dir+"core_id"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%d\n", p[1])}
	}
	return fs
}

func TestCompactFillsPackagesInTurnAndSiblingsLast(t *testing.T) {
	all := func(n int) (cpus []int) {
		for c := range n {
			cpus = append(cpus, c)
		}
		return cpus
	}
	for _, tt := range []struct {
		name string
		fs   fstest.MapFS
		mask []int
		want []int
	}{
		{"nothing known", files(), []int{3, 1, 2}, []int{1, 2, 3}},
		{"siblings numbered last", machine([2]int{0, 0}, [2]int{0, 1}, [2]int{0, 0}, [2]int{0, 1}), all(4), []int{0, 1, 2, 3}},
		{"siblings numbered next to each other", machine([2]int{0, 0}, [2]int{0, 0}, [2]int{0, 1}, [2]int{0, 1}), all(4), []int{0, 2, 1, 3}},
		{"packages numbered in turns, same core ids", machine([2]int{0, 0}, [2]int{1, 0}, [2]int{0, 1}, [2]int{1, 1}), all(4), []int{0, 2, 1, 3}},
		{"the mask leaves out a first thread", machine([2]int{0, 0}, [2]int{0, 0}, [2]int{0, 1}, [2]int{0, 1}), []int{1, 2, 3}, []int{1, 2, 3}},
		{"unknown is -1", machine([2]int{-1, -1}, [2]int{-1, -1}), all(2), []int{0, 1}},
	} {
		if got := Compact(Topology(tt.fs, tt.mask)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: order %v, want %v", tt.name, got, tt.want)
		}
	}
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

func TestMaxSaysWhatLimits(t *testing.T) {
	for _, tt := range []struct {
		set  Set
		want int
		why  string
	}{
		{Set{Order: []int{0, 1, 2, 3}}, 4, "the affinity mask has 4 CPUs"},
		{Set{Order: []int{5}}, 1, "the affinity mask has 1 CPU"},
		{Set{Order: []int{0, 1, 2, 3}, Quota: 2.5, QuotaFile: "/f"}, 2, "the cgroup quota in /f is 2.5 CPUs, the affinity mask has 4 CPUs"},
		{Set{Order: []int{0, 1}, Quota: 0.5, QuotaFile: "/f"}, 1, "the cgroup quota in /f is 0.5 CPUs, the affinity mask has 2 CPUs"},
		{Set{Order: []int{0, 1}, Quota: 8, QuotaFile: "/f"}, 2, "the affinity mask has 2 CPUs"},
	} {
		if got, why := tt.set.Max(), tt.set.Why(); got != tt.want || why != tt.why {
			t.Errorf("%+v: %d because %q, want %d because %q", tt.set, got, why, tt.want, tt.why)
		}
	}
}

func TestSweepDoublesUpToMax(t *testing.T) {
	for most, want := range map[int][]int{1: {1}, 2: {1, 2}, 3: {1, 2, 3}, 4: {1, 2, 4}, 6: {1, 2, 4, 6}} {
		if got := (Set{Order: make([]int, most)}).Sweep(); !slices.Equal(got, want) {
			t.Errorf("%d CPUs: %v, want %v", most, got, want)
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

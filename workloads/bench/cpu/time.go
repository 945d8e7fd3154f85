package cpu

import (
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Usage is what the scheduler of the operating system says of a thread.
type Usage struct {
	// Ran is the CPU time that the thread used.
	Ran time.Duration

	// Waited is how long the thread was able to run but had no CPU. It
	// doesn't grow while the thread sleeps of its own will, so it tells a
	// thread that others kept from running from one that blocks.
	Waited time.Duration
}

// parseSchedstat parses /proc/thread-self/schedstat: time on the CPU and time
// waiting on a run queue, both in ns, and the number of time slices (Linux
// Documentation/scheduler/sched-stats.rst).
func parseSchedstat(text string) (Usage, bool) {
	f := strings.Fields(text)
	if len(f) != 3 {
		return Usage{}, false
	}
	ran, err1 := strconv.ParseInt(f[0], 10, 64)
	waited, err2 := strconv.ParseInt(f[1], 10, 64)
	return Usage{time.Duration(ran), time.Duration(waited)}, err1 == nil && err2 == nil
}

// stealTick is the unit of /proc/stat: Linux fixes USER_HZ at 100 for programs
// on every platform that Go runs on.
const stealTick = 10 * time.Millisecond

// Steal returns how long other virtual machines ran on the listed CPUs while
// these had something to do, since the machine started. It moves in steps of
// 10 ms a CPU. It reports false where the system doesn't tell.
func Steal(root fs.FS, cpus []int) (time.Duration, bool) {
	b, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return 0, false
	}
	want := make(map[string]bool, len(cpus))
	for _, c := range cpus {
		want["cpu"+strconv.Itoa(c)] = true
	}
	// proc_stat(5): cpuN user nice system idle iowait irq softirq steal ...
	var ticks, found int64
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 9 || !want[f[0]] {
			continue
		}
		n, err := strconv.ParseInt(f[8], 10, 64)
		if err != nil {
			return 0, false
		}
		ticks += n
		found++
	}
	return time.Duration(ticks) * stealTick, found == int64(len(cpus))
}

package cpu

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maskSize is how many CPUs x/sys's CPUSet can name.
const maskSize = len(unix.CPUSet{}) * 8 * int(wordBytes)

const wordBytes = 4 << (^uintptr(0) >> 63) // 4 on 32-bit platforms, 8 on 64-bit ones

// Mask returns the CPUs that the calling thread may run on.
func Mask() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}
	var cpus []int
	for c := range maskSize {
		if set.IsSet(c) {
			cpus = append(cpus, c)
		}
	}
	return cpus, nil
}

// Bind binds the calling thread to one CPU. The caller has locked its
// goroutine to the thread and never unlocks it, so that the thread dies with
// the goroutine instead of running other goroutines on the one CPU.
func Bind(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("bind a thread to CPU %d: %w", cpu, err)
	}
	return nil
}

// bindable tries whether the system lets threads be bound.
func bindable(cpus []int) (bool, string) {
	if len(cpus) == 0 {
		return false, "the affinity mask is empty"
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: see Bind
		result <- Bind(cpus[0])
	}()
	if err := <-result; err != nil {
		return false, err.Error()
	}
	return true, ""
}

// ThreadUsage returns the usage of the calling thread. It reports false where
// the kernel was built without scheduler statistics, or hides them.
func ThreadUsage() (Usage, bool) {
	b, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return Usage{}, false
	}
	u, ok := parseSchedstat(string(b))
	if !ok {
		return Usage{}, false
	}
	// The file's own figure for the time on the CPU is as old as the last
	// tick.
	u.Ran, ok = clock(unix.CLOCK_THREAD_CPUTIME_ID)
	return u, ok
}

// ProcessTime returns the CPU time that all threads of the process used.
func ProcessTime() (time.Duration, bool) { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

func clock(id int32) (time.Duration, bool) {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0, false
	}
	return time.Duration(ts.Nano()), true
}

// Model returns the CPU's name, or "unknown".
func Model() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); ok && strings.TrimSpace(key) == "model name" && value != "" {
			return value
		}
	}
	return "unknown" // most arm64 systems name no model
}

// Kernel returns the kernel's name and release.
func Kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}

// LoadAverage returns the number of runnable threads averaged over a minute.
func LoadAverage() (string, bool) {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", false
	}
	one, _, ok := strings.Cut(string(b), " ")
	return one, ok
}

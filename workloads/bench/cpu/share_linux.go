package cpu

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Waited returns for how long the threads of the process together were able to run and had to wait
// for a CPU. It reports false where the system doesn't tell.
func Waited() (d time.Duration, ok bool) {
	const dir = "/proc/self/task"
	f, err := os.Open(dir)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return 0, false
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name, "schedstat"))
		if err != nil {
			continue // it has ended
		}
		w, told := waited(b)
		d, ok = d+w, ok || told
	}
	return d, ok
}

// waited returns the second number of /proc/PID/schedstat: "time spent on the cpu, time spent waiting on a
// runqueue", in ns, and timeslices (Linux Documentation/scheduler/sched-stats.rst). A kernel that doesn't
// account for them says 0 of a thread that has run.
func waited(schedstat []byte) (d time.Duration, ok bool) {
	fields := bytes.Fields(schedstat)
	if len(fields) < 2 || string(fields[0]) == "0" {
		return 0, false
	}
	ns, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return time.Duration(ns), err == nil
}

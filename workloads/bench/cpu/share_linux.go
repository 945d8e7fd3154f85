package cpu

import (
	"bytes"
	"os"
	"path/filepath"
)

// Runnable returns how many other threads of the process run or wait for a CPU just
// now. It reports false where the system doesn't tell.
func Runnable() (n int, ok bool) {
	const dir = "/proc/self/task"
	d, err := os.Open(dir)
	if err != nil {
		return 0, false
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0, false
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name, "stat"))
		if err != nil {
			continue // it has ended
		}
		if runs(b) {
			n++
		}
	}
	return max(n-1, 0), true // without the one that reads
}

// runs reports whether a line of /proc/PID/stat is of a thread that runs or is able to:
// "PID (name) R ...", where the name may hold anything (proc_pid_stat(5)).
func runs(stat []byte) bool {
	i := bytes.LastIndex(stat, []byte(") "))
	return i >= 0 && bytes.HasPrefix(stat[i+2:], []byte("R "))
}

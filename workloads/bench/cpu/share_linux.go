package cpu

import (
	"os"
	"path/filepath"
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
		u, told := parseSchedstat(string(b))
		// A kernel that doesn't account for it says 0 of a thread that has run.
		d, ok = d+u.Waited, ok || told && u.Ran > 0
	}
	return d, ok
}

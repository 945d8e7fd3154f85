package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/refbench/refbench/workloads/bench/lock"
)

// A Claim says to other runs on this machine which CPUs a run measures on. It ends with
// the process at the latest.
type Claim struct{ files []*os.File }

// An Other is another process that measures on the same CPUs.
type Other struct {
	Process int // 0 if the system doesn't tell
	CPUs    []int
}

// Claim claims the CPUs of so many workers and returns who measures on them already, in
// the order of the CPUs. It refuses nobody: samples that others disturb are told by
// the witness. Runs whose folders for temporary files differ, as in two containers, don't
// see each other.
func (m *Machine) Claim(workers int) (*Claim, []Other) {
	c := new(Claim)
	var others []Other
	for i := range min(workers, len(m.CPUs.Order)) {
		n := m.cpuOf(i)
		f, err := openLockFile(filepath.Join(os.TempDir(), fmt.Sprintf("refbench-cpu%d.lock", n)))
		if err != nil {
			continue // without a place for it there is no claim
		}
		err = lock.Take(f)
		if err == nil {
			c.files = append(c.files, f)
			continue
		}
		_ = f.Close() // nothing was written to it
		var held *lock.HeldError
		if !errors.As(err, &held) {
			continue // no locks here
		}
		if k := len(others) - 1; k >= 0 && others[k].Process == held.Process {
			others[k].CPUs = append(others[k].CPUs, n)
			continue
		}
		others = append(others, Other{held.Process, []int{n}})
	}
	return c, others
}

// openLockFile opens a file for a lock. It isn't removed afterwards, since another process
// may have it open. One that is there is opened without asking for it to be made: that the
// kernel may refuse if it is another user's (Linux: fs.protected_regular, proc_sys_fs(5)).
func openLockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err == nil {
			_ = os.Chmod(path, 0o666) // for other users, whatever the umask
		}
	}
	return f, err
}

// Close gives the CPUs back.
func (c *Claim) Close() error {
	var err error
	for _, f := range c.files {
		err = errors.Join(err, f.Close())
	}
	c.files = nil
	return err
}

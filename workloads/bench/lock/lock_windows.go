package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Take takes the lock of a file that is open for writing, until the file is closed or the
// process ends. It doesn't wait: it returns a [*HeldError] if the lock is taken.
func Take(f *os.File) error {
	// What is locked can't be read by others either, so it is a byte beyond all that
	// the file will have.
	far := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, far)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return &HeldError{}
	}
	return err
}

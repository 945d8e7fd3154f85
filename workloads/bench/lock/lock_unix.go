//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package lock

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Take takes the lock of a file that is open for writing, until the file is closed or the
// process ends. It doesn't wait: it returns a [*HeldError] if the lock is taken, and an
// error that is [ErrUnsupported] if there are no locks here.
//
// It takes two: flock's is the one that counts. The record lock of POSIX would end as
// soon as the process closes any other file that is the same, but the system says who has
// it.
func Take(f *os.File) error {
	fd := f.Fd
	for {
		err := unix.Flock(int(fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			_ = unix.FcntlFlock(fd(), unix.F_SETLK, whole()) // only tells others
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			who := whole()
			if err := unix.FcntlFlock(fd(), unix.F_GETLK, who); err != nil || who.Type == unix.F_UNLCK {
				return &HeldError{}
			}
			return &HeldError{Process: max(int(who.Pid), 0)}
		case errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL):
			return fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return err
	}
}

// whole is a lock for writing on all of a file.
func whole() *unix.Flock_t {
	return &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
}

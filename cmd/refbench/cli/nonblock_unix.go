//go:build unix

package cli

import "golang.org/x/sys/unix"

// nonblocking has a pipe opened without waiting for its other end.
const nonblocking = unix.O_NONBLOCK

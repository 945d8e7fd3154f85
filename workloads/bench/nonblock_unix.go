//go:build unix

package bench

import "golang.org/x/sys/unix"

// nonblocking has a pipe opened without waiting for its other end, and then has the Go
// runtime wait instead of the thread.
const nonblocking = unix.O_NONBLOCK

// noReader is the error of a pipe that nobody reads from.
const noReader = unix.ENXIO

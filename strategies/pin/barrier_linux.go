//go:build linux && amd64 && !race

package pin

import (
	"sync"

	"golang.org/x/sys/unix"
)

// From include/uapi/linux/membarrier.h, enum membarrier_cmd.
const (
	membarrierPrivateExpedited         = 1 << 3
	membarrierRegisterPrivateExpedited = 1 << 4
)

// registered asks the kernel once for the right to use the expedited barrier
// and reports whether it was given. Sandboxes that filter system calls refuse.
var registered = sync.OnceValue(func() bool {
	_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, membarrierRegisterPrivateExpedited, 0, 0)
	return errno == 0
})

// Barrier orders what it says in the package doc. It takes some microseconds
// while other threads of the process run.
func Barrier() {
	if registered() {
		_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, membarrierPrivateExpedited, 0, 0)
		if errno == 0 {
			return
		}
	}
	stopTheWorld()
}

// BarrierKind says how Barrier works on this machine.
func BarrierKind() string {
	if registered() {
		return "membarrier"
	}
	return "stop the world (membarrier is refused)"
}

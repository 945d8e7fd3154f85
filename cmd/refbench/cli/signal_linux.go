//go:build amd64 || arm64 || 386 || arm

package cli

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An action is the kernel's struct sigaction of these platforms (rt_sigaction(2)).
type action struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// resetHandler is SA_RESETHAND: the system does what it does by default with the signals
// after the first.
const resetHandler = 0x80000000

// once has the system itself end the process at the second of each of the signals, which
// are notified. Code that spins where the runtime can't interrupt it (GODEBUG
// asyncpreemptoff=1) may keep every goroutine from running, those that wait for signals
// too.
func once(signals []os.Signal) {
	for _, s := range signals {
		n, ok := s.(syscall.Signal)
		if !ok {
			continue
		}
		var a action
		const size = unsafe.Sizeof(a.mask)
		if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), 0, uintptr(unsafe.Pointer(&a)), size, 0, 0); e != 0 {
			continue
		}
		a.flags |= resetHandler
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&a)), 0, size, 0, 0)
	}
}

package explore

import (
	"syscall"
	"time"
	"unsafe"
)

// A threadClock tells how much CPU time a thread of the operating system has had. Any
// thread may read it.
type threadClock uintptr

// thisThread returns the clock of the calling thread.
func thisThread() threadClock {
	// What pthread_getcpuclockid makes of a thread's number: see
	// include/linux/posix-timers_types.h.
	const (
		perThread = 4
		scheduled = 2
	)
	return threadClock(uint32(^syscall.Gettid()<<3 | perThread | scheduled))
}

// read returns the time, and whether it could be read.
func (c threadClock) read() (time.Duration, bool) {
	var t syscall.Timespec
	if _, _, e := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(c), uintptr(unsafe.Pointer(&t)), 0); e != 0 {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

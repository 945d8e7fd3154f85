//go:build linux && !race

package section

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// signature stands before the abort handler (RSEQ_SIG of glibc's sys/rseq.h).
const signature = 0x53053053

// The instructions of add that findSection looks for.
var (
	announceCode = []byte{0x48, 0x89, 0x51, 0x08}                   // MOVQ DX, 8(CX)
	commitCode   = []byte{0x48, 0x01, 0x1c, 0x0f}                   // ADDQ BX, (DI)(CX*1)
	abortCode    = []byte{0x0f, 0xb9, 0x3d, 0x53, 0x30, 0x05, 0x53} // UD1 signature(IP), DI
)

// offset is what a thread's slot, 0(FS), and the address of its area differ by. The sum is odd
// where there is no area.
//
// Without cgo Go has FS point behind the g of the thread, into a few words of its own that it
// doesn't use (runtime.m.tls). The slot holds the area's address less 1, or 0, and offset is
// 1. With cgo FS is the C library's, and the slot holds FS itself (System V ABI, thread
// control block); offset is where in the block the library keeps its area.
//
//lint:ignore U1000 assembly reads it
var offset uintptr = 1

func slotUnknown() string { return "" }

func chooseArea() decision {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fs, errno := baseFS()
	if errno != 0 {
		return decision{why: fmt.Sprintf("arch_prctl(2): %v", errno)}
	}
	switch v := slot(); {
	case v == fs:
		return libraryArea(fs)
	case v&1 == 0 && v != 0:
		return decision{why: "somebody else uses the thread's word that would say where its area is"}
	}
	return ownArea()
}

// baseFS returns FS.
func baseFS() (uintptr, unix.Errno) {
	const archGetFS = 0x1003 // ARCH_GET_FS of asm/prctl.h
	var fs uintptr
	_, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, archGetFS, uintptr(unsafe.Pointer(&fs)), 0)
	return fs, errno
}

// How far from FS the C library may have its area: inside of its descriptor of the thread,
// which is there, or among static thread-local variables, which are below.
const (
	spanAbove = 8 << 10
	spanBelow = 64 << 10
)

// libraryArea finds the area that the C library has registered for each thread: the kernel
// answers EBUSY to who registers the same again, and EINVAL to who registers another.
func libraryArea(fs uintptr) decision {
	a, err := areaOf(unix.Gettid())
	if err != nil {
		return decision{why: fmt.Sprintf("no memory for areas of rseq(2): %v", err)}
	}
	own := uintptr(unsafe.Pointer(a))
	switch errno := registerArea(own, areaBytes, 0); errno {
	case 0:
		if errno := registerArea(own, areaBytes, unregister); errno != 0 {
			return decision{why: fmt.Sprintf("rseq(2): %v when a thread gave its area back", errno)}
		}
		return decision{why: "the C library hasn't registered threads for rseq(2) (glibc has since 2.35, unless GLIBC_TUNABLES says glibc.pthread.rseq=0)"}
	case unix.EINVAL, unix.EBUSY:
	default:
		return decision{why: fmt.Sprintf("rseq(2): %v", errno)}
	}
	for distance := uintptr(0); distance <= spanBelow; distance += areaBytes {
		for _, o := range []uintptr{distance, -distance} {
			if distance > spanAbove && o == distance {
				continue
			}
			// Since 6.3 the kernel has more to say than fits into 32 bytes, and says how much.
			for _, size := range []int{areaBytes, 2 * areaBytes} {
				if registerArea(fs+o, size, 0) == unix.EBUSY {
					offset = o
					return decision{name: "rseq of the C library"}
				}
			}
		}
	}
	return decision{why: "the area that the C library has registered wasn't found"}
}

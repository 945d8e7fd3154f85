//go:build linux && (amd64 || arm64) && !race

package section

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/refbench/refbench/strategies/pin"
)

// From include/uapi/linux/membarrier.h, enum membarrier_cmd.
const (
	membarrierPrivateExpeditedRseq         = 1 << 7
	membarrierRegisterPrivateExpeditedRseq = 1 << 8
)

// An area is what a thread shares with the kernel: struct rseq of include/uapi/linux/rseq.h
// as it was at first, 32 bytes on a multiple of 32, in a line of its own.
type area struct {
	_   uint32
	cpu uint32 // the CPU that the thread runs on; notRegistered: none is known
	_   uint64 // address of the descriptor of the section that the thread is in, or was
	_   [48]byte
}

const (
	areaBytes = 32

	// notRegistered is RSEQ_CPU_ID_UNINITIALIZED.
	notRegistered = ^uint32(0)

	unregister = 1 // RSEQ_FLAG_UNREGISTER
)

// A descriptor says where the section is: struct rseq_cs.
type sectionDescriptor struct {
	_      [2]uint32 // version and flags: 0
	start  uintptr   // first instruction
	length uintptr   // bytes from there to the end of the commit
	abort  uintptr   // where a thread goes on that was interrupted
}

// descriptor is on a multiple of 32, and is filled in by findSection.
var descriptor sectionDescriptor

// aborts counts the sections that the kernel has interrupted. Only assembly changes it.
var aborts uint64

// Add adds n on the word of the CPU that the caller runs on, and reports whether it did: not
// if the words are closed, nor on a CPU without a word, nor on a thread that can't have
// sections.
//
// It is no method of Words: the compiler counts a method that calls assembly for more, and
// then what is around it isn't inlined. It is assembly, and calls late where it can't add.
//
//go:noescape
func Add(w *Words, n int64) bool

// In assembly. code returns where Add begins. slot and setSlot are the thread's own word that says where its area is, less 1, or
// 0; setSlot first registers the area and returns the error's number. The calling goroutine is
// locked to its thread.
func code() uintptr
func slot() uintptr
func setSlot(a *area) (errno uintptr)

// late is Add where that didn't count.
//
//lint:ignore U1000 assembly calls it
func late(w *Words, n int64) bool {
	switch {
	case w.Closed():
		return false
	case decide().why != "":
		return pinned(w, n)
	case !enroll():
		return false // a CPU that has come online since, or a thread without sections
	}
	return Add(w, n)
}

// cut interrupts every section that is under way, and waits for those that are pinned where
// there are no sections.
func cut() {
	if decide().why != "" {
		pin.Wait()
		return
	}
	if errno := membarrier(membarrierPrivateExpeditedRseq); errno != 0 {
		// It was granted at start, and the kernel has no way to take it back.
		panic(fmt.Sprintf("section: membarrier(2) worked before, and now it fails: %v", errno))
	}
}

func membarrier(command uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, command, 0, 0)
	return errno
}

// registerArea makes system call rseq(2) for the calling thread.
func registerArea(address uintptr, size, flags int) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_RSEQ, address, uintptr(size), uintptr(flags), signature, 0, 0)
	return errno
}

// areas are the areas of all threads that had one, by thread ID. An area is never freed: who
// has the ID of a thread that has ended has its area, which the kernel has forgotten with
// the thread.
var areas struct {
	sync.Mutex
	of   map[int]*area
	free []area // the rest of the last mapping
}

// areasMapped is how many are mapped at a time.
const areasMapped = 1024

// areaOf returns an area for the calling thread, which has none, or an error that says why
// there is no memory.
func areaOf(thread int) (*area, error) {
	areas.Lock()
	defer areas.Unlock()
	a := areas.of[thread]
	if a == nil {
		if len(areas.free) == 0 {
			// The Go heap isn't for what the kernel writes to whenever it likes.
			m, err := unix.Mmap(-1, 0, areasMapped*int(unsafe.Sizeof(area{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
			if err != nil {
				return nil, err
			}
			areas.free = unsafe.Slice((*area)(unsafe.Pointer(&m[0])), areasMapped)
		}
		a, areas.free = &areas.free[0], areas.free[1:]
		if areas.of == nil {
			areas.of = make(map[int]*area)
		}
		areas.of[thread] = a
	}
	*a = area{cpu: notRegistered}
	return a, nil
}

// enroll gives the calling thread an area if it has none, and reports whether it did. The
// thread may still have no sections: then the area says that it is on no CPU.
func enroll() bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if slot() != 0 {
		return false
	}
	a, err := areaOf(unix.Gettid())
	if err != nil {
		return false
	}
	setSlot(a)
	return true
}

// choose looks for everything that sections need, and says what is missing.
func choose() decision {
	if err := findSection(); err != nil {
		return decision{why: err.Error()}
	}
	if why := slotUnknown(); why != "" {
		return decision{why: why}
	}
	for _, command := range []uintptr{membarrierRegisterPrivateExpeditedRseq, membarrierPrivateExpeditedRseq} {
		if errno := membarrier(command); errno != 0 {
			return decision{why: fmt.Sprintf("membarrier(2) of restartable sequences: %v (Linux 5.10 has it)", errno)}
		}
	}
	return chooseArea()
}

// ownArea finds out whether threads can have areas of this package's.
func ownArea() decision {
	why := tryOwn()
	if why == "" {
		return decision{name: "rseq"}
	}
	// The first thread may be one that the system's loader has registered. Another goroutine
	// is on another thread while this one is locked to its own.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	second := make(chan string)
	go func() { second <- tryOwn() }()
	if why = <-second; why != "" {
		return decision{why: why}
	}
	return decision{name: "rseq"}
}

// tryOwn gives the calling thread an area, and says why it has no sections.
func tryOwn() string {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if v := slot(); v != 0 {
		v++
		if a := *(**area)(unsafe.Pointer(&v)); a.cpu < maxCPUs {
			return ""
		}
		return "rseq(2): the thread has no area"
	}
	a, err := areaOf(unix.Gettid())
	if err != nil {
		return fmt.Sprintf("no memory for areas of rseq(2): %v", err)
	}
	switch errno := unix.Errno(setSlot(a)); errno {
	case 0:
		return ""
	case unix.EINVAL, unix.EBUSY, unix.EPERM:
		return fmt.Sprintf("rseq(2): %v (the thread is registered with an area of somebody else's, or it is forbidden)", errno)
	default:
		return fmt.Sprintf("rseq(2): %v", errno)
	}
}

// findSection finds the instructions of the section in the code of Add, and fills in the
// descriptor.
func findSection() error {
	begin := code()
	text := unsafe.Slice(*(**byte)(unsafe.Pointer(&begin)), codeBytes)
	start, err := after(text, "the store that announces it", announceCode)
	if err != nil {
		return err
	}
	end, err := after(text, "its commit", commitCode)
	if err != nil {
		return err
	}
	abort, err := after(text, "the signature before its abort handler", abortCode)
	if err != nil {
		return err
	}
	address := uintptr(unsafe.Pointer(&descriptor))
	switch {
	case !(start < end && end < abort):
		return fmt.Errorf("the section isn't as it should be: it begins at %d, ends at %d and is begun anew from %d", start, end, abort)
	case address%areaBytes != 0:
		return fmt.Errorf("the section's descriptor is at %#x, which is no multiple of %d", address, areaBytes)
	}
	descriptor = sectionDescriptor{start: begin + uintptr(start), length: uintptr(end - start), abort: begin + uintptr(abort)}
	return nil
}

// codeBytes is more than Add has.
const codeBytes = 192

// after returns where in the text the instruction ends, which must be there once.
func after(text []byte, what string, instruction []byte) (int, error) {
	if n := bytes.Count(text, instruction); n != 1 {
		return 0, fmt.Errorf("the section isn't as it should be: %s was found %d times", what, n)
	}
	return bytes.Index(text, instruction) + len(instruction), nil
}

//go:build linux && !race

package section

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// signature stands before the abort handler: BRK $0x45e0 (RSEQ_SIG of glibc's sys/rseq.h).
const signature = 0xd428bc00

// The instructions of add that findSection looks for.
var (
	announceCode = []byte{0x82, 0x04, 0x00, 0xf9} // MOVD R2, 8(R4)
	commitCode   = []byte{0xc7, 0x00, 0x00, 0xf9} // MOVD R7, (R6)
	abortCode    = []byte{0x00, 0xbc, 0x28, 0xd4} // BRK $0x45e0
)

// offset is where in the runtime's m a thread's slot is, or 0 if that isn't known: m.tls[1],
// which no arm64 uses. (A word at TPIDR_EL0 would not do: a thread that is made without
// CLONE_SETTLS has that of its parent.)
var offset uintptr

// Where in the runtime's m the thread's ID and the slot are, and the Go of which that is known.
// That m is at 48 in g is known in assembly.
const (
	knownGo = "go1.26"
	mProcid = 64
	mSlot   = 136
)

// currentM returns the m of the calling thread. In assembly.
func currentM() unsafe.Pointer

func slotUnknown() string {
	if v := runtime.Version(); v != knownGo && !strings.HasPrefix(v, knownGo+".") {
		return fmt.Sprintf("where a thread's word is isn't known for %s, only for %s", v, knownGo)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	m := currentM()
	if id := *(*uint64)(unsafe.Add(m, mProcid)); id != uint64(unix.Gettid()) {
		return fmt.Sprintf("where a thread's word is isn't known for %s: the runtime's m is another", runtime.Version())
	}
	offset = mSlot
	return ""
}

func chooseArea() decision { return ownArea() }

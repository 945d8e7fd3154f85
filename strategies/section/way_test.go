//go:build linux && (amd64 || arm64) && !race

package section

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// helper is the environment variable with which the test runs itself: as a program that
// says how it adds, and sees that it adds right.
const helper = "REFBENCH_SECTION_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helper) {
	case "":
		os.Exit(m.Run())
	case "taken":
		// Somebody has registered this thread, as the loader does the first one of a
		// position-independent executable. That one stays locked, so that main is on it.
		runtime.LockOSThread()
		a, err := areaOf(0)
		if err != nil {
			panic(err)
		}
		if errno := registerArea(uintptr(unsafe.Pointer(a)), areaBytes, 0); errno != 0 {
			panic(errno)
		}
	}
	os.Stdout.WriteString(Way() + "\n" + added())
}

// added adds on some threads, and says if what isn't refused is in the words.
func added() string {
	var w Words
	w.Open()
	var mu sync.Mutex
	want := int64(0)
	add := func() {
		n := int64(0)
		for range 10_000 {
			if Add(&w, 1) {
				n++
			}
		}
		mu.Lock()
		want += n
		mu.Unlock()
	}
	add()
	own := "added here"
	if want == 0 {
		own = "refused here"
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(add)
	}
	wg.Wait()
	if w.Close(); w.Sum() != want || want == 0 || Add(&w, 1) {
		return "wrong"
	}
	return own
}

// denied makes the calling thread, and what it starts, one to which the kernel answers a
// system call with an error: always, or only if its first argument is the one that is given.
func denied(call uint32, argument int, errno unix.Errno) error {
	// struct seccomp_data: the number is at 0, the arguments of 8 bytes from 16.
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	unless := func(k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: skip}
	}
	answer := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	const allow, fail = 0x7fff0000, 0x00050000 // SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
	program := []unix.SockFilter{load(0), unless(call, 1), answer(fail | uint32(errno)), answer(allow)}
	if argument >= 0 {
		program = []unix.SockFilter{load(0), unless(call, 3), load(16), unless(uint32(argument), 1), answer(fail | uint32(errno)), answer(allow)}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	p := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&p)), 0, 0)
}

// Where sections can't be had, this process says why and adds right all the same.
func TestWays(t *testing.T) {
	needSections(t)
	for _, c := range []struct {
		name     string
		call     uint32
		argument int
		errno    unix.Errno
		mode     string
		want     string
	}{
		{"all is there", 0, -1, 0, "plain", "rseq\nadded here"},
		{"a kernel without rseq", unix.SYS_RSEQ, -1, unix.ENOSYS, "plain", "pinned: rseq(2): function not implemented\nadded here"},
		{"a sandbox that forbids rseq", unix.SYS_RSEQ, -1, unix.EPERM, "plain", "pinned: rseq(2): operation not permitted (the thread is registered with an area of somebody else's, or it is forbidden)\nadded here"},
		{"a kernel without membarrier", unix.SYS_MEMBARRIER, -1, unix.ENOSYS, "plain", "pinned: membarrier(2) of restartable sequences: function not implemented (Linux 5.10 has it)\nadded here"},
		{"a kernel before 5.10", unix.SYS_MEMBARRIER, membarrierRegisterPrivateExpeditedRseq, unix.EINVAL, "plain", "pinned: membarrier(2) of restartable sequences: invalid argument (Linux 5.10 has it)\nadded here"},
		{"a membarrier that can't be used", unix.SYS_MEMBARRIER, membarrierPrivateExpeditedRseq, unix.EPERM, "plain", "pinned: membarrier(2) of restartable sequences: operation not permitted (Linux 5.10 has it)\nadded here"},
		{"a thread that is registered", 0, -1, 0, "taken", "rseq\nrefused here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := make(chan string)
			go func() {
				// For good: what is denied ends with the thread.
				runtime.LockOSThread()
				if c.errno != 0 {
					if err := denied(c.call, c.argument, c.errno); err != nil {
						out <- "seccomp: " + err.Error()
						return
					}
				}
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), helper+"="+c.mode)
				text, err := cmd.CombinedOutput()
				if err != nil {
					text = append(text, err.Error()...)
				}
				out <- string(text)
			}()
			got := strings.TrimSpace(<-out)
			if strings.HasPrefix(got, "seccomp: ") {
				t.Skipf("no system call can be denied here: %s", got)
			}
			if got != c.want {
				t.Errorf("the program says\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

package cli

import "syscall"

// endsWithThread has the kernel kill a process when the thread that begins it ends
// (PR_SET_PDEATHSIG, prctl(2)).
func endsWithThread() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

//go:build unix

package explore_test

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// stopAndGo stops the process so many times, each for so long.
func stopAndGo(t *testing.T, cmd *exec.Cmd, times int, pause time.Duration) {
	for range times {
		time.Sleep(50 * time.Millisecond)
		if cmd.Process.Signal(syscall.SIGSTOP) != nil {
			return // it has ended
		}
		time.Sleep(pause)
		_ = cmd.Process.Signal(syscall.SIGCONT)
	}
}

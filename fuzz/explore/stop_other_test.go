//go:build !unix

package explore_test

import (
	"os/exec"
	"testing"
	"time"
)

func stopAndGo(t *testing.T, cmd *exec.Cmd, times int, pause time.Duration) {}

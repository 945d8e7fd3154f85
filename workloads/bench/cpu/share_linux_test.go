package cpu

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// Threads that want one CPU wait for each other.
func TestThreadsWaitForACPU(t *testing.T) {
	begin, ok := Waited()
	if !ok {
		if own, err := os.ReadFile("/proc/self/schedstat"); err != nil || string(own) == "0 0 0\n" {
			t.Skipf("this kernel doesn't account for what threads wait: %q, %v", own, err)
		}
		t.Fatal("the kernel accounts for what threads wait, and it isn't read")
	}
	mask, err := Mask()
	if err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	defer stop.Store(true)
	for range 2 {
		go func() {
			runtime.LockOSThread() // and the thread ends with the goroutine
			if err := Bind(mask[0]); err != nil {
				t.Error(err)
				return
			}
			for !stop.Load() {
			}
		}()
	}
	for {
		if now, _ := Waited(); now-begin > 10*time.Millisecond {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

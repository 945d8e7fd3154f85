package cpu

import (
	"runtime"
	"testing"
	"time"
)

func TestWaitedReadsTheSecondNumber(t *testing.T) {
	for schedstat, want := range map[string]struct {
		d  time.Duration
		ok bool
	}{
		"124573 1293683 2\n": {1293683, true},
		"124573 0 2\n":       {0, true},
		"0 0 0\n":            {0, false},
		"124573 x 2\n":       {0, false},
		"":                   {0, false},
	} {
		if d, ok := waited([]byte(schedstat)); d != want.d && ok || ok != want.ok {
			t.Errorf("%q: %v %v, want %v", schedstat, d, ok, want)
		}
	}
}

// Threads that want one CPU wait for each other.
func TestThreadsWaitForACPU(t *testing.T) {
	begin, ok := Waited()
	if !ok {
		t.Skip("this kernel doesn't account for what threads wait")
	}
	mask, err := Mask()
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	defer close(stop)
	for range 2 {
		go func() {
			runtime.LockOSThread() // and the thread ends with the goroutine
			if err := Bind(mask[0]); err != nil {
				t.Error(err)
				return
			}
			for {
				select {
				case <-stop:
					return
				default:
				}
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

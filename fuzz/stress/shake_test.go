package stress

import (
	"sync/atomic"
	"testing"
	"time"
)

// Shaken goroutines are stopped between two instructions, also where they call nothing.
func TestShakeStopsGoroutinesAnywhere(t *testing.T) {
	const goroutines = 8
	var last atomic.Int32
	var changes [goroutines]int
	var end atomic.Bool
	done := make(chan struct{})
	stop := Shake(1)
	for i := range goroutines {
		go func() {
			for !end.Load() {
				if last.Load() != int32(i) {
					last.Store(int32(i))
					changes[i]++
				}
			}
			done <- struct{}{}
		}()
	}
	time.Sleep(400 * time.Millisecond)
	end.Store(true)
	for range goroutines {
		<-done
	}
	stop()
	for i, n := range changes {
		if n == 0 {
			t.Errorf("goroutine %d never ran in 400 ms, with %d at once", i, goroutines)
		}
	}
}

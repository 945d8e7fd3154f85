package stress

import (
	"math/rand/v2"
	"runtime"
	"time"
)

// Shake stops all goroutines of the process at random instants, wherever they are, until the
// function that it returns is called. Those that were stopped go behind all others that wait
// for a CPU, so where there are more goroutines than CPUs one is stopped between two
// instructions and several others do whole calls meanwhile. Go's scheduler by itself does
// that a hundred times a second, and so a window of nanoseconds is met once in hours.
//
// It shakes for some milliseconds and is quiet for some: goroutines that really run at the
// same time meet otherwise.
func Shake(seed uint64) (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		const (
			period = 20 * time.Millisecond
			most   = 100 // microseconds between two stops
		)
		rng := rand.New(rand.NewPCG(seed, 2))
		var stats runtime.MemStats
		begin := time.Now()
		for {
			pause := time.Duration(1+rng.IntN(most)) * time.Microsecond
			if in := time.Since(begin) % period; in > period/2 {
				pause = period - in
			}
			select {
			case <-end:
				return
			case <-time.After(pause):
				runtime.ReadMemStats(&stats) // it stops the world
			}
		}
	}()
	return func() {
		close(end)
		<-done
	}
}

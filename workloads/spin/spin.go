// Package spin passes time on the CPU without touching shared memory, as
// udelay does: the time that a holder holds its reference.
package spin

import (
	"sync"
	"time"
)

// Loops returns how many turns of For take d, at least 1 if d is positive.
func Loops(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	return max(1, int(float64(d.Nanoseconds())*perNanosecond()))
}

// For turns n times.
//
//go:noinline
func For(n int) {
	for range n {
	}
}

// perNanosecond measures how many turns take a nanosecond: the fastest of
// several tries, since everything that disturbs makes it slower.
var perNanosecond = sync.OnceValue(func() float64 {
	const turns = 200_000
	best := time.Duration(1 << 62)
	for range 9 {
		start := time.Now()
		For(turns)
		best = min(best, time.Since(start))
	}
	return turns / float64(max(best, 1).Nanoseconds())
})

package bench

import (
	"runtime"
	"runtime/metrics"
)

// leastRoom is which part of what may be allocated between two collections a sample
// has left at least when it begins.
const leastRoom = 0.75

// collect collects the garbage of earlier cells, so that it isn't collected at the cost of
// the next one. It leaves what is little: a collection takes about a millisecond however
// little there is, and none comes before there is much.
func collect() {
	if roomLeft() < leastRoom {
		runtime.GC()
	}
}

// roomLeft returns which part of what may be allocated between two collections is left.
func roomLeft() float64 {
	s := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},                // after the last collection
		{Name: "/gc/heap/goal:bytes"},                // at which the next one begins
		{Name: "/memory/classes/heap/objects:bytes"}, // now
	}
	metrics.Read(s)
	for _, v := range s {
		if v.Value.Kind() != metrics.KindUint64 {
			return 0
		}
	}
	live, goal, now := float64(s[0].Value.Uint64()), float64(s[1].Value.Uint64()), float64(s[2].Value.Uint64())
	if live == 0 || goal <= live || goal > 1<<40 {
		return 0 // there was none, or GOGC is off and memory would only grow
	}
	return (goal - now) / (goal - live)
}

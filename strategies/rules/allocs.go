package rules

import "runtime"

// allocsPerRun returns how many allocations a call of f makes on average, rounded
// down, so that a few by the rest of the process don't matter. Nothing else that
// allocates may run meanwhile.
func allocsPerRun(runs int, f func()) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	f() // what is allocated once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / uint64(runs))
}

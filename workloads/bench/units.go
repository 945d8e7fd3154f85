package bench

import (
	"math"

	"golang.org/x/perf/benchfmt"
)

// The units of a sample's line. Their spelling is part of the file format.
const (
	// UnitTime is the wall time of the window in ns divided by the
	// operations of all workers: with n CPUs that don't disturb each other
	// it is 1/n of what one operation takes.
	UnitTime = "ns/op"

	// UnitRate is the operations of all workers per second of the window.
	UnitRate = "ops/s"

	// UnitJain is Jain's index of fairness over the workers' operations:
	// (Σx)² / (n Σx²), 1 if all did the same, 1/n if one did everything (Jain,
	// Chiu and Hawe, DEC-TR-301, 1984).
	UnitJain = "jain"

	// UnitOverlap is which part of the time between the first worker's
	// start and the last worker's end is in the window, in percent.
	UnitOverlap = "overlap-%"

	// UnitParallel is the witness of real parallelism, about 1 if every
	// worker had a CPU to itself: see [Sample.Parallel].
	UnitParallel = "parallel"

	// UnitShared is 1 if the CPUs were shared with something else while
	// the sample was taken, so that its speed means nothing: see
	// [Sample.Shared].
	UnitShared = "shared"

	// UnitViolations is how many entries of the workload's books don't
	// balance. 0 in n lives says that at 95 % fewer than 3/n go wrong.
	UnitViolations = "violations"

	// UnitLives is how many objects were initialized.
	UnitLives = "lives"

	// UnitReleased is how many drops reported that they were the last.
	UnitReleased = "released"
)

// unitMetadata is what a result file says of the units, for readers such as
// benchstat. "exact" makes them compare values instead of distributions and
// complain where samples differ.
var unitMetadata = [...][3]string{
	{UnitTime, "better", "lower"},
	{UnitRate, "better", "higher"},
	{UnitJain, "better", "higher"},
	{UnitOverlap, "better", "higher"},
	{UnitParallel, "better", "higher"},
	{UnitShared, "better", "lower"},
	{UnitShared, "assume", "exact"},
	{UnitViolations, "better", "lower"},
	{UnitViolations, "assume", "exact"},
}

func unitRecords() []benchfmt.Record {
	var rs []benchfmt.Record
	for _, m := range unitMetadata {
		rs = append(rs, &benchfmt.UnitMetadata{
			UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: m[0], Key: m[1]},
			OrigUnit:        m[0],
			Value:           m[2],
		})
	}
	return rs
}

// Result returns the sample's line. procs is the GOMAXPROCS of its name.
func (s Sample) Result(procs int) *benchfmt.Result {
	shared := 0.0
	if s.Shared {
		shared = 1
	}
	window := s.Window.Seconds()
	return &benchfmt.Result{
		Name:  benchfmt.Name(s.Cell.Name(procs)),
		Iters: int(s.Ops),
		Values: []benchfmt.Value{
			{Unit: UnitTime, Value: significant(window * 1e9 / float64(s.Ops))},
			{Unit: UnitRate, Value: significant(float64(s.Ops) / window)},
			{Unit: UnitJain, Value: significant(s.Jain)},
			{Unit: UnitOverlap, Value: significant(s.Overlap * 100)},
			{Unit: UnitParallel, Value: significant(s.Parallel)},
			{Unit: UnitShared, Value: shared},
			{Unit: UnitViolations, Value: float64(s.Books.Violations())},
			{Unit: UnitLives, Value: float64(s.Books.Lives)},
			{Unit: UnitReleased, Value: float64(s.Books.Released)},
		},
	}
}

// significant rounds to six significant digits: more than any measurement here
// is worth, and no column of noise in the file.
func significant(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	scale := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

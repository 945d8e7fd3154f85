package bench

import (
	"math"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/strategies/judge"
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

	// UnitRound is in which round of its run a sample was taken, from 1. A
	// cell has one sample in each round, and those that were repeated.
	UnitRound = "round"

	// UnitChecked is how many operations on counts the checked form judged.
	UnitChecked = "ops-checked"

	// UnitViolations is how many violations the checked form and the books
	// of the timed form found. 0 in n judged operations says that at 95 %
	// fewer than 3/n go wrong, if operations are taken for independent trials. With it
	// stands a unit for each [judge.Kind].
	UnitViolations = "violations"

	// UnitLives is how many objects were initialized.
	UnitLives = "lives"

	// UnitReleased is how many drops reported that they were the last.
	UnitReleased = "released"
)

// The units of probed samples: see [Probe].
const (
	// UnitP50, UnitP99 and UnitP999 are the times that 50, 99 and 99.9 % of the single
	// operations took at most, and UnitSlowest what the slowest took, as a caller sees
	// them who calls the workload through an interface. They are right to 1 % and
	// have the timer's own time in them.
	UnitP50     = "p50-ns"
	UnitP99     = "p99-ns"
	UnitP999    = "p99.9-ns"
	UnitSlowest = "max-ns"
	// UnitTimer is the shortest time that the timer can see: between two readings with
	// nothing between.
	UnitTimer = "timer-ns"
	// UnitLatencies is how many operations were timed.
	UnitLatencies = "latencies"

	// UnitCycles, UnitInstructions and UnitCacheMisses are what the CPUs counted in the
	// workers' timed parts, in the kernel too, divided by their operations.
	UnitCycles       = "cycles/op"
	UnitInstructions = "instructions/op"
	UnitCacheMisses  = "cache-misses/op"
	// UnitCounted is which part of the time the counters ran, in percent, for the worker
	// that is worst off. They take turns with those of others.
	UnitCounted = "counted-%"
)

// unitMetadata is what a result file says of the units, for readers such as
// benchstat. "exact" makes them compare values instead of distributions and
// complain where samples differ. "of" says that a unit counts a kind of what another
// counts: nothing else makes a unit a count of violations.
var unitMetadata = [...][3]string{
	{UnitTime, "better", "lower"},
	{UnitRate, "better", "higher"},
	{UnitJain, "better", "higher"},
	{UnitOverlap, "better", "higher"},
	{UnitParallel, "better", "higher"},
	{UnitShared, "better", "lower"},
	{UnitShared, "assume", "exact"},
	{UnitChecked, "better", "higher"},
	{UnitViolations, "better", "lower"},
	{UnitViolations, "assume", "exact"},
	{UnitP50, "better", "lower"},
	{UnitP99, "better", "lower"},
	{UnitP999, "better", "lower"},
	{UnitSlowest, "better", "lower"},
	{UnitCycles, "better", "lower"},
	{UnitInstructions, "better", "lower"},
	{UnitCacheMisses, "better", "lower"},
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
	for _, k := range kinds() {
		for _, m := range [...][2]string{{"better", "lower"}, {"assume", "exact"}, {"of", UnitViolations}} {
			rs = append(rs, &benchfmt.UnitMetadata{
				UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: k, Key: m[0]},
				OrigUnit:        k,
				Value:           m[1],
			})
		}
	}
	return rs
}

// kinds returns the units of the kinds of violations.
func kinds() (units [judge.Kinds]string) {
	for k := range units {
		units[k] = judge.Kind(k).String()
	}
	return units
}

// Result returns the sample's line. procs is the GOMAXPROCS of its name.
func (s Sample) Result(procs int) *benchfmt.Result {
	shared := 0.0
	if s.Shared {
		shared = 1
	}
	if s.Cell.Probe != Timed {
		return s.probed(procs, shared)
	}
	window := s.Window.Seconds()
	r := &benchfmt.Result{
		Name:  benchfmt.Name(s.Cell.Name(procs)),
		Iters: int(s.Ops),
		Values: []benchfmt.Value{
			{Unit: UnitTime, Value: significant(window * 1e9 / float64(s.Ops))},
			{Unit: UnitRate, Value: significant(float64(s.Ops) / window)},
			{Unit: UnitJain, Value: significant(s.Jain)},
			{Unit: UnitOverlap, Value: significant(s.Overlap * 100)},
			{Unit: UnitParallel, Value: significant(s.Parallel)},
			{Unit: UnitShared, Value: shared},
		},
	}
	if s.Round > 0 {
		r.Values = append(r.Values, benchfmt.Value{Unit: UnitRound, Value: float64(s.Round)})
	}
	r.Values = append(r.Values,
		benchfmt.Value{Unit: UnitViolations, Value: float64(s.Books.Violations())},
		benchfmt.Value{Unit: UnitLives, Value: float64(s.Books.Lives)},
		benchfmt.Value{Unit: UnitReleased, Value: float64(s.Books.Released)},
	)
	if s.Books.Judged > 0 {
		r.Values = append(r.Values, benchfmt.Value{Unit: UnitChecked, Value: float64(s.Books.Judged)})
		for k, unit := range kinds() {
			r.Values = append(r.Values, benchfmt.Value{Unit: unit, Value: float64(s.Books.Kinds[k])})
		}
	}
	return r
}

// probed is Result of a probed sample. Its last unit is the probe's: see isWhole.
func (s Sample) probed(procs int, shared float64) *benchfmt.Result {
	r := &benchfmt.Result{
		Name:   benchfmt.Name(s.Cell.Name(procs)),
		Iters:  int(s.Ops),
		Values: []benchfmt.Value{{Unit: UnitShared, Value: shared}},
	}
	if s.Round > 0 {
		r.Values = append(r.Values, benchfmt.Value{Unit: UnitRound, Value: float64(s.Round)})
	}
	r.Values = append(r.Values, benchfmt.Value{Unit: UnitViolations, Value: float64(s.Books.Violations())})
	r.Values = append(r.Values, s.Probed...)
	return r
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

package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/loov/hrtime"
	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/workloads"
)

// A Probe is what a sample finds out about the inside of a cell instead of its speed. A
// probe costs time, so its samples are others than those that are timed. A line of a
// probed sample has the cell's name and units of its own, and no time per operation.
type Probe string

// The probes.
const (
	// Timed is none: the sample is timed.
	Timed Probe = ""

	// Latency times single operations, one in 32 on the average and at random, and puts
	// them in a histogram: [UnitP50] and so on.
	Latency Probe = "latency"

	// Counters reads the CPUs' counters of cycles, instructions and cache misses around
	// the timed part of each worker: [UnitCycles] and so on.
	Counters Probe = "counters"
)

// Probes lists the probes that there are.
func Probes() []Probe { return []Probe{Latency, Counters} }

// Probed returns the cells of the probes: each of the given cells that has a CPU for every
// worker once for each probe. What workers that share a CPU wait for is the scheduler.
func (m *Machine) Probed(cells []Cell, probes []Probe) []Cell {
	var list []Cell
	for _, p := range probes {
		for _, c := range cells {
			if c.Control || m.crowded(c.CPUs) {
				continue
			}
			c.Probe = p
			list = append(list, c)
		}
	}
	return list
}

// Check returns why this machine can't make the probe, or nil.
func (p Probe) Check() error {
	switch p {
	case Timed, Latency:
		return nil
	case Counters:
		return checkCounters()
	}
	return fmt.Errorf("no probe is called %q", string(p))
}

// A prober is one worker's part of a probe. Its goroutine alone uses it, on a thread of
// its own.
type prober interface {
	// begin is called right before the worker's timed part, and end right after it.
	begin() error
	end() error

	// Work makes about n operations of the instance, and returns how many: in its place,
	// so that the loop that is timed doesn't ask whether it is probed.
	Work(worker, n int) int

	// close gives back what the prober holds, if it began or not.
	close()
}

// newProber returns a worker's prober, or nil if nothing is probed.
func (p Probe) newProber(inst workloads.Instance, seed uint64, worker int) (prober, error) {
	switch p {
	case Latency:
		return newStopwatch(inst, seed, worker), nil
	case Counters:
		return newCounters(inst)
	}
	return nil, nil
}

// values returns what the probers of all workers have found out, and an error if they
// found out nothing.
func (p Probe) values(ps []prober) ([]benchfmt.Value, error) {
	switch p {
	case Latency:
		return latencies(ps)
	case Counters:
		return counts(ps)
	}
	return nil, nil
}

// lastUnit is the unit that ends the line of a probed sample.
func (p Probe) lastUnit() string {
	if p == Latency {
		return UnitLatencies
	}
	return UnitCounted
}

// probeOf returns which probe a line is of.
func probeOf(r *benchfmt.Result) Probe {
	for _, p := range Probes() {
		if _, ok := r.Value(p.lastUnit()); ok {
			return p
		}
	}
	return Timed
}

// id tells the cell from others of a run: its key, and after a space its probe.
func (c Cell) id() string { return withProbe(c.Key(), c.Probe) }

func withProbe(key string, p Probe) string {
	if p == Timed {
		return key
	}
	return key + " " + string(p)
}

// cutProbe is the reverse of withProbe.
func cutProbe(id string) (key string, p Probe, err error) {
	key, name, probed := strings.Cut(id, " ")
	if probed && !slices.Contains(Probes(), Probe(name)) {
		return "", "", fmt.Errorf("cell %q has a probe that isn't there", id)
	}
	return key, Probe(name), nil
}

// The stopwatch times one operation after gap others, whose number is drawn anew each
// time: a workload that does something else every 64th operation must not be met by the
// same one always.
const (
	leastGap = 16
	mostGap  = 48
)

// longestTick and digits bound what a histogram tells apart, in ticks of the time stamp
// counter or in ns. Its figures are right to two digits.
const (
	longestTick = 1 << 40
	digits      = 2
)

// A stopwatch times single operations.
type stopwatch struct {
	inst  workloads.Instance
	now   func() int64
	rand  *rand.Rand
	ticks *hdrhistogram.Histogram
	floor int64 // the shortest time between two readings

	wall        time.Time
	start, stop int64
	tick        float64 // ns
}

func newStopwatch(inst workloads.Instance, seed uint64, worker int) *stopwatch {
	s := &stopwatch{
		inst:  inst,
		now:   func() int64 { return int64(hrtime.Now()) },
		rand:  rand.New(rand.NewPCG(seed, uint64(worker))),
		ticks: hdrhistogram.New(1, longestTick, digits),
	}
	if hrtime.TSCSupported() {
		// RDTSCP waits for what comes before it. What comes after may begin earlier, by
		// less than the floor.
		s.now = func() int64 { return int64(hrtime.RDTSCP()) }
	}
	return s
}

func (s *stopwatch) begin() error {
	s.floor = longestTick
	for range 1000 {
		t := s.now()
		s.floor = min(s.floor, s.now()-t)
	}
	s.wall, s.start = time.Now(), s.now()
	return nil
}

func (s *stopwatch) end() error {
	s.stop = s.now()
	s.tick = float64(time.Since(s.wall)) / float64(max(s.stop-s.start, 1))
	return nil
}

func (s *stopwatch) close() {}

func (s *stopwatch) Work(worker, n int) int {
	done := 0
	for done < n {
		gap := leastGap + s.rand.IntN(mostGap-leastGap)
		did := s.inst.Work(worker, gap)
		t := s.now()
		one := s.inst.Work(worker, 1)
		t = s.now() - t
		if one == 1 {
			// It is never out of range: no operation takes a quarter of an hour.
			_ = s.ticks.RecordValue(min(max(t, 1), longestTick))
		}
		done += did + one
		if did < gap {
			break // it can't go on without its neighbours
		}
	}
	return done
}

// latencies puts the workers' histograms together.
func latencies(ps []prober) ([]benchfmt.Value, error) {
	all := hdrhistogram.New(1, longestTick, digits)
	var tick, floor float64
	for i, p := range ps {
		s := p.(*stopwatch)
		all.Merge(s.ticks)
		tick += (s.tick - tick) / float64(i+1)
		floor = max(floor, float64(s.floor))
	}
	if all.TotalCount() == 0 {
		return nil, errors.New("no operation was timed")
	}
	values := make([]benchfmt.Value, 0, len(quantiles)+3)
	for _, q := range quantiles {
		values = append(values, benchfmt.Value{Unit: q.unit, Value: significant(tick * float64(all.ValueAtQuantile(q.percent)))})
	}
	return append(values,
		benchfmt.Value{Unit: UnitSlowest, Value: significant(tick * float64(all.Max()))},
		benchfmt.Value{Unit: UnitTimer, Value: significant(tick * floor)},
		benchfmt.Value{Unit: UnitLatencies, Value: float64(all.TotalCount())},
	), nil
}

var quantiles = []struct {
	unit    string
	percent float64
}{{UnitP50, 50}, {UnitP99, 99}, {UnitP999, 99.9}}

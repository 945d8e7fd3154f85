package bench

import (
	"runtime"
	"slices"
	"time"

	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

// The witness of real parallelism has two parts.
//
// Each worker spins for a moment on a cache line of its own, before and after
// the load, all workers at the same time. If the CPUs are real and free, that
// goes as fast as it did on one CPU alone at the start of the run. If the
// hypervisor gives two virtual CPUs one real one, or a noisy neighbour slows
// the core, it is slower. The spin is one chain of dependent instructions, so
// that two threads of one core don't slow each other.
//
// While the load runs, the operating system counts for how long each worker was
// able to run but had no CPU, and how long other virtual machines kept it.
const (
	spinTime   = 40 * time.Microsecond // one spin; a worker does spinRuns before and as many after
	spinRuns   = 5
	spinChunk  = 256 // steps between looks at the clock
	leastSpin  = 0.8 // slower than this share of the calibrated rate: the CPU was shared
	mostWaited = 0.05
	mostStolen = 0.05
	leastSteal = 20 * time.Millisecond // steal time moves in steps of 10 ms, one of which may be old
)

// line is a cache line of one worker's own.
type line struct {
	_ [pin.LineBytes]byte
	v uint64
	_ [pin.LineBytes]byte
}

// spin returns the steps per ns of a spin of about d.
func (l *line) spin(d time.Duration) float64 {
	begin := time.Now()
	var steps int
	for {
		v := l.v
		for range spinChunk {
			// The constants are of no meaning here but for keeping the
			// compiler from finding a shortcut.
			v = v*6364136223846793005 + 1442695040888963407
			l.v = v
		}
		steps += spinChunk
		if t := time.Since(begin); t >= d {
			return float64(steps) / float64(t.Nanoseconds())
		}
	}
}

// rates returns the rates of several spins.
func (l *line) rates() []float64 {
	rs := make([]float64, spinRuns)
	for i := range rs {
		rs[i] = l.spin(spinTime)
	}
	return rs
}

// calibrate returns the rate of the spin for each CPU alone: the best of some,
// because only disturbances make it slower.
func calibrate(m *Machine) map[int]float64 {
	rates := make(map[int]float64, len(m.CPUs.Order))
	for _, c := range m.CPUs.Order {
		done := make(chan float64)
		go func() {
			runtime.LockOSThread() // for good: see cpu.Bind
			if m.CPUs.Bindable {
				_ = cpu.Bind(c) // an unbound thread calibrates as well
			}
			var l line
			best := 0.0
			for range 4 {
				best = max(best, slices.Max(l.rates()))
			}
			done <- best
		}()
		rates[c] = <-done
	}
	return rates
}

// median of a non-empty list, which is sorted in place.
func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// A observation is what the witness saw of one worker.
type observation struct {
	spin   float64       // rate as a share of the calibrated one
	wall   time.Duration // length of the timed part
	usage  cpu.Usage     // over the timed part
	usable bool          // usage is known
}

// assess returns the parallel and shared values of a sample. own is the CPU time
// that the process used beside the workers, so waiting that its own roles and
// its garbage collector may have caused isn't held against the machine. stolen
// is steal time over all CPUs of the workers.
func assess(ts []observation, own, stolen time.Duration) (parallel float64, shared bool) {
	parallel = 1
	var wall time.Duration
	for _, t := range ts {
		wall += t.wall
		parallel = min(parallel, t.spin)
		if t.spin < leastSpin {
			shared = true
		}
		if !t.usable || t.wall <= 0 {
			continue
		}
		parallel = min(parallel, 1-min(1, float64(t.usage.Waited)/float64(t.wall)))
		foreign := t.usage.Waited - max(own, 0)
		if float64(foreign) > mostWaited*float64(t.wall) {
			shared = true
		}
	}
	if stolen >= leastSteal && float64(stolen) > mostStolen*float64(wall) {
		shared = true
	}
	return parallel, shared
}

package bench

import (
	"errors"
	"time"

	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

const (
	// batchTime is how long a batch should last: long enough that reading
	// the clock (tens of ns) doesn't show, short enough that the edges of
	// the window are sharp.
	batchTime = 50 * time.Microsecond

	// mostBatches bounds a worker's track: longer timed parts get longer
	// batches.
	mostBatches = 20_000

	// mostOps keeps the operations of a batch from running away where they
	// cost nothing.
	mostOps = 1 << 24
)

// A timedWork is the workers' side of one sample.
type timedWork struct {
	machine *Machine
	cell    Cell
	inst    workloads.Instance
	seed    uint64
	epoch   time.Time // what times of tracks count from
	warm    time.Duration
	timed   time.Duration
	batch   time.Duration

	// By worker, written by the worker alone and once.
	tracks   []track
	observed []observation
	probers  []prober // nil if nothing is probed

	// CPU time of the process at the start and the end of worker 0's timed
	// part.
	process [2]time.Duration
	known   bool
}

func newTimedWork(m *Machine, c Cell, l Length, inst workloads.Instance, seed uint64) *timedWork {
	return &timedWork{
		machine:  m,
		cell:     c,
		inst:     inst,
		seed:     seed,
		epoch:    time.Now(),
		warm:     l.warm(),
		timed:    l.Timed,
		batch:    max(batchTime, l.Timed/mostBatches),
		tracks:   make([]track, c.CPUs),
		observed: make([]observation, c.CPUs),
		probers:  make([]prober, c.CPUs),
	}
}

func (s *timedWork) now() int64 { return int64(time.Since(s.epoch)) }

// work is one worker's part of the protocol: see [Measure].
func (s *timedWork) work(b *barrier, worker int) {
	n := s.cell.CPUs
	// Room for twice the batches, so that the timed part doesn't allocate
	// unless operations become much cheaper after the warm-up. Workers that
	// share a CPU share the time too.
	batches := make([]batch, 0, 2*int(s.timed/s.batch)/s.machine.crowding(n)+16)
	var own line
	probe, err := s.cell.Probe.newProber(s.inst, s.seed, worker)
	if err != nil {
		b.abort(&ProbeError{s.cell, err})
		return
	}
	if probe != nil {
		defer probe.close()
		s.probers[worker] = probe
	}

	b.arrive(gathering, n, nil)
	b.wait(gathering)
	if b.at() == aborted {
		return
	}
	rates := own.rates()

	size := warmUp(b, s.inst, worker, n, s.warm, s.batch, nil)

	if worker == 0 {
		s.process[0], s.known = cpu.ProcessTime()
	}
	usage, usable := cpu.ThreadUsage()
	inst, call := s.inst, &b.calls.workers[worker]
	load := interface{ Work(worker, n int) int }(inst)
	if probe != nil {
		load = probe
		err = probe.begin()
	}
	start := s.now()
	b.begin(start, n, s.timed)
	for {
		call.enter()
		ops := load.Work(worker, size)
		call.leave()
		now := s.now()
		batches = append(batches, batch{now, int64(ops)})
		if now >= b.until.Load() {
			break
		}
	}
	if probe != nil {
		if err = errors.Join(err, probe.end()); err != nil {
			b.abort(&ProbeError{s.cell, err})
		}
	}
	usage1, usable1 := cpu.ThreadUsage()
	if worker == 0 {
		s.process[1], _ = cpu.ProcessTime()
	}

	b.arrive(timing, n, nil)
	if b.crowded() {
		b.wait(timing)
	}
	for b.at() < finished {
		call.enter()
		inst.Work(worker, size)
		call.leave()
	}
	rates = append(rates, own.rates()...)

	t := track{start, batches}
	s.tracks[worker] = t
	s.observed[worker] = observation{
		spin: median(rates) / s.machine.rates[s.machine.cpuOf(worker)],
		wall: time.Duration(t.end() - t.start),
		usage: cpu.Usage{
			Ran:    usage1.Ran - usage.Ran,
			Waited: usage1.Waited - usage.Waited,
		},
		usable: usable && usable1,
	}
}

// warmUp runs the load until all of n workers are warm, and finds the number of
// operations that take as long as a batch should. The last worker to be warm
// calls then, if it isn't nil, before the timed part begins.
func warmUp(b *barrier, inst workloads.Instance, worker, n int, long, batch time.Duration, then func()) int {
	size, warm := 1, false
	call := &b.calls.workers[worker]
	begin := time.Now()
	for last := begin; ; {
		call.enter()
		ops := inst.Work(worker, size)
		call.leave()
		now := time.Now()
		size = nextSize(size, ops, now.Sub(last), batch)
		last = now
		if !warm && now.Sub(begin) >= long {
			warm = true
			b.arrive(warming, n, then)
			if b.crowded() {
				b.wait(warming)
			}
		}
		if b.at() >= timing {
			return size
		}
	}
}

// nextSize returns the size of the batch after one of the given size that did
// ops operations in the time took. It at most doubles and at least halves, so
// that one batch that was interrupted doesn't spoil what is known.
func nextSize(size, ops int, took, want time.Duration) int {
	if ops <= 0 {
		return size // it couldn't go on without its neighbours
	}
	if took <= 0 {
		return min(2*size, mostOps)
	}
	next := float64(ops) * float64(want) / float64(took)
	next = min(max(next, float64(size)/2), 2*float64(size))
	return min(max(int(next), 1), mostOps)
}

// own returns the CPU time that the process used beside its workers.
func (s *timedWork) own() time.Duration {
	if !s.known {
		return 0
	}
	own := s.process[1] - s.process[0]
	for _, t := range s.observed {
		own -= t.usage.Ran
	}
	return max(own, 0)
}

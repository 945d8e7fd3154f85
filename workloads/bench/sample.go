package bench

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

// A Sample is one measurement of a cell.
type Sample struct {
	Cell  Cell
	Round int // of its run, from 1; 0 if it is of none

	Ops     uint64        // operations of all workers in the window
	Window  time.Duration // from the latest start to the earliest end of the timed parts
	Overlap float64       // Window as a share of the time from the earliest start to the latest end
	Jain    float64       // fairness of the workers' operations in the window

	// Parallel is the smaller of two shares for the worker that is worst
	// off: how fast it could spin on a cache line of its own while the
	// others did, compared to the same CPU alone; and which part of the
	// timed part it had a CPU when it wanted one. About 1 means that every
	// worker had a CPU to itself.
	Parallel float64

	// Shared reports that a worker could spin at less than 0.8 of the rate
	// of its CPU alone, waited more than 5 % of the timed part for a CPU
	// (less what the process's own roles and garbage collection may have
	// caused), that other virtual machines took more than 5 %, or that
	// there were more workers than CPUs.
	Shared bool

	// Probed is what a probe found out, of a probed cell.
	Probed []benchfmt.Value

	// Books are those of the timed and the checked form together.
	Books  workloads.Books
	Stolen time.Duration // steal time of the workers' CPUs, over the sample
	Seed   uint64        // of the instance
}

// A Length is how long the parts of a sample last.
type Length struct {
	Timed time.Duration // the timed part, from when all workers are in it

	// Warm is how long each worker runs before it says that it is warm.
	// 0 stands for a fifth of Timed within 5 ms .. 100 ms.
	Warm time.Duration

	// Checked is how long the checked form runs after the timed one, on an
	// instance of its own, with every operation judged. 0 leaves it out.
	Checked time.Duration

	// ReuseDelay is how many freed objects each actor of the checked form
	// sets aside before it uses the memory of the first again.
	ReuseDelay int

	// Timeout is how long a call of a worker or a role may take before it counts as
	// one that never returns. It is time in which the process had the CPUs that it
	// asked for: see [cpu.ShareClock]. 0 stands for 15 s.
	Timeout time.Duration
}

func (l Length) warm() time.Duration {
	if l.Warm > 0 {
		return l.Warm
	}
	return min(max(l.Timed/5, 5*time.Millisecond), 100*time.Millisecond)
}

// total returns how long the parts of a sample take together.
func (l Length) total() time.Duration { return l.warm() + l.Timed + l.Checked }

func (l Length) timeout() time.Duration {
	if l.Timeout > 0 {
		return l.Timeout
	}
	return 15 * time.Second
}

// A PanicError is a panic in a part of a cell.
type PanicError struct {
	Cell  Cell
	Actor string // "worker 0", a role's name, "New", "Close"
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("%s: panic in %s: %v", e.Cell, e.Actor, e.Value)
}

// A SetupError is an instance that can't be made.
type SetupError struct {
	Cell Cell
	Err  error
}

func (e *SetupError) Error() string { return fmt.Sprintf("%s: %v", e.Cell, e.Err) }
func (e *SetupError) Unwrap() error { return e.Err }

// A ProbeError is a probe that failed.
type ProbeError struct {
	Cell Cell
	Err  error
}

func (e *ProbeError) Error() string { return fmt.Sprintf("%s: %v", e.Cell, e.Err) }
func (e *ProbeError) Unwrap() error { return e.Err }

// An IdleError is a sample in which no operation was done, though some can be.
type IdleError struct{ Cell Cell }

func (e *IdleError) Error() string {
	return fmt.Sprintf("%s: no operation was done in the timed part", e.Cell)
}

// Measure takes one sample of the cell. GOMAXPROCS must have room for the
// workers, the roles and the caller: see [Room].
//
// All workers meet at a barrier; each spins for the witness, then runs the load
// until all are warm; then each begins its timed part, which lasts as long as
// asked for after the last worker has begun; then each goes on with the load
// until all have finished. Only what happened while all were in their timed
// parts is counted: see [Sample.Window]. Then, if l says so, the same number of
// workers runs the checked form, unless the strategy is a baseline. After each form somebody must be able to go on:
// see [NoProgressError].
//
// If ctx ends, the sample is dropped and its error returned. After a
// [*HangError] those of the cell's goroutines that don't return are still there,
// so nothing that is measured in this process afterwards means anything.
func Measure(ctx context.Context, m *Machine, c Cell, l Length, seed uint64) (Sample, error) {
	collect()
	s, err := supervise(ctx, m, c, l, func(b *barrier) (Sample, error) {
		return measure(m, c, l, seed, b)
	})
	if err != nil || l.Checked <= 0 || c.Probe != Timed || c.Strategy.Baseline != "" {
		return s, err
	}
	b, err := Check(ctx, m, c, l, seed)
	s.Books.Add(b)
	return s, err
}

// guarded calls f and turns a panic into an error.
func guarded(c Cell, actor string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Cell: c, Actor: actor, Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// open makes the instance of the cell.
func open(b *barrier, c Cell, seed uint64) (inst workloads.Instance, err error) {
	err = b.call(c, "New", func() error {
		i, err := c.Workload.Start(c.New, workloads.Config{
			Workers:    c.CPUs,
			Seed:       seed,
			Knobs:      c.Settings,
			Contents:   c.Contents,
			NewCounter: c.Strategy.New,
		})
		if err != nil {
			return &SetupError{c, err}
		}
		inst = i
		return nil
	})
	return inst, err
}

// closeInstance closes the instance and returns its books.
func closeInstance(b *barrier, inst workloads.Instance) (books workloads.Books, err error) {
	err = b.call(b.cell, "Close", func() error {
		books = inst.Close()
		return nil
	})
	return books, err
}

func measure(m *Machine, c Cell, l Length, seed uint64, b *barrier) (Sample, error) {
	inst, err := open(b, c, seed)
	if err != nil {
		return Sample{}, err
	}
	cpus := make([]int, min(c.CPUs, len(m.CPUs.Order)))
	for i := range cpus {
		cpus[i] = m.cpuOf(i)
	}
	steal0, stealOK := cpu.Steal(m.root, cpus)

	w := newTimedWork(m, c, l, inst, seed)
	if err := b.run(m, inst, c.CPUs, w.work); err != nil {
		return Sample{}, err
	}

	books, err := end(b, l, inst, false)
	if err != nil {
		return Sample{}, err
	}
	s := Sample{Cell: c, Books: books, Seed: seed}
	if steal1, ok := cpu.Steal(m.root, cpus); ok && stealOK {
		s.Stolen = steal1 - steal0
	}
	o := overlapOf(w.tracks)
	if o.ops == 0 {
		return Sample{}, &IdleError{c}
	}
	if c.Probe != Timed {
		if s.Probed, err = c.Probe.values(w.probers); err != nil {
			return Sample{}, &ProbeError{c, err}
		}
	}
	s.Ops, s.Window, s.Overlap, s.Jain = o.ops, o.window, o.share, o.jain
	s.Parallel, s.Shared = assess(w.observed, w.own(), s.Stolen)
	s.Shared = s.Shared || m.crowded(c.CPUs)
	return s, nil
}

// Room returns how many goroutines of the cell run at the same time, with the
// one that waits for them and one for the garbage collector: what GOMAXPROCS
// must be so that none of them waits for another to leave a P.
func Room(ctx context.Context, m *Machine, c Cell, l Length, seed uint64) (int, error) {
	return supervise(ctx, m, c, l, func(b *barrier) (int, error) {
		inst, err := open(b, c, seed)
		if err != nil {
			return 0, err
		}
		n := c.CPUs + 2
		err = b.call(c, "Roles", func() error {
			n += len(inst.Roles())
			return nil
		})
		if err != nil {
			return 0, err
		}
		_, err = closeInstance(b, inst)
		return n, err
	})
}

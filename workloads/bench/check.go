package bench

import (
	"context"
	"time"

	"github.com/refbench/refbench/workloads"
)

// Check runs the checked form of the cell alone, with c.CPUs workers and for about
// l.Checked, and returns its books. What [Measure] says of GOMAXPROCS, ctx and hangs
// holds here too.
func Check(ctx context.Context, m *Machine, c Cell, l Length, seed uint64) (workloads.Books, error) {
	return supervise(ctx, m, c, l, func(b *barrier) (workloads.Books, error) {
		return check(m, c, l, seed, b)
	})
}

// check runs the checked form of the cell, with as many workers as the timed one
// and for about l.Checked, and returns its books. It isn't timed: every operation
// is judged as it is done, and costs many times what it costs otherwise.
//
// The checked form is the generic one, which calls the strategy through an
// interface. It is made from the same source as the timed loop.
func check(m *Machine, c Cell, l Length, seed uint64, b *barrier) (workloads.Books, error) {
	c.New = func(cfg workloads.Config) (workloads.Instance, error) {
		cfg.Checked = true
		cfg.ReuseDelay = l.ReuseDelay
		return c.Workload.New(cfg)
	}
	inst, err := open(b, c, seed)
	if err != nil {
		return workloads.Books{}, err
	}
	work := func(b *barrier, worker int) {
		call := &b.calls.workers[worker]
		b.arrive(gathering, c.CPUs, nil)
		b.wait(gathering)
		begin, done := time.Now(), false
		for b.at() == warming {
			call.enter()
			inst.Work(worker, checkedBatch)
			call.leave()
			if !done && time.Since(begin) >= l.Checked {
				done = true
				b.arrive(warming, c.CPUs, nil)
			}
		}
	}
	if err := b.run(m, inst, c.CPUs, work); err != nil {
		return workloads.Books{}, err
	}
	return end(b, l, inst, true)
}

// checkedBatch is how many operations a worker does between two looks at the
// clock.
const checkedBatch = 128

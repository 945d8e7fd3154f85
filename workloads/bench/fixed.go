package bench

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads"
)

// fixedWarm is the warm-up of a fixed number of operations: long enough to
// bring the threads together and to size the batches.
const fixedWarm = 5 * time.Millisecond

// MeasureFixed does n operations in total, as [Measure] does them for a fixed
// time: all workers of the cell at once, after a warm-up. begin is called when
// the first of the n operations begins and end when all are done, each once and
// on some worker's goroutine; both happen before the return. It returns how many
// operations were done, which is about n, and the books.
//
// It is how a cell becomes an ordinary Go benchmark.
func MeasureFixed(ctx context.Context, m *Machine, c Cell, n int, seed uint64, begin, end func()) (ops int, books workloads.Books, err error) {
	collect()
	type result struct {
		ops   int
		books workloads.Books
	}
	r, err := supervise(ctx, m, c, Length{}, func(b *barrier) (result, error) {
		inst, err := open(b, c, seed)
		if err != nil {
			return result{}, err
		}
		f := &fixedWork{n: c.CPUs, inst: inst, begin: begin, end: end, cell: c}
		f.left.Store(int64(n))
		if err := b.run(m, inst, c.CPUs, f.work); err != nil {
			return result{}, err
		}
		books, err := closeInstance(b, inst)
		return result{int(f.done.Load()), books}, err
	})
	return r.ops, r.books, err
}

// fixedWork is the workers' side of MeasureFixed.
type fixedWork struct {
	n          int // workers
	inst       workloads.Instance
	begin, end func()
	cell       Cell

	_        [pin.LineBytes]byte
	left     atomic.Int64 // operations that no worker has taken on
	progress atomic.Int64 // operations done; those who do none look whether others do
	_        [pin.LineBytes]byte
	done     atomic.Int64
}

// take takes on up to size operations and returns how many: 0 if none is left.
func (f *fixedWork) take(size int) int {
	for {
		left := f.left.Load()
		n := min(left, int64(size))
		if n <= 0 {
			return 0
		}
		if f.left.CompareAndSwap(left, left-n) {
			return int(n)
		}
	}
}

// work takes on batches until none is left, so that the workers finish within
// a batch of each other however unlike their speeds.
func (f *fixedWork) work(b *barrier, worker int) {
	b.arrive(gathering, f.n, nil)
	b.wait(gathering)
	if b.at() == aborted {
		return
	}
	call := &b.calls.workers[worker]
	size := warmUp(b, f.inst, worker, f.n, fixedWarm, batchTime, f.begin)
	ops, idle := 0, 0
	var seen int64 // of progress
	var idling trial
	for b.at() != aborted {
		want := f.take(size)
		if want == 0 {
			break
		}
		call.enter()
		did := f.inst.Work(worker, want)
		call.leave()
		ops += did
		if did > 0 {
			f.progress.Add(int64(did))
		}
		if did < want {
			// It couldn't go on without its neighbours: the rest is
			// for whoever can. They may need the CPU, but yielding a
			// locked thread costs microseconds: not at once.
			f.left.Add(int64(want - did))
			if idle++; idle%spinsBeforeYield != 0 {
				continue
			}
			runtime.Gosched()
			if now := f.progress.Load(); now != seen {
				seen, idling = now, trial{}
			}
			if idling.failed(time.Now(), longestTrial) {
				b.abort(&NoProgressError{f.cell, false, idling.spent})
			}
		}
	}
	f.done.Add(int64(ops))
	b.arrive(timing, f.n, f.end)
	for b.at() < finished {
		call.enter()
		f.inst.Work(worker, size)
		call.leave()
	}
}

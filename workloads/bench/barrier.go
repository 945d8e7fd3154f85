package bench

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

// A phase is how far the workers of a sample are.
type phase uint32

const (
	gathering phase = iota // not all workers are ready
	warming                // not all workers are warm
	timing                 // not all workers have finished their timed parts
	finished               // all have
	aborted                // stop at once
)

// A barrier is where the workers of one sample meet, and what starts and stops its
// workers and roles.
type barrier struct {
	cell Cell
	most int // workers that can have a CPU each

	_     [pin.LineBytes]byte
	phase atomic.Uint32
	_     [pin.LineBytes]byte
	here  atomic.Int32 // workers that have reached the end of the phase, over all phases
	begun atomic.Int32 // workers that have begun their timed parts
	_     [pin.LineBytes]byte

	// until is when timed parts end, in ns on the clock of the timed part;
	// never before the last worker has begun its, and 0, which is at once,
	// when the sample is aborted. Workers read it once a batch.
	until atomic.Int64
	_     [pin.LineBytes]byte

	over [finished]chan struct{} // closed when the phase is over
	stop chan struct{}           // closed when the roles are to stop
	once sync.Once

	calls *calls // who is in a call

	mu    sync.Mutex
	cause error // of the abort
}

// newBarrier returns a barrier for the workers of a cell, of which so many can have a CPU
// each.
func newBarrier(c Cell, most int) *barrier {
	b := &barrier{cell: c, most: most, stop: make(chan struct{}), calls: newCalls(c.CPUs)}
	for p := range b.over {
		b.over[p] = make(chan struct{})
	}
	b.until.Store(never)
	return b
}

const never = math.MaxInt64

// begin says that a worker of n begins its timed part now. The parts end
// when the last one has lasted long: a worker that its CPU was taken from must
// not find the others finished.
func (b *barrier) begin(now int64, n int, long time.Duration) {
	if b.begun.Add(1) == int32(n) {
		b.until.CompareAndSwap(never, now+int64(long)) // unless aborted
	}
}

// abort makes everybody stop at once. The first cause counts.
func (b *barrier) abort(cause error) {
	b.mu.Lock()
	if b.cause == nil {
		b.cause = cause
	}
	b.mu.Unlock()
	b.until.Store(0)
	for before := phase(b.phase.Swap(uint32(aborted))); before < finished; before++ {
		close(b.over[before])
	}
	b.dismiss()
}

func (b *barrier) dismiss() { b.once.Do(func() { close(b.stop) }) }

func (b *barrier) err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cause
}

func (b *barrier) at() phase { return phase(b.phase.Load()) }

// arrive says that a worker has reached the end of the phase p. The last of n
// workers calls then, if it isn't nil, and starts the next phase, unless the
// sample was aborted meanwhile.
func (b *barrier) arrive(p phase, n int, then func()) {
	if b.here.Add(1) != int32(n)*int32(p+1) {
		return
	}
	if then != nil {
		then()
	}
	if b.phase.CompareAndSwap(uint32(p), uint32(p+1)) {
		close(b.over[p])
	}
}

// spinsBeforeYield bounds how long a worker spins at the barrier before it lets
// other goroutines and threads run: where CPUs are scarce, the worker that it
// waits for may be one of them.
const spinsBeforeYield = 1 << 14

// crowded reports whether workers share CPUs. Then none keeps up the load for the others,
// which need the CPU to get as far: the speed means nothing anyway.
func (b *barrier) crowded() bool { return b.cell.CPUs > b.most }

// wait waits until the phase p is over. It spins, so that all go on at the same time;
// but not where workers share CPUs, because the one that it waits for needs them.
func (b *barrier) wait(p phase) {
	if b.crowded() {
		<-b.over[p]
		return
	}
	for i := 1; b.at() == p; i++ {
		if i%spinsBeforeYield == 0 {
			runtime.Gosched()
		}
	}
}

// run runs n workers, each on a thread of its own bound to its CPU, and the
// instance's roles beside them until the workers have returned. work returns
// early when the sample is aborted.
func (b *barrier) run(m *Machine, inst workloads.Instance, n int, work func(b *barrier, worker int)) error {
	var roles []workloads.Role
	if err := b.call(b.cell, "Roles", func() error { roles = inst.Roles(); return nil }); err != nil {
		return err
	}
	for _, r := range roles {
		b.calls.add(r.Name)
	}
	var workers, actors sync.WaitGroup
	for i := range n {
		workers.Go(func() {
			// The thread is bound to a CPU, so it must not go back to the
			// runtime's pool: it dies with this goroutine, which never
			// unlocks it.
			runtime.LockOSThread()
			if m.CPUs.Bindable {
				if err := cpu.Bind(m.cpuOf(i)); err != nil {
					b.abort(err)
					return
				}
			}
			defer b.calls.workers[i].end()
			err := guarded(b.cell, workloads.WorkerName(i), func() error {
				work(b, i)
				return nil
			})
			if err != nil {
				b.abort(err)
			}
		})
	}
	for i, r := range roles {
		actors.Go(func() {
			call := b.calls.role(i)
			defer call.end()
			err := guarded(b.cell, r.Name, func() error {
				b.act(r, call)
				return nil
			})
			if err != nil {
				b.abort(err)
			}
		})
	}
	workers.Wait()
	b.dismiss()
	actors.Wait()
	return b.err()
}

// act plays a role until it is dismissed. A role begins with the warm-up, when every
// worker is there.
func (b *barrier) act(r workloads.Role, call *call) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		pause := time.Millisecond
		if b.at() != gathering {
			call.enter()
			pause = r.Step()
			call.leave()
		}
		if pause <= 0 {
			select {
			case <-b.stop:
				return
			default:
			}
			continue
		}
		timer.Reset(pause)
		select {
		case <-b.stop:
			return
		case <-timer.C:
		}
	}
}

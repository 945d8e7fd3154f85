package bench

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

// A phase is how far a crew is.
type phase uint32

const (
	gathering phase = iota // not all workers are ready
	warming                // not all workers are warm
	timing                 // not all workers have finished their timed parts
	finished               // all have
	aborted                // stop at once
)

// A crew is the workers and roles of one sample.
type crew struct {
	cell Cell

	_     [pin.LineBytes]byte
	phase atomic.Uint32
	_     [pin.LineBytes]byte
	here  atomic.Int32 // workers that have reached the end of the phase, over all phases
	begun atomic.Int32 // workers that have begun their timed parts
	_     [pin.LineBytes]byte

	// until is when timed parts end, in ns on the shift's clock; never
	// before the last worker has begun its, and 0, which is at once, when
	// the crew is aborted. Workers read it once a batch.
	until atomic.Int64
	_     [pin.LineBytes]byte

	stop chan struct{} // closed when the roles are to stop
	once sync.Once

	mu    sync.Mutex
	cause error // of the abort
}

func newCrew(c Cell) *crew {
	cr := &crew{cell: c, stop: make(chan struct{})}
	cr.until.Store(never)
	return cr
}

const never = math.MaxInt64

// begin says that a worker of n begins its timed part now. The parts end
// when the last one has lasted long: a worker that its CPU was taken from must
// not find the others finished.
func (cr *crew) begin(now int64, n int, long time.Duration) {
	if cr.begun.Add(1) == int32(n) {
		cr.until.CompareAndSwap(never, now+int64(long)) // unless aborted
	}
}

// abort makes everybody stop at once. The first cause counts.
func (cr *crew) abort(cause error) {
	cr.mu.Lock()
	if cr.cause == nil {
		cr.cause = cause
	}
	cr.mu.Unlock()
	cr.phase.Store(uint32(aborted))
	cr.until.Store(0)
	cr.dismiss()
}

func (cr *crew) dismiss() { cr.once.Do(func() { close(cr.stop) }) }

func (cr *crew) err() error {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	return cr.cause
}

func (cr *crew) at() phase { return phase(cr.phase.Load()) }

// arrive says that a worker has reached the end of the phase p. The last of n
// workers calls then, if it isn't nil, and starts the next phase, unless the
// crew was aborted meanwhile.
func (cr *crew) arrive(p phase, n int, then func()) {
	if cr.here.Add(1) != int32(n)*int32(p+1) {
		return
	}
	if then != nil {
		then()
	}
	cr.phase.CompareAndSwap(uint32(p), uint32(p+1))
}

// spinsBeforeYield bounds how long a worker spins at the barrier before it lets
// other goroutines and threads run: where CPUs are scarce, the worker that it
// waits for may be one of them.
const spinsBeforeYield = 1 << 14

// wait spins until the phase p is over.
func (cr *crew) wait(p phase) {
	for i := 1; cr.at() == p; i++ {
		if i%spinsBeforeYield == 0 {
			runtime.Gosched()
		}
	}
}

// run runs n workers, each on a thread of its own bound to its CPU, and the
// instance's roles beside them until the workers have returned. work returns
// early when the crew is aborted.
func (cr *crew) run(m *Machine, inst workloads.Instance, n int, work func(cr *crew, worker int)) error {
	var roles []workloads.Role
	if err := guarded(cr.cell, "Roles", func() error { roles = inst.Roles(); return nil }); err != nil {
		return err
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
					cr.abort(err)
					return
				}
			}
			err := guarded(cr.cell, fmt.Sprintf("worker %d", i), func() error {
				work(cr, i)
				return nil
			})
			if err != nil {
				cr.abort(err)
			}
		})
	}
	for _, r := range roles {
		actors.Go(func() {
			err := guarded(cr.cell, r.Name, func() error {
				cr.act(r)
				return nil
			})
			if err != nil {
				cr.abort(err)
			}
		})
	}
	workers.Wait()
	cr.dismiss()
	actors.Wait()
	return cr.err()
}

// act plays a role until the crew is dismissed. A role begins with the
// warm-up, when every worker is there.
func (cr *crew) act(r workloads.Role) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		pause := time.Millisecond
		if cr.at() != gathering {
			pause = r.Step()
		}
		if pause <= 0 {
			select {
			case <-cr.stop:
				return
			default:
			}
			continue
		}
		timer.Reset(pause)
		select {
		case <-cr.stop:
			return
		case <-timer.C:
		}
	}
}

package linear

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loov/hrtime"

	"github.com/refbench/refbench/workloads/bench/cpu"
)

// A Clock stamps the beginning and the end of calls on real threads.
//
// What a judge needs of it is this: if one call's end has a smaller stamp than
// another's beginning, everything that the first did is done before the second
// does anything.
//
// # The time stamp counter
//
// amd64's counter can be read without touching shared memory, but RDTSC waits for
// nothing before it and holds up nothing behind it. So each stamp is tied to the
// call by an atomic store to a word of the client's own, which compiles to XCHG:
// locked, thus a full barrier.
//
//	beginning: RDTSC, then XCHG of what it read. The exchange can't happen before
//	           its operand is known, and no load or store of the call before the
//	           exchange.
//	end:       XCHG, then RDTSCP. All loads and stores of the call are done before
//	           the exchange is, and RDTSCP waits for the exchange.
//
// The barrier at the end means that a missing barrier inside of the call may not
// show in recorded histories. Without it a plain store of the call could become
// visible after the call's end, which isn't against Go's memory model.
//
// The counters of two CPUs may differ by a constant. That does no harm as long as
// it is less than a message between them takes: an access that another follows
// in the order of one memory location was made known to the other's CPU by a
// message of the coherence protocol, so its stamp is smaller, and the order of
// accesses still lies within the stamped intervals. [NewClock] measures it.
//
// # The shared counter
//
// Elsewhere stamps are drawn from an atomic counter. If one call's end has a
// smaller stamp than another's beginning, the first happens before the second in
// the sense of the Go memory model. All clients write that one word, so calls meet
// less often than they do with the other clock.
type Clock struct {
	Name    string // what history files call it
	Why     string // it isn't the time stamp counter, or ""
	counter *fence // nil: the time stamp counter
}

// The names of clocks in history files.
const (
	ClockTSC     = "tsc"     // ticks of amd64's time stamp counter
	ClockCounter = "counter" // draws from a shared counter
	ClockSteps   = "steps"   // order of events under the deterministic scheduler
)

// NewClock returns the time stamp counter if the CPUs' counters are seen to agree,
// and a shared counter otherwise.
func NewClock() *Clock {
	if err := measureTSC(); err != nil {
		return &Clock{Name: ClockCounter, Why: err.Error(), counter: new(fence)}
	}
	return &Clock{Name: ClockTSC}
}

// A fence is a client's own word that ties stamps to calls, or the shared counter. It is
// alone on its cache lines.
type fence struct {
	_    [64]byte
	word atomic.Int64
	_    [64]byte
}

// begin returns the stamp of the beginning of a call.
func (c *Clock) begin(f *fence) int64 {
	if c.counter != nil {
		return c.counter.word.Add(1)
	}
	t := int64(hrtime.RDTSC())
	f.word.Store(t)
	return t
}

// end returns the stamp of the end of a call.
func (c *Clock) end(f *fence) int64 {
	if c.counter != nil {
		return c.counter.word.Add(1)
	}
	f.word.Store(0)
	return int64(hrtime.RDTSCP())
}

// measureTSC returns why stamps of the time stamp counter can't be trusted, or nil.
func measureTSC() error {
	if !hrtime.TSCSupported() {
		return errors.New("this CPU has no invariant time stamp counter")
	}
	cpus, err := cpu.Detect()
	if err != nil {
		return fmt.Errorf("the counters of the CPUs can't be compared: %w", err)
	}
	return compare(cpus, runtime.GOMAXPROCS(0), messages)
}

// compare compares the counter of the first CPU with that of each other one by what
// exchange finds wrong between two.
func compare(cpus cpu.Set, procs int, exchange func([2]int) error) error {
	switch {
	case len(cpus.Order) == 1:
		return nil
	case !cpus.Bindable:
		return fmt.Errorf("the counters of the CPUs can't be compared: %s", cpus.Unbindable)
	case procs == 1:
		return errors.New("the counters of the CPUs can't be compared with GOMAXPROCS=1")
	}
	for _, other := range cpus.Order[1:] {
		if err := exchange([2]int{cpus.Order[0], other}); err != nil {
			return fmt.Errorf("time stamp counters of CPU %d and CPU %d: %w", cpus.Order[0], other, err)
		}
	}
	return nil
}

// judgeMessages returns why two CPUs' clocks can't be trusted, given the shortest
// time that a message took in each direction, from the sender's stamp to the
// receiver's. How far the clocks are apart is half the difference between the two.
// A quarter of the time that a message takes is allowed, so that what is wrong with
// the measurement, such as directions that aren't alike, does no harm.
func judgeMessages(there, back int64) error {
	if there <= 0 || back <= 0 {
		return fmt.Errorf("a message arrives %d ticks before it is sent", max(-there, -back))
	}
	apart := (there - back) / 2
	if took := (there + back) / 2; max(apart, -apart) > took/4 {
		return fmt.Errorf("they are %d ticks apart, and a message takes %d", max(apart, -apart), took)
	}
	return nil
}

// messages sends messages between two CPUs and judges the shortest time that one took in
// each direction.
func messages(cpus [2]int) error {
	const (
		// The shortest of so many is close to the shortest that there is,
		// also while other programs run.
		trips   = 5000
		timeout = 200 * time.Millisecond
	)
	var turn, sent atomic.Int64 // whose turn it is, and when the other sent it
	deadline := time.Now().Add(timeout)
	shortest := [2]int64{math.MaxInt64, math.MaxInt64} // to each of them
	side := func(i int64) error {
		runtime.LockOSThread() // for good: see cpu.Bind
		if err := cpu.Bind(cpus[i]); err != nil {
			return err
		}
		var tsc Clock
		var f fence
		for n := i; n < 2*trips; n += 2 {
			for spins := 1; turn.Load() != n; spins++ {
				if spins%1024 == 0 {
					if time.Now().After(deadline) {
						return fmt.Errorf("%d messages took longer than %v: the CPUs are busy", trips, timeout)
					}
					runtime.Gosched()
				}
			}
			// RDTSC alone might be executed before the load that saw the
			// message.
			if now := tsc.end(&f); n > 0 {
				shortest[i] = min(shortest[i], now-sent.Load())
			}
			sent.Store(tsc.end(&f))
			turn.Store(n + 1)
		}
		return nil
	}
	var wg sync.WaitGroup
	var errs [2]error
	for i := range errs {
		wg.Go(func() { errs[i] = side(int64(i)) })
	}
	wg.Wait()
	return cmp.Or(errs[0], errs[1], judgeMessages(shortest[1], shortest[0]))
}

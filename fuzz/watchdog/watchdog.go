// Package watchdog waits for what uses counts, and says which calls of a count don't
// return if it isn't finished: from what goroutines are doing, which costs nothing until
// somebody looks.
package watchdog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads/bench/cpu"
)

// A HangError is something that uses counts and isn't finished, though it should be long
// since.
type HangError struct {
	After time.Duration // that it was given

	// Calls and Stacks are what [Look] says. Empty Calls blame nobody: the machine, or
	// something else in the process, may have kept it from getting on.
	Calls, Stacks string
}

// Hang looks why something that uses counts of the strategy isn't finished after so
// long.
func Hang(long time.Duration, s *strategies.Strategy) *HangError {
	// On a busy machine a goroutine may not get on for some time.
	calls, stacks := Look(s, min(long/8, time.Second))
	return &HangError{long.Round(time.Millisecond), calls, stacks}
}

// Error returns a line and the stacks.
func (e *HangError) Error() string { return e.Line() + "\n" + e.Stacks }

// What says which call doesn't return.
func (e *HangError) What() string {
	if e.Calls == "" {
		return "no call is seen that doesn't return"
	}
	return e.Calls
}

// Line returns one line: "not finished after 1s: a call of TryGet doesn't return".
func (e *HangError) Line() string { return fmt.Sprintf("not finished after %v: %s", e.After, e.What()) }

// A Dog says how long something may take.
type Dog struct {
	// Timeout is for how long it may not get on, by a [cpu.ShareClock]: a machine that gives
	// the process a tenth of the CPUs that it asks for makes it ten times as long, and one that
	// stands still costs a look.
	Timeout time.Duration

	// Progress returns a number that changes whenever it gets on. Nil: it never
	// changes.
	Progress func() int64

	// Abandon is called before the dog looks what hangs: whoever waits in vain should
	// end by itself. Nil: nobody is told.
	Abandon func()

	// Strategy is whose calls may not return.
	Strategy *strategies.Strategy

	clock clock // nil: a cpu.ShareClock
}

// A clock tells the time that something has had.
type clock interface{ Now() time.Duration }

// ticks is how often within its Timeout the dog looks whether something gets on.
const ticks = 8

// ErrInterrupted is what [Dog.Watch] returns if ctx ended and what it waits for did
// not, within a second or so.
var ErrInterrupted = errors.New("interrupted")

// Watch calls f on a goroutine of its own, returns nil when it has returned, and
// a [*HangError] when it hasn't got on for so long. Then the goroutine is left behind. A
// panic of f isn't recovered.
func (d Dog) Watch(ctx context.Context, f func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	every := max(d.Timeout/ticks, time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	interrupted := ctx.Done()
	var grace <-chan time.Time
	clock := d.clock
	var last, same time.Duration // the last look, and for how long it hasn't got on
	seen := d.progress()
	for {
		select {
		case <-done:
			return nil
		case <-interrupted:
			// Most return at once. What doesn't is left behind.
			interrupted, grace = nil, time.After(time.Second)
		case <-grace:
			return ErrInterrupted
		case <-tick.C:
			passed := every
			if clock == nil { // Most is over before: it takes a look at each thread.
				clock = cpu.NewShareClock(runtime.NumCPU(), every)
			} else {
				now := clock.Now()
				passed, last = now-last, now
			}
			if now := d.progress(); now != seen {
				seen, same = now, 0
				continue
			}
			if same += passed; same < d.Timeout {
				continue
			}
			select {
			case <-done:
				return nil
			default:
			}
			if d.Abandon != nil {
				d.Abandon()
			}
			return Hang(d.Timeout, d.Strategy)
		}
	}
}

func (d Dog) progress() int64 {
	if d.Progress == nil {
		return 0
	}
	return d.Progress()
}

// Package stress runs op programs on goroutines: the concurrent reading of package
// program, in which every call is a right use, so that whatever goes wrong is the
// strategy's fault. And it runs the plans of workloads, in short lives.
//
// Which goroutine comes first is up to Go's scheduler. So a run that finds nothing
// says little, and what a run has found another may not find. But nothing that it
// finds is a false alarm.
package stress

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/driver"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/rendezvous"
)

// Config is how programs run.
type Config struct {
	// Seed fixes how long threads pause between two calls, if Pause is set.
	Seed  uint64
	Pause bool

	// Bare and Unordered are driver.Options.
	Bare, Unordered bool

	// Timeout is how long an execution may take; 0 is 10 seconds. It takes
	// microseconds.
	Timeout time.Duration

	// Began, if not nil, is called with the number of each execution before it begins,
	// from 1.
	Began func(n int)
}

// A Result is what was tried, and what was wrong.
type Result struct {
	// Executions is how many were carried out, the one that was wrong among them if it
	// came to an end.
	Executions int

	// Err is what was wrong first, or nil. It is a [*watchdog.HangError], with the calls
	// that don't return, if an execution isn't finished. Its goroutines are left
	// behind.
	Err error
}

// Run runs the program on counts of the strategy so many times, or, if times is 0, until
// ctx ends; and until something is wrong.
func Run(ctx context.Context, s *strategies.Strategy, p *program.Program, times int, cfg Config) Result {
	x := driver.New(s, driver.Options{Bare: cfg.Bare, Unordered: cfg.Unordered, Pause: cfg.pauses(len(p.Threads))})
	x.Load(p)
	return run(ctx, s, x, len(p.Threads), times, cfg, "program: "+p.String())
}

// An execution is what some threads do at once, again and again.
type execution interface {
	// Begin makes everything new, alone.
	Begin() error
	// Thread is what a thread does.
	Thread(i int) error
	// End ends what is left, when all threads have ended.
	End() error
	// Doing says which threads are in a call, and in which, or "". Any goroutine may
	// call it.
	Doing() string
}

// run is [Run] of executions with so many threads. what is the last line of errors.
func run(ctx context.Context, s *strategies.Strategy, x execution, threads, times int, cfg Config, what string) Result {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	errs := make([]error, threads)
	group := rendezvous.New(threads, func(i int) { errs[i] = x.Thread(i) })
	var r Result
	var begun atomic.Int64 // executions
	wrong := func(err error) error {
		return fmt.Errorf("stress: strategy %s, execution %d: %w\n%s", s.Name, begun.Load(), err, what)
	}
	dog := watchdog.Dog{Timeout: cfg.Timeout, Progress: begun.Load, Abandon: group.Abandon, Strategy: s}
	hung := dog.Watch(context.Background(), func() {
		defer group.Close()
		for n := 1; (times == 0 || n <= times) && (ctx.Err() == nil || n == 1); n++ {
			begun.Store(int64(n))
			if cfg.Began != nil {
				cfg.Began(n)
			}
			err := x.Begin()
			if err == nil {
				if !group.Round() {
					return
				}
				r.Executions = n
				if err = cmp.Or(errs...); err == nil {
					err = x.End()
				}
			}
			if err != nil {
				r.Err = wrong(err)
				return
			}
		}
	})
	if hung != nil {
		doing := cmp.Or(x.Doing(), "no thread is in a call")
		// r still belongs to the goroutines that hang.
		return Result{Executions: int(begun.Load()) - 1, Err: wrong(fmt.Errorf("%s: %w", doing, hung))}
	}
	return r
}

// pauses returns what lets a random short time pass before each call of a thread, or nil.
func (cfg Config) pauses(threads int) func(thread int) {
	if !cfg.Pause {
		return nil
	}
	rngs := make([]*rand.Rand, threads)
	for i := range rngs {
		rngs[i] = rand.New(rand.NewPCG(cfg.Seed, uint64(i)))
	}
	return func(i int) { Pause(rngs[i]) }
}

// Pause lets a random short time pass, so that executions differ in their order.
func Pause(rng *rand.Rand) {
	switch n := rng.IntN(16); {
	case n == 0:
		runtime.Gosched()
	case n <= 8:
		for range n * 8 {
			rng.Uint32()
		}
	}
}

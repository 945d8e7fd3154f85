// Package check holds every way that refbench has to tell whether a strategy keeps its
// promise, or a workload uses counts rightly, each as a value with the same shape:
// [All] is the list. Commands run it on strategies, and on planted bugs to prove it.
// Adding a check is adding a value to a list.
package check

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/fuzz/stress"
	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// A Check is one way to tell right from wrong.
type Check struct {
	// Name identifies the check in flags and results.
	Name string

	// Doc says in one line what it does: no capital at the start, no period
	// at the end.
	Doc string

	// Weight is how much of the time it gets compared with other checks. Those
	// that are through before their time is up leave the rest to others.
	Weight int

	// Threads says that counts are used by several goroutines of this process. The race
	// detector would end it, so where there is a process for that, they aren't.
	Threads bool

	// Uses says that it runs workloads.
	Uses bool

	// Timed says that only time says how much is tried: Budget.Each doesn't.
	Timed bool

	// Shaken says that its goroutines are stopped at random instants meanwhile.
	Shaken bool

	// Unsupported returns why the check doesn't apply to the subject, or "". Nil: it
	// applies to all.
	Unsupported func(Subject) string

	// Run checks the subject for about b.Time, or until ctx ends.
	Run func(ctx context.Context, s Subject, b Budget) Result
}

// Alone reports whether the check wants all CPUs, since it runs real threads.
func (c Check) Alone() bool { return c.Threads || c.Timed }

// All returns every check, in the order in which they run: those that are through in
// no time first.
func All() []Check {
	return []Check{kernel, operations, contract, crossings, programs, schedules, stressed, histories(), loads, races}
}

// A Subject is what is checked: a strategy and its workloads, or these alone; and what they
// are checked with.
type Subject struct {
	Strategy *strategies.Strategy

	// Uses says that only the workloads are checked: the strategy is what they run on.
	Uses bool
	// Workloads are what the strategy is put under on real threads.
	Workloads []*workloads.Workload
	// Wrong asks for the known-wrong variant of the workloads.
	Wrong bool

	// Explored has the explored form of the strategy, found by its name, and
	// of workloads.
	Explored scenarios.Forms

	// Unproven are the names of workloads that may be wrong themselves. What goes wrong
	// under one of these is looked for with one of the Controls too, which are strategies
	// that are known to be right.
	Unproven []string
	Controls []*strategies.Strategy

	// left are workloads that are left out since they are wrong.
	left []string

	// Others are strategies to compare with.
	Others []*strategies.Strategy
	// Programs are op programs to try before others.
	Programs []program.Program
	// Unordered says that the count needn't order plain accesses.
	Unordered bool

	// Child is the command line of a process that is built with -race and calls
	// [RaceChild] for the subject, with the seed and the time that are appended. It
	// is nil if there is none.
	Child []string
}

// explored returns the explored form of the strategy, or nil.
func (s Subject) explored() *strategies.Strategy {
	i := slices.IndexFunc(s.Explored.Strategies, func(x *strategies.Strategy) bool { return x.Name == s.Strategy.Name })
	if i < 0 {
		return nil
	}
	return s.Explored.Strategies[i]
}

// narrow says that the strategy counts so few references that only what is made for it
// stays below its limit.
func (s Subject) narrow() bool { return s.Strategy.Promise.Limit <= program.MaxThreads }

// tooNarrow says why there is nothing to run concurrently, or "".
func (s Subject) tooNarrow() string {
	if s.narrow() && !s.Uses && len(s.Programs) == 0 {
		return fmt.Sprintf("it counts %d references at most, and what several threads do needs more than %d", s.Strategy.Promise.Limit, program.MaxThreads)
	}
	return ""
}

// supported splits the workloads into those that the strategy can run under and the names
// of others.
func (s Subject) supported() (ws []*workloads.Workload, unsupported []string) {
	for _, w := range s.Workloads {
		if w.Unsupported(s.Strategy) != "" || s.narrow() && !s.Uses {
			unsupported = append(unsupported, w.Name)
		} else {
			ws = append(ws, w)
		}
	}
	return ws, unsupported
}

// usesAlone says why checks of counts don't apply.
func usesAlone(s Subject) string {
	if s.Uses {
		return "what is checked is how counts are used"
	}
	return ""
}

// A Budget is what a check may spend.
type Budget struct {
	Time time.Duration
	Seed uint64

	// Timeout is how long a call of the count may take before it counts as a hang; 0
	// means 10 seconds. A check that isn't finished so long after its time, a few times
	// over, is given up.
	Timeout time.Duration

	// First says that one finding is enough.
	First bool

	// Each is how many programs are tried, schedules of each scenario and of the drawn
	// programs together, and executions of each load, in all parts: instead of as many as
	// there is time for. 0 is no such number. It says nothing to checks that can only be
	// timed; those say so ([Check.Timed]).
	Each uint64

	// Part says which part of what there is to try is tried, of how many Parts: 0 ..
	// Parts-1. Zero Parts is the whole. Parts share nothing, and together they try what the
	// whole does; what real threads do is another time something else anyway.
	Part, Parts int
}

// share is the part's share of something that all parts together have so many of.
func (b Budget) share(n uint64) uint64 {
	if b.Parts == 0 {
		return n
	}
	mine := n / uint64(b.Parts)
	if uint64(b.Part) < n%uint64(b.Parts) {
		mine++
	}
	return mine
}

// has reports whether the part has the item with the number, of those that are dealt to parts
// in turn.
func (b Budget) has(i int) bool { return b.Parts == 0 || i%b.Parts == b.Part }

// number is which of all items the part's i-th is.
func (b Budget) number(i uint64) uint64 {
	if b.Parts == 0 {
		return i
	}
	return i*uint64(b.Parts) + uint64(b.Part)
}

// realSeed is a seed for what real threads do: each part has its own.
func (b Budget) realSeed() uint64 { return b.Seed + uint64(b.Part)*0x9e3779b97f4a7c15 }

// over reports whether to end: the number of what there is to try is reached, or, if there is
// none, the time.
func (b Budget) over(done uint64, deadline time.Time) bool {
	if b.Each > 0 {
		return done >= b.share(b.Each)
	}
	return done > 0 && time.Now().After(deadline)
}

// timeouts is how much longer a check may take than a call: some checks make calls of
// several kinds, and look for whose don't return.
const timeouts = 3

// longestCounted is when a check with a number of what to try, and no time, is given up.
const longestCounted = 7 * 24 * time.Hour

func (b Budget) timeout() time.Duration {
	if b.Timeout > 0 {
		return b.Timeout
	}
	return 10 * time.Second
}

// unsupported returns why the check can't be run on the subject, or "".
func (c Check) unsupported(s Subject) string {
	switch {
	case c.Threads && RaceEnabled && s.Child != nil:
		return "this refbench is built with -race, which would end its process: see check race"
	case c.Unsupported != nil:
		return c.Unsupported(s)
	}
	return ""
}

// oneCPU reports whether goroutines run one at a time.
func oneCPU() bool { return min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) < 2 }

// Do runs the check on the subject. A check that doesn't return because a call of
// the count doesn't is given up; its goroutines stay behind.
func (c Check) Do(ctx context.Context, s Subject, b Budget) Result {
	begin := time.Now()
	var r Result
	if why := c.unsupported(s); why != "" {
		r = Result{Verdict: Unsupported, Reason: why}
		r.finish(c, s, b, begin)
		return r
	}
	done := make(chan Result, 1)
	waits := timeouts * b.timeout()
	if len(s.Unproven) > 0 {
		waits *= 2 // a call that doesn't return is waited for with a control too
	}
	long := b.Time + waits
	if b.Each > 0 && !c.Timed {
		long = longestCounted // what is counted takes as long as it takes
	}
	dog := watchdog.Dog{Timeout: long, Strategy: s.Strategy}
	err := dog.Watch(ctx, func() {
		if c.Shaken {
			defer stress.Shake(b.Seed)()
		}
		done <- c.Run(ctx, s, b)
	})
	var hang *watchdog.HangError
	switch {
	case err == nil:
		r = <-done
	case errors.As(err, &hang) && c.Uses && len(s.Unproven) > 0:
		r.unknown("%s, maybe of a workload that is wrong itself: %s", hang.Line(), strings.Join(s.Unproven, ", "))
		r.Hang, r.Left = hang.Calls, true
	case errors.As(err, &hang):
		r.hang(fmt.Sprintf("its time was %v", b.Time.Round(time.Millisecond)), hang, Finding{})
	default:
		r.unknown("%v", err)
	}
	if c.Threads && r.Verdict == "" && oneCPU() {
		r.note("there is one CPU: goroutines met only where one was stopped")
	}
	for i := range r.Others {
		o := &r.Others[i]
		o.finish(c, Subject{Strategy: o.compared}, b, begin)
	}
	r.finish(c, s, b, begin)
	return r
}

// Package check holds every way that refbench has to tell whether a strategy keeps
// its promise, each as a value with the same shape: [All] is the list. Adding one
// is adding a value to a list.
package check

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/watchdog"
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

	// Run checks the subject for about b.Time, or until ctx ends.
	Run func(ctx context.Context, s Subject, b Budget) Result
}

// All returns every check, in the order in which they run: those that are through in
// no time first.
func All() []Check {
	// The CPUs' counters are compared once, not for each strategy.
	clock := sync.OnceValue(linear.NewClock)
	return []Check{
		{Name: "kernel", Doc: "the 17 tests that Linux has of its refcount_t, judged by the promise", Weight: 1, Run: kernel},
		{Name: "operations", Doc: "every operation in every state at a boundary, against the executable specification", Weight: 1, Run: operations},
		{Name: "rules", Doc: "the rules of the contract, one by one", Weight: 4, Run: conformance},
		{Name: "crossings", Doc: "goroutines that cross a boundary at once", Weight: 2, Run: crossings},
		{Name: "programs", Doc: "random programs, call by call, against the specification and the other strategies", Weight: 3, Run: programs},
		{Name: "schedules", Doc: "schedules of op programs and workloads under the deterministic scheduler", Weight: 8, Run: schedules},
		{Name: "histories", Doc: "linearizability of histories recorded on real threads", Weight: 5, Run: histories(clock)},
		{Name: "workloads", Doc: "every workload on real threads with every operation judged", Weight: 5, Run: loads},
	}
}

// A Subject is what is checked: a strategy, and what it is checked with.
type Subject struct {
	Strategy *strategies.Strategy
	// Others are strategies to compare with.
	Others []*strategies.Strategy
	// Workloads are what it is put under on real threads.
	Workloads []*workloads.Workload
	// Explored has the explored form of the strategy, found by its name, and
	// of workloads.
	Explored scenarios.Forms
}

// A Budget is what a check may spend.
type Budget struct {
	Time time.Duration
	Seed uint64

	// Slack is how much longer than Time a check may take before it is given up; 0
	// means 30 seconds. A call of the count that doesn't return within its part of
	// that, one of [Patiences], is taken for stuck.
	Slack time.Duration
}

// A Verdict says what a check found.
type Verdict string

// The verdicts.
const (
	Kept        Verdict = "kept"   // nothing against the promise was found
	Broken      Verdict = "BROKEN" // the promise is broken
	Unknown     Verdict = "unknown"
	Unsupported Verdict = "unsupported"
)

// A Result is what a check found out about a strategy. Field names in JSON are part
// of the interface of refbench check.
type Result struct {
	Strategy string  `json:"strategy"`
	Check    string  `json:"check"`
	Verdict  Verdict `json:"verdict"`

	// Reason says why the verdict is Unknown or Unsupported.
	Reason string `json:"reason,omitempty"`

	// Tried says how much was tried, the main figure first.
	Tried []Amount `json:"tried"`

	// Bound is an upper bound of how often the promise is broken, as a share of
	// the first of Tried, at 95 %: 3/N. It is 0 where that means nothing,
	// because everything that there is was tried, or the promise is broken, or
	// nothing was tried.
	Bound float64 `json:"bound95,omitempty"`

	// Notes say what else is to be known: what was left out and why.
	Notes []string `json:"notes,omitempty"`

	Findings []Finding `json:"findings,omitempty"`
	Seconds  float64   `json:"seconds"`

	// Stuck says which calls of the count never returned, if some didn't. Their
	// goroutines are left behind, so other checks of the strategy are for another
	// process.
	Stuck string `json:"stuck,omitempty"`

	// Others are results of the same check about strategies that this one was
	// compared with, whose calls never returned. Then the check is to be run again
	// without them.
	Others []Result `json:"-"`
}

// An Amount is how much of something was tried.
type Amount struct {
	N    uint64 `json:"n"`
	Unit string `json:"unit"` // a plural
}

// A Finding is one thing that breaks the promise.
type Finding struct {
	// What says it in one line, Detail in several.
	What   string `json:"what"`
	Detail string `json:"detail,omitempty"`

	// Seed is that of the check's random choices.
	Seed uint64 `json:"seed"`

	// Token replays a schedule, Program is the text of an op program.
	Token   string `json:"token,omitempty"`
	Program string `json:"program,omitempty"`

	// Replay is the command that shows it again, and Files are what was written
	// about it. Who writes the attachments fills them in.
	Replay string   `json:"replay,omitempty"`
	Files  []string `json:"files,omitempty"`

	// Attachments are files about the finding. A command replays the first if
	// it has Replays.
	Attachments []Attachment `json:"-"`
}

// An Attachment is a file about a finding.
type Attachment struct {
	Suffix  string // of its name, with the dot
	Replays bool   // refbench replay reads it
	Write   func(io.Writer) error
}

// tried counts something, as the first figure.
func (r *Result) tried(n uint64, unit string) {
	r.Tried = append(r.Tried, Amount{n, unit})
}

// sampled sets the bound, if what was tried is a sample of what there is. Three or
// fewer bound nothing.
func (r *Result) sampled() {
	const perBound = 3 // at 95 %: -ln 0.05
	if r.Verdict == Kept && len(r.Tried) > 0 && r.Tried[0].N > perBound {
		r.Bound = perBound / float64(r.Tried[0].N)
	}
}

// broken adds a finding.
func (r *Result) broken(f Finding) {
	r.Verdict = Broken
	r.Findings = append(r.Findings, f)
}

// unknown says that it wasn't found out, unless the promise is broken anyway.
func (r *Result) unknown(format string, args ...any) {
	if r.Verdict != Broken {
		r.Verdict = Unknown
		r.Reason = fmt.Sprintf(format, args...)
	}
}

// stuck adds a finding: what was done isn't finished.
func (r *Result) stuck(what string, e *watchdog.HangError, f Finding) {
	if what != "" {
		what += ": "
	}
	f.What, f.Detail = what+e.Line(), e.Error()
	r.broken(f)
	if r.Stuck = e.Calls; r.Stuck == "" {
		r.Stuck = "some call doesn't return"
	}
}

// patience is how long is waited for calls that take no time.
func (b Budget) patience() time.Duration { return b.slack() / Patiences }

// Patiences is how much longer a check may take than a call: some checks make calls of
// several kinds, and look for whose don't return.
const Patiences = 3

func (b Budget) slack() time.Duration {
	if b.Slack > 0 {
		return b.Slack
	}
	return 30 * time.Second
}

// Do runs the check on the subject. A check that doesn't return because a call of
// the count doesn't is given up; its goroutines stay behind.
func (c Check) Do(ctx context.Context, s Subject, b Budget) Result {
	begin := time.Now()
	done := make(chan Result, 1)
	go func() { done <- c.Run(ctx, s, b) }()
	finish := func(r Result) Result {
		r.Strategy = s.Strategy.Name
		for i := range r.Others {
			r.Others[i].finish(c, b, begin)
		}
		r.finish(c, b, begin)
		return r
	}
	timer := time.NewTimer(b.Time + b.slack())
	defer timer.Stop()
	interrupted := ctx.Done()
	for {
		select {
		case r := <-done:
			return finish(r)
		case <-interrupted:
			// Most checks return at once. What can't be told to is left
			// behind, as the process is about to end.
			interrupted = nil
			timer.Reset(time.Second)
		case <-timer.C:
			if ctx.Err() != nil {
				return finish(Result{Verdict: Unknown, Reason: "interrupted"})
			}
			r := Result{}
			what := fmt.Sprintf("its time was %v", b.Time.Round(time.Millisecond))
			r.stuck(what, watchdog.Hang((b.Time+b.slack()).Round(time.Millisecond), s.Strategy), Finding{})
			return finish(r)
		}
	}
}

// finish fills in what all results have.
func (r *Result) finish(c Check, b Budget, begin time.Time) {
	r.Check, r.Seconds = c.Name, time.Since(begin).Seconds()
	if r.Tried == nil {
		r.Tried = []Amount{} // not null in JSON
	}
	for i := range r.Findings {
		r.Findings[i].Seed = b.Seed
	}
}

// explored returns the explored form of the strategy, or nil.
func (s Subject) explored() *strategies.Strategy {
	for _, x := range s.Explored.Strategies {
		if x.Name == s.Strategy.Name {
			return x
		}
	}
	return nil
}

// Scenarios returns the scenarios that checks explore beside those of the forms: what
// else a replay token may be of.
func Scenarios(forms scenarios.Forms) []*explore.Scenario {
	var out []*explore.Scenario
	for _, s := range forms.Strategies {
		out = append(out, historyScenarios(s)...)
	}
	return out
}

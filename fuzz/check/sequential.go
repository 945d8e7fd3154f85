package check

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/boundary"
	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/rules"
	"github.com/refbench/refbench/strategies/watchdog"
)

// firstLine returns the first line of a text.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// boundaryTest adds what a boundary test found, and reports whether it applied.
func (r *Result) boundaryTest(x boundary.Result) bool {
	switch x.Verdict {
	case boundary.NotApplicable:
		return false
	case boundary.Fail:
		if x.Stuck != nil {
			r.stuck(x.Test, x.Stuck, Finding{})
			break
		}
		r.broken(Finding{What: x.Test + ": " + firstLine(x.Reason), Detail: x.Reason})
	}
	return true
}

// some says which of all that there is didn't apply.
func (r *Result) some(applied, all int, unit string) {
	if applied < all {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d %s don't apply", all-applied, all, unit))
	}
	if applied == 0 && r.Verdict != Broken {
		r.Verdict, r.Reason = Unsupported, "none of the "+unit+" applies"
	}
}

// kernel runs the kernel's tests, which take no time.
func kernel(ctx context.Context, s Subject, b Budget) Result {
	r := Result{Verdict: Kept}
	scores := make(map[boundary.Verdict]int)
	applied, all := 0, 0
	for _, t := range boundary.Tests() {
		if t.Kind != boundary.Kernel {
			continue
		}
		all++
		x := t.Run(s.Strategy, boundary.Config{Seed: b.Seed, Timeout: b.patience()})
		if !r.boundaryTest(x) {
			continue
		}
		applied++
		if x.Kernel != "" {
			scores[x.Kernel]++
		}
		if r.Stuck != "" {
			break
		}
		if ctx.Err() != nil {
			r.unknown("interrupted")
			break
		}
	}
	r.tried(uint64(applied), "tests")
	if len(scores) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("by the kernel's own measure, whatever is promised: %d good, %d tolerated, %d fail",
			scores[boundary.Good], scores[boundary.Tolerated], scores[boundary.Fail]))
	}
	r.some(applied, all, "tests")
	return r
}

// operations runs the tests of single operations, which take no time.
func operations(ctx context.Context, s Subject, b Budget) Result {
	r := Result{Verdict: Kept}
	applied, all, checks := 0, 0, 0
	for _, t := range boundary.Tests() {
		if t.Kind != boundary.Operation {
			continue
		}
		all++
		x := t.Run(s.Strategy, boundary.Config{Seed: b.Seed, Timeout: b.patience()})
		checks += x.Checks
		if r.boundaryTest(x) {
			applied++
		}
		if r.Stuck != "" {
			break
		}
		if ctx.Err() != nil {
			r.unknown("interrupted")
			break
		}
	}
	r.tried(uint64(checks), "answers")
	r.tried(uint64(applied), "operations")
	r.some(applied, all, "operations")
	return r
}

// crossings repeats the concurrent tests with other seeds until the time is up.
func crossings(ctx context.Context, s Subject, b Budget) Result {
	const rounds = 50 // of a test at a time: some milliseconds
	r := Result{Verdict: Kept}
	var tests []boundary.Test
	all := 0
	for _, t := range boundary.Tests() {
		if t.Kind == boundary.Concurrent {
			tests = append(tests, t)
			all++
		}
	}
	deadline := time.Now().Add(b.Time)
	checks := 0
	for seed := b.Seed; len(tests) > 0 && r.Verdict == Kept; seed++ {
		tests = slices.DeleteFunc(tests, func(t boundary.Test) bool {
			if r.Verdict != Kept || seed != b.Seed && (ctx.Err() != nil || time.Now().After(deadline)) {
				return false
			}
			x := t.Run(s.Strategy, boundary.Config{Seed: seed, Rounds: rounds, Timeout: b.Time + b.patience()})
			checks += x.Checks
			return !r.boundaryTest(x)
		})
		if ctx.Err() != nil || time.Now().After(deadline) {
			break
		}
	}
	r.tried(uint64(checks), "answers")
	r.some(len(tests), all, "tests")
	r.sampled()
	return r
}

// conformance runs the rules, each once.
func conformance(ctx context.Context, s Subject, b Budget) Result {
	r := Result{Verdict: Kept}
	// All of them take less than half a second on a machine that is free.
	deadline := time.Now().Add(max(b.Time, 500*time.Millisecond))
	ran, unsupported, late := 0, 0, 0
	for _, c := range rules.Cases() {
		switch {
		case c.Unsupported(s.Strategy) != "":
			unsupported++
			continue
		case ctx.Err() != nil || time.Now().After(deadline) || r.Stuck != "":
			late++
			continue
		}
		ran++
		err := c.Check(s.Strategy, rules.Config{Seed: b.Seed, Short: true, Timeout: max(time.Until(deadline), 0) + b.patience()})
		var hung *watchdog.HangError
		switch {
		case errors.As(err, &hung):
			r.stuck("rule "+c.Name, hung, Finding{})
		case err != nil:
			r.broken(Finding{What: firstLine(err.Error()), Detail: err.Error()})
		}
	}
	r.tried(uint64(ran), "rules")
	if unsupported > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d rules are about powers that it doesn't have", unsupported, unsupported+ran+late))
	}
	if late > 0 {
		r.unknown("the time was enough for %d of %d rules", ran, ran+late)
	}
	return r
}

// programs runs random programs in lockstep until the time is up, or one isn't
// finished.
func programs(ctx context.Context, s Subject, b Budget) Result {
	var current atomic.Pointer[program.Program]
	done := make(chan Result, 1)
	go func() { done <- randomPrograms(ctx, s, b, &current) }()
	const ticks = 4 // within the patience
	tick := time.NewTicker(max(b.patience()/ticks, 1))
	defer tick.Stop()
	var seen *program.Program
	for same := 0; ; {
		select {
		case r := <-done:
			return r
		case <-tick.C:
			if p := current.Load(); p != seen {
				seen, same = p, 0
			} else if same++; p != nil && same > ticks {
				return unfinished(s, b, p)
			}
		}
	}
}

// unfinished says whose calls don't return from the program. That is found out by
// running it on each alone.
func unfinished(s Subject, b Budget, p *program.Program) Result {
	list := append([]*strategies.Strategy{s.Strategy}, s.others()...)
	hung := lockstep.Hung(list, p, b.patience()/2)
	var r Result
	for i, e := range hung {
		if e == nil {
			continue
		}
		var x Result
		text := p.String()
		x.stuck("a program alone", e, Finding{Program: text, Attachments: []Attachment{textFile(".program", text)}})
		if i == 0 {
			x.Others = r.Others
			r = x
			continue
		}
		x.Strategy = list[i].Name
		r.Others = append(r.Others, x)
		r.unknown("a call of %s, which it was compared with, didn't return", x.Strategy)
	}
	if r.Stuck == "" && len(r.Others) == 0 {
		r.stuck("a program, though it is on each strategy alone", watchdog.Hang(b.patience(), s.Strategy), Finding{})
	}
	return r
}

// others returns the strategies to compare with, without the one that is checked.
func (s Subject) others() []*strategies.Strategy {
	return slices.DeleteFunc(slices.Clone(s.Others), func(o *strategies.Strategy) bool { return o.Name == s.Strategy.Name })
}

// randomPrograms is programs, and says which program it is at.
func randomPrograms(ctx context.Context, s Subject, b Budget, current *atomic.Pointer[program.Program]) Result {
	r := Result{Verdict: Kept}
	rng := rand.New(rand.NewPCG(b.Seed, 0))
	list := append([]*strategies.Strategy{s.Strategy}, s.others()...)
	run := lockstep.New(list, lockstep.Both)
	deadline := time.Now().Add(b.Time)
	data := make([]byte, 512)
	count, calls := uint64(0), uint64(0)
	for r.Verdict == Kept {
		if count%16 == 0 && (ctx.Err() != nil || count > 0 && time.Now().After(deadline)) {
			break
		}
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		p, _ := program.Decode(data[:1+rng.IntN(len(data))])
		count++
		current.Store(&p)
		d := run.Run(&p)
		if d == nil {
			continue
		}
		// Which of the strategies is to blame? One that doesn't do what is
		// specified. If that is another, go on without it.
		if to := blame(d, list, s.Strategy, &p); to != s.Strategy.Name {
			list = slices.DeleteFunc(list, func(x *strategies.Strategy) bool { return x.Name == to })
			calls += run.Stats().Calls
			run = lockstep.New(list, lockstep.Both)
			r.Notes = append(r.Notes, fmt.Sprintf("not compared with %s any more, which breaks its own promise", to))
			continue
		}
		r.broken(Finding{What: d.Message, Detail: d.Error(), Program: d.Program, Attachments: []Attachment{textFile(".program", d.Program)}})
	}
	r.tried(calls+run.Stats().Calls, "calls")
	r.tried(count, "programs")
	if len(list) > 1 {
		r.Notes = append(r.Notes, fmt.Sprintf("compared with %d others", len(list)-1))
	}
	r.sampled()
	return r
}

// blame returns the name of the strategy that a divergence is to be blamed on. If two
// differ that both do what is specified, it is the one that is checked, if it is one
// of them.
func blame(d *lockstep.Divergence, list []*strategies.Strategy, checked *strategies.Strategy, p *program.Program) string {
	if d.Oracle == lockstep.Specification || len(d.Strategies) == 1 {
		return d.Strategies[0]
	}
	for _, s := range list {
		if slices.Contains(d.Strategies, s.Name) && lockstep.New([]*strategies.Strategy{s}, lockstep.Specification).Run(p) != nil {
			return s.Name
		}
	}
	if slices.Contains(d.Strategies, checked.Name) {
		return checked.Name
	}
	return d.Strategies[0]
}

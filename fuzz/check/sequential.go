package check

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/watchdog"
)

// firstLine returns the first line of a text.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// rule adds what came of a rule, and reports whether it applied.
func (r *Result) rule(x rules.Result) bool {
	switch {
	case x.Verdict == rules.NotApplicable:
		return false
	case x.Hang != nil:
		r.stuck(x.Rule.Name, x.Hang, Finding{})
	case x.Verdict == rules.Fail:
		r.broken(Finding{What: x.Rule.Name + ": " + firstLine(x.Reason), Detail: x.Err().Error()})
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

// of returns the rules of a kind that apply to the strategy, and how many there are.
func of(kind rules.Kind, s *strategies.Strategy) (list []rules.Rule, all int) {
	for _, x := range rules.All() {
		if x.Kind != kind {
			continue
		}
		if all++; x.Unsupported(s) == "" {
			list = append(list, x)
		}
	}
	return list, all
}

// once returns what checks the rules of a kind, each once. Its figures are answers
// and rules, which are called units.
func once(kind rules.Kind, units string) func(context.Context, Subject, Budget) Result {
	return func(ctx context.Context, s Subject, b Budget) Result {
		r := Result{Verdict: Kept}
		list, all := of(kind, s.Strategy)
		// All of them take less than half a second on a machine that is free.
		deadline := time.Now().Add(max(b.Time, 500*time.Millisecond))
		scores := make(map[rules.Verdict]int)
		ran, checks := 0, 0
		for _, x := range list {
			if r.Stuck != "" || ctx.Err() != nil || time.Now().After(deadline) {
				break
			}
			res := x.Run(ctx, s.Strategy, rules.Config{Seed: b.Seed, Short: true, Timeout: b.patience()})
			ran++
			checks += res.Checks
			r.rule(res)
			if res.Score != "" {
				scores[res.Score]++
			}
		}
		r.tried(uint64(ran), units)
		r.tried(uint64(checks), "answers")
		if len(scores) > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("by the kernel's own measure, whatever is promised: %d good, %d tolerated, %d fail",
				scores[rules.Good], scores[rules.Tolerated], scores[rules.Fail]))
		}
		if ran < len(list) {
			r.unknown("the time was enough for %d of %d %s", ran, len(list), units)
		}
		r.some(len(list), all, units)
		return r
	}
}

// crossings repeats the crossings with other seeds until the time is up.
func crossings(ctx context.Context, s Subject, b Budget) Result {
	const rounds = 10 // of a crossing at a time: some milliseconds
	r := Result{Verdict: Kept}
	list, all := of(rules.Crossing, s.Strategy)
	deadline := time.Now().Add(b.Time)
	late := func() bool { return ctx.Err() != nil || time.Now().After(deadline) }
	checks := 0
	for seed := b.Seed; len(list) > 0 && r.Verdict == Kept; seed++ {
		for _, x := range list {
			if r.Verdict != Kept || seed != b.Seed && late() {
				break
			}
			res := x.Run(ctx, s.Strategy, rules.Config{Seed: seed, Rounds: rounds, Timeout: b.Time + b.patience()})
			checks += res.Checks
			r.rule(res)
		}
		if late() {
			break
		}
	}
	r.tried(uint64(checks), "answers")
	r.some(len(list), all, "crossings")
	r.sampled()
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

package check

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/watchdog"
)

var programs = Check{
	Name: "programs", Doc: "random programs, call by call, against the specification and the other strategies", Weight: 3,
	Unsupported: usesAlone, Run: lockstepped,
}

// lockstepped runs random programs in lockstep until the time is up, or one isn't
// finished.
func lockstepped(ctx context.Context, s Subject, b Budget) Result {
	var current atomic.Pointer[program.Program]
	var begun atomic.Int64
	done := make(chan Result, 1)
	dog := watchdog.Dog{Timeout: b.timeout(), Progress: begun.Load, Strategy: s.Strategy}
	err := dog.Watch(ctx, func() {
		done <- randomPrograms(ctx, s, b, func(p *program.Program) {
			current.Store(p)
			begun.Add(1)
		})
	})
	var hang *watchdog.HangError
	switch {
	case err == nil:
		return <-done
	case errors.As(err, &hang):
		return unfinished(s, b, current.Load(), hang)
	}
	var r Result
	r.unknown("%v", err)
	return r
}

// unfinished says whose calls don't return from the program. That is found out by
// running it on each alone.
func unfinished(s Subject, b Budget, p *program.Program, hang *watchdog.HangError) Result {
	list := append([]*strategies.Strategy{s.Strategy}, s.others()...)
	var r Result
	for i, e := range lockstep.Hung(list, p, b.timeout()/2) {
		if e == nil {
			continue
		}
		var x Result
		text := p.String()
		x.hang("a program alone", e, Finding{Program: text, Attachments: []Attachment{textFile(".program", text)}})
		if i == 0 {
			x.Others = r.Others
			r = x
			continue
		}
		x.compared, x.Strategy = list[i], list[i].Name
		r.Others = append(r.Others, x)
		r.unknown("a call of %s, which it was compared with, didn't return", x.Strategy)
	}
	if r.Hang == "" && len(r.Others) == 0 {
		r.hang("a program, though it is on each strategy alone", hang, Finding{})
	}
	return r
}

// others returns the strategies to compare with, without the one that is checked.
func (s Subject) others() []*strategies.Strategy {
	return slices.DeleteFunc(slices.Clone(s.Others), func(o *strategies.Strategy) bool { return o.Name == s.Strategy.Name })
}

// randomProgram returns a program of at most so many bytes.
func randomProgram(rng *rand.Rand, most int, decode func([]byte) program.Program) program.Program {
	data := make([]byte, 1+rng.IntN(most))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return decode(data)
}

// randomPrograms is lockstepped, and says which program it is at.
func randomPrograms(ctx context.Context, s Subject, b Budget, at func(*program.Program)) Result {
	var r Result
	// Each program has a stream of its own, so that parts have the programs of the whole.
	pcg := rand.NewPCG(0, 0)
	rng := rand.New(pcg)
	list := append([]*strategies.Strategy{s.Strategy}, s.others()...)
	run := lockstep.New(list, lockstep.Both)
	deadline := time.Now().Add(b.Time)
	count, calls := uint64(0), uint64(0)
	for r.Verdict == "" {
		if (count%16 == 0 || b.Each > 0) && (ctx.Err() != nil || b.over(count, deadline)) {
			break
		}
		var p program.Program
		number := b.number(count)
		if number < uint64(len(s.Programs)) {
			p = s.Programs[number]
		} else {
			pcg.Seed(b.Seed, number)
			p = randomProgram(rng, 512, func(data []byte) program.Program {
				p, _ := program.Decode(data)
				return p
			})
		}
		count++
		at(&p)
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
			r.note("not compared with %s any more, which breaks its own promise", to)
			continue
		}
		r.broken(Finding{What: d.Message, Detail: d.Error(), Program: d.Program, Attachments: []Attachment{textFile(".program", d.Program)}})
	}
	r.tried(calls+run.Stats().Calls, "calls")
	r.tried(count, "programs")
	if len(list) > 1 {
		r.note("compared with %d others", len(list)-1)
	}
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

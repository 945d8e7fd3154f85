package check

import (
	"context"
	"errors"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
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
	alone := "it was on each strategy alone"
	for i, e := range lockstep.Hung(list, p, b.timeout()/2) {
		if e == nil {
			continue
		}
		if e.Calls == "" {
			alone = "nor on " + list[i].Name + " alone"
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
		r.unknown("%s, %s; the program is %s", hang.Line(), alone, p)
	}
	r.Left = true
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

// beginNearPowers has half of the objects that begin with some references begin with some fewer than a
// power of two, where a carry goes through the number: bytes don't say such a start.
func (g *group) beginNearPowers(rng *rand.Rand, p *program.Program) {
	for i := range p.Objects {
		if o := &p.Objects[i]; o.Start == program.StartAt && g.last >= program.FirstPower && rng.IntN(2) == 0 {
			o.Power = uint8(program.FirstPower + rng.IntN(g.last-program.FirstPower+1))
		}
	}
}

// mostTaken is up to which power of two references are taken one after the other.
const mostTaken = 10

// randomPrograms is lockstepped, and says which program it is at.
func randomPrograms(ctx context.Context, s Subject, b Budget, at func(*program.Program)) Result {
	var r Result
	// Each program has a stream of its own, so that parts have the programs of the whole.
	pcg := rand.NewPCG(0, 0)
	rng := rand.New(pcg)
	groups := compared(s)
	deadline := time.Now().Add(b.Time)
	count := uint64(0)
	for r.Verdict == "" {
		if (count%16 == 0 || b.Each > 0) && (ctx.Err() != nil || b.over(count, deadline)) {
			break
		}
		var p program.Program
		number := b.number(count)
		g := &groups[number%uint64(len(groups))]
		if number < uint64(len(s.Programs)) {
			p = s.Programs[number]
		} else {
			pcg.Seed(b.Seed, number)
			p = randomProgram(rng, 512, func(data []byte) program.Program {
				p, _ := program.Decode(data)
				return p
			})
			g.beginNearPowers(rng, &p)
		}
		count++
		at(&p)
		d := g.run.Run(&p)
		if d == nil {
			continue
		}
		// Which of the strategies is to blame? One that doesn't do what is
		// specified. If that is another, go on without it.
		if to := blame(d, g.list, s.Strategy, &p); to != s.Strategy.Name {
			g.without(to)
			r.note("not compared with %s any more, which breaks its own promise", to)
			continue
		}
		r.broken(Finding{What: d.Message, Detail: d.Error(), Program: d.Program, Attachments: []Attachment{textFile(".program", d.Program)}})
	}
	calls, others := uint64(0), 0
	for _, g := range groups {
		calls += g.calls + g.run.Stats().Calls
		others += len(g.list) - 1
	}
	r.tried(calls, "calls")
	r.tried(count, "programs")
	if others > 0 {
		r.note("compared with %d others, %d at a time", others, min(others, comparedAtOnce))
	}
	return r
}

// comparedAtOnce is with how many others a program runs. The specification judges each call, and the
// others show what it leaves open, for which not each program has to be run on each of them.
const comparedAtOnce = 3

// A group is a strategy and some of those that it is compared with.
type group struct {
	list  []*strategies.Strategy // the one that is checked first
	run   *lockstep.Runner
	last  int    // the largest power of two that lives begin near
	calls uint64 // of earlier runners
}

// compared returns the strategy with each of the others in one of the groups.
func compared(s Subject) []group {
	var groups []group
	for others := range slices.Chunk(s.others(), comparedAtOnce) {
		groups = append(groups, group{list: append([]*strategies.Strategy{s.Strategy}, others...)})
	}
	if groups == nil {
		groups = []group{{list: []*strategies.Strategy{s.Strategy}}}
	}
	for i := range groups {
		groups[i].begin()
	}
	return groups
}

// begin makes what depends on the list. A count that can't begin at a number takes one reference after
// the other, and so not many.
func (g *group) begin() {
	g.run = lockstep.New(g.list, lockstep.Both)
	g.last = min(program.LastPower, bits.Len64(uint64(g.list[0].Promise.Limit))-1)
	if slices.ContainsFunc(g.list, func(s *strategies.Strategy) bool { return !s.Has(strategies.PowerPresetter) }) {
		g.last = min(g.last, mostTaken)
	}
}

// without goes on without one of the others.
func (g *group) without(name string) {
	g.list = slices.DeleteFunc(g.list, func(x *strategies.Strategy) bool { return x.Name == name })
	g.calls += g.run.Stats().Calls
	g.begin()
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

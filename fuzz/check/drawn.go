package check

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/strategies"
)

// A drawing explores random programs, one after the other, each for a short time: what
// programs that were chosen with care leave out.
type drawing struct {
	s   *strategies.Strategy // in explored form; nil: nothing is drawn
	b   Budget
	pcg *rand.PCG
	rng *rand.Rand
}

// drawing returns what is drawn for the subject.
func (s Subject) drawing(b Budget) drawing {
	x := s.explored()
	if s.Uses || x == nil || s.narrow() {
		return drawing{}
	}
	return newDrawing(x, b)
}

func newDrawing(x *strategies.Strategy, b Budget) drawing {
	pcg := rand.NewPCG(0, 0)
	return drawing{x, b, pcg, rand.New(pcg)}
}

const (
	// drawnPart is which part of the time of the check drawn programs get at least.
	drawnPart = 3
	// drawnExecutions is how many schedules of a program are tried: some milliseconds.
	drawnExecutions = 400
)

// next returns the scenario with the number, and how to explore it: a stream of its own says so,
// so that parts have the scenarios of the whole. Its token is one of the strategy's histories, whose
// program is part of a token.
func (d drawing) next(n uint64) *explore.Scenario {
	d.pcg.Seed(d.b.Seed, 2*n+1) // even ones are those of programs, call by call
	p := linear.Drawn(d.s, d.rng)
	return linear.Scenario(d.s.Name+historyName, d.s, p.String())
}

// options say how to explore that scenario. What is wrong there takes a meeting of several
// threads, each stopped where it matters: that comes to a random walk sooner than to
// searches with few preemptions.
func (d drawing) options(n uint64, left time.Duration) explore.Options {
	o := explore.Options{Seed: d.rng.Uint64(), Search: explore.Random, Executions: drawnExecutions, Time: left}
	if n%4 == 3 {
		o.Search = explore.Portfolio
	}
	return o
}

// run explores drawn programs until the deadline, with one, which reports whether to go on.
func (d drawing) run(ctx context.Context, deadline time.Time, one func(*explore.Scenario, explore.Options) bool) (programs uint64) {
	each := d.b
	each.Each /= drawnExecutions // schedules of all drawn programs together
	for d.s != nil && ctx.Err() == nil {
		left := time.Until(deadline)
		if d.b.Each > 0 {
			if left = 0; each.Each == 0 || each.over(programs, deadline) {
				break
			}
		} else if left <= 0 {
			break
		}
		n := d.b.number(programs)
		programs++
		if !one(d.next(n), d.options(n+1, left)) {
			break
		}
	}
	return programs
}

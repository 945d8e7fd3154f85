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
	rng *rand.Rand
}

// drawing returns what is drawn for the subject.
func (s Subject) drawing(seed uint64) drawing {
	x := s.explored()
	if s.Uses || x == nil || linear.Unsupported(x, linear.FewestDrawn) != "" {
		return drawing{}
	}
	return drawing{x, rand.New(rand.NewPCG(seed, 1))}
}

const (
	// drawnPart is which part of the time of the check drawn programs get at least.
	drawnPart = 2
	// drawnExecutions is how many schedules of a program are tried: some milliseconds.
	drawnExecutions = 400
)

// next returns the next scenario. Its token is one of the strategy's histories, whose
// program is part of a token.
func (d drawing) next() *explore.Scenario {
	p := linear.Drawn(d.s, d.rng)
	return linear.Scenario(d.s.Name+historyName, d.s, p.String())
}

// options say how to explore the next scenario. What is wrong there takes a meeting of several
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
	for d.s != nil && ctx.Err() == nil {
		left := time.Until(deadline)
		if left <= 0 {
			break
		}
		programs++
		if !one(d.next(), d.options(programs, left)) {
			break
		}
	}
	return programs
}

// Package ab compares two builds of refbench: is the new one slower, and by how much?
//
// Nothing is compared with what was measured at another time. In each round there is a
// process of either side, in the next of the layouts of its code (a few, by turns), and
// a second process of the old one as control. They measure one cell at a time, all on the
// same CPUs, one process after the other and back again (old, new, new, old or the other way
// round, as drawn), and sleep between. A round is one pair of numbers for each cell. Speed
// differs by process, by a tenth and more: so it is rounds that count as independent, not
// samples. They are but for the layouts: what these cost comes again after some rounds, and
// no test sees that. With few layouts a side, a row may be called different because of them. What is said of a cell is said of the ratios of its pairs: see package
// paired.
//
// After some of the rounds, known before, all rows are judged. A row that is decided isn't
// measured any more, and the comparison ends when all are. Looking more than once gives
// chance more than one chance: each look has an equal part of the level (Bonferroni), and
// within a look the rows are corrected by Holm's method.
package ab

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/report/gate"
	"github.com/refbench/refbench/workloads/bench"
)

// Options say what is compared and how surely.
type Options struct {
	Old, New *Side
	// Args make a side's program serve: see [Serve].
	Args []string

	Rounds int           // the most
	Budget time.Duration // no round begins that would exceed it; 0 for none
	Seed   uint64

	Alpha     float64 // the level of the whole comparison
	MinEffect float64 // a difference below it isn't called one: 0.02 is 2 %
	Gates     []gate.Gate

	// Sample is given each sample as soon as it is taken, on which side, with the
	// config of its process.
	Sample func(side string, config []bench.Config, r *benchfmt.Result) error
	// Watch is told after each round how many of the rows are decided, and anything
	// that the user should know.
	Watch Watcher
}

// A Watcher shows a comparison to its user, never while a sample is taken.
type Watcher interface {
	Begin(rows, rounds int)
	Round(done, decided int)
	Warn(text string)
}

// looks are the rounds after which rows are judged. Before the first no p-value can be
// small enough.
var looks = []int{8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768}

// retries is how often a pair is measured again that was spoiled, unless more than a third of the cell's
// were so far. Where something else is always busy, repeating gives such a cell little and takes rounds from
// all others: half of them beside compilers, and with so few no row can be called different.
const retries = 2

// A role is what a process measures for.
type role int

// The roles. The control is the old side once more.
const (
	roleOld role = iota
	roleNew
	roleControl
)

func (r role) String() string { return [...]string{"old", "new", "control"}[r] }

// A pair is what one round gave for one cell.
type pair struct {
	round int
	logs  [3]map[string]float64 // by role and unit: the means of the samples' logarithms
}

// diff is the logarithm of the ratio of two roles, NaN if one of them has no such unit.
func (p pair) diff(over, under role, unit string) float64 {
	a, ok := p.logs[over][unit]
	b, ok2 := p.logs[under][unit]
	if !ok || !ok2 {
		return math.NaN()
	}
	return a - b
}

// controlEvery is of how many cells one has a control.
const controlEvery = 4

// A series is all pairs of a cell.
type series struct {
	key     string
	pairs   []pair
	aside   int // rounds that gave no pair, because all samples were spoiled
	tried   int // pairs that were measured
	spoiled int // of these the spoiled ones
	failed  string
}

// comparison is a comparison that is going on.
type comparison struct {
	Options
	rng     *rand.Rand
	cells   []*series
	control map[string]bool
	result  *Result
	planned int             // looks that there can be
	open    map[string]bool // cells that more has to be known of
}

// Compare compares the sides until everything is decided, the rounds are done, or the
// budget is used up. If ctx ends it returns what there is, and the context's error.
func Compare(ctx context.Context, o Options) (*Result, error) {
	c := &comparison{
		Options: o,
		rng:     rand.New(rand.NewPCG(o.Seed, 0)),
		result:  &Result{Old: o.Old.String(), New: o.New.String(), Alpha: o.Alpha, MinEffect: o.MinEffect, Seed: o.Seed, Layouts: len(o.Old.Programs)},
	}
	for _, at := range looks {
		if at < o.Rounds {
			c.planned++
		}
	}
	c.planned++ // the last one
	begin := time.Now()
	for round := range o.Rounds {
		spent := time.Since(begin)
		if o.Budget > 0 && round > 0 && spent+spent/time.Duration(round) > o.Budget {
			break
		}
		if err := c.round(ctx, round); err != nil {
			if round > 0 && ctx.Err() != nil {
				c.judge()
				c.result.Interrupted = true
				return c.result, ctx.Err()
			}
			return nil, err
		}
		c.result.Rounds = round + 1
		if slices.Contains(looks, round+1) && round+1 < o.Rounds {
			c.judge()
			if c.decided() == len(c.cells) {
				return c.result, nil
			}
		}
		o.Watch.Round(round+1, c.decided())
	}
	c.judge()
	return c.result, nil
}

// round measures every cell that more has to be known of once on both sides.
func (c *comparison) round(ctx context.Context, round int) (err error) {
	var ps []*process
	defer func() {
		for _, p := range ps {
			// One that was ended with the context says so: it isn't news.
			if endErr := p.end(); endErr != nil && ctx.Err() == nil {
				err = errors.Join(err, &ProcessError{side: p.side, text: endErr.Error(), err: endErr})
			}
		}
	}()
	for i, side := range []*Side{roleOld: c.Old, roleNew: c.New, roleControl: c.Old} {
		// With three layouts or more no two roles have the same one in a round.
		p, err := start(ctx, side, round+i, c.Args)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		ps = append(ps, p)
	}
	if round == 0 {
		if err := c.meet(ps[roleOld], ps[roleNew]); err != nil {
			return err
		}
	}
	order := slices.DeleteFunc(slices.Clone(c.cells), func(s *series) bool {
		return s.failed != "" || c.open != nil && !c.open[s.key]
	})
	c.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, s := range order {
		if err := c.measure(ctx, s, round, ps); err != nil {
			return err
		}
	}
	return nil
}

// meet finds the cells that both sides have.
func (c *comparison) meet(older, newer *process) error {
	for _, key := range older.cells {
		if slices.Contains(newer.cells, key) {
			c.cells = append(c.cells, &series{key: key})
		} else {
			c.result.OnlyOld = append(c.result.OnlyOld, key)
		}
	}
	for _, key := range newer.cells {
		if !slices.Contains(older.cells, key) {
			c.result.OnlyNew = append(c.result.OnlyNew, key)
		}
	}
	if len(c.cells) == 0 {
		return &SpecError{c.Old.Spec + " and " + c.New.Spec, "they have no cell in common: name strategies and workloads that both have", nil}
	}
	for _, g := range c.Gates {
		if len(gateRows(&g, c.cells)) == 0 {
			return &gate.Error{Gate: g.Text, Text: "no cell of this comparison is meant by it"}
		}
	}
	c.control = make(map[string]bool)
	for i := 0; i < len(c.cells); i += controlEvery {
		c.control[c.cells[i].key] = true
	}
	c.Watch.Begin(len(c.cells), c.Rounds)
	return nil
}

// measure takes the samples of a cell in a round. ps are the processes of the roles.
func (c *comparison) measure(ctx context.Context, s *series, round int, ps []*process) error {
	order := []role{roleOld, roleNew}
	if c.control[s.key] {
		order = append(order, roleControl)
	}
	tries := 1 + retries
	if 3*s.spoiled > s.tried {
		tries = 1
	}
	for try := range tries {
		c.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		back := slices.Clone(order)
		slices.Reverse(back)
		got := pair{round: round}
		spoiled := false
		for _, at := range slices.Concat(order, back) {
			p := ps[at]
			r, err := p.measure(s.key, seedOf(c.Seed, round, try, s.key))
			switch failed := new(cellError); {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.As(err, &failed):
				s.failed = failed.Error()
				c.Watch.Warn(s.failed + "; left out from here on")
				return nil
			case err != nil:
				return err
			}
			if err := c.Sample(at.String(), p.config, r); err != nil {
				return err
			}
			if got.logs[at] == nil {
				got.logs[at] = make(map[string]float64)
			}
			for _, v := range r.Values {
				unit := v.Unit
				if v.OrigUnit != "" {
					unit = v.OrigUnit // as it is spelt in the file: ns/op, and not sec/op
				}
				got.logs[at][unit] += math.Log(v.Value) / 2
				spoiled = spoiled || unit == bench.UnitShared && v.Value != 0
				if unit == bench.UnitViolations && at == roleNew {
					c.result.Violations += v.Value
				}
			}
		}
		s.tried++
		if !spoiled {
			s.pairs = append(s.pairs, got)
			return nil
		}
		s.spoiled++
		c.result.Spoiled++
	}
	s.aside++
	return nil
}

// seedOf is the seed of a cell's instance: the same for all processes of a round.
func seedOf(seed uint64, round, try int, key string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d/%d/%s", seed, round, try, key)
	return h.Sum64()
}

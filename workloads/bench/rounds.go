package bench

import (
	"context"
	mathrand "math/rand/v2"
	"slices"
	"time"
)

// A slot is the place of one sample in a run.
type slot struct {
	cell  string // id
	round int    // from 1
}

// taken are the samples of a run that there are.
type taken struct {
	slots map[slot]bool  // whether it has a sample that isn't excluded
	lines map[string]int // by the cell's id: more than its slots if some were repeated
	last  int            // round
}

func newTaken() taken { return taken{slots: make(map[slot]bool), lines: make(map[string]int)} }

// add adds a sample and reports whether it is the first of its slot.
func (t *taken) add(s slot, shared bool) (first bool) {
	good, ok := t.slots[s]
	t.slots[s] = good || !shared
	t.lines[s.cell]++
	t.last = max(t.last, s.round)
	return !ok
}

// repeats returns how many samples of each cell were taken again.
func (t taken) repeats() map[string]int {
	n := make(map[string]int, len(t.lines))
	for cell, lines := range t.lines {
		n[cell] = lines
	}
	for s := range t.slots {
		n[s.cell]--
	}
	return n
}

// missing returns how many samples the cells that haven't failed have still to get.
func (r *run) missing() int {
	n := 0
	for round := range r.Rounds {
		n += len(r.todo(round + 1))
	}
	return n
}

// todo returns the cells that have still to get a sample in a round, in the order of
// the round.
func (r *run) todo(round int) []Cell {
	order := slices.Clone(r.left)
	g := mathrand.New(mathrand.NewPCG(r.Seed, uint64(round-1)))
	g.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return slices.DeleteFunc(order, func(c Cell) bool {
		_, ok := r.taken.slots[slot{c.id(), round}]
		return ok
	})
}

// spoiled returns the cells whose sample of a round is excluded, though another one might
// not be.
func (r *run) spoiled(round int) []Cell {
	return slices.DeleteFunc(slices.Clone(r.left), func(c Cell) bool {
		good, ok := r.taken.slots[slot{c.id(), round}]
		return good || !ok || r.Machine.crowded(c.CPUs)
	})
}

// rounds takes the samples, until the limit if there is a budget. A sample takes about as
// long as each.
func (r *run) rounds(ctx context.Context, limit, each time.Duration) error {
	begin := time.Now()
	all, repeats := r.missing(), r.taken.repeats()
	todo, cells := all, len(r.left)
	resumed := r.taken.last
	for round := 1; round <= r.Rounds; round++ {
		order := r.todo(round)
		if len(order) == 0 && round < resumed {
			r.out.Rounds++
			continue
		}
		spent := time.Since(begin)
		if done := r.out.Samples; r.Budget > 0 && done > 0 && round > r.Least && spent+spent*time.Duration(len(order))/time.Duration(done) > limit {
			r.out.OutOfTime = true
			return nil
		}
		for _, c := range order {
			if err := r.take(ctx, c, round); err != nil {
				return err
			}
			if todo--; len(r.left) != cells {
				todo, cells = r.missing(), len(r.left)
			}
			r.Watcher.Done(r.out.Samples, time.Since(begin)/time.Duration(max(r.out.Samples, 1))*time.Duration(todo))
		}
		err := r.repeat(ctx, round, repeats, func() bool {
			// Repeated samples must not use up the time of later rounds.
			share := float64(r.out.Samples) / float64(all)
			return r.Budget == 0 || time.Since(begin)+each <= time.Duration(share*float64(limit))
		})
		if err != nil {
			return err
		}
		r.out.Rounds++
	}
	return nil
}

// mostRepeats returns how many samples of a cell are taken again at most, in so many
// rounds. A machine that is never free would make the run last for ever.
func mostRepeats(rounds int) int { return max(3, rounds/3) }

// repeat takes the spoiled samples of a round again, at its end, when what spoiled them
// may be over. So all samples of a round are still taken within its time. What
// can't be repeated any more stays excluded.
func (r *run) repeat(ctx context.Context, round int, repeats map[string]int, inTime func() bool) error {
	for again := true; again; {
		again = false
		for _, c := range r.spoiled(round) {
			if repeats[c.id()] >= mostRepeats(r.Rounds) || !inTime() {
				continue
			}
			repeats[c.id()]++
			again = true
			if err := r.take(ctx, c, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// take takes one sample and writes it. It returns an error only if the run
// can't go on.
func (r *run) take(ctx context.Context, c Cell, round int) error {
	s, err := r.measure(ctx, r.Machine, c, r.Length, seedOf(r.Seed, round-1, c))
	if err != nil {
		return r.failed(ctx, c, err)
	}
	s.Round = round
	r.within += r.Length.total()
	if n := s.Books.Violations(); n > 0 {
		r.out.Findings++
		r.Watcher.Warn(finding(s))
	}
	// The disk and the garbage collector work at the same time: the next sample
	// waits for both.
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		collect()
	}()
	err = r.File.Add(s)
	<-collected
	if err != nil {
		return r.lost(ctx, err)
	}
	if said := r.ledger.touched(); said != "" {
		r.Watcher.Warn(said)
	}
	if r.taken.add(slot{c.id(), round}, s.Shared) {
		r.out.Samples++
	} else {
		r.out.Repeated++
	}
	r.facts.StealNS += s.Stolen
	if s.Shared {
		r.out.Shared++
	}
	return nil
}

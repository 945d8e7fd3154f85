package search

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// POS is partial-order sampling (Yuan, Yang, Gu: "Partial Order Aware Concurrency
// Sampling", CAV 2018). Each thread's next step has a random priority, and the highest
// goes first. After a step, the priorities of those that depend on it are drawn anew:
// so the order of steps that depend on each other is nearly as likely one way as the
// other. Steps at locations that only one thread was seen to touch are made when their
// thread is there: they would only keep it back.
//
// It needs engine.Options.Locations.
type POS struct {
	Seed uint64

	r       rng
	prio    [engine.MaxThreads]uint64
	started int       // threads that have a priority
	last    int       // who made the last step
	did     engine.Op // ... which was this
	places  places
}

// Begin starts execution i.
func (s *POS) Begin(i int) {
	s.r.s = seedFor(s.Seed, i)
	s.started, s.last = 0, -1
	s.places.begin()
}

// Pick picks the candidate whose next step has the highest priority.
func (s *POS) Pick(e *engine.Engine, candidates uint64, cur int) (int, int) {
	for ; s.started < e.Started(); s.started++ {
		s.prio[e.IDOf(s.started)] = s.r.next()
	}
	if cur >= 0 && candidates&(1<<cur) != 0 && len(s.places.shared) > 0 && !s.places.shares(e.Thread(cur)) {
		s.places.note(e.Thread(cur))
		return cur, 0
	}
	if cur >= 0 {
		s.prio[cur] = s.r.next() // it has come to another step
	}
	if s.last >= 0 {
		for m := e.Alive() &^ (1 << s.last); m != 0; m &= m - 1 {
			if i := lowest(m); i != cur && !engine.Independent(s.did, e.Thread(i).Op()) {
				s.prio[i] = s.r.next()
			}
		}
	}
	best := lowest(candidates)
	for m := candidates & (candidates - 1); m != 0; m &= m - 1 {
		if i := lowest(m); s.prio[i] > s.prio[best] {
			best = i
		}
	}
	s.last, s.did = best, e.Thread(best).Op()
	s.places.note(e.Thread(best))
	return best, 0
}

// PickCPU moves one time in two.
func (s *POS) PickCPU(_ *engine.Engine, mask uint64, cur int) int {
	return s.r.chooseCPU(mask, cur, 2)
}

// PickWay picks any.
func (s *POS) PickWay(_ *engine.Engine, n int) int { return s.r.below(n) }

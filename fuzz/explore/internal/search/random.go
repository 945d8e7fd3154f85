package search

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// Random is the random walk.
type Random struct {
	Seed uint64
	r    rng
}

// Begin starts execution i.
func (s *Random) Begin(i int) { s.r.s = seedFor(s.Seed, i) }

// Pick picks any candidate. One that begins goes on to its second point: what it does
// until the first nobody else can see, so that there is nothing to decide.
func (s *Random) Pick(e *engine.Engine, candidates uint64, cur int) (int, int) {
	next := s.r.member(candidates)
	if e.Begins(next) {
		return next, 1
	}
	return next, 0
}

// PickCPU moves one time in two.
func (s *Random) PickCPU(_ *engine.Engine, mask uint64, cur int) int {
	return s.r.chooseCPU(mask, cur, 2)
}

// PickWay picks any.
func (s *Random) PickWay(_ *engine.Engine, n int) int { return s.r.below(n) }

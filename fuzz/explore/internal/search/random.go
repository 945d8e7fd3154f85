package search

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// Random is the random walk.
type Random struct {
	Seed uint64
	r    rng
}

// Begin starts execution i.
func (s *Random) Begin(i int) { s.r.s = seedFor(s.Seed, i) }

// Pick picks any candidate.
func (s *Random) Pick(_ *engine.Engine, candidates uint64, cur int) (int, int) {
	return s.r.member(candidates), 0
}

// PickCPU moves one time in two.
func (s *Random) PickCPU(_ *engine.Engine, mask uint64, cur int) int {
	return s.r.chooseCPU(mask, cur, 2)
}

// PickWay picks any.
func (s *Random) PickWay(_ *engine.Engine, n int) int { return s.r.below(n) }

package search

import (
	"math/bits"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// Random is the random walk.
type Random struct {
	Seed uint64
	r    rng
}

// Begin starts execution i.
func (s *Random) Begin(i int) { s.r.s = seedFor(s.Seed, i) }

// Pick picks any candidate, and how often running it would be picked again: the engine
// asks before if there are other candidates by then. One that begins goes on to its
// second point: what it does until the first nobody else can see, so that there is nothing
// to decide.
func (s *Random) Pick(e *engine.Engine, candidates uint64, cur int) (next, grant int) {
	next = s.r.member(candidates)
	if e.Begins(next) {
		grant = 1
	}
	if candidates == e.Alive() {
		grant += s.again(bits.OnesCount64(candidates))
	}
	return next, grant
}

// again returns how often running one of n is picked again.
func (s *Random) again(n int) (times int) {
	if n == 1 {
		return 1 << 30
	}
	for s.r.below(n) == 0 {
		times++
	}
	return times
}

// PickCPU moves one time in two.
func (s *Random) PickCPU(_ *engine.Engine, mask uint64, cur int) int {
	return s.r.chooseCPU(mask, cur, 2)
}

// PickWay picks any.
func (s *Random) PickWay(_ *engine.Engine, n int) int { return s.r.below(n) }

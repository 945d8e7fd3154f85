package search

import (
	"math/bits"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// Prefix takes decisions from bytes as long as there are any, and then leaves them to
// another search. One byte is one decision:
//
//	bits  meaning
//	0-1   which candidate, modulo their number, counted from the running thread, or
//	      which CPU, counted from the one that the thread is on: 0 goes on as it was
//	2-7   how many points pass before the next decision, for threads
//
// Of a step that can go on in several ways all bits say which, modulo their number.
type Prefix struct {
	Bytes []byte
	Then  engine.Search
	left  []byte
}

// Begin starts an execution.
func (s *Prefix) Begin() { s.left = s.Bytes }

// Pick picks what the next byte says.
func (s *Prefix) Pick(e *engine.Engine, candidates uint64, cur int) (int, int) {
	if len(s.left) == 0 {
		return s.Then.Pick(e, candidates, cur)
	}
	b := s.left[0]
	s.left = s.left[1:]
	return nth(candidates, cur, int(b&3)), int(b >> 2)
}

// PickCPU picks what the next byte says.
func (s *Prefix) PickCPU(e *engine.Engine, mask uint64, cur int) int {
	if len(s.left) == 0 {
		return s.Then.PickCPU(e, mask, cur)
	}
	b := s.left[0]
	s.left = s.left[1:]
	return nth(mask, cur, int(b&3))
}

// PickWay picks what the next byte says.
func (s *Prefix) PickWay(e *engine.Engine, n int) int {
	if len(s.left) == 0 {
		return s.Then.PickWay(e, n)
	}
	b := s.left[0]
	s.left = s.left[1:]
	return int(b) % n
}

// nth returns member n of the mask, modulo their number, beginning at from and going
// round.
func nth(mask uint64, from, n int) int {
	if n %= bits.OnesCount64(mask); from > 0 {
		before := mask & (1<<from - 1)
		n += bits.OnesCount64(before)
		n %= bits.OnesCount64(mask)
	}
	for ; n > 0; n-- {
		mask &= mask - 1
	}
	return bits.TrailingZeros64(mask)
}

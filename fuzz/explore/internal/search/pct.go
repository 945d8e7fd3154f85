package search

import (
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// maxDepth bounds PCT.Depth.
const maxDepth = 8

// PCT runs the thread with the highest priority. At Depth-1 random points the
// running thread's priority becomes the lowest. For a bug of depth d, n threads
// and k points, each execution finds it with probability 1/(n k^(d-1)) or more.
type PCT struct {
	Seed  uint64
	Depth int // at least 1

	r       rng
	points  int // estimate of the length of an execution
	prio    [engine.MaxThreads]int32
	have    int // threads that have a priority
	lowest  int32
	change  [maxDepth]int
	changes int
	at      int
}

// Begin starts execution i. points is how long executions are: the change points
// lie in the first so many.
func (s *PCT) Begin(i, points int) {
	s.r.s = seedFor(s.Seed, i)
	s.have, s.lowest, s.at = 0, 0, 0
	s.points = max(points, 1)
	s.changes = min(s.Depth-1, maxDepth)
	for j := range s.changes {
		// Insertion keeps them in order.
		c := 1 + s.r.below(s.points)
		k := j
		for ; k > 0 && s.change[k-1] > c; k-- {
			s.change[k] = s.change[k-1]
		}
		s.change[k] = c
	}
}

// Pick picks the candidate with the highest priority.
func (s *PCT) Pick(e *engine.Engine, candidates uint32, cur int) (int, int) {
	if s.have < e.Threads() {
		s.admit(e.Threads())
	}
	step := e.Step()
	for s.at < s.changes && s.change[s.at] <= step {
		s.at++
		if cur >= 0 {
			s.lowest--
			s.prio[cur] = s.lowest
		}
	}
	if cur >= 0 && candidates&(1<<cur) == 0 && e.Thread(cur).Op().Kind.Yields() {
		// Who gives way would otherwise come back at every change of
		// memory, before the thread that it waits for gets on.
		s.lowest--
		s.prio[cur] = s.lowest
	}
	best := -1
	for i := range s.have {
		if candidates&(1<<i) != 0 && (best < 0 || s.prio[i] > s.prio[best]) {
			best = i
		}
	}
	if s.at < s.changes {
		return best, s.change[s.at] - step - 1
	}
	return best, 1 << 30
}

// admit gives new threads a random place among the others.
func (s *PCT) admit(n int) {
	for ; s.have < n; s.have++ {
		// 31 random bits collide rarely, and then the lower thread wins.
		s.prio[s.have] = int32(s.r.next()>>34) + 1
	}
}

// PickCPU moves one time in eight.
func (s *PCT) PickCPU(_ *engine.Engine, mask uint32, cur int) int {
	return s.r.chooseCPU(mask, cur, 8)
}

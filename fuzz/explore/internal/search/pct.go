package search

import (
	"math"

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
	prio    [engine.MaxThreads]priority
	have    int // IDs that have had a priority
	started int // threads that have been given one
	lowest  int32
	change  [maxDepth]int
	changes int
	at      int
}

// A priority says by itself whose it is, so that the highest is found without
// branches, which would be wrong half of the time since priorities are random.
//
//	bits  meaning
//	8-63  priority, signed; two random ones collide rarely, and then the lower thread wins
//	0-7   255 minus the thread
type priority int64

func priorityOf(thread int, p int32) priority { return priority(p)<<8 | priority(255-thread) }

func (p priority) thread() int { return 255 - int(uint8(p)) }

// Begin starts execution i. points is how long executions are: the change points
// lie in the first so many.
func (s *PCT) Begin(i, points int) {
	s.r.s = seedFor(s.Seed, i)
	s.have, s.started, s.lowest, s.at = 0, 0, 0, 0
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
func (s *PCT) Pick(e *engine.Engine, candidates uint64, cur int) (int, int) {
	if s.started < e.Started() {
		s.admit(e)
	}
	step := e.Step()
	for s.at < s.changes && s.change[s.at] <= step {
		s.at++
		if cur >= 0 {
			s.lower(cur)
		}
	}
	if cur >= 0 && candidates&(1<<cur) == 0 && e.Thread(cur).Op().Kind.Yields() {
		// Who gives way would otherwise come back at every change of
		// memory, before the thread that it waits for gets on.
		s.lower(cur)
	}
	if cur >= 0 && e.Thread(cur).Timed() {
		// Who waits for a timer among other things lets the others go first:
		// else a ticker would keep one thread running for ever.
		s.lower(cur)
	}
	best := priority(math.MinInt64)
	for i, p := range s.prio[:s.have] {
		if candidates>>i&1 == 0 {
			p = math.MinInt64
		}
		best = max(best, p)
	}
	if s.at < s.changes {
		return best.thread(), s.change[s.at] - step - 1
	}
	return best.thread(), 1 << 30
}

// lower makes the thread's priority the lowest.
func (s *PCT) lower(thread int) {
	s.lowest--
	s.prio[thread] = priorityOf(thread, s.lowest)
}

// admit gives new threads a random place among the others.
func (s *PCT) admit(e *engine.Engine) {
	for ; s.started < e.Started(); s.started++ {
		id := e.IDOf(s.started)
		s.prio[id] = priorityOf(id, int32(s.r.next()>>34)+1)
		s.have = max(s.have, id+1)
	}
}

// PickCPU moves one time in eight.
func (s *PCT) PickCPU(_ *engine.Engine, mask uint64, cur int) int {
	return s.r.chooseCPU(mask, cur, 8)
}

// PickWay picks any.
func (s *PCT) PickWay(_ *engine.Engine, n int) int { return s.r.below(n) }

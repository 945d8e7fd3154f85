package search

import (
	"math/bits"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// DFS tries schedules in depth-first order. Each execution repeats the decisions
// that lead to the last node with something left to try, and goes on from there.
//
// Without Plain it leaves out schedules that can't behave differently:
//
//   - If no other thread can ever touch what a thread touches next, that thread
//     goes on, and nothing else is tried (an ample set of one thread). What
//     threads can touch is learned on the way: see footprint.
//   - A thread whose step was tried at a node is not tried again below the node
//     until somebody takes a step that depends on it (sleep sets; Godefroid:
//     "Partial-Order Methods for the Verification of Concurrent Systems", 1996).
//   - With Hash, a state that was met before is not explored again. States are
//     told apart by 64-bit hashes, so among 10 million states two different
//     ones are confused with a probability of about 3 in a million.
//
// With a bound, sleep sets stay off: a schedule that is left out may be the one
// with fewer preemptions.
type DFS struct {
	// Bound is how many preemptions (and migrations between CPUs) an
	// execution may have; negative: any number.
	Bound int
	// Hash allows states to be identified. The case must keep all that
	// threads share in explored memory, cells and declared state.
	Hash bool
	// Retries is engine.Options.Retries.
	Retries bool
	// Plain leaves nothing out.
	Plain bool

	// Roots are the subtrees to search; nil is the whole tree. States and footprints are
	// shared among them: see [Subtrees].
	Roots []Root
	// CutRoots says that the bound leaves out subtrees beside the roots.
	CutRoots bool

	root    int  // the next of Roots
	fresh   bool // no execution has come to the end of the root before it
	horizon bool // nothing is decided beyond the first node: see Subtrees
	met     *meeting

	nodes []node
	depth int // nodes that this execution has passed
	foot  footprints
	seen  states

	sleep    uint64 // threads that needn't be tried here
	pre      int    // preemptions so far
	cut      bool   // the rest of this execution was explored before
	cutBound bool   // something was left out because of the bound

	told bool // the time is part of the state

	sameState bool // a planted defect for the tests: all states are one

	// States is how many states were told apart, Restarts how often the
	// search began again because it had learned what threads touch.
	States, Restarts int
}

// Unbounded is no bound on preemptions.
const Unbounded = -1

// A node is a point at which there was a choice.
type node struct {
	step   int
	cand   uint64 // candidates: threads, CPUs, or ways to go on
	todo   uint64 // left to try
	sleep  uint64 // needn't be tried, including what has been
	pre    int    // preemptions before
	cur    int8
	chosen int8
	within bool // the step: of a CPU or a way, decided after who takes the step
}

// Begin starts the next execution and reports whether there is one.
func (s *DFS) Begin() bool {
	if s.foot.grown {
		// What was left out so far may have been left out wrongly.
		s.nodes = s.nodes[:0]
		s.seen.clear()
		s.foot.settle()
		s.root = 0
		s.cutBound = false
		s.Restarts++
	}
	if len(s.nodes) == 0 { // the tree of the last root is through, or none has begun
		if s.Roots == nil {
			s.Roots = []Root{{}}
		}
		if s.root == len(s.Roots) {
			return false
		}
		s.nodes = append(s.nodes, s.Roots[s.root].nodes...)
		s.fresh = len(s.nodes) > 0
		s.root++
	}
	s.depth, s.sleep, s.pre, s.cut = 0, 0, 0, false
	return true
}

// Exhausted reports whether everything was tried: the whole of it, not only what
// the bound allows.
func (s *DFS) Exhausted() bool { return !s.cutBound && !s.CutRoots }

// End moves on to the next thing to try.
func (s *DFS) End(e *engine.Engine) {
	if e.Told() && !s.told {
		s.told, s.foot.grown = true, true
	}
	for len(s.nodes) > 0 {
		n := &s.nodes[len(s.nodes)-1]
		if n.todo != 0 {
			if !n.within && s.Bound < 0 {
				n.sleep |= 1 << n.chosen
			}
			n.chosen = int8(bits.TrailingZeros64(n.todo))
			n.todo &^= 1 << n.chosen
			return
		}
		s.nodes = s.nodes[:len(s.nodes)-1]
	}
}

// Pick follows the nodes, and makes new ones below them.
func (s *DFS) Pick(e *engine.Engine, cand uint64, cur int) (int, int) {
	step := e.Step()
	if s.depth < len(s.nodes) {
		n := &s.nodes[s.depth]
		if n.step > step || n.step == step && n.within {
			return e.Default(e.Enabled(), cur), s.grant(step)
		}
		if n.step != step || n.cand != cand {
			e.Nondeterministic("the same decisions led to other runnable threads than before")
			return -1, 0
		}
		s.enter(e, n)
		return int(n.chosen), s.grant(step)
	}
	if s.fresh && !s.Plain {
		s.arrive(e)
	}
	if cur >= 0 && !s.Plain {
		s.foot.record(e.Thread(cur))
	}
	if m := e.ClockReaders(); m&^s.foot.clock != 0 {
		s.foot.clock |= m
		s.foot.grown = true
	}
	def := e.Default(e.Enabled(), cur)
	if cand&(1<<def) == 0 {
		def = bits.TrailingZeros64(cand)
	}
	if s.cut {
		return def, 0
	}
	try := cand
	if s.Bound >= 0 && s.pre >= s.Bound && cur >= 0 && cand&(1<<cur) != 0 {
		try = 1 << cur
	}
	// No grant of points here: each is a decision.
	if s.Plain {
		s.cutBound = s.cutBound || try != cand
		return s.branch(e, cand, try, cur, def), 0
	}
	if p := s.ample(e, cand, cur, def); p >= 0 {
		if s.sleep&(1<<p) != 0 {
			s.cut = true
			return def, 0
		}
		if p != e.Default(e.Enabled(), cur) {
			s.nodes = append(s.nodes, node{step: step, cand: cand, cur: int8(cur), chosen: int8(p), sleep: s.sleep, pre: s.pre})
			s.depth++
		}
		s.wake(e, p)
		return p, 0
	}
	if try != cand {
		s.cutBound = true
	}
	if s.Bound < 0 {
		try &^= s.sleep
	}
	if s.Hash {
		if try = s.recall(e, try, cur); try == 0 {
			s.cut = true
			return def, 0
		}
	}
	if try == 0 {
		s.cut = true
		return def, 0
	}
	return s.branch(e, cand, try, cur, def), 0
}

// grant is how many points may pass before the next node.
func (s *DFS) grant(step int) int {
	if s.depth < len(s.nodes) && !s.nodes[s.depth].within {
		return s.nodes[s.depth].step - step - 1
	}
	return 0
}

// branch makes a node if there is a choice, and returns what is tried first.
func (s *DFS) branch(e *engine.Engine, cand, try uint64, cur, def int) int {
	first := def
	if try&(1<<def) == 0 {
		first = bits.TrailingZeros64(try)
	}
	if try != 1<<first || first != e.Default(e.Enabled(), cur) {
		s.nodes = append(s.nodes, node{
			step: e.Step(), cand: cand, todo: try &^ (1 << first), sleep: s.sleep,
			pre: s.pre, cur: int8(cur), chosen: int8(first),
		})
		s.depth++
		s.meet(e)
	}
	s.count(cand, cur, first)
	s.wake(e, first)
	return first
}

// enter repeats a node's decision.
func (s *DFS) enter(e *engine.Engine, n *node) {
	s.depth++
	s.pre = n.pre
	s.count(n.cand, int(n.cur), int(n.chosen))
	if s.depth == len(s.nodes) {
		s.sleep = n.sleep
		s.wake(e, int(n.chosen))
	}
}

// count counts preemptions.
func (s *DFS) count(cand uint64, cur, next int) {
	if cur >= 0 && next != cur && cand&(1<<cur) != 0 {
		s.pre++
	}
}

// wake takes those out of the sleep set whose next step depends on p's.
func (s *DFS) wake(e *engine.Engine, p int) {
	op := e.Thread(p).Op()
	if op.Kind == engine.OpSleep {
		s.foot.record(e.Thread(p)) // it may have been asleep from the beginning
	}
	for m := s.sleep; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		if i == p || !s.foot.independent(op, e.Thread(i).Op()) {
			s.sleep &^= 1 << i
		}
	}
}

// recall returns what of try is left if the state was met before.
func (s *DFS) recall(e *engine.Engine, try uint64, cur int) uint64 {
	h := e.StateHash()
	if s.told {
		h += uint64(e.Now()) * 0xd1342543de82ef95
	}
	if s.sameState {
		h = 1
	}
	if s.Bound >= 0 {
		// What the bound still allows matters, and who runs.
		h += uint64(cur+2) * 0x9e3779b97f4a7c15
		v, found := s.seen.at(h)
		if found && int(*v) <= s.pre {
			return 0
		}
		if v != nil {
			*v = uint64(s.pre)
		}
		s.States = s.seen.n
		return try
	}
	v, found := s.seen.at(h)
	s.States = s.seen.n
	if !found {
		if v != nil {
			*v = s.sleep
		}
		return try
	}
	// Only what slept then and doesn't now is left (Godefroid 1996, 5.3).
	left := *v &^ s.sleep & try
	s.sleep &= *v
	*v = s.sleep
	return left
}

// PickCPU tries the CPUs one after another. Each that isn't the thread's last costs
// what a preemption does.
func (s *DFS) PickCPU(e *engine.Engine, mask uint64, cur int) int {
	return s.within(e, mask, stay(mask, cur), true)
}

// PickWay tries the ways one after another. They cost nothing: which case of a
// select goes on is anybody's guess however threads are scheduled.
func (s *DFS) PickWay(e *engine.Engine, n int) int {
	return s.within(e, uint64(1)<<n-1, 0, false)
}

// within decides something else than who goes on. first is what is tried first, costs
// whether the bound counts the others.
func (s *DFS) within(e *engine.Engine, mask uint64, first int, costs bool) int {
	if s.depth < len(s.nodes) {
		n := &s.nodes[s.depth]
		if !n.within || n.step != e.Step() {
			// There was no choice here before.
			return first
		}
		if n.cand != mask {
			e.Nondeterministic("the same decisions led to other free CPUs or ways to go on than before")
			return -1
		}
		s.depth++
		s.pre = n.pre
		if costs && int(n.chosen) != first {
			s.pre++
		}
		if s.depth == len(s.nodes) {
			s.sleep = n.sleep
		}
		return int(n.chosen)
	}
	if s.cut {
		return first
	}
	if costs && s.Bound >= 0 && s.pre >= s.Bound {
		s.cutBound = true
		return first
	}
	s.nodes = append(s.nodes, node{step: e.Step(), cand: mask, todo: mask &^ (1 << first), sleep: s.sleep, pre: s.pre, chosen: int8(first), within: true})
	s.depth++
	s.meet(e)
	return first
}

func stay(mask uint64, cur int) int {
	if mask&(1<<cur) != 0 {
		return cur
	}
	return bits.TrailingZeros64(mask)
}

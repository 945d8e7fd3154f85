package search

import (
	"math/bits"
	"slices"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A Root is the beginning of schedules: it stands for all that begin so, which are a
// subtree. The zero value is the whole tree.
type Root struct {
	nodes []node

	// Preemptions is how many there are in the beginning.
	Preemptions int
	// Again says that the beginning leads to a state that an earlier root leads to, too.
	// Only a bound can tell the two apart.
	Again bool
}

// Subtrees cuts the tree of schedules into subtrees by their first decisions. It looks at
// all beginnings of one decision, then of two, and so on, an execution for each, until there
// are enough. Whoever does that for the same case gets the same subtrees in the same order.
//
// Together the subtrees are the whole tree, without those of which another is known to have
// the same states. Nothing is left out for any other reason, and nobody needs to know of one
// what was seen in another: below its root a [DFS] begins without sleeping threads, since
// who sleeps has had its turn in another subtree, and with footprints of its own.
//
//	T0 touches x     T1 touches y
//	                 T1 touches x      only below a decision of another subtree
//
// Were footprints of the subtree used with threads that sleep, then T0 would be taken for the
// only one who touches x, although T1 may: there, where it was seen, nobody told.
//
// It needs the engine options that DFS is run with.
type Subtrees struct {
	DFS // of the beginning that is looked at: Hash and Retries are set by the caller
	// Least is how many subtrees are enough.
	Least int

	list  []beginning
	at    int // which is looked at
	seen  map[met]bool
	looks int
	ready bool
}

// A beginning is a root with the first decision beyond it.
type beginning struct {
	root   Root
	looked bool
	next   *node // nil: none is left, or it wasn't looked at
}

// met is what tells beginnings apart: those that it can't are looked at once.
type met struct {
	state    uint64
	cur, pre int
}

// A meeting is the first decision beyond a beginning.
type meeting struct {
	node  node
	state uint64
}

// Bounds of what is looked at, by how many subtrees are enough: there may be fewer, of a
// program with few decisions or where nearly all lead to the same states.
const (
	mostLooks  = 32
	mostLevels = 256
)

// Begin begins the next look and reports whether there is one.
func (s *Subtrees) Begin() bool {
	if s.seen == nil {
		s.seen = make(map[met]bool)
		s.list = []beginning{{}}
	}
	if s.ready {
		return false
	}
	s.looks++
	s.DFS = DFS{Bound: Unbounded, Hash: s.Hash, Retries: s.Retries, Plain: true, Roots: []Root{s.list[s.at].root}, horizon: true}
	return s.DFS.Begin()
}

// End notes what was met, and goes one decision deeper if all were looked at.
func (s *Subtrees) End(*engine.Engine) {
	b := &s.list[s.at]
	b.looked = true
	b.root.Preemptions = s.pre
	known := false
	if m := s.met; m != nil {
		b.next, b.root.Preemptions = &m.node, m.node.pre
		if s.Hash && !m.node.within {
			key, state := met{m.state, int(m.node.cur), m.node.pre}, met{m.state, anyThread, 0}
			known, b.root.Again = s.seen[key], s.seen[state]
			s.seen[key], s.seen[state] = true, true
		}
	}
	if known {
		s.list = slices.Delete(s.list, s.at, s.at+1)
	}
	for s.at = 0; s.at < len(s.list) && s.list[s.at].looked; s.at++ {
	}
	if s.at == len(s.list) {
		s.ready = s.enough() || !s.deeper()
	}
}

// anyThread stands for a thread in met where it doesn't matter who runs.
const anyThread = -2

func (s *Subtrees) enough() bool {
	return len(s.list) >= s.Least || s.looks > mostLooks*s.Least || len(s.list[0].root.nodes) > mostLevels
}

// deeper puts the children of the beginnings in their place, to be looked at, and reports
// whether there are any.
func (s *Subtrees) deeper() bool {
	var list []beginning
	s.at = -1
	for _, b := range s.list {
		if b.next == nil {
			list = append(list, b)
			continue
		}
		if s.at < 0 {
			s.at = len(list)
		}
		n := *b.next
		try := n.todo
		n.todo = 0
		for {
			list = append(list, beginning{root: Root{nodes: append(slices.Clip(b.root.nodes), n)}})
			if try == 0 {
				break
			}
			n.chosen = int8(bits.TrailingZeros64(try))
			try &^= 1 << n.chosen
		}
	}
	s.list = list
	return s.at >= 0
}

// Ready reports whether all was looked at that has to be.
func (s *Subtrees) Ready() bool { return s.ready }

// Part returns the subtrees of a part, whose number is below that of all parts. Together the
// parts have each once.
func (s *Subtrees) Part(part, parts int) (roots []Root) {
	roots = []Root{} // nil would be the whole tree
	for i := part; i < len(s.list); i += parts {
		roots = append(roots, s.list[i].root)
	}
	return roots
}

// meet notes the first decision beyond the beginning that is looked at. All others don't
// matter.
func (s *DFS) meet(e *engine.Engine) {
	if !s.horizon || s.cut {
		return
	}
	s.cut = true
	s.met = &meeting{node: s.nodes[len(s.nodes)-1]}
	if s.Hash {
		s.met.state = e.StateHash() + uint64(e.Now())*0xd1342543de82ef95
	}
}

// arrive records what threads stand before when a root is met. In a search of the whole tree
// they have been seen to come there.
func (s *DFS) arrive(e *engine.Engine) {
	s.fresh = false
	for i := range e.Started() {
		if t := e.Numbered(i); t != nil && !t.Ended() {
			s.foot.record(t)
		}
	}
}

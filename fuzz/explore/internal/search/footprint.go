package search

import (
	"math/bits"
	"slices"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// Footprints are what each thread has been seen to touch, from each operation of
// its program on. They decide which steps depend on nothing that others may still
// do.
//
// They are learned while the search runs, and it begins again whenever they
// grow. That is enough: suppose that in the end some schedule contains an access
// that is not in the footprints, and take the shortest such. Every step before it
// is in them, so all that was left out on the way commutes, and the search has
// passed a state in which the same thread stands before the same access. There it
// would have been recorded.
//
// The same holds for locks: a location that was only ever touched under a lock
// can't be touched by another thread while the lock is held.
type footprints struct {
	at     [][]touched // by thread's number and operation
	future [][]touched // this operation and all later ones
	guards guards
	groups groups
	tries  bool   // there was a TryLock
	clock  uint64 // threads that read the clock in some step, by ID
	grown  bool
}

// touched is a pair of sets of locations, by bit of their hash: two locations
// that share a bit count as one, which only makes for more schedules.
type touched struct {
	reads, writes uint64
	clocks        bool // may move the clock on
}

func bitOf(loc uint32) uint64 {
	if loc == engine.NoLoc {
		return ^uint64(0)
	}
	return 1 << ((loc ^ loc>>16*7) & 63)
}

// bitsOf is bitOf for an access. A barrier looks at all store buffers, whose words it isn't told of
// before, so what fills or drains one touches what the barrier touches.
func bitsOf(op engine.Op) uint64 {
	b := bitOf(op.Loc)
	if op.Kind.Buffers() {
		b |= bitOf(engine.LocBarrier)
	}
	return b
}

// maxOps is how many operations of one thread are told apart.
const maxOps = 64

func (f *footprints) record(t *engine.Thread) {
	op := t.Op()
	switch op.Kind {
	case engine.OpStart, engine.OpWake, engine.OpYield:
		return
	case engine.OpTryLock, engine.OpTryRLock:
		if !f.tries {
			f.tries, f.grown = true, true
		}
	}
	for _, loc := range t.With() {
		if f.groups.join(op.Loc, loc) {
			f.grown = true
		}
	}
	op.Loc = f.groups.of(op.Loc)
	i := min(t.OpIndex(), maxOps-1)
	for len(f.at) <= t.Number {
		f.at = append(f.at, nil)
	}
	for len(f.at[t.Number]) <= i {
		f.at[t.Number] = append(f.at[t.Number], touched{})
	}
	p := &f.at[t.Number][i]
	if op.Kind.Clocks() && !p.clocks {
		p.clocks, f.grown = true, true
	}
	if op.Kind == engine.OpSleep {
		return
	}
	b := bitsOf(op)
	if op.Kind.Reads() {
		if p.reads&b != b {
			p.reads |= b
			f.grown = true
		}
	} else if p.writes&b != b {
		p.writes |= b
		f.grown = true
	}
	if op.Loc != engine.NoLoc {
		if f.guards.restrict(op.Loc, lockBits(t)) {
			f.grown = true
		}
	}
}

// settle computes the futures.
func (f *footprints) settle() {
	f.grown = false
	for len(f.future) < len(f.at) {
		f.future = append(f.future, nil)
	}
	for t := range f.at {
		n := len(f.at[t])
		if cap(f.future[t]) < n {
			f.future[t] = make([]touched, n)
		}
		f.future[t] = f.future[t][:n]
		var all touched
		for i := n - 1; i >= 0; i-- {
			all.reads |= f.at[t][i].reads
			all.writes |= f.at[t][i].writes
			all.clocks = all.clocks || f.at[t][i].clocks
			f.future[t][i] = all
		}
	}
}

// others returns what all threads but that of number p may still touch.
func (f *footprints) others(e *engine.Engine, p int) touched {
	var all touched
	for i := range f.future {
		if i == p || len(f.future[i]) == 0 {
			continue
		}
		op := 0
		if i < e.Started() {
			t := e.Numbered(i)
			if t == nil {
				continue
			}
			op = min(t.OpIndex(), maxOps-1)
		}
		if op < len(f.future[i]) {
			all.reads |= f.future[i][op].reads
			all.writes |= f.future[i][op].writes
			all.clocks = all.clocks || f.future[i][op].clocks
		}
	}
	return all
}

// ample returns a candidate whose next step depends on nothing that others may
// do before it, or -1. With a bound only the thread that runs anyway counts:
// whoever else went on, it would cost a preemption to come back from.
func (s *DFS) ample(e *engine.Engine, cand uint64, cur, def int) int {
	if (s.Bound < 0 || def == cur) && s.alone(e, def) {
		return def
	}
	if s.Bound >= 0 {
		return -1
	}
	for m := cand &^ (1 << def); m != 0; m &= m - 1 {
		if i := bits.TrailingZeros64(m); s.alone(e, i) {
			return i
		}
	}
	return -1
}

func (s *DFS) alone(e *engine.Engine, p int) bool {
	t := e.Thread(p)
	op := t.Op()
	if s.foot.clock&(1<<p) != 0 && s.foot.others(e, t.Number).clocks {
		return false // what it does until its next point may read the clock
	}
	switch op.Kind {
	case engine.OpStart, engine.OpWake, engine.OpYield:
		return true
	case engine.OpUnlock:
		// Whoever else could take the lock has to wait for this.
		if !s.foot.tries && slices.Contains(t.Held(), op.Loc) {
			return true
		}
	case engine.OpUnpin:
		return true
	case engine.OpSleep, engine.OpTimed:
		return false
	}
	if op.Loc == engine.NoLoc {
		return false
	}
	op.Loc = s.foot.groups.of(op.Loc)
	if s.foot.guards.at(op.Loc)&lockBits(t) != 0 {
		return true
	}
	b := bitsOf(op)
	o := s.foot.others(e, t.Number)
	if op.Kind.Reads() {
		return o.writes&b == 0
	}
	return (o.reads|o.writes)&b == 0
}

// lockBits returns the locks that the thread holds as a set. Only locks that
// Setup has touched are in it, because only they have the same ID in every
// execution; and pins.
//
//	bits   meaning
//	0-47   lock by its number
//	48-63  pinned to the CPU
func lockBits(t *engine.Thread) uint64 {
	var b uint64
	for _, l := range t.Held() {
		if l >= engine.LocCPU(0) && l < engine.LocCPU(engine.MaxCPUs) {
			b |= 1 << (48 + l - engine.LocCPU(0))
		} else if i, ok := engine.InSetup(l); ok && i < 48 {
			b |= 1 << i
		}
	}
	return b
}

// groups are locations that count as one: those that an access touches together, as a
// select does its channels. A thread that waits in a select is at all of them: who
// meets it at one of them takes it away from the others,
//
//	T  select { <-a, <-b }     waits
//	U                          a <- 1       T goes on
//	V                                       select { b <- 2, default }   finds nobody
//
// so the steps of U and V don't commute although no channel is in both.
//
// They are learned like footprints, and the search begins again whenever they grow:
// at the end each select that it has met, and so each that there is, is within one.
type groups struct{ up map[uint32]uint32 }

// of returns the location that stands for the group.
func (g *groups) of(loc uint32) uint32 {
	if len(g.up) == 0 {
		return loc
	}
	for {
		up, ok := g.up[loc]
		if !ok {
			return loc
		}
		loc = up
	}
}

// join makes the groups of a and b one, and reports whether they were two.
func (g *groups) join(a, b uint32) bool {
	if a, b = g.of(a), g.of(b); a == b {
		return false
	}
	if g.up == nil {
		g.up = make(map[uint32]uint32)
	}
	g.up[max(a, b)] = min(a, b)
	return true
}

// independent is engine.Independent with groups.
func (f *footprints) independent(a, b engine.Op) bool {
	a.Loc, b.Loc = f.groups.of(a.Loc), f.groups.of(b.Loc)
	return engine.Independent(a, b)
}

// guards maps locations to the locks that were held at every access.
type guards struct {
	keys []uint32
	sets []uint64
	n    int
}

func (g *guards) find(loc uint32) int {
	mask := uint32(len(g.keys) - 1)
	for i := loc * 0x9e3779b1 >> 8 & mask; ; i = (i + 1) & mask {
		if g.keys[i] == loc+1 || g.keys[i] == 0 {
			return int(i)
		}
	}
}

func (g *guards) at(loc uint32) uint64 {
	if g.n == 0 {
		return 0
	}
	i := g.find(loc)
	if g.keys[i] == 0 {
		return 0
	}
	return g.sets[i]
}

// restrict notes an access under the locks and reports whether a lock that had
// always been held wasn't.
func (g *guards) restrict(loc uint32, locks uint64) bool {
	if 2*g.n >= len(g.keys) {
		old := *g
		g.keys = make([]uint32, max(64, 2*len(old.keys)))
		g.sets = make([]uint64, len(g.keys))
		for i, k := range old.keys {
			if k != 0 {
				j := g.find(k - 1)
				g.keys[j], g.sets[j] = k, old.sets[i]
			}
		}
	}
	i := g.find(loc)
	if g.keys[i] == 0 {
		g.keys[i], g.sets[i] = loc+1, locks
		g.n++
		return false
	}
	was := g.sets[i]
	g.sets[i] &= locks
	return g.sets[i] != was
}

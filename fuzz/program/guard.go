package program

import (
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// A Guard keeps the calls of one program right while its threads run at once. It
// knows what each thread holds.
//
//   - Each object has an owner: the first thread in the program that kills it, or
//     else the first that switches its mode, or else nobody. The owner begins with
//     the owner's reference, and every other thread that has a step on the object
//     with a reference of its own.
//   - Get, GetN: by a thread that holds a reference. Resurrect too.
//   - TryGet, TryGetN, TryGetLive, Count: always.
//   - Put, PutN, PutIfOne, PutUnlessOne, PutAndLock: by a thread that holds a
//     reference beside the owner's. PutN drops at most as many as it holds. If the
//     strategy detects zero only after Kill, the last three are for the thread that
//     killed: the others can't know whether zero is detected.
//   - Drop: by a thread that holds another, so that it isn't the last.
//   - Kill, KillAndConfirm, SwitchToAtomic, SwitchToPerCPU: by the thread that has
//     the owner's reference.
//   - ResurrectLive: by the thread that killed, while it holds a reference. It has
//     the owner's again.
//   - Resurrect on a dead count: by the thread that was told of the last drop, instead
//     of releasing the object.
//   - Reinit: by that thread if it has killed the count too. It has the owner's
//     reference again. Init too, where the strategy promises that another thread may
//     call TryGet meanwhile.
//   - What the counter hasn't got: never.
//
// Several at once are made at most 64, and nobody takes more than its share of what
// is left up to the limit that the strategy promises, which must be at least
// MaxThreads + 1: counts near their limits are for the sequential reading, and for
// tests that know what they do.
//
// It is used so:
//
//	g := program.NewGuard(&p, s)
//	for each object:     c.Init(); c.SwitchToAtomic() if g.Shared(o); c.Get() g.Held(o) times
//	each thread:         t := g.Thread(i)
//	    for each step:   if call, ok := t.Allow(step); ok { make it; t.Did(o, call, result) }
//	    for each object: for call, ok := t.Leave(o); ok; call, ok = t.Leave(o) { make it; t.Did(o, call, result) }
//	when all ended:      for each object: if t := g.Owner(o); t != nil { make Kill; t.Did(o, Kill, result) }
//
// PutAndLock is called with a lock of the object's, which the caller unlocks if the
// result is true.
//
// A Thread belongs to one goroutine at a time; the others of its Guard may be used
// meanwhile. Nothing is allocated after NewGuard.
type Guard struct {
	p         *Program
	has       uint32 // a bit for each operation
	immediate bool   // zero is always detected
	share     [MaxObjects]int64
	owner     [MaxObjects]int // a thread, or nobody
	held      [MaxObjects]int
	threads   [MaxThreads]Holder
}

const nobody = -1

// A Holder is one thread of a Guard, and what it holds.
type Holder struct {
	g    *Guard
	held [MaxObjects]hold
	_    [64]byte // so that threads don't slow each other down
}

// A hold is what a thread holds of one object.
type hold struct {
	refs     int64 // beside the owner's
	owner    bool  // the owner's reference
	killed   bool  // it was the owner and has killed the count
	released bool  // it was told of the last drop, and has not brought the count back
}

// NewGuard returns the guard of a program on counts of the strategy. The program
// must not change while the guard is used.
func NewGuard(p *Program, s *strategies.Strategy) *Guard {
	g := new(Guard)
	g.Reset(p, s.Powers(), &s.Promise)
	return g
}

// Reset makes g the guard of another program, with no allocation, on counts that have
// the powers and the promise.
func (g *Guard) Reset(p *Program, powers []strategies.Power, promise *strategies.Promise) {
	*g = Guard{p: p, immediate: promise.Zero == strategies.Immediate}
	for _, op := range ops {
		ok := op.Power() == ""
		for _, have := range powers {
			ok = ok || op.Power() == have
		}
		if op == spec.Init {
			ok = promise.TypeStable
		}
		if ok {
			g.has |= 1 << op
		}
	}
	for o := range p.Objects {
		g.owner[o] = p.owner(uint8(o))
		users := int64(1)
		for i, t := range p.Threads {
			h := &g.threads[i].held[o]
			g.threads[i].g = g
			if i == g.owner[o] {
				h.owner = true
				continue
			}
			for _, s := range t {
				if int(s.Object) == o {
					h.refs = 1
					g.held[o]++
					break
				}
			}
			users++
		}
		// The owner's reference comes on top of every thread's share.
		g.share[o] = max(1, (promise.Limit-1)/users)
	}
}

// owner returns the thread that has the owner's reference at first.
func (p *Program) owner(object uint8) int {
	switcher := nobody
	for i, t := range p.Threads {
		for _, s := range t {
			if s.Object != object {
				continue
			}
			switch s.Call.Op {
			case spec.Kill, spec.KillAndConfirm:
				return i
			case spec.SwitchToAtomic, spec.SwitchToPerCPU:
				if switcher == nobody {
					switcher = i
				}
			}
		}
	}
	return switcher
}

// Has reports whether threads may call the operation: whether the counter has it, and
// of Init whether that is right while other threads call TryGet.
func (g *Guard) Has(op spec.Op) bool { return g.has>>op&1 != 0 }

// Held returns how many references the threads hold of the object at first, beside
// the owner's.
func (g *Guard) Held(object int) int { return g.held[object] }

// Shared reports whether SwitchToAtomic is to be called on the object after Init.
func (g *Guard) Shared(object int) bool {
	return g.p.Objects[object].Shared && g.Has(spec.SwitchToAtomic)
}

// Thread returns what the thread holds.
func (g *Guard) Thread(i int) *Holder { return &g.threads[i] }

// Owner returns a holder of the owner's reference of the object, or nil if it has been
// given up. It is for when all threads have ended: a first owner that isn't a thread
// is thread 0 from then on.
func (g *Guard) Owner(object int) *Holder {
	if g.owner[object] == nobody {
		g.owner[object] = 0
		g.threads[0].held[object].owner = true
	}
	for i := range g.threads {
		if g.threads[i].held[object].owner {
			return &g.threads[i]
		}
	}
	return nil
}

// Holds returns how many references the thread holds of the object, the owner's among
// them.
func (t *Holder) Holds(object int) int64 {
	h := &t.held[object]
	if h.owner {
		return h.refs + 1
	}
	return h.refs
}

// Owns reports whether the thread has the owner's reference. As long as it has, the
// count is neither dead nor killed.
func (t *Holder) Owns(object int) bool { return t.held[object].owner }

// Allow returns the call that the thread makes for the step: the step's, or one of a
// smaller number. It returns false if the call would be a wrong use.
func (t *Holder) Allow(s Step) (c spec.Call, ok bool) {
	c = s.Call
	if !t.g.Has(c.Op) {
		return c, false
	}
	h := &t.held[s.Object]
	room := t.g.share[s.Object] - h.refs
	switch c.Op {
	case spec.Get:
		return c, (h.refs > 0 || h.owner) && room > 0
	case spec.GetN:
		c.N = min(c.N, room, smallNumbers)
		return c, (h.refs > 0 || h.owner) && room > 0
	case spec.TryGet, spec.TryGetLive:
		return c, room > 0
	case spec.TryGetN:
		c.N = min(c.N, room, smallNumbers)
		return c, room > 0
	case spec.Resurrect:
		return c, (h.refs > 0 || h.owner || h.released) && room > 0
	case spec.Count:
		return c, true
	case spec.Put:
		return c, h.refs > 0
	case spec.PutIfOne, spec.PutUnlessOne, spec.PutAndLock:
		return c, h.refs > 0 && (t.g.immediate || h.killed)
	case spec.Drop:
		return c, h.refs > 1 || h.refs > 0 && h.owner
	case spec.PutN:
		c.N = min(c.N, h.refs)
		return c, h.refs > 0
	case spec.Kill, spec.KillAndConfirm, spec.SwitchToAtomic, spec.SwitchToPerCPU:
		return c, h.owner
	case spec.ResurrectLive:
		return c, h.killed && h.refs > 0
	case spec.Reinit, spec.Init:
		// If another thread had killed, it could not know that this is a
		// new life, and take ResurrectLive on it for right.
		return c, h.released && h.killed
	}
	return c, false
}

// Revives reports whether the call that Allow returned brings a dead count back. An
// oracle must then expect the count to be alive as soon as the call begins.
func (t *Holder) Revives(object int, c spec.Call) bool {
	return t.held[object].released && (c.Op == spec.Resurrect || c.Op == spec.Reinit || c.Op == spec.Init)
}

// Leave returns a call by which the thread drops what it holds beside the owner's
// reference, or false if it holds nothing any more.
func (t *Holder) Leave(object int) (c spec.Call, ok bool) {
	h := &t.held[object]
	// Single ones give a scheduler more to choose from.
	const singles = 8
	if h.refs > singles && t.g.Has(spec.PutN) {
		return spec.Call{Op: spec.PutN, N: h.refs - singles}, true
	}
	return spec.Call{Op: spec.Put}, h.refs > 0
}

// Did says that the thread has made the call, and what it returned.
func (t *Holder) Did(object int, c spec.Call, result bool) {
	h := &t.held[object]
	last := false
	switch c.Op {
	case spec.Get:
		h.refs++
	case spec.GetN:
		h.refs += c.N
	case spec.TryGet, spec.TryGetLive:
		if result {
			h.refs++
		}
	case spec.TryGetN:
		if result {
			h.refs += c.N
		}
	case spec.Resurrect:
		h.refs++
		h.released = false
	case spec.Drop:
		h.refs--
	case spec.Put, spec.PutAndLock:
		h.refs--
		last = result
	case spec.PutN:
		h.refs -= c.N
		last = result
	case spec.PutIfOne:
		if result {
			h.refs--
			last = true
		}
	case spec.PutUnlessOne:
		if result {
			h.refs--
		}
	case spec.Kill, spec.KillAndConfirm:
		h.owner, h.killed = false, true
		last = result
	case spec.ResurrectLive:
		h.owner, h.killed = true, false
	case spec.Reinit, spec.Init:
		h.owner, h.killed, h.released = true, false, false
	}
	if last {
		h.released = true
	}
}

// Last reports whether the result of the call is the report that it dropped the last
// reference.
func Last(c spec.Call, result bool) bool {
	if !result {
		return false
	}
	switch c.Op {
	case spec.Put, spec.PutN, spec.PutIfOne, spec.PutAndLock, spec.Kill, spec.KillAndConfirm:
		return true
	}
	return false
}

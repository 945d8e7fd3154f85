package program

import (
	"math"
	"slices"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// A Guard keeps the calls of one program right while its threads run at once. It
// knows what each thread holds.
//
// Each object has an owner: the first thread in the program that kills it, or else the
// first that switches its mode, or else nobody. The owner begins with the owner's
// reference, and every other thread that has a step on the object with a reference
// of its own. Who may make a call says its [spec.By]; besides,
//
//   - What the counter hasn't got is never called.
//   - On a cached object Resurrect is for any thread, and no life begins but the first.
//   - At most 65,536 are taken at once, and nobody drops more than it holds. Where
//     several can't be dropped at once, nobody takes several to hold more than 64.
//   - Nobody takes more than its share of what is left up to the limit that the
//     strategy promises, which must be at least MaxThreads + 1. A guard of counts that
//     begin where the program says lets them come past the limit where the
//     promise says what happens then: see [Guard.Reset].
//
// Package driver shows how it is used: Reset, Begin of each object, then Allow and Did of
// each step by its thread, which ends with Leave, and Owner when all have ended.
//
//   - Of a count whose Kill waits for the other references, Kill is for a thread that holds
//     none of any object but owner's, and not for an object with references that nobody
//     holds. So no thread waits for one that waits: see [Caller.Waits].
//
// PutAndLock is called with a lock of the object's, which the caller unlocks if the
// result is true.
//
// A Caller belongs to one goroutine at a time; the others of its Guard may be used
// meanwhile. Nothing is allocated after Reset.
type Guard struct {
	p       *Program
	sp      *spec.Spec
	may     uint32 // a bit for each operation that threads may call
	begins  [MaxObjects]Beginning
	share   [MaxObjects]int64
	deaf    [MaxObjects]bool // who takes a reference may not be told that it has none
	owner   [MaxObjects]int  // a thread, or nobody
	callers [MaxThreads]Caller
}

const nobody = -1

// A Beginning is how an object's first life begins in the concurrent reading.
type Beginning struct {
	// First is Init or InitAt, and Gets is how many Gets follow it.
	First spec.Call
	Gets  int64
	// Atomic says that SwitchToAtomic comes after First.
	Atomic bool
	// Held is how many references the threads hold then, and Spare how many
	// nobody holds. The owner's is in neither.
	Held, Spare int64
}

// A Caller is one thread of a Guard, and what it holds.
type Caller struct {
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

// Reset makes g the guard of a program on counts of the strategy of sp, with no
// allocation. The program must not change while the guard is used. If starts is set,
// first lives begin where the program says, as far as the strategy can, and
// else all begin with Init.
func (g *Guard) Reset(p *Program, sp *spec.Spec, starts bool) {
	*g = Guard{p: p, sp: sp}
	promise := sp.Promise()
	for _, op := range sp.Ops() {
		if op.By() != spec.TypeStableReleaser || promise.TypeStable {
			g.may |= 1 << op
		}
	}
	for o := range p.Objects {
		g.owner[o] = p.owner(uint8(o))
		users := int64(1)
		b := &g.begins[o]
		for i := range p.Threads {
			h := &g.callers[i].held[o]
			g.callers[i].g = g
			switch {
			case i == g.owner[o]:
				h.owner = true
				continue
			case slices.ContainsFunc(p.Threads[i], func(s Step) bool { return int(s.Object) == o }):
				h.refs = 1
				b.Held++
			}
			users++
		}
		// The owner's reference comes on top of every thread's share.
		g.share[o] = max(1, (promise.Limit-1)/users)
		b.First, b.Gets = spec.Call{Op: spec.Init}, b.Held
		b.Atomic = p.Objects[o].Atomic && g.May(spec.SwitchToAtomic)
		if starts && p.Objects[o].Start != StartInit {
			g.begin(o, users)
		}
	}
}

// Restart makes g what it was after Reset, given fresh, which was made by the same Reset and
// not used since. It is faster than Reset.
func (g *Guard) Restart(fresh *Guard) {
	for o := range g.p.Objects {
		g.owner[o], g.begins[o].Spare = fresh.owner[o], fresh.begins[o].Spare
	}
	for i := range g.p.Threads {
		g.callers[i].held = fresh.callers[i].held
	}
}

// mostAtOnce is how many references a call takes: more than a field of 16 bits holds.
const mostAtOnce = 1 << 16

// few is to how many references lives count up or down one by one.
const few = 64

// begin lets the first life of the object begin where the program says, if it can be
// brought there, with room for what the threads take. users are the threads, and the
// owner if it is none.
func (g *Guard) begin(o int, users int64) {
	b, p := &g.begins[o], g.sp.Promise()
	n := g.p.Objects[o].First(&p).N
	share, deaf := (p.Limit-n)/users, false
	if g.p.Objects[o].Start == StartNear {
		switch past := g.sp.PastLimit(); past {
		case spec.Untold:
			// All threads together come to the limit, and not past it.
			share = min(2, (p.Limit-1)/users)
			n = max(1+b.Held, p.Limit+b.Held-share*int64(len(g.p.Threads)))
		default:
			share, deaf = math.MaxInt64, past == spec.Refused
		}
	}
	preset := g.sp.Has(spec.InitAt)
	if share < 1 || !preset && n > few {
		return
	}
	g.share[o], g.deaf[o] = share, deaf
	if b.Gets = n - 1; preset && n > 1 {
		b.First, b.Gets = spec.Call{Op: spec.InitAt, N: n}, 0
	}
	if b.Spare = n - 1 - b.Held; b.Spare < 0 && !deaf {
		b.Gets, b.Spare = b.Gets-b.Spare, 0 // past the limit, perhaps
	}
	for i := range g.p.Threads {
		// There aren't enough for every thread.
		if h := &g.callers[i].held[o]; b.Spare < 0 && h.refs > 0 {
			h.refs--
			b.Held--
			b.Spare++
		}
	}
}

// Near reports whether first lives can begin near the limit with so many threads, which
// then come to it, and past it where the promise says what happens then.
func Near(sp *spec.Spec, threads int) bool {
	limit := sp.Promise().Limit
	return (sp.Has(spec.InitAt) || limit <= few) && (limit > int64(threads) || sp.PastLimit() != spec.Untold)
}

// owner returns the thread that has the owner's reference at first.
func (p *Program) owner(object uint8) int {
	switcher := nobody
	for i, s := range p.All() {
		switch {
		case s.Object != object || s.Call.Op.By() != spec.Owner:
		case s.Call.Op.Kills():
			return i
		case switcher == nobody:
			switcher = i
		}
	}
	return switcher
}

// May reports whether threads may call the operation: whether the counter has it, and
// of Init whether that is right while other threads call TryGet.
func (g *Guard) May(op spec.Op) bool { return g.may>>op&1 != 0 }

// Begin returns how the object's first life begins.
func (g *Guard) Begin(object int) *Beginning { return &g.begins[object] }

// Caller returns what the thread holds.
func (g *Guard) Caller(i int) *Caller { return &g.callers[i] }

// Owner returns a caller that has the owner's reference of the object, or nil if it has
// been given up. It is for when all threads have ended: a first owner that isn't a
// thread is thread 0 from then on.
func (g *Guard) Owner(object int) *Caller {
	if g.owner[object] == nobody {
		g.owner[object] = 0
		g.callers[0].held[object].owner = true
	}
	for i := range g.p.Threads {
		if g.callers[i].held[object].owner {
			return &g.callers[i]
		}
	}
	return nil
}

// Spared returns the call that drops references which the first life began with and that
// nobody holds, and false if there are none, or so many that it would take too long. It
// is for when all threads have ended.
func (g *Guard) Spared(object int) (spec.Call, bool) {
	b := &g.begins[object]
	switch n := b.Spare; {
	case n > 0 && g.May(spec.PutN) && n <= math.MaxInt:
		b.Spare = 0
		return spec.Call{Op: spec.PutN, N: n}, true
	case n > 0 && n <= few:
		b.Spare--
		return spec.Call{Op: spec.Put}, true
	}
	return spec.Call{}, false
}

// Holds returns how many references the thread holds of the object, the owner's among
// them.
func (t *Caller) Holds(object int) int64 {
	h := &t.held[object]
	if h.owner {
		return h.refs + 1
	}
	return h.refs
}

// Owns reports whether the thread has the owner's reference. As long as it has, the
// count is neither dead nor killed.
func (t *Caller) Owns(object int) bool { return t.held[object].owner }

// Told reports whether the thread was told of the last drop, and has not brought the
// count back.
func (t *Caller) Told(object int) bool { return t.held[object].released }

// Allow returns the call that the thread makes for the step: the step's, or one of a
// smaller number. It returns false if the call would be a wrong use.
func (t *Caller) Allow(s Step) (c spec.Call, ok bool) {
	c = s.Call
	if s.Wild {
		return c, t.g.sp.Has(c.Op)
	}
	if !t.g.May(c.Op) {
		return c, false
	}
	h := &t.held[s.Object]
	m := c.Op.Moves()
	if t.g.deaf[s.Object] && m.Sign > 0 && m.If == spec.Always && !c.Op.Begins() {
		return c, false
	}
	if m.Sign > 0 && !m.Owner {
		room := t.g.share[s.Object] - h.refs
		if room <= 0 {
			return c, false
		}
		if c.Op.TakesNumber() {
			if c.N = min(c.N, room, mostAtOnce); !t.g.May(spec.PutN) {
				// They are dropped one by one.
				if c.N = min(c.N, few-h.refs); c.N <= 0 {
					return c, false
				}
			}
		}
	}
	if m.Sign < 0 && c.Op.TakesNumber() {
		c.N = min(c.N, h.refs)
	}
	cached := t.g.p.Objects[s.Object].Cached
	switch c.Op.By() {
	case spec.Anybody:
		return c, true
	case spec.AnyHolder:
		return c, h.refs > 0 || h.owner
	case spec.Holder:
		return c, h.refs > 0
	case spec.ExactHolder:
		// Others than who killed can't know whether zero is detected.
		return c, h.refs > 0 && (h.killed || t.g.sp.Promise().Zero == strategies.Immediate) && !t.g.sp.Waits()
	case spec.HolderOfTwo:
		return c, h.refs > 1 || h.refs > 0 && h.owner
	case spec.HolderOrReleaser:
		// Where Kill waits, it is what reports the last reference, and of one that is brought back
		// from zero nobody would report it.
		back := h.released || cached && t.g.sp.Promise().Resurrection
		return c, h.refs > 0 || h.owner || back && !t.g.sp.Waits()
	case spec.Owner:
		return c, h.owner && (!c.Op.Kills() || !t.g.sp.Waits() || t.free(int(s.Object)))
	case spec.Killer:
		return c, h.killed && h.refs > 0
	case spec.Releaser, spec.TypeStableReleaser:
		// If another thread had killed, it could not know that this is a
		// new life, and take ResurrectLive on it for right.
		return c, h.released && h.killed && !cached
	}
	return c, false
}

// free reports whether Kill of the object may wait for the other threads. A thread that
// waits so holds nothing that another one could wait for. What others hold they drop at
// their ends.
func (t *Caller) free(object int) bool {
	for o := range t.g.p.Objects {
		if t.held[o].refs > 0 {
			return false
		}
	}
	return t.g.begins[object].Spare == 0
}

// Waits reports whether the step may be a Kill that waits for other threads. Then the
// thread must Leave all objects first.
func (t *Caller) Waits(s Step) bool {
	return !s.Wild && s.Call.Op.Kills() && t.g.sp.Waits() && t.g.May(s.Call.Op) && t.held[s.Object].owner && t.g.begins[s.Object].Spare == 0
}

// Revives reports whether the call that Allow returned brings a dead count back. An
// oracle must then expect the count to be alive as soon as the call begins.
func (t *Caller) Revives(object int, c spec.Call) bool {
	return t.held[object].released && c.Op.Revives()
}

// Leave returns a call by which the thread drops what it holds beside the owner's
// reference, or false if it holds nothing any more.
func (t *Caller) Leave(object int) (c spec.Call, ok bool) {
	h := &t.held[object]
	// Single ones give a scheduler more to choose from.
	const singles = 8
	if h.refs > singles && t.g.May(spec.PutN) {
		return spec.Call{Op: spec.PutN, N: h.refs - singles}, true
	}
	return spec.Call{Op: spec.Put}, h.refs > 0
}

// Did says that the thread has made the call, and what it returned.
func (t *Caller) Did(object int, c spec.Call, result bool) {
	h := &t.held[object]
	if moved := c.Moved(result); c.Op.Moves().Owner {
		h.owner, h.killed = moved > 0, moved < 0
	} else {
		h.refs += moved
	}
	if c.Op.Revives() {
		h.released = false
	}
	if c.Last(result) {
		h.released = true
	}
}

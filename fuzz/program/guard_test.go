package program

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// every has all powers. It counts nothing: tests ask the specification what it would
// do.
type every struct{}

func (every) Init()                       {}
func (every) InitAt(int64)                {}
func (every) Get()                        {}
func (every) TryGet() bool                { return true }
func (every) Put() bool                   { return false }
func (every) Kill() bool                  { return false }
func (every) GetN(int)                    {}
func (every) TryGetN(int) bool            { return true }
func (every) PutN(int) bool               { return false }
func (every) Count() int64                { return 0 }
func (every) Resurrect()                  {}
func (every) Drop()                       {}
func (every) PutIfOne() bool              { return false }
func (every) PutUnlessOne() bool          { return false }
func (every) PutAndLock(sync.Locker) bool { return false }
func (every) KillAndConfirm(func()) bool  { return false }
func (every) TryGetLive() bool            { return false }
func (every) SwitchToAtomic()             {}
func (every) SwitchToPerCPU()             {}
func (every) Reinit()                     {}
func (every) ResurrectLive()              {}

// strict is a strategy that tells of every misuse.
func strict(zero strategies.ZeroDetection, typeStable bool, limit int64) *strategies.Strategy {
	return &strategies.Strategy{
		Name: "strict", Doc: "everything, and every misuse refused",
		Promise: strategies.Promise{
			Limit: limit, Overflow: strategies.Refuses, Underflow: strategies.Refuses, GetOnZero: strategies.Refuses,
			Zero: zero, TryGet: strategies.Exact, Count: strategies.Exact, Resurrection: true,
			Progress: strategies.WaitFree, Bytes: 8, TypeStable: typeStable,
		},
		New: func() strategies.Counter { return every{} },
	}
}

// guardOf returns the guard of a program whose counts begin with Init.
func guardOf(p *Program, s *strategies.Strategy) *Guard {
	g := new(Guard)
	g.Reset(p, spec.Of(s), false)
	return g
}

// A simulation runs a program under its guard, one call after the other in random
// order, on counts that are states of the specification.
type simulation struct {
	t      *testing.T
	what   string
	sp     *spec.Spec
	p      *Program
	g      *Guard
	states [MaxObjects]spec.State
	made   map[spec.Op]int
	lasts  int
	revive int // lives after the first of an object that isn't cached
	cached int // and of one that is
}

// do makes the call and checks that it is a right use, and that the count knows of as
// many references as all threads hold.
func (s *simulation) do(h *Caller, object int, c spec.Call) {
	st := s.states[object]
	if why := s.sp.Unpromised(st, c); why != "" {
		s.t.Fatalf("%s: %v in state %q: %s", s.what, c, st, why)
	}
	switch cached, dead := s.p.Objects[object].Cached, s.sp.Dead(st); {
	case cached && dead && c.Op.Revives():
		s.cached++ // by anybody, who need not know
	case cached:
	case h.Revives(object, c):
		s.revive++
		if !dead {
			s.t.Fatalf("%s: %v in state %q is said to revive", s.what, c, st)
		}
	case dead && c.Op.Revives():
		s.t.Fatalf("%s: %v in state %q isn't said to revive", s.what, c, st)
	}
	o := s.sp.Step(st, c)[0]
	if o.Warns || o.Panics {
		s.t.Fatalf("%s: %v in state %q is misuse: %v", s.what, c, st, o.Misuse)
	}
	if c.Last(o.Result) {
		s.lasts++
	}
	s.states[object] = o.Next
	s.made[c.Op]++
	h.Did(object, c, o.Result)
	s.balance(object)
}

func (s *simulation) balance(object int) {
	var held int64
	for i := range s.p.Threads {
		held += s.g.Caller(i).Holds(object)
	}
	if s.g.owner[object] == nobody {
		held++
	}
	if refs := s.states[object].Refs; refs != held {
		s.t.Fatalf("%s: object %s has %d references, and threads hold %d", s.what, ObjectName(object), refs, held)
	}
}

func (s *simulation) run(rng *rand.Rand) {
	for o := range s.p.Objects {
		b := s.g.Begin(o)
		if b.First != (spec.Call{Op: spec.Init}) || b.Gets != b.Held || b.Spare != 0 {
			s.t.Fatalf("%s: object %s begins with %+v, want Init and a Get for each reference that is held", s.what, ObjectName(o), b)
		}
		s.states[o] = s.sp.Start(1 + b.Gets)
		if b.Atomic {
			s.states[o] = s.sp.Step(s.states[o], spec.Call{Op: spec.SwitchToAtomic})[0].Next
		}
		s.balance(o)
	}
	next := make([]int, len(s.p.Threads))
	for running := len(next); running > 0; {
		i := rng.IntN(len(next))
		h, steps := s.g.Caller(i), s.p.Threads[i]
		switch {
		case next[i] < len(steps):
			step := steps[next[i]]
			next[i]++
			if c, ok := h.Allow(step); ok {
				s.do(h, int(step.Object), c)
			}
		case next[i] < len(steps)+len(s.p.Objects):
			o := next[i] - len(steps)
			if c, ok := h.Leave(o); ok {
				s.do(h, o, c)
			} else if next[i]++; next[i] == len(steps)+len(s.p.Objects) {
				running--
			}
		}
	}
	for o := range s.p.Objects {
		if h := s.g.Owner(o); h != nil {
			s.do(h, o, spec.Call{Op: spec.Kill})
		}
		if !s.sp.Dead(s.states[o]) {
			s.t.Fatalf("%s: all threads have ended, and object %s has %v", s.what, ObjectName(o), s.states[o])
		}
	}
	if want := len(s.p.Objects) + s.revive + s.cached; s.lasts != want {
		s.t.Fatalf("%s: %d drops were the last of %d lives", s.what, s.lasts, want)
	}
}

// Whatever the program and the order, every call that the guard allows is a right use,
// the count is in step with what threads hold, and every life ends.
func TestGuardedProgramsAreRight(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	made, revived, cached := make(map[spec.Op]int), 0, 0
	for n := range 3000 {
		zero := strategies.Immediate
		if n%2 == 1 {
			zero = strategies.AfterKill
		}
		limit := []int64{7, 127, 1 << 40}[n%3]
		s := strict(zero, n%5 > 0, limit)
		// Short programs have their kills and revivals closer together.
		p, _ := Decode(random(rng, rng.IntN(200)))
		p.Objects[0].Cached = n%4 == 3
		sim := &simulation{
			t: t, sp: spec.Of(s), p: &p, g: guardOf(&p, s), made: made,
			what: fmt.Sprintf("seed %d, program %d, zero %s\n%s", seed, n, zero, &p),
		}
		sim.run(rng)
		revived += sim.revive
		cached += sim.cached
	}
	for _, op := range spec.Of(strict(strategies.Immediate, true, 1000)).Ops() {
		if _, ok := op.Code(); ok && made[op] < 10 {
			t.Errorf("%v was made %d times in all: the test tests nothing", op, made[op])
		}
	}
	if revived < 10 || cached < 10 {
		t.Errorf("%d lives after the first, and %d of cached objects", revived, cached)
	}
}

// Init is made only where the strategy allows TryGet meanwhile, and nothing that the
// counter doesn't have.
func TestGuardKnowsTheStrategy(t *testing.T) {
	p := Program{Objects: make([]Object, 1), Threads: make([]Thread, 1)}
	if guardOf(&p, strict(strategies.Immediate, false, 9)).May(spec.Init) {
		t.Error("Init is allowed without the promise")
	}
	if !guardOf(&p, strict(strategies.Immediate, true, 9)).May(spec.Init) {
		t.Error("Init isn't allowed in spite of the promise")
	}
	bare := strict(strategies.Immediate, true, 9)
	bare.New = func() strategies.Counter { return struct{ strategies.Counter }{every{}} }
	g := guardOf(&p, bare)
	for _, op := range spec.Ops() {
		if want := op.Power() == ""; g.May(op) != want {
			t.Errorf("%v of a counter without powers: allowed is %v", op, g.May(op))
		}
	}
}

// A guard that is used again has forgotten the program before.
// Where several references can't be dropped at once, threads don't take so many that to
// drop them one by one takes long.
func TestTakersOfSeveralDropThemOneByOne(t *testing.T) {
	s := strict(strategies.Immediate, false, 1<<40)
	s.New = func() strategies.Counter {
		return struct {
			strategies.Counter
			strategies.MultiGetter
		}{every{}, every{}}
	}
	var g Guard
	p := Program{Objects: make([]Object, 1), Threads: []Thread{{}}}
	several := Step{Call: spec.Call{Op: spec.GetN, N: 40}}
	p.Threads[0] = Thread{several, several, several, {Call: spec.Call{Op: spec.Get}}}
	g.Reset(&p, spec.Of(s), false)
	h := g.Caller(0)
	for i, want := range []int64{40, few - 41, 0, 1} { // It holds one from the start.
		c, ok := h.Allow(p.Threads[0][i])
		if ok != (want > 0) || ok && c.Refs() != want {
			t.Errorf("step %d with %d references: %v, %v, want %d references", i+1, h.Holds(0), c, ok, want)
		}
		if ok {
			h.Did(0, c, true)
		}
	}
}

func TestGuardReset(t *testing.T) {
	s := strict(strategies.Immediate, true, 1<<40)
	rng := rand.New(rand.NewPCG(1, 2))
	var g Guard
	sp := spec.Of(s)
	for range 200 {
		p, _ := Decode(random(rng, 60))
		g.Reset(&p, sp, false)
		if fresh := guardOf(&p, s); !sameGuard(&g, fresh) {
			t.Fatalf("used again it isn't as new, for\n%s", &p)
		}
		sim := &simulation{t: t, what: p.String(), sp: sp, p: &p, g: &g, made: make(map[spec.Op]int)}
		sim.run(rng)
	}
	p, _ := Decode(random(rng, 60))
	if n := testing.AllocsPerRun(10, func() { g.Reset(&p, sp, false) }); n != 0 {
		t.Errorf("Reset allocates %v times", n)
	}
}

func sameGuard(a, b *Guard) bool {
	for i := range a.callers {
		if a.callers[i].held != b.callers[i].held {
			return false
		}
	}
	return a.may == b.may && a.begins == b.begins && a.share == b.share && a.deaf == b.deaf && a.owner == b.owner
}

// The owner is the first thread that kills, or else the first that switches the mode.
func TestOwner(t *testing.T) {
	for text, want := range map[string]int{
		"a.Get|a.Put":                             nobody,
		"a.Get|a.Kill":                            1,
		"a.Kill|a.Kill":                           0,
		"a.SwitchToAtomic|a.SwitchToPerCPU":       0,
		"a.Get|a.SwitchToAtomic|a.SwitchToPerCPU": 1,
		"a.SwitchToAtomic|a.KillAndConfirm":       1,
		"b.Kill|a.SwitchToPerCPU|a.Get":           1,
	} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.owner(0); got != want {
			t.Errorf("%s: thread %d has the owner's reference, want %d (%d is nobody)", text, got, want, nobody)
		}
	}
}

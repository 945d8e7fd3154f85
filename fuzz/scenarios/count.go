package scenarios

import (
	"errors"
	"slices"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explored/strategies/builtin"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

var (
	countProgram = explore.Program{"a.Get a.Put a.Kill", "a.TryGet a.Get a.Put a.Put", "a.Put a.TryGet a.Put"}
	// In the wrong one a thread takes a reference after it has dropped its
	// own, which is right as long as somebody else holds one.
	countWrongProgram = explore.Program{"a.Get a.Put a.Kill", "a.Put a.Get!", "a.TryGet a.Put"}
)

const countWrong = "a thread takes a reference with a plain Get after it dropped its own"

// count is the built-in op program on a strategy.
func count(s *strategies.Strategy, wrong bool) *explore.Scenario {
	if wrong {
		return countOf(s, name(s, CountName, true), countWrongProgram)
	}
	return countOf(s, name(s, CountName, false), countProgram)
}

// Count is an op program on counts of a strategy that is in explored form. Its
// tokens are those of the strategy's scenario "count".
func Count(s *strategies.Strategy, p *program.Program) *explore.Scenario {
	return countOf(s, name(s, CountName, false), wordsOf(p))
}

// CountText is [Count] of a program such as explore prints it: the steps of each
// thread separated by blanks, the threads by "|".
func CountText(s *strategies.Strategy, text string) (*explore.Scenario, error) {
	words := explore.ParseProgram(text)
	p, _, err := parseWords(words)
	switch {
	case err != nil:
		return nil, err
	case p.Steps() == 0:
		return nil, errors.New("it has no steps: want some, such as a.Get a.Put|a.Kill")
	}
	return countOf(s, name(s, CountName, false), words), nil
}

func countOf(s *strategies.Strategy, name string, words explore.Program) *explore.Scenario {
	return &explore.Scenario{
		Name: name, Program: words, CPUs: countCPUs, DropIns: dropins.Paths(),
		Make: func(words explore.Program) explore.Case {
			p, wild, err := parseWords(words)
			if err != nil {
				return explore.Case{Err: err}
			}
			return newCounting(s).of(&p, wild)
		},
	}
}

// countCPUs is on how many virtual CPUs op programs run.
const countCPUs = 2

// A model is what must be true of a count whatever the schedule. It says that a
// reference is held from after the operation that took it to before the one that
// drops it, so held is never more than what a right count says.
//
// held and dead are plain variables of all threads, and changing them is no
// scheduling point: it belongs to the step of the count's before it. An exhaustive
// search may still leave out orders of steps that don't touch the same memory. It
// misses nothing by that, because each change goes with an access to body: either
// happens-before orders a holder and the releaser, and then every schedule that is
// left out has the same order, or it doesn't, and then that is a race in every one
// of them.
type model struct {
	held int64
	dead bool
	// body stands for the object's fields: holders read it, and whoever is
	// told of the last drop writes it. Strategies promise that the reads
	// happen before the write. That a reader in a later life comes after it
	// is not promised, but a TryGet that succeeds must have observed that the
	// object is back.
	body int

	// confirmed is odd while TryGetLive must fail: from when a Kill is confirmed
	// or has returned to before what undoes it begins. It is used at points of
	// its own, and only if the program has a TryGetLive.
	confirmed int
}

// took is called after an operation that took references.
func (m *model) took(op spec.Call, n int64) {
	m.held += n
	if m.dead {
		explore.Failf("%v took a reference after the last had been dropped", op)
	}
	explore.Read(&m.body)
}

// drops is called before an operation that drops references.
func (m *model) drops(n int64) {
	explore.Read(&m.body)
	m.held -= n
}

// last is called after one that reported the last drop.
func (m *model) last(op spec.Call) {
	switch {
	case m.dead:
		explore.Failf("%v reported the last drop, as another had before", op)
	case m.held == 1:
		explore.Failf("%v reported the last drop while a reference was held", op)
	case m.held > 1:
		explore.Failf("%v reported the last drop while %d references were held", op, m.held)
	}
	m.dead = true
	explore.Write(&m.body)
}

// patience is how often in a row a TryGet that may fail spuriously may do so.
const patience = 100

// counting runs op programs on counts of one strategy.
type counting struct {
	s       *strategies.Strategy
	powers  []strategies.Power
	p       *program.Program
	wild    []map[int]bool // steps by thread that aren't guarded; nil: none
	guard   program.Guard
	fresh   program.Guard // guard, as it is when an execution begins
	live    bool          // the program has a TryGetLive
	bounds  bool          // threads say what they remember, for depth-first search
	objects [program.MaxObjects]countObject
	threads [program.MaxThreads]countThread
	bodies  [program.MaxThreads]func()
	setup   func()
	finish  func()
}

type countObject struct {
	c       strategies.Counter
	m       model
	mu      sync.Mutex // PutAndLock's
	confirm func()
}

type countThread struct {
	k  *counting
	h  *program.Holder
	id int
}

func newCounting(s *strategies.Strategy) *counting {
	k := &counting{s: s, powers: s.Powers()}
	for i := range k.objects {
		o := &k.objects[i]
		o.confirm = func() { k.confirmed(o, true) }
	}
	for i := range k.threads {
		k.threads[i] = countThread{k: k, h: k.guard.Thread(i), id: i}
		k.bodies[i] = k.threads[i].run
	}
	k.setup, k.finish = k.start, k.end
	return k
}

// of returns the case of a program, which must not change while the case is used.
// The next call makes the case invalid.
func (k *counting) of(p *program.Program, wild []map[int]bool) explore.Case {
	k.p, k.wild, k.live, k.bounds = p, wild, false, true
	for _, t := range p.Threads {
		for _, s := range t {
			k.live = k.live || s.Call.Op == spec.TryGetLive
		}
	}
	k.guard.Reset(p, k.powers, &k.s.Promise)
	k.fresh = k.guard
	return explore.Case{
		// What a thread has learned is in its boundaries, and the
		// model follows from where the threads are.
		Values: true, Retries: retries(k.s),
		Setup: k.setup, Threads: k.bodies[:len(p.Threads)], Finish: k.finish,
	}
}

// retries reports whether the strategy's code is known to be what
// [explore.Case.Retries] says. In the source of these, a failed compare-and-swap is
// followed by the same load again. Loops that wait for a word count their turns, but
// only to call runtime.Gosched now and then.
func retries(s *strategies.Strategy) bool {
	if !slices.Contains(builtin.All(), s) {
		return false
	}
	switch s.Name {
	case "atomic", "saturating", "percpu", "lockperatomic":
		return true
	}
	return false
}

func (k *counting) start() {
	// The threads of the copy belong to k.guard as well: it is its own.
	k.guard = k.fresh
	for i := range k.p.Objects {
		o := &k.objects[i]
		o.c = k.s.New()
		o.c.Init()
		o.m = model{held: 1}
		explore.Name(&o.m.body, "the object")
		if k.guard.Shared(i) {
			o.c.(strategies.Switcher).SwitchToAtomic()
		}
		for range k.guard.Held(i) {
			o.c.Get()
			o.m.held++
		}
		if k.guard.Has(spec.PutAndLock) {
			// Touched, so that it has the same number in every execution.
			o.mu.Lock()
			//lint:ignore SA2001 there is nothing to do
			o.mu.Unlock()
		}
	}
}

func (k *counting) end() {
	for i := range k.p.Objects {
		o := &k.objects[i]
		if h := k.guard.Owner(i); h != nil {
			t := countThread{k: k, h: h}
			t.do(i, spec.Call{Op: spec.Kill})
		}
		if !o.m.dead {
			explore.Leakf("every reference was dropped, and no drop reported the last")
		}
	}
}

func (k *counting) confirmed(o *countObject, to bool) {
	if k.live && to != (o.m.confirmed&1 == 1) {
		explore.Set(&o.m.confirmed, uint64(o.m.confirmed+1))
		o.m.confirmed++
	}
}

func (t *countThread) run() {
	for i, s := range t.k.p.Threads[t.id] {
		call, ok := t.h.Allow(s)
		if t.k.wild != nil && t.k.wild[t.id][i] {
			call, ok = s.Call, true
		}
		if ok {
			t.do(int(s.Object), call)
			t.boundary(i)
		}
	}
	for o := range t.k.p.Objects {
		for call, ok := t.h.Leave(o); ok; call, ok = t.h.Leave(o) {
			t.do(o, call)
			t.boundary(len(t.k.p.Threads[t.id]) + o)
		}
	}
}

// boundary ends an operation: this is all that the thread remembers. Which step it was
// is part of it, since steps may have been left out. That it has killed a count
// follows: it was the owner and isn't any more.
func (t *countThread) boundary(step int) {
	if !t.k.bounds {
		return
	}
	state := uint64(step)
	for o := range t.k.p.Objects {
		state = state*0x9e3779b97f4a7c15 + uint64(t.h.Holds(o))<<2
		if t.h.Owns(o) {
			state++
		}
		if t.h.Revives(o, spec.Call{Op: spec.Resurrect}) { // it was told of the last drop
			state += 2
		}
	}
	explore.Boundary(state)
}

// do makes a call and compares what it does with the model.
func (t *countThread) do(object int, call spec.Call) {
	o := &t.k.objects[object]
	c, m := o.c, &o.m
	var result bool
	if t.h.Revives(object, call) {
		m.dead = false
	}
	switch call.Op {
	case spec.Get:
		c.Get()
		m.took(call, 1)
	case spec.GetN:
		c.(strategies.Multi).GetN(int(call.N))
		m.took(call, call.N)
	case spec.TryGet:
		if result = t.try(object, call, c.TryGet); result {
			m.took(call, 1)
		}
	case spec.TryGetN:
		result = t.try(object, call, func() bool { return c.(strategies.Multi).TryGetN(int(call.N)) })
		if result {
			m.took(call, call.N)
		}
	case spec.TryGetLive:
		explore.Look(&m.confirmed)
		before := m.confirmed
		if result = c.(strategies.Switcher).TryGetLive(); result {
			m.took(call, 1)
			explore.Look(&m.confirmed)
			if m.confirmed == before && before&1 == 1 {
				explore.Failf("TryGetLive took a reference after Kill was confirmed")
			}
		} else if t.h.Owns(object) && t.k.s.Promise.TryGet == strategies.Exact {
			explore.Failf("TryGetLive failed while its caller held the owner's reference")
		}
	case spec.Resurrect:
		c.(strategies.Resurrecter).Resurrect()
		m.took(call, 1)
	case spec.Count:
		n := c.(strategies.Reader).Count()
		if holds := t.h.Holds(object); n < holds && t.k.s.Promise.Count == strategies.Exact {
			explore.Failf("Count returned %d while its caller held %d", n, holds)
		}
	case spec.Put:
		m.drops(1)
		result = c.Put()
	case spec.PutN:
		m.drops(call.N)
		result = c.(strategies.Multi).PutN(int(call.N))
	case spec.Drop:
		m.drops(1)
		c.(strategies.Dropper).Drop()
	case spec.PutIfOne:
		m.drops(1)
		if result = c.(strategies.OnePutter).PutIfOne(); !result {
			m.held++
		}
	case spec.PutUnlessOne:
		m.drops(1)
		if result = c.(strategies.OnePutter).PutUnlessOne(); !result {
			m.held++
		}
	case spec.PutAndLock:
		m.drops(1)
		result = c.(strategies.LockPutter).PutAndLock(&o.mu)
	case spec.Kill:
		m.drops(1)
		result = c.Kill()
		t.k.confirmed(o, true)
	case spec.KillAndConfirm:
		m.drops(1)
		result = c.(strategies.Switcher).KillAndConfirm(o.confirm)
		t.k.confirmed(o, true)
	case spec.SwitchToAtomic:
		c.(strategies.Switcher).SwitchToAtomic()
	case spec.SwitchToPerCPU:
		c.(strategies.Switcher).SwitchToPerCPU()
	case spec.ResurrectLive:
		t.k.confirmed(o, false)
		c.(strategies.Switcher).ResurrectLive()
		m.took(call, 1)
	case spec.Reinit:
		t.k.confirmed(o, false)
		c.(strategies.Switcher).Reinit()
		m.took(call, 1)
	case spec.Init:
		t.k.confirmed(o, false)
		c.Init()
		m.took(call, 1)
	default:
		panic("count: " + call.String() + " is not known")
	}
	if program.Last(call, result) {
		m.last(call)
	}
	if call.Op == spec.PutAndLock && result {
		o.mu.Unlock()
	}
	t.h.Did(object, call, result)
}

// try calls a TryGet. It must not fail while its caller holds a reference; one that
// may fail spuriously must not do so for ever.
func (t *countThread) try(object int, call spec.Call, f func() bool) bool {
	holds := t.h.Holds(object) > 0
	for fails := 1; !f(); fails++ {
		if holds && (t.k.s.Promise.TryGet == strategies.Exact || fails == patience) {
			explore.Failf("%v failed while its caller held a reference", call)
		}
		if !holds {
			return false
		}
	}
	return true
}

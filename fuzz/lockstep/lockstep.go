// Package lockstep runs one op program on the counts of several strategies at once,
// call by call, and judges each call twice: against the specification that follows
// from the strategy's promise, and against what the other strategies did.
//
// The second needs no specification. Counts that have done the same calls with the
// same results, since a life began, do the same at the next call too, unless
// their promises are different in what the call, or one before it, touched. What that
// may be is a short list: see [Reason]. Everything else is a [Divergence]. So
// strategies with equal promises must agree in everything, also where a
// specification allows too much; and strategies with different ones must agree
// wherever no limit, no dead count and no misuse comes in.
//
// A call that a counter doesn't have, or that its promise says nothing of, is left out
// for that strategy. It isn't compared with those that made the call until all of
// them begin a new life.
package lockstep

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// Oracles are a set of what judges.
type Oracles uint8

// The oracles.
const (
	// Specification judges each strategy by its own promise alone.
	Specification Oracles = 1 << iota
	// Differential judges strategies by one another.
	Differential

	Both = Specification | Differential
)

// String returns what judges.
func (o Oracles) String() string {
	return [...]string{"nothing", "specification", "differential", "specification and differential"}[o&Both]
}

// Stats says what a Runner has done.
type Stats struct {
	Programs uint64
	// Calls is how many calls were made on all counts together, beside
	// those that begin a first life.
	Calls uint64
	// Explained is how often two counts parted, for each reason. Counts that
	// have parted aren't compared again in that life.
	Explained [reasons]uint64
}

// A Runner runs programs on one count per strategy and object. One goroutine at a
// time uses it. It keeps counts that have died for the next program.
type Runner struct {
	// Observe, if not nil, is called after each call of a program that was made, and
	// after SwitchToAtomic that follows the begin of an object. The answer is
	// overwritten by the next call.
	Observe func(strategy, object int, before spec.State, call spec.Call, a spec.Answer, next spec.State)

	lanes   []lane
	leaders []int // by lane, in compare
	lowest  int64 // of the limits that the strategies promise
	oracles Oracles
	stats   Stats
	// careful makes it read every count after every call, so that what is wrong
	// is seen where it arises, and keep a trace.
	careful bool
	trace   []entry

	decoded program.Program // by RunBytes

	p    *program.Program
	used [program.MaxObjects]bool // the program has begun the object's life
	step int                      // from 1, in the sequential order
}

// A lane is one strategy and its counts.
type lane struct {
	s       *strategies.Strategy
	sp      *spec.Spec
	monitor *strategies.Monitor // of all its counts, or nil
	heard   []strategies.Misuse // what the monitor was told during the present call
	witness *spec.Witness       // of calls that the specification must be asked about
	saw     observation         // what the present call did
	counts  [program.MaxObjects]count

	// states are those that counts of this lane were in, and ids their indices.
	states []spec.State
	ids    map[spec.State]stateID
	known  []known
}

// A stateID is the index of a state in a lane.
type stateID uint32

// maxStates is how many states a lane keeps before it forgets all.
const maxStates = 1 << 14

func (l *lane) id(st spec.State) stateID {
	id, ok := l.ids[st]
	if !ok {
		id = stateID(len(l.states))
		l.states, l.ids[st] = append(l.states, st), id
	}
	return id
}

// A count is one object of a lane.
type count struct {
	c strategies.Counter // nil if there is none from before
	// state is what it holds, by the specification, and before what it held
	// before the present call.
	state, before stateID
	// leader is the first lane whose count has done the same since a life
	// began: this one, or one before it. Lanes with the same leader are
	// compared.
	leader int
	// touched is what the calls of this life have touched.
	touched touched
	// base is how many references the life began with. What Count returns is
	// compared by its distance from that, as limits are different.
	base int64
}

// An observation is what a call did.
type observation struct {
	did did
	// misuse are the kinds that the monitor was told of, each plus one in 4 bits, or
	// unheard.
	misuse int32
	// value is what Count returned: first the number, and then, for others to
	// compare it with, its distance from where the life began.
	value int64
}

const unheard = -1 // there is no monitor

// did says whether a call was left out, and else whether it panicked and what it
// returned.
type did uint8

const (
	returnedFalse did = iota
	returnedTrue
	panicked
	uncertain // several things are allowed, or more than the result is to be looked at
	lacking
	unpromised
)

// made reports whether the call was made.
func (d did) made() bool { return d < lacking }

func returned(result bool) did {
	if result {
		return returnedTrue
	}
	return returnedFalse
}

// A known is what the specification has said of a call in a state. To ask it again each
// time would take most of a program's time.
type known struct {
	key     uint64      // state, operation and number, as knows makes it
	sees    observation // what the call does, or why it is left out
	next    stateID
	touched touched
}

const knownBits = 15

// knows returns what is known of the call in the state. Its key is the same for no two
// calls in no two states, and not 0:
//
//	bits  0-33  number, at most 2^31
//	bits 34-39  operation + 1
//	bits 40-    state
func (l *lane) knows(id stateID, call spec.Call) *known {
	key := uint64(id)<<40 | uint64(call.Op+1)<<34 | uint64(call.N)
	k := &l.known[key*0x9e3779b97f4a7c15>>(64-knownBits)]
	if k.key != key {
		l.learn(k, l.states[id], call)
		k.key = key
	}
	return k
}

// learn asks the specification.
func (l *lane) learn(k *known, st spec.State, call spec.Call) {
	*k = known{sees: observation{did: uncertain, misuse: l.misuse()}}
	// Has comes first, as the other makes a text of it.
	switch {
	case !l.sp.Has(call.Op):
		k.sees.did = lacking
	case l.sp.Unpromised(st, call) != "":
		k.sees.did = unpromised
	case call.Op.UsesEnv(): // more than the result is to be looked at
	default:
		o, several := l.step(st, call)
		if several || o.Panics {
			break
		}
		k.sees.did, k.sees.value = returned(o.Result), o.Value
		if o.Warns && l.monitor != nil {
			k.sees.misuse = 1 + int32(o.Misuse)
		}
		k.next, k.touched = l.id(o.Next), l.touches(st, o.Next, call)
	}
}

// misuse returns what the monitor was told during the present call.
func (l *lane) misuse() (m int32) {
	if l.monitor == nil {
		return unheard
	}
	for _, k := range l.heard {
		m = m<<4 | 1 + int32(k)
	}
	return m
}

// New returns a runner for the strategies, which must be valid.
func New(list []*strategies.Strategy, oracles Oracles) *Runner {
	r := &Runner{lanes: make([]lane, len(list)), leaders: make([]int, len(list)), lowest: math.MaxInt64, oracles: oracles}
	for i, s := range list {
		l := &r.lanes[i]
		*l = lane{
			s: s, sp: spec.Of(s), witness: spec.NewWitness(1),
			ids: make(map[spec.State]stateID), known: make([]known, 1<<knownBits),
		}
		r.lowest = min(r.lowest, s.Promise.Limit)
		if s.Has(strategies.PowerMonitored) {
			l.monitor = &strategies.Monitor{Hook: func(k strategies.Misuse) { l.heard = append(l.heard, k) }}
		}
	}
	return r
}

// Stats returns what the runner has done so far.
func (r *Runner) Stats() Stats { return r.stats }

// Run runs the program and returns the first thing that is wrong, or nil. It has no
// limit of time: a call that doesn't return keeps it from returning. See [Hung].
func (r *Runner) Run(p *program.Program) *Divergence {
	r.stats.Programs++
	d, panicked := r.run(p)
	if d == nil && panicked == nil {
		return nil
	}
	// The counts may hold anything now.
	var list []*strategies.Strategy
	for i := range r.lanes {
		clear(r.lanes[i].counts[:])
		list = append(list, r.lanes[i].s)
	}
	// On new counts and step by step it shows where it began.
	fresh := New(list, r.oracles)
	fresh.careful = true
	found, repanicked := fresh.run(p)
	if found != nil {
		return found
	}
	if repanicked != nil {
		d, panicked = nil, repanicked
	}
	if d == nil {
		// In a call that the specification was not asked about: so it isn't promised.
		d = r.divergence(r.oracles, 0, 0, spec.Call{}, "")
		d.Object, d.Message = "", fmt.Sprintf("a count panicked: %v", panicked)
	}
	d.Used = repanicked == nil
	return d
}

// Hung runs the program on each strategy alone, on all at the same time, and says for
// each of the list why it isn't finished after so long, or nil. The goroutines of those
// that aren't are left behind. A runner that runs such a program never returns.
func Hung(list []*strategies.Strategy, p *program.Program, after time.Duration) []*watchdog.HangError {
	hung := make([]*watchdog.HangError, len(list))
	var all sync.WaitGroup
	for i, s := range list {
		all.Go(func() {
			err := watchdog.Dog{Timeout: after, Strategy: s}.Watch(context.Background(), func() {
				New([]*strategies.Strategy{s}, Specification).Run(p)
			})
			errors.As(err, &hung[i])
		})
	}
	all.Wait()
	return hung
}

// run runs the program, and returns also what a count panicked with.
func (r *Runner) run(p *program.Program) (d *Divergence, panicked any) {
	defer func() { panicked = recover() }()
	r.p, r.step, r.used = p, 0, [program.MaxObjects]bool{}
	for i := range r.lanes {
		if l := &r.lanes[i]; len(l.states) > maxStates { // No count is in use.
			l.states = l.states[:0]
			clear(l.ids)
			clear(l.known)
		}
	}
	for thread, s := range p.Sequential() {
		r.step++
		o := int(s.Object)
		if !r.used[o] {
			d = r.begin(o)
		}
		if d == nil && s.Call.Op.Begins() && !r.careful {
			d = r.read(o, reading)
		}
		if d == nil {
			d = r.call(thread, o, s.Call)
		}
		if d == nil && r.careful && s.Call.Op != spec.Count {
			d = r.read(o, reading)
		}
		if d != nil {
			return d, nil
		}
	}
	r.step++
	for o := range p.Objects {
		if r.used[o] && d == nil {
			d = r.end(o)
		}
	}
	return d, nil
}

// Calls that aren't the program's have no thread.
const (
	beginning = -1 - iota // of an object's first life
	reading               // of the count
	ending                // of the program
)

// read compares what the counts hold.
func (r *Runner) read(o, why int) *Divergence { return r.call(why, o, spec.Call{Op: spec.Count}) }

// begin begins the first life of the object on all lanes.
func (r *Runner) begin(o int) (d *Divergence) {
	object := r.p.Objects[o]
	r.used[o] = true
	// Only some can begin near their limit.
	leaders := [2]int{-1, -1}
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		if c.c == nil {
			if c.c = l.s.New(); l.monitor != nil {
				c.c.(strategies.Monitored).Monitor(l.monitor)
			}
		}
		first, kind := object.First(&l.s.Promise), 0
		if object.Start == program.StartAt {
			// All begin with the same number, and none past its limit.
			first.N = min(first.N, r.lowest)
		}
		c.base, c.touched = first.Refs(), 0
		gets := int64(0)
		if !l.sp.Has(first.Op) {
			if object.Start == program.StartNear {
				c.base, kind = 1, 1
			}
			first, gets = spec.Call{Op: spec.Init}, c.base-1
		}
		first.Apply(c.c, nil)
		for range gets {
			c.c.Get()
		}
		c.state = l.id(l.sp.Start(c.base))
		if r.careful {
			r.note(l, o, beginning, first, l.states[c.state], "")
		}
		if leaders[kind] < 0 {
			leaders[kind] = i
		}
		c.leader = leaders[kind]
	}
	if object.Atomic {
		d = r.call(beginning, o, spec.Call{Op: spec.SwitchToAtomic})
	}
	if d == nil && r.careful {
		d = r.read(o, reading)
	}
	return d
}

// end looks at what the program has left. Of a count that can't be read, it drops the few
// references that are left to see that the last drop says so.
func (r *Runner) end(o int) *Divergence {
	if d := r.read(o, ending); d != nil {
		return d
	}
	const few = 16
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		drop := spec.Call{Op: spec.Kill}
		st := l.states[c.state]
		for !l.sp.Has(spec.Count) && st.Refs > 0 && st.Refs <= few {
			if st.Killed {
				drop.Op = spec.Put
			}
			if l.sp.Unpromised(st, drop) != "" {
				break
			}
			l.heard = l.heard[:0]
			if d := r.judge(i, o, ending, drop, l.witness.Do(c.c, drop)); d != nil {
				return d
			}
			st = l.states[c.state]
		}
		if !l.sp.Dead(st) {
			c.c = nil // there is no promise that it can be used again
		}
	}
	return nil
}

// call makes a call on every lane, and judges it.
func (r *Runner) call(thread, o int, call spec.Call) *Divergence {
	r.stats.Calls += uint64(len(r.lanes))
	alike := true // every lane did what its leader did
	quick := !r.careful && r.Observe == nil
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		l.heard = l.heard[:0]
		switch k := l.knows(c.state, call); {
		case k.sees.did <= returnedTrue && quick:
			result, value := call.Apply(c.c, nil)
			l.saw = observation{returned(result), l.misuse(), value}
			if l.saw != k.sees {
				if d := r.judge(i, o, thread, call, spec.Answer{Result: result, Value: value}); d != nil {
					return d
				}
				break
			}
			c.before, c.state = c.state, k.next
			c.touched |= k.touched
			if call.Op == spec.Count {
				l.saw.value -= c.base
			}
		case k.sees.did.made():
			if d := r.judge(i, o, thread, call, l.witness.Do(c.c, call)); d != nil {
				return d
			}
		default:
			l.saw = k.sees
			if r.careful && k.sees.did == unpromised {
				r.note(l, o, thread, call, l.states[c.state], "left out: "+l.sp.Unpromised(l.states[c.state], call))
			}
		}
		if leader := &r.lanes[c.leader]; l != leader && alike {
			alike = l.same(leader)
		}
	}
	if alike && !call.Op.Begins() {
		return nil
	}
	return r.compare(thread, o, call)
}

// judge compares what a call did with the specification, and keeps what the other
// strategies are to be compared with.
func (r *Runner) judge(i, o, thread int, call spec.Call, a spec.Answer) *Divergence {
	l := &r.lanes[i]
	c := &l.counts[o]
	st := l.states[c.state]
	a.Heard, a.Misuse = l.monitor != nil, l.heard
	next, err := l.sp.Check(st, call, a)
	if r.careful {
		r.note(l, o, thread, call, st, answerText(call, a))
	}
	c.before = c.state
	if err != nil {
		if r.oracles&Specification != 0 {
			return r.divergence(Specification, thread, o, call, err.Error(), l)
		}
		o, _ := l.step(st, call)
		next = o.Next
	}
	c.touched |= l.touches(st, next, call)
	c.state = l.id(next)
	l.saw = observation{did: returned(a.Result), misuse: l.misuse()}
	switch {
	case a.Panicked != nil:
		l.saw.did = panicked
	case call.Op == spec.Count:
		l.saw.value = a.Value - c.base
	}
	if r.Observe != nil && thread >= beginning {
		r.Observe(i, o, st, call, a, next)
	}
	return nil
}

// same reports whether the present call did the same on both lanes, or was left out on
// both. Only counts that have a monitor can differ in what it was told.
func (l *lane) same(m *lane) bool {
	a, b := l.saw, m.saw
	return a == b || !a.did.made() && !b.did.made() ||
		a.did == b.did && a.value == b.value && (a.misuse == unheard || b.misuse == unheard)
}

// compare compares what a call did on each lane with what it did on the others that
// have done the same before. Those that now did something else part.
func (r *Runner) compare(thread, o int, call spec.Call) *Divergence {
	// A count on which such an operation isn't called still holds the same.
	neutral := call.Op.Moves().Sign == 0
	for i := range r.lanes {
		b := &r.lanes[i]
		r.leaders[i] = i
		for j := range i {
			a := &r.lanes[j]
			either, both := a.saw.did.made() || b.saw.did.made(), a.saw.did.made() && b.saw.did.made()
			together := a.counts[o].leader == b.counts[o].leader
			if together && !a.same(b) {
				together = false
				reason, ok := explains(a, b, o, call)
				if !ok && r.oracles&Differential != 0 {
					return r.divergence(Differential, thread, o, call, "", a, b)
				}
				if both || !neutral {
					r.stats.Explained[reason]++
				}
			}
			if call.Op.Begins() && either {
				together = both
			}
			if together && r.leaders[i] == i {
				r.leaders[i] = r.leaders[j]
			}
		}
	}
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		if !neutral {
			c.leader = r.leaders[i]
		}
		if call.Op.Begins() && l.saw.did.made() {
			c.base, c.touched = 1, 0
		}
	}
	return nil
}

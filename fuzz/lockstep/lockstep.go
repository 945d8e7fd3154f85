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
	"slices"
	"sync"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
	"github.com/refbench/refbench/strategies/watchdog"
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
	switch o {
	case Specification:
		return "specification"
	case Differential:
		return "differential"
	case Both:
		return "specification and differential"
	}
	return "nothing"
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

// MaxStrategies is how many strategies a runner can have.
const MaxStrategies = 64

// A Runner runs programs on one count per strategy and object. One goroutine at a
// time uses it. It keeps counts that have died for the next program.
type Runner struct {
	list    []*strategies.Strategy
	lanes   []lane
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
	p       strategies.Promise
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

// A count is one object of a lane.
type count struct {
	c strategies.Counter // nil if there is none from before
	// state is what it holds, by the specification, and before what it held
	// before the present call.
	state, before stateID
	// leader is the first lane whose count has done the same since a life
	// began: this one, or one before it. Lanes with the same leader are
	// compared.
	leader uint8
	// touched is what the calls of this life have touched.
	touched touched
	// base is how many references the life began with. What Count returns is
	// compared by its distance from that, as limits are different.
	base int64
}

// An observation is what a call did.
type observation struct {
	did    did
	misuse int8 // the kind, or one of the following
	// value is what Count returned: first the number, and then, for others to
	// compare it with, its distance from where the life began.
	value int64
}

const (
	noMisuse   = -1
	manyMisuse = -2
	unheard    = -3 // there is no monitor
)

// did says whether a call was left out, and else whether it panicked and what it
// returned.
type did uint8

const (
	returnedFalse did = iota
	returnedTrue
	panicked
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

// A stateID is the index of a state in a lane.
type stateID uint32

// maxStates is how many states a lane keeps before it forgets all.
const maxStates = 1 << 14

func (l *lane) id(st spec.State) stateID {
	id, ok := l.ids[st]
	if !ok {
		id = stateID(len(l.states))
		l.states = append(l.states, st)
		l.ids[st] = id
	}
	return id
}

// forget makes room for new states. No count is in use.
func (l *lane) forget() {
	l.states = l.states[:0]
	clear(l.ids)
	clear(l.known)
}

// A known is what the specification has said of a call in a state. To ask it again each
// time would take most of a program's time.
type known struct {
	key     uint64      // state, operation and number, as key makes it
	sees    observation // what the call does, or why it is left out
	next    stateID
	touched touched
	verdict verdict
}

// A verdict is what can be done about a call.
type verdict uint8

const (
	ask    verdict = iota // the specification must be asked each time
	expect                // there is one outcome: what is known
	leave                 // the call is left out
)

// key is the same for no two calls in no two states. It isn't 0.
//
//	bits  0-33  number, at most 2^31
//	bits 34-39  operation + 1
//	bits 40-    state
func key(id stateID, call spec.Call) uint64 {
	return uint64(id)<<40 | uint64(call.Op+1)<<34 | uint64(call.N)
}

const (
	knownBits = 15
	knownSize = 1 << knownBits
)

// knows returns what is known of the call in the state.
func (l *lane) knows(id stateID, call spec.Call) *known {
	key := key(id, call)
	k := &l.known[key*0x9e3779b97f4a7c15>>(64-knownBits)]
	if k.key != key {
		l.learn(k, id, call)
		k.key = key
	}
	return k
}

// learn asks the specification.
func (l *lane) learn(k *known, id stateID, call spec.Call) {
	st := l.states[id]
	*k = known{sees: observation{misuse: l.misuse()}}
	// Has comes first, as the other makes a text of it.
	switch {
	case !l.sp.Has(call.Op):
		k.verdict, k.sees.did = leave, lacking
		return
	case l.sp.Unpromised(st, call) != "":
		k.verdict, k.sees.did = leave, unpromised
		return
	case call.Op.UsesEnv():
		return // more than the result is to be looked at
	}
	os := l.sp.Step(st, call)
	o := os[0]
	if len(os) > 1 || o.Panics || o.AnyValue || o.NoNumber {
		return
	}
	k.verdict, k.sees.did, k.sees.value = expect, returned(o.Result), o.Value
	if o.Warns && l.monitor != nil {
		k.sees.misuse = int8(o.Misuse)
	}
	k.next, k.touched = l.id(o.Next), l.touches(st, o.Next, call)
}

// misuse returns what the monitor was told during the present call.
func (l *lane) misuse() int8 {
	switch {
	case l.monitor == nil:
		return unheard
	case len(l.heard) == 0:
		return noMisuse
	case len(l.heard) == 1:
		return int8(l.heard[0])
	}
	return manyMisuse
}

// New returns a runner for the strategies, which must be valid, and at most [MaxStrategies].
func New(list []*strategies.Strategy, oracles Oracles) *Runner {
	r := &Runner{list: slices.Clone(list), lanes: make([]lane, len(list)), lowest: math.MaxInt64, oracles: oracles}
	for i, s := range list {
		l := &r.lanes[i]
		l.s, l.sp, l.p, l.witness = s, spec.Of(s), s.Promise, spec.NewWitness()
		r.lowest = min(r.lowest, l.p.Limit)
		l.ids, l.known = make(map[spec.State]stateID), make([]known, knownSize)
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
	d, panicked := r.guarded(p)
	if d == nil && panicked == nil {
		return nil
	}
	// The counts may hold anything now.
	for i := range r.lanes {
		clear(r.lanes[i].counts[:])
	}
	return r.again(p, d, panicked)
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

// guarded is run with what it panicked with.
func (r *Runner) guarded(p *program.Program) (d *Divergence, panicked any) {
	defer func() { panicked = recover() }()
	return r.run(p), nil
}

// again looks for the same on new counts and step by step, which shows where it
// began. d is what was found, or panicked what a count panicked with: in a call that
// the specification was not asked about, so it isn't promised.
func (r *Runner) again(p *program.Program, d *Divergence, panicked any) *Divergence {
	fresh := New(r.list, r.oracles)
	fresh.careful = true
	found, repanicked := fresh.guarded(p)
	if found != nil {
		return found
	}
	if repanicked != nil {
		panicked = repanicked
	}
	if d == nil || repanicked != nil {
		d = &Divergence{Oracle: r.oracles, Message: fmt.Sprintf("a count panicked: %v", panicked), Program: p.String(), Input: input(p)}
	}
	d.Used = repanicked == nil
	return d
}

// run runs the program. A count may panic.
func (r *Runner) run(p *program.Program) *Divergence {
	r.p, r.step, r.used = p, 0, [program.MaxObjects]bool{}
	for i := range r.lanes {
		if l := &r.lanes[i]; len(l.states) > maxStates {
			l.forget()
		}
	}
	for thread, s := range p.Sequential() {
		r.step++
		o := int(s.Object)
		if !r.used[o] {
			if d := r.begin(o); d != nil {
				return d
			}
		}
		if s.Call.Op.Begins() && !r.careful {
			if d := r.read(o, reading); d != nil {
				return d
			}
		}
		if d := r.call(thread, o, s.Call); d != nil {
			return d
		}
		if r.careful && s.Call.Op != spec.Count {
			if d := r.read(o, reading); d != nil {
				return d
			}
		}
	}
	r.step++
	for o := range p.Objects {
		if r.used[o] {
			if d := r.end(o); d != nil {
				return d
			}
		}
	}
	return nil
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
func (r *Runner) begin(o int) *Divergence {
	object := r.p.Objects[o]
	r.used[o] = true
	// Only some can begin near their limit.
	var leaders [2]int
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		if c.c == nil {
			if c.c = l.s.New(); l.monitor != nil {
				c.c.(strategies.Monitored).Monitor(l.monitor)
			}
		}
		first := object.First(&l.p)
		if object.Start == program.StartAt {
			// All begin with the same number, and none past its limit.
			first.N = min(first.N, r.lowest)
		}
		gets, kind := int64(0), 0
		switch {
		case l.sp.Has(first.Op):
		case object.Start == program.StartAt:
			first, gets = spec.Call{Op: spec.Init}, first.N-1
		default:
			first, kind = spec.Call{Op: spec.Init}, 1
		}
		first.Apply(c.c, nil)
		for range gets {
			c.c.Get()
		}
		c.base, c.touched = first.Refs()+gets, 0
		c.state = l.id(l.sp.Start(c.base))
		if r.careful {
			r.note(i, o, beginning, first, l.states[c.state], "")
		}
		if leaders[kind] == 0 {
			leaders[kind] = i + 1
		}
		c.leader = uint8(leaders[kind] - 1)
	}
	if object.Atomic {
		if d := r.call(beginning, o, spec.Call{Op: spec.SwitchToAtomic}); d != nil {
			return d
		}
	}
	if r.careful {
		return r.read(o, reading)
	}
	return nil
}

// end looks at what the program has left. Of a count that can't be read, it drops what
// is left to see that the last drop says so.
func (r *Runner) end(o int) *Divergence {
	if d := r.read(o, ending); d != nil {
		return d
	}
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		if !l.sp.Has(spec.Count) {
			if d := r.drain(i, o); d != nil {
				return d
			}
		}
		if !l.sp.Dead(l.states[c.state]) {
			c.c = nil // there is no promise that it can be used again
		}
	}
	return nil
}

// drain drops the few references that a count has left.
func (r *Runner) drain(i, o int) *Divergence {
	const few = 16
	l := &r.lanes[i]
	c := &l.counts[o]
	st := l.states[c.state]
	drop := spec.Call{Op: spec.Kill}
	if st.Killed {
		drop.Op = spec.Put
	}
	for st.Refs > 0 && st.Refs <= few && l.sp.Unpromised(st, drop) == "" {
		l.heard = l.heard[:0]
		if d := r.judge(i, o, ending, drop, l.witness.Do(c.c, drop)); d != nil {
			return d
		}
		drop.Op = spec.Put
		st = l.states[c.state]
	}
	return nil
}

// call makes a call on every lane, and judges it.
func (r *Runner) call(thread, o int, call spec.Call) *Divergence {
	r.stats.Calls += uint64(len(r.lanes))
	alike := true // every lane did what its leader did
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		if len(l.heard) > 0 {
			l.heard = l.heard[:0]
		}
		k := l.knows(c.state, call)
		switch {
		case k.verdict == expect && !r.careful:
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
		case k.verdict == leave:
			l.saw = k.sees
			if r.careful && k.sees.did == unpromised {
				st := l.states[c.state]
				r.note(i, o, thread, call, st, "left out: "+l.sp.Unpromised(st, call))
			}
		default:
			if d := r.judge(i, o, thread, call, l.witness.Do(c.c, call)); d != nil {
				return d
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
	a.Heard, a.Misuse = l.monitor != nil, l.heard
	st := l.states[c.state]
	next, err := l.sp.Check(st, call, a)
	if r.careful {
		r.note(i, o, thread, call, st, answerText(call, a))
	}
	c.before = c.state
	if err != nil {
		if r.oracles&Specification != 0 {
			return r.divergence(Specification, thread, o, call, err.Error(), i)
		}
		next = l.sp.Step(st, call)[0].Next
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
	return nil
}

// same reports whether the present call did the same on both lanes, or was left out on
// both. Only counts that have a monitor can differ in what it was told.
func (l *lane) same(m *lane) bool {
	switch a, b := l.saw, m.saw; {
	case a == b:
		return true
	case a.did != b.did || a.value != b.value:
		return !a.did.made() && !b.did.made()
	default:
		return a.misuse == unheard || b.misuse == unheard
	}
}

// compare compares what a call did on each lane with what it did on the others that
// have done the same before. Those that now did something else part.
func (r *Runner) compare(thread, o int, call spec.Call) *Divergence {
	// A count on which such an operation isn't called still holds the same.
	neutral := call.Op.Moves().Sign == 0
	var leaders [MaxStrategies]uint8
	for i := range r.lanes {
		b := &r.lanes[i]
		leaders[i] = uint8(i)
		for j := range i {
			a := &r.lanes[j]
			made, both := a.saw.did.made() || b.saw.did.made(), a.saw.did.made() && b.saw.did.made()
			together := a.counts[o].leader == b.counts[o].leader
			if together && !a.same(b) {
				together = false
				reason, ok := Unpromised, true
				switch {
				case both:
					reason, ok = explains(a, b, o, call)
				case a.saw.did == lacking || b.saw.did == lacking:
					reason = Lacking
				}
				if !ok && r.oracles&Differential != 0 {
					return r.divergence(Differential, thread, o, call, "", j, i)
				}
				if both || !neutral {
					r.stats.Explained[reason]++
				}
			}
			if call.Op.Begins() && made {
				together = both
			}
			if together && leaders[i] == uint8(i) {
				leaders[i] = leaders[j]
			}
		}
	}
	if neutral {
		return nil
	}
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		c.leader = leaders[i]
		if call.Op.Begins() && l.saw.did.made() {
			c.base, c.touched = 1, 0
		}
	}
	return nil
}

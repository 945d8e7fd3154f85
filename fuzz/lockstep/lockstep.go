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
	"fmt"
	"math"
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

// A Reason is why promises let counts differ that did the same calls.
type Reason uint8

// The reasons.
const (
	// Overflow: a reference past the limit of one of them. They promise another
	// limit, width or response.
	Overflow Reason = iota
	// Underflow: a drop of what isn't there. They promise another response.
	Underflow
	// DeadGet: Get on a dead count. They promise another response.
	DeadGet
	// Distance: a life that began near the limits came down to zero. They
	// promise another limit, so for one of them the way was longer.
	Distance
	// ZeroDetection: one of them doesn't detect zero yet.
	ZeroDetection
	// Spurious: TryGet of one of them may fail without a reason.
	Spurious
	// Choice: the promise of one of them allows several answers, as of Count on a
	// saturated count.
	Choice
	// Lacking: one of them doesn't have the operation, and the call was left
	// out for it.
	Lacking
	// Unpromised: the promise of one of them says nothing of the call, and it was
	// left out for it.
	Unpromised
	reasons
)

// Reasons returns all of them.
func Reasons() []Reason {
	rs := make([]Reason, reasons)
	for i := range rs {
		rs[i] = Reason(i)
	}
	return rs
}

// String returns the reason in a few words.
func (r Reason) String() string {
	if r >= reasons {
		return "unknown reason"
	}
	return [reasons]string{
		"overflow policy", "underflow policy", "get on a dead count", "distance from the limit to zero",
		"zero detection", "spurious TryGet", "free choice", "operation lacking", "not promised",
	}[r]
}

// touched is a set of reasons: what the calls of a life have touched.
type touched uint16

func (t touched) has(r Reason) bool { return t>>r&1 != 0 }

func (r Reason) set() touched { return 1 << r }

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

// MaxStrategies is how many strategies a runner can have.
const MaxStrategies = 64

// A lane is one strategy and its counts.
type lane struct {
	s       *strategies.Strategy
	sp      *spec.Spec
	p       strategies.Promise
	monitor *strategies.Monitor // of all its counts, or nil
	heard   []strategies.Misuse // what the monitor was told during the present call
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
	// multi and reader are c, if it has those powers.
	multi  strategies.Multi
	reader strategies.Reader
}

// An observation is what a call did, as far as strategies can be compared in it.
type observation struct {
	did    did
	misuse int8  // noMisuse, or the kind, or manyMisuse, if there is a monitor
	value  int64 // what Count returned, from where the life began
}

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

const (
	noMisuse   = -1
	manyMisuse = -2
)

// A known is what the specification has said of a call in a state. To ask it again each
// time would take most of a program's time.
type known struct {
	key     uint64 // state, operation and number, as key makes it
	value   int64  // what Count returns
	next    stateID
	touched touched
	verdict verdict
	did     did // what the call does, or why it is left out
	misuse  int8
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
	*k = known{}
	// Has comes first, as the other makes a text of it.
	switch {
	case !l.sp.Has(call.Op):
		k.verdict, k.did = leave, lacking
		return
	case l.sp.Unpromised(st, call) != "":
		k.verdict, k.did = leave, unpromised
		return
	case call.Op == spec.KillAndConfirm || call.Op == spec.PutAndLock:
		return // more than the result is to be looked at
	}
	os := l.sp.Step(st, call)
	o := os[0]
	if len(os) > 1 || o.Panics || o.AnyValue || o.NoNumber {
		return
	}
	k.verdict, k.value, k.did, k.misuse = expect, o.Value, returned(o.Result), noMisuse
	if o.Warns {
		k.misuse = int8(o.Misuse)
	}
	k.next, k.touched = l.id(o.Next), l.touches(st, o.Next, call)
}

// New returns a runner for the strategies, which must be valid, and at most [MaxStrategies].
func New(list []*strategies.Strategy, oracles Oracles) *Runner {
	r := &Runner{lanes: make([]lane, len(list)), lowest: math.MaxInt64, oracles: oracles}
	for i, s := range list {
		sp := spec.Of(s)
		l := &r.lanes[i]
		l.s, l.sp, l.p = s, sp, s.Promise
		r.lowest = min(r.lowest, l.p.Limit)
		l.ids, l.known = make(map[spec.State]stateID), make([]known, knownSize)
		if _, ok := s.New().(strategies.Monitored); ok {
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
			done := make(chan struct{})
			go func() {
				defer close(done)
				New([]*strategies.Strategy{s}, Specification).Run(p)
			}()
			timer := time.NewTimer(after)
			defer timer.Stop()
			select {
			case <-done:
			case <-timer.C:
				hung[i] = watchdog.Hang(after, s)
			}
		})
	}
	all.Wait()
	return hung
}

// bounds are the largest programs of RunBytes. A fuzz engine makes many small inputs
// in the time of one large one, and they find the same: counts begin near their
// limits.
var bounds = program.Bounds{Objects: 2, Threads: 2, Steps: 16}

// Starts is how many programs RunBytes runs.
const Starts = 4

// RunBytes is Run for the program that the bytes hold, and for three more that differ
// in how counts begin: those that began near their limit begin with one reference, and
// the others near their limit; and with each of both, those that began in shared mode
// don't, and the others do. The engine's share of the time is spent only once for all
// four.
//
// The bytes hold no program larger than two objects, two threads and 16 steps.
func (r *Runner) RunBytes(data []byte) *Divergence {
	p := &r.decoded
	bounds.Decode(p, data)
	for i := range Starts {
		start(p, i)
		if d := r.Run(p); d != nil {
			return d
		}
	}
	return nil
}

// Inputs returns the programs that [Runner.RunBytes] runs for the bytes, and how many of
// the bytes it reads.
func Inputs(data []byte) (programs [Starts]program.Program, read int) {
	var p program.Program
	rest := bounds.Decode(&p, data)
	for i := range programs {
		start(&p, i)
		programs[i] = p.Clone()
	}
	return programs, len(data) - len(rest)
}

// start makes p the i-th of the programs that RunBytes runs. It is the one before.
func start(p *program.Program, i int) {
	for j := range p.Objects {
		o := &p.Objects[j]
		switch {
		case i == 2:
			o.Atomic = !o.Atomic
		case i > 0 && o.Start == program.StartNear:
			*o = program.Object{Atomic: o.Atomic}
		case i > 0:
			o.Start = program.StartNear
		}
	}
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
	list := make([]*strategies.Strategy, len(r.lanes))
	for i := range r.lanes {
		list[i] = r.lanes[i].s
	}
	fresh := New(list, r.oracles)
	fresh.careful = true
	found, repanicked := fresh.guarded(p)
	if found != nil {
		return found
	}
	if d == nil || repanicked != nil {
		if repanicked != nil {
			panicked = repanicked
		}
		d = &Divergence{Oracle: r.oracles, Message: fmt.Sprintf("a count panicked: %v", panicked), Program: p.String(), Input: p.Encode()}
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
		if begins(s.Call.Op) && !r.careful {
			if d := r.call(reading, o, spec.Call{Op: spec.Count}); d != nil {
				return d
			}
		}
		if d := r.call(thread, o, s.Call); d != nil {
			return d
		}
		if r.careful && s.Call.Op != spec.Count {
			if d := r.call(reading, o, spec.Call{Op: spec.Count}); d != nil {
				return d
			}
		}
	}
	r.step++
	for o := range p.Objects {
		if !r.used[o] {
			continue
		}
		if d := r.end(o); d != nil {
			return d
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
			l.newCount(c)
		}
		c.touched = 0
		first := object.First(&l.p)
		if object.Start == program.StartAt {
			// All begin with the same number, and none past its limit.
			first.N = min(first.N, r.lowest)
		}
		gets, kind := int64(0), 0
		if first.Op == spec.InitAt && !l.sp.Has(spec.InitAt) {
			if first.Op = spec.Init; object.Start == program.StartAt {
				gets = first.N - 1
			} else {
				kind = 1
			}
		}
		if first.Op == spec.Init {
			c.c.Init()
			first.N = 1
		} else {
			c.c.(strategies.Presetter).InitAt(first.N)
		}
		for range gets {
			c.c.Get()
		}
		c.base = first.N + gets
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
		return r.call(reading, o, spec.Call{Op: spec.Count})
	}
	return nil
}

// newCount makes a count.
func (l *lane) newCount(c *count) {
	c.c = l.s.New()
	c.multi, _ = c.c.(strategies.Multi)
	c.reader, _ = c.c.(strategies.Reader)
	if l.monitor != nil {
		c.c.(strategies.Monitored).Monitor(l.monitor)
	}
}

// end looks at what the program has left. Of a count that can't be read, it drops what
// is left to see that the last drop says so.
func (r *Runner) end(o int) *Divergence {
	if d := r.call(ending, o, spec.Call{Op: spec.Count}); d != nil {
		return d
	}
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		if c.reader == nil {
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
	if st.Refs > few {
		return nil
	}
	drop := spec.Call{Op: spec.Kill}
	if st.Killed {
		drop.Op = spec.Put
	}
	for st.Refs > 0 && l.sp.Unpromised(st, drop) == "" {
		l.heard = l.heard[:0]
		if d := r.judge(i, o, ending, drop, spec.Do(c.c, drop)); d != nil {
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
			result, value := c.make(call)
			l.saw = observation{returned(result), noMisuse, value - c.base}
			if call.Op != spec.Count {
				l.saw.value = 0
			}
			if l.monitor != nil {
				l.saw.misuse = l.misuse()
			}
			if l.saw.did != k.did || l.saw.misuse != k.misuse && l.monitor != nil || value != k.value {
				if d := r.judge(i, o, thread, call, spec.Answer{Result: result, Value: value}); d != nil {
					return d
				}
				break
			}
			c.before, c.state = c.state, k.next
			c.touched |= k.touched
		case k.verdict == leave:
			l.saw = observation{k.did, noMisuse, 0}
			if r.careful && k.did == unpromised {
				st := l.states[c.state]
				r.note(i, o, thread, call, st, "left out: "+l.sp.Unpromised(st, call))
			}
		default:
			if d := r.judge(i, o, thread, call, spec.Do(c.c, call)); d != nil {
				return d
			}
		}
		if leader := &r.lanes[c.leader]; l != leader && alike {
			alike = l.same(leader)
		}
	}
	if alike && !begins(call.Op) {
		return nil
	}
	return r.compare(thread, o, call)
}

// make makes a call that the counter has. It is spec.Do without what costs time: a
// panic goes through it.
func (c *count) make(call spec.Call) (result bool, value int64) {
	switch call.Op {
	case spec.Init:
		c.c.Init()
	case spec.Get:
		c.c.Get()
	case spec.TryGet:
		result = c.c.TryGet()
	case spec.Put:
		result = c.c.Put()
	case spec.Kill:
		result = c.c.Kill()
	case spec.GetN:
		c.multi.GetN(int(call.N))
	case spec.TryGetN:
		result = c.multi.TryGetN(int(call.N))
	case spec.PutN:
		result = c.multi.PutN(int(call.N))
	case spec.Count:
		value = c.reader.Count()
	case spec.Resurrect:
		c.c.(strategies.Resurrecter).Resurrect()
	case spec.Drop:
		c.c.(strategies.Dropper).Drop()
	case spec.PutIfOne:
		result = c.c.(strategies.OnePutter).PutIfOne()
	case spec.PutUnlessOne:
		result = c.c.(strategies.OnePutter).PutUnlessOne()
	case spec.SwitchToAtomic:
		c.c.(strategies.Switcher).SwitchToAtomic()
	case spec.SwitchToPerCPU:
		c.c.(strategies.Switcher).SwitchToPerCPU()
	case spec.TryGetLive:
		result = c.c.(strategies.Switcher).TryGetLive()
	case spec.ResurrectLive:
		c.c.(strategies.Switcher).ResurrectLive()
	case spec.Reinit:
		c.c.(strategies.Switcher).Reinit()
	}
	return result, value
}

// misuse returns what the monitor was told during the present call.
func (l *lane) misuse() int8 {
	switch len(l.heard) {
	case 0:
		return noMisuse
	case 1:
		return int8(l.heard[0])
	}
	return manyMisuse
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

// begins reports whether the operation begins a new life.
func begins(op spec.Op) bool { return op == spec.Init || op == spec.Reinit }

// neutral reports whether a count on which the operation isn't called still holds the
// same.
func neutral(op spec.Op) bool {
	return op == spec.Count || op == spec.SwitchToAtomic || op == spec.SwitchToPerCPU
}

// same reports whether the present call did the same on both lanes, or was left out on
// both. Only counts that have a monitor can differ in what it was told.
func (l *lane) same(m *lane) bool {
	switch {
	case l.saw.did != m.saw.did || l.saw.value != m.saw.value:
		return !l.saw.did.made() && !m.saw.did.made()
	case l.saw.misuse != m.saw.misuse:
		return l.monitor == nil || m.monitor == nil
	}
	return true
}

// compare compares what a call did on each lane with what it did on the others that
// have done the same before. Those that now did something else part.
func (r *Runner) compare(thread, o int, call spec.Call) *Divergence {
	for i := range r.lanes {
		for j := range i {
			a, b := &r.lanes[j], &r.lanes[i]
			if a.counts[o].leader != b.counts[o].leader || a.same(b) {
				continue
			}
			if a.saw.did.made() && b.saw.did.made() {
				reason, ok := explains(a, b, o, call)
				if !ok && r.oracles&Differential != 0 {
					return r.divergence(Differential, thread, o, call, "", j, i)
				}
				r.stats.Explained[reason]++
			} else if !neutral(call.Op) {
				reason := Unpromised
				if a.saw.did == lacking || b.saw.did == lacking {
					reason = Lacking
				}
				r.stats.Explained[reason]++
			}
		}
	}
	if neutral(call.Op) {
		return nil
	}
	var leaders [MaxStrategies]uint8
	for i := range r.lanes {
		b := &r.lanes[i]
		leaders[i] = uint8(i)
		for j := range i {
			a := &r.lanes[j]
			together := a.counts[o].leader == b.counts[o].leader && a.same(b)
			if begins(call.Op) && (a.saw.did.made() || b.saw.did.made()) {
				together = a.saw.did.made() == b.saw.did.made()
			}
			if together {
				leaders[i] = leaders[j]
				break
			}
		}
	}
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		c.leader = leaders[i]
		if begins(call.Op) && l.saw.did.made() {
			c.base, c.touched = 1, 0
		}
	}
	return nil
}

// touches returns what the call touches that leads from one state to the next.
func (l *lane) touches(st, next spec.State, call spec.Call) touched {
	if st.Saturated || st.Lost {
		return 0 // by what made it so
	}
	k := int64(1)
	if call.Op.TakesNumber() {
		k = call.N
	}
	dead, exact := l.sp.Dead(st), l.sp.Exact(st)
	var t touched
	if next.Refs <= 0 {
		t |= Distance.set()
	}
	switch call.Op {
	case spec.Get, spec.GetN, spec.TryGet, spec.TryGetN, spec.TryGetLive, spec.Resurrect, spec.ResurrectLive:
		switch {
		case dead && (call.Op == spec.Get || call.Op == spec.GetN):
			t |= DeadGet.set()
		case !dead && st.Refs > l.p.Limit-k:
			t |= Overflow.set()
		}
		// A large number may come round even from 0.
		if dead && k > l.p.Limit {
			t |= Overflow.set()
		}
	case spec.Put, spec.PutN, spec.Kill, spec.KillAndConfirm, spec.Drop:
		kill := call.Op == spec.Kill || call.Op == spec.KillAndConfirm
		switch {
		case !exact && !kill && st.Refs <= k:
			t |= ZeroDetection.set()
		case st.Refs < k, call.Op == spec.Drop && st.Refs == 1:
			t |= Underflow.set()
		}
		if st.Refs < -l.p.Limit-1+k {
			t |= Overflow.set()
		}
	case spec.PutUnlessOne, spec.PutAndLock:
		if dead {
			t |= Underflow.set()
		}
	}
	if st.Refs == 0 && !exact {
		t |= ZeroDetection.set()
	}
	return t
}

// explains returns why two counts that did the same may now have done something
// else, or false if nothing explains it.
func explains(a, b *lane, o int, call spec.Call) (Reason, bool) {
	ca, cb := &a.counts[o], &b.counts[o]
	t := ca.touched | cb.touched
	for _, reason := range [...]Reason{Overflow, Underflow, DeadGet, ZeroDetection} {
		if t.has(reason) && differ(reason, &a.p, &b.p) {
			return reason, true
		}
	}
	if t.has(Distance) && ca.base != cb.base {
		return Distance, true
	}
	switch call.Op {
	case spec.TryGet, spec.TryGetN, spec.TryGetLive:
		if a.p.TryGet == strategies.Spurious || b.p.TryGet == strategies.Spurious {
			return Spurious, true
		}
	}
	return Choice, choice(a, a.states[ca.before], call) || choice(b, b.states[cb.before], call)
}

// differ reports whether two promises are different in what the reason is about.
func differ(reason Reason, a, b *strategies.Promise) bool {
	switch reason {
	case Overflow:
		return a.Overflow != b.Overflow || a.Limit != b.Limit || a.Width != b.Width
	case Underflow:
		return a.Underflow != b.Underflow || a.OnDeadUnlessOne() != b.OnDeadUnlessOne()
	case DeadGet:
		return a.GetOnZero != b.GetOnZero
	case ZeroDetection:
		return a.Zero != b.Zero
	}
	return false
}

// choice reports whether the promise allows several answers.
func choice(l *lane, st spec.State, call spec.Call) bool {
	os := l.sp.Step(st, call)
	return len(os) > 1 || len(os) == 1 && (os[0].AnyValue || os[0].NoNumber)
}

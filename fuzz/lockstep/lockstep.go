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

	"github.com/refbench/refbench/fuzz/program"
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

// maxLanes is how many strategies a runner can have.
const maxLanes = 255

// A lane is one strategy and its counts.
type lane struct {
	s       *strategies.Strategy
	sp      *spec.Spec
	p       strategies.Promise
	monitor *strategies.Monitor // of all its counts, or nil
	heard   []strategies.Misuse // what the monitor was told during the present call
	saw     observation         // what the present call did
	counts  [program.MaxObjects]count
	known   [knownSize]known
}

// A count is one object of a lane.
type count struct {
	c  strategies.Counter // nil if there is none from before
	st spec.State
	// before is the state before the present call.
	before spec.State
	// base is how many references the life began with. What Count returns is
	// compared by its distance from that, as limits are different.
	base int64
	// touched is what the calls of this life have touched.
	touched touched
	// zero says that a drop of this life came to zero or below.
	zero bool
	// leader is the first lane whose count has done the same since a life
	// began: this one, or one before it. Lanes with the same leader are
	// compared.
	leader uint8
	// multi and reader are c, if it has those powers.
	multi  strategies.Multi
	reader strategies.Reader
}

// An observation is what a call did, as far as strategies can be compared in it.
type observation struct {
	skip     skip
	result   bool
	panicked bool
	heard    bool  // misuse is known: the counts have a monitor
	misuse   int8  // noMisuse, or the kind, or manyMisuse
	value    int64 // what Count returned, from where the life began
}

// A skip says whether and why a call was left out.
type skip uint8

const (
	made skip = iota
	lacking
	unpromised
)

const (
	noMisuse   = -1
	manyMisuse = -2
)

// A known is what the specification has said of a call in a state. To ask it again each
// time would take most of a program's time.
type known struct {
	st   spec.State
	call spec.Call

	verdict verdict
	next    spec.State
	value   int64
	result  bool
	misuse  int8
	touched touched
}

// A verdict is what can be done about a call.
type verdict uint8

const (
	unknown      verdict = iota // nothing was asked yet
	ask                         // the specification must be asked each time
	expect                      // there is one outcome, and it is in the known
	leaveLacking                // the counter has no such operation
	leaveUnpromised
)

const (
	knownBits = 14
	knownSize = 1 << knownBits
)

// knows returns what is known of the call in the state.
func (l *lane) knows(st *spec.State, call spec.Call) *known {
	h := uint64(st.Refs)*0x9e3779b97f4a7c15 ^ uint64(call.N)*0xc2b2ae3d27d4eb4f ^ uint64(call.Op)*0xd6e8feb86659fd93
	if st.Killed {
		h ^= 0xa0761d6478bd642f
	}
	k := &l.known[h>>(64-knownBits)]
	if k.st != *st || k.call != call || k.verdict == unknown {
		l.learn(k, *st, call)
	}
	return k
}

// learn asks the specification.
func (l *lane) learn(k *known, st spec.State, call spec.Call) {
	*k = known{st: st, call: call, verdict: ask}
	switch {
	case !l.sp.Has(call.Op):
		k.verdict = leaveLacking
		return
	case l.sp.Unpromised(st, call) != "":
		k.verdict = leaveUnpromised
		return
	case call.Op == spec.KillAndConfirm || call.Op == spec.PutAndLock:
		return // more than the result is to be looked at
	}
	os := l.sp.Step(st, call)
	o := os[0]
	if len(os) > 1 || o.Panics || o.AnyValue || o.NoNumber {
		return
	}
	k.verdict, k.next, k.value, k.result, k.misuse = expect, o.Next, o.Value, o.Result, noMisuse
	if o.Warns {
		k.misuse = int8(o.Misuse)
	}
	k.touched = l.touches(st, call)
}

// New returns a runner for the strategies, which must be valid, and not more than 255.
func New(list []*strategies.Strategy, oracles Oracles) *Runner {
	r := &Runner{lanes: make([]lane, len(list)), oracles: oracles}
	for i, s := range list {
		sp := spec.Of(s)
		l := &r.lanes[i]
		l.s, l.sp, l.p = s, sp, s.Promise
		if _, ok := s.New().(strategies.Monitored); ok {
			l.saw.heard = true
			l.monitor = &strategies.Monitor{Hook: func(k strategies.Misuse) { l.heard = append(l.heard, k) }}
		}
	}
	return r
}

// Stats returns what the runner has done so far.
func (r *Runner) Stats() Stats { return r.stats }

// Run runs the program and returns the first thing that is wrong, or nil.
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

// bounds are the largest programs of RunBytes. A fuzz engine makes many small inputs
// in the time of one large one, and they find the same: counts begin near their
// limits.
var bounds = program.Bounds{Objects: 2, Threads: 2, Steps: 32}

// RunBytes is Run for the program that the bytes hold. They hold none that is larger
// than two objects, two threads and 32 steps.
func (r *Runner) RunBytes(data []byte) *Divergence {
	bounds.Decode(&r.decoded, data)
	return r.Run(&r.decoded)
}

// guarded is run with what it panicked with.
func (r *Runner) guarded(p *program.Program) (d *Divergence, panicked any) {
	defer func() { panicked = recover() }()
	return r.run(p), nil
}

// again looks for the same on new counts and step by step, which shows where it
// began. d is what was found, or panicked what a count panicked with.
func (r *Runner) again(p *program.Program, d *Divergence, panicked any) *Divergence {
	list := make([]*strategies.Strategy, len(r.lanes))
	mayPanic := false
	for i := range r.lanes {
		l := &r.lanes[i]
		list[i] = l.s
		mayPanic = mayPanic || l.p.Overflow == strategies.Panics || l.p.Underflow == strategies.Panics ||
			l.p.GetOnZero == strategies.Panics || l.p.PutUnlessOne == strategies.Panics
	}
	fresh := New(list, r.oracles)
	fresh.careful = true
	if found := fresh.run(p); found != nil {
		return found
	}
	if d == nil {
		if mayPanic {
			return nil
		}
		d = &Divergence{Oracle: r.oracles, Message: fmt.Sprintf("a count panicked: %v", panicked), Program: p.String(), Input: p.Encode()}
	}
	d.Used = true
	return d
}

// run runs the program. A count may panic.
func (r *Runner) run(p *program.Program) *Divergence {
	r.p, r.step, r.used = p, 0, [program.MaxObjects]bool{}
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
		c.touched, c.zero = 0, false
		first := object.First(&l.p)
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
		c.st = l.sp.Start(c.base)
		if r.careful {
			r.note(i, o, beginning, first, c.st, "")
		}
		if leaders[kind] == 0 {
			leaders[kind] = i + 1
		}
		c.leader = uint8(leaders[kind] - 1)
	}
	if object.Shared {
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
		if !l.sp.Dead(c.st) {
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
	if c.st.Refs > few {
		return nil
	}
	drop := spec.Call{Op: spec.Kill}
	if c.st.Killed {
		drop.Op = spec.Put
	}
	for c.st.Refs > 0 && l.sp.Unpromised(c.st, drop) == "" {
		l.heard = l.heard[:0]
		if d := r.judge(i, o, ending, drop, spec.Do(c.c, drop)); d != nil {
			return d
		}
		drop.Op = spec.Put
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
		k := l.knows(&c.st, call)
		switch {
		case k.verdict == expect && !r.careful:
			result, value := c.make(call)
			l.saw.skip, l.saw.result, l.saw.panicked, l.saw.value, l.saw.misuse = made, result, false, value, noMisuse
			if call.Op == spec.Count {
				l.saw.value -= c.base
			}
			if l.monitor != nil {
				l.saw.misuse = l.misuse()
			}
			if result != k.result || value != k.value || l.monitor != nil && l.saw.misuse != k.misuse {
				if d := r.judge(i, o, thread, call, spec.Answer{Result: result, Value: value}); d != nil {
					return d
				}
				break
			}
			c.before = c.st
			c.touched |= k.touched
			c.zero = c.zero || k.next.Refs <= 0
			c.st = k.next
		case k.verdict == leaveLacking:
			l.saw.skip = lacking
		case k.verdict == leaveUnpromised:
			l.saw.skip = unpromised
			if r.careful {
				r.note(i, o, thread, call, c.st, "left out: "+l.sp.Unpromised(c.st, call))
			}
		default:
			if d := r.judge(i, o, thread, call, spec.Do(c.c, call)); d != nil {
				return d
			}
		}
		if int(c.leader) != i {
			alike = alike && l.saw.same(&r.lanes[c.leader].saw)
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
	c.before = c.st
	c.touched |= l.touches(c.st, call)
	next, err := l.sp.Check(c.st, call, a)
	if r.careful {
		r.note(i, o, thread, call, c.st, answerText(call, a))
	}
	if err != nil {
		if r.oracles&Specification != 0 {
			return r.divergence(Specification, thread, o, call, err.Error(), i)
		}
		next = l.sp.Step(c.st, call)[0].Next
	}
	c.st = next
	c.zero = c.zero || next.Refs <= 0
	l.saw = observation{result: a.Result, panicked: a.Panicked != nil, value: a.Value, misuse: l.misuse(), heard: l.monitor != nil}
	if call.Op == spec.Count {
		l.saw.value -= c.base
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

// same reports whether two calls of one operation did the same, or both were left out.
// Only counts that have a monitor can differ in what it was told.
func (s *observation) same(t *observation) bool {
	return s.skip|t.skip != made && s.skip != made && t.skip != made ||
		s.skip == made && t.skip == made && s.result == t.result && s.panicked == t.panicked && s.value == t.value &&
			(s.misuse == t.misuse || !s.heard || !t.heard)
}

// compare compares what a call did on each lane with what it did on the others that
// have done the same before. Those that now did something else part.
func (r *Runner) compare(thread, o int, call spec.Call) *Divergence {
	for i := range r.lanes {
		for j := range i {
			a, b := &r.lanes[j], &r.lanes[i]
			if a.counts[o].leader != b.counts[o].leader || a.saw.same(&b.saw) {
				continue
			}
			if a.saw.skip == made && b.saw.skip == made {
				reason, ok := explains(a, b, o, call)
				if !ok && r.oracles&Differential != 0 {
					return r.divergence(Differential, thread, o, call, "", j, i)
				}
				r.stats.Explained[reason]++
			} else if !neutral(call.Op) {
				reason := Unpromised
				if a.saw.skip == lacking || b.saw.skip == lacking {
					reason = Lacking
				}
				r.stats.Explained[reason]++
			}
		}
	}
	if neutral(call.Op) {
		return nil
	}
	var leaders [maxLanes]uint8
	for i := range r.lanes {
		b := &r.lanes[i]
		leaders[i] = uint8(i)
		for j := range i {
			a := &r.lanes[j]
			together := a.counts[o].leader == b.counts[o].leader && a.saw.same(&b.saw)
			if begins(call.Op) && (a.saw.skip == made || b.saw.skip == made) {
				together = a.saw.skip == b.saw.skip
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
		if begins(call.Op) && l.saw.skip == made {
			c.base, c.touched, c.zero = 1, 0, false
		}
	}
	return nil
}

// touches returns what the call touches in the state.
func (l *lane) touches(st spec.State, call spec.Call) touched {
	if st.Saturated || st.Lost {
		return 0 // by what made it so
	}
	k := int64(1)
	if call.Op.TakesNumber() {
		k = call.N
	}
	dead, exact := l.sp.Dead(st), l.sp.Exact(st)
	var t touched
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
	for _, reason := range []Reason{Overflow, Underflow, DeadGet, ZeroDetection} {
		if t.has(reason) && differ(reason, &a.p, &b.p) {
			return reason, true
		}
	}
	if ca.base != cb.base && (ca.zero || cb.zero) {
		return Distance, true
	}
	switch call.Op {
	case spec.TryGet, spec.TryGetN, spec.TryGetLive:
		if a.p.TryGet == strategies.Spurious || b.p.TryGet == strategies.Spurious {
			return Spurious, true
		}
	}
	return Choice, choice(a, ca.before, call) || choice(b, cb.before, call)
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

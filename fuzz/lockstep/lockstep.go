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

	p     *program.Program
	used  [program.MaxObjects]bool // the program has begun the object's life
	step  int                      // from 1, in the sequential order
	group uint32                   // the last one that was given out
}

// A lane is one strategy and its counts.
type lane struct {
	s       *strategies.Strategy
	sp      *spec.Spec
	p       strategies.Promise
	counted bool                // it has Count
	monitor *strategies.Monitor // of all its counts, or nil
	heard   []strategies.Misuse // what the monitor was told during the present call
	counts  [program.MaxObjects]count
	saw     observation // what the present call did
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
	// group is the same for counts that have done the same since a life
	// began.
	group uint32
	// multi and reader are c, if it has those powers.
	multi  strategies.Multi
	reader strategies.Reader
}

// An observation is what a call did, as far as strategies can be compared in it.
type observation struct {
	skipped  bool
	lacking  bool // if skipped: there is no such operation
	result   bool
	panicked bool
	heard    bool  // the next is known
	misuse   int8  // -1 for none, -2 for several
	value    int64 // what Count returned, from where the life began
}

const (
	noMisuse   = -1
	manyMisuse = -2
)

// New returns a runner for the strategies, which must be valid.
func New(list []*strategies.Strategy, oracles Oracles) *Runner {
	r := &Runner{lanes: make([]lane, len(list)), oracles: oracles}
	for i, s := range list {
		sp := spec.Of(s)
		l := &r.lanes[i]
		*l = lane{s: s, sp: sp, p: s.Promise, counted: sp.Has(spec.Count)}
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
	r.group++
	near := r.group // of those that can begin near their limit
	r.group++
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		if c.c == nil {
			c.c = l.s.New()
			c.multi, _ = c.c.(strategies.Multi)
			c.reader, _ = c.c.(strategies.Reader)
			if l.monitor != nil {
				c.c.(strategies.Monitored).Monitor(l.monitor)
			}
		}
		first := object.First(&l.p)
		c.group, c.touched, c.zero = r.group, 0, false
		gets := int64(0)
		if first.Op == spec.InitAt && !l.sp.Has(spec.InitAt) {
			if first.Op = spec.Init; object.Start == program.StartAt {
				gets = first.N - 1
			}
			first.N = 0
		} else if object.Start == program.StartNear {
			c.group = near
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
	}
	r.used[o] = true
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

// end looks at what the program has left. Of a count that can't be read, it drops what
// is left to see that the last drop says so.
func (r *Runner) end(o int) *Divergence {
	if d := r.call(ending, o, spec.Call{Op: spec.Count}); d != nil {
		return d
	}
	const few = 16
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		if !l.counted && c.st.Refs <= few {
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
		}
		if !l.sp.Dead(c.st) {
			c.c = nil // there is no promise that it can be used again
		}
	}
	return nil
}

// call makes a call on every lane, and judges it.
func (r *Runner) call(thread, o int, call spec.Call) *Divergence {
	k := int64(1)
	if call.Op.TakesNumber() {
		k = call.N
	}
	r.stats.Calls += uint64(len(r.lanes))
	alike := true // no two can be told apart by what they did
	for i := range r.lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		if len(l.heard) > 0 {
			l.heard = l.heard[:0]
		}
		next, want, simple := l.simple(c.st, call, k)
		var a spec.Answer
		if simple && !r.careful {
			a.Result, a.Value = c.make(call)
			if a.Result == want && (call.Op != spec.Count || a.Value == next.Refs) && len(l.heard) == 0 {
				c.before, c.st = c.st, next
				c.zero = c.zero || next.Refs == 0
				l.saw.did(a, c.base)
				alike = alike && l.saw.same(&r.lanes[0].saw, call.Op)
				continue
			}
			alike = false
			if d := r.judge(i, o, thread, call, a); d != nil {
				return d
			}
			continue
		}
		alike = false
		// Has comes first, as the other makes a text of it.
		if !l.sp.Has(call.Op) {
			l.saw.skipped, l.saw.lacking = true, true
			continue
		}
		if why := l.sp.Unpromised(c.st, call); why != "" {
			l.saw.skipped, l.saw.lacking = true, false
			if r.careful {
				r.note(i, o, thread, call, c.st, "left out: "+why)
			}
			continue
		}
		switch {
		case r.careful, !c.makes(call.Op):
			a = spec.Do(c.c, call)
		default:
			a.Result, a.Value = c.make(call)
		}
		if d := r.judge(i, o, thread, call, a); d != nil {
			return d
		}
	}
	if alike && !begins(call.Op) {
		return nil
	}
	return r.compare(thread, o, call)
}

// simple returns what a call does that programs are full of, in a state where a
// count of any promise does the same: no limit, no misuse, no mode comes in.
//
// It is there to be fast. It says nothing that the specification doesn't say.
func (l *lane) simple(st spec.State, call spec.Call, k int64) (next spec.State, result, ok bool) {
	if st.Saturated || st.Lost || st.Refs < 0 {
		return st, false, false
	}
	switch call.Op {
	case spec.Get, spec.GetN:
		ok = st.Refs > 0 && st.Refs <= l.p.Limit-k
		st.Refs += k
	case spec.TryGet, spec.TryGetN:
		switch {
		case st.Refs > 0:
			result, ok = true, st.Refs <= l.p.Limit-k
			st.Refs += k
		case l.sp.Exact(st):
			ok = true
		}
	case spec.Put, spec.PutN:
		if ok = st.Refs > k; !ok && st.Refs == k && l.sp.Exact(st) {
			result, ok = true, true
		}
		st.Refs -= k
	case spec.Kill:
		ok = st.Refs > 0 && !st.Killed
		result = st.Refs == 1
		st.Refs--
		st.Killed, st.Atomic = true, false
	case spec.Count:
		ok = true
	}
	return st, result, ok && l.sp.Has(call.Op)
}

// makes reports whether make can make the call.
func (c *count) makes(op spec.Op) bool {
	switch op {
	case spec.KillAndConfirm, spec.PutAndLock, spec.InitAt:
		return false
	}
	return true
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

// judge compares what a call did with the specification, and keeps what the other
// strategies are to be compared with.
func (r *Runner) judge(i, o, thread int, call spec.Call, a spec.Answer) *Divergence {
	l := &r.lanes[i]
	c := &l.counts[o]
	a.Heard, a.Misuse = l.monitor != nil, l.heard
	c.before = c.st
	c.touched |= l.touches(c.st, call)
	next, err := l.sp.Check(c.st, call, a)
	c.zero = c.zero || next.Refs <= 0
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
	l.saw.did(a, c.base)
	if begins(call.Op) {
		c.base, c.touched, c.zero = 1, 0, false
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

func (s *observation) did(a spec.Answer, base int64) {
	s.skipped = false
	s.result, s.panicked, s.value = a.Result, a.Panicked != nil, a.Value-base
	switch len(a.Misuse) {
	case 0:
		s.misuse = noMisuse
	case 1:
		s.misuse = int8(a.Misuse[0])
	default:
		s.misuse = manyMisuse
	}
}

// same reports whether two calls did the same. Only counts that have a monitor can
// differ in what it was told.
func (s *observation) same(t *observation, op spec.Op) bool {
	return s.result == t.result && s.panicked == t.panicked &&
		(op != spec.Count || s.value == t.value) &&
		(!s.heard || !t.heard || s.misuse == t.misuse)
}

// compare compares what a call did on each lane with what it did on the others that
// have done the same before.
func (r *Runner) compare(thread, o int, call spec.Call) *Divergence {
	first := &r.lanes[0]
	alike := true
	for i := range r.lanes {
		l := &r.lanes[i]
		alike = alike && !l.saw.skipped && l.counts[o].group == first.counts[o].group && l.saw.same(&first.saw, call.Op)
	}
	if !alike {
		if d := r.compareAll(thread, o, call); d != nil {
			return d
		}
	}
	if begins(call.Op) {
		r.group++
		for i := range r.lanes {
			if !r.lanes[i].saw.skipped {
				r.lanes[i].counts[o].group = r.group
			}
		}
	}
	return nil
}

func (r *Runner) compareAll(thread, o int, call spec.Call) *Divergence {
	for i := range r.lanes {
		for j := range i {
			a, b := &r.lanes[j], &r.lanes[i]
			if a.counts[o].group != b.counts[o].group {
				continue
			}
			switch {
			case a.saw.skipped && b.saw.skipped:
			case a.saw.skipped || b.saw.skipped:
				if !neutral(call.Op) {
					reason := Unpromised
					if a.saw.skipped && a.saw.lacking || b.saw.skipped && b.saw.lacking {
						reason = Lacking
					}
					r.stats.Explained[reason]++
				}
			case !a.saw.same(&b.saw, call.Op):
				reason, ok := explains(a, b, o, call)
				if !ok && r.oracles&Differential != 0 {
					return r.divergence(Differential, thread, o, call, "", j, i)
				}
				r.stats.Explained[reason]++
			}
		}
	}
	if neutral(call.Op) {
		return nil
	}
	// Those that did the same stay together. New numbers are larger than all
	// that were there, so that old ones are told from them.
	last := r.group
	for i := range r.lanes {
		b := &r.lanes[i]
		old := b.counts[o].group
		if old > last {
			continue
		}
		r.group++
		for j := i; j < len(r.lanes); j++ {
			if a := &r.lanes[j]; a.counts[o].group == old && a.saw.skipped == b.saw.skipped && (a.saw.skipped || a.saw.same(&b.saw, call.Op)) {
				a.counts[o].group = r.group
			}
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

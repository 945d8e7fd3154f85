package linear

import (
	"context"
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// words are the calls that programs of [Scenario] are made of.
var words = map[string]spec.Call{
	"g": {Op: spec.Get},
	"t": {Op: spec.TryGet},
	"p": {Op: spec.Put},
	"k": {Op: spec.Kill},
	"K": {Op: spec.KillAndConfirm},
	"r": {Op: spec.Count},
	"G": {Op: spec.GetN, N: 2},
	"T": {Op: spec.TryGetN, N: 2},
	"P": {Op: spec.PutN, N: 2},
	"d": {Op: spec.Drop},
	"o": {Op: spec.PutIfOne},
	"u": {Op: spec.PutUnlessOne},
	"l": {Op: spec.PutAndLock},
	"a": {Op: spec.SwitchToAtomic},
	"c": {Op: spec.SwitchToPerCPU},
	"L": {Op: spec.TryGetLive},
	"v": {Op: spec.ResurrectLive},
	"i": {Op: spec.Reinit},
	"n": {Op: spec.Init},
	"R": {Op: spec.Resurrect},
}

// Programs for [Scenario] and [NearLimit].
var (
	// Program is one in which threads drop the last reference while others try to
	// take one.
	Program = explore.Program{"g p k", "t p t", "p t p"}

	// Revival is one in which threads bring a dead count back while others drop
	// the last reference.
	Revival = explore.Program{"k R", "p R", "p t"}

	// Modes is one in which the owner gives up its reference and takes it back
	// while others ask for a live count.
	Modes = explore.Program{"g K v k", "r L p", "p L t"}

	// Limit is one for NearLimit.
	Limit = explore.Program{"g t r", "g p r", "t p r"}
)

// Scenario is a strategy, in explored form, under a program on one count, whose
// history is judged. Each word of the program is a call of its thread:
//
//	g Get   t TryGet   p Put   k Kill   K KillAndConfirm   r Count
//	G GetN(2)   T TryGetN(2)   P PutN(2)   d Drop
//	o PutIfOne   u PutUnlessOne   l PutAndLock
//	a SwitchToAtomic   c SwitchToPerCPU
//
//	L TryGetLive   v ResurrectLive   i Reinit   n Init   R Resurrect
//
// Calls that would be wrong are left out, as package program says; but in a program
// with R the count is one that stays where it is at zero, so that any thread may
// resurrect it, and i and n are left out. At its end every thread drops what it holds,
// and when all have ended the owner's reference is dropped, if it is still there, and
// TryGet is called once more.
//
// The stamps are the order of the beginnings and ends. Each is a scheduling point,
// so that a thread can be stopped between the call and the stamp.
func Scenario(name string, s *strategies.Strategy, p explore.Program) *explore.Scenario {
	return scenario(name, s, p, nil)
}

// NearLimit is [Scenario] with a count that begins so near its limit that the program
// comes to it and, if that is promised, past it. It is nil if no life can begin there.
func NearLimit(name string, s *strategies.Strategy, p explore.Program) *explore.Scenario {
	l := newLimit(spec.Of(s))
	// If nothing may come past the limit, or who did isn't told, the program
	// needs room below it.
	if !l.lives(program.MaxThreads) || !(l.past && l.tells) && l.refs <= few {
		return nil
	}
	return scenario(name, s, p, &l)
}

func scenario(name string, s *strategies.Strategy, p explore.Program, near *limit) *explore.Scenario {
	return &explore.Scenario{Name: name, Program: p, CPUs: 2, DropIns: dropins.Paths(), Make: func(p explore.Program) explore.Case {
		return newCase(s, p, near)
	}}
}

// An explored is one execution after the other of one program.
type explored struct {
	s     *strategies.Strategy
	j     *Judge
	start int64 // references that the life begins with
	guard *program.Guard
	count strategies.Counter
	lock  sync.Mutex
	stamp int64 // the last one
	ops   []Op
	seen  map[string]bool // histories that were judged
	key   []byte
}

// newCase makes executions of the program, on a count near its limit unless near is
// nil.
func newCase(s *strategies.Strategy, p explore.Program, near *limit) explore.Case {
	prog := &program.Program{Objects: make([]program.Object, 1), Threads: make([]program.Thread, max(1, len(p)))}
	stays := strings.ContainsRune(strings.Join(p, ""), 'R')
	takes := int64(0) // at most
	for i, thread := range p.Words() {
		for _, word := range thread {
			call, ok := words[word]
			if !ok || stays && (call.Op == spec.Reinit || call.Op == spec.Init) {
				continue
			}
			switch call.Op {
			case spec.Get, spec.GetN, spec.Resurrect, spec.ResurrectLive:
				if near != nil && !near.tells {
					continue
				}
			}
			if takesRefs(call.Op) {
				takes += max(1, call.N)
			}
			prog.Threads[i] = append(prog.Threads[i], program.Step{Call: call})
		}
	}
	// A history of some calls takes microseconds. The time limit is for a
	// machine that stands still.
	x := &explored{s: s, j: &Judge{Spec: spec.Of(s), Timeout: time.Minute}, seen: make(map[string]bool), start: 1}
	guarded := *s // as the guard is to know it
	if near != nil {
		guarded.Promise.Limit = math.MaxInt64
		if x.start = near.refs - 1; !near.past {
			x.start = near.refs - takes
		}
		x.start = max(1, x.start)
	}
	resurrects := s.Promise.Resurrection && x.j.Spec.Has(spec.Resurrect)
	spare := int64(0) // references that nobody of the threads holds
	me := len(prog.Threads)
	c := explore.Case{
		Setup: func() {
			x.count = s.New()
			x.lock = sync.Mutex{}
			x.guard = program.NewGuard(prog, &guarded)
			x.stamp, x.ops = 0, x.ops[:0]
			if near != nil {
				near.init(x.count, x.start)
			} else {
				x.count.Init()
			}
			spare = x.start - 1
			for range x.guard.Held(0) {
				if spare > 0 {
					spare--
				} else {
					x.do(me, spec.Call{Op: spec.Get})
				}
			}
		},
		Finish: func() {
			if t := x.guard.Owner(0); t != nil {
				kill := spec.Call{Op: spec.Kill}
				t.Did(0, kill, x.do(me, kill))
			}
			if near != nil {
				if x.guard.Has(spec.Count) {
					x.do(me, spec.Call{Op: spec.Count})
				}
				for _, call := range near.drop(spare) {
					x.do(me, call)
				}
			}
			x.do(me, spec.Call{Op: spec.TryGet})
			x.judge()
		},
	}
	for i, steps := range prog.Threads {
		c.Threads = append(c.Threads, func() {
			t := x.guard.Thread(i)
			for _, step := range steps {
				call, ok := t.Allow(step)
				if call.Op == spec.Resurrect {
					ok = resurrects
				}
				if ok {
					t.Did(0, call, x.do(i, call))
				}
			}
			for call, ok := t.Leave(0); ok; call, ok = t.Leave(0) {
				t.Did(0, call, x.do(i, call))
			}
		})
	}
	return c
}

// now returns the next stamp.
func (x *explored) now() int64 {
	explore.Set(&x.stamp, uint64(x.stamp+1))
	x.stamp++
	return x.stamp
}

// do makes the call as the client and notes it down. A panic ends the execution.
func (x *explored) do(client int, call spec.Call) bool {
	o := Op{Client: client, Call: call, Begin: x.now()}
	// Not spec.Do: the scheduler ends executions by panics of its own.
	a := spec.Apply(x.count, call, &x.lock)
	if o.Result, o.Value = a.Result, a.Value; call.Op == spec.PutAndLock && o.Result {
		x.lock.Unlock()
	}
	o.End = x.now()
	x.ops = append(x.ops, o)
	return o.Result
}

// judge fails the execution if its history is illegal.
func (x *explored) judge() {
	x.key = x.key[:0]
	for _, o := range x.ops {
		result := byte(0)
		if o.Result {
			result = 1
		}
		x.key = append(x.key, byte(o.Client), byte(o.Call.Op), result)
		x.key = binary.AppendVarint(x.key, o.Call.N)
		x.key = binary.AppendVarint(x.key, o.Value)
		x.key = binary.AppendVarint(x.key, o.Begin)
		x.key = binary.AppendVarint(x.key, o.End)
	}
	if x.seen[string(x.key)] {
		return
	}
	h := &History{Strategy: x.s.Name, Clock: ClockSteps, Lives: []Life{{Start: x.start, Ops: x.ops}}}
	r, err := x.j.Check(context.Background(), h)
	switch {
	case err != nil:
		panic(err) // it was recorded just now
	case r.Verdict == Linearizable:
		const enough = 100_000 // bounds the memory
		if len(x.seen) < enough {
			x.seen[string(x.key)] = true
		}
	default:
		explore.Failf("%s: %s", r.Verdict, r.Reason)
	}
}

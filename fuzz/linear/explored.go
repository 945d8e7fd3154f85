package linear

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// letters are the calls that programs of [Scenario] are made of.
var letters = map[byte]spec.Call{
	'g': {Op: spec.Get},
	't': {Op: spec.TryGet},
	'p': {Op: spec.Put},
	'k': {Op: spec.Kill},
	'K': {Op: spec.KillAndConfirm},
	'r': {Op: spec.Count},
	'G': {Op: spec.GetN, N: 2},
	'T': {Op: spec.TryGetN, N: 2},
	'P': {Op: spec.PutN, N: 2},
	'd': {Op: spec.Drop},
	'o': {Op: spec.PutIfOne},
	'u': {Op: spec.PutUnlessOne},
	'l': {Op: spec.PutAndLock},
	'a': {Op: spec.SwitchToAtomic},
	'c': {Op: spec.SwitchToPerCPU},
}

// Program is a program for [Scenario] in which threads drop the last reference
// while others try to take one.
var Program = explore.Program{"gpk", "tpt", "ptp"}

// Scenario is a strategy, in explored form, under a program on one count, whose
// history is judged. Each byte of the program is a call of its thread:
//
//	g Get   t TryGet   p Put   k Kill   K KillAndConfirm   r Count
//	G GetN(2)   T TryGetN(2)   P PutN(2)   d Drop
//	o PutIfOne   u PutUnlessOne   l PutAndLock
//	a SwitchToAtomic   c SwitchToPerCPU
//
// Calls that would be wrong are left out, as package program says. At its end every
// thread drops what it holds, and when all have ended the owner's reference is
// dropped, if it is still there, and TryGet is called once more.
//
// The stamps are the order of the beginnings and ends. Each is a scheduling point,
// so that a thread can be stopped between the call and the stamp.
func Scenario(name string, s *strategies.Strategy, p explore.Program) *explore.Scenario {
	return &explore.Scenario{Name: name, Program: p, CPUs: 2, Make: func(p explore.Program) explore.Case {
		return newCase(s, p)
	}}
}

// An explored is one execution after the other of one program.
type explored struct {
	s     *strategies.Strategy
	j     *Judge
	guard *program.Guard
	count strategies.Counter
	lock  sync.Mutex
	stamp int64 // the last one
	ops   []Op
	seen  map[string]bool // histories that were judged
	key   []byte
}

func newCase(s *strategies.Strategy, p explore.Program) explore.Case {
	prog := &program.Program{Objects: make([]program.Object, 1), Threads: make([]program.Thread, max(1, len(p)))}
	for i, text := range p {
		for _, b := range []byte(text) {
			if call, ok := letters[b]; ok {
				prog.Threads[i] = append(prog.Threads[i], program.Step{Call: call})
			}
		}
	}
	// A history of some calls takes microseconds. The time limit is for a
	// machine that stands still.
	x := &explored{s: s, j: &Judge{Spec: spec.Of(s), Timeout: time.Minute}, seen: make(map[string]bool)}
	c := explore.Case{
		Setup: func() {
			x.count = s.New()
			x.lock = sync.Mutex{}
			x.guard = program.NewGuard(prog, s)
			x.stamp, x.ops = 0, x.ops[:0]
			x.count.Init()
			me := len(prog.Threads)
			for range x.guard.Held(0) {
				x.do(me, spec.Call{Op: spec.Get})
			}
		},
		Finish: func() {
			me := len(prog.Threads)
			if t := x.guard.Owner(0); t != nil {
				kill := spec.Call{Op: spec.Kill}
				t.Did(0, kill, x.do(me, kill))
			}
			x.do(me, spec.Call{Op: spec.TryGet})
			x.judge()
		},
	}
	for i, steps := range prog.Threads {
		c.Threads = append(c.Threads, func() {
			t := x.guard.Thread(i)
			for _, step := range steps {
				if call, ok := t.Allow(step); ok {
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
		x.key = append(x.key, byte(o.Client), byte(o.Call.Op), byte(o.Call.N), result)
		x.key = binary.AppendVarint(x.key, o.Value)
		x.key = binary.AppendVarint(x.key, o.Begin)
		x.key = binary.AppendVarint(x.key, o.End)
	}
	if x.seen[string(x.key)] {
		return
	}
	h := &History{Strategy: x.s.Name, Clock: ClockSteps, Lives: []Life{{Start: 1, Ops: x.ops}}}
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

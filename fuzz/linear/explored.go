package linear

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/refbench/refbench/fuzz/driver"
	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// Programs for [Scenario].
const (
	// Program is one in which threads drop the last reference while others try to
	// take one.
	Program = "a.Get a.Put a.Kill|a.TryGet a.Put a.TryGet|a.Put a.TryGet a.Put"

	// Revival is one in which threads bring a dead count back while others drop
	// the last reference.
	Revival = "a:cached a.Kill a.Resurrect|a.Put a.Resurrect|a.Put a.TryGet"

	// Modes is one in which the owner gives up its reference and takes it back
	// while others ask for a live count.
	Modes = "a.Get a.KillAndConfirm a.ResurrectLive a.Kill|a.Count a.TryGetLive a.Put|a.Put a.TryGetLive a.TryGet"

	// Limit is one on a count near its limit.
	Limit = "a:InitAt(limit-1) a.Get a.TryGet a.Count|a.Get a.Put a.Count|a.TryGet a.Put a.Count"
)

// Scenario is a strategy, in explored form, under a program on one count, whose
// history is judged. Package driver says what threads do. At the end the owner's
// reference is dropped, if it is still there, and TryGet is called once more.
//
// The stamps are the order of the beginnings and ends. Each is a scheduling point,
// so that a thread can be stopped between the call and the stamp.
func Scenario(name string, s *strategies.Strategy, text string) *explore.Scenario {
	p, err := program.Parse(text)
	if err != nil {
		panic(err) // it is a constant
	}
	return &explore.Scenario{
		Name: name, Program: p.Words(), CPUs: 2, DropIns: dropins.Paths(),
		Make: func(words explore.Program) explore.Case {
			p, err := program.ParseWords(words)
			if err != nil {
				return explore.Case{Err: err}
			}
			return newCase(s, &p)
		},
	}
}

// An explored is one execution after the other of one program.
type explored struct {
	s      *strategies.Strategy
	x      *driver.Execution
	j      *Judge
	stamp  int64                   // the last one
	begins [driver.Alone + 1]int64 // of the present call of each thread
	ops    []Op
	seen   map[string]bool // histories that were judged
	key    []byte
}

// newCase makes executions of the program.
func newCase(s *strategies.Strategy, p *program.Program) explore.Case {
	// A history of some calls takes microseconds. The time limit is for a
	// machine that stands still.
	e := &explored{s: s, j: &Judge{Spec: spec.Of(s), Timeout: time.Minute}, seen: make(map[string]bool)}
	e.x = driver.New(s, driver.Options{Explored: true, Starts: true, Record: e})
	e.x.Load(p)
	c := explore.Case{
		Setup: func() {
			e.stamp, e.ops = 0, e.ops[:0]
			e.x.Begin()
		},
		Finish: func() {
			e.x.End()
			e.judge()
		},
	}
	for i := range p.Threads {
		c.Threads = append(c.Threads, func() { e.x.Thread(i) })
	}
	return c
}

// now returns the next stamp.
func (e *explored) now() int64 {
	explore.Set(&e.stamp, uint64(e.stamp+1))
	e.stamp++
	return e.stamp
}

// Begin stamps the beginning of a call.
func (e *explored) Begin(thread int) { e.begins[thread] = e.now() }

// End stamps the end of a call and notes it down.
func (e *explored) End(thread, _ int, call spec.Call, a driver.Answer) {
	e.ops = append(e.ops, Op{
		Client: thread, Call: call, Result: a.Result, Value: a.Value, Panicked: a.Panicked,
		Begin: e.begins[thread], End: e.now(),
	})
}

// judge fails the execution if its history is illegal.
func (e *explored) judge() {
	e.key = e.key[:0]
	for _, o := range e.ops {
		result := byte(0)
		if o.Result {
			result = 1
		}
		e.key = append(e.key, byte(o.Client), byte(o.Call.Op), result)
		e.key = binary.AppendVarint(e.key, o.Call.N)
		e.key = binary.AppendVarint(e.key, o.Value)
		e.key = binary.AppendVarint(e.key, o.Begin)
		e.key = binary.AppendVarint(e.key, o.End)
	}
	if e.seen[string(e.key)] {
		return
	}
	h := &History{Strategy: e.s.Name, Clock: ClockSteps, Lives: []Life{{Start: e.x.Started(0), Ops: e.ops}}}
	r, err := e.j.Check(context.Background(), h)
	switch {
	case err != nil:
		panic(err) // it was recorded just now
	case r.Verdict == Linearizable:
		const enough = 100_000 // bounds the memory
		if len(e.seen) < enough {
			e.seen[string(e.key)] = true
		}
	default:
		explore.Failf("%s: %s", r.Verdict, r.Reason)
	}
}

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

// Scenario is a strategy, in explored form, under a program whose history is judged.
// Package driver says what threads do. At the end the owner's reference is dropped, if it
// is still there, and TryGet is called once more.
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
	s       *strategies.Strategy
	x       *driver.Execution
	stamp   steps
	clients recorder
	j       *Judge
	seen    map[string]bool // histories that were judged
	key     []byte
}

// newCase makes executions of the program.
func newCase(s *strategies.Strategy, p *program.Program) explore.Case {
	// A history of some calls takes microseconds. The time limit is for a
	// machine that stands still.
	e := &explored{s: s, j: &Judge{Spec: spec.Of(s), Timeout: time.Minute}, seen: make(map[string]bool)}
	e.clients.clock = &e.stamp
	e.x = driver.New(s, driver.Options{Explored: true, Starts: true, Record: &e.clients})
	e.x.Load(p)
	c := explore.Case{
		Setup: func() {
			e.stamp = 0
			e.clients.forget() // what an execution that was ended has left
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

// steps is the last stamp of an execution.
type steps int64

func (s *steps) begin(*fence) int64 {
	explore.Set((*int64)(s), uint64(*s+1))
	*s++
	return int64(*s)
}

func (s *steps) end(f *fence) int64 { return s.begin(f) }

// judge fails the execution if its history is illegal.
func (e *explored) judge() {
	h := &History{Strategy: e.s.Name, Clock: ClockSteps, Lives: e.clients.lives(e.x)}
	e.key = e.key[:0]
	for _, l := range h.Lives {
		for _, o := range l.Ops {
			result := byte(0)
			if o.Result {
				result = 1
			}
			e.key = append(e.key, byte(o.Client), byte(o.Call.Op), result)
			for _, n := range []int64{o.Call.N, o.Value, o.Begin, o.End} {
				e.key = binary.AppendVarint(e.key, n)
			}
		}
	}
	if e.seen[string(e.key)] {
		return
	}
	r, err := e.j.Check(context.Background(), h)
	switch {
	case err != nil:
		panic(err) // it was recorded just now
	case r.Class == Linearizable:
		const enough = 100_000 // bounds the memory
		if len(e.seen) < enough {
			e.seen[string(e.key)] = true
		}
	default:
		explore.Failf("%s: %s", r.Class, r.Reason)
	}
}

package linear

import (
	"context"
	"fmt"
	"strings"
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

	// Strays is one in which a thread drops more than it holds, beside the last drop.
	Strays = "a.Put a.Put!|a.Kill|a.Put a.TryGet"

	// Reading is one in which a thread reads the number after it took a reference that
	// another's drop was about to be the last of.
	Reading = "a.Kill|a.Put a.TryGet a.Count"

	// Limit is one on a count near its limit.
	Limit = "a:InitAt(limit-1) a.Get a.TryGet a.Count|a.Get a.Put a.Count|a.TryGet a.Put a.Count"

	// AtLimit is one in which threads that only try come past the limit at once.
	AtLimit = "a:InitAt(limit) a.TryGet|a.TryGet"

	// PastLimit is one in which threads come past the limit and back while another tries.
	PastLimit = "a:InitAt(limit) a.Get a.Put|a.Get a.Put|a.TryGet a.Put"
)

// Limits returns the programs on a count near its limit, those that the strategy counts
// far enough for.
func Limits(s *strategies.Strategy) (list []string) {
	for _, text := range []string{AtLimit, PastLimit, Limit} {
		if Unsupported(s, strings.Count(text, "|")+1) == "" {
			list = append(list, text)
		}
	}
	return list
}

// Carries returns programs on a count one below a power of two, where a number of two parts,
// or of bytes, carries from one into the next while somebody looks at it.
func Carries(s *strategies.Strategy) (list []string) {
	const threads = 2
	for _, power := range []uint8{8, 16, 32} {
		if power <= powers(spec.Of(s), threads) {
			list = append(list, fmt.Sprintf("a:InitAt(2^%d-1) a.Get a.Put|a.TryGet a.Put", power))
		}
	}
	return list
}

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

// newCase makes executions of the program.
func newCase(s *strategies.Strategy, p *program.Program) explore.Case {
	var stamps int64
	stamp := func(*fence) int64 {
		explore.Set(&stamps, uint64(stamps+1))
		stamps++
		return stamps
	}
	clients := &recorder{begin: stamp, end: stamp}
	x := driver.New(s, driver.Options{Explored: true, Starts: true, Record: clients})
	x.Load(p)
	// A history of some calls takes microseconds. The time limit is for a
	// machine that stands still.
	j := &Judge{Spec: spec.Of(s), Timeout: time.Minute}
	seen := make(map[string]bool) // histories that were judged
	var key []byte
	c := explore.Case{
		Setup: func() {
			stamps = 0
			clients.forget() // what an execution that was ended has left
			x.Begin()
		},
		Finish: func() {
			x.End()
			h := &History{Strategy: s.Name, Clock: ClockSteps, Lives: clients.lives(x)}
			key = key[:0]
			for _, l := range h.Lives {
				key = l.append(key)
			}
			if seen[string(key)] {
				return
			}
			const enough = 100_000 // bounds the memory
			switch r, err := j.Check(context.Background(), h); {
			case err != nil:
				panic(err) // it was recorded just now
			case r.Class != Linearizable:
				explore.Failf("%s: %s", r.Class, r.Reason)
			case len(seen) < enough:
				seen[string(key)] = true
			}
		},
	}
	for i := range p.Threads {
		c.Threads = append(c.Threads, func() { x.Thread(i) })
	}
	return c
}

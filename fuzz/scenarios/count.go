package scenarios

import (
	"errors"
	"fmt"
	"strings"

	"github.com/refbench/refbench/fuzz/driver"
	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
)

// countPrograms are the built-in op programs. A strategy is explored under those that
// it has the power for.
var countPrograms = []struct {
	power strategies.Power // "" for every strategy
	text  string
}{
	{"", "a.Get a.Put a.Kill|a.TryGet a.Get a.Put a.Put|a.Put a.TryGet a.Put"},
	// Modes change while others take and drop references, also so many that they don't
	// fit a word of a CPU's.
	{strategies.PowerSwitcher, "a.SwitchToAtomic a.SwitchToPerCPU a.KillAndConfirm a.ResurrectLive a.Kill a.Reinit|a.GetN(65536) a.Put a.PutN(65536)|a.TryGetLive a.Put"},
	// References are taken on words, and dropped there or elsewhere.
	{strategies.PowerActor, "a.GetAs a.PutAs a.Kill|a.TryGetAs a.GetAs a.Put a.PutAs|a.PutAs a.TryGetAs a.PutAs"},
}

// In the wrong program a thread takes a reference after it has dropped its own, which is
// right as long as somebody else holds one.
const countWrongProgram = "a.Get a.Put a.Kill|a.Put a.Get!|a.TryGet a.Put"

const countWrong = "a thread takes a reference with a plain Get after it dropped its own"

// counts are the built-in op programs on a strategy.
func counts(s *strategies.Strategy, wrong bool) []*explore.Scenario {
	if wrong {
		return []*explore.Scenario{constant(name(s, CountName, true), s, countWrongProgram)}
	}
	var list []*explore.Scenario
	for _, p := range countPrograms {
		switch {
		case p.power == "":
			list = append(list, constant(name(s, CountName, false), s, p.text))
		case s.Has(p.power):
			list = append(list, constant(name(s, CountName, false)+"/"+string(p.power), s, p.text))
		}
	}
	return list
}

// constant is [Counts] of a program that is known to be one.
func constant(name string, s *strategies.Strategy, text string) *explore.Scenario {
	p, err := program.Parse(text)
	if err != nil {
		panic(err)
	}
	return Counts(name, s, &p, false)
}

// Count is an op program on counts of a strategy that is in explored form. Its
// tokens are those of the strategy's scenario "count". How its objects start in the
// sequential reading is left out.
func Count(s *strategies.Strategy, p *program.Program) *explore.Scenario {
	q := p.Clone()
	for i := range q.Objects {
		q.Objects[i].Start, q.Objects[i].K = program.StartInit, 0
	}
	return Counts(name(s, CountName, false), s, &q, false)
}

// CountText is [Count] of a program's text. An error names the thread and the word.
func CountText(s *strategies.Strategy, text string) (*explore.Scenario, error) {
	p, err := program.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New(strings.TrimPrefix(err.Error(), "program: "))
	case p.Steps() == 0:
		return nil, errors.New("it has no steps: want some, such as a.Get a.Put|a.Kill")
	}
	for i, o := range p.Objects {
		if o.Start != program.StartInit {
			return nil, fmt.Errorf("object %s begins with InitAt: leave that out, here all begin with Init", program.ObjectName(i))
		}
	}
	return Count(s, &p), nil
}

// Counts is an op program on counts of a strategy that is in explored form, as a scenario
// of that name. unordered says that the count needn't order plain accesses.
func Counts(name string, s *strategies.Strategy, p *program.Program, unordered bool) *explore.Scenario {
	return &explore.Scenario{
		Name: name, Program: p.Words(), CPUs: countCPUs, DropIns: dropins.Paths(),
		Make: func(words explore.Program) explore.Case {
			p, err := program.ParseWords(words)
			if err != nil {
				return explore.Case{Err: err}
			}
			return newCounting(s, driver.Options{Explored: true, Boundaries: true, Unordered: unordered}).of(&p)
		},
	}
}

// countCPUs is on how many virtual CPUs op programs run.
const countCPUs = 2

// counting runs op programs on counts of one strategy.
type counting struct {
	s          *strategies.Strategy
	x          *driver.Execution
	bodies     [program.MaxThreads]func()
	begin, end func()
}

func newCounting(s *strategies.Strategy, o driver.Options) *counting {
	k := &counting{s: s, x: driver.New(s, o)}
	for i := range k.bodies {
		k.bodies[i] = func() { k.x.Thread(i) }
	}
	k.begin, k.end = func() { k.x.Begin() }, func() { k.x.End() }
	return k
}

// of returns the case of a program, which must not change while the case is used.
// The next call makes the case invalid.
func (k *counting) of(p *program.Program) explore.Case {
	k.x.Load(p)
	return explore.Case{
		// What a thread has learned is in its boundaries, and the
		// judge's ledger follows from where the threads are.
		Values: true, Retries: k.s.Retries,
		Setup: k.begin, Threads: k.bodies[:len(p.Threads)], Finish: k.end,
	}
}

package scenarios

import (
	"errors"
	"strings"

	"github.com/refbench/refbench/fuzz/driver"
	"github.com/refbench/refbench/fuzz/dropins"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
)

// The built-in op programs.
const (
	countProgram = "a.Get a.Put a.Kill|a.TryGet a.Get a.Put a.Put|a.Put a.TryGet a.Put"
	// In the wrong one a thread takes a reference after it has dropped its
	// own, which is right as long as somebody else holds one.
	countWrongProgram = "a.Get a.Put a.Kill|a.Put a.Get!|a.TryGet a.Put"
)

const countWrong = "a thread takes a reference with a plain Get after it dropped its own"

// count is the built-in op program on a strategy.
func count(s *strategies.Strategy, wrong bool) *explore.Scenario {
	text := countProgram
	if wrong {
		text = countWrongProgram
	}
	p, err := program.Parse(text)
	if err != nil {
		panic(err) // it is a constant
	}
	return Counts(name(s, CountName, wrong), s, &p, false)
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
			x := newCounting(s, driver.Options{Explored: true, Boundaries: true, Unordered: unordered})
			return x.of(&p)
		},
	}
}

// countCPUs is on how many virtual CPUs op programs run.
const countCPUs = 2

// counting runs op programs on counts of one strategy.
type counting struct {
	s      *strategies.Strategy
	x      *driver.Execution
	bodies [program.MaxThreads]func()
	begin  func()
	end    func()
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

// Package program defines op programs: what some threads do to some counts. The
// same program is run on one goroutine against the specification, on real
// goroutines, under the deterministic scheduler, and by whatever records a
// history, so that what one of them finds the others can look at.
//
// A program has two readings.
//
// The sequential reading ([Program.Sequential]) makes every call of every thread
// on one goroutine, the threads taking turns. Wrong uses are part of it: a Put too
// many, a Get on a dead count, a reference past the limit. What they do is in the
// promise of the strategy, and package spec says which of them it speaks of.
//
// The concurrent reading ([Guard]) is for threads that run at once. There every call
// first passes a guard that knows what the thread holds, and that leaves out or makes
// smaller what would be a wrong use. So every program, and every part of one, uses
// its counts rightly, whatever the schedule, and whatever goes wrong is the
// strategy's fault. Package driver carries it out.
//
// Programs come from text and go to text ([Parse], [Program.String]), for people and
// tokens, and from bytes and to bytes ([Decode], [Program.Encode]), for fuzzing.
package program

import (
	"fmt"
	"iter"
	"slices"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// The largest programs.
const (
	MaxObjects = 4
	MaxThreads = 8
	// MaxSteps is how many steps all threads have together.
	MaxSteps = 256
	// MaxK is the largest [Object.K].
	MaxK = 15
)

// A Program is what some threads do to some counts. Its parts can be taken away and
// the rest is still a program, as long as an object and a thread are left.
type Program struct {
	// Objects are the counts: at least one, at most MaxObjects. Their names
	// in text are a, b, c and d.
	Objects []Object
	// Threads are what each thread does: at least one, at most MaxThreads.
	Threads []Thread
}

// A Thread is the steps of one thread in their order. It may have none.
type Thread []Step

// A Step is one call on one object.
type Step struct {
	Call spec.Call
	// Object is an index in [Program.Objects].
	Object uint8
	// Wild says that the guard doesn't see the step: it is made even if it is a
	// wrong use. A drop of what the thread doesn't hold counts for nothing, and all that
	// is asked of it is not to report the last. The sequential reading makes every step
	// anyway.
	Wild bool
}

// An Object is one count, and how its first life begins.
type Object struct {
	Start Start
	// K is the number that the start needs: from 1 to MaxK for StartAt, from 0
	// to MaxK for StartNear, and 0 for StartInit.
	K uint8
	// Power, from FirstPower to LastPower, makes StartAt InitAt(2^Power - K), with K from
	// 0: close to a carry inside the number. It is 0 where no power is meant.
	Power uint8
	// Atomic says that SwitchToAtomic follows at once, on a counter that has
	// it: zero is then detected from the start.
	Atomic bool
	// Cached says that the object stays where it is at zero, as an entry of a
	// cache does: any thread may call Resurrect on it, whatever it holds.
	Cached bool
	// Immortal says that the program takes the count past its limit, so that it may
	// stick and the object never be released.
	Immortal bool
}

// A Start is how the first life of a count begins.
type Start uint8

// The powers that [Object.Power] may be.
const (
	FirstPower = 5
	LastPower  = 62
)

// The starts.
const (
	StartInit Start = iota // Init: one reference
	StartAt                // InitAt(K), or InitAt(2^Power - K), at most the limit
	StartNear              // InitAt(the limit that the strategy promises, minus K), at least 1
	starts
)

// First returns the call that begins the first life of the object on a count of the
// strategy's.
func (o Object) First(p *strategies.Promise) spec.Call {
	switch o.Start {
	case StartAt:
		if o.Power != 0 {
			return spec.Call{Op: spec.InitAt, N: min(p.Limit, 1<<o.Power-int64(o.K))}
		}
		return spec.Call{Op: spec.InitAt, N: int64(o.K)}
	case StartNear:
		return spec.Call{Op: spec.InitAt, N: max(1, p.Limit-int64(o.K))}
	}
	return spec.Call{Op: spec.Init}
}

// Steps returns how many steps all threads have together.
func (p *Program) Steps() int {
	n := 0
	for _, t := range p.Threads {
		n += len(t)
	}
	return n
}

// All yields the steps thread by thread, each with its thread's number.
func (p *Program) All() iter.Seq2[int, Step] {
	return func(yield func(int, Step) bool) {
		for i, t := range p.Threads {
			for _, s := range t {
				if !yield(i, s) {
					return
				}
			}
		}
	}
}

// Sequential yields the steps of the sequential reading, each with its thread's
// number. The threads take turns: first the first step of each, then the second of
// each that has one, and so on.
func (p *Program) Sequential() iter.Seq2[int, Step] {
	return func(yield func(int, Step) bool) {
		longest := 0
		for _, t := range p.Threads {
			longest = max(longest, len(t))
		}
		for i := range longest {
			for t, steps := range p.Threads {
				if i < len(steps) && !yield(t, steps[i]) {
					return
				}
			}
		}
	}
}

// Equal reports whether both programs are the same.
func (p *Program) Equal(q *Program) bool {
	return slices.Equal(p.Objects, q.Objects) &&
		slices.EqualFunc(p.Threads, q.Threads, func(a, b Thread) bool { return slices.Equal(a, b) })
}

// Clone returns a copy that shares no memory with p.
func (p *Program) Clone() Program {
	q := Program{Objects: slices.Clone(p.Objects), Threads: make([]Thread, len(p.Threads))}
	for i, t := range p.Threads {
		q.Threads[i] = slices.Clone(t)
	}
	return q
}

// Check returns what keeps p from being a program, or nil. What Decode and Parse
// return has nothing.
func (p *Program) Check() error {
	switch {
	case len(p.Objects) < 1 || len(p.Objects) > MaxObjects:
		return fmt.Errorf("program: it has %d objects, want 1 to %d", len(p.Objects), MaxObjects)
	case len(p.Threads) < 1 || len(p.Threads) > MaxThreads:
		return fmt.Errorf("program: it has %d threads, want 1 to %d", len(p.Threads), MaxThreads)
	case p.Steps() > MaxSteps:
		return fmt.Errorf("program: it has %d steps, want at most %d", p.Steps(), MaxSteps)
	}
	for i, o := range p.Objects {
		if o.Start >= starts || o.K > MaxK || o.Start == StartInit && o.K != 0 || o.Start == StartAt && o.K == 0 && o.Power == 0 {
			return fmt.Errorf("program: object %s begins with start %d and K %d, want a known start and a K that it can have", ObjectName(i), o.Start, o.K)
		}
		if o.Power != 0 && (o.Start != StartAt || o.Power < FirstPower || o.Power > LastPower) {
			return fmt.Errorf("program: object %s begins with start %d and power %d, want StartAt and a power from %d to %d", ObjectName(i), o.Start, o.Power, FirstPower, LastPower)
		}
	}
	for i, t := range p.Threads {
		for j, s := range t {
			where := fmt.Sprintf("program: thread %d, step %d", i, j+1)
			if int(s.Object) >= len(p.Objects) {
				return fmt.Errorf("%s: object %s, of %d objects", where, ObjectName(int(s.Object)), len(p.Objects))
			}
			if _, ok := s.Call.Op.Code(); !ok {
				return fmt.Errorf("%s: operation %d is none that programs have", where, s.Call.Op)
			}
			if takes := s.Call.Op.TakesNumber(); !takes && s.Call.N != 0 {
				return fmt.Errorf("%s: %v with the number %d, which it doesn't take", where, s.Call.Op, s.Call.N)
			} else if _, ok := numberCode(s.Call.N); takes && !ok {
				return fmt.Errorf("%s: %v: the number is none that programs have: want %s", where, s.Call, numbers)
			}
		}
	}
	return nil
}

// ObjectName returns the name of the object with that index.
func ObjectName(i int) string { return string(rune('a' + i)) }

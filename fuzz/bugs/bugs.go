// Package bugs holds the planted bugs: known-wrong ways to count references and
// known-wrong uses of right ones, kept to prove that what is wrong is found.
//
// Each bug is beside its twin, the same code with the one mistake put right. So
// two things can be shown of every oracle: that it finds the bug, and that it
// leaves the twin alone.
//
// A bug is run by an op program: a string for each thread, in it a word for each
// operation, separated by single blanks. What the words mean is up to the bug, and
// every part of a program is itself one that uses the counts rightly, so that programs
// can be made smaller.
// The same source runs on real threads and, in explored form, under the
// deterministic scheduler. Package matrix runs the oracles.
package bugs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/refbench/refbench/strategies"
)

// A Bug is something wrong on purpose, and its twin, which is right.
type Bug struct {
	// Name identifies the bug in flags and tokens. It matches
	// ^[a-z][a-z0-9]*$.
	Name string

	// Doc says in one line what is wrong: no capital at the start, no period
	// at the end.
	Doc string

	// Source is where the bug was seen or is warned of: a CVE, a commit, a
	// document with its section.
	Source string

	// Interleaving says who does what in which order until it goes wrong.
	Interleaving string

	// Fix says in one line what the twin does instead.
	Fix string

	// Wrong and Fixed are the strategy with the bug and its twin. They are
	// nil if the count is right and its use is wrong.
	Wrong, Fixed *strategies.Strategy

	// Program is what threads do. It shows the bug under some schedule.
	Program []string

	// CPUs is how many virtual CPUs the explored form has.
	CPUs int

	// Repeat is how often threads go through their program in one run on
	// real threads, at least 1. In explored form it is once.
	Repeat int

	// Concurrent says that one thread alone never goes wrong.
	Concurrent bool

	// Unordered says that the count doesn't order plain accesses.
	Unordered bool

	// Wraps says that a number must go round for it to go wrong. Then the
	// count is so narrow that it does so in a few steps.
	Wraps bool

	// Sights are what the oracles are able to see.
	Sights Sights

	start func(Config) Run
}

// Config is what a run of a bug is made from.
type Config struct {
	// Fixed asks for the twin.
	Fixed bool

	// Program is what the threads do: the bug's, or a part of it.
	Program []string

	// Judge is told what happens.
	Judge Judge

	// Bare leaves out what judges objects by shared memory of its own, which
	// would order the threads and so hide races from the race detector.
	// Instead objects have plain memory that holders read and releasers
	// write.
	Bare bool
}

// A Run is one use of new objects by the threads of a program.
type Run interface {
	// Do does one operation of a thread's program. Each thread's operations
	// come one after the other.
	Do(thread int, op string)

	// End drops what the thread holds. It comes after its last operation.
	End(thread int)

	// Close drops what is left and tells the judge what is wrong with it.
	// All threads have ended.
	Close()
}

// Start makes a run of the bug, or of its twin.
func (b *Bug) Start(c Config) Run { return b.start(c) }

// Strategy returns the strategy with the bug or its twin, nil if it isn't the
// strategy that is wrong.
func (b *Bug) Strategy(fixed bool) *strategies.Strategy {
	if fixed {
		return b.Fixed
	}
	return b.Wrong
}

// A Sight says what one oracle is able to see of a bug.
type Sight struct {
	// Sure says that the oracle finds the bug whatever the seed, given a
	// second or so.
	Sure bool

	// Blind says why the oracle can't see the bug. If it is empty and Sure
	// isn't set, finding it is a matter of luck: of how real threads meet.
	Blind string
}

// Sights says what each oracle is able to see.
type Sights struct {
	Specification   Sight // one thread against the executable specification, at every boundary
	Differential    Sight // one thread's op programs over all strategies, which must agree
	Explored        Sight // op programs of some threads under the deterministic scheduler
	Stress          Sight // op programs of some threads on real ones, judged by the arena
	Linearizability Sight // recorded histories of some threads
	RaceDetector    Sight // the same as Stress, seen by Go's race detector
}

var (
	sure = Sight{Sure: true}
	luck = Sight{}
)

func blind(why string) Sight { return Sight{Blind: why} }

// Why oracles are blind. Each reason holds for many bugs.
const (
	notTheCount = "each operation of the count is right; what is wrong is how it is used"
	oneThread   = "one thread alone never goes wrong"
	allAtomic   = "every access is atomic or under a lock, so there is no race in the sense of the Go memory model"
	nothingGone = "nothing is touched too late: what goes wrong is that something is left or not found"
	noThreads   = "one thread alone shows it, and doesn't race"
	otherUses   = "recorded histories have no such use"
)

// misuse returns the sights of a bug that isn't in the count.
func misuse(stress, race Sight) Sights {
	return Sights{
		Specification: blind(notTheCount), Differential: blind(notTheCount), Linearizability: blind(notTheCount),
		Explored: sure, Stress: stress, RaceDetector: race,
	}
}

// interleaved returns the sights of a wrong count that takes two threads to go
// wrong.
func interleaved(linearizability, race Sight) Sights {
	return Sights{
		Specification: blind(oneThread), Differential: blind(oneThread), Linearizability: linearizability,
		Explored: sure, RaceDetector: race,
	}
}

// sequential returns the sights of a wrong count that one thread shows.
func sequential(linearizability, race Sight) Sights {
	return Sights{
		Specification: sure, Differential: sure, Explored: sure, Stress: sure,
		Linearizability: linearizability, RaceDetector: race,
	}
}

// All is every planted bug.
var All = slices.Concat(wordBugs, biasedBugs, reviveBugs, narrowBugs, rampBugs, percpuBugs, useBugs, systemBugs)

// Validate reports every reason why the list can't be used.
func Validate(list []*Bug) error {
	var errs []error
	seen := make(map[string]bool)
	for _, b := range list {
		if err := strategies.CheckName("bug", b.Name); err != nil {
			errs = append(errs, err)
		}
		if seen[b.Name] {
			errs = append(errs, fmt.Errorf("bug name %q: used twice", b.Name))
		}
		seen[b.Name] = true
		for _, f := range []struct{ name, text string }{
			{"doc", b.Doc}, {"source", b.Source}, {"interleaving", b.Interleaving}, {"fix", b.Fix},
		} {
			if strings.TrimSpace(f.text) == "" {
				errs = append(errs, fmt.Errorf("bug %s: no %s", b.Name, f.name))
			}
		}
		if (b.Wrong == nil) != (b.Fixed == nil) {
			errs = append(errs, fmt.Errorf("bug %s: has one of the wrong strategy and its twin, want both or none", b.Name))
		}
		if len(b.Program) == 0 || b.start == nil || b.Repeat < 1 || b.CPUs < 1 {
			errs = append(errs, fmt.Errorf("bug %s: nothing to run: program %q on %d CPUs %d times", b.Name, b.Program, b.CPUs, b.Repeat))
		}
	}
	return errors.Join(errs...)
}

// Package bugs holds the planted bugs: known-wrong ways to count references and
// known-wrong uses of right ones, kept to prove that what is wrong is found.
//
// Each bug is beside its twin, the same code with the one mistake put right. So
// two things can be shown of every check: that it finds the bug, and that it
// leaves the twin alone.
//
// A bug is a strategy, with an op program that shows it under some schedule; or it is the
// known-wrong variant of a workload, with the plan that the workload has. The same
// source runs on real threads and, in explored form, under the deterministic
// scheduler. Package matrix runs the checks.
package bugs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/workloads"
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

	// Wrong and Fixed are the strategy with the bug and its twin. If the count is
	// right and its use is wrong they are the same: what Workload runs on.
	Wrong, Fixed *strategies.Strategy

	// Program is what threads do to counts of the strategy, in the text form of package
	// program. It is empty if there is a Workload.
	Program string

	// Workload is one whose known-wrong variant is the bug, and whose right one is the
	// twin. It is nil if the strategy is wrong.
	Workload *workloads.Workload

	// Concurrent says that one thread alone never goes wrong.
	Concurrent bool

	// Unordered says that the count doesn't order plain accesses. Other bugs aren't
	// asked for that: the other rules see them with fewer preemptions.
	Unordered bool

	// Wraps says that a number must go round for it to go wrong. Then the
	// count is so narrow that it does so in a few steps.
	Wraps bool

	// Preemptions is how many the schedule has that the explorer makes of it, migrations
	// among them, at most; 0 stands for three.
	Preemptions int

	// Apart says that its own program doesn't show it, or only to a random walk: other
	// scenarios do.
	Apart bool

	// Expected is what the checks are expected to see, by their names.
	Expected Expected
}

// counts makes the bug and its twin strategies with that promise.
func (b Bug) counts(p strategies.Promise, wrong, fixed func() strategies.Counter) *Bug {
	b.Wrong = &strategies.Strategy{Name: b.Name, Doc: b.Doc, Promise: p, New: wrong}
	b.Fixed = &strategies.Strategy{Name: b.Name + "twin", Doc: b.Fix, Promise: p, New: fixed}
	return &b
}

// uses makes the bug a wrong use of a right count.
func (b Bug) uses(w *workloads.Workload) *Bug {
	b.Workload = w
	if b.Wrong == nil {
		b.Wrong = atomic.Strategy
	}
	b.Fixed = b.Wrong
	return &b
}

// use is uses of a workload of this package, which has no knobs.
func (b Bug) use(start func(workloads.Config) use, operation string, p workloads.Plan) *Bug {
	return b.uses(&workloads.Workload{
		Name: b.Name, Doc: b.Fix, Source: b.Source, Operation: operation, Wrong: b.Doc, Plan: p,
		New: func(c workloads.Config) (workloads.Instance, error) { return instance{start(c)}, nil },
	})
}

// Strategy returns the strategy with the bug or its twin.
func (b *Bug) Strategy(fixed bool) *strategies.Strategy {
	if fixed {
		return b.Fixed
	}
	return b.Wrong
}

// Text returns what threads do, in words.
func (b *Bug) Text() string {
	if b.Workload != nil {
		return strings.Join(b.Workload.Plan.Threads(), "|")
	}
	return b.Program
}

// An Expectation says what a check is able to see of a bug. The zero Expectation is
// luck: finding the bug is a matter of how real threads meet, or of time.
type Expectation struct {
	// Sure says that the check finds the bug whatever the seed, given a second or
	// so.
	Sure bool
	// Blind says why the check can't see the bug, or is empty.
	Blind string
}

// Expected is what checks are expected to see of a bug, by their names. A check that
// isn't in it finds the bug by luck.
type Expected map[string]Expectation

var sure = Expectation{Sure: true}

func blind(why string) Expectation { return Expectation{Blind: why} }

// Why checks are blind. Each reason holds for many bugs.
var (
	notTheCount = blind("each operation of the count is right; what is wrong is how it is used")
	oneThread   = blind("one thread alone never goes wrong")
	allAtomic   = blind("every access is atomic or under a lock, so there is no race in the sense of the Go memory model")
	nothingGone = blind("nothing is touched too late: what goes wrong is that something is left or not found")
	noThreads   = blind("one thread alone shows it, and doesn't race")
	otherUses   = blind("it takes uses that this check doesn't make")
)

// Of bugs that take two threads, and of those that one thread shows; and of uses that are
// wrong, whatever the count.
var (
	interleaved = Expected{"kernel": oneThread, "operations": oneThread, "programs": oneThread, "schedules": sure}
	sequential  = Expected{"operations": sure, "programs": sure, "schedules": sure, "stress": sure}
	misuse      = Expected{
		"kernel": notTheCount, "operations": notTheCount, "rules": notTheCount, "crossings": notTheCount,
		"programs": notTheCount, "histories": notTheCount, "schedules": sure,
	}
)

// but is e with other expectations of some checks.
func (e Expected) but(others Expected) Expected {
	all := maps.Clone(e)
	maps.Copy(all, others)
	return all
}

// All is every planted bug.
var All = slices.Concat(
	wordBugs, biasedBugs, reviveBugs, narrowBugs, fullBugs, freebsdBugs, nettyBugs, stickyBugs, rampBugs, percpuBugs, useBugs,
	systemBugs, mutexedBugs, lockrefBugs, drainedBugs, rundownBugs, foldedBugs, stockedBugs,
	sectionedBugs, indicatorBugs, deltaBugs, owningBugs, locallyBugs, collectedBugs, claimedBugs, krefBugs, pageBugs, zonedBugs, fdBugs,
	warnedBugs, carryBugs, lockedBugs, lateBugs,
	folioBugs, arcBugs,
)

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
		if b.Wrong == nil || b.Fixed == nil {
			errs = append(errs, fmt.Errorf("bug %s: it needs two strategies, the wrong one and its twin, or that of its workload twice", b.Name))
		}
		if (b.Program == "") == (b.Workload == nil) {
			errs = append(errs, fmt.Errorf("bug %s: want either a program or a workload, has program %q and workload %v", b.Name, b.Program, b.Workload))
		}
		if b.Workload != nil && b.Workload.Wrong == "" {
			errs = append(errs, fmt.Errorf("bug %s: workload %s has no known-wrong variant", b.Name, b.Workload))
		}
	}
	return errors.Join(errs...)
}

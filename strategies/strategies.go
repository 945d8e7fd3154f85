// Package strategies defines what a way of counting references must do, and
// what it says of itself.
//
// # Protocol
//
// A count is a value embedded in the object that it guards, as struct kref is.
// Five operations make up its life:
//
//   - Init starts a life with one reference, the owner's.
//   - Get takes a reference. The caller already holds one, so the count cannot
//     be dead.
//   - TryGet takes a reference through a weak one: a pointer found in a list, a
//     hash table or a tree, which is not counted. It reports false once the
//     count has died. The caller sees to it that the memory stays a count while
//     TryGet runs (a lock, a grace period or type-stable memory).
//   - Put drops a reference and reports whether it was the last.
//   - Kill drops the owner's reference, once in a life, with the same report.
//     From then on every strategy detects zero exactly. Strategies that detect
//     it always treat Kill as Put; a per-CPU count detects it only after Kill;
//     and some have a Kill that waits until all other references are dropped, and
//     is always the one to report the last (see [Waits]).
//
// In one life exactly one call of Put or Kill reports true, and that caller
// alone may release the object.
//
// # Memory order
//
// In the terms of the Go memory model: every Put and Kill of a life
// "synchronizes before" the Put or Kill of that life that reports true. So
// whatever a holder did to the object before it dropped its reference happens
// before whatever the releaser does. Init synchronizes with nothing: the object
// must be published by other means (a lock, an atomic pointer, a channel).
// A successful TryGet does not by itself order reads of fields that were
// written after publication; the means of lookup does.
//
// # Strategies
//
// A strategy is a *Strategy value that a package exports, and programs pass a
// list of them. There is no registry. The powers that not every strategy has
// (several references at once, reading the count, resurrection, ...) are small
// optional interfaces: see [Power].
//
// # Specification
//
// What each operation does in each state follows from a strategy's [Promise]:
// package spec works it out, to test the code with, and SPECIFICATION.md beside
// this file shows it for the built-in strategies.
package strategies

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
)

// Ref is implemented by *T for a counter type T. The zero T is not usable
// before Init, and a T must not be copied after it.
type Ref[T any] interface {
	*T
	Counter
}

// Counter is the method set of a [Ref] without its type: what code that
// chooses a strategy at run time calls. Calls through it cost several
// nanoseconds more than calls to a concrete type, so nothing that is timed
// uses it unless it says so.
type Counter interface {
	// Init starts a life with one reference, the owner's. Nobody else may
	// use the count while Init runs. Most strategies let TryGet run all the
	// same, through a stale weak reference to type-stable memory; the
	// strategy's doc says whether it does.
	Init()

	// Get takes a reference. The caller holds one.
	Get()

	// TryGet takes a reference through a weak one and reports whether it
	// did. It reports false once the count has died.
	TryGet() bool

	// Put drops a reference of the caller's and reports whether it was the
	// last of this life.
	Put() bool

	// Kill drops the owner's reference and reports whether it was the last
	// of this life. It is called at most once in a life. It may wait for
	// the other references: see [Waits].
	Kill() bool
}

// The optional interfaces. A strategy's *T implements those that it supports;
// [Strategy.Powers] lists them.
type (
	// MultiGetter takes several references at once (Linux refcount_add,
	// Akaros kref_get(k, n)). n is at least 1.
	MultiGetter interface {
		GetN(n int)
		TryGetN(n int) bool
	}

	// Multi drops several references at once as well (Linux
	// refcount_sub_and_test). Akaros doesn't: a wrong n would hide there.
	Multi interface {
		MultiGetter
		PutN(n int) bool
	}

	// Reader reads the count: how many references there are. What the
	// number is worth says [Promise.Count].
	Reader interface {
		Count() int64
	}

	// Resurrecter brings a released object back: it takes a reference
	// whether the count is zero or not (Akaros __kref_get). The caller
	// sees to it, by a lock, that the object isn't being freed meanwhile.
	Resurrecter interface {
		Resurrect()
	}

	// Dropper drops a reference that the caller knows not to be the last
	// (Linux refcount_dec, atomic_dec), so nothing is reported. If it was
	// the last, that is misuse, with the response that [Promise.Underflow]
	// gives: of a count that wraps nobody is told that it has died.
	Dropper interface {
		Drop()
	}

	// OnePutter drops a reference depending on whether it is the only one
	// (Linux refcount_dec_if_one, refcount_dec_not_one). PutIfOne reports
	// whether it dropped it. PutUnlessOne reports false if it was the only
	// one, and else true: also on a count that is saturated, where drops
	// have no effect, and on a dead one, where it does what
	// [Promise.PutUnlessOne] says.
	OnePutter interface {
		PutIfOne() bool
		PutUnlessOne() bool
	}

	// LockPutter drops a reference and, if it was the last, returns true
	// with l locked (Linux refcount_dec_and_mutex_lock). The last drop
	// happens with l held, so that nobody who looks the object up under l
	// sees it dead. While no other goroutine uses the count, l isn't locked
	// for a reference that isn't the last.
	LockPutter interface {
		PutAndLock(l sync.Locker) bool
	}

	// Switcher changes between the modes of a per-CPU count (Linux
	// percpu_ref). Only one goroutine at a time may call its methods and
	// Kill on one count unless the strategy says otherwise.
	Switcher interface {
		// KillAndConfirm is Kill that calls confirm when no later
		// TryGetLive can succeed, before the owner's reference drops.
		KillAndConfirm(confirm func()) bool
		// TryGetLive is TryGet that fails once Kill has returned or
		// KillAndConfirm has confirmed, even while references are left.
		TryGetLive() bool
		// SwitchToAtomic makes zero detection exact without killing.
		SwitchToAtomic()
		// SwitchToPerCPU goes back to counting per CPU.
		SwitchToPerCPU()
		// Reinit starts a new life of a count that has died.
		Reinit()
		// ResurrectLive undoes Kill, whether references are left or
		// not: the owner has one again.
		ResurrectLive()
	}

	// ActorCounter has words for actors, each of which says who it is and is
	// alone with its own: a worker, a connection. Such a word needs neither
	// an atomic instruction nor a pinned goroutine.
	//
	// Actors have numbers from 1. Whoever calls with a number is the only one
	// that does, on this count, until the call returns; if the next call with
	// that number is another goroutine's, the two synchronize by other means. A
	// reference may be dropped by another actor than took it, or by whoever doesn't
	// say who he is. The number 0, or one that there is no word for, is nobody's.
	//
	// Both methods are there to be inlined, and so do only what is short:
	// what they leave is for the operations of [Counter]. See [GetAs].
	ActorCounter interface {
		// TakeAs takes a reference on the actor's word and reports whether it did. If
		// not, it has done nothing, and the caller calls Get, or TryGet if it holds no
		// reference. It takes none once Kill has returned.
		TakeAs(actor int) bool
		// DropAs drops a reference of the caller's on the actor's word, which isn't the
		// last, and reports whether it did. If not, it has done nothing, and the caller
		// calls Put. It synchronizes as Put does.
		DropAs(actor int) bool
	}

	// Presetter starts a life at n references instead of one, so that
	// tests begin near a limit instead of counting up to it.
	Presetter interface {
		InitAt(n int64)
	}

	// Monitored reports misuse that the strategy detects. A nil monitor,
	// the default, reports nothing. Monitor is called before Init and
	// survives it. What a count refuses or saturates on is reported, each
	// time, and so is each Get, TryGet, Put, Kill or Drop of a count that is
	// saturated already.
	Monitored interface {
		Monitor(m *Monitor)
	}
)

// An Acting counter is one with the power of an [ActorCounter].
type Acting interface {
	Counter
	ActorCounter
}

// GetAs is Get of an actor, who holds a reference.
func GetAs[C Acting](c C, actor int) {
	if !c.TakeAs(actor) {
		c.Get()
	}
}

// TryGetAs is TryGet of an actor.
func TryGetAs[C Acting](c C, actor int) bool { return c.TakeAs(actor) || c.TryGet() }

// PutAs is Put of an actor.
func PutAs[C Acting](c C, actor int) bool { return !c.DropAs(actor) && c.Put() }

// A Power names one of the optional interfaces, by the interface's name in lower
// case.
type Power string

// The powers.
const (
	PowerMultiGetter Power = "multigetter"
	PowerMulti       Power = "multi"
	PowerReader      Power = "reader"
	PowerResurrecter Power = "resurrecter"
	PowerDropper     Power = "dropper"
	PowerOnePutter   Power = "oneputter"
	PowerLockPutter  Power = "lockputter"
	PowerSwitcher    Power = "switcher"
	PowerActor       Power = "actorcounter"
	PowerPresetter   Power = "presetter"
	PowerMonitored   Power = "monitored"
)

// powers has, for each power, how to see whether a counter has it, in the order in
// which [Strategy.Powers] lists them.
var powers = []struct {
	power Power
	has   func(Counter) bool
}{
	{PowerMultiGetter, implements[MultiGetter]},
	{PowerMulti, implements[Multi]},
	{PowerReader, implements[Reader]},
	{PowerResurrecter, implements[Resurrecter]},
	{PowerDropper, implements[Dropper]},
	{PowerOnePutter, implements[OnePutter]},
	{PowerLockPutter, implements[LockPutter]},
	{PowerSwitcher, implements[Switcher]},
	{PowerActor, implements[ActorCounter]},
	{PowerPresetter, implements[Presetter]},
	{PowerMonitored, implements[Monitored]},
}

func implements[I any](c Counter) bool {
	_, ok := c.(I)
	return ok
}

// A Strategy is one way to count references: a counter type and what it
// promises. Strategies are package-level values such as atomic.Strategy and
// are not modified.
type Strategy struct {
	// Name identifies the strategy in flags, result files and file names.
	// It matches ^[a-z][a-z0-9]*$.
	Name string

	// Doc says in one line what it is: no capital at the start, no period
	// at the end.
	Doc string

	// Promise is what every check judges the strategy against.
	Promise Promise

	// Baseline says what the strategy lacks to be a count, for one that is a reference
	// point of charts: it has no promise, is timed under workloads with
	// workloads.Workload.Baselines, and is never judged or ranked. Empty for a count.
	Baseline string

	// MaxWorkers is how many goroutines may use a baseline, 0 for any number.
	MaxWorkers int

	// Retries says what the counter's code does when it loses a race: it reads the
	// same word again after a compare-and-swap that failed, and what it counts while
	// it waits for a word only decides when to call runtime.Gosched. Depth-first
	// search then leaves out such turns: see fuzz/explore.Case.
	Retries bool

	// Way says which of several ways the counter works by in this process, and why not by a better
	// one, for a strategy that has several: they promise the same and differ in speed. Nil for
	// one that has a single way.
	Way func() string

	// New returns a new count that is not initialized yet. Its dynamic
	// type is always the same pointer type *T.
	New func() Counter
}

// String returns the name.
func (s *Strategy) String() string { return s.Name }

// Powers lists the optional interfaces that the strategy's counter has.
func (s *Strategy) Powers() []Power {
	c := s.New()
	var ps []Power
	for _, p := range powers {
		if p.has(c) {
			ps = append(ps, p.power)
		}
	}
	return ps
}

// Has reports whether the strategy's counter has the power. Every counter has the
// power "", which is that of the five basic operations.
func (s *Strategy) Has(p Power) bool { return p == "" || slices.Contains(s.Powers(), p) }

// validName is what [Strategy.Name] and the names of workloads must match. A
// digit after a dash at the end of a benchmark's name would be taken for
// GOMAXPROCS, and a slash or an equals sign would start another key.
var validName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// CheckName returns an error that says what is wrong with a name that would
// break the result format, or nil.
func CheckName(kind, name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("%s name %q: must be lower-case letters and digits and begin with a letter, so that result files can carry it", kind, name)
	}
	return nil
}

// Validate reports every reason why the list can't be used together: a bad or
// repeated name, a missing doc, constructor or promise. It returns nil if
// there is none.
func Validate(list []*Strategy) error {
	var errs []error
	seen := make(map[string]bool)
	for i, s := range list {
		if s == nil {
			errs = append(errs, fmt.Errorf("strategy %d of the list is nil", i+1))
			continue
		}
		if err := CheckName("strategy", s.Name); err != nil {
			errs = append(errs, err)
		}
		if seen[s.Name] {
			errs = append(errs, fmt.Errorf("strategy name %q: used twice", s.Name))
		}
		seen[s.Name] = true
		if s.Doc == "" {
			errs = append(errs, fmt.Errorf("strategy %s: no doc", s.Name))
		}
		if s.New == nil {
			errs = append(errs, fmt.Errorf("strategy %s: no constructor", s.Name))
		} else if s.New() == nil {
			errs = append(errs, fmt.Errorf("strategy %s: constructor returns nil", s.Name))
		} else if has := s.Has(PowerActor); has != s.Promise.Actors {
			errs = append(errs, fmt.Errorf("strategy %s: the promise has Actors: %v, and that the counter has the power %s is %v", s.Name, s.Promise.Actors, PowerActor, has))
		}
		if s.Baseline != "" {
			continue
		}
		if s.MaxWorkers != 0 {
			errs = append(errs, fmt.Errorf("strategy %s: a count is for any number of goroutines, and only a baseline has MaxWorkers", s.Name))
		}
		if err := s.Promise.check(); err != nil {
			errs = append(errs, fmt.Errorf("strategy %s: %w", s.Name, err))
		}
	}
	return errors.Join(errs...)
}

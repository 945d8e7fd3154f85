// Package workloads holds the ways in which real systems use counted objects,
// each as a load that any strategy can be put under.
//
// A workload is written once, as ordinary generic Go over the counter type. It
// runs in several forms: package native holds it with each built-in strategy's
// concrete type filled in, and that is what is timed; the generic form here runs
// any strategy through an interface.
package workloads

import (
	"errors"
	"fmt"
	"time"

	"github.com/refbench/refbench/strategies"
)

// A Workload is one way to use counted objects. Workloads are package-level
// values and are not modified.
type Workload struct {
	// Name identifies the workload in flags, result files and file names.
	// It matches ^[a-z][a-z0-9]*$.
	Name string

	// Doc says in one line what happens: no capital at the start, no
	// period at the end.
	Doc string

	// Source names the system that the workload is taken from.
	Source string

	// Operation says what one counted operation is.
	Operation string

	// Needs lists the powers that a strategy must have.
	Needs []strategies.Power

	// NoWait says why the workload can't be run with a strategy whose Kill waits until all
	// other references are dropped (strategies.Waits): who would wait for whom for
	// ever. It is empty if that can't happen.
	NoWait string

	// Baselines says that it can be timed with what is no count: nobody's reference is
	// the last before the end, and nothing depends on how many there are.
	Baselines bool

	// Knobs are the settings that it has, in the order in which they stand
	// in a benchmark's name.
	Knobs []Knob

	// Wrong says in one line what the known-wrong variant does that
	// Config.Wrong asks for. It is kept to prove that the checks work;
	// every built-in workload has one.
	Wrong string

	// NotWrong says why the known-wrong variant does nothing wrong if Kill waits until all
	// other references are dropped. It is empty if it does.
	NotWrong string

	// Plan is a short use of it.
	Plan Plan

	// New returns an instance that calls the strategy through an
	// interface. It needs Config.NewCounter. [Workload.Start] calls it.
	New func(Config) (Instance, error)
}

// String returns the name.
func (w *Workload) String() string { return w.Name }

// Unsupported returns why the strategy can't run under the workload, or "".
func (w *Workload) Unsupported(s *strategies.Strategy) string {
	if s.Baseline != "" && !w.Baselines {
		return fmt.Sprintf("%s is no count (%s), and under %s references are the last", s.Name, s.Baseline, w.Name)
	}
	has := make(map[strategies.Power]bool)
	for _, p := range s.Powers() {
		has[p] = true
	}
	for _, p := range w.Needs {
		if !has[p] {
			return fmt.Sprintf("%s needs the power %q, which %s doesn't have", w.Name, p, s.Name)
		}
	}
	if s.Promise.Zero == strategies.Waits && w.NoWait != "" {
		return fmt.Sprintf("Kill of %s waits for all other references, and under %s that never ends: %s", s.Name, w.Name, w.NoWait)
	}
	return ""
}

// Config is what an instance of a workload is made from.
type Config struct {
	// Workers is how many workers there are, at least 1.
	Workers int

	// Seed fixes every random choice of the instance.
	Seed uint64

	// Knobs are the settings. Those not named have their defaults.
	Knobs Settings

	// Checked asks for the form in which every operation is judged. Only
	// Workload.New has it, not the New of a Loop.
	Checked bool

	// Wrong asks for the known-wrong variant, which Workload.Wrong
	// describes.
	Wrong bool

	// ReuseDelay is how many freed objects each actor sets aside before it
	// uses the memory of the first again. See arena.Options.
	ReuseDelay int

	// Contents are what the workload Buffers reads: see LoadBuffers. It has
	// some of its own if there are none. Nobody changes them. Other
	// workloads ignore them.
	Contents [][]byte

	// NewCounter makes the counts of an instance that calls them through
	// an interface. Instances with concrete counter types ignore it.
	NewCounter func() strategies.Counter
}

// Start makes an instance of w by construct, which is w.New or the New of a
// [Loop] of w. It checks c and fills in the defaults of knobs that aren't set.
func (w *Workload) Start(construct func(Config) (Instance, error), c Config) (Instance, error) {
	if c.Workers < 1 {
		return nil, fmt.Errorf("workload %s: %d workers: want at least 1", w.Name, c.Workers)
	}
	if err := w.CheckSettings(c.Knobs); err != nil {
		return nil, err
	}
	complete := make(Settings, len(w.Knobs))
	for _, k := range w.Knobs {
		complete[k.Name] = w.Value(c.Knobs, k.Name)
	}
	c.Knobs = complete
	return construct(c)
}

// Knob returns the value of a knob in a Config that [Workload.Start] completed.
func (c Config) Knob(name string) int {
	v, ok := c.Knobs[name]
	if !ok {
		panic(fmt.Sprintf("workloads: knob %q is not set: use Workload.Start", name))
	}
	return v
}

// An Instance is a workload being run with one strategy and a fixed number of
// workers. Its methods may be called at the same time, but each worker's Work
// and each role's Step by one goroutine only.
type Instance interface {
	// Work does about n operations as the given worker, 0 ..
	// Config.Workers-1, and returns how many it did. It may come to none, but
	// not for ever: whatever the workers and roles have done, if each of them
	// goes on, one after the other, some worker does an operation soon.
	Work(worker, n int) int

	// Roles returns what runs beside the workers: administrators,
	// collectors, reapers.
	Roles() []Role

	// Close drops what the instance holds itself and returns the books.
	// Workers and roles have returned for good.
	Close() Books
}

// WorkerName returns what violations call a worker.
func WorkerName(worker int) string { return fmt.Sprintf("worker %d", worker) }

// A Role is an actor of a workload that isn't a worker: what it does isn't
// counted as operations.
type Role struct {
	// Name is the field's word for the actor.
	Name string

	// Step does the actor's next action and returns how long to wait
	// before the one after.
	Step func() time.Duration
}

// A Loop is a workload with a strategy's concrete counter type filled in, as
// refbench gen writes it.
type Loop struct {
	Workload string // Workload.Name
	Strategy string // strategies.Strategy.Name
	New      func(Config) (Instance, error)
}

// Validate reports every reason why the workloads can't be used together.
func Validate(list []*Workload) error {
	var errs []error
	seen := make(map[string]bool)
	for i, w := range list {
		if w == nil {
			errs = append(errs, fmt.Errorf("workload %d of the list is nil", i+1))
			continue
		}
		if err := strategies.CheckName("workload", w.Name); err != nil {
			errs = append(errs, err)
		}
		if seen[w.Name] {
			errs = append(errs, fmt.Errorf("workload name %q: used twice", w.Name))
		}
		seen[w.Name] = true
		if w.Doc == "" || w.Source == "" || w.Operation == "" {
			errs = append(errs, fmt.Errorf("workload %s: doc, source or operation is missing", w.Name))
		}
		if w.New == nil {
			errs = append(errs, fmt.Errorf("workload %s: no constructor", w.Name))
		}
		knobs := make(map[string]bool)
		for _, k := range w.Knobs {
			if err := strategies.CheckName("knob", k.Name); err != nil {
				errs = append(errs, fmt.Errorf("workload %s: %w", w.Name, err))
			}
			if knobs[k.Name] || k.Name == "workload" || k.Name == "strategy" || k.Name == "cpus" || k.Name == "dispatch" {
				errs = append(errs, fmt.Errorf("workload %s: knob name %q is taken", w.Name, k.Name))
			}
			knobs[k.Name] = true
			if k.Default < k.Min || k.Default > k.Max {
				errs = append(errs, fmt.Errorf("workload %s: knob %s: default %d is outside %d .. %d", w.Name, k.Name, k.Default, k.Min, k.Max))
			}
		}
	}
	return errors.Join(errs...)
}

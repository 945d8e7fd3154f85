package explore

import (
	"fmt"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// MaxThreads is how many threads an execution may have at the same time, MaxCPUs how
// many virtual CPUs.
const (
	MaxThreads = engine.MaxThreads
	MaxCPUs    = engine.MaxCPUs
)

// A Scenario is something to explore. Scenarios are values that are not modified.
type Scenario struct {
	// Name identifies the scenario in tokens.
	Name string

	// Program is what the threads do. Scenarios with fixed threads have none.
	Program Program

	// CPUs is the number of virtual CPUs; 0 means one for each thread of
	// the program, and at least two.
	CPUs int

	// Judges are import paths of packages that only look on, such as one that
	// keeps books of what threads do. Their accesses are scheduling points like
	// any others, and pictures draw what a thread does there as one step.
	Judges []string

	// DropIns are import paths of drop-ins of one's own: gen.Options.Replace.
	// Pictures show where they are called instead of what is in them.
	DropIns []string

	// MaxPoints is the length at which an execution counts as endless; 0
	// means 20,000 points.
	MaxPoints int

	// IdleClock says that time passes only when nobody else can go on: as if the
	// machine were so fast that what threads do takes no time. Otherwise a timer may
	// fire, and a sleeper wake, while others could go on.
	IdleClock bool

	// Cut says that an execution that is longer than MaxPoints is stopped, and is no
	// failure: some schedules have somebody wait for ever in a loop that does something.
	Cut bool

	// Goexit says that a thread may end by runtime.Goexit, which otherwise is a failure.
	Goexit bool

	// Make returns the case for a program, whatever that says; see Case.Err. It
	// is called once for many executions, before them.
	Make func(Program) Case
}

// A Case is what runs in each execution.
type Case struct {
	// Err says why there is no case of the program, which comes from a token or
	// from the shrinker: it names something that doesn't exist. All else is
	// left out then.
	Err error

	// Setup makes everything new. It runs before the threads, and all that
	// it does happens before them.
	Setup func()

	// Threads are the bodies.
	Threads []func()

	// Finish runs when all threads have ended. It looks for what is left.
	Finish func()

	// Values says that everything that threads share is in explored memory or
	// declared with [Set], and that plain memory that is announced with [Read]
	// and [Write] follows from it: then states that agree in it are the
	// same, and an exhaustive search passes each only once. Threads should
	// say where an operation ends with Boundary.
	Values bool

	// Retries says that code that finds a compare-and-swap to fail right
	// after a load of the same word tries again as if it had done neither,
	// and that code that reads the same value from the same word twice
	// running waits for it to change and doesn't count how often. It makes
	// Values reach further.
	Retries bool

	// Show returns the value to be drawn beside each step: that of the variable
	// that matters, most likely.
	Show func() string
}

func (s *Scenario) cpus(p Program) int {
	if s.CPUs > 0 {
		return s.CPUs
	}
	return min(max(len(p), 2), MaxCPUs)
}

func (s *Scenario) maxPoints() int {
	if s.MaxPoints > 0 {
		return s.MaxPoints
	}
	return defaultMaxPoints
}

const defaultMaxPoints = 20_000

func (s *Scenario) check() error {
	switch {
	case s.Name == "":
		return fmt.Errorf("scenario without a name")
	case s.Make == nil:
		return fmt.Errorf("scenario %s: no Make", s.Name)
	case s.CPUs > MaxCPUs:
		return fmt.Errorf("scenario %s: %d CPUs, at most %d can be modelled", s.Name, s.CPUs, MaxCPUs)
	}
	if err := s.Program.check(); err != nil {
		return fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	return nil
}

// A programError says why a program has no case.
type programError struct{ scenario, why string }

func (e *programError) Error() string { return "scenario " + e.scenario + ": " + e.why }

// build makes the engine's case. Its error is a *programError.
func (s *Scenario) build(p Program, cpus int, races bool) (engine.Case, Case, error) {
	c := s.Make(p)
	switch {
	case c.Err != nil:
		return engine.Case{}, c, &programError{s.Name, fmt.Sprintf("program %q: %v", p, c.Err)}
	case len(c.Threads) == 0:
		return engine.Case{}, c, &programError{s.Name, fmt.Sprintf("no threads in program %q", p)}
	case len(c.Threads) > MaxThreads:
		return engine.Case{}, c, &programError{s.Name, fmt.Sprintf("%d threads, at most %d can be modelled", len(c.Threads), MaxThreads)}
	}
	return engine.Case{
		CPUs: cpus, Setup: c.Setup, Threads: c.Threads, Finish: c.Finish,
		MaxPoints: s.maxPoints(), Races: races, DropIns: s.DropIns, IdleClock: s.IdleClock, Goexit: s.Goexit, Cut: s.Cut,
	}, c, nil
}

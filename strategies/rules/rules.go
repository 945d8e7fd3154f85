// Package rules is what a reference-counting strategy must keep to, rule by rule: the
// contract of package strategies and the strategy's own promise. Package
// strategytest makes tests of it, and programs that don't link package testing run it
// as it is.
package rules

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/watchdog"
)

// Config is how cases run.
type Config struct {
	// Seed determines what random cases do, as far as the scheduler lets
	// them.
	Seed uint64
	// Short makes the cases that race goroutines shorter.
	Short bool
	// Timeout is how long a case may go on without beginning another round,
	// if it has rounds; 0 is a minute. Whole cases take seconds, so one
	// that reaches it is stuck. It is given up after twice the time at most.
	Timeout time.Duration
}

// A Case is one rule and the check of it.
type Case struct {
	// Name is the subtest's.
	Name string
	// Rule is what must be so, in one sentence.
	Rule string

	power strategies.Power // what the counter must have, if anything
	when  func(strategies.Promise) string
	run   func(*env) error
}

// Unsupported returns why the case doesn't apply to the strategy, or "".
func (c Case) Unsupported(s *strategies.Strategy) string {
	if c.power != "" {
		has := false
		for _, p := range s.Powers() {
			has = has || p == c.power
		}
		if !has {
			return fmt.Sprintf("%s doesn't have the power %q", s.Name, c.power)
		}
	}
	if c.when != nil {
		return c.when(s.Promise)
	}
	return ""
}

// Check returns what the strategy does against the rule, or nil. A case that is
// stuck leaves its goroutines behind, and a [*watchdog.HangError] is in its error.
func (c Case) Check(s *strategies.Strategy, cfg Config) error {
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	e := &env{s: s, promise: s.Promise, cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0))}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- fmt.Errorf("panicked: %v\n%s", r, debug.Stack())
			}
		}()
		done <- c.run(e)
	}()
	timer := time.NewTimer(cfg.Timeout)
	defer timer.Stop()
	var err error
	for begun, waiting := int64(0), true; waiting; {
		select {
		case err = <-done:
			waiting = false
		case <-timer.C:
			// Where the machine has much else to do, many rounds take long.
			if n := e.rounds.Load(); n != begun {
				begun = n
				timer.Reset(cfg.Timeout)
				continue
			}
			waiting = false
			e.abandoned.Store(true)
			err = watchdog.Hang(cfg.Timeout, s)
		}
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("strategy %s breaks the rule %s: %s\n%w\nseed %d", s.Name, c.Name, c.Rule, err, cfg.Seed)
}

// Cases returns every case, in the order in which they run: the simple ones
// first, because the others fail too when those do.
func Cases() []Case {
	return append(append(basicCases(), powerCases()...), stressCases()...)
}

// env is what one run of one case works with.
type env struct {
	s       *strategies.Strategy
	promise strategies.Promise
	cfg     Config
	rng     *rand.Rand

	rounds    atomic.Int64 // begun by the race that runs
	abandoned atomic.Bool  // the case timed out: its goroutines should end
}

// times returns n, or a fifth of it in short runs.
func (e *env) times(n int) int {
	if e.cfg.Short {
		n /= 5
	}
	return max(n, 1)
}

// A script makes calls on one count one after the other, remembers them, and
// keeps the first that did something else than it should.
type script struct {
	e     *env
	c     strategies.Counter
	calls []string
	err   error
}

func (e *env) script() *script { return &script{e: e, c: e.s.New()} }

// shown is how many calls before a failure are printed.
const shown = 40

func (s *script) failf(format string, args ...any) {
	if s.err != nil {
		return
	}
	before := s.calls[:max(0, len(s.calls)-1)]
	after := "at the start"
	if len(before) > 0 {
		cut := max(0, len(before)-shown)
		after = "after " + strings.Join(before[cut:], ", ")
		if cut > 0 {
			after = fmt.Sprintf("after %d calls and then %s", cut, strings.TrimPrefix(after, "after "))
		}
	}
	s.err = fmt.Errorf("operation %d: %s, %s", len(s.calls), fmt.Sprintf(format, args...), after)
}

// do makes a call and returns its result and what it panicked with, if it did.
func (s *script) do(name string, call func() bool) (result bool, panicked any) {
	s.calls = append(s.calls, name)
	defer func() { panicked = recover() }()
	return call(), nil
}

// call makes a call that must not panic.
func (s *script) call(name string, call func() bool) bool {
	if s.err != nil {
		return false
	}
	result, p := s.do(name, call)
	if p != nil {
		s.failf("%s panicked: %v", name, p)
	}
	return result
}

// want makes a call that must return want.
func (s *script) want(name string, want bool, call func() bool) {
	if s.err != nil {
		return
	}
	if got := s.call(name, call); got != want {
		s.failf("%s returned %v, want %v", name, got, want)
	}
}

func void(f func()) func() bool { return func() bool { f(); return false } }

func (s *script) init()            { s.call("Init", void(s.c.Init)) }
func (s *script) get()             { s.call("Get", void(s.c.Get)) }
func (s *script) put(last bool)    { s.want("Put", last, s.c.Put) }
func (s *script) kill(last bool)   { s.want("Kill", last, s.c.Kill) }
func (s *script) tryGet(want bool) { s.want("TryGet", want, s.c.TryGet) }

// tryGetAlive calls TryGet on a live count, until it succeeds if it may fail.
func (s *script) tryGetAlive() {
	if s.e.promise.TryGet == strategies.Exact {
		s.tryGet(true)
		return
	}
	for range 1000 {
		if s.err != nil || s.call("TryGet", s.c.TryGet) {
			return
		}
	}
	s.failf("TryGet failed 1000 times on a live count that nobody else uses")
}

// count checks the count if it can be read.
func (s *script) count(want int64) {
	r, ok := s.c.(strategies.Reader)
	if !ok || s.e.promise.Count == strategies.None || s.err != nil {
		return
	}
	var got int64
	s.call("Count", void(func() { got = r.Count() }))
	if got != want {
		s.failf("Count returned %d, want %d", got, want)
	}
}

// live starts a life and brings it to n references, at least 1, with zero
// detection exact: if that takes Kill, the owner's reference isn't among them.
func (s *script) live(n int) {
	s.init()
	if s.e.promise.Zero == strategies.Immediate {
		n--
	}
	for range n {
		s.get()
	}
	if s.e.promise.Zero == strategies.AfterKill {
		s.kill(false)
	}
}

// dead starts a life and ends it.
func (s *script) dead() {
	s.init()
	s.kill(true)
}

// together runs scripts one after the other and joins what they found.
func together(scripts ...func() *script) error {
	var errs []error
	for _, f := range scripts {
		if s := f(); s.err != nil {
			errs = append(errs, s.err)
		}
	}
	return errors.Join(errs...)
}

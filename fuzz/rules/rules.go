// Package rules is what a reference count must keep to, rule by rule: the contract of
// package strategies and the strategy's own promise. There are four kinds of rules:
//
//   - [Kernel]: the 17 tests that Linux has of its refcount_t
//     (drivers/misc/lkdtm/refcount.c, commit 23e6b169c991), for every strategy.
//   - [Operation]: an operation, in every state at a boundary.
//   - [Contract]: what follows from several operations together, on one goroutine.
//   - [Crossing]: goroutines that use a count at once, many of them across a boundary. Right
//     uses are op programs (package stress).
//
// Each judges a strategy by its own promise, through package spec: a count that
// promises to wrap and wraps is good. For the kernel's tests a [Result] has besides
// what the kernel's test would say of it, and what it would say of any count that
// keeps the promise.
//
// Package strategytest makes tests of the rules, and programs that don't link package
// testing run them as they are.
package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/rendezvous"
	"github.com/refbench/refbench/strategies/spec"
)

// A Kind is a kind of rules.
type Kind string

// The kinds.
const (
	Kernel    Kind = "kernel"
	Operation Kind = "operation"
	Contract  Kind = "contract"
	Crossing  Kind = "crossing"
)

// A Rule is one rule and the check of it.
type Rule struct {
	// Name is unique among the rules. The kernel's have the kernel's names.
	Name string
	Kind Kind
	// Doc is the rule, in one sentence.
	Doc string

	// plan returns the check, or calls env.skip. It makes no calls of a count.
	plan func(*env) func() error
}

// All returns every rule in the order in which they run: of each kind the simple ones
// first, because the others fail too when those do.
func All() []Rule {
	return slices.Concat(contract(), operations(), kernelRules(), crossings())
}

// A Verdict is what a rule says of a strategy. The words are those that the
// kernel's tests use for three kinds of messages: pr_info, pr_warn and pr_err.
type Verdict string

// The verdicts.
const (
	Good          Verdict = "good"
	Tolerated     Verdict = "tolerated" // odd, but nothing is freed too early by it
	Fail          Verdict = "FAIL"
	NotApplicable Verdict = "n/a" // the promise or a missing power leaves nothing to check
)

// A Result is what came of a rule.
type Result struct {
	Rule     Rule
	Strategy string
	Seed     uint64

	// Verdict judges the strategy by its promise: Fail means that the promise
	// is broken. Tolerated is a kept promise that the kernel's test tolerates.
	Verdict Verdict

	// Score is what the kernel's test says of what the count did, and Expected what
	// it says of a count that keeps the promise. Both are empty for other kinds of
	// rules, and if the count can't be read.
	Score, Expected Verdict

	// Checks is how many answers were compared with the promise.
	Checks int

	// Reason says why the rule doesn't apply, what broke the promise, or what
	// the kernel's test says.
	Reason string

	// Hang says why the check isn't finished, if it isn't. Its goroutines are left
	// behind.
	Hang *watchdog.HangError
}

// String returns the result in a line. What is wrong may add to it.
func (r Result) String() string {
	text := fmt.Sprintf("%s %s: %s", r.Strategy, r.Rule.Name, r.Verdict)
	if r.Score != "" {
		text += fmt.Sprintf(" (kernel: %s, expected: %s)", r.Score, r.Expected)
	}
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

// Err returns what the strategy does against the rule, or nil.
func (r Result) Err() error {
	if r.Verdict != Fail {
		return nil
	}
	return fmt.Errorf("strategy %s breaks the rule %s: %s\n%s\nseed %d", r.Strategy, r.Rule.Name, r.Rule.Doc, r.Reason, r.Seed)
}

// Config is how rules are checked. Its zero value is ready.
type Config struct {
	// Seed determines what random checks do, as far as the scheduler lets them.
	Seed uint64
	// Short makes random programs and crossings a fifth as long.
	Short bool
	// Rounds is how often the goroutines of a crossing meet at least; 0 is 300. They go on
	// until Time is over, too.
	Rounds int
	Time   time.Duration
	// Workers is how many goroutines do; 0 is rendezvous.Workers.
	Workers int
	// Timeout is for how long no goroutine of a crossing may get on, or how long another
	// check or one execution of a program may take; 0 is a minute. It takes less than a
	// second.
	Timeout time.Duration
}

// env is what one check of one rule works with.
type env struct {
	s   *strategies.Strategy
	p   strategies.Promise
	sp  *spec.Spec
	cfg Config
	ctx context.Context
	res Result

	// A crossing's goroutines, and how many of its lives have ended.
	group   atomic.Pointer[rendezvous.Group]
	workers []worker
	ended   atomic.Int64
	watched atomic.Bool // package stress finds out what hangs
}

func newEnv(ctx context.Context, r Rule, s *strategies.Strategy, cfg Config) *env {
	cfg.Rounds = cfg.times(cmp.Or(cfg.Rounds, 300))
	if cfg.Short {
		cfg.Time /= 5
	}
	cfg.Workers = cmp.Or(cfg.Workers, rendezvous.Workers())
	cfg.Timeout = cmp.Or(cfg.Timeout, time.Minute)
	return &env{
		s: s, p: s.Promise, sp: spec.Of(s), cfg: cfg, ctx: ctx,
		res:     Result{Rule: r, Strategy: s.Name, Seed: cfg.Seed, Verdict: Good},
		workers: make([]worker, cfg.Workers),
	}
}

// times returns n, or a fifth of it in short runs.
func (c Config) times(n int) int {
	if c.Short {
		return max(n/5, 1)
	}
	return n
}

// met reports whether the goroutines of a crossing have met often enough, after so many rounds
// since then.
func (e *env) met(rounds int, since time.Time) bool {
	return rounds > 0 && e.ctx.Err() != nil || rounds >= e.cfg.Rounds && time.Since(since) >= e.cfg.Time
}

// skipped is why a rule doesn't apply.
type skipped string

// skip ends the plan: the rule doesn't apply.
func (e *env) skip(format string, args ...any) { panic(skipped(fmt.Sprintf(format, args...))) }

// need ends the plan if the counter doesn't have an operation.
func (e *env) need(op spec.Op) {
	if !e.sp.Has(op) {
		e.skip("%s has no %s: it doesn't have the power %q", e.s.Name, op, op.Power())
	}
}

// planned returns the check, or why the rule doesn't apply.
func (e *env) planned() (check func() error, why string) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case skipped:
			why = string(p)
		default:
			panic(p)
		}
	}()
	return e.res.Rule.plan(e), ""
}

// Unsupported returns why the rule doesn't apply to the strategy, or "".
func (r Rule) Unsupported(s *strategies.Strategy) string {
	_, why := newEnv(context.Background(), r, s, Config{}).planned()
	return why
}

// Run checks the rule. The strategy is valid. A panic of the count is part of what is
// judged. When ctx ends, a crossing ends early, and what doesn't is given up and not
// applicable.
func (r Rule) Run(ctx context.Context, s *strategies.Strategy, cfg Config) Result {
	e := newEnv(ctx, r, s, cfg)
	begun := e.res
	check, why := e.planned()
	if why != "" {
		begun.Verdict, begun.Reason = NotApplicable, why
		return begun
	}
	dog := watchdog.Dog{Timeout: e.cfg.Timeout, Strategy: s, Progress: e.progress, Abandon: func() {
		if g := e.group.Load(); g != nil {
			g.Abandon()
		}
	}}
	err := dog.Watch(ctx, func() {
		defer func() {
			if p := recover(); p != nil {
				e.res.Verdict, e.res.Reason = Fail, fmt.Sprintf("panicked: %v\n%s", p, debug.Stack())
			}
		}()
		if err := check(); err != nil {
			e.res.Verdict, e.res.Reason = Fail, err.Error()
			errors.As(err, &e.res.Hang)
		}
	})
	// What hangs still has e.res.
	switch {
	case err == nil:
		return e.res
	case errors.As(err, &begun.Hang):
		begun.Verdict, begun.Reason = Fail, begun.Hang.Error()
	default:
		begun.Verdict, begun.Reason = NotApplicable, err.Error()
	}
	return begun
}

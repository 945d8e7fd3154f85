// Package boundary tests counts where they break: at the limit, at zero, and past
// either. It has three kinds of tests.
//
//   - [Kernel]: the 17 tests that Linux has of its refcount_t
//     (drivers/misc/lkdtm/refcount.c, commit 23e6b169c991), for every strategy.
//   - [Operation]: every operation at every boundary, among them the operations
//     that the kernel's list leaves out (dec_if_one, dec_not_one, dec_and_lock, mode
//     switches).
//   - [Concurrent]: many goroutines that cross a boundary at once.
//
// Each judges a strategy by its own promise, through package spec: a count that
// promises to wrap and wraps is good. For the kernel's tests a [Result] has besides
// what the kernel's test would say of it, and what it would say of any count that
// keeps the promise.
package boundary

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
	"github.com/refbench/refbench/strategies/watchdog"
)

// A Verdict is what a test says of a strategy. The words are those that the
// kernel's tests use for three kinds of messages: pr_info, pr_warn and pr_err.
type Verdict string

// The verdicts.
const (
	Good          Verdict = "good"
	Tolerated     Verdict = "tolerated" // odd, but nothing is freed too early by it
	Fail          Verdict = "FAIL"
	NotApplicable Verdict = "n/a" // the promise or a missing power leaves nothing to test
)

// worse returns the worse of two verdicts that aren't NotApplicable.
func worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Fail, Tolerated} {
		if a == v || b == v {
			return v
		}
	}
	return Good
}

// A Kind is a kind of tests.
type Kind string

// The kinds.
const (
	Kernel     Kind = "kernel"
	Operation  Kind = "operation"
	Concurrent Kind = "concurrent"
)

// A Test is one test of any strategy.
type Test struct {
	// Name is unique among the tests. The kernel's have the kernel's names.
	Name string
	Kind Kind
	// Doc says in one line what the test does.
	Doc string

	run func(*env)
}

// Tests returns all tests: the kernel's in their order, then one of each
// operation, then the concurrent ones.
func Tests() []Test {
	return append(append(kernelTests(), operationTests()...), concurrentTests()...)
}

// A Result is what a test found.
type Result struct {
	Test     string `json:"test"`
	Kind     Kind   `json:"kind"`
	Strategy string `json:"strategy"`

	// Verdict judges the strategy by its promise: Fail means that the promise
	// is broken. Tolerated is a kept promise that the kernel's test tolerates.
	Verdict Verdict `json:"verdict"`

	// Kernel is what the kernel's test says of what the count did, and
	// Expected what it says of a count that keeps the promise. Both are empty
	// for other kinds of tests, and if the count can't be read.
	Kernel   Verdict `json:"kernel,omitempty"`
	Expected Verdict `json:"expected,omitempty"`

	// Checks is how many answers were compared with the promise.
	Checks int `json:"checks"`

	// Reason says why the test doesn't apply, what broke the promise, or what
	// the kernel's test says.
	Reason string `json:"reason,omitempty"`

	// Stuck says why the test isn't finished, if it isn't.
	Stuck *watchdog.HangError `json:"-"`
}

// String returns the result in one line.
func (r Result) String() string {
	text := fmt.Sprintf("%s %s: %s", r.Strategy, r.Test, r.Verdict)
	if r.Kernel != "" {
		text += fmt.Sprintf(" (kernel: %s, expected: %s)", r.Kernel, r.Expected)
	}
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

// Write writes results as a table to read.
func Write(w io.Writer, results []Result) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "strategy\ttest\tverdict\tkernel\texpected\tremark")
	for _, r := range results {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Strategy, r.Test, r.Verdict, r.Kernel, r.Expected, r.Reason)
	}
	return tw.Flush()
}

// Config is how tests run. Its zero value is ready.
type Config struct {
	// Seed determines what concurrent tests do, as far as the scheduler lets
	// them.
	Seed uint64
	// Rounds is how often a concurrent test crosses the boundary; 0 is 300.
	Rounds int
	// Workers is how many goroutines do; 0 is twice as many as CPUs, from 4
	// to 16.
	Workers int
	// Timeout is how long a test may go on without beginning another round,
	// if it has rounds; 0 is 20 seconds. A test that reaches it fails, after
	// twice the time at most, and leaves its goroutines behind.
	Timeout time.Duration
}

// env is what one run of one test works with.
type env struct {
	s   *strategies.Strategy
	sp  *spec.Spec
	cfg Config
	res Result

	rounds    atomic.Int64 // begun
	abandoned atomic.Bool  // the test timed out: its goroutines should end
}

// verdictError ends a test.
type verdictError struct {
	verdict Verdict
	reason  string
}

// fail ends the test: the promise is broken.
func (e *env) fail(format string, args ...any) {
	panic(verdictError{Fail, fmt.Sprintf(format, args...)})
}

// skip ends the test: it doesn't apply.
func (e *env) skip(format string, args ...any) {
	panic(verdictError{NotApplicable, fmt.Sprintf(format, args...)})
}

// need ends the test if the counter doesn't have an operation.
func (e *env) need(op spec.Op) {
	if !e.sp.Has(op) {
		e.skip("%s has no %s", e.s.Name, op)
	}
}

// Run runs the test. The strategy is valid. A panic of the count is part of what
// the test judges.
func (t Test) Run(s *strategies.Strategy, cfg Config) Result {
	if cfg.Rounds <= 0 {
		cfg.Rounds = 300
	}
	if cfg.Workers <= 0 {
		cfg.Workers = max(4, min(2*runtime.GOMAXPROCS(0), 16))
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 20 * time.Second
	}
	e := &env{
		s:   s,
		sp:  spec.Of(s),
		cfg: cfg,
		res: Result{Test: t.Name, Kind: t.Kind, Strategy: s.Name, Verdict: Good},
	}
	done := make(chan Result, 1)
	go func() {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case verdictError:
				e.res.Verdict, e.res.Reason = p.verdict, p.reason
			default:
				e.res.Verdict, e.res.Reason = Fail, fmt.Sprintf("panicked: %v\n%s", p, debug.Stack())
			}
			done <- e.res
		}()
		t.run(e)
	}()
	timer := time.NewTimer(cfg.Timeout)
	defer timer.Stop()
	for begun := int64(0); ; {
		select {
		case res := <-done:
			return res
		case <-timer.C:
		}
		// Where the machine has much else to do, many rounds take long.
		if n := e.rounds.Load(); n != begun {
			begun = n
			timer.Reset(cfg.Timeout)
			continue
		}
		e.abandoned.Store(true)
		// The rest of e still belongs to the goroutine that is stuck.
		stuck := watchdog.Hang(cfg.Timeout, s)
		return Result{Test: t.Name, Kind: t.Kind, Strategy: s.Name, Verdict: Fail, Reason: stuck.Line(), Stuck: stuck}
	}
}

// RunAll runs all tests with a strategy.
func RunAll(s *strategies.Strategy, cfg Config) []Result {
	var results []Result
	for _, t := range Tests() {
		results = append(results, t.Run(s, cfg))
	}
	return results
}

// operationTests returns a test of each operation: its rows of the specification's
// table.
func operationTests() []Test {
	var tests []Test
	for _, op := range spec.Ops() {
		tests = append(tests, Test{
			Name: op.String(),
			Kind: Operation,
			Doc:  "calls " + op.String() + " in every state at a boundary and looks at what is there afterwards",
			run: func(e *env) {
				e.need(op)
				for _, row := range e.sp.Table() {
					if row.Call.Op != op || row.Unpromised != "" {
						continue
					}
					if err := e.sp.TryRow(row, false); err != nil {
						e.fail("%v", err)
					}
					e.res.Checks++
				}
				if e.res.Checks == 0 {
					e.skip("the promise says nothing of %s", op)
				}
			},
		})
	}
	return tests
}

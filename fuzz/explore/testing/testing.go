// Package testing is package testing of the standard library in explored form: tests run
// under the scheduler, many times each.
//
// What a test logs is kept of its last execution. A test that has failed ends with its first
// Fatal or FailNow, in whatever goroutine. When a test function returns, goroutines that it
// leaves behind don't go on. Parallel does nothing: parallel tests run one after another.
// Benchmarks don't run.
package testing

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore/context"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// TB is what T, B and F have in common.
type TB interface {
	ArtifactDir() string
	Attr(key, value string)
	Cleanup(func())
	Error(args ...any)
	Errorf(format string, args ...any)
	Fail()
	FailNow()
	Failed() bool
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Helper()
	Log(args ...any)
	Logf(format string, args ...any)
	Name() string
	Setenv(key, value string)
	Chdir(dir string)
	Skip(args ...any)
	SkipNow()
	Skipf(format string, args ...any)
	Skipped() bool
	TempDir() string
	Context() context.Context
	Output() io.Writer

	private()
}

// The originals.
type (
	BenchmarkResult = testing.BenchmarkResult
	Cover           = testing.Cover
	CoverBlock      = testing.CoverBlock
)

// A run is one execution of a test.
type run struct {
	log    bytes.Buffer
	errors bytes.Buffer // the part of it that says what is wrong
	undo   []func()     // what was changed outside of the process's memory
	top    *T
	failed bool
}

// now is the run that goes on, or the last.
var now *run

// mostLog is how many bytes of a log are kept.
const mostLog = 64 << 10

// common is what T, B and F have in common.
type common struct {
	run      *run
	name     string
	parent   *common
	failed   bool
	skipped  bool
	cleanups []func()
	ctx      context.Context
	cancel   context.CancelFunc
	subs     map[string]int
	helpers  map[string]bool
}

func (c *common) private() {}

// skip is what a subtest panics with that is skipped.
type skip struct{}

func (c *common) fail() {
	for ; c != nil; c = c.parent {
		c.failed = true
		c.run.failed = true
	}
}

// say writes to the log, with the place outside of this package and of helpers.
func (c *common) say(text string, isError bool) {
	place := "???"
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !c.helpers[f.Function] {
			place = fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
			break
		}
		if !more {
			break
		}
	}
	text = strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ")
	line := fmt.Sprintf("%s: %s\n", place, text)
	if c.run.log.Len() < mostLog {
		c.run.log.WriteString("    " + line)
	}
	if isError && c.run.errors.Len() < mostLog {
		c.run.errors.WriteString(line)
	}
}

// message says why the run has failed.
func (r *run) message() string {
	if s := strings.TrimSpace(r.errors.String()); s != "" {
		return s
	}
	return "the test has failed"
}

// Log notes the arguments.
func (c *common) Log(args ...any) { c.say(fmt.Sprintln(args...), false) }

// Logf notes what the format says.
func (c *common) Logf(format string, args ...any) { c.say(fmt.Sprintf(format, args...), false) }

// Error is Log and Fail.
func (c *common) Error(args ...any) {
	c.say(fmt.Sprintln(args...), true)
	c.fail()
}

// Errorf is Logf and Fail.
func (c *common) Errorf(format string, args ...any) {
	c.say(fmt.Sprintf(format, args...), true)
	c.fail()
}

// Fail says that the test has failed, and goes on.
func (c *common) Fail() { c.fail() }

// FailNow says that the test has failed, and ends it.
func (c *common) FailNow() {
	c.fail()
	if e := engine.Current; e != nil && !e.Aborting() {
		e.Fail(engine.KindViolation, c.run.message())
	}
	panic("testing: FailNow outside of a test")
}

// Fatal is Log and FailNow.
func (c *common) Fatal(args ...any) {
	c.say(fmt.Sprintln(args...), true)
	c.FailNow()
}

// Fatalf is Logf and FailNow.
func (c *common) Fatalf(format string, args ...any) {
	c.say(fmt.Sprintf(format, args...), true)
	c.FailNow()
}

// Failed reports whether the test has failed.
func (c *common) Failed() bool { return c.failed }

// SkipNow ends the test, which is not to run.
func (c *common) SkipNow() {
	c.skipped = true
	if c.parent == nil {
		if e := engine.Current; e != nil && !e.Aborting() {
			e.Quit()
		}
	}
	panic(skip{})
}

// Skip is Log and SkipNow.
func (c *common) Skip(args ...any) {
	c.say(fmt.Sprintln(args...), false)
	c.SkipNow()
}

// Skipf is Logf and SkipNow.
func (c *common) Skipf(format string, args ...any) {
	c.say(fmt.Sprintf(format, args...), false)
	c.SkipNow()
}

// Skipped reports whether the test was skipped.
func (c *common) Skipped() bool { return c.skipped }

// Helper says that the caller isn't what a log is about.
func (c *common) Helper() {
	var pcs [1]uintptr
	if runtime.Callers(2, pcs[:]) == 0 {
		return
	}
	f, _ := runtime.CallersFrames(pcs[:]).Next()
	if c.helpers == nil {
		c.helpers = make(map[string]bool)
	}
	c.helpers[f.Function] = true
}

// Name returns the name of the test.
func (c *common) Name() string { return c.name }

// Cleanup has f called when the test and its subtests have ended, the last one first.
func (c *common) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }

func (c *common) clean() {
	if c.cancel != nil {
		c.cancel()
	}
	for len(c.cleanups) > 0 {
		f := c.cleanups[len(c.cleanups)-1]
		c.cleanups = c.cleanups[:len(c.cleanups)-1]
		f()
	}
}

// Context returns a context that is canceled before the functions of Cleanup are called.
func (c *common) Context() context.Context {
	if c.ctx == nil {
		c.ctx, c.cancel = context.WithCancel(context.Background())
	}
	return c.ctx
}

// Setenv sets an environment variable for the time of the test.
func (c *common) Setenv(key, value string) {
	old, had := os.LookupEnv(key)
	if err := os.Setenv(key, value); err != nil {
		c.Fatalf("cannot set environment variable: %v", err)
	}
	undone := false
	restore := func() {
		if undone {
			return
		}
		undone = true
		if had {
			_ = os.Setenv(key, old)
		} else {
			_ = os.Unsetenv(key)
		}
	}
	c.run.undo = append(c.run.undo, restore)
	c.Cleanup(restore)
}

// Chdir changes the working directory for the time of the test.
func (c *common) Chdir(dir string) {
	old, err := os.Getwd()
	if err != nil {
		c.Fatal(err)
	}
	if err := os.Chdir(dir); err != nil {
		c.Fatal(err)
	}
	restore := func() { _ = os.Chdir(old) }
	c.run.undo = append(c.run.undo, restore)
	c.Cleanup(restore)
}

// TempDir makes a folder for the time of the test.
func (c *common) TempDir() string {
	dir, err := os.MkdirTemp("", "refbench-test-")
	if err != nil {
		c.Fatalf("TempDir: %v", err)
	}
	c.run.undo = append(c.run.undo, func() { _ = os.RemoveAll(dir) })
	return dir
}

// ArtifactDir is TempDir.
func (c *common) ArtifactDir() string { return c.TempDir() }

// Attr does nothing.
func (c *common) Attr(key, value string) {}

type output struct{ c *common }

func (o output) Write(b []byte) (int, error) {
	if o.c.run.log.Len() < mostLog {
		o.c.run.log.WriteString("    " + string(b))
	}
	return len(b), nil
}

// Output returns a writer into the log.
func (c *common) Output() io.Writer { return output{c} }

// under returns the name of a subtest.
func (c *common) under(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\n' {
			return '_'
		}
		return r
	}, name)
	full := c.name + "/" + name
	if name == "" {
		full = c.name + "/#00"
	}
	if c.subs == nil {
		c.subs = make(map[string]int)
	}
	n := c.subs[full]
	c.subs[full]++
	if n > 0 {
		full = fmt.Sprintf("%s#%02d", full, n)
	}
	return full
}

// T is a test.
type T struct {
	common
	bubble bool // in a bubble of testing/synctest
}

// Run runs f as a subtest, if the names asked for have it, and reports whether it was
// right.
func (t *T) Run(name string, f func(t *T)) bool {
	if t.bubble {
		panic("testing: t.Run called inside synctest bubble")
	}
	sub := &T{common: common{run: t.run, name: t.under(name), parent: &t.common}}
	if !options.matches(sub.name) {
		return true
	}
	sub.do(f)
	return !sub.failed
}

// do calls f. A subtest that is skipped comes back here.
func (t *T) do(f func(t *T)) {
	func() {
		if t.parent != nil {
			defer func() {
				if t.skipped {
					if r := recover(); r != nil && r != any(skip{}) {
						panic(r)
					}
				}
			}()
		}
		f(t)
	}()
	t.clean()
}

// Bubble calls f with what stands for t in a bubble of testing/synctest: its functions of
// Cleanup are called there too.
func (t *T) Bubble(f func(*T)) {
	sub := &T{common: common{run: t.run, name: t.name, parent: &t.common}, bubble: true}
	sub.do(f)
	if sub.skipped {
		t.SkipNow()
	}
}

// Parallel does nothing.
func (t *T) Parallel() {
	if t.bubble {
		panic("testing: t.Parallel called inside synctest bubble")
	}
}

// Deadline returns false: there is none.
func (t *T) Deadline() (deadline time.Time, ok bool) {
	if t.bubble {
		panic("testing: t.Deadline called inside synctest bubble")
	}
	return deadline, false
}

// Short reports whether -short was given.
func Short() bool { return options.Short }

// Verbose reports whether -v was given.
func Verbose() bool { return options.Verbose }

// Testing reports whether this is a test: it is.
func Testing() bool { return true }

// CoverMode returns "".
func CoverMode() string { return "" }

// Coverage returns 0.
func Coverage() float64 { return 0 }

// Init does nothing.
func Init() {}

// AllocsPerRun isn't modelled: what explored code allocates says nothing.
func AllocsPerRun(runs int, f func()) float64 {
	unmodelled("testing.AllocsPerRun")
	return 0
}

func unmodelled(what string) {
	if e := engine.Current; e != nil && !e.Aborting() {
		e.Fail(engine.KindUnsupported, what)
	}
}

// An InternalTest is a test with its name.
type InternalTest struct {
	Name string
	F    func(*T)
}

// An InternalBenchmark is a benchmark with its name.
type InternalBenchmark struct {
	Name string
	F    func(b *B)
}

// An InternalExample is an example with its name and output.
type InternalExample struct {
	Name      string
	F         func()
	Output    string
	Unordered bool
}

// An InternalFuzzTarget is a fuzz target with its name.
type InternalFuzzTarget struct {
	Name string
	Fn   func(f *F)
}

// RunTests isn't modelled.
func RunTests(matchString func(pat, str string) (bool, error), tests []InternalTest) bool {
	unmodelled("testing.RunTests")
	return false
}

// M is what TestMain gets.
type M struct {
	test func() bool
}

// Run runs the test and returns the exit status.
func (m *M) Run() int {
	if !m.test() {
		return 1
	}
	return 0
}

package testing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/form"
	"github.com/refbench/refbench/fuzz/explore/internal/chance"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/internal/testrun"
)

// A Program is what a test binary has.
type Program struct {
	Path     string // the package under test
	Tests    []InternalTest
	Targets  []InternalFuzzTarget
	Examples []InternalExample
	Main     func(*M) // TestMain, nil if there is none
	Files    bool     // each execution gets a folder of its own for temporary files
}

// asked is what the process was asked to do.
type asked struct {
	testrun.Options
	subtests []*regexp.Regexp
}

var options asked

// matches reports whether a subtest is asked for.
func (o *asked) matches(name string) bool {
	parts := strings.Split(name, "/")
	for i, re := range o.subtests {
		if i < len(parts) && !re.MatchString(parts[i]) {
			return false
		}
	}
	return true
}

// defaultMaxPoints is how many points an execution may have.
const defaultMaxPoints = 2_000_000

// Start runs what the process's argument asks for. It is what main calls.
func (p *Program) Start() {
	out := os.Stdout
	// What tests print they print in each execution.
	if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
		os.Stdout, os.Stderr = null, null
		log.SetOutput(null)
	}
	if err := p.start(out, os.Args[1:]); err != nil {
		fmt.Fprintln(out, err)
		os.Exit(2)
	}
}

func (p *Program) start(out io.Writer, args []string) error {
	if len(args) != 1 {
		return errors.New("this is a test binary of refbench test, which calls it")
	}
	if err := json.Unmarshal([]byte(args[0]), &options.Options); err != nil {
		return err
	}
	os.Args = os.Args[:1]
	if options.Run != "" {
		for _, part := range strings.Split(options.Run, "/") {
			re, err := regexp.Compile(part)
			if err != nil {
				return err
			}
			options.subtests = append(options.subtests, re)
		}
	}
	chance.SetSeed(options.Seed)
	e := json.NewEncoder(out)
	if options.Test == "" {
		return e.Encode(p.names())
	}
	body := p.body(options.Test)
	if body == nil {
		return fmt.Errorf("there is no test %s", options.Test)
	}
	r, err := p.explore(body)
	if err != nil {
		return err
	}
	return e.Encode(r)
}

func (p *Program) names() []string {
	names := []string{}
	for _, t := range p.Tests {
		names = append(names, t.Name)
	}
	for _, t := range p.Targets {
		names = append(names, t.Name)
	}
	for _, t := range p.Examples {
		names = append(names, t.Name)
	}
	return names
}

// last is what ran the last execution.
var last *engine.Engine

// begun and ended count executions. Some are stopped for their length.
var begun, ended int

// body returns what the first thread of each execution does.
func (p *Program) body(name string) func() {
	test := p.test(name)
	if test == nil {
		return nil
	}
	form.OnExit(func() {
		ended++
		if now != nil && now.failed {
			engine.Current.Fail(engine.KindViolation, now.message())
		}
	})
	return func() {
		last = engine.Current
		begun++
		r := &run{}
		now = r
		if p.Files {
			r.tempDir()
		}
		form.Reset()
		r.top = &T{common: common{run: r, name: name}}
		if p.Main != nil {
			p.Main(&M{test: func() bool { test(r); return !r.failed }})
		} else {
			test(r)
		}
		e := engine.Current
		if e.Aborting() {
			return
		}
		if r.failed {
			e.Fail(engine.KindViolation, r.message())
		}
		ended++
		e.Quit()
	}
}

func (p *Program) test(name string) func(*run) {
	for _, t := range p.Tests {
		if t.Name == name {
			return func(r *run) { r.top.do(t.F) }
		}
	}
	for _, t := range p.Targets {
		if t.Name == name {
			return func(r *run) {
				f := &F{common: common{run: r, name: name}}
				t.Fn(f)
				f.clean()
			}
		}
	}
	for _, x := range p.Examples {
		if x.Name == name {
			return func(r *run) { r.example(x) }
		}
	}
	return nil
}

// tempDir gives the execution a folder for temporary files: what an earlier one has left
// behind isn't there.
func (r *run) tempDir() {
	old, had := os.LookupEnv("TMPDIR")
	dir, err := os.MkdirTemp("", "refbench-run-")
	if err != nil {
		return
	}
	_ = os.Setenv("TMPDIR", dir)
	r.undo = append(r.undo, func() {
		if had {
			_ = os.Setenv("TMPDIR", old)
		} else {
			_ = os.Unsetenv("TMPDIR")
		}
		_ = os.RemoveAll(dir)
	})
}

// example runs an example with its output in a file.
func (r *run) example(x InternalExample) {
	file, err := os.CreateTemp("", "refbench-example-")
	if err != nil {
		r.top.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = file
	r.undo = append(r.undo, func() {
		os.Stdout = old
		_ = file.Close()
		_ = os.Remove(file.Name())
	})
	x.F()
	os.Stdout = old
	data, err := os.ReadFile(file.Name())
	if err != nil {
		r.top.Fatal(err)
	}
	got, want := strings.TrimSpace(string(data)), strings.TrimSpace(x.Output)
	if x.Unordered {
		got, want = sortedLines(got), sortedLines(want)
	}
	if got != want {
		r.top.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func (p *Program) explore(body func()) (*testrun.Report, error) {
	undo := func() {
		if now != nil {
			for i := len(now.undo) - 1; i >= 0; i-- {
				now.undo[i]()
			}
			now.undo = nil
		}
	}
	defer undo()
	maxPoints := options.MaxPoints
	if maxPoints == 0 {
		maxPoints = defaultMaxPoints
	}
	s := &explore.Scenario{
		Name: p.Path + "." + options.Test, CPUs: 4, MaxPoints: maxPoints, IdleClock: !options.AnyTime, Goexit: true, Cut: true,
		Make: func(explore.Program) explore.Case {
			return explore.Case{Setup: undo, Threads: []func(){body}}
		},
	}
	o := explore.Options{
		Seed: options.Seed, Search: explore.Search(options.Search), Depth: options.Depth, Bound: options.Bound,
		Executions: options.Executions, Time: options.Time, NoRaces: options.NoRaces, Version: options.Version,
		Timeout: hangTimeout,
	}
	if o.Executions == 0 {
		o.Executions = math.MaxInt
	}
	rep := &testrun.Report{Test: options.Test}
	if options.Replay != "" {
		f, err := explore.Replay(options.Replay, []*explore.Scenario{s}, o)
		if err != nil {
			return nil, err
		}
		rep.Executions = 1
		return rep, failed(rep, f)
	}
	begin := time.Now()
	// Whether there is anything to choose is seen in the first schedules.
	first := o
	first.Search, first.Bound, first.Executions = explore.DFS, explore.Unbounded, fewExecutions
	r, err := explore.Explore(s, first)
	if err == nil && r.Failure == nil && !r.Exhaustive && ended > 0 {
		if options.MaxPoints == 0 {
			// Some schedules have somebody wait in a loop. They are stopped soon, so that
			// others have their turn.
			s.MaxPoints = min(maxPoints, max(fewestPoints, longer*r.Points/r.Executions))
		}
		begun, ended = 0, 0
		r, err = explore.Explore(s, o)
	}
	rep.Seconds = time.Since(begin).Seconds()
	if hang := new(explore.HangError); errors.As(err, &hang) {
		rep.Verdict, rep.Message, rep.Stack = testrun.Hangs, "it runs on without coming to a scheduling point, or blocks for real", hang.Stack
		return rep, nil
	}
	if err != nil {
		return nil, err
	}
	rep.Executions, rep.Points, rep.Threads = r.Executions, r.Points, last.Started()
	rep.Complete, rep.Exhaustive, rep.Cut = r.Complete, r.Exhaustive, max(begun-ended, 0)
	if now != nil {
		rep.Log = now.log.String()
	}
	switch {
	case r.Failure != nil:
		rep.Search = r.Search
		return rep, failed(rep, r.Failure)
	case ended == 0 && !now.top.skipped:
		rep.Verdict, rep.Message = testrun.TooLong, fmt.Sprintf("no execution ended within %d points", s.MaxPoints)
	case now != nil && now.top.skipped:
		rep.Verdict = testrun.Skipped
	case r.Exhaustive && rep.Threads <= 1 && r.Executions <= fewExecutions:
		rep.Verdict = testrun.Once
	default:
		rep.Verdict = testrun.Passed
	}
	return rep, nil
}

// An execution may be so many times as long as the first ones, and have so many points
// whatever they had.
const (
	longer       = 8
	fewestPoints = 50_000
)

// fewExecutions is in how many executions a test shows that there is nothing to choose:
// more than one if the search has to learn what is touched.
const fewExecutions = 8

// hangTimeout is how long a thread may run without coming to a point.
const hangTimeout = 20 * time.Second

// failed notes the failure.
func failed(r *testrun.Report, f *explore.Failure) error {
	r.Message, r.Threads = f.Message, last.Started()
	switch {
	case f.Kind == explore.Unsupported, f.Kind == explore.Goexit:
		r.Verdict = testrun.Unsupported
		return nil
	case f.Kind == explore.Nondeterministic:
		r.Verdict = testrun.Nondeterministic
		return nil
	}
	r.Verdict, r.Kind, r.Token, r.Stack, r.Found = testrun.Failed, string(f.Kind), f.Token, f.Stack, f.Executions
	r.Schedule = f.Text()
	if now != nil {
		r.Log = now.log.String()
	}
	if options.HTML == "" {
		return nil
	}
	var page bytes.Buffer
	if err := f.WriteHTML(&page); err != nil {
		return err
	}
	return os.WriteFile(options.HTML, page.Bytes(), 0o666)
}

func sortedLines(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

package explore

import (
	"fmt"
	"slices"
	"time"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/internal/search"
)

// A Session explores one case after the other, some schedules of each, on the
// goroutine that calls it. It keeps the goroutines of threads from one case to the
// next, so that a case costs little more than its executions: what a fuzz target
// needs. Unlike [Explore] it doesn't watch over code that never reaches a scheduling
// point.
//
// If a caller is locked to its thread, as fuzz targets in libFuzzer are, all must be,
// and to the same.
type Session struct {
	e *engine.Engine
	d sessionDriver
}

// NewSession makes a session.
func NewSession() *Session { return &Session{e: engine.New()} }

// Close ends the goroutines that the session keeps. It can't be used any more.
func (s *Session) Close() { s.e.Close() }

// Schedules says under which schedules a session runs a case. The same value means the
// same schedules.
type Schedules struct {
	// N is how many executions there are.
	N int

	// Prefix is the beginning of each schedule, a byte for each decision: bits
	// 0-1 say which of the threads that can go on does (or on which CPU the
	// thread goes on), counted from the running one, and bits 2-7 how many
	// points pass until the next decision. The byte for a select of which
	// several cases can go on says which.
	Prefix []byte

	// Seed fixes what comes after Prefix: in the first execution nothing but
	// what has to be, then the random walk in one of eight, and in the others
	// PCT of depths 2, 3 and 4.
	Seed uint64

	// CPUs is the number of virtual CPUs, 1 .. MaxCPUs.
	CPUs int

	// NoRaces turns the happens-before check off. Otherwise it is on in every
	// second group of four executions: it takes a third of the time, and what
	// it finds it finds under most schedules.
	NoRaces bool

	// Access is called after each access of a thread to an atomic variable, by
	// the code that made it: on that thread's stack. nil: no.
	Access func(Access)
}

// An Access is one of a thread to an atomic variable.
type Access struct {
	Execution int // from 0
	Thread    int
	Variable  uint32 // its number in this execution
	Wrote     bool
}

// Run runs the case. It returns how many executions and points there were, and what
// was found, nil if nothing: then there are N executions. It panics if the case can't
// be run, or an exploration in this process hangs.
func (s *Session) Run(c Case, o Schedules) (executions, points int, f *Finding) {
	if n := len(c.Threads); n < 1 || n > MaxThreads || o.CPUs < 1 || o.CPUs > MaxCPUs {
		panic(fmt.Sprintf("explore: Session.Run with %d threads on %d CPUs, want 1 to %d on 1 to %d", n, o.CPUs, MaxThreads, MaxCPUs))
	}
	exploring.Lock()
	defer exploring.Unlock()
	if err := unstick(time.Second); err != nil {
		panic(err)
	}
	d := &s.d
	d.c = engine.Case{CPUs: o.CPUs, Setup: c.Setup, Threads: c.Threads, Finish: c.Finish, MaxPoints: defaultMaxPoints}
	d.o = o
	d.executions, d.points, d.k, d.found = 0, 0, 1, nil
	d.prefix.Bytes = o.Prefix
	d.access = nil
	if o.Access != nil {
		d.access = func(thread int, loc uint32, wrote bool) {
			o.Access(Access{d.executions - 1, thread, loc, wrote})
		}
	}
	if s.e.Doomed() > mostDoomed {
		s.e.Close()
		s.e = engine.New()
	}
	s.e.Run(d)
	return d.executions, d.points, d.found
}

// mostDoomed is how many threads may have ended badly before the session starts with
// fresh goroutines.
const mostDoomed = 1000

// A sessionDriver runs the executions of one case.
type sessionDriver struct {
	c          engine.Case
	o          Schedules
	executions int
	points     int
	k          int // points of the longest execution so far
	found      *Finding
	access     func(thread int, loc uint32, wrote bool)

	prefix search.Prefix
	still  engine.Guided
	pct    search.PCT
	random search.Random
}

// randomEvery is how many executions there are for each random walk. A walk switches at
// most points, so that it takes several times as long as an execution of PCT.
const randomEvery = 8

func (d *sessionDriver) Begin(e *engine.Engine) bool {
	if d.executions >= d.o.N || d.found != nil {
		return false
	}
	i := d.executions
	d.executions++
	switch {
	case i == 0:
		d.still.Reset()
		d.prefix.Then = &d.still
	case i%randomEvery == 1:
		d.random.Seed = d.o.Seed
		d.random.Begin(i)
		d.prefix.Then = &d.random
	default:
		d.pct.Seed, d.pct.Depth = d.o.Seed, 2+i%3
		d.pct.Begin(i, d.k)
		d.prefix.Then = &d.pct
	}
	d.c.Races = !d.o.NoRaces && i&4 == 0
	d.prefix.Begin()
	e.Prepare(&d.c, &d.prefix, engine.Options{Record: true, Access: d.access})
	return true
}

func (d *sessionDriver) End(e *engine.Engine) {
	step := e.Step()
	d.points += step
	d.k = min(max(d.k, step), maxPCTPoints)
	if f := e.Failure(); f != nil {
		d.found = &Finding{failure: f, decisions: slices.Clone(e.Decisions()), executions: d.executions, noRaces: !d.c.Races, o: d.o}
	}
}

// A Finding is a schedule of a session that goes wrong.
type Finding struct {
	failure    *engine.Failure
	decisions  []engine.Decision
	executions int
	noRaces    bool
	o          Schedules
}

// Kind returns what kind of failure it is.
func (f *Finding) Kind() Kind { return f.failure.Kind }

// Failure makes the finding small, unless o.NoShrink, and gives it a token. s is a
// scenario that makes the very case that was run.
func (f *Finding) Failure(s *Scenario, o Options) (*Failure, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	o.Seed, o.NoRaces = f.o.Seed, f.noRaces
	x := &found{program: s.Program, cpus: f.o.CPUs, decisions: f.decisions, failure: f.failure}
	out := x.report(s, o, nil)
	out.Executions = f.executions
	return out, nil
}

package explore

import (
	"sync"
	"time"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/internal/search"
)

// A Kind of failure.
type Kind = engine.Kind

// The kinds of failure.
const (
	Violation        = engine.KindViolation
	Race             = engine.KindRace
	Deadlock         = engine.KindDeadlock
	Livelock         = engine.KindLivelock
	Leak             = engine.KindLeak
	Panic            = engine.KindPanic
	Misuse           = engine.KindMisuse
	Goexit           = engine.KindGoexit
	Unsupported      = engine.KindUnsupported
	Nondeterministic = engine.KindNondeterministic
)

// Passed is the verdict of a result without a failure.
const Passed = "passed"

// A Result is what an exploration found.
type Result struct {
	Scenario   string  `json:"scenario"`
	Verdict    string  `json:"verdict"` // Passed or the failure's kind
	Executions int     `json:"executions"`
	Points     int     `json:"points"` // scheduling points passed in all executions
	Seconds    float64 `json:"seconds"`
	Search     string  `json:"search"` // what found the failure, or what was asked for

	// Exhaustive reports whether every schedule of the scenario's program was tried. That says
	// nothing of a program with more threads or other calls. Complete says
	// what was tried completely, in words; it is empty if nothing was. In a
	// fair schedule a thread that calls runtime.Gosched, sleeps, or is about
	// to read the same word for the fourth time running after three times the
	// same value, or has passed some hundred points without a change of memory,
	// goes on only when memory has changed or nobody else can; so does one that
	// tries a select with a default again and again.
	Exhaustive bool   `json:"exhaustive"`
	Complete   string `json:"complete,omitempty"`

	Failure *Failure `json:"failure,omitempty"`
}

// Explore runs the scenario under many schedules, until one fails or the options'
// limits are reached. The error says why the scenario can't be explored; what it
// does wrong is in the result.
func Explore(s *Scenario, o Options) (*Result, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	start := time.Now()
	d, err := explore(s, s.Program, s.cpus(s.Program), "", o)
	if d == nil || err != nil && d.kind() == "" {
		return nil, err
	}
	r := &Result{Scenario: s.Name, Verdict: Passed, Search: string(o.Search)}
	if f := d.failing.Load(); f != nil {
		r.Search, r.Executions = f.arm, f.nth
		x := &found{program: s.Program, cpus: s.cpus(s.Program), decisions: f.decisions, failure: f.failure}
		r.Failure = x.report(s, o, err)
		r.Failure.Executions = f.nth
		r.Verdict = string(r.Failure.Kind)
	}
	if err == nil { // else the driver may still be at work
		r.Executions, r.Points = d.executions, d.points
		if r.Failure == nil {
			r.Complete = d.complete
			_, r.Exhaustive = Together([]string{r.Complete})
		}
	}
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// exploring is held while a case is made and run: the drop-ins that Make uses must
// not take themselves for part of an exploration on another goroutine.
var exploring sync.Mutex

// explore runs the arms that the options ask for. If want isn't empty, only
// failures of that kind count. With an error there may be a driver too, of which only
// what it found may be used.
func explore(s *Scenario, p Program, cpus int, want Kind, o Options) (*driver, error) {
	exploring.Lock()
	defer exploring.Unlock()
	if err := unstick(o.Timeout); err != nil {
		return nil, err
	}
	ec, c, err := s.build(p, cpus, !o.NoRaces)
	if err != nil {
		return nil, err
	}
	d := &driver{c: ec, want: want, limit: o.Limit(), most: o.points}
	if o.Time > 0 {
		d.deadline = time.Now().Add(o.Time)
	}
	var some *search.Subtrees
	if o.Parts > 0 && o.descends() {
		cut := &driver{c: ec, want: nothing, limit: Unbounded, deadline: d.deadline}
		a := &cutArm{dfsArm: dfsArm{values: c.Values, retries: c.Retries, plain: o.Search == PlainDFS}}
		a.s = search.Subtrees{DFS: search.DFS{Hash: a.options().Hash, Retries: c.Retries}, Least: leastSubtrees * o.Parts}
		cut.arms = []arm{a}
		if err := cut.start(s, o); err != nil || cut.kind() != "" {
			return cut, err
		}
		if !a.s.Ready() {
			return d, nil // the time was up, or it was stopped: nothing was tried
		}
		some = &a.s
	}
	d.arms = arms(o, c, some)
	return d, d.start(s, o)
}

// nothing is a kind that no failure is of: cutting schedules into subtrees isn't for finding any.
const nothing Kind = "nothing"

// leastSubtrees is how many subtrees there are for each part, if there are so many: of several
// some are small and some are large.
const leastSubtrees = 4

func (d *driver) start(s *Scenario, o Options) error {
	d.alive, d.turn, d.left = len(d.arms), len(d.arms)-1, 0
	return d.run(s.Name, o.Timeout, o.Stop)
}

// follow runs one given schedule. base says what of it is kept.
func follow(s *Scenario, p Program, cpus int, ds []engine.Decision, o Options, base engine.Options) (*driver, error) {
	exploring.Lock()
	defer exploring.Unlock()
	if err := unstick(o.Timeout); err != nil {
		return nil, err
	}
	ec, c, err := s.build(p, cpus, !o.NoRaces)
	if err != nil {
		return nil, err
	}
	d := &driver{c: ec, limit: -1, arms: []arm{&guidedArm{g: engine.Guided{Decisions: ds}}}}
	d.base = base
	d.base.Show = c.Show
	return d, d.start(s, o)
}

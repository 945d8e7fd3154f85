package explore

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/internal/search"
)

// An arm is a search that takes turns with others.
type arm interface {
	// begin prepares the next execution, or reports false if there is none.
	begin(d *driver, e *engine.Engine) bool
	// end looks at it.
	end(d *driver, e *engine.Engine)
	// name says what it is.
	name() string
}

// driver runs the arms in turn until one finds a failure or all are finished.
type driver struct {
	c     engine.Case
	base  engine.Options
	arms  []arm
	alive int
	turn  int
	left  int // executions left in the turn

	limit    int // executions, negative: any number
	most     int // points, 0: any number
	deadline time.Time
	looked   time.Time // at the clock
	interval int       // executions between looks
	unlooked int       // executions until the next

	executions int
	points     int
	longest    int // points

	want     Kind // if set, failures of other kinds don't count
	stop     bool
	last     int                     // with a leak at hand: the execution at which to stop looking for worse
	failing  atomic.Pointer[failing] // may be read while an execution hangs
	complete string                  // says in what sense everything was tried

	stopped atomic.Bool // by Options.Stop
}

// A failing is an execution that goes wrong.
type failing struct {
	failure   *engine.Failure
	decisions []engine.Decision
	arm       string
	nth       int // which execution, from 1
	events    []engine.Event
}

// kind returns the kind of the failure that was found, "" if there is none.
func (d *driver) kind() Kind {
	if f := d.failing.Load(); f != nil {
		return f.failure.Kind
	}
	return ""
}

// turnLength is how many executions an arm runs before the next one's turn, and
// firstTurn how many in its first: what one of them finds at once needn't wait for
// the others.
const (
	turnLength = 32
	firstTurn  = 8
)

func (d *driver) Begin(e *engine.Engine) bool {
	if d.stop || d.limit >= 0 && d.executions >= d.limit || d.most > 0 && d.points >= d.most {
		return false
	}
	if d.failing.Load() != nil && d.executions >= d.last {
		return false
	}
	if d.executions > 0 && (d.stopped.Load() || !d.deadline.IsZero() && d.late()) {
		return false // but never before the first: nothing tried would look like a pass
	}
	for d.alive > 0 {
		if d.left == 0 || d.arms[d.turn] == nil {
			d.turn = (d.turn + 1) % len(d.arms)
			d.left = turnLength
			if _, dfs := d.arms[d.turn].(*dfsArm); dfs {
				d.left *= 2 // it alone can come to an end
			}
			if d.executions < firstTurn*len(d.arms) {
				d.left = firstTurn
			}
			continue
		}
		if d.arms[d.turn].begin(d, e) {
			d.left--
			d.executions++
			return true
		}
		if d.stop {
			return false
		}
		d.arms[d.turn] = nil
		d.alive--
	}
	return false
}

// late reports whether the time is up. It looks at the clock at least every 64
// executions, and at each if they are slow.
func (d *driver) late() bool {
	if d.unlooked--; d.unlooked > 0 {
		return false
	}
	now := time.Now()
	if now.Sub(d.looked) < time.Millisecond {
		d.interval = min(2*d.interval+1, 64)
	} else {
		d.interval = 1
	}
	d.looked, d.unlooked = now, d.interval
	return now.After(d.deadline)
}

func (d *driver) End(e *engine.Engine) {
	step := e.Step()
	d.points += step
	d.longest = max(d.longest, step)
	if f := e.Failure(); f != nil && d.counts(f.Kind) {
		d.stop = f.Kind != Leak || d.want != ""
		d.last = d.executions + leakExecutions
		d.failing.Store(&failing{f, slices.Clone(e.Decisions()), d.arms[d.turn].name(), d.executions, slices.Clone(e.Events)})
	}
	d.arms[d.turn].end(d, e)
}

// leakExecutions is for how many more executions something worse is looked for once
// a leak was found. A race that leaks now and then often releases twice now and then,
// and it is the second that shows what can happen.
const leakExecutions = 2000

// counts reports whether to keep a failure of this kind.
func (d *driver) counts(k Kind) bool {
	switch {
	case k == Nondeterministic:
		return true
	case d.want != "":
		return k == d.want
	}
	return d.failing.Load() == nil || k != Leak
}

func (d *driver) prepare(e *engine.Engine, s engine.Search, o engine.Options) {
	o.Trace, o.Show = d.base.Trace, d.base.Show
	o.Record, o.RecordAll = true, d.base.RecordAll
	e.Prepare(&d.c, s, o)
}

// turns are the numbers of executions that a part of a random search has.
type turns struct{ next, step int }

func (t *turns) take() int {
	i := t.next
	t.next += t.step
	return i
}

type randomArm struct {
	s search.Random
	turns
}

func (a *randomArm) begin(d *driver, e *engine.Engine) bool {
	a.s.Begin(a.take())
	d.prepare(e, &a.s, engine.Options{})
	return true
}
func (a *randomArm) end(*driver, *engine.Engine) {}
func (a *randomArm) name() string                { return string(Random) }

type posArm struct {
	s search.POS
	turns
}

func (a *posArm) begin(d *driver, e *engine.Engine) bool {
	a.s.Begin(a.take())
	d.prepare(e, &a.s, engine.Options{Locations: true})
	return true
}
func (a *posArm) end(*driver, *engine.Engine) {}
func (a *posArm) name() string                { return string(POS) }

type urwArm struct {
	s search.URW
	turns
}

func (a *urwArm) begin(d *driver, e *engine.Engine) bool {
	a.s.Begin(a.take())
	d.prepare(e, &a.s, engine.Options{Locations: true})
	return true
}
func (a *urwArm) end(*driver, *engine.Engine) {}
func (a *urwArm) name() string                { return string(URW) }

type pctArm struct {
	s search.PCT
	turns
	k int // points of the longest execution so far
}

func (a *pctArm) begin(d *driver, e *engine.Engine) bool {
	if a.k == 0 {
		a.k = 16 // until the first execution has shown how long they are
	}
	a.s.Begin(a.take(), a.k)
	d.prepare(e, &a.s, engine.Options{})
	return true
}

// maxPCTPoints keeps an execution that spins from stretching all later ones.
const maxPCTPoints = 1 << 14

func (a *pctArm) end(_ *driver, e *engine.Engine) { a.k = min(max(a.k, e.Step()), maxPCTPoints) }
func (a *pctArm) name() string                    { return fmt.Sprintf("%s depth %d", PCT, a.s.Depth) }

// dfsArm tries bounds one after another.
type dfsArm struct {
	s       *search.DFS
	bounds  []int
	values  bool
	retries bool
	plain   bool
	states  int
	waited  bool

	cut   bool // only the roots are searched
	roots []search.Root
}

// below returns the roots that a bound allows, without those that need no search of their own,
// and whether it leaves out any.
func (a *dfsArm) below(bound int) (roots []search.Root, cut bool) {
	roots = []search.Root{} // nil would be the whole tree
	for _, r := range a.roots {
		switch {
		case bound >= 0 && r.Preemptions > bound:
			cut = true
		case bound < 0 && r.Again:
		default:
			roots = append(roots, r)
		}
	}
	return roots, cut
}

func (a *dfsArm) begin(d *driver, e *engine.Engine) bool {
	for {
		if a.s == nil {
			if len(a.bounds) == 0 {
				return false
			}
			a.s = &search.DFS{Bound: a.bounds[0], Hash: a.values, Retries: a.retries, Plain: a.plain}
			if a.cut {
				a.s.Roots, a.s.CutRoots = a.below(a.bounds[0])
			}
		}
		if a.s.Begin() {
			d.prepare(e, a.s, a.options())
			return true
		}
		d.complete = a.completed()
		if a.s.Exhausted() {
			d.stop = true
			return false
		}
		a.s, a.bounds, a.waited = nil, a.bounds[1:], false
	}
}

func (a *dfsArm) completed() string {
	if a.s.Exhausted() {
		return completed(everything, a.waited)
	}
	return completed(a.s.Bound, a.waited)
}

func (a *dfsArm) options() engine.Options {
	return engine.Options{Note: !a.plain, Hash: a.values && !a.plain, Retries: a.retries}
}

func (a *dfsArm) end(_ *driver, e *engine.Engine) {
	a.s.End(e)
	a.states = max(a.states, a.s.States)
	a.waited = a.waited || e.Waited()
}
func (a *dfsArm) name() string {
	n := string(DFS)
	if a.plain {
		n = string(PlainDFS)
	}
	if a.s != nil && a.s.Bound >= 0 {
		return fmt.Sprintf("%s bound %d", n, a.s.Bound)
	}
	return n
}

// cutArm cuts schedules into subtrees for dfsArms that have these options.
type cutArm struct {
	s search.Subtrees
	dfsArm
}

func (a *cutArm) begin(d *driver, e *engine.Engine) bool {
	if !a.s.Begin() {
		return false
	}
	d.prepare(e, &a.s, a.options())
	return true
}
func (a *cutArm) end(_ *driver, e *engine.Engine) { a.s.End(e) }
func (a *cutArm) name() string                    { return "subtrees" }

// guidedArm runs one given schedule.
type guidedArm struct {
	g    engine.Guided
	once bool
}

func (a *guidedArm) begin(d *driver, e *engine.Engine) bool {
	if a.once {
		return false
	}
	a.once = true
	a.g.Reset()
	d.prepare(e, &a.g, engine.Options{Note: true})
	return true
}
func (a *guidedArm) end(*driver, *engine.Engine) {}
func (a *guidedArm) name() string                { return "replay" }

// mostBounds is how many smaller bounds a search with a bound tries first.
const mostBounds = 16

func arms(o Options, c Case, subtrees *search.Subtrees) []arm {
	dfs := func(plain bool, bounds ...int) arm {
		a := &dfsArm{bounds: bounds, values: c.Values, retries: c.Retries, plain: plain}
		if subtrees != nil {
			a.cut, a.roots = true, subtrees.Part(o.Part, o.Parts)
		}
		return a
	}
	t := turns{o.Part, max(o.Parts, 1)}
	pct := func(depth int) arm {
		return &pctArm{s: search.PCT{Seed: o.Seed + uint64(depth), Depth: depth}, turns: t}
	}
	random, pos, urw := &randomArm{search.Random{Seed: o.Seed}, t}, &posArm{search.POS{Seed: o.Seed}, t}, &urwArm{search.URW{Seed: o.Seed}, t}
	switch o.Search {
	case Random:
		return []arm{random}
	case PCT:
		return []arm{pct(o.Depth)}
	case POS:
		return []arm{pos}
	case URW:
		return []arm{urw}
	case DFS:
		// Smaller bounds come first: they say what was completed if the
		// limits of the options end the search, and find what needs
		// few preemptions with few. Without a bound, more of them would take
		// longer than they are worth, because only then every reduction counts.
		if o.Bound == Unbounded {
			return []arm{dfs(false, 0, 1, Unbounded)}
		}
		var bounds []int
		for b := range min(o.Bound, mostBounds) {
			bounds = append(bounds, b)
		}
		return []arm{dfs(false, append(bounds, o.Bound)...)}
	case PlainDFS:
		return []arm{dfs(true, o.Bound)}
	}
	return []arm{urw, random, pct(2), dfs(false, 0, 1, 2, 3, Unbounded), pct(3), pos, pct(4)}
}

// descends reports whether the search has a depth-first one.
func (o Options) descends() bool {
	return o.Search == DFS || o.Search == PlainDFS || o.Search == Portfolio
}

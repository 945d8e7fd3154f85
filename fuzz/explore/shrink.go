package explore

import (
	"slices"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// How many executions the shrinker spends: on each smaller program, and for each
// bound while it looks for the schedule with the fewest preemptions. Executions of
// more than shrinkPoints points get less in proportion, so that shrinking takes
// about as long with each, but not less than one in fewestOf. Neither are there more
// than longer times the points that so many executions as long as the failing one have:
// others may be much longer.
const (
	shrinkExecutions = 3000
	boundExecutions  = 30_000
	shrinkPoints     = 100
	fewestOf         = 6
	longer           = 2
)

// A shrinker makes a failing schedule smaller until there is no time left. What it has
// is a failing schedule at any time.
type shrinker struct {
	s *Scenario
	*found
	o        Options
	deadline time.Time
	err      error // ends it
}

// shrink returns a smaller schedule that fails in the same way: with a smaller program,
// thread by thread and then word by word, as long as a short exploration of what is left
// fails, and then with the fewest preemptions. The error says why nothing more can be run.
func shrink(s *Scenario, f *found, o Options) (*found, error) {
	small := *f
	x := &shrinker{s: s, found: &small, o: o, deadline: time.Now().Add(o.ShrinkTime)}
	for x.threads() || x.words() {
	}
	x.schedule()
	return x.found, x.err
}

// over reports whether to come to an end.
func (x *shrinker) over() bool {
	select {
	case <-x.o.Stop:
		return true
	default:
		return x.err != nil || !time.Now().Before(x.deadline)
	}
}

// spend allows n executions, if they are short.
func (x *shrinker) spend(n int) Options {
	o, length := x.o, max(x.failure.Step, shrinkPoints)
	o.Executions = max(n*shrinkPoints/length, n/fewestOf)
	o.points = longer * o.Executions * length
	o.Time = max(time.Until(x.deadline), 1)
	return o
}

// take takes what was found if it fails in the same way.
func (x *shrinker) take(d *driver, err error, p Program, cpus int, better func(*failing) bool) bool {
	if err != nil {
		if _, no := err.(*programError); !no {
			x.err = err
		}
		return false
	}
	f := d.failing.Load()
	if f == nil || f.failure.Kind != x.failure.Kind || !better(f) {
		return false
	}
	*x.found = found{program: p, cpus: cpus, decisions: f.decisions, failure: f.failure}
	return true
}

func anyBetter(*failing) bool { return true }

// try explores a smaller program and takes it if it fails in the same way.
func (x *shrinker) try(p Program) bool {
	if x.over() {
		return false
	}
	cpus := x.cpus
	if x.s.CPUs == 0 {
		cpus = x.s.cpus(p)
	}
	o := x.spend(shrinkExecutions)
	o.Search = Portfolio
	d, err := explore(x.s, p, cpus, x.failure.Kind, o)
	return x.take(d, err, p, cpus, anyBetter)
}

// threads takes threads away.
func (x *shrinker) threads() (any bool) {
	for i := len(x.program) - 1; i >= 0 && len(x.program) > 1; i-- {
		if x.try(slices.Delete(slices.Clone(x.program), i, i+1)) {
			any = true
		}
	}
	return any
}

// words takes words away, in pieces of half a thread's first.
func (x *shrinker) words() (any bool) {
	for t := range x.program {
		words := strings.Fields(x.program[t])
		for size := max(len(words)/2, 1); size >= 1; size /= 2 {
			for i := len(words) - size; i >= 0; i-- {
				if i+size > len(words) {
					continue
				}
				fewer := slices.Delete(slices.Clone(words), i, i+size)
				p := slices.Clone(x.program)
				p[t] = strings.Join(fewer, " ")
				if x.try(p) {
					words, any = fewer, true
				}
			}
		}
	}
	return any
}

// schedule looks for a schedule with few preemptions: by depth-first search
// with a growing bound, and then by leaving decisions out.
func (x *shrinker) schedule() {
	if have := preemptions(x.decisions); have > 0 && !x.over() {
		bound := min(have, 5) - 1
		o := x.spend(boundExecutions * (bound + 1))
		o.Search, o.Bound = DFS, bound
		o.Time = max(o.Time/2, 1) // the rest is for leaving out
		d, err := explore(x.s, x.program, x.cpus, x.failure.Kind, o)
		x.take(d, err, x.program, x.cpus, anyBetter)
	}
	for x.leaveOut() || x.join() {
	}
}

// A turn is what one thread does until another goes on: the decisions of each of its
// steps.
type turn struct {
	thread uint8
	steps  [][]engine.Decision
}

// turns returns those of the schedule, none if there is no time left.
func (x *shrinker) turns() []turn {
	if x.over() {
		return nil
	}
	d, err := x.again(x.decisions, engine.Options{RecordAll: true})
	if err != nil {
		x.err = err
		return nil
	}
	f := d.failing.Load()
	if f == nil {
		return nil
	}
	var turns []turn
	for _, d := range f.decisions {
		if d.Of != engine.OfThread {
			if len(turns) > 0 {
				steps := turns[len(turns)-1].steps
				steps[len(steps)-1] = append(steps[len(steps)-1], d)
			}
			continue
		}
		if len(turns) == 0 || turns[len(turns)-1].thread != d.Choice {
			turns = append(turns, turn{thread: d.Choice})
		}
		last := &turns[len(turns)-1]
		last.steps = append(last.steps, []engine.Decision{d})
	}
	return turns
}

// join makes two turns of a thread one: the first is made where the second is, or the
// second where the first is.
func (x *shrinker) join() (any bool) {
	turns := x.turns()
	for i := 0; i < len(turns) && !x.over(); i++ {
		j := i + 1
		for j < len(turns) && turns[j].thread != turns[i].thread {
			j++
		}
		if j == len(turns) {
			continue
		}
		before, between, after := turns[:i], turns[i+1:j], turns[j+1:]
		for _, order := range [][]turn{
			slices.Concat(before, between, turns[i:i+1], turns[j:j+1], after),
			slices.Concat(before, turns[i:i+1], turns[j:j+1], between, after),
		} {
			var ds []engine.Decision
			step := turns[0].steps[0][0].Step
			for _, t := range order {
				for _, s := range t.steps {
					for _, d := range s {
						d.Step = step
						ds = append(ds, d)
					}
					step++
				}
			}
			d, err := x.again(ds, engine.Options{})
			if x.take(d, err, x.program, x.cpus, func(f *failing) bool { return preemptions(f.decisions) < preemptions(x.decisions) }) {
				turns, any = x.turns(), true
				i = -1
				break
			}
		}
	}
	return any
}

// again runs one schedule.
func (x *shrinker) again(ds []engine.Decision, base engine.Options) (*driver, error) {
	return follow(x.s, x.program, x.cpus, ds, x.o, base)
}

// leaveOut leaves out decisions, in pieces of half of them first.
func (x *shrinker) leaveOut() (any bool) {
	for size := max(len(x.decisions)/2, 1); size >= 1; size /= 2 {
		for i := len(x.decisions) - size; i >= 0 && !x.over(); i-- {
			if i+size > len(x.decisions) {
				continue
			}
			ds := slices.Delete(slices.Clone(x.decisions), i, i+size)
			d, err := x.again(ds, engine.Options{})
			if x.take(d, err, x.program, x.cpus, func(f *failing) bool {
				// What was really decided, since decisions that no
				// longer fit are passed over.
				return preemptions(f.decisions) <= preemptions(x.decisions) && len(f.decisions) < len(x.decisions)
			}) {
				any = true
			}
		}
	}
	return any
}

// preemptions counts decisions that take the processor from a thread that could
// go on, or move it to another CPU.
func preemptions(ds []engine.Decision) int {
	n := 0
	for _, d := range ds {
		if d.Preempts || d.Of == engine.OfCPU {
			n++
		}
	}
	return n
}

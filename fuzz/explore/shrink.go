package explore

import (
	"slices"
	"strings"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// How many executions the shrinker spends: on each smaller program, and for each
// bound while it looks for the schedule with the fewest preemptions. Executions of
// more than shrinkPoints points get less in proportion, so that shrinking takes
// about as long with each, but not less than one in fewestOf.
const (
	shrinkExecutions = 3000
	boundExecutions  = 30_000
	shrinkPoints     = 100
	fewestOf         = 6
)

// spend returns how many of n executions to spend on a failure.
func spend(n int, f *found) int {
	return max(n*shrinkPoints/max(f.failure.Step, shrinkPoints), n/fewestOf)
}

// shrink makes the program smaller, thread by thread and then word by word, as long as a short exploration of what is left fails in the same
// way. Then it looks for the schedule with the fewest preemptions.
func shrink(s *Scenario, f *found, o Options) {
	o.Search, o.Executions, o.Time = Portfolio, spend(shrinkExecutions, f), 0
	for shrinkThreads(s, f, o) || shrinkWords(s, f, o) {
	}
	shrinkSchedule(s, f, o)
}

// try explores a smaller program and takes it if it fails in the same way.
func (f *found) try(s *Scenario, p Program, o Options) bool {
	cpus := f.cpus
	if s.CPUs == 0 {
		cpus = s.cpus(p)
	}
	d, err := explore(s, p, cpus, f.failure.Kind, o)
	if err != nil || d.failure == nil || d.failure.Kind != f.failure.Kind {
		return false
	}
	f.program, f.cpus, f.decisions, f.failure = p, cpus, d.decisions, d.failure
	return true
}

func shrinkThreads(s *Scenario, f *found, o Options) (any bool) {
	for i := len(f.program) - 1; i >= 0 && len(f.program) > 1; i-- {
		if f.try(s, slices.Delete(slices.Clone(f.program), i, i+1), o) {
			any = true
		}
	}
	return any
}

// shrinkWords takes words away, in pieces of half a thread's first.
func shrinkWords(s *Scenario, f *found, o Options) (any bool) {
	for t := range f.program {
		words := strings.Fields(f.program[t])
		for size := max(len(words)/2, 1); size >= 1; size /= 2 {
			for i := len(words) - size; i >= 0; i-- {
				if i+size > len(words) {
					continue
				}
				fewer := slices.Delete(slices.Clone(words), i, i+size)
				p := slices.Clone(f.program)
				p[t] = strings.Join(fewer, " ")
				if f.try(s, p, o) {
					words, any = fewer, true
				}
			}
		}
	}
	return any
}

// shrinkSchedule looks for a schedule with few preemptions: by depth-first search
// with a growing bound, and then by leaving decisions out.
func shrinkSchedule(s *Scenario, f *found, o Options) {
	if have := preemptions(f.decisions); have > 0 {
		o.Search, o.Bound = DFS, min(have, 4)-1
		o.Executions = spend(boundExecutions, f) * (o.Bound + 1)
		d, err := explore(s, f.program, f.cpus, f.failure.Kind, o)
		if err != nil {
			return
		}
		if d.failure != nil && d.failure.Kind == f.failure.Kind {
			f.decisions, f.failure = d.decisions, d.failure
		}
	}
	for size := max(len(f.decisions)/2, 1); size >= 1; size /= 2 {
		for i := len(f.decisions) - size; i >= 0; i-- {
			if i+size > len(f.decisions) {
				continue
			}
			ds := slices.Delete(slices.Clone(f.decisions), i, i+size)
			d, err := follow(s, f.program, f.cpus, ds, o, false)
			if err != nil {
				return
			}
			if d.failure != nil && d.failure.Kind == f.failure.Kind && preemptions(d.decisions) <= preemptions(f.decisions) && len(d.decisions) < len(f.decisions) {
				// What was really decided, since decisions that no
				// longer fit are passed over.
				f.decisions, f.failure = d.decisions, d.failure
			}
		}
	}
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

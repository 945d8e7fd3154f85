package stress

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

// RunPlan runs the plan of the workload with counts of the strategy, each time on a new
// instance, so many times, or, if times is 0, until ctx ends; and until the books of one
// don't balance, or nobody can go on. wrong asks for the known-wrong variant. In bare
// runs neither is looked at.
func RunPlan(ctx context.Context, s *strategies.Strategy, w *workloads.Workload, wrong bool, times int, cfg Config) Result {
	x := &lives{
		w: w, bare: cfg.Bare, pause: cfg.pauses(len(w.Plan.Threads())), idle: make([]bool, len(w.Plan.Threads())),
		cfg: workloads.Config{Seed: cfg.Seed, Checked: !cfg.Bare, Wrong: wrong, NewCounter: s.New},
	}
	var err error
	for _, text := range append([]string{w.Plan.Before}, w.Plan.Threads()...) {
		actions, wrong := w.Plan.Actions(text)
		x.threads, err = append(x.threads, actions), errors.Join(err, wrong)
	}
	if err != nil {
		return Result{Err: fmt.Errorf("workload %s: %w", w.Name, err)}
	}
	x.before, x.threads = x.threads[0], x.threads[1:]
	what := "workload: " + w.Name
	if wrong {
		what += ", known-wrong variant"
	}
	return run(ctx, s, x, len(x.threads), times, cfg, what)
}

// lives are one instance after the other.
type lives struct {
	w       *workloads.Workload
	cfg     workloads.Config
	bare    bool
	pause   func(thread int) // before each action; nil: none
	before  []workloads.Action
	threads [][]workloads.Action

	inst   workloads.Instance
	repeat int    // how often threads go through their actions
	idle   []bool // by thread: some operation wasn't there to be done
}

// most is how often threads go through their actions at most. Some mistakes show when
// everything is new, and some only later.
const most = 128

// Begin begins a life.
func (l *lives) Begin() (err error) {
	defer l.recovered(&err)
	l.cfg.Seed++
	if l.repeat *= 2; l.repeat == 0 || l.repeat > most {
		l.repeat = 1
	}
	if l.inst, err = l.w.StartPlan(l.cfg); err != nil {
		return err
	}
	for _, a := range l.before {
		a.Do(l.inst)
	}
	return nil
}

// Thread does a thread's actions.
func (l *lives) Thread(i int) (err error) {
	defer l.recovered(&err)
	l.idle[i] = false
	for range l.repeat {
		for _, a := range l.threads[i] {
			if l.pause != nil {
				l.pause(i)
			}
			if !a.Do(l.inst) {
				l.idle[i] = true
			}
		}
	}
	return nil
}

// End judges the life.
func (l *lives) End() (err error) {
	defer l.recovered(&err)
	idle := slices.Contains(l.idle, true) && workloads.Idle(l.inst, l.w.Plan.Workers())
	if what, _ := l.inst.Close().Wrong(idle); what != "" && !l.bare {
		return errors.New(what)
	}
	return nil
}

// recovered is deferred: it makes an error of a panic, of which a bare run makes nothing.
func (l *lives) recovered(err *error) {
	if v := recover(); v != nil && !l.bare {
		*err = fmt.Errorf("panicked: %v\n%s", v, debug.Stack())
	}
}

// Doing says what goes on. The goroutines show the call.
func (l *lives) Doing() string { return "workload " + l.w.Name + " goes on" }

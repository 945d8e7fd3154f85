package check

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/stress"
	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
)

var stressed = Check{
	Name: "stress", Doc: "op programs and short lives of workloads on goroutines that begin at once", Weight: 5,
	Threads: true, Shaken: true, Uses: true,
	Unsupported: func(s Subject) string {
		if s.Uses {
			return noWorkload(s)
		}
		return s.tooNarrow()
	},
	Run: func(ctx context.Context, s Subject, b Budget) Result { return stressing(ctx, s, b, false, nil) },
}

// A load is something that goroutines do again and again, until ctx ends or something is
// wrong.
type load struct {
	run     func(ctx context.Context, times int, cfg stress.Config) stress.Result // 0 times: until ctx ends
	program string                                                                // its text, if it is one
	use     *workloads.Workload
	turns   time.Duration
}

// The goroutines of a load begin once for many executions.
const turn = 20 * time.Millisecond

// stressing takes turns with the subject's loads until the time is up. began, if not nil, is
// told how many executions have begun before each.
func stressing(ctx context.Context, s Subject, b Budget, bare bool, began func(n uint64)) Result {
	var r Result
	var executions, turns uint64
	rng := rand.New(rand.NewPCG(b.realSeed(), 0))
	deadline := time.Now().Add(b.Time)
	// What the race detector sees in a bare run is what the count doesn't order.
	cfg := stress.Config{Pause: true, Bare: bare, Unordered: s.Unordered && !bare, Timeout: b.timeout()}
	if began != nil {
		cfg.Began = func(int) { executions++; began(executions) }
	}
	times := int(min(b.share(b.Each), math.MaxInt))
	if b.Each > 0 && times == 0 {
		return Result{Verdict: Unsupported, Reason: "no execution is in this part"}
	}
	for r.Verdict == "" && !(b.First && len(r.Misuses) > 0) && (turns == 0 || ctx.Err() == nil && b.Each == 0 && time.Now().Before(deadline)) {
		for _, l := range s.loads(rng) {
			left := time.Until(deadline)
			if turns > 0 && (ctx.Err() != nil || left <= 0 && b.Each == 0) {
				break
			}
			turns++
			cfg.Seed = rng.Uint64()
			during, cancel := context.WithTimeout(ctx, min(l.turns, left))
			if b.Each > 0 {
				cancel()
				during, cancel = context.WithCancel(ctx)
			}
			x := l.run(during, times, cfg)
			cancel()
			if began == nil {
				executions += uint64(x.Executions)
			}
			if x.Err == nil {
				continue
			}
			f := Finding{What: firstLine(x.Err.Error()), Detail: x.Err.Error(), Program: l.program, at: time.Now()}
			var hang *watchdog.HangError
			errors.As(x.Err, &hang)
			if l.use != nil && s.unproven(l.use.Name) {
				if m := s.accuse(l.use.Name, f, l.use.Unsupported, func(control *strategies.Strategy) *Finding {
					during, cancel := context.WithTimeout(ctx, controlTimes*l.turns)
					defer cancel()
					x := stress.RunPlan(during, control, l.use, s.Wrong, 0, cfg)
					if x.Err == nil {
						return nil
					}
					return &Finding{What: firstLine(x.Err.Error()), Detail: x.Err.Error(), at: time.Now()}
				}); m != nil {
					r.misuse(m)
					r.Left = r.Left || hang != nil
					s.Workloads = slices.DeleteFunc(slices.Clone(s.Workloads), func(w *workloads.Workload) bool { return w == l.use })
					break
				}
			}
			if hang != nil {
				r.hang("", hang, f)
			} else {
				r.broken(f)
			}
			break
		}
	}
	r.tried(executions, "executions")
	r.tried(turns, "turns of programs and workloads")
	_, unsupported := s.supported()
	r.without(unsupported)
	r.withoutWrong(s)
	return r
}

// proven returns the subject without workloads that may be wrong: the race detector
// ends a process for a race of their own, and nothing says whose it is.
func (s Subject) proven() Subject {
	s.Workloads = slices.DeleteFunc(slices.Clone(s.Workloads), func(w *workloads.Workload) bool { return s.unproven(w.Name) })
	return s
}

// loads returns what is done in turns. Programs to try first get most of the time.
func (s Subject) loads(rng *rand.Rand) []load {
	var list []load
	add := func(p program.Program, turns time.Duration) {
		list = append(list, load{func(ctx context.Context, times int, cfg stress.Config) stress.Result {
			return stress.Run(ctx, s.Strategy, &p, times, cfg)
		}, p.String(), nil, turns})
	}
	if !s.Uses {
		for _, p := range s.Programs {
			add(p, 20*turn)
		}
		if s.narrow() {
			return list
		}
		bounds := program.Bounds{Objects: 2, Threads: 4, Steps: 12}
		add(randomProgram(rng, 48, func(data []byte) (p program.Program) {
			bounds.Decode(&p, data)
			return p
		}), turn)
	}
	ws, _ := s.supported()
	for _, w := range ws {
		list = append(list, load{func(ctx context.Context, times int, cfg stress.Config) stress.Result {
			return stress.RunPlan(ctx, s.Strategy, w, s.Wrong, times, cfg)
		}, "", w, turn})
	}
	return list
}

package check

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
)

var loads = Check{
	Name: "workloads", Doc: "every workload on real threads with every operation judged", Weight: 5,
	Threads: true, Uses: true, Timed: true, Unsupported: noWorkload, Run: loaded,
}

func noWorkload(s Subject) string {
	if ws, _ := s.supported(); len(ws) == 0 {
		return "it has the powers for no workload"
	}
	return ""
}

// loaded runs the checked form of every workload.
func loaded(ctx context.Context, s Subject, b Budget) Result {
	var r Result
	m, err := bench.NewMachine()
	if err != nil {
		r.unknown("%v", err)
		return r
	}
	ws, unsupported := s.supported()
	deadline := time.Now().Add(b.Time)
	var books workloads.Books
	ran := 0
	for i, w := range ws {
		// A little over time is better than a workload that isn't tried.
		left := time.Until(deadline)
		if ctx.Err() != nil || left <= -max(b.Time/5, 100*time.Millisecond) {
			break
		}
		// Beginning and closing take time too.
		const extra = 10 * time.Millisecond
		x := s.load(ctx, m, w, s.Strategy, max(left/time.Duration(len(ws)-i)-extra, time.Millisecond), b)
		books.Judged, books.Lives = books.Judged+x.books.Judged, books.Lives+x.books.Lives
		if ctx.Err() != nil {
			break
		}
		ran++
		if x.wrong != nil && s.unproven(w.Name) {
			if m := s.accuse(w.Name, *x.wrong, w.Unsupported, func(control *strategies.Strategy) *Finding {
				return s.load(ctx, m, w, control, controlTimes*x.lasted, b).wrong
			}); m != nil {
				r.misuse(m)
				if x.hang != nil {
					r.Left = true
					r.unknown("under workload %s something isn't finished: %s", w.Name, x.hang.Line())
				}
				if b.First || r.Left {
					break
				}
				continue
			}
		}
		switch {
		case x.hang != nil && x.hang.Calls != "":
			r.hang(x.key, x.hang, Finding{})
		case x.wrong != nil:
			r.broken(*x.wrong)
			r.Left = r.Left || x.hang != nil
		case x.err != nil && s.unproven(w.Name):
			r.note("workload %s can't be run: %v", w.Name, x.err)
		case x.err != nil:
			r.unknown("%v", x.err)
		}
		if r.Left || b.First && r.Verdict == Broken {
			break
		}
	}
	if ran < len(ws) && !r.Left {
		r.unknown("the time was enough for %d of %d workloads", ran, len(ws))
	}
	if books.Judged > 0 { // workloads of others may judge lives only
		r.tried(books.Judged, "operations")
	}
	r.tried(books.Lives, "lives")
	r.triedSame(uint64(ran), "workloads")
	r.without(unsupported)
	r.withoutWrong(s)
	r.sampled()
	return r
}

// A loading is what came out of a workload's checked form.
type loading struct {
	key    string
	books  workloads.Books
	wrong  *Finding
	hang   *watchdog.HangError // what is wrong
	lasted time.Duration
	err    error // it wasn't found out
}

// load runs the checked form of a workload with counts of a strategy for about so long.
func (s Subject) load(ctx context.Context, m *bench.Machine, w *workloads.Workload, strategy *strategies.Strategy, long time.Duration, b Budget) (x loading) {
	used := *w
	if s.Wrong {
		used.New = func(c workloads.Config) (workloads.Instance, error) {
			c.Wrong = true
			return w.New(c)
		}
	}
	// On one CPU workers only meet where the scheduler stops them: two workers
	// at least.
	c := bench.Cell{Workload: &used, Strategy: strategy, CPUs: max(m.CPUs.Max(), 2), Generic: true, New: used.New}
	x.key = c.Key()
	l := bench.Length{Timeout: b.timeout(), Checked: long}
	begin := time.Now()
	before := runtime.GOMAXPROCS(0)
	defer func() {
		runtime.GOMAXPROCS(before)
		x.lasted = time.Since(begin)
	}()
	room, err := bench.Room(ctx, m, c, l, b.realSeed())
	if err == nil {
		runtime.GOMAXPROCS(max(before, room))
		x.books, err = bench.Check(ctx, m, c, l, b.realSeed())
	}
	var hung *bench.HangError
	var panicked *bench.PanicError
	var idle *bench.NoProgressError
	switch wrong := x.books.Err(); {
	case errors.As(err, &hung):
		x.hang = watchdog.Hang(hung.After.Round(time.Millisecond), strategy)
		x.wrong = &Finding{What: x.key + ": " + x.hang.Line(), Detail: x.hang.Error()}
		if x.hang.Calls == "" {
			// A worker makes call after call and never sees what it waits for.
			x.wrong.What = hung.Error()
		}
	case errors.As(err, &panicked):
		x.wrong = &Finding{What: err.Error(), Detail: string(panicked.Stack)}
	case errors.As(err, &idle):
		// The workload goes on with any count that is right.
		x.wrong = &Finding{What: err.Error()}
	case err != nil:
		x.err = err
	case wrong != nil:
		x.wrong = &Finding{What: fmt.Sprintf("%s: %s", x.key, firstLine(wrong.Error())), Detail: wrong.Error()}
	}
	if x.wrong != nil {
		x.wrong.at = time.Now()
	}
	return x
}

package check

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/refbench/refbench/strategies/watchdog"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
)

var loads = Check{
	Name: "workloads", Doc: "every workload on real threads with every operation judged", Weight: 5,
	Threads: true, Unsupported: noWorkload, Run: loaded,
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
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	deadline := time.Now().Add(b.Time)
	var books workloads.Books
	ran := 0
	for i, w := range ws {
		// A little over time is better than a workload that isn't tried.
		left := time.Until(deadline)
		if ctx.Err() != nil || left <= -max(b.Time/5, 100*time.Millisecond) {
			break
		}
		w := *w
		if s.Wrong {
			right := w.New
			w.New = func(c workloads.Config) (workloads.Instance, error) {
				c.Wrong = true
				return right(c)
			}
		}
		// On one CPU workers only meet where the scheduler stops them: two workers
		// at least.
		c := bench.Cell{Workload: &w, Strategy: s.Strategy, CPUs: max(m.CPUs.Max(), 2), Generic: true, New: w.New}
		l := bench.Length{Timeout: b.timeout()}
		room, err := bench.Room(ctx, m, c, l, b.Seed)
		if err == nil {
			runtime.GOMAXPROCS(max(before, room))
			// Beginning and closing take time too.
			const extra = 10 * time.Millisecond
			l.Checked = max(left/time.Duration(len(ws)-i)-extra, time.Millisecond)
			var one workloads.Books
			one, err = bench.Check(ctx, m, c, l, b.Seed)
			books.Judged, books.Lives = books.Judged+one.Judged, books.Lives+one.Lives
			if wrong := one.Err(); err == nil && wrong != nil {
				r.broken(Finding{What: fmt.Sprintf("%s: %s", c.Key(), firstLine(wrong.Error())), Detail: wrong.Error()})
			}
		}
		if ctx.Err() != nil {
			break
		}
		ran++
		var hung *bench.HangError
		var panicked *bench.PanicError
		var idle *bench.NoProgressError
		switch {
		case errors.As(err, &hung):
			r.hang(c.Key(), watchdog.Hang(hung.After.Round(time.Millisecond), s.Strategy), Finding{})
		case errors.As(err, &panicked):
			r.broken(Finding{What: err.Error(), Detail: string(panicked.Stack)})
		case errors.As(err, &idle):
			// The workload goes on with any count that is right.
			r.broken(Finding{What: err.Error()})
		case err != nil:
			r.unknown("%v", err)
		}
		if r.Hang != "" || b.First && r.Verdict == Broken {
			break
		}
	}
	if ran < len(ws) {
		r.unknown("the time was enough for %d of %d workloads", ran, len(ws))
	}
	if books.Judged > 0 { // workloads of others may judge lives only
		r.tried(books.Judged, "operations")
	}
	r.tried(books.Lives, "lives")
	r.tried(uint64(ran), "workloads")
	r.without(unsupported)
	r.sampled()
	return r
}

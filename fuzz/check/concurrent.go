package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/watchdog"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/bench"
)

// textFile is an attachment that refbench replay reads.
func textFile(suffix, text string) Attachment {
	return Attachment{suffix, true, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}}
}

// historyScenarios are the strategy, in explored form, under programs whose history is
// judged: those that it has the powers for.
func historyScenarios(s *strategies.Strategy) []*explore.Scenario {
	list := []*explore.Scenario{linear.Scenario(s.Name+"/history", s, linear.Program)}
	if s.Promise.Resurrection && slices.Contains(s.Powers(), strategies.PowerResurrecter) {
		list = append(list, linear.Scenario(s.Name+"/revival", s, linear.Revival))
	}
	if slices.Contains(s.Powers(), strategies.PowerSwitcher) {
		list = append(list, linear.Scenario(s.Name+"/modes", s, linear.Modes))
	}
	return append(list, linear.Scenario(s.Name+"/limit", s, linear.Limit))
}

// schedules explores every pair of the strategy.
func schedules(ctx context.Context, s Subject, b Budget) Result {
	x := s.explored()
	if x == nil {
		return Result{Verdict: Unsupported, Reason: fmt.Sprintf("%s has no explored form in this refbench: package fuzz/explore/gen makes one", s.Strategy.Name)}
	}
	r := Result{Verdict: Kept}
	forms := s.Explored
	forms.Strategies = []*strategies.Strategy{x}
	todo := historyScenarios(x)
	var unsupported []string
	for _, p := range forms.Pairs(false) {
		if p.Scenario == nil {
			unsupported = append(unsupported, p.Workload)
			continue
		}
		todo = append(todo, p.Scenario)
	}
	deadline := time.Now().Add(b.Time)
	var executions, points, explored uint64
	var through []string
	for i, sc := range todo {
		left := time.Until(deadline)
		if ctx.Err() != nil || left <= 0 {
			r.unknown("the time was enough for %d of %d scenarios", i, len(todo))
			break
		}
		res, err := explore.Explore(sc, explore.Options{
			Seed: b.Seed, Executions: -1, Time: left / time.Duration(len(todo)-i), Version: forms.Version,
			Timeout: b.patience() / 2, // It is seen after twice as long at most.
		})
		if err != nil {
			var hung *explore.HangError
			if errors.As(err, &hung) {
				e := watchdog.Hang(hung.Timeout, x)
				e.Stacks = hung.Error()
				r.stuck(sc.Name, e, Finding{})
			} else {
				r.unknown("%s: %v", sc.Name, err)
			}
			break
		}
		explored++
		executions += uint64(res.Executions)
		points += uint64(res.Points)
		if res.Exhaustive {
			through = append(through, sc.Name)
		}
		f := res.Failure
		switch {
		case f == nil:
		case f.Kind == explore.Unsupported, f.Kind == explore.Nondeterministic:
			// It says nothing about the promise.
			r.unknown("%s: %v", sc.Name, f)
		default:
			r.broken(Finding{
				What: fmt.Sprintf("%s: %v", sc.Name, f), Detail: f.Text() + f.Stack, Token: f.Token,
				Attachments: []Attachment{{".html", false, f.WriteHTML}},
			})
		}
	}
	r.tried(executions, "schedules")
	r.tried(points, "steps")
	r.tried(explored, "scenarios")
	if len(through) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("every schedule tried of %s", strings.Join(through, ", ")))
	}
	if len(unsupported) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("without the powers for %s", strings.Join(unsupported, ", ")))
	}
	r.sampled()
	return r
}

// clients is how many goroutines use the counts of recorded histories at once.
const clients = 4

// histories returns what records and judges histories with the clock.
func histories(clock func() *linear.Clock) func(context.Context, Subject, Budget) Result {
	return func(ctx context.Context, s Subject, b Budget) Result { return recorded(ctx, s, b, clock()) }
}

func recorded(ctx context.Context, s Subject, b Budget, clock *linear.Clock) Result {
	n := clients
	for n > 1 && linear.Unsupported(s.Strategy, n) != "" {
		n--
	}
	if why := linear.Unsupported(s.Strategy, n); why != "" {
		return Result{Verdict: Unsupported, Reason: why}
	}
	x, err := linear.Stress(ctx, s.Strategy, linear.Config{Clients: n, Time: max(b.Time, time.Millisecond), Seed: b.Seed, Clock: clock, Timeout: b.patience()})
	r := Result{Verdict: Kept}
	switch {
	case err != nil:
		r.unknown("%v", err)
	case x.Hang != nil:
		r.stuck("", x.Hang, Finding{})
		r.Findings[0].What = x.Reason
	case x.Class == linear.Illegal:
		f := Finding{What: x.Reason}
		if x.History != nil {
			f.Attachments = append(f.Attachments, Attachment{".history", true, x.History.WriteText})
		}
		if x.Segment != nil {
			f.Detail = x.Segment.String()
			f.Attachments = append(f.Attachments, Attachment{".html", false, func(w io.Writer) error { return x.Segment.WriteHTML(w, 5*time.Second) }})
		}
		r.broken(f)
	case x.Class == linear.Unknown:
		r.unknown("%d calls are not decided: %s", x.Unknown, x.Reason)
	case x.Met == 0:
		r.unknown("no call met another: the CPUs were busy with something else, or there is only one")
	}
	// A call that meets no other can't go wrong by it.
	r.tried(uint64(x.Met), "calls that met another")
	r.tried(uint64(x.Ops), "calls")
	r.tried(uint64(x.Lives), "lives")
	if x.Unjudged > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d reads that are promised to be approximate were not judged, as calls went on meanwhile", x.Unjudged))
	}
	if x.Clock != "" {
		r.Notes = append(r.Notes, "stamps: "+x.Clock)
	}
	r.sampled()
	return r
}

// loads runs the checked form of every workload.
func loads(ctx context.Context, s Subject, b Budget) Result {
	r := Result{Verdict: Kept}
	m, err := bench.NewMachine()
	if err != nil {
		r.unknown("%v", err)
		return r
	}
	var ws []*workloads.Workload
	var unsupported []string
	for _, w := range s.Workloads {
		if w.Unsupported(s.Strategy) != "" {
			unsupported = append(unsupported, w.Name)
		} else {
			ws = append(ws, w)
		}
	}
	if len(ws) == 0 {
		return Result{Verdict: Unsupported, Reason: "it has the powers for no workload"}
	}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	deadline := time.Now().Add(b.Time)
	var judged, lives uint64
	// On one CPU workers only meet where the scheduler stops them: two workers
	// at least.
	cpus := max(m.CPUs.Max(), 2)
	ran := 0
	for i, w := range ws {
		// A little over time is better than a workload that isn't tried.
		left := time.Until(deadline)
		if ctx.Err() != nil || left <= -max(b.Time/5, 100*time.Millisecond) {
			break
		}
		c := bench.Cell{Workload: w, Strategy: s.Strategy, CPUs: cpus, Generic: true, New: w.New}
		l := bench.Length{Timeout: b.patience()}
		room, err := bench.Room(ctx, m, c, l, b.Seed)
		if err == nil {
			runtime.GOMAXPROCS(max(before, room))
			// Beginning and closing take time too.
			const extra = 10 * time.Millisecond
			l.Checked = max(left/time.Duration(len(ws)-i)-extra, time.Millisecond)
			var books workloads.Books
			books, err = bench.Check(ctx, m, c, l, b.Seed)
			judged += books.Judged
			lives += books.Lives
			if wrong := books.Err(); err == nil && wrong != nil {
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
			r.stuck(c.Key(), watchdog.Hang(hung.After.Round(time.Millisecond), s.Strategy), Finding{})
		case errors.As(err, &panicked):
			r.broken(Finding{What: err.Error(), Detail: string(panicked.Stack)})
		case errors.As(err, &idle):
			// The workload goes on with any count that is right.
			r.broken(Finding{What: err.Error()})
		case err != nil:
			r.unknown("%v", err)
		}
		if r.Stuck != "" {
			break
		}
	}
	if ran < len(ws) {
		r.unknown("the time was enough for %d of %d workloads", ran, len(ws))
	}
	if judged > 0 { // workloads of others may judge lives only
		r.tried(judged, "operations")
	}
	r.tried(lives, "lives")
	r.tried(uint64(ran), "workloads")
	if len(unsupported) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("without the powers for %s", strings.Join(unsupported, ", ")))
	}
	r.sampled()
	return r
}

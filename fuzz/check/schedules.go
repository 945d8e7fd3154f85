package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	exploredworkloads "github.com/refbench/refbench/fuzz/explored/workloads"
	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

var schedules = Check{
	Name: "schedules", Doc: "schedules of op programs and workloads under the deterministic scheduler", Weight: 8, Uses: true,
	Unsupported: func(s Subject) string {
		if s.explored() == nil {
			return fmt.Sprintf("%s has no explored form in this refbench: refbench build makes one", s.Strategy.Name)
		}
		if len(linear.Limits(s.Strategy)) > 0 {
			return ""
		}
		return s.tooNarrow()
	},
	Run: explored,
}

// Scenarios returns what is explored of the subject, the programs to try first in front, and
// which workloads the strategy can't run under. It is what replay tokens of the check's
// findings are of.
func (s Subject) Scenarios() (list []*explore.Scenario, unsupported []string) {
	x := s.explored()
	if x == nil {
		return nil, nil
	}
	if !s.Uses {
		for i := range s.Programs {
			list = append(list, s.first(x, &s.Programs[i]))
		}
		if s.narrow() {
			return append(list, limited(x)...), nil
		}
		list = append(list, recordable(x)...)
	}
	forms := s.Explored
	forms.Strategies = []*strategies.Strategy{x}
	for _, p := range forms.Pairs(s.Wrong) {
		switch {
		case p.Scenario == nil:
			unsupported = append(unsupported, p.Workload)
		case p.Workload != scenarios.CountName || !s.Uses:
			list = append(list, p.Scenario)
		}
	}
	return list, unsupported
}

// Scenarios returns what is explored of the strategies beside the scenarios of the forms.
func Scenarios(forms scenarios.Forms) []*explore.Scenario {
	var list []*explore.Scenario
	for _, s := range forms.Strategies {
		list = append(list, recordable(s)...)
	}
	return list
}

// first is a program to try first. Of one that begins near the limit the history is
// judged: what is right there is in the promise.
func (s Subject) first(x *strategies.Strategy, p *program.Program) *explore.Scenario {
	for _, o := range p.Objects {
		if o.Start != program.StartInit {
			return linear.Scenario(x.Name+"/first", x, p.String())
		}
	}
	return scenarios.Counts(x.Name+"/first", x, p, s.Unordered)
}

// historyName is what the scenario of a history adds to the strategy's name.
const historyName = "/history"

// recordable are the strategy, in explored form, under programs whose history is
// judged: those that it has the powers for.
func recordable(s *strategies.Strategy) []*explore.Scenario {
	list := append(scenarios.Small(s), linear.Scenario(s.Name+historyName, s, linear.Program))
	if s.Promise.Resurrection && s.Has(strategies.PowerResurrecter) {
		list = append(list, linear.Scenario(s.Name+"/revival", s, linear.Revival))
	}
	if s.Has(strategies.PowerSwitcher) {
		list = append(list, linear.Scenario(s.Name+"/modes", s, linear.Modes))
	}
	if s.Promise.Count == strategies.Exact {
		list = append(list, linear.Scenario(s.Name+"/reading", s, linear.Reading))
	}
	if spec.Of(s).Strays() {
		list = append(list, linear.Scenario(s.Name+"/strays", s, linear.Strays))
	}
	list = append(list, scenarios.Released(s)...)
	if s.Has(strategies.PowerLockPutter) {
		list = append(list, scenarios.Lookups(s))
	}
	for _, text := range linear.Carries(s) {
		list = append(list, linear.Scenario(s.Name+"/carry", s, text))
	}
	return append(list, limited(s)...)
}

// limited are the strategy, in explored form, under programs that come to its limit, and
// are judged as histories: what is right there is in the promise. However few references it
// counts, these stay where the promise says what happens.
func limited(s *strategies.Strategy) (list []*explore.Scenario) {
	for _, text := range linear.Limits(s) {
		list = append(list, linear.Scenario(s.Name+"/limit", s, text))
	}
	return list
}

// explored explores every scenario of the subject.
func explored(ctx context.Context, s Subject, b Budget) Result {
	var r Result
	todo, unsupported := s.Scenarios()
	drawn := s.drawing(b)
	deadline := time.Now().Add(b.Time)
	chosen := deadline // for what isn't drawn
	if drawn.s != nil {
		chosen = deadline.Add(-b.Time / drawnPart)
	}
	var executions, points, tried uint64
	var through []string
	ended := 0 // small programs of which every schedule was tried
	modelled := true
	// one explores a scenario, and reports whether to go on.
	one := func(sc *explore.Scenario, o explore.Options, named bool) bool {
		if named { // else the whole of it is the part's
			o.Part, o.Parts = b.Part, b.Parts
		}
		o.NoShrink, o.Version, o.Stop = true, s.Explored.Version, ctx.Done()
		o.Timeout = b.timeout() / 2 // It is seen after twice as long at most.
		res, err := explore.Explore(sc, o)
		unproven := s.unprovenOf(sc.Name)
		if err != nil {
			var hung *explore.HangError
			switch {
			case !errors.As(err, &hung):
				r.unknown("%s: %v", sc.Name, err)
			case unproven != "": // no control can be explored in this process any more
				r.unknown("%s, maybe of workload %s that is wrong itself", firstLine(err.Error()), unproven)
			default:
				e := watchdog.Hang(hung.Timeout, s.explored())
				e.Stacks = hung.Error()
				r.hang(sc.Name, e, Finding{})
			}
			r.Left = true
			return false
		}
		if m := s.accuseSchedule(unproven, sc, res, o, b); m != nil {
			r.misuse(m)
			return !b.First
		}
		executions += uint64(res.Executions)
		points += uint64(res.Points)
		if named {
			tried++
			switch {
			case res.Exhaustive && strings.HasSuffix(sc.Name, scenarios.SmallName):
				ended++
			case res.Exhaustive:
				through = append(through, exhausted(s.explored(), sc))
			}
		}
		if res.Failure == nil {
			return true
		}
		at := time.Now()
		f := small(sc, res.Failure, o, b)
		if unproven != "" && (f.Kind == explore.Unsupported || f.Kind == explore.Nondeterministic) {
			r.note("workload %s can't be explored: %v", unproven, f)
			return true
		}
		if f.Kind == explore.Unsupported || f.Kind == explore.Nondeterministic {
			// It says nothing about the promise.
			r.unknown("%s: %v", sc.Name, f)
			modelled = false
			return true
		}
		r.broken(scheduleFinding(sc, f, at))
		return !b.First
	}
	more := true
	for i, sc := range todo {
		left := time.Until(chosen)
		if ctx.Err() != nil || left <= 0 && b.Each == 0 {
			r.unknown("the time was enough for %d of %d scenarios", i, len(todo))
			break
		}
		share := left / time.Duration(len(todo)-i)
		if i < len(s.Programs) && !s.Uses {
			share = max(share, left/2)
		}
		o := explore.Options{Seed: b.Seed, Executions: -1, Time: share}
		if b.Each > 0 {
			o.Executions, o.Time = int(min(b.Each, math.MaxInt)), 0
		}
		if more = one(sc, o, true); !more {
			break
		}
	}
	var programs uint64
	if more && modelled && r.Verdict != Broken {
		programs = drawn.run(ctx, deadline, func(sc *explore.Scenario, o explore.Options) bool {
			return one(sc, o, false) && r.Verdict != Broken
		})
	}
	r.tried(executions, "schedules")
	r.tried(points, "steps")
	r.triedSame(tried, "scenarios")
	if drawn.s != nil {
		r.tried(programs, "drawn programs")
	}
	if ended > 0 {
		through = slices.Insert(through, 0, fmt.Sprintf("%s%s, %d programs with an operation each", s.Strategy.Name, scenarios.SmallName, ended))
	}
	if b.Parts > 0 {
		r.Through = through
	} else if len(through) > 0 {
		r.note("every schedule tried of %s; that is no proof of the count", strings.Join(through, ", "))
	}
	r.without(unsupported)
	r.withoutWrong(s)
	return r
}

// scheduleFinding is a schedule that goes wrong.
func scheduleFinding(sc *explore.Scenario, f *explore.Failure, at time.Time) Finding {
	return Finding{
		What: fmt.Sprintf("%s: %v", sc.Name, f), Detail: f.Text() + f.Stack, Token: f.Token, Failure: f, at: at,
		Attachments: []Attachment{{".html", false, f.WriteHTML}},
	}
}

// AccuseSchedule returns what is against the workload of a scenario that goes wrong, if
// nobody has proven the workload and a control goes wrong under it too, or nil.
func (s Subject) AccuseSchedule(sc *explore.Scenario, res *explore.Result, o explore.Options) *Misuse {
	return s.accuseSchedule(s.unprovenOf(sc.Name), sc, res, o, Budget{})
}

// accuseSchedule is [Subject.accuse] for what came out of exploring a scenario of a
// workload that nobody has proven. workload is "" of others.
func (s Subject) accuseSchedule(workload string, sc *explore.Scenario, res *explore.Result, o explore.Options, b Budget) *Misuse {
	if workload == "" || res.Failure == nil {
		return nil
	}
	forms := s.Explored
	i := slices.IndexFunc(forms.Workloads, func(w *exploredworkloads.Workload) bool { return w.Name == workload })
	forms.Workloads = forms.Workloads[i : i+1]
	if res.Failure.Kind == explore.Unsupported || res.Failure.Kind == explore.Nondeterministic {
		return nil
	}
	f := scheduleFinding(sc, small(sc, res.Failure, o, b), time.Now())
	o.Executions, o.Time = controlTimes*res.Failure.Executions, 0
	return s.accuse(workload, f, forms.Workloads[0].Unsupported, func(control *strategies.Strategy) *Finding {
		forms.Strategies = slices.DeleteFunc(slices.Clone(s.Explored.Strategies), func(x *strategies.Strategy) bool { return x.Name != control.Name })
		for _, p := range forms.Pairs(s.Wrong) {
			if p.Workload != workload || p.Scenario == nil {
				continue
			}
			// The schedules of another count are others, so there are some more.
			o.Executions += 1000
			res, err := explore.Explore(p.Scenario, o)
			at := time.Now()
			switch {
			case err != nil:
				return &Finding{What: fmt.Sprintf("%s: %v", p.Scenario.Name, err), Detail: err.Error(), at: at}
			case res.Failure != nil:
				f := scheduleFinding(p.Scenario, small(p.Scenario, res.Failure, o, b), at)
				return &f
			}
		}
		return nil
	})
}

// small makes a failure small, in as much time as a call may take.
func small(sc *explore.Scenario, f *explore.Failure, o explore.Options, b Budget) *explore.Failure {
	return f.Smaller(sc, explore.Options{Version: o.Version, Timeout: o.Timeout, ShrinkTime: b.timeout(), Stop: o.Stop})
}

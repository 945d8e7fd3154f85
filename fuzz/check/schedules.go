package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
	"github.com/refbench/refbench/strategies/watchdog"
)

var schedules = Check{
	Name: "schedules", Doc: "schedules of op programs and workloads under the deterministic scheduler", Weight: 8,
	Unsupported: func(s Subject) string {
		if s.explored() == nil {
			return fmt.Sprintf("%s has no explored form in this refbench: package fuzz/explore/gen makes one", s.Strategy.Name)
		}
		return ""
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
			return list, nil
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

// recordable are the strategy, in explored form, under programs whose history is
// judged: those that it has the powers for.
func recordable(s *strategies.Strategy) []*explore.Scenario {
	list := []*explore.Scenario{linear.Scenario(s.Name+"/history", s, linear.Program)}
	if s.Promise.Resurrection && s.Has(strategies.PowerResurrecter) {
		list = append(list, linear.Scenario(s.Name+"/revival", s, linear.Revival))
	}
	if s.Has(strategies.PowerSwitcher) {
		list = append(list, linear.Scenario(s.Name+"/modes", s, linear.Modes))
	}
	if spec.Of(s).Strays() {
		list = append(list, linear.Scenario(s.Name+"/strays", s, linear.Strays))
	}
	return append(list, linear.Scenario(s.Name+"/limit", s, linear.Limit))
}

// explored explores every scenario of the subject.
func explored(ctx context.Context, s Subject, b Budget) Result {
	var r Result
	todo, unsupported := s.Scenarios()
	deadline := time.Now().Add(b.Time)
	var executions, points, tried uint64
	var through []string
	for i, sc := range todo {
		left := time.Until(deadline)
		if ctx.Err() != nil || left <= 0 {
			r.unknown("the time was enough for %d of %d scenarios", i, len(todo))
			break
		}
		share := left / time.Duration(len(todo)-i)
		if i < len(s.Programs) && !s.Uses {
			share = max(share, left/2)
		}
		res, err := explore.Explore(sc, explore.Options{
			Seed: b.Seed, Executions: -1, Time: share, NoShrink: true, Version: s.Explored.Version, Stop: ctx.Done(),
			Timeout: b.timeout() / 2, // It is seen after twice as long at most.
		})
		if err != nil {
			var hung *explore.HangError
			if errors.As(err, &hung) {
				e := watchdog.Hang(hung.Timeout, s.explored())
				e.Stacks = hung.Error()
				r.hang(sc.Name, e, Finding{})
			} else {
				r.unknown("%s: %v", sc.Name, err)
			}
			break
		}
		tried++
		executions += uint64(res.Executions)
		points += uint64(res.Points)
		if res.Exhaustive {
			through = append(through, sc.Name)
		}
		if res.Failure == nil {
			continue
		}
		at := time.Now()
		f := small(sc, res.Failure, s, b)
		if f.Kind == explore.Unsupported || f.Kind == explore.Nondeterministic {
			// It says nothing about the promise.
			r.unknown("%s: %v", sc.Name, f)
			continue
		}
		r.broken(Finding{
			What: fmt.Sprintf("%s: %v", sc.Name, f), Detail: f.Text() + f.Stack, Token: f.Token, Failure: f, at: at,
			Attachments: []Attachment{{".html", false, f.WriteHTML}},
		})
		if b.First {
			break
		}
	}
	r.tried(executions, "schedules")
	r.tried(points, "steps")
	r.tried(tried, "scenarios")
	if len(through) > 0 {
		r.note("every schedule tried of %s", strings.Join(through, ", "))
	}
	r.without(unsupported)
	return r
}

// small makes a failure small. The same searches with the same seed find the same.
func small(sc *explore.Scenario, f *explore.Failure, s Subject, b Budget) *explore.Failure {
	res, err := explore.Explore(sc, explore.Options{Seed: b.Seed, Executions: f.Executions, Version: s.Explored.Version, Timeout: b.timeout() / 2})
	if err != nil || res.Failure == nil {
		return f
	}
	return res.Failure
}

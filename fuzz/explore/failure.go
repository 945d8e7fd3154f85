package explore

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/refbench/refbench/fuzz/explore/internal/draw"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A Failure is a schedule that goes wrong.
type Failure struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
	// Token replays the failure. It is empty if the failure is that the case
	// isn't a function of its schedule.
	Token string `json:"token"`

	// Program is what the threads do in the failing execution, CPUs on how
	// many virtual CPUs.
	Program Program `json:"program"`
	CPUs    int     `json:"cpus"`

	// Executions is how many executions it took to find the failure.
	Executions int `json:"executions"`
	// Preemptions is how often the schedule takes the processor from a
	// thread that could go on, Migrations how often a thread changes its
	// virtual CPU.
	Preemptions int `json:"preemptions"`
	Migrations  int `json:"migrations"`
	// Points is how many points the execution passes.
	Points int `json:"points"`
	// Stack is where a panic happened.
	Stack string `json:"stack,omitempty"`
	// Note says what is missing here, and why.
	Note string `json:"note,omitempty"`

	scenario string
	judges   []string
	events   []engine.Event
	threads  int
	preempts map[int]bool
}

// MarshalJSON adds the drawn schedule, as "schedule": what [Failure.Text] returns.
func (f *Failure) MarshalJSON() ([]byte, error) {
	type fields Failure
	return json.Marshal(struct {
		*fields
		Schedule string `json:"schedule"`
	}{(*fields)(f), f.Text()})
}

func (f *Failure) Error() string { return string(f.Kind) + ": " + f.Message }

// found is a failing schedule on its way to becoming a Failure.
type found struct {
	program   Program
	cpus      int
	decisions []engine.Decision
	failure   *engine.Failure
}

// report makes the schedule small, unless it mustn't, and returns it as a Failure. What
// was found is reported whatever happens: if the small schedule can't be repeated then
// as it was found, and if nothing more can be run without a picture. hang is why
// that is, nil if it isn't known to be so.
func (f *found) report(s *Scenario, o Options, hang error) *Failure {
	if f.failure.Kind == Nondeterministic {
		return f.unrepeated(s, f.failure.Message) // which can't be repeated
	}
	if hang == nil && !o.NoShrink {
		var small *found
		small, hang = shrink(s, f, o)
		if hang == nil && !(slices.EqualFunc(small.decisions, f.decisions, sameDecision) && slices.Equal(small.program, f.program)) {
			if out, err := small.finish(s, o); err == nil && out.Kind == f.failure.Kind {
				return out
			}
		}
	}
	if hang == nil {
		var out *Failure
		if out, hang = f.finish(s, o); hang == nil {
			return out
		}
	}
	out := f.outline(s, f.failure, f.decisions, o)
	out.Points = f.failure.Step
	out.Note = "there is no picture: " + hang.Error()
	return out
}

// finish runs the schedule once more, traced.
func (f *found) finish(s *Scenario, o Options) (*Failure, error) {
	d, err := follow(s, f.program, f.cpus, f.decisions, o, engine.Options{Trace: true})
	if err != nil {
		return nil, err
	}
	x := d.failing.Load()
	if x == nil || x.failure.Kind != f.failure.Kind {
		got := "no failure"
		if x != nil {
			got = x.failure.Error()
		}
		return f.unrepeated(s, fmt.Sprintf("the failing schedule gave %q the first time and %q when it was repeated; something differs from one execution to the next: state that Setup doesn't reset, a map's order, a clock, a random number", f.failure, got)), nil
	}
	out := f.outline(s, x.failure, x.decisions, o)
	out.Points = d.points
	out.events, out.threads = x.events, len(d.c.Threads)
	for _, ev := range x.events {
		out.threads = max(out.threads, ev.Thread+1)
	}
	return out, nil
}

// unrepeated is a failure that has no token, because it can't be repeated.
func (f *found) unrepeated(s *Scenario, message string) *Failure {
	return &Failure{
		Kind: Nondeterministic, Message: message, Program: f.program, CPUs: f.cpus,
		Points: f.failure.Step, scenario: s.Name,
	}
}

// outline is the failure without its picture. decided are the schedule's decisions, with
// what each of them is.
func (f *found) outline(s *Scenario, failure *engine.Failure, decided []engine.Decision, o Options) *Failure {
	out := &Failure{
		Kind: failure.Kind, Message: failure.Message, Stack: failure.Stack, Program: f.program, CPUs: f.cpus,
		scenario: s.Name, judges: s.Judges, preempts: make(map[int]bool),
	}
	for _, x := range decided {
		switch {
		case x.Of == engine.OfCPU:
			out.Migrations++
		case x.Preempts:
			out.Preemptions++
			out.preempts[x.Step] = true
		}
	}
	out.Token = token{
		version: o.Version, scenario: s.Name, program: f.program, cpus: f.cpus, races: !o.NoRaces,
		decisions: f.decisions, kind: failure.Kind, step: failure.Step,
	}.encode()
	return out
}

// Smaller returns the failure, which is of the scenario, made small, or as it is if it
// can't be.
func (f *Failure) Smaller(s *Scenario, o Options) *Failure {
	o, err := o.check()
	if err != nil || f.Token == "" || f.scenario != s.Name {
		return f
	}
	t, err := decodeToken(f.Token)
	if err != nil {
		return f
	}
	o.NoRaces = !t.races
	// A token doesn't say which of its decisions preempt.
	d, err := follow(s, t.program, t.cpus, t.decisions, o, engine.Options{})
	if err != nil {
		return f
	}
	x := d.failing.Load()
	if x == nil || x.failure.Kind != f.Kind {
		return f
	}
	small := (&found{t.program, t.cpus, x.decisions, x.failure}).report(s, o, nil)
	if small.Kind != f.Kind || small.Note != "" {
		return f
	}
	small.Executions = f.Executions
	return small
}

func (f *Failure) picture() *draw.Picture {
	return &draw.Picture{
		Title: f.scenario, Rule: f.Error(), Program: f.Program.String(), Token: f.Token,
		CPUs: f.CPUs, Threads: f.threads, Events: f.events,
		Preempted: f.preempts, Judges: f.judges,
		Preemptions: f.Preemptions, Migrations: f.Migrations,
	}
}

// WriteText draws the schedule with a column for each CPU.
func (f *Failure) WriteText(w io.Writer) error {
	err := draw.Text(w, f.picture())
	if err == nil && f.Note != "" {
		_, err = fmt.Fprintln(w, f.Note)
	}
	return err
}

// WriteHTML draws the schedule as a page that needs nothing else.
func (f *Failure) WriteHTML(w io.Writer) error { return draw.HTML(w, f.picture()) }

// Text returns what WriteText writes.
func (f *Failure) Text() string {
	var b strings.Builder
	_ = f.WriteText(&b)
	return b.String()
}

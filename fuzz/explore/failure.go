package explore

import (
	"encoding/json"
	"fmt"
	"io"
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

// finish runs the schedule once more, traced.
func (f *found) finish(s *Scenario, o Options) (*Failure, error) {
	d, err := follow(s, f.program, f.cpus, f.decisions, o, true)
	if err != nil {
		return nil, err
	}
	if d.failure == nil || d.failure.Kind != f.failure.Kind {
		got := "no failure"
		if d.failure != nil {
			got = d.failure.Error()
		}
		return &Failure{
			Kind: Nondeterministic, Program: f.program, CPUs: f.cpus, scenario: s.Name,
			Message: fmt.Sprintf("the failing schedule gave %q the first time and %q when it was repeated; something differs from one execution to the next: state that Setup doesn't reset, a map's order, a clock, a random number", f.failure, got),
		}, nil
	}
	out := &Failure{
		Kind: d.failure.Kind, Message: d.failure.Message, Stack: d.failure.Stack,
		Program: f.program, CPUs: f.cpus, Points: d.points,
		scenario: s.Name, judges: s.Judges, events: d.events, threads: len(d.c.Threads),
		preempts: make(map[int]bool),
	}
	for _, x := range d.decisions {
		switch {
		case x.Of == engine.OfCPU:
			out.Migrations++
		case x.Preempts:
			out.Preemptions++
			out.preempts[x.Step] = true
		}
	}
	for _, ev := range d.events {
		if ev.Thread < MaxThreads {
			out.threads = max(out.threads, ev.Thread+1)
		}
	}
	out.Token = token{
		version: o.Version, scenario: s.Name, program: f.program, cpus: f.cpus, races: !o.NoRaces,
		decisions: f.decisions, kind: d.failure.Kind, step: d.failure.Step,
	}.encode()
	return out, nil
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
func (f *Failure) WriteText(w io.Writer) error { return draw.Text(w, f.picture()) }

// WriteHTML draws the schedule as a page that needs nothing else.
func (f *Failure) WriteHTML(w io.Writer) error { return draw.HTML(w, f.picture()) }

// Text returns what WriteText writes.
func (f *Failure) Text() string {
	var b strings.Builder
	_ = f.WriteText(&b)
	return b.String()
}

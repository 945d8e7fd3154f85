package lockstep

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/refbench/refbench/strategies/spec"
)

// A Divergence is what one strategy does against its promise, or two against each
// other without a promise that explains it.
type Divergence struct {
	// Oracle is the one that found it.
	Oracle Oracles
	// Strategies are the names of those that it is about: one or two.
	Strategies []string
	// States are what they held before the call, by the specification, and
	// Answers what the call did.
	States, Answers []string

	// Step is the number of the step in the sequential order, from 1; 0 stands
	// for the beginning of a first life, and one more than there are steps for
	// the end. Thread is the thread that made it, or negative if the call
	// isn't the program's.
	Step, Thread int
	Object       string
	Call         spec.Call

	// Reasons are what the life has touched so far, of which promises that are
	// different would explain it.
	Reasons []Reason
	// Message says what is wrong in one line.
	Message string
	// Trace is what happened to the object before.
	Trace []string
	// Used reports that it was seen on counts that earlier programs had used,
	// and not on new ones. The program alone doesn't show it.
	Used bool

	// Program is the program's text, and Input its bytes.
	Program string
	Input   []byte
}

// Error returns the message, what happened before it, and how to see it again.
func (d *Divergence) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", d.Oracle, d.Message)
	if d.Used {
		b.WriteString("It happened to counts that earlier programs had used. New counts don't do it.\n")
	}
	if len(d.Trace) > 0 {
		fmt.Fprintf(&b, "object %s so far:\n", d.Object)
		for _, line := range d.Trace {
			fmt.Fprintf(&b, "\t%s\n", line)
		}
	}
	b.WriteString("program:\n")
	for line := range strings.Lines(d.Program) {
		b.WriteString("\t" + line)
	}
	fmt.Fprintf(&b, "to see it again, put these two lines into fuzz/testdata/fuzz/FuzzSequential/again and run go test -run FuzzSequential/again ./fuzz\n\tgo test fuzz v1\n\t[]byte(%s)\n", strconv.Quote(string(d.Input)))
	return b.String()
}

// An entry is one line of the trace.
type entry struct {
	lane, object, step, thread int
	call                       spec.Call
	state                      spec.State
	text                       string
}

// note adds to the trace, of a careful run.
func (r *Runner) note(lane, object, thread int, call spec.Call, st spec.State, text string) {
	r.trace = append(r.trace, entry{lane, object, r.step, thread, call, st, text})
}

// answerText returns what a call did.
func answerText(call spec.Call, a spec.Answer) string {
	switch {
	case a.Panicked != nil:
		return fmt.Sprintf("panicked: %v", a.Panicked)
	case call.Op == spec.Count:
		return fmt.Sprintf("returned %d", a.Value)
	}
	var text string
	if call.Op.Reports() {
		text = fmt.Sprintf("returned %v", a.Result)
	}
	for _, m := range a.Misuse {
		text += fmt.Sprintf(" and reported %q", m)
	}
	return strings.TrimPrefix(text, " and ")
}

// divergence describes what is wrong with the last call on the lanes: of one lane,
// what is wrong is in the message.
func (r *Runner) divergence(oracle Oracles, thread, o int, call spec.Call, message string, lanes ...int) *Divergence {
	d := &Divergence{
		Oracle: oracle, Step: r.step, Thread: thread, Object: string(rune('a' + o)), Call: call,
		Program: r.p.String(), Input: r.p.Encode(),
	}
	var t touched
	var did []string
	for _, i := range lanes {
		l := &r.lanes[i]
		c := &l.counts[o]
		d.Strategies = append(d.Strategies, l.s.Name)
		before := l.states[c.before]
		d.States = append(d.States, before.String())
		t |= c.touched
		answer := "did nothing that can be seen"
		switch s := &l.saw; {
		case oracle == Specification:
			answer = message
		case s.did == panicked:
			answer = "panicked"
		case call.Op == spec.Count:
			answer = fmt.Sprintf("returned %d", s.value+c.base)
		case call.Op.Reports():
			answer = fmt.Sprintf("returned %v", s.did == returnedTrue)
		}
		if s := &l.saw; oracle == Differential && l.monitor != nil && s.misuse != noMisuse {
			answer += fmt.Sprintf(" and reported %q", l.heard)
		}
		d.Answers = append(d.Answers, answer)
		did = append(did, fmt.Sprintf("%s in state %q %s", l.s.Name, before, answer))
	}
	for _, reason := range Reasons() {
		// Every life comes to zero.
		if t.has(reason) && reason != Distance {
			d.Reasons = append(d.Reasons, reason)
		}
	}
	where := fmt.Sprintf("step %d, thread %d, %s.%v", r.step, thread, d.Object, call)
	switch thread {
	case beginning:
		where = fmt.Sprintf("object %s begins, %v", d.Object, call)
	case reading:
		where = fmt.Sprintf("%s.%v read at step %d", d.Object, call, r.step)
	case ending:
		where = fmt.Sprintf("%s.%v at the end", d.Object, call)
	}
	if oracle == Specification {
		d.Message = where + ": " + message
	} else {
		why := "they have met no limit, no dead count and no misuse, so no promise explains it"
		if len(d.Reasons) > 0 {
			var words []string
			for _, reason := range d.Reasons {
				words = append(words, reason.String())
			}
			why = "they have met " + strings.Join(words, ", ") + ", of which both promise the same"
		}
		d.Message = fmt.Sprintf("%s: %s; %s", where, strings.Join(did, ", and "), why)
	}
	for _, e := range r.trace {
		for _, i := range lanes {
			if e.lane == i && e.object == o && e.thread != reading {
				d.Trace = append(d.Trace, strings.TrimRight(fmt.Sprintf("%3d %-16s %-14s %-22q %s", e.step, e.call, r.lanes[i].s.Name, e.state, e.text), " "))
			}
		}
	}
	const shown = 24
	if n := len(d.Trace); n > shown {
		d.Trace = append([]string{fmt.Sprintf("(%d lines before)", n-shown)}, d.Trace[n-shown:]...)
	}
	return d
}

package lockstep

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies/spec"
)

// A Divergence is what one strategy does against its promise, or two against each
// other without a promise that explains it.
type Divergence struct {
	// Oracle is the one that found it.
	Oracle Oracles
	// Strategies are the names of those that it is about: one or two.
	Strategies []string
	// Object is the name of the one that it is about.
	Object string
	// Message says what is wrong in one line.
	Message string
	// Trace is what happened to the object before.
	Trace []string
	// Used reports that it was seen on counts that earlier programs had used,
	// and not on new ones. The program alone doesn't show it.
	Used bool

	// Program is the program's text, and Input its bytes, if it has few enough
	// threads for that.
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
		fmt.Fprintf(&b, "object %s so far:\n\t%s\n", d.Object, strings.Join(d.Trace, "\n\t"))
	}
	fmt.Fprintf(&b, "program:\n\t%s\n", d.Program)
	if d.Input == nil {
		return b.String() + "to see it again, put the program into a file and give that to refbench replay\n"
	}
	fmt.Fprintf(&b, "to see it again, put these two lines into fuzz/testdata/fuzz/FuzzSequential/again and run go test -run FuzzSequential/again ./fuzz\n\tgo test fuzz v1\n\t[]byte(%s)\n", strconv.Quote(string(d.Input)))
	return b.String()
}

// An entry is one line of the trace.
type entry struct {
	lane   *lane
	object int
	text   string
}

// note adds to the trace, of a careful run. What a call did that only reads isn't worth
// a line.
func (r *Runner) note(l *lane, object, thread int, call spec.Call, st spec.State, text string) {
	if thread != reading {
		text = fmt.Sprintf("%3d %-16s %-14s %-22q %s", r.step, call, l.s.Name, st, text)
		r.trace = append(r.trace, entry{l, object, strings.TrimRight(text, " ")})
	}
}

// answerText returns what a call did.
func answerText(call spec.Call, a spec.Answer) string {
	switch {
	case a.Panicked != nil:
		return fmt.Sprintf("panicked: %v", a.Panicked)
	case call.Op == spec.Count:
		return fmt.Sprintf("returned %d", a.Value)
	}
	var parts []string
	if call.Op.Reports() {
		parts = append(parts, fmt.Sprintf("returned %v", a.Result))
	}
	for _, m := range a.Misuse {
		parts = append(parts, fmt.Sprintf("reported %q", m))
	}
	return strings.Join(parts, " and ")
}

// divergence describes what is wrong with the last call on the lanes. message says it
// of one lane; of two it is "".
func (r *Runner) divergence(oracle Oracles, thread, o int, call spec.Call, message string, lanes ...*lane) *Divergence {
	d := &Divergence{Oracle: oracle, Object: program.ObjectName(o), Program: r.p.String()}
	if len(r.p.Threads) <= program.ByteThreads {
		d.Input = r.p.Encode()
	}
	var t touched
	var did, met []string
	for _, l := range lanes {
		c := &l.counts[o]
		t |= c.touched
		d.Strategies = append(d.Strategies, l.s.Name)
		text := "panicked"
		if l.saw.did != panicked {
			text = answerText(call, spec.Answer{Result: l.saw.did == returnedTrue, Value: l.saw.value + c.base, Misuse: l.heard})
		}
		did = append(did, fmt.Sprintf("%s in state %q %s", l.s.Name, l.states[c.before], cmp.Or(text, "did nothing that can be seen")))
	}
	for reason := range reasons {
		// Every life comes to zero.
		if t.has(reason) && reason != Distance {
			met = append(met, reason.String())
		}
	}
	if message == "" {
		message = strings.Join(did, ", and ") + "; they have met no limit, no dead count and no misuse, so no promise explains it"
		if len(met) > 0 {
			message = strings.Join(did, ", and ") + "; they have met " + strings.Join(met, ", ") + ", of which both promise the same"
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
	d.Message = where + ": " + message
	for _, e := range r.trace {
		if e.object == o && slices.Contains(lanes, e.lane) {
			d.Trace = append(d.Trace, e.text)
		}
	}
	const shown = 24
	if n := len(d.Trace); n > shown {
		d.Trace = append([]string{fmt.Sprintf("(%d lines before)", n-shown)}, d.Trace[n-shown:]...)
	}
	return d
}

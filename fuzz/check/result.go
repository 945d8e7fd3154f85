package check

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
)

// A Verdict says what a check found.
type Verdict string

// The verdicts.
const (
	Kept        Verdict = "kept"   // nothing against the promise was found
	Broken      Verdict = "BROKEN" // the promise is broken
	Unknown     Verdict = "unknown"
	Unsupported Verdict = "unsupported"
)

// A Result is what a check found out about a subject. Field names in JSON are part
// of the interface of refbench check.
type Result struct {
	Strategy string  `json:"strategy"`
	Check    string  `json:"check"`
	Verdict  Verdict `json:"verdict"`

	// Reason says why the verdict is Unknown or Unsupported.
	Reason string `json:"reason,omitempty"`

	// Tried says how much was tried, the main figure first.
	Tried []Amount `json:"tried"`

	// Bound is an upper bound of how often the promise is broken, as a share of
	// the first of Tried, at 95 %: 3/N, if these are taken for independent trials
	// of one thing. It is 0 where that means nothing: what was tried was chosen, by
	// a search or as programs that go where bugs are likely, so that its share of
	// failures is that of nothing else; or everything that there is was tried, or
	// the promise is broken, or nothing was tried.
	Bound float64 `json:"bound95,omitempty"`

	// Notes say what else is to be known: what was left out and why.
	Notes []string `json:"notes,omitempty"`

	// Through are the scenarios of which every schedule was tried that the part has.
	Through []string `json:"through,omitempty"`

	Findings []Finding `json:"findings,omitempty"`
	// Misuses say which workloads are wrong themselves.
	Misuses []Misuse `json:"misuses,omitempty"`
	Seconds float64  `json:"seconds"`

	// Hang says which calls of the count never returned, if some didn't: other checks of
	// the strategy would wait for them, too.
	Hang string `json:"hang,omitempty"`

	// Left says that goroutines were left behind that may still use CPUs, so that other
	// checks are for another process.
	Left bool `json:"-"`

	// Others are results of the same check about strategies that this one was
	// compared with, whose calls never returned. Then the check is to be run again
	// without them.
	Others []Result `json:"-"`

	compared *strategies.Strategy // of one of Others
}

// An Amount is how much of something was tried.
type Amount struct {
	N    uint64 `json:"n"`
	Unit string `json:"unit"` // a plural
	// Same says that each part tries the same ones.
	Same bool `json:"same,omitempty"`
}

// A Finding is one thing that breaks the promise.
type Finding struct {
	// What says it in one line, Detail in several.
	What   string `json:"what"`
	Detail string `json:"detail,omitempty"`

	// Seed is that of the check's random choices, Seconds after how long it was found.
	Seed    uint64  `json:"seed"`
	Seconds float64 `json:"seconds"`

	// Token replays a schedule, Program is the text of an op program.
	Token   string `json:"token,omitempty"`
	Program string `json:"program,omitempty"`

	// Replay is the command that shows it again, and Files are what was written
	// about it. Who writes the attachments fills them in.
	Replay string   `json:"replay,omitempty"`
	Files  []string `json:"files,omitempty"`

	// Attachments are files about the finding. A command replays the first if
	// it has Replays.
	Attachments []Attachment `json:"-"`

	// Failure is the schedule that goes wrong, made small.
	Failure *explore.Failure `json:"-"`

	at time.Time
}

// An Attachment is a file about a finding.
type Attachment struct {
	Suffix  string // of its name, with the dot
	Replays bool   // refbench replay reads it
	Write   func(io.Writer) error
}

// textFile is an attachment that refbench replay reads.
func textFile(suffix, text string) Attachment {
	return Attachment{suffix, true, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}}
}

// firstLine returns the first line of a text.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// tried counts something. The first is the main figure.
func (r *Result) tried(n uint64, unit string) { r.Tried = append(r.Tried, Amount{N: n, Unit: unit}) }

// triedSame counts what each part tries: adding up would be wrong.
func (r *Result) triedSame(n uint64, unit string) {
	r.Tried = append(r.Tried, Amount{N: n, Unit: unit, Same: true})
}

func (r *Result) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// without notes which workloads the strategy can't run under.
func (r *Result) without(workloads []string) {
	if len(workloads) > 0 {
		r.note("can't run under %s", strings.Join(workloads, ", "))
	}
}

// withoutWrong notes which workloads are left out since they are wrong.
func (r *Result) withoutWrong(s Subject) {
	if len(s.left) > 0 {
		r.note("not under %s, wrong themselves", strings.Join(s.left, ", "))
	}
}

// sampled sets the bound: what was tried is what a workload does of itself, as often as
// it came. Three or fewer bound nothing.
func (r *Result) sampled() {
	const perBound = 3 // at 95 %: -ln 0.05
	if r.Verdict == "" && len(r.Tried) > 0 && r.Tried[0].N > perBound {
		r.Bound = perBound / float64(r.Tried[0].N)
	}
}

// broken adds a finding.
func (r *Result) broken(f Finding) {
	if r.Verdict = Broken; f.at.IsZero() {
		f.at = time.Now()
	}
	r.Findings, r.Reason = append(r.Findings, f), ""
}

// unknown says that it wasn't found out, unless the promise is broken anyway.
func (r *Result) unknown(format string, args ...any) {
	if r.Verdict != Broken {
		r.Verdict, r.Reason = Unknown, fmt.Sprintf(format, args...)
	}
}

// hang adds a finding: what was done isn't finished, and a call of the count doesn't return. If
// none was seen that doesn't, nothing is found out.
func (r *Result) hang(what string, e *watchdog.HangError, f Finding) {
	if what != "" {
		what += ": "
	}
	r.Left = true
	if e.Calls == "" {
		r.unknown("%s", cmp.Or(f.What, what+e.Line()))
		return
	}
	f.What, f.Detail = what+e.Line(), e.Error()
	r.broken(f)
	r.Hang = e.What()
}

// finish fills in what all results have.
func (r *Result) finish(c Check, s Subject, b Budget, begin time.Time) {
	r.Strategy, r.Check, r.Seconds = s.Strategy.Name, c.Name, time.Since(begin).Seconds()
	if r.Verdict == "" {
		r.Verdict = Kept
	}
	if r.Tried == nil {
		r.Tried = []Amount{} // not null in JSON
	}
	each := func(f *Finding) {
		if f.Seed = b.Seed; !f.at.IsZero() {
			f.Seconds = f.at.Sub(begin).Seconds()
		}
	}
	for i := range r.Findings {
		each(&r.Findings[i])
	}
	for i := range r.Misuses {
		each(&r.Misuses[i].Finding)
	}
}

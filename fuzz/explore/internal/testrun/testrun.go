// Package testrun is what a test binary of refbench test is told, and what it tells.
package testrun

import "time"

// Options say how to run one test. A test binary takes them as its argument, in JSON.
type Options struct {
	Test    string `json:"test"` // name; "" lists the tests
	Run     string `json:"run,omitempty"`
	Short   bool   `json:"short,omitempty"`
	Verbose bool   `json:"verbose,omitempty"`

	Seed       uint64        `json:"seed"`
	Time       time.Duration `json:"time"`       // 0: no limit
	Executions int           `json:"executions"` // 0: no limit
	Search     string        `json:"search,omitempty"`
	Depth      int           `json:"depth,omitempty"`
	Bound      int           `json:"bound,omitempty"`
	Part       int           `json:"part,omitempty"` // of Parts, as of explore.Options
	Parts      int           `json:"parts,omitempty"`
	NoRaces    bool          `json:"noRaces,omitempty"`
	AnyTime    bool          `json:"anyTime,omitempty"` // timers may fire while others could go on
	Version    string        `json:"version"`
	Replay     string        `json:"replay,omitempty"` // a token
	HTML       string        `json:"html,omitempty"`   // a file for the picture of a failure
	MaxPoints  int           `json:"maxPoints,omitempty"`
}

// The verdicts of a Report.
const (
	Passed           = "passed"
	Once             = "once" // passed in its only schedule
	Failed           = "failed"
	Skipped          = "skipped"
	Unsupported      = "unsupported" // something that isn't modelled is reached
	TooLong          = "too long"    // an execution has more points than may be
	Hangs            = "hangs"
	Nondeterministic = "nondeterministic"
)

// A Report says what came of a test.
type Report struct {
	Test       string  `json:"test"`
	Verdict    string  `json:"verdict"`
	Message    string  `json:"message,omitempty"` // why it wasn't explored
	Executions int     `json:"executions"`
	Points     int     `json:"points"`
	Threads    int     `json:"threads"`       // goroutines of the last execution
	Cut        int     `json:"cut,omitempty"` // executions that were stopped for their length
	Seconds    float64 `json:"seconds"`
	Complete   string  `json:"complete,omitempty"` // what was tried completely
	Exhaustive bool    `json:"exhaustive"`
	Search     string  `json:"search,omitempty"` // what found the failure
	Log        string  `json:"log,omitempty"`
	// What the failure is, as in a Failure.
	Kind     string `json:"kind,omitempty"`
	Token    string `json:"token,omitempty"`
	Schedule string `json:"schedule,omitempty"`
	Stack    string `json:"stack,omitempty"`
	Found    int    `json:"found,omitempty"` // in which execution
}

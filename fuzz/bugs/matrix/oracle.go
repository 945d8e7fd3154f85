package matrix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/refbench/refbench/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explored"
	exploredbugs "github.com/refbench/refbench/fuzz/explored/fuzz/bugs"
	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// An Entry is a planted bug in its two forms.
type Entry struct {
	Native   *bugs.Bug
	Explored *exploredbugs.Bug
}

// Builtin returns every planted bug.
func Builtin() []Entry { return pair(bugs.All, exploredbugs.All) }

// pair pairs bugs by name. A new one has no explored form yet in the refbench that is to
// generate it: that one goes without.
func pair(native []*bugs.Bug, explored []*exploredbugs.Bug) []Entry {
	var es []Entry
	for _, b := range native {
		for _, x := range explored {
			if x.Name == b.Name {
				es = append(es, Entry{b, x})
			}
		}
	}
	return es
}

// Budget is how much may be spent on one bug or twin by one oracle.
type Budget struct {
	Seed uint64

	// Time is how long to look. [Run] gives more to an oracle that is expected
	// to find the bug.
	Time time.Duration

	// Child returns the command line of a process that calls [RaceChild], and
	// which the race detector watches. It is nil if there is none.
	Child func(name string, fixed bool) []string
}

// A Finding is what an oracle found in a bug or its twin.
type Finding struct {
	Found bool `json:"found"`
	// Executions is how many it took, or how many there were. What one is
	// depends on the oracle.
	Executions int     `json:"executions"`
	Seconds    float64 `json:"seconds"`
	// Message says what is wrong.
	Message string `json:"message,omitempty"`

	// Failure is the smallest counterexample that the explorer made of it.
	Failure *explore.Failure `json:"failure,omitempty"`
}

// An Oracle is one way to tell right from wrong.
type Oracle struct {
	Name string
	// Executions says what is counted.
	Executions string

	// Sight returns what the oracle is able to see of a bug.
	Sight func(bugs.Sights) bugs.Sight

	// Unavailable returns why the oracle can't run in this process, or "".
	Unavailable func(Budget) string

	// Run looks for what is wrong in a bug or its twin.
	Run func(ctx context.Context, e Entry, fixed bool, b Budget) (Finding, error)
}

// Oracles returns the oracles, in the order of the columns.
func Oracles() []Oracle {
	return []Oracle{
		{
			Name: "specification", Executions: "rows of the strategy's table",
			Sight: func(s bugs.Sights) bugs.Sight { return s.Specification },
			Run:   specification,
		},
		{
			Name: "differential", Executions: "programs on all strategies",
			Sight: func(s bugs.Sights) bugs.Sight { return s.Differential },
			Run:   differential,
		},
		{
			Name: "explored", Executions: "schedules",
			Sight: func(s bugs.Sights) bugs.Sight { return s.Explored },
			Run:   exploration,
		},
		{
			Name: "stress", Executions: "rounds on real threads",
			Sight:       func(s bugs.Sights) bugs.Sight { return s.Stress },
			Unavailable: notUnderRace,
			Run:         stressed,
		},
		{
			Name: "linearizability", Executions: "recorded calls",
			Sight:       func(s bugs.Sights) bugs.Sight { return s.Linearizability },
			Unavailable: notUnderRace,
			Run:         linearizability,
		},
		{
			Name: "race detector", Executions: "rounds on real threads, down to a power of two",
			Sight:       func(s bugs.Sights) bugs.Sight { return s.RaceDetector },
			Unavailable: raceUnavailable,
			Run:         raced,
		},
	}
}

// notUnderRace: bugs that race for plain memory would end this process.
func notUnderRace(Budget) string {
	if RaceEnabled {
		return "this refbench is built with -race, which would report its own process"
	}
	return ""
}

func specification(ctx context.Context, e Entry, fixed bool, b Budget) (Finding, error) {
	start := time.Now()
	sp := spec.Of(e.Native.Strategy(fixed))
	f := Finding{}
	for _, row := range sp.Table() {
		if row.Unpromised != "" {
			continue
		}
		if ctx.Err() != nil {
			break
		}
		f.Executions++
		if err := sp.TryRow(row, false); err != nil {
			f.Found, f.Message = true, err.Error()
			break
		}
	}
	f.Seconds = time.Since(start).Seconds()
	return f, nil
}

// differential runs random programs on the built-in strategies and this one. The
// specification doesn't judge.
func differential(ctx context.Context, e Entry, fixed bool, b Budget) (Finding, error) {
	start := time.Now()
	r := lockstep.New(append(builtin.All(), e.Native.Strategy(fixed)), lockstep.Differential)
	rng := rand.New(rand.NewPCG(b.Seed, 0))
	f := Finding{}
	for ctx.Err() == nil && time.Since(start) < b.Time {
		data := make([]byte, 4+rng.IntN(96))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		p, _ := program.Decode(data)
		f.Executions++
		if d := r.Run(&p); d != nil {
			f.Found, f.Message = true, d.Message
			break
		}
	}
	f.Seconds = time.Since(start).Seconds()
	return f, nil
}

// exploration finds, and then makes small what it found.
func exploration(_ context.Context, e Entry, fixed bool, b Budget) (Finding, error) {
	s := Scenario(e.Explored, fixed)
	o := explore.Options{Seed: b.Seed, Executions: -1, Time: b.Time, NoShrink: true, Version: explored.Version}
	r, err := explore.Explore(s, o)
	if err != nil {
		return Finding{}, err
	}
	f := Finding{Executions: r.Executions, Seconds: r.Seconds}
	if r.Failure == nil {
		return f, nil
	}
	if k := r.Failure.Kind; k == explore.Unsupported || k == explore.Nondeterministic {
		return f, fmt.Errorf("bug %s can't be explored: %w", e.Native.Name, r.Failure)
	}
	f.Found, f.Executions, f.Message = true, r.Failure.Executions, r.Failure.Error()
	// The same searches with the same seed find the same.
	o.NoShrink, o.Time, o.Executions = false, 0, r.Failure.Executions
	if r, err = explore.Explore(s, o); err != nil {
		return f, err
	}
	if r.Failure == nil {
		return f, fmt.Errorf("bug %s: execution %d with seed %d failed once (%s) and not again", e.Native.Name, f.Executions, b.Seed, f.Message)
	}
	f.Failure, f.Message = r.Failure, r.Failure.Error()
	return f, nil
}

func stressed(ctx context.Context, e Entry, fixed bool, b Budget) (Finding, error) {
	start := time.Now()
	wrong, rounds := stress(ctx, e.Native, fixed, false, b.Seed, b.Time, nil)
	return Finding{Found: wrong != "", Executions: rounds, Seconds: time.Since(start).Seconds(), Message: wrong}, nil
}

func linearizability(ctx context.Context, e Entry, fixed bool, b Budget) (Finding, error) {
	start := time.Now()
	r, err := linear.Stress(ctx, e.Native.Strategy(fixed), linear.Config{Clients: 4, Time: b.Time, Seed: b.Seed})
	if err != nil {
		return Finding{}, err
	}
	f := Finding{Found: r.Class == linear.Illegal, Executions: r.Ops, Seconds: time.Since(start).Seconds(), Message: r.Reason}
	if r.Class == linear.Unknown {
		f.Message = "not decided: " + r.Reason
	}
	return f, nil
}

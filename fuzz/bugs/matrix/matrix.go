package matrix

import (
	"context"
	"fmt"
	"time"
)

// A State is what a cell says.
type State string

// The states.
const (
	Found       State = "found"
	Missed      State = "missed"      // not found within the time
	Blind       State = "blind"       // the oracle can't see it
	Unavailable State = "unavailable" // the oracle can't run here
)

// A Cell is one oracle on one bug and its twin.
type Cell struct {
	Oracle string `json:"oracle"`
	State  State  `json:"state"`
	// Why says why the oracle is blind or unavailable.
	Why string `json:"why,omitempty"`
	// Sure says that the oracle is expected to find the bug.
	Sure bool `json:"sure"`

	Bug  *Finding `json:"bug,omitempty"`
	Twin *Finding `json:"twin,omitempty"`
}

// A Row is one bug.
type Row struct {
	Bug   string `json:"bug"`
	Doc   string `json:"doc"`
	Cells []Cell `json:"cells"`

	// Preemptions is how few the explorer's smallest schedule needs,
	// migrations to another CPU among them; -1 if it found none.
	Preemptions int `json:"preemptions"`
}

// Found reports whether some oracle found the bug.
func (r Row) Found() bool {
	for _, c := range r.Cells {
		if c.State == Found {
			return true
		}
	}
	return false
}

// Problems returns what is wrong with the row: an oracle that flags the twin, a bug
// that no oracle finds though one of those that ran is expected to.
func (r Row) Problems() []string {
	var ps []string
	expected := ""
	for _, c := range r.Cells {
		if c.Twin != nil && c.Twin.Found {
			ps = append(ps, fmt.Sprintf("%s: %s flags the twin, which is right: %s", r.Bug, c.Oracle, c.Twin.Message))
		}
		if c.Sure && c.State == Missed && expected == "" {
			expected = c.Oracle
		}
	}
	if expected != "" && !r.Found() {
		ps = append(ps, fmt.Sprintf("%s: found by no oracle, and %s should", r.Bug, expected))
	}
	return ps
}

// Run runs a bug and its twin through the oracles. The error says which oracle could
// not do its work.
func Run(ctx context.Context, e Entry, oracles []Oracle, b Budget) (Row, error) {
	row := Row{Bug: e.Native.Name, Doc: e.Native.Doc, Preemptions: -1}
	for _, o := range oracles {
		sight := o.Sight(e.Native.Sights)
		c := Cell{Oracle: o.Name, State: Missed, Why: sight.Blind, Sure: sight.Sure}
		if sight.Blind != "" {
			c.State = Blind
		} else if o.Unavailable != nil {
			if c.Why = o.Unavailable(b); c.Why != "" {
				c.State = Unavailable
			}
		}
		if c.State == Missed {
			if err := c.run(ctx, e, o, b); err != nil {
				return row, err
			}
			if f := c.Bug.Failure; f != nil {
				row.Preemptions = f.Preemptions + f.Migrations
			}
		}
		row.Cells = append(row.Cells, c)
		if err := ctx.Err(); err != nil {
			return row, err
		}
	}
	return row, nil
}

// patience is how long an oracle may look for a bug that it is expected to find. It
// is more than it takes, but for a machine that does something else as well.
const patience = 10 * time.Second

func (c *Cell) run(ctx context.Context, e Entry, o Oracle, b Budget) error {
	for _, fixed := range []bool{false, true} {
		mine := b
		if c.Sure && !fixed {
			mine.Time = max(b.Time, patience)
		}
		f, err := o.Run(ctx, e, fixed, mine)
		if err != nil {
			return fmt.Errorf("%s: %w", o.Name, err)
		}
		if fixed {
			c.Twin = &f
		} else if c.Bug = &f; f.Found {
			c.State = Found
		}
	}
	return nil
}

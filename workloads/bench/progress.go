package bench

import (
	"fmt"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
)

// A NoProgressError is a cell in which nobody could go on any more: all workers return from
// their calls, and none of them does an operation. What was measured before says
// nothing.
type NoProgressError struct {
	Cell    Cell
	Checked bool          // it was the checked form
	After   time.Duration // for which it was tried
}

func (e *NoProgressError) Error() string {
	form := "timed"
	if e.Checked {
		form = "checked"
	}
	return fmt.Sprintf("%s: no progress: no worker can go on: in %v no operation was done, though every worker and every role was called again and again (%s form)",
		e.Cell, e.After.Round(time.Millisecond), form)
}

// longestTrial is how long somebody may take to go on. The first worker that is called
// does, almost always.
const longestTrial = 5 * time.Second

// leastRounds is how often it is tried at least, however long that takes on a busy machine, or
// on one that stands still meanwhile.
const leastRounds = 100

// A trial is that somebody tries to go on, again and again, and can't.
type trial struct {
	last  time.Time     // it was tried
	spent time.Duration // on it, of which no time counts for more than its share
}

// failed reports that it was tried once more in vain, and whether that is enough.
func (t *trial) failed(now time.Time, limit time.Duration) bool {
	if !t.last.IsZero() {
		t.spent += min(now.Sub(t.last), limit/leastRounds)
	}
	t.last = now
	return t.spent >= limit
}

// goesOn returns a [*NoProgressError] unless some worker can go on, with the help of the
// roles. All of them have returned.
func goesOn(b *barrier, l Length, inst workloads.Instance, checked bool) error {
	c := b.cell
	limit := min(l.timeout()/3, longestTrial)
	var t trial
	for {
		for i := range c.CPUs {
			done := 0
			err := b.call(c, workloads.WorkerName(i), func() error {
				done = inst.Work(i, 1)
				return nil
			})
			if err != nil || done > 0 {
				return err
			}
		}
		for _, r := range inst.Roles() {
			err := b.call(c, r.Name, func() error {
				r.Step()
				return nil
			})
			if err != nil {
				return err
			}
		}
		if t.failed(time.Now(), limit) {
			return &NoProgressError{c, checked, t.spent}
		}
		time.Sleep(100 * time.Microsecond) // What a role waits for may take time.
	}
}

// end closes an instance on which all have returned. What its books say is worse than that nobody can go
// on, if it is more than a leak.
func end(b *barrier, l Length, inst workloads.Instance, checked bool) (workloads.Books, error) {
	idle := goesOn(b, l, inst, checked)
	books, err := closeInstance(b, inst)
	if err == nil && books.Violations() == books.Kinds[judge.Leak] {
		err = idle
	}
	return books, err
}

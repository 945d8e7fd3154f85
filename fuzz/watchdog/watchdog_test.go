package watchdog

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/atomic"
)

// A hand is a clock that a test sets at each look.
type hand func(look int) time.Duration

type handed struct {
	at    hand
	looks int
}

func (h *handed) Now() time.Duration {
	h.looks++
	return h.at(h.looks)
}

// A dog waits by the clock of the CPUs that the process gets: a machine that gives it a tenth of them makes the
// time ten times as long, and one that stands still costs a look.
func TestDogWaitsForCPUs(t *testing.T) {
	const timeout = 8 * time.Millisecond
	for name, at := range map[string]hand{
		"a tenth":       func(look int) time.Duration { return time.Duration(look) * timeout / ticks / 10 },
		"an hour's gap": func(look int) time.Duration { return time.Duration(look/20) * time.Hour },
	} {
		clock := &handed{at: at}
		end := make(chan struct{})
		var hang *HangError
		if err := (Dog{Timeout: timeout, Strategy: atomic.Strategy, clock: clock}).Watch(context.Background(), func() { <-end }); !errors.As(err, &hang) {
			t.Errorf("%s: %v of what never returns", name, err)
		}
		close(end)
		if least := 10 * (ticks - 1); clock.looks < least {
			t.Errorf("%s: it was given up at look %d, want %d and more", name, clock.looks, least)
		}
		if hang != nil && hang.Calls != "" {
			t.Errorf("%s: %q of a count that nobody uses", name, hang.Calls)
		}
	}
}

// What gets on isn't given up, however long it takes.
func TestDogLeavesAloneWhatGetsOn(t *testing.T) {
	const timeout = 8 * time.Millisecond
	looks := int64(0)
	end := make(chan struct{})
	d := Dog{Timeout: timeout, Strategy: atomic.Strategy, Progress: func() int64 {
		if looks++; looks == 5*ticks {
			close(end)
		}
		return looks / (ticks - 2)
	}}
	if err := d.Watch(context.Background(), func() { <-end }); err != nil {
		t.Error(err)
	}
}

package watchdog

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies/atomic"
)

// A slow clock goes on by so much at each look.
type slow struct {
	step  time.Duration
	looks int
}

func (s *slow) Now() time.Duration {
	s.looks++
	return time.Duration(s.looks) * s.step
}

// A dog waits by the clock of the CPUs that the process gets: a machine that gives it a tenth of them makes the
// time ten times as long.
func TestDogWaitsForCPUs(t *testing.T) {
	const timeout = 8 * time.Millisecond
	clock := &slow{step: timeout / ticks / 10}
	end := make(chan struct{})
	defer close(end)
	var hang *HangError
	if err := (Dog{Timeout: timeout, Strategy: atomic.Strategy, clock: clock}).Watch(context.Background(), func() { <-end }); !errors.As(err, &hang) {
		t.Fatalf("%v of what never returns", err)
	}
	if least := 10 * (ticks - 1); clock.looks < least {
		t.Errorf("it was given up at look %d, want %d and more", clock.looks, least)
	}
	if hang.Calls != "" {
		t.Errorf("%q of a count that nobody uses", hang.Calls)
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

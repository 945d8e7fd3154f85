package explore

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A HangError says that explored code hangs: it runs without reaching a scheduling point.
type HangError struct {
	Scenario string
	Timeout  time.Duration // how long was waited
	Stack    string        // where it was seen
}

func (e *HangError) Error() string {
	return fmt.Sprintf("scenario %s: a thread runs for %v without reaching a scheduling point (an endless loop without shared memory, or a call that blocks for real); its goroutine can't be stopped, so nothing more can be explored in this process. It was seen at:\n%s", e.Scenario, e.Timeout, e.Stack)
}

// hangs is set for good when a goroutine of an exploration can't be stopped.
var hangs atomic.Bool

var errHangs = errors.New("an earlier exploration in this process hangs in code that never reaches a scheduling point; start a new process")

// run runs the driver on a goroutine of its own and watches it.
func (d *driver) run(name string, timeout time.Duration, stop <-chan struct{}) error {
	if hangs.Load() {
		return errHangs
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		engine.Run(d)
	}()
	tick := time.NewTicker(timeout)
	defer tick.Stop()
	last := ^uint64(0)
	for {
		select {
		case <-done:
			return nil
		case <-stop:
			d.stopped.Store(true)
			stop = nil
		case <-tick.C:
			now := d.progress.Load()
			if now == last && now != 0 {
				hangs.Store(true)
				return &HangError{Scenario: name, Timeout: timeout, Stack: hangStack()}
			}
			last = now
		}
	}
}

// hangStack returns the stack of the running goroutine of the exploration.
func hangStack() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, g := range bytes.Split(buf, []byte("\n\n")) {
		s := string(g)
		head, _, _ := strings.Cut(s, "\n")
		if strings.Contains(s, "internal/engine.") && !strings.Contains(head, "[coroutine") && !strings.Contains(s, "explore.hangStack") {
			return s
		}
	}
	return "(not seen)"
}

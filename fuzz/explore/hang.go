package explore

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A HangError says that explored code hangs: it runs without reaching a scheduling point.
type HangError struct {
	Scenario string
	Timeout  time.Duration // Options.Timeout
	Stack    string        // where it was seen
}

func (e *HangError) Error() string {
	return fmt.Sprintf("scenario %s: a thread runs for %v without reaching a scheduling point (an endless loop without shared memory, or a call that blocks for real); its goroutine can't be stopped, so nothing more can be explored in this process until it reaches one. It was seen at:\n%s", e.Scenario, e.Timeout, e.Stack)
}

// stuck is the exploration that hangs, if there is one. It is guarded by exploring.
var stuck struct {
	done   <-chan struct{} // closed when it has come to an end after all
	waited bool
}

var errHangs = errors.New("an earlier exploration in this process hangs in code that never reaches a scheduling point; start a new process")

// unstick waits for an exploration that was given up because it hung. Once it reaches a
// scheduling point it ends. What was waited for once is hardly waited for again.
func unstick(patience time.Duration) error {
	if stuck.done == nil {
		return nil
	}
	if stuck.waited {
		patience /= looks
	}
	stuck.waited = true
	select {
	case <-stuck.done:
		stuck.done, stuck.waited = nil, false
		return nil
	case <-time.After(patience):
		return errHangs
	}
}

// run runs the driver on a goroutine and a thread of its own and watches it.
func (d *driver) run(name string, timeout time.Duration, stop <-chan struct{}) error {
	e := engine.New()
	began := make(chan threadClock, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // so that the watch knows whose time counts
		defer runtime.UnlockOSThread()
		began <- thisThread()
		defer e.Close()
		e.Run(d)
	}()
	w := watch{engine: e, clock: <-began, timeout: timeout}
	tick := time.NewTicker(w.period())
	defer tick.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-stop:
			d.stopped.Store(true)
			stop = nil
		case <-tick.C:
			if stack := w.look(); stack != "" {
				e.GiveUp()
				stuck.done, stuck.waited = done, false
				return &HangError{Scenario: name, Timeout: timeout, Stack: stack}
			}
		}
	}
}

// looks is how often the watch looks within a timeout.
const looks = 50

// A watch tells a thread that hangs from one that is slow because the machine is. The
// first has had CPU time and got nowhere, or blocks each time that it is looked at. What
// counts is the thread's own CPU time and the number of looks, each of which needs the
// CPU too, and no clock on the wall.
type watch struct {
	engine   *engine.Engine
	clock    threadClock
	timeout  time.Duration
	progress uint64
	since    time.Duration // CPU time when it last got on
	last     time.Duration // CPU time at the last look
	idle     int           // looks since it got on at which it wasn't waiting for a CPU
}

func (w *watch) period() time.Duration { return max(w.timeout/looks, time.Millisecond) }

// look returns where the thread hangs, "" if it doesn't.
func (w *watch) look() string {
	used, known := w.clock.read()
	ran := used - w.last
	w.last = used
	if p := w.engine.Progress(); p != w.progress || p == 0 {
		w.progress, w.since, w.idle = p, used, 0
		return ""
	}
	if known && used-w.since < w.timeout && ran > w.period()/looks {
		return ""
	}
	stack, waits := runningStack()
	switch {
	case known && used-w.since >= w.timeout:
		return stack
	case known && !waits:
		w.idle = 0 // it could run, and others do
		return ""
	}
	if w.idle++; w.idle < looks {
		return ""
	}
	return stack
}

// runningStack returns the stack of the running goroutine of the exploration, and
// whether that waits for something other than a CPU.
func runningStack() (stack string, waits bool) {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, g := range bytes.Split(buf, []byte("\n\n")) {
		s := string(g)
		head, _, _ := strings.Cut(s, "\n")
		if strings.Contains(s, "internal/engine.") && !strings.Contains(head, "[coroutine") && !strings.Contains(s, "explore.runningStack") {
			return s, !strings.Contains(head, "[running") && !strings.Contains(head, "[runnable")
		}
	}
	return "(not seen)", false
}

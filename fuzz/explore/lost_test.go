package explore_test

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/explore"
	xatomic "github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// lostUpdate adds to a number in two steps on two threads; then is called in each
// execution, on the first of them.
func lostUpdate(then func()) *explore.Scenario { return lostUpdates(1, then) }

// lostUpdates does so so many times.
func lostUpdates(times int, then func()) *explore.Scenario {
	return &explore.Scenario{Name: "lost update", Make: func(explore.Program) explore.Case {
		var n xatomic.Int64
		add := func() {
			for range times {
				n.Store(n.Load() + 1)
			}
		}
		return explore.Case{
			Setup:   func() { n.Store(0) },
			Threads: []func(){func() { add(); then() }, add},
			Finish: func() {
				if n.Load() != int64(2*times) {
					explore.Failf("lost")
				}
			},
		}
	}}
}

// onceLost is lostUpdate that fails the first time, and whenever fails says so of an
// execution that is drawn, or of one that isn't, in which slow is called.
func onceLost(times int, slow func(), fails func(drawn bool) bool) *explore.Scenario {
	found, drawn := false, false
	s := lostUpdates(times, func() {
		if found {
			slow()
		}
	})
	inner := s.Make
	s.Make = func(p explore.Program) explore.Case {
		c := inner(p)
		setup, finish := c.Setup, c.Finish
		c.Setup = func() { setup(); drawn = false }
		c.Show = func() string { drawn = true; return "" }
		c.Finish = func() {
			if found && !fails(drawn) {
				return
			}
			fine := false
			defer func() { found = found || !fine }()
			finish()
			fine = true
		}
		return c
	}
	return s
}

// TestShrinkingIsBounded: what can't be made smaller, however long one tries, is
// reported.
func TestShrinkingIsBounded(t *testing.T) {
	slow := func() { time.Sleep(5 * time.Millisecond) }
	s := onceLost(10, slow, func(drawn bool) bool { return drawn })
	begin := time.Now()
	r, err := explore.Explore(s, explore.Options{Search: explore.Random, Seed: 1, Executions: 1000, ShrinkTime: 20 * time.Millisecond})
	if err != nil || r.Failure == nil || r.Failure.Kind != explore.Violation || r.Failure.Token == "" {
		t.Fatalf("%+v, %v: want the violation", r, err)
	}
	// It would take two minutes.
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

// TestSmallerLater: a failure that was reported as it was found is made as small later.
func TestSmallerLater(t *testing.T) {
	for _, p := range bank() {
		o := explore.Options{Seed: 5}
		small, err := explore.Explore(p.bug, o)
		if err != nil {
			t.Fatal(err)
		}
		o.NoShrink = true
		r, err := explore.Explore(p.bug, o)
		if err != nil {
			t.Fatal(err)
		}
		if f := r.Failure.Smaller(p.bug, explore.Options{Seed: 5}); f.Token != small.Failure.Token {
			t.Errorf("%s: %d preemptions, program %v; at once %d, %v", p.bug.Name, f.Preemptions, f.Program, small.Failure.Preemptions, small.Failure.Program)
		}
	}
}

// TestSmallerThatIsNone: a smaller schedule that fails once and doesn't fail again when
// it is to be drawn isn't reported. The schedule is, as it was found.
func TestSmallerThatIsNone(t *testing.T) {
	twice := 0
	for seed := range uint64(10) {
		times := 0
		s := onceLost(1, func() {}, func(drawn bool) bool {
			if drawn {
				times++
			}
			return !drawn || times == 2
		})
		r, err := explore.Explore(s, explore.Options{Search: explore.Random, Seed: seed, Executions: 1000})
		if err != nil || r.Failure == nil {
			t.Fatalf("seed %d: %+v, %v: want a failure", seed, r, err)
		}
		if times == 1 {
			continue // it was as small as can be
		}
		twice++
		if r.Failure.Kind != explore.Violation || r.Failure.Token == "" {
			t.Errorf("seed %d: %v, token %q: want the violation", seed, r.Failure, r.Failure.Token)
		}
	}
	if twice == 0 {
		t.Error("no schedule was made smaller")
	}
}

// stall is a thread that doesn't come to a point until it is let go.
var stall atomic.Bool

func standStill() {
	for i := 0; stall.Load(); i++ {
		_ = i
	}
}

// TestFoundThenStalled: a failure that was found before code under test stood still is
// reported, with a token. What stood still ends at its next point, and the process goes
// on exploring.
func TestFoundThenStalled(t *testing.T) {
	s := onceLost(1, standStill, func(bool) bool { return true })
	stall.Store(true)
	defer stall.Store(false)
	o := explore.Options{Search: explore.Random, Seed: 1, Executions: 1000, Timeout: 100 * time.Millisecond}
	r, err := explore.Explore(s, o)
	if err != nil || r.Failure == nil || r.Failure.Kind != explore.Violation || r.Failure.Token == "" {
		t.Fatalf("%+v, %v: want the violation with its token", r, err)
	}
	if !strings.Contains(r.Failure.Note, "standStill") || !strings.Contains(r.Failure.Text(), r.Failure.Note) {
		t.Errorf("note %q: want where it stands still", r.Failure.Note)
	}
	stall.Store(false)
	for deadline := time.Now().Add(time.Minute); ; {
		again, err := explore.Replay(r.Failure.Token, []*explore.Scenario{lostUpdate(func() {})}, o)
		if err == nil && again.Kind == explore.Violation {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v, %v: want the violation again", again, err)
		}
	}
	if r, err := explore.Explore(lostUpdate(func() {}), explore.Options{}); err != nil || r.Failure == nil {
		t.Errorf("%+v, %v: want an exploration as any other", r, err)
	}
}

// TestSlowMachineIsNoHang: a thread that gets no CPU for longer than the timeout doesn't
// hang, and one that has had as much does. The wall clock says nothing.
func TestSlowMachineIsNoHang(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the CPU time of a thread is read on Linux only; elsewhere a hang is told by looks alone, which TestHang covers")
	}
	if os.Getenv("EXPLORE_SLOW") != "" {
		s := lostUpdate(func() {
			// About 100 ms of work.
			for begin, i := time.Now(), 0; time.Since(begin) < 100*time.Millisecond; i++ {
				_ = i
			}
		})
		o := explore.Options{Search: explore.Random, Executions: 5, NoShrink: true, Timeout: 400 * time.Millisecond}
		r, err := explore.Explore(s, o)
		if err != nil || r.Executions == 0 {
			t.Fatalf("%+v, %v: want a result", r, err)
		}
		return
	}
	// The process is stopped again and again for longer than the timeout.
	cmd := exec.Command(os.Args[0], "-test.run=^TestSlowMachineIsNoHang$")
	cmd.Env = append(os.Environ(), "EXPLORE_SLOW=1")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopAndGo(t, cmd, 3, 600*time.Millisecond)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

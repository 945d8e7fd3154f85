package bench

import (
	"testing"
	"time"
)

// handClock shows what it is set to.
type handClock struct{ now time.Duration }

func (c *handClock) Now() time.Duration { return c.now }

// A call counts as one that never returns by the clock that stands while the process gets
// no CPU, not by the wall's; and only the one and same call.
func TestOnlyTheSameCallHangs(t *testing.T) {
	cs := newCalls(2)
	cs.add("reaper")
	clock := new(handClock)
	w := watch{calls: cs, limit: time.Second, clock: clock}
	look := func(after time.Duration, want string) {
		t.Helper()
		clock.now += after
		if got, _ := w.look(); got != want {
			t.Errorf("after %v more: %q hangs, want %q", after, got, want)
		}
	}
	worker, role := &cs.workers[1], cs.role(0)
	look(time.Hour, "") // nobody is in a call
	worker.enter()
	look(0, "")
	for range 3 {
		time.Sleep(time.Millisecond)
		look(0, "") // no CPU meanwhile
	}
	look(999*time.Millisecond, "")
	worker.leave()
	worker.enter()
	look(2*time.Millisecond, "") // another call
	look(999*time.Millisecond, "")
	look(time.Millisecond, "worker 1")
	worker.leave()
	look(time.Hour, "")
	role.enter()
	look(0, "")
	look(time.Second, "reaper")
	role.end()
	look(time.Hour, "")
	cs.in = "Close"
	cs.main.enter()
	look(0, "")
	look(time.Second, "Close")
}

// Workers beyond the CPUs get time in proportion.
func TestCrowdedWorkersMayTakeTurns(t *testing.T) {
	m := testMachine(t)
	one := hangLimit(m, Cell{CPUs: 1}, Length{})
	many := hangLimit(m, Cell{CPUs: 64 * m.CPUs.Max()}, Length{})
	if one < 15*time.Second || many < one+time.Second {
		t.Errorf("a call of one worker may take %v, of 64 on each CPU %v", one, many)
	}
	c := oneCell(t, 32*m.CPUs.Max(), nil)
	room(t, c, m)
	s, err := Measure(t.Context(), m, c, Length{Timed: 50 * time.Millisecond, Checked: 10 * time.Millisecond}, 1)
	if err != nil || s.Ops == 0 || !s.Shared {
		t.Errorf("%d workers on %d CPUs: %+v, error %v, want a shared sample", c.CPUs, m.CPUs.Max(), s, err)
	}
}

package bench

import (
	"strings"
	"syscall"
	"testing"

	"github.com/aclements/go-perfevent/events"
	"golang.org/x/sys/unix"
)

// taskClock is an event that the kernel counts itself, so that there is one on every
// machine: ns of CPU time.
type taskClock struct{}

func (taskClock) String() string { return "task-clock" }
func (taskClock) SetAttrs(a *unix.PerfEventAttr) error {
	a.Type, a.Config = unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_TASK_CLOCK
	return nil
}

// Counters count what their thread does between begin and end, per operation.
func TestCountersCountTheirThread(t *testing.T) {
	open := func() *counters {
		c, err := openCounters([]events.Event{taskClock{}})
		if err != nil {
			t.Skipf("the kernel lets nobody count here, not even its own events: %v", err)
		}
		return c
	}
	idle, busy := open(), open()
	defer idle.close()
	defer busy.close()
	const ops, each = 100, 100_000 // ns
	for _, c := range []*counters{idle, busy} {
		if err := c.begin(); err != nil {
			t.Fatal(err)
		}
		c.ops = ops
		if c == busy {
			for range ops {
				burn(each)
			}
		}
		if err := c.end(); err != nil {
			t.Fatal(err)
		}
	}
	of := func(c *counters) float64 {
		vs, err := counts([]prober{c})
		if err != nil {
			t.Fatal(err)
		}
		if vs[1].Unit != UnitCounted || vs[1].Value != 100 {
			t.Errorf("values %v: want the counters to have run all the time", vs)
		}
		return vs[0].Value
	}
	// Who is stopped burns less CPU time than time.
	if i, b := of(idle), of(busy); b < 20*i || b > 1.5*each {
		t.Errorf("%v ns counted where nothing was done and %v ns where %d were burnt", i, b, each)
	}
}

// Why there are no counters is said with what helps.
func TestWhyCountersCannotBeOpened(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOENT: "no hardware counters", syscall.EOPNOTSUPP: "no hardware counters",
		syscall.EACCES: "perf_event_paranoid is 3): sudo sysctl", syscall.EINVAL: "invalid argument",
	} {
		if got := countersError(err, "3").Error(); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q in it", err, got, want)
		}
	}
}

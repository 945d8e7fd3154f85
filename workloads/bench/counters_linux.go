package bench

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"

	"github.com/aclements/go-perfevent/events"
	"github.com/aclements/go-perfevent/perf"
	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/workloads"
)

// counted are the events that are counted, each with its unit, as one group: they run at
// the same time or not at all.
var counted = []struct {
	unit  string
	event events.Event
}{
	{UnitCycles, events.EventCPUCycles},
	{UnitInstructions, events.EventInstructions},
	{UnitCacheMisses, events.EventCacheMisses},
}

// counters counts what a worker's thread does.
type counters struct {
	inst  workloads.Instance
	group *perf.Counter
	ops   int
	found []perf.Count
}

func newCounters(inst workloads.Instance) (*counters, error) {
	es := make([]events.Event, len(counted))
	for i, c := range counted {
		es[i] = c.event
	}
	c, err := openCounters(es)
	if err != nil {
		return nil, err
	}
	c.inst = inst
	return c, nil
}

func openCounters(es []events.Event) (*counters, error) {
	group, err := perf.OpenCounter(perf.TargetThisGoroutine, es...)
	if err != nil {
		return nil, countersError(err, paranoia())
	}
	return &counters{group: group, found: make([]perf.Count, len(es))}, nil
}

// paranoia returns what the kernel's setting says, "" if it can't be read.
func paranoia() string {
	b, _ := os.ReadFile("/proc/sys/kernel/perf_event_paranoid")
	return strings.TrimSpace(string(b))
}

// countersError says why counters can't be opened, and what to do.
func countersError(err error, paranoia string) error {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENODEV):
		return errors.New("this machine shows no hardware counters, as most virtual machines don't: measure without them, or on bare metal")
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("the kernel forbids hardware counters (kernel.perf_event_paranoid is %s): sudo sysctl kernel.perf_event_paranoid=1", paranoia)
	}
	return fmt.Errorf("hardware counters: %w", err)
}

// checkCounters opens counters and closes them.
func checkCounters() error {
	c, err := newCounters(nil)
	if err == nil {
		c.close()
	}
	return err
}

func (c *counters) begin() error {
	c.group.Start()
	return nil
}

func (c *counters) end() error {
	c.group.Stop()
	return c.group.ReadGroup(c.found)
}

func (c *counters) close() { c.group.Close() }

func (c *counters) Work(worker, n int) int {
	did := c.inst.Work(worker, n)
	c.ops += did
	return did
}

// counts adds up what the workers' counters say, for each operation. Where the CPU has too
// few counters for all who ask, it takes turns, and what is counted is scaled.
func counts(ps []prober) ([]benchfmt.Value, error) {
	sums := make([]float64, len(ps[0].(*counters).found))
	ops, ran := 0, math.Inf(1)
	for _, p := range ps {
		c := p.(*counters)
		ops += c.ops
		for i, f := range c.found {
			if f.TimeRunning == 0 {
				return nil, errors.New("the CPU's counters didn't run: something else has them all")
			}
			sums[i] += float64(f.Value())
			ran = min(ran, float64(f.TimeRunning)/float64(f.TimeEnabled))
		}
	}
	if ops == 0 {
		return nil, errors.New("no operation was counted")
	}
	var values []benchfmt.Value
	for i, sum := range sums {
		values = append(values, benchfmt.Value{Unit: counted[i].unit, Value: significant(sum / float64(ops))})
	}
	return append(values, benchfmt.Value{Unit: UnitCounted, Value: significant(100 * ran)}), nil
}

package linear

import (
	"errors"
	"testing"

	"github.com/refbench/refbench/workloads/bench/cpu"
)

// Each CPU's counter is compared with the first one's: one that is wrong is enough.
func TestEveryClockIsCompared(t *testing.T) {
	for _, c := range []struct {
		cpus     []int
		bindable bool
		procs    int
		wrong    int // the CPU whose counter is
		ok       bool
	}{
		{[]int{3}, false, 1, 3, true},
		{[]int{3, 5}, true, 2, 5, false},
		{[]int{3, 5}, true, 2, 7, true},
		{[]int{3, 5, 7}, true, 3, 7, false},
		{[]int{3, 5}, true, 1, 7, false},
		{[]int{3, 5}, false, 2, 7, false},
	} {
		err := compare(cpu.Set{Order: c.cpus, Bindable: c.bindable}, c.procs, func(pair [2]int) error {
			if pair[0] != c.cpus[0] || pair[1] == pair[0] {
				t.Errorf("CPUs %v: %v are compared", c.cpus, pair)
			}
			if pair[1] == c.wrong {
				return errors.New("apart")
			}
			return nil
		})
		if (err == nil) != c.ok {
			t.Errorf("CPUs %v, bindable %v, GOMAXPROCS %d, wrong %d: %v, want accepted %v", c.cpus, c.bindable, c.procs, c.wrong, err, c.ok)
		}
	}
}

func TestClocksAreJudgedByMessages(t *testing.T) {
	for _, c := range []struct {
		name        string
		there, back int64
		ok          bool
	}{
		{"the same", 200, 200, true},
		{"almost the same", 180, 230, true},
		{"one direction faster than light", -5, 405, false},
		{"the other direction", 405, -5, false},
		{"no time at all", 0, 100, false},
		{"more apart than a quarter of a message", 120, 280, false},
	} {
		if err := judgeMessages(c.there, c.back); (err == nil) != c.ok {
			t.Errorf("%s: there %d, back %d: %v, want accepted %v", c.name, c.there, c.back, err, c.ok)
		}
	}
}

func TestNewClock(t *testing.T) {
	c := NewClock()
	t.Logf("clock %s %s", c.Name, c.Why)
	if (c.Name == ClockTSC) != (c.Why == "") {
		t.Errorf("clock %s, why not the time stamp counter: %q", c.Name, c.Why)
	}
}

func counterClock() *Clock {
	return &Clock{Name: ClockCounter, Why: "asked for", counter: new(fence)}
}

func BenchmarkStamps(b *testing.B) {
	for _, c := range []*Clock{NewClock(), counterClock()} {
		b.Run(c.Name, func(b *testing.B) {
			var f fence
			for b.Loop() {
				c.begin(&f)
				c.end(&f)
			}
		})
	}
}

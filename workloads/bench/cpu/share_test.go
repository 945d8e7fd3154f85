package cpu

import (
	"testing"
	"time"
)

func TestShareClockRunsAsTheProcessGetsCPUs(t *testing.T) {
	begin := time.Now()
	at := func(wall, used, waited time.Duration) reading {
		return reading{begin.Add(wall), used, waited, true}
	}
	unknown := reading{at: begin.Add(time.Second)}
	for _, tt := range []struct {
		name     string
		from, to reading
		cpus     int
		want     time.Duration
	}{
		{"all that was asked for", at(0, 0, 0), at(time.Second, 2*time.Second, 0), 2, time.Second},
		{"half of it", at(0, 0, 0), at(time.Second, time.Second, time.Second), 2, 500 * time.Millisecond},
		{"one thread needs one CPU", at(0, 0, 0), at(time.Second, time.Second, 0), 8, time.Second},
		{"more threads than CPUs wait for each other", at(0, 0, 0), at(time.Second, 2*time.Second, 62*time.Second), 2, time.Second},
		{"and get a tenth of these", at(0, 0, 0), at(time.Second, 200*time.Millisecond, 62*time.Second), 2, 100 * time.Millisecond},
		{"a tenth", at(0, 0, 0), at(time.Second, 100*time.Millisecond, 900*time.Millisecond), 2, 100 * time.Millisecond},
		{"a tenth of what was asked for a moment", at(0, 0, 0), at(time.Second, time.Millisecond, 9*time.Millisecond), 2, 991 * time.Millisecond},
		{"nobody wants a CPU", at(0, 0, 0), at(time.Second, 0, 0), 2, time.Second},
		{"never faster than time", at(0, 0, 0), at(time.Second, 5*time.Second, 0), 1, time.Second},
		{"those that ended had waited", at(0, 0, time.Second), at(time.Second, time.Second, 0), 2, time.Second},
		{"the system doesn't tell", at(0, 0, 0), unknown, 2, time.Second},
	} {
		if got := granted(tt.from, tt.to, tt.cpus); got != tt.want {
			t.Errorf("%s: %v count of a second, want %v", tt.name, got, tt.want)
		}
	}
}

func TestShareClockStandsForSleepersToo(t *testing.T) {
	c := NewShareClock(1, time.Second)
	time.Sleep(20 * time.Millisecond)
	if now := c.Now(); now <= 0 {
		t.Errorf("the clock shows %v after 20 ms", now)
	}
}

// A process that was stopped for an hour hasn't had it.
func TestShareClockStepsOverStops(t *testing.T) {
	begin := time.Now()
	c := &ShareClock{cpus: 1, most: time.Second, last: reading{at: begin, known: true}}
	c.at(reading{at: begin.Add(time.Hour), known: true})
	if now := c.at(reading{at: begin.Add(time.Hour + time.Second/2), known: true}); now != 3*time.Second/2 {
		t.Errorf("the clock shows %v, want 1.5s", now)
	}
}

package cpu

import "time"

// A ShareClock runs as fast as the system gives the process the CPUs that it asks for: at
// full speed while the process has them, or asks for none, and at a tenth of it while it
// gets a tenth. So what is waited for by this clock isn't late only because the machine is
// busy. Where the system doesn't tell, it is an ordinary clock.
type ShareClock struct {
	cpus int
	last reading
	now  time.Duration
}

// A reading is what the system says at one time.
type reading struct {
	at       time.Time
	used     time.Duration // CPU time of the process
	runnable int           // threads that run or wait for a CPU
	known    bool
}

// NewShareClock returns a clock that stands at zero. The process may use so many CPUs.
func NewShareClock(cpus int) *ShareClock { return &ShareClock{cpus: cpus, last: read()} }

func read() reading {
	r := reading{at: time.Now()}
	used, ok1 := ProcessTime()
	n, ok2 := Runnable()
	r.used, r.runnable, r.known = used, n, ok1 && ok2
	return r
}

// Now returns what the clock shows. It is read several times while something is waited
// for: how many CPUs were asked for is known for those instants only.
func (c *ShareClock) Now() time.Duration {
	r := read()
	c.now += granted(c.last, r, c.cpus)
	c.last = r
	return c.now
}

// granted returns how much time of that between two readings counts.
func granted(from, to reading, cpus int) time.Duration {
	wall := to.at.Sub(from.at)
	asked := min(max(from.runnable, to.runnable), cpus)
	if !from.known || !to.known || asked == 0 {
		return wall
	}
	return min(wall, (to.used-from.used)/time.Duration(asked))
}

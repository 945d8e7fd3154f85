package cpu

import "time"

// A ShareClock runs as fast as the system gives the process the CPUs that it asks for: at
// full speed while the process has them, or asks for none, and at a tenth of it while it
// gets a tenth. So what is waited for by this clock isn't late only because the machine is
// busy, nor because the machine or the process stood still, which is one step of the clock. Where
// the system doesn't tell, it is an ordinary clock otherwise.
type ShareClock struct {
	cpus int
	most time.Duration
	last reading
	now  time.Duration
}

// A reading is what the system says at one time.
type reading struct {
	at     time.Time
	used   time.Duration // CPU time of the process
	waited time.Duration // of its threads together, able to run and without a CPU
	known  bool
}

// NewShareClock returns a clock that stands at zero. The process may use so many CPUs. Between two
// readings it goes on by as much as most.
func NewShareClock(cpus int, most time.Duration) *ShareClock {
	return &ShareClock{cpus: cpus, most: most, last: read()}
}

func read() reading {
	r := reading{at: time.Now()}
	used, ok1 := ProcessTime()
	waited, ok2 := Waited()
	r.used, r.waited, r.known = used, waited, ok1 && ok2
	return r
}

// Now returns what the clock shows. What threads waited that ended since it was read before isn't known any
// more, so it is read several times while something is waited for.
func (c *ShareClock) Now() time.Duration {
	return c.at(read())
}

func (c *ShareClock) at(r reading) time.Duration {
	c.now += min(granted(c.last, r, c.cpus), c.most)
	c.last = r
	return c.now
}

// granted returns how much time of that between two readings counts. Of the time in which threads ran or
// waited, the part is lost in which they waited. But who uses all CPUs that there are waits for itself.
func granted(from, to reading, cpus int) time.Duration {
	wall := to.at.Sub(from.at)
	used, waited := to.used-from.used, to.waited-from.waited
	if !from.known || !to.known || waited <= 0 {
		return wall
	}
	asked := used + waited
	lost := time.Duration(float64(min(wall, asked)) * float64(waited) / float64(asked))
	return min(wall, max(wall-lost, used/time.Duration(cpus)))
}

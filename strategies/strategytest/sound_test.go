package strategytest

import (
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
)

// A sound count keeps any promise: it is a number under a mutex, and looks up in
// its promise what to do. It has every power but the modes. The broken counts
// embed it and get one thing wrong each.
type sound struct {
	mu      sync.Mutex
	p       strategies.Promise
	monitor *strategies.Monitor
	refs    int64
	killed  bool
	killing bool // Kill waits
	atomic  bool // of a modal count
	stuck   bool
	flips   int  // of a broken count
	garbage *int // of a broken count
}

// saturates is a promise with 8 bits, so that the limit is never far.
func saturates() strategies.Promise {
	return strategies.Promise{
		Limit:        127,
		Width:        8,
		Overflow:     strategies.Saturates,
		Underflow:    strategies.Saturates,
		GetOnZero:    strategies.Saturates,
		Zero:         strategies.Immediate,
		TryGet:       strategies.Exact,
		Count:        strategies.Exact,
		Resurrection: true,
		Progress:     strategies.Blocking,
		Bytes:        int(unsafe.Sizeof(sound{})),
	}
}

// all returns the promise with one response to everything.
func all(r strategies.Response) strategies.Promise {
	p := saturates()
	p.Overflow, p.Underflow, p.GetOnZero = r, r, r
	if r == strategies.Wraps {
		p.GetOnZero = strategies.Revives
	}
	return p
}

// afterKill is the promise of a per-CPU count.
func afterKill() strategies.Promise {
	p := all(strategies.Wraps)
	p.Zero = strategies.AfterKill
	return p
}

// lastLost is the promise of a count of which nobody may be told, if more is dropped than
// is held.
func lastLost() strategies.Promise {
	p := all(strategies.Refuses)
	p.Stray = strategies.LastLost
	return p
}

func (c *sound) Monitor(m *strategies.Monitor) { c.monitor = m }

func (c *sound) Init() { c.InitAt(1) }

func (c *sound) InitAt(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refs, c.killed, c.killing, c.atomic, c.stuck = n, false, false, false, false
}

// waits is the promise of a count whose Kill waits.
func waits() strategies.Promise {
	p := all(strategies.Wraps)
	p.Zero = strategies.Waits
	return p
}

func (c *sound) exact() bool { return c.p.Zero == strategies.Immediate || c.killed || c.atomic }

// misuse does what r says, with k references more, and reports whether a try to
// take them succeeded.
func (c *sound) misuse(r strategies.Response, k int64, kind strategies.Misuse) bool {
	switch r {
	case strategies.Wraps, strategies.Revives:
		c.wrap(k)
		return true
	case strategies.Panics:
		panic(kind.String())
	}
	c.monitor.Report(kind)
	if r == strategies.Saturates {
		c.stuck = true
		return true
	}
	return false
}

// wrap adds k modulo the width, which is that of a signed number.
func (c *sound) wrap(k int64) {
	span := 2 * (c.p.Limit + 1)
	c.refs = (c.refs+k+span/2)%span - span/2
	if c.refs < -span/2 {
		c.refs += span
	}
}

func (c *sound) GetN(k int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.get(int64(k), strategies.GetOverflow)
}

func (c *sound) get(k int64, over strategies.Misuse) bool {
	tries, past := over == strategies.TryGetOverflow, c.stuck || c.refs < 0
	switch {
	case tries && past && (c.p.TryGetRefuses == strategies.AtLimit || c.p.TryGetRefuses == strategies.PastLimit), tries && c.refs+k > c.p.Limit && c.p.TryGetRefuses == strategies.AtLimit:
		return c.misuse(strategies.Refuses, 0, over)
	case c.stuck:
		return c.misuse(strategies.Saturates, 0, over)
	case c.exact() && c.refs == 0:
		return c.misuse(c.p.GetOnZero, k, strategies.GetAfterFree)
	case c.refs+k > c.p.Limit:
		return c.misuse(c.p.Overflow, k, over)
	}
	c.refs += k
	return true
}

func (c *sound) TryGetN(k int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stuck && c.exact() && c.refs == 0 || (c.killed || c.killing) && c.p.TryGetRefuses == strategies.OnceKilled {
		return false
	}
	return c.get(int64(k), strategies.TryGetOverflow)
}

func (c *sound) PutN(k int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.put(int64(k), strategies.PutAfterFree)
}

func (c *sound) put(k int64, under strategies.Misuse) bool {
	switch {
	case c.stuck:
		c.misuse(strategies.Saturates, 0, under)
		return false
	case c.exact() && c.refs >= 0 && c.p.Underflow != strategies.Wraps && (c.refs < k || c.refs == k && under == strategies.DropToZero):
		c.misuse(c.p.Underflow, -k, under)
		return false
	}
	c.wrap(-k)
	return c.exact() && c.refs == 0 && c.p.Zero != strategies.Waits
}

func (c *sound) Get()         { c.GetN(1) }
func (c *sound) TryGet() bool { return c.TryGetN(1) }
func (c *sound) Put() bool    { return c.PutN(1) }

func (c *sound) Kill() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.p.Zero == strategies.Waits {
		for c.killing = true; c.refs != 1; {
			c.mu.Unlock()
			runtime.Gosched()
			c.mu.Lock()
		}
	}
	c.killed, c.killing = true, false
	last := c.put(1, strategies.PutAfterFree)
	return last || c.p.Zero == strategies.Waits
}

func (c *sound) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(1, strategies.DropToZero)
}

func (c *sound) Count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stuck {
		return -1000
	}
	return c.refs
}

func (c *sound) Resurrect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refs == 0 && !c.stuck {
		c.refs = 1
		return
	}
	c.get(1, strategies.GetOverflow)
}

func (c *sound) PutIfOne() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.stuck && c.refs == 1 && c.put(1, strategies.PutAfterFree)
}

func (c *sound) PutUnlessOne() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stuck {
		return true
	}
	if c.refs == 1 {
		return false
	}
	c.put(1, strategies.PutAfterFree)
	return true
}

func (c *sound) PutAndLock(l sync.Locker) bool {
	if c.PutUnlessOne() {
		return false
	}
	l.Lock()
	if c.Put() {
		return true
	}
	l.Unlock()
	return false
}

// A modal count is a sound one that has the modes of a per-CPU count, in name.
type modal struct {
	sound
}

func (c *modal) KillAndConfirm(confirm func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
	confirm()
	return c.put(1, strategies.PutAfterFree)
}

func (c *modal) TryGetLive() bool {
	c.mu.Lock()
	killed := c.killed
	c.mu.Unlock()
	return !killed && c.TryGet()
}

func (c *modal) SwitchToAtomic() { c.switchTo(true) }
func (c *modal) SwitchToPerCPU() { c.switchTo(false) }
func (c *modal) Reinit()         { c.Init() }

func (c *modal) switchTo(atomic bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.atomic = atomic
}

func (c *modal) ResurrectLive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.get(1, strategies.GetOverflow)
	c.killed, c.atomic = false, false
}

// failures returns the names of the rules that the strategy breaks.
func failures(t *testing.T, s *strategies.Strategy, cfg rules.Config) (names []string, errs []error) {
	for _, r := range rules.All() {
		if err := r.Run(t.Context(), s, cfg).Err(); err != nil {
			names = append(names, r.Name)
			errs = append(errs, err)
		}
	}
	return names, errs
}

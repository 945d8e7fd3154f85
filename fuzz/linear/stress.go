package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// Config is how [Record] and [Stress] make histories.
type Config struct {
	// Clients is how many goroutines use the counts at once; 0 means 4.
	Clients int

	// Ops and Time are when to stop: after about so many calls, or so long.
	// 0 is no limit; one of them must be set.
	Ops  int
	Time time.Duration

	// Seed fixes what the clients call, as far as the answers let them.
	Seed uint64

	// Clock stamps the calls; nil means NewClock().
	Clock *Clock

	// Timeout is the judge's.
	Timeout time.Duration

	// Patience is how long clients may take for the few calls of a life
	// before one of them counts as stuck; 0 means 10 seconds.
	Patience time.Duration
}

func (c Config) check(s *strategies.Strategy) (Config, error) {
	if c.Clients == 0 {
		c.Clients = 4
	}
	switch {
	case c.Clients < 1 || c.Clients >= MaxClients:
		return c, fmt.Errorf("%d clients: want 1 .. %d", c.Clients, MaxClients-1)
	case c.Ops < 0 || c.Time < 0:
		return c, fmt.Errorf("%d calls, %v: want no negative limit", c.Ops, c.Time)
	case c.Ops == 0 && c.Time == 0:
		return c, errors.New("neither calls nor time are limited: it would never end")
	}
	if why := Unsupported(s, c.Clients); why != "" {
		return c, errors.New(why)
	}
	if c.Clock == nil {
		c.Clock = NewClock()
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	return c, nil
}

// Unsupported returns why histories of the strategy can't be recorded with so many
// clients, or "".
func Unsupported(s *strategies.Strategy, clients int) string {
	if s.Promise.Limit <= int64(clients) {
		return fmt.Sprintf("%s counts no more than %d references, too few for %d clients and the owner's", s.Name, s.Promise.Limit, clients)
	}
	return ""
}

// A Report is what [Stress] found.
type Report struct {
	// Result adds up those of all batches; Life and Stretch are of the first
	// illegal life, or else of the first unknown one.
	Result

	// History is that life alone, nil if there is none.
	History *History

	Clock            string
	Seed             uint64
	Ops, Lives       int
	Recorded, Judges time.Duration // how long each took
}

// Calls are recorded in batches that are judged before the next: small ones first,
// since most of what is wrong shows at once.
const (
	firstBatch = 1_000 // calls
	lastBatch  = 50_000
)

// Stress records histories of the strategy on real threads and judges them, until a
// life is illegal, the limits of cfg are reached, or ctx ends.
func Stress(ctx context.Context, s *strategies.Strategy, cfg Config) (Report, error) {
	cfg, err := cfg.check(s)
	if err != nil {
		return Report{}, err
	}
	total := Report{Clock: cfg.Clock.Name(), Seed: cfg.Seed}
	total.Verdict, total.Life = Linearizable, -1
	j := &Judge{Spec: spec.Of(s), Timeout: cfg.Timeout}
	began := time.Now()
	if cfg.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, began.Add(cfg.Time))
		defer cancel()
	}
	batch := firstBatch
	for n := uint64(0); ctx.Err() == nil && (cfg.Ops == 0 || total.Ops < cfg.Ops); n++ {
		one := cfg
		one.Ops, one.Time = batch, 0
		if cfg.Ops > 0 {
			one.Ops = min(batch, cfg.Ops-total.Ops)
		}
		if cfg.Time > 0 {
			// Judging takes about as long as recording, so half of what is
			// left is for that.
			one.Time = max(time.Until(began.Add(cfg.Time))/2, time.Microsecond)
		}
		batch = min(2*batch, lastBatch)
		t0 := time.Now()
		h, stuck := record(ctx, s, one, n)
		t1 := time.Now()
		total.Recorded += t1.Sub(t0)
		// What is recorded is judged, also if the time is up meanwhile: it is
		// little. Only an interrupt ends that.
		r, err := j.Check(context.WithoutCancel(ctx), h)
		total.Judges += time.Since(t1)
		if err != nil {
			return total, fmt.Errorf("strategy %s, seed %d: what was recorded is no history: %w", s.Name, cfg.Seed, err)
		}
		if stuck != "" && r.Verdict != Illegal {
			r.Verdict, r.Reason, r.Found, r.Life, r.Stretch = Illegal, stuck, "patience", -1, nil
		}
		total.add(h, r)
		if total.Verdict == Illegal {
			break
		}
	}
	return total, nil
}

// add adds a batch's history and result.
func (t *Report) add(h *History, r Result) {
	worse := r.Verdict == Illegal || r.Verdict == Unknown && t.Verdict == Linearizable
	old := t.Result
	if worse {
		t.Result = r
		t.History = nil
		if r.Life >= 0 {
			one := *h
			one.Lives = []Life{h.Lives[r.Life]}
			t.History = &one
			t.Life = t.Lives + r.Life
		}
	}
	t.Judged, t.Unknown = old.Judged+r.Judged, old.Unknown+r.Unknown
	t.Unjudged, t.Stretches, t.Met = old.Unjudged+r.Unjudged, old.Stretches+r.Stretches, old.Met+r.Met
	t.Ops += h.Ops()
	t.Lives += len(h.Lives)
}

// Record records a history of the strategy on real threads. The error says what is
// wrong with cfg, or that a call didn't return.
func Record(ctx context.Context, s *strategies.Strategy, cfg Config) (*History, error) {
	cfg, err := cfg.check(s)
	if err != nil {
		return nil, err
	}
	h, stuck := record(ctx, s, cfg, 0)
	if stuck != "" {
		return h, fmt.Errorf("strategy %s, seed %d: %s", s.Name, cfg.Seed, stuck)
	}
	return h, nil
}

// The driver makes lives one round after the other. In a round some counts live at
// the same time. Each begins with the owner's reference and some that other clients
// are given. The clients make a few random calls, right ones: a client takes a
// reference by Get only while it holds one, and drops what it holds. Then each drops
// what it has left, and the owner's is killed. So in a life of a few microseconds
// every reference is dropped while others try to take one. At the end of the round
// each count must be dead.
const (
	mostCounts = 3  // that live at the same time
	mostCalls  = 20 // of a client in a round, before it drops what it holds
	mostHeld   = 6  // references of a client on one count
)

// A note is a call as a client writes it down.
type note struct {
	Op
	life int // in the history
}

// driver is what the clients share.
type driver struct {
	s        *strategies.Strategy
	clock    *Clock
	clients  []*client
	counts   [mostCounts]strategies.Counter
	locks    [mostCounts]sync.Mutex // for PutAndLock
	used     int                    // counts of this round
	life     int                    // index of the first count's life
	mostHeld int

	start, arrived, finished atomic.Int64
	abandoned                atomic.Bool
}

// A client is one goroutine that uses the counts. Nobody else writes to it in a
// round.
type client struct {
	d      *driver
	id     int
	rng    *rand.Rand
	fence  fence
	calls  []note
	held   [mostCounts]int
	owns   [mostCounts]bool
	failed bool     // a call panicked, so it isn't known what is held
	yields bool     // there are more clients than CPUs
	_      [64]byte // so that clients don't slow each other down
}

// record is Record for a checked cfg. n tells batches of the same seed apart.
func record(ctx context.Context, s *strategies.Strategy, cfg Config, n uint64) (h *History, stuck string) {
	d := &driver{s: s, clock: cfg.Clock}
	for i := range d.counts {
		d.counts[i] = s.New()
	}
	d.mostHeld = int(min(mostHeld, (s.Promise.Limit-1)/int64(cfg.Clients)))
	// The last client is the driver itself.
	for i := range cfg.Clients + 1 {
		d.clients = append(d.clients, &client{
			d: d, id: i, rng: rand.New(rand.NewPCG(cfg.Seed+n, uint64(i))),
			yields: cfg.Clients > runtime.GOMAXPROCS(0),
		})
	}
	me := d.clients[cfg.Clients]
	crew := d.clients[:cfg.Clients]
	for _, c := range crew {
		go c.run(int64(cfg.Clients))
	}
	deadline := time.Now().Add(cfg.Time)
	lives, ops := 0, 0
	for round := int64(1); (cfg.Ops == 0 || ops < cfg.Ops) && ctx.Err() == nil && stuck == ""; round++ {
		if cfg.Time > 0 && !time.Now().Before(deadline) {
			break
		}
		d.used, d.life = 1+me.rng.IntN(mostCounts), lives
		lives += d.used
		for i, c := range d.counts[:d.used] {
			c.Init()
			owner := me.rng.IntN(len(crew))
			for k, c := range crew {
				c.held[i], c.owns[i] = 0, k == owner
				if k != owner && me.rng.IntN(2) == 0 {
					me.do(i, spec.Call{Op: spec.Get})
					c.held[i] = 1
				}
			}
		}
		d.finished.Store(0)
		d.start.Store(round)
		patience := time.Now().Add(cfg.Patience)
		for spins := 1; d.finished.Load() != int64(len(crew)); spins++ {
			wait(spins)
			if spins%1024 == 0 && time.Now().After(patience) {
				d.abandoned.Store(true)
				stuck = fmt.Sprintf("a call didn't return within %v", cfg.Patience)
				break
			}
		}
		if stuck != "" {
			// The clients may still be writing.
			return &History{Strategy: s.Name, Clock: d.clock.Name(), Seed: cfg.Seed}, stuck
		}
		ops = len(me.calls)
		failed := me.failed
		for _, c := range crew {
			ops += len(c.calls)
			failed = failed || c.failed
		}
		if failed {
			break
		}
		for i := range d.used {
			me.do(i, spec.Call{Op: spec.TryGet})
			if me.reads() {
				me.do(i, spec.Call{Op: spec.Count})
			}
		}
	}
	d.start.Store(-1)
	return d.history(cfg.Seed, lives), ""
}

// wait lets others go on. Waking a goroutine takes longer than most rounds, so all
// wait by polling.
func wait(spins int) {
	if spins%1000 == 0 {
		// Those that it waits for may need this thread's CPU.
		time.Sleep(50 * time.Microsecond)
	} else {
		runtime.Gosched()
	}
}

// run does rounds until there are no more.
func (c *client) run(clients int64) {
	for round := int64(1); ; round++ {
		for spins := 1; c.d.start.Load() != round; spins++ {
			if c.d.start.Load() == -1 || c.d.abandoned.Load() {
				return
			}
			wait(spins)
		}
		// A round is shorter than the time in which one goroutine after the
		// other notices that it has begun. So they meet.
		c.d.arrived.Add(1)
		for spins := 1; c.d.arrived.Load() < round*clients; spins++ {
			if c.d.abandoned.Load() {
				return
			}
			wait(spins)
		}
		c.round()
		c.d.finished.Add(1)
	}
}

// round makes some calls, and drops what is left.
func (c *client) round() {
	used := c.d.used
	for range c.rng.IntN(mostCalls + 1) {
		c.act(c.rng.IntN(used))
		if c.failed {
			return
		}
		if c.yields && c.rng.IntN(8) == 0 {
			runtime.Gosched()
		}
	}
	first := c.rng.IntN(used)
	for k := range used {
		i := (first + k) % used
		for (c.held[i] > 0 || c.owns[i]) && !c.failed {
			if c.owns[i] && c.rng.IntN(c.held[i]+1) == 0 {
				c.kill(i)
			} else {
				c.drop(i)
			}
		}
	}
}

// act makes a random call on a count.
func (c *client) act(i int) {
	room := c.d.mostHeld - c.held[i]
	holds := c.held[i] > 0 || c.owns[i]
	switch n := c.rng.IntN(16); {
	case n < 6 && room > 0 && holds && c.rng.IntN(2) == 0:
		c.take(i, spec.Get, spec.GetN)
	case n < 6 && room > 0:
		c.take(i, spec.TryGet, spec.TryGetN)
	case n < 11 && c.held[i] > 0:
		c.drop(i)
	case n == 11 && c.owns[i]:
		c.kill(i)
	case n == 12 && c.owns[i] && c.has(strategies.PowerSwitch):
		op := spec.SwitchToAtomic
		if c.rng.IntN(2) == 0 {
			op = spec.SwitchToPerCPU
		}
		c.do(i, spec.Call{Op: op})
	case n >= 13 && c.reads():
		c.do(i, spec.Call{Op: spec.Count})
	case room > 0:
		c.take(i, spec.TryGet, spec.TryGetN)
	}
}

// has reports whether the counts have the power.
func (c *client) has(p strategies.Power) bool {
	x := c.d.counts[0]
	switch p {
	case strategies.PowerMulti:
		_, ok := x.(strategies.Multi)
		return ok
	case strategies.PowerRead:
		_, ok := x.(strategies.Reader)
		return ok
	case strategies.PowerOne:
		_, ok := x.(strategies.OnePutter)
		return ok
	case strategies.PowerLock:
		_, ok := x.(strategies.LockPutter)
		return ok
	case strategies.PowerSwitch:
		_, ok := x.(strategies.Switcher)
		return ok
	case strategies.PowerDrop:
		_, ok := x.(strategies.Dropper)
		return ok
	}
	return false
}

// reads reports whether reading the counts means anything.
func (c *client) reads() bool {
	return c.d.s.Promise.Count != strategies.None && c.has(strategies.PowerRead)
}

// take takes one reference by one, or several by the other.
func (c *client) take(i int, single, several spec.Op) {
	call := spec.Call{Op: single}
	n := 1
	if room := c.d.mostHeld - c.held[i]; room > 1 && c.has(strategies.PowerMulti) && c.rng.IntN(4) == 0 {
		n = 1 + c.rng.IntN(min(room, 3))
		call = spec.Call{Op: several, N: int64(n)}
	}
	if took := c.do(i, call); took || !call.Op.Reports() {
		c.held[i] += n
	}
}

// kill gives up the owner's reference.
func (c *client) kill(i int) {
	op := spec.Kill
	if c.has(strategies.PowerSwitch) && c.rng.IntN(2) == 0 {
		op = spec.KillAndConfirm
	}
	c.owns[i] = false
	c.do(i, spec.Call{Op: op})
}

// drop drops references that the client holds, in one of the ways that there are.
func (c *client) drop(i int) {
	// Whether a reference is the only one isn't promised before zero is
	// detected.
	exact := c.d.s.Promise.Zero == strategies.Immediate
	switch n := c.rng.IntN(12); {
	case n == 0 && exact && c.has(strategies.PowerOne):
		if c.do(i, spec.Call{Op: spec.PutIfOne}) {
			c.held[i]--
		}
	case n == 1 && exact && c.has(strategies.PowerOne):
		if c.do(i, spec.Call{Op: spec.PutUnlessOne}) {
			c.held[i]--
		}
	case n == 2 && exact && c.has(strategies.PowerLock):
		c.held[i]--
		c.do(i, spec.Call{Op: spec.PutAndLock})
	case n == 3 && c.held[i] > 1 && c.has(strategies.PowerDrop):
		c.held[i]--
		c.do(i, spec.Call{Op: spec.Drop})
	case n < 6 && c.has(strategies.PowerMulti):
		k := 1 + c.rng.IntN(c.held[i])
		c.held[i] -= k
		c.do(i, spec.Call{Op: spec.PutN, N: int64(k)})
	default:
		c.held[i]--
		c.do(i, spec.Call{Op: spec.Put})
	}
}

// do makes the call and notes it down.
func (c *client) do(i int, call spec.Call) bool {
	var a spec.Answer
	x := c.d.counts[i]
	begin := c.d.clock.begin(&c.fence)
	if call.Op == spec.PutAndLock {
		a.Result, a.Panicked = putAndLock(x.(strategies.LockPutter), &c.d.locks[i])
	} else {
		a = spec.Do(x, call)
	}
	end := c.d.clock.end(&c.fence)
	c.failed = c.failed || a.Panicked != nil
	c.calls = append(c.calls, note{
		Op: Op{
			Client: c.id, Call: call, Result: a.Result, Value: a.Value, Panicked: a.Panicked != nil,
			Begin: begin, End: end,
		},
		life: c.d.life + i,
	})
	return a.Result
}

// putAndLock calls PutAndLock with a lock that all clients share.
func putAndLock(c strategies.LockPutter, l *sync.Mutex) (last bool, panicked any) {
	defer func() {
		if panicked = recover(); panicked == nil && last {
			l.Unlock()
		}
	}()
	return c.PutAndLock(l), nil
}

// history sorts what the clients noted down by lives.
func (d *driver) history(seed uint64, lives int) *History {
	h := &History{Strategy: d.s.Name, Clock: d.clock.Name(), Seed: seed, Lives: make([]Life, lives)}
	sizes := make([]int, lives)
	total := 0
	for _, c := range d.clients {
		for _, r := range c.calls {
			sizes[r.life]++
			total++
		}
	}
	all := make([]Op, total)
	for i, n := range sizes {
		h.Lives[i] = Life{Start: 1, Ops: all[:0:n]}
		all = all[n:]
	}
	for _, c := range d.clients {
		for _, r := range c.calls {
			l := &h.Lives[r.life]
			l.Ops = append(l.Ops, r.Op)
		}
	}
	return h
}

package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
	"github.com/refbench/refbench/strategies/watchdog"
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
	if s.Promise.Limit <= int64(clients) && !newLimit(spec.Of(s)).lives(clients) {
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

	// Stuck says why the last batch was never finished, nil if it was. Its
	// goroutines are left behind.
	Stuck *watchdog.HangError

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
	// What is recorded is judged, also if the time is up meanwhile: it is little,
	// and if it should take long nevertheless the rest is unknown. An interrupt
	// ends that at once.
	interrupt, judging := ctx, ctx
	if cfg.Time > 0 {
		var cancel, stop context.CancelFunc
		ctx, cancel = context.WithDeadline(interrupt, began.Add(cfg.Time))
		defer cancel()
		judging, stop = context.WithDeadline(interrupt, began.Add(cfg.Time+j.timeout()))
		defer stop()
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
		h, hung := record(ctx, s, one, n)
		t1 := time.Now()
		total.Recorded += t1.Sub(t0)
		r, err := j.Check(judging, h)
		total.Judges += time.Since(t1)
		if err != nil {
			return total, fmt.Errorf("strategy %s, seed %d: what was recorded is no history: %w", s.Name, cfg.Seed, err)
		}
		if hung != nil {
			r.Verdict, r.Reason, r.Found, r.Life, r.Stretch = Illegal, hung.Error(), "patience", -1, nil
			total.Stuck = hung.why
		}
		if r.Verdict == Unknown && interrupt.Err() != nil {
			break // it was cut short, so the batch counts for nothing
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
	h, hung := record(ctx, s, cfg, 0)
	if hung != nil {
		return h, fmt.Errorf("strategy %s, seed %d: %w", s.Name, cfg.Seed, hung)
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
//
// Lives are of several kinds, as far as the promise has them:
//
//   - Near the limit: the life begins so that a few references more come to the limit
//     and, if that is promised, past it. The driver holds what it began with.
//   - Cached: the count stays where it is at zero, as an entry of a cache, and any
//     client may resurrect it, whatever it holds.
//   - Renewed: who has killed the count takes it back, or begins another life if it
//     was told of the last drop as well.
const (
	mostCounts = 3  // that live at the same time
	mostCalls  = 20 // of a client in a round, before it drops what it holds
	mostHeld   = 6  // references of a client on one count
)

// A kind is a set of what is special about a life.
type kind uint8

const (
	nearLimit kind = 1 << iota
	cached
	renewed
)

// A note is a call as a client writes it down.
type note struct {
	Op
	life int // in the history
}

// recording is what the clients share.
type recording struct {
	s       *strategies.Strategy
	clock   *Clock
	clients []*client
	counts  [mostCounts]strategies.Counter
	locks   [mostCounts]sync.Mutex // for PutAndLock
	used    int                    // counts of this round
	life    int                    // index of the first count's life
	starts  []int64                // with how many references each life began
	kinds   [mostCounts]kind
	most    [mostCounts]int   // references of a client on the count
	spare   [mostCounts]int64 // references that the driver holds
	limit   limit
	powers  map[strategies.Power]bool

	start, arrived, finished atomic.Int64
	abandoned                atomic.Bool
}

// A client is one goroutine that uses the counts. Nobody else writes to it in a
// round.
type client struct {
	d      *recording
	id     int
	rng    *rand.Rand
	fence  fence
	calls  []note
	held   [mostCounts]int
	owns   [mostCounts]bool
	killed [mostCounts]bool // it was the owner and has killed the count
	told   [mostCounts]bool // it was told of the last drop, and has begun no life since
	done   atomic.Int64     // rounds
	failed bool             // a call panicked, so it isn't known what is held
	yields bool             // there are more clients than CPUs
	_      [64]byte         // so that clients don't slow each other down
}

// record is Record for a checked cfg. n tells batches of the same seed apart. If some
// call doesn't return, the history is empty and the error says so.
func record(ctx context.Context, s *strategies.Strategy, cfg Config, n uint64) (*History, *stuckError) {
	d := &recording{s: s, clock: cfg.Clock, limit: newLimit(spec.Of(s)), powers: make(map[strategies.Power]bool)}
	for _, p := range s.Powers() {
		d.powers[p] = true
	}
	for i := range d.counts {
		d.counts[i] = s.New()
	}
	// The last client is the driver itself.
	for i := range cfg.Clients + 1 {
		d.clients = append(d.clients, &client{
			d: d, id: i, rng: rand.New(rand.NewPCG(cfg.Seed+n, uint64(i))),
			yields: cfg.Clients > runtime.GOMAXPROCS(0),
		})
	}
	for _, c := range d.clients[:cfg.Clients] {
		go c.run(int64(cfg.Clients))
	}
	done := make(chan int, 1) // lives
	go func() { done <- d.drive(ctx, cfg) }()
	const ticks = 4 // within the patience
	tick := time.NewTicker(max(cfg.Patience/ticks, 1))
	defer tick.Stop()
	for seen, same := int64(0), 0; ; {
		select {
		case lives := <-done:
			return d.history(cfg.Seed, lives), nil
		case <-tick.C:
			if now := d.start.Load(); now != seen {
				seen, same = now, 0
			} else if same++; same > ticks {
				d.abandoned.Store(true)
				// The clients may still be writing.
				return &History{Strategy: s.Name, Clock: d.clock.Name(), Seed: cfg.Seed}, &stuckError{watchdog.Hang(cfg.Patience, s), d.unfinished()}
			}
		}
	}
}

// A stuckError is a round that isn't finished.
type stuckError struct {
	why     *watchdog.HangError
	clients string // that are still in it
}

func (e *stuckError) Error() string { return e.why.Line() + "; " + e.clients }

// unfinished says which clients haven't finished the round.
func (d *recording) unfinished() string {
	var left []string
	for _, c := range d.clients[:len(d.clients)-1] {
		if c.done.Load() != d.start.Load() {
			left = append(left, strconv.Itoa(c.id))
		}
	}
	if left == nil {
		return "it was made between two rounds, when no client makes any"
	}
	return "of clients that haven't finished their round: " + strings.Join(left, ", ")
}

// drive makes rounds until it is enough, and returns how many lives there were.
func (d *recording) drive(ctx context.Context, cfg Config) (lives int) {
	me, crew := d.clients[cfg.Clients], d.clients[:cfg.Clients]
	deadline := time.Now().Add(cfg.Time)
	ops := 0
	for round := int64(1); (cfg.Ops == 0 || ops < cfg.Ops) && ctx.Err() == nil; round++ {
		if cfg.Time > 0 && !time.Now().Before(deadline) {
			break
		}
		d.used, d.life = 1+me.rng.IntN(mostCounts), lives
		lives += d.used
		for i := range d.used {
			d.begin(me, crew, i)
		}
		d.finished.Store(0)
		d.start.Store(round)
		for spins := 1; d.finished.Load() != int64(len(crew)); spins++ {
			if d.abandoned.Load() {
				return lives
			}
			wait(spins)
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
			d.end(me, i)
		}
	}
	d.start.Store(-1)
	return lives
}

// begin begins a life of the count.
func (d *recording) begin(me *client, crew []*client, i int) {
	var kinds []kind
	if d.limit.lives(len(crew)) {
		kinds = append(kinds, nearLimit)
	}
	if d.powers[strategies.PowerResurrecter] && d.s.Promise.Resurrection {
		kinds = append(kinds, cached)
	}
	if d.powers[strategies.PowerSwitcher] || d.s.Promise.TypeStable {
		kinds = append(kinds, renewed)
	}
	most := min(mostHeld, (d.s.Promise.Limit-1)/int64(len(crew)))
	var k kind
	if len(kinds) > 0 && me.rng.IntN(2) == 0 {
		k = kinds[me.rng.IntN(len(kinds))]
	}
	if most == 0 {
		k = nearLimit
	}
	start := int64(1)
	if k == nearLimit {
		start, most = d.limit.start(me.rng, int64(len(crew)))
		// What a count refuses nobody is told of by other calls than TryGet,
		// and so who makes them doesn't know what it holds.
		if d.limit.tells {
			k |= []kind{0, cached, renewed}[me.rng.IntN(3)]
		}
		if !slices.Contains(kinds, k&^nearLimit) {
			k = nearLimit
		}
	}
	d.kinds[i], d.most[i] = k, int(most)
	d.starts = append(d.starts, start)
	d.limit.init(d.counts[i], start)
	owner := me.rng.IntN(len(crew))
	spare := start - 1
	for n, c := range crew {
		c.held[i], c.owns[i], c.killed[i], c.told[i] = 0, n == owner, false, false
		if n == owner || me.rng.IntN(2) == 0 {
			continue
		}
		switch {
		case k&nearLimit == 0:
			me.do(i, spec.Call{Op: spec.Get})
		case spare > 0:
			spare--
		default:
			continue
		}
		c.held[i] = 1
	}
	d.spare[i] = spare
}

// end looks at the count when the clients have dropped what they held.
func (d *recording) end(me *client, i int) {
	look := func() {
		if me.reads() {
			me.do(i, spec.Call{Op: spec.Count})
		}
	}
	if d.kinds[i]&nearLimit != 0 {
		look()
		for _, call := range d.limit.drop(d.spare[i]) {
			me.do(i, call)
		}
		// It may be saturated, and then there is no other life.
		defer func() { d.counts[i] = d.s.New() }()
	}
	me.do(i, spec.Call{Op: spec.TryGet})
	look()
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
		c.done.Store(round)
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
			if c.d.kinds[i]&renewed != 0 && c.killed[i] && c.told[i] && c.rng.IntN(2) == 0 {
				c.renew(i)
			}
		}
	}
}

// act makes a random call on a count.
func (c *client) act(i int) {
	room := c.d.most[i] - c.held[i]
	holds := c.held[i] > 0 || c.owns[i]
	k := c.d.kinds[i]
	// Who gets is not told whether a count refused.
	gets := holds && (k&nearLimit == 0 || c.d.limit.tells)
	switch n := c.rng.IntN(16); {
	case k&cached != 0 && n < 4 && room > 0:
		c.do(i, spec.Call{Op: spec.Resurrect})
		c.held[i]++
	case k&renewed != 0 && n < 4 && c.killed[i]:
		c.renew(i)
	case n < 6 && room > 0 && gets && c.rng.IntN(2) == 0:
		c.take(i, spec.Get, spec.GetN)
	case n < 6 && room > 0:
		c.try(i)
	case n < 11 && c.held[i] > 0:
		c.drop(i)
	case (n == 11 || n > 12 && k&renewed != 0) && c.owns[i]:
		c.kill(i)
	case n == 12 && c.owns[i] && c.has(strategies.PowerSwitcher):
		op := spec.SwitchToAtomic
		if c.rng.IntN(2) == 0 {
			op = spec.SwitchToPerCPU
		}
		c.do(i, spec.Call{Op: op})
	case n >= 13 && c.reads():
		c.do(i, spec.Call{Op: spec.Count})
	case room > 0:
		c.try(i)
	}
}

// has reports whether the counts have the power.
func (c *client) has(p strategies.Power) bool { return c.d.powers[p] }

// reads reports whether reading the counts means anything.
func (c *client) reads() bool {
	return c.d.s.Promise.Count != strategies.None && c.has(strategies.PowerReader)
}

// try takes references if the count isn't dead.
func (c *client) try(i int) {
	if c.has(strategies.PowerSwitcher) && c.rng.IntN(3) == 0 {
		if c.do(i, spec.Call{Op: spec.TryGetLive}) {
			c.held[i]++
		}
		return
	}
	c.take(i, spec.TryGet, spec.TryGetN)
}

// renew makes the client, which has killed the count, its owner again, if there is a
// way.
func (c *client) renew(i int) {
	var ops []spec.Op
	if c.has(strategies.PowerSwitcher) {
		ops = append(ops, spec.ResurrectLive)
	}
	// Whether it is dead only those know who were told, and nobody brings it
	// back but them.
	if c.told[i] && c.has(strategies.PowerSwitcher) {
		ops = append(ops, spec.Reinit)
	}
	if c.told[i] && c.d.s.Promise.TypeStable {
		ops = append(ops, spec.Init)
	}
	if len(ops) == 0 {
		return
	}
	c.do(i, spec.Call{Op: ops[c.rng.IntN(len(ops))]})
	c.owns[i], c.killed[i], c.told[i] = true, false, false
}

// take takes one reference by one, or several by the other.
func (c *client) take(i int, single, several spec.Op) {
	call := spec.Call{Op: single}
	n := 1
	if room := c.d.most[i] - c.held[i]; room > 1 && c.has(strategies.PowerMulti) && c.rng.IntN(4) == 0 {
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
	if c.has(strategies.PowerSwitcher) && c.rng.IntN(2) == 0 {
		op = spec.KillAndConfirm
	}
	c.owns[i], c.killed[i] = false, true
	c.do(i, spec.Call{Op: op})
}

// drop drops references that the client holds, in one of the ways that there are.
func (c *client) drop(i int) {
	// Whether a reference is the only one isn't promised before zero is
	// detected.
	exact := c.d.s.Promise.Zero == strategies.Immediate
	switch n := c.rng.IntN(12); {
	case n == 0 && exact && c.has(strategies.PowerOnePutter):
		if c.do(i, spec.Call{Op: spec.PutIfOne}) {
			c.held[i]--
		}
	case n == 1 && exact && c.has(strategies.PowerOnePutter):
		if c.do(i, spec.Call{Op: spec.PutUnlessOne}) {
			c.held[i]--
		}
	case n == 2 && exact && c.has(strategies.PowerLockPutter):
		c.held[i]--
		c.do(i, spec.Call{Op: spec.PutAndLock})
	case n == 3 && c.held[i] > 1 && c.has(strategies.PowerDropper):
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
	c.told[i] = c.told[i] || call.Last(a.Result)
	return a.Result
}

// A lockUse is one call's use of a lock that clients share. A wrong strategy may leave
// the lock, or report the last drop without having locked it, which would end the
// process if it came to the mutex.
type lockUse struct {
	mu   *sync.Mutex
	held bool
}

func (l *lockUse) Lock() {
	l.mu.Lock()
	l.held = true
}

func (l *lockUse) Unlock() {
	if !l.held {
		panic("unlock of a lock that the call hasn't locked")
	}
	l.held = false
	l.mu.Unlock()
}

// putAndLock calls PutAndLock with a lock that all clients share, and unlocks it.
func putAndLock(c strategies.LockPutter, mu *sync.Mutex) (last bool, panicked any) {
	l := lockUse{mu: mu}
	defer func() {
		panicked = recover()
		if l.held {
			l.Unlock()
		}
	}()
	return c.PutAndLock(&l), nil
}

// history sorts what the clients noted down by lives.
func (d *recording) history(seed uint64, lives int) *History {
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
		h.Lives[i] = Life{Start: d.starts[i], Ops: all[:0:n]}
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

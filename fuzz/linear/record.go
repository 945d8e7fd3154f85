package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/driver"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/rendezvous"
	"github.com/refbench/refbench/strategies/spec"
	"github.com/refbench/refbench/strategies/watchdog"
)

// A recorder notes down the calls of op programs. Its clients are the threads of the
// program, and driver.Alone.
type recorder struct {
	clock   stamper
	clients [driver.Alone + 1]client
}

// A stamper is what clocks have in common.
type stamper interface {
	begin(*fence) int64
	end(*fence) int64
}

// A client is what one thread writes down. Its fence keeps it away from the others.
type client struct {
	fence fence
	rng   *rand.Rand // if it gives way now and then
	began int64      // its present call
	ops   [program.MaxObjects][]Op
}

// Begin stamps the beginning of a call.
func (r *recorder) Begin(thread int) {
	c := &r.clients[thread]
	if c.rng != nil && c.rng.IntN(8) == 0 {
		runtime.Gosched()
	}
	c.began = r.clock.begin(&c.fence)
}

// End stamps the end of a call and notes it down.
func (r *recorder) End(thread, object int, call spec.Call, a driver.Answer) {
	c := &r.clients[thread]
	end := r.clock.end(&c.fence)
	c.ops[object] = append(c.ops[object], Op{
		Client: thread, Call: call, Result: a.Result, Value: a.Value, Panicked: a.Panicked,
		Begin: c.began, End: end,
	})
}

// lives returns the lives of an execution, and forgets them.
func (r *recorder) lives(x *driver.Execution) []Life {
	lives := make([]Life, len(x.Program().Objects))
	for o := range lives {
		n := 0
		for i := range r.clients {
			n += len(r.clients[i].ops[o])
		}
		l := Life{Start: x.Started(o), Ops: make([]Op, 0, n)}
		for i := range r.clients {
			l.Ops = append(l.Ops, r.clients[i].ops[o]...)
		}
		lives[o] = l
	}
	r.forget()
	return lives
}

func (r *recorder) forget() {
	for i := range r.clients {
		for o, ops := range r.clients[i].ops {
			r.clients[i].ops[o] = ops[:0]
		}
	}
}

// Record records a history of the strategy on real threads. The error says what is
// wrong with cfg, or that a call didn't return, or what a life didn't begin for.
func Record(ctx context.Context, s *strategies.Strategy, cfg Config) (*History, error) {
	cfg, err := cfg.check(s)
	if err != nil {
		return nil, err
	}
	h, err := record(ctx, s, cfg, 0)
	if err != nil {
		err = fmt.Errorf("strategy %s, seed %d: %w", s.Name, cfg.Seed, err)
	}
	return h, err
}

// A recording makes rounds. A round is a random program that is carried out once.
type recording struct {
	cfg      Config
	clients  recorder
	x        *driver.Execution
	group    *rendezvous.Group
	rounds   *rounds
	h        *History
	panicked atomic.Bool // a thread, so that it isn't known what is held
}

// record is Record for a checked cfg. n tells batches of the same seed apart. If some
// call doesn't return, the history is empty and the error a [*hangError].
func record(ctx context.Context, s *strategies.Strategy, cfg Config, n uint64) (*History, error) {
	r := &recording{cfg: cfg, clients: recorder{clock: cfg.Clock}}
	r.h = &History{Strategy: s.Name, Clock: cfg.Clock.Name(), Seed: cfg.Seed}
	r.x = driver.New(s, driver.Options{Starts: true, Record: &r.clients})
	rng := func(i int) *rand.Rand { return rand.New(rand.NewPCG(cfg.Seed+n, uint64(i))) }
	r.rounds = newRounds(spec.Of(s), cfg.Clients, rng(driver.Alone))
	if cfg.Clients > runtime.GOMAXPROCS(0) {
		for i := range cfg.Clients {
			r.clients.clients[i].rng = rng(i)
		}
	}
	r.group = rendezvous.New(cfg.Clients, func(i int) {
		if r.x.Thread(i) != nil {
			r.panicked.Store(true)
		}
	})
	dog := watchdog.Dog{Timeout: cfg.Timeout, Progress: r.group.Rounds, Abandon: r.group.Abandon, Strategy: s}
	var err error
	hung := dog.Watch(context.Background(), func() {
		defer r.group.Close()
		err = r.make(ctx)
	})
	if hung != nil {
		// Clients may still be writing.
		why := &hangError{clients: r.group.Unfinished()}
		errors.As(hung, &why.HangError)
		return &History{Strategy: s.Name, Clock: cfg.Clock.Name(), Seed: cfg.Seed}, why
	}
	return r.h, err
}

// make makes rounds until it is enough. The error is a panic when a life began.
func (r *recording) make(ctx context.Context) error {
	deadline := time.Now().Add(r.cfg.Time)
	for n := 0; (r.cfg.Ops == 0 || n < r.cfg.Ops) && ctx.Err() == nil; {
		if r.cfg.Time > 0 && !time.Now().Before(deadline) {
			break
		}
		r.x.Load(r.rounds.next())
		if err := r.x.Begin(); err != nil {
			line, _, _ := strings.Cut(err.Error(), "\n")
			return errors.New(line)
		}
		if !r.group.Round() {
			break
		}
		// After a panic it isn't known what is held.
		over := r.panicked.Load() || r.x.End() != nil
		for _, l := range r.clients.lives(r.x) {
			n += len(l.Ops)
			r.h.Lives = append(r.h.Lives, l)
		}
		if over {
			break
		}
	}
	return nil
}

// A hangError is a round that these clients haven't finished.
type hangError struct {
	*watchdog.HangError
	clients []int
}

func (e *hangError) Error() string {
	if e.clients == nil {
		return e.Line() + "; it was made between two rounds, when no client makes any"
	}
	text := strings.Trim(strings.ReplaceAll(fmt.Sprint(e.clients), " ", ", "), "[]")
	return e.Line() + "; of clients that haven't finished their round: " + text
}

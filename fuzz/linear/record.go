package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/refbench/refbench/fuzz/driver"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/rendezvous"
	"github.com/refbench/refbench/strategies/spec"
)

// A recorder notes down the calls of op programs. Its clients are the threads of the
// program, and driver.Alone.
type recorder struct {
	begin, end func(*fence) int64 // stamp a call
	clients    [driver.Alone + 1]client
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
	c.began = r.begin(&c.fence)
}

// End stamps the end of a call and notes it down.
func (r *recorder) End(thread, object int, call spec.Call, a driver.Answer) {
	c := &r.clients[thread]
	end := r.end(&c.fence)
	c.ops[object] = append(c.ops[object], Op{
		Client: thread, Call: call, Result: a.Result, Value: a.Value, Panicked: a.Panicked, Stray: a.Stray,
		Begin: c.began, End: end,
	})
}

// lives returns the lives of an execution, and forgets them.
func (r *recorder) lives(x *driver.Execution) []Life {
	lives := make([]Life, len(x.Program().Objects))
	for o := range lives {
		var ops [len(r.clients)][]Op
		for i := range r.clients {
			ops[i] = r.clients[i].ops[o]
		}
		lives[o] = Life{Start: x.Started(o), Ops: slices.Concat(ops[:]...)}
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

// record records a history of the strategy on real threads, of about cfg.Ops calls unless
// ctx ends. n tells batches of the same seed apart. The error says what a life didn't
// begin for, or which call doesn't return: then the history is empty, and hang not nil.
func record(ctx context.Context, s *strategies.Strategy, cfg Config, n uint64) (h *History, hang *watchdog.HangError, err error) {
	clients := &recorder{begin: cfg.Clock.begin, end: cfg.Clock.end}
	x := driver.New(s, driver.Options{Starts: true, Record: clients})
	rng := func(i int) *rand.Rand { return rand.New(rand.NewPCG(cfg.Seed+n, uint64(i))) }
	programs := newRounds(spec.Of(s), cfg.Clients, rng(driver.Alone))
	if cfg.Clients > runtime.GOMAXPROCS(0) {
		for i := range cfg.Clients {
			clients.clients[i].rng = rng(i)
		}
	}
	var panicked atomic.Bool // a thread, so that it isn't known what is held
	group := rendezvous.New(cfg.Clients, func(i int) {
		if x.Thread(i) != nil {
			panicked.Store(true)
		}
	})
	var lives []Life
	var wrong error
	dog := watchdog.Dog{Timeout: cfg.Timeout, Progress: group.Rounds, Abandon: group.Abandon, Strategy: s}
	hung := dog.Watch(context.Background(), func() {
		defer group.Close()
		for calls, over := 0, false; calls < cfg.Ops && ctx.Err() == nil && !over; {
			x.Load(programs.next())
			if err := x.Begin(); err != nil {
				line, _, _ := strings.Cut(err.Error(), "\n")
				wrong = errors.New(line)
				return
			}
			if !group.Round() {
				return
			}
			over = panicked.Load() || x.End() != nil
			if wrong = x.Reported(); wrong != nil {
				return
			}
			for _, l := range clients.lives(x) {
				calls += len(l.Ops)
				lives = append(lives, l)
			}
		}
	})
	h = &History{Strategy: s.Name, Clock: cfg.Clock.Name, Seed: cfg.Seed}
	if errors.As(hung, &hang) {
		// Clients may still be writing, so their lives are left alone.
		where := "it was made between two rounds, when no client makes any"
		if left := group.Unfinished(); left != nil {
			where = "of clients that haven't finished their round: " + strings.Trim(strings.ReplaceAll(fmt.Sprint(left), " ", ", "), "[]")
		}
		return h, hang, fmt.Errorf("%s; %s", hang.Line(), where)
	}
	h.Lives = lives
	return h, nil, wrong
}

package rules

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
)

func stressCases() []Case {
	return []Case{
		{
			Name: "OrderedBeforeLast",
			Rule: "What a holder wrote before it dropped its reference is seen by whoever drops the last; under the race detector, without a report.",
			run:  orderedBeforeLast,
		},
		{
			Name: "StressPairs",
			Rule: "Goroutines that take and drop references of a live count leave as many as there were.",
			run:  stressPairs,
		},
		{
			Name: "StressChurn",
			Rule: "In each of many short lives exactly one of the goroutines that drop references is told that its was the last.",
			run:  stressChurn,
		},
		{
			Name: "StressTryGetVsLastPut",
			Rule: "A TryGet that races with the last drop either keeps the count alive or fails.",
			run:  stressTryGetVsLastPut,
		},
	}
}

// A race is what goroutines do to a count, round after round.
type race struct {
	before func() error        // alone, before each round
	body   func(*worker) error // on every goroutine at once
	after  func() error        // alone, after each round
	lasts  int                 // how many reports of the last reference a round must have
}

// A worker is one goroutine of a race.
type worker struct {
	id    int
	round int
	lasts int // reports of the last reference in this round
	rng   *rand.Rand
	_     [64]byte // so that workers don't slow each other down
}

// pause lets a random short time pass, so that rounds differ in their order.
func (w *worker) pause() {
	n := w.rng.IntN(8)
	for range n * 20 {
		w.rng.Uint32()
	}
	if n < 3 {
		runtime.Gosched()
	}
}

// race runs the rounds and returns the first error.
func (e *env) race(workers, rounds int, r race) error {
	var start, arrived, finished atomic.Int64
	ws := make([]worker, workers)
	errs := make([]error, workers)
	one := func(w *worker) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("goroutine %d panicked: %v\n%s", w.id, p, debug.Stack())
			}
		}()
		return r.body(w)
	}
	// All wait by polling: waking a goroutine takes longer than most rounds,
	// so that those that are woken would hardly ever meet.
	poll := func(ready func() bool) bool {
		for n := 0; !ready(); n++ {
			if e.abandoned.Load() {
				return false
			}
			if n > 1000 {
				// Those that it waits for may need this thread's CPU.
				time.Sleep(50 * time.Microsecond)
			} else {
				runtime.Gosched()
			}
		}
		return true
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer start.Store(-1)
	for i := range ws {
		ws[i].id = i
		ws[i].rng = rand.New(rand.NewPCG(e.cfg.Seed, uint64(i+1)))
		wg.Go(func() {
			for round := int64(1); ; round++ {
				if !poll(func() bool { s := start.Load(); return s == round || s == -1 }) || start.Load() == -1 {
					return
				}
				ws[i].round, ws[i].lasts = int(round), 0
				// A round is shorter than the time in which one goroutine
				// after the other notices that it has begun. So they meet.
				arrived.Add(1)
				if !poll(func() bool { return arrived.Load() == round*int64(workers) }) {
					return
				}
				errs[i] = one(&ws[i])
				finished.Add(1)
			}
		})
	}
	for round := 1; round <= rounds; round++ {
		e.rounds.Add(1)
		wrong := func(err error) error {
			return fmt.Errorf("round %d of %d with %d goroutines: %w", round, rounds, workers, err)
		}
		if r.before != nil {
			if err := r.before(); err != nil {
				return wrong(err)
			}
		}
		finished.Store(0)
		start.Store(int64(round))
		if !poll(func() bool { return finished.Load() == int64(workers) }) {
			return errors.New("given up")
		}
		if err := errors.Join(errs...); err != nil {
			return wrong(err)
		}
		lasts := 0
		for i := range ws {
			lasts += ws[i].lasts
		}
		if lasts != r.lasts {
			return wrong(fmt.Errorf("%d drops reported the last reference, want %d", lasts, r.lasts))
		}
		if r.after != nil {
			if err := r.after(); err != nil {
				return wrong(err)
			}
		}
	}
	return nil
}

// workers is how many goroutines a race has: more than CPUs, so that some are
// stopped in the middle, and at least 4 where there is one CPU.
func workers() int { return max(4, min(2*runtime.GOMAXPROCS(0), 16)) }

func orderedBeforeLast(e *env) error {
	n := workers()
	c := e.s.New()
	written := make([]int, n) // plain memory: the race detector judges its use
	return e.race(n, e.times(1000), race{
		before: func() error {
			c.Init()
			for range n {
				c.Get()
			}
			return nil
		},
		body: func(w *worker) error {
			w.pause()
			written[w.id] = w.round
			last := c.Put()
			if w.id == 0 {
				last = c.Kill() || last
			}
			if !last {
				return nil
			}
			w.lasts++
			for i, got := range written {
				if got != w.round {
					return fmt.Errorf("goroutine %d dropped the last reference and reads %d of goroutine %d, want %d", w.id, got, i, w.round)
				}
			}
			return nil
		},
		lasts: 1,
	})
}

func stressPairs(e *env) error {
	c := e.s.New()
	return e.race(workers(), e.times(50), race{
		before: func() error { c.Init(); return nil },
		body: func(w *worker) error {
			for i := range 500 {
				refs := 1 + w.rng.IntN(3)
				c.Get()
				if i%8 == 0 {
					w.pause()
				}
				for range refs - 1 {
					if w.rng.IntN(2) == 0 {
						c.Get()
					} else if !c.TryGet() {
						if e.promise.TryGet == strategies.Exact {
							return fmt.Errorf("goroutine %d, pair %d: TryGet failed while references are held", w.id, i)
						}
						refs--
					}
				}
				for range refs {
					if c.Put() {
						return fmt.Errorf("goroutine %d, pair %d: Put reported the last reference while the owner's is held", w.id, i)
					}
				}
			}
			return nil
		},
		after: func() error {
			if r, ok := c.(strategies.Reader); ok && e.promise.Count != strategies.None && r.Count() != 1 {
				return fmt.Errorf("only the owner's reference is left, but Count returned %d", r.Count())
			}
			if !c.Kill() {
				return errors.New("only the owner's reference was left, but Kill didn't report the last")
			}
			return nil
		},
	})
}

func stressChurn(e *env) error {
	n := workers()
	c := e.s.New()
	return e.race(n, e.times(2000), race{
		before: func() error {
			c.Init()
			for range n {
				c.Get()
			}
			return nil
		},
		body: func(w *worker) error {
			drop := func(drop func() bool) {
				if drop() {
					w.lasts++
				}
			}
			owner := w.round % n
			if w.id == owner && w.rng.IntN(2) == 0 {
				drop(c.Kill)
				owner = -1
			}
			for range w.rng.IntN(4) {
				c.Get()
				w.pause()
				drop(c.Put)
				if w.lasts > 0 {
					return fmt.Errorf("goroutine %d: Put reported the last reference while the goroutine holds another", w.id)
				}
			}
			w.pause()
			if w.id == owner {
				drop(c.Kill)
			}
			drop(c.Put)
			return nil
		},
		after: func() error {
			if c.TryGet() {
				return errors.New("TryGet took a reference after the last was dropped")
			}
			return nil
		},
		lasts: 1,
	})
}

func stressTryGetVsLastPut(e *env) error {
	c := e.s.New()
	var released atomic.Int64 // the round whose releaser has been told
	return e.race(workers(), e.times(3000), race{
		before: func() error { c.Init(); return nil },
		body: func(w *worker) error {
			told := func(last bool) {
				if last {
					w.lasts++
					released.Store(int64(w.round))
				}
			}
			gone := func() bool { return released.Load() == int64(w.round) }
			if w.id == w.round%2 {
				w.pause()
				told(c.Kill())
				return nil
			}
			// Bounded, as goroutines that take turns can keep the count
			// alive for as long as they like.
			for range 30 {
				before := gone()
				if !c.TryGet() {
					if e.promise.TryGet == strategies.Exact && !before {
						// Dead means dead from here on.
						if c.TryGet() {
							return fmt.Errorf("goroutine %d: TryGet succeeded after one that had failed", w.id)
						}
						return nil
					}
					if before {
						return nil
					}
					continue
				}
				if before {
					return fmt.Errorf("goroutine %d: TryGet took a reference after the last was dropped", w.id)
				}
				if gone() {
					return fmt.Errorf("goroutine %d: the last reference was dropped while the goroutine holds one from TryGet", w.id)
				}
				w.pause()
				told(c.Put())
			}
			return nil
		},
		lasts: 1,
	})
}

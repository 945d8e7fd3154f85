// Package stress runs op programs on goroutines: the concurrent reading of package
// program, in which every call is a right use, so that whatever goes wrong is the
// strategy's fault.
//
// Which goroutine comes first is up to Go's scheduler. So a run that finds nothing
// says little, and what a run has found another may not find. But nothing that it
// finds is a false alarm.
package stress

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// patience is how long an execution may take. It takes microseconds.
const patience = 10 * time.Second

// Run runs the program on counts of the strategy so many times, and returns the
// first thing that was wrong, or nil. A call that doesn't return within 10 seconds is
// wrong; its goroutine is left behind.
func Run(s *strategies.Strategy, p *program.Program, times int) error {
	return runFor(patience, s, p, times)
}

func runFor(patience time.Duration, s *strategies.Strategy, p *program.Program, times int) error {
	powers := s.Powers()
	r := new(run)
	var begun atomic.Int64 // executions
	done := make(chan error, 1)
	go func() {
		for n := range times {
			begun.Store(int64(n + 1))
			if err := r.guarded(s, powers, p); err != nil {
				done <- fmt.Errorf("stress: strategy %s, run %d of %d: %w\nprogram:\n%s", s.Name, n+1, times, err, p)
				return
			}
		}
		done <- nil
	}()
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for seen := int64(0); ; {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if now := begun.Load(); now != seen {
				seen = now // It has had less than that.
				continue
			}
			// r still belongs to the goroutines that are stuck. What they do can
			// be read.
			return fmt.Errorf("stress: strategy %s, run %d of %d: not finished after %v: %s\nprogram:\n%s", s.Name, seen, times, patience, r.stuck(), p)
		}
	}
}

// A run is one execution of a program.
type run struct {
	s       *strategies.Strategy
	p       *program.Program
	guard   program.Guard
	objects [program.MaxObjects]object
	errs    [program.MaxThreads]error
	ready   atomic.Int32
	// doing is what each thread does; the last is who sets up and finishes.
	doing [program.MaxThreads + 1]doing
}

// setter is the index of who sets up and finishes.
const setter = program.MaxThreads

// doing is the call that a thread is in. It is a fence between two calls, and none
// inside one.
//
//	bits 0-31    the call's number
//	bits 32-39   its operation
//	bits 40-47   object
//	bits 48-63   step, from 1; 0: in no call
type doing struct {
	word atomic.Uint64
	_    [56]byte // so that threads don't slow each other down
}

func (d *doing) begins(step, object int, call spec.Call) {
	d.word.Store(uint64(step)<<48 | uint64(object)<<40 | uint64(call.Op)<<32 | uint64(uint32(call.N)))
}

func (d *doing) ends() { d.word.Store(0) }

// stuck says which threads are in a call, and in which.
func (r *run) stuck() string {
	var parts []string
	for i := range r.doing {
		w := r.doing[i].word.Load()
		if w == 0 {
			continue
		}
		who := fmt.Sprintf("thread %d, step %d", i, w>>48)
		if i == setter {
			who = "when no thread ran"
		}
		call := spec.Call{Op: spec.Op(w >> 32), N: int64(uint32(w))}
		parts = append(parts, fmt.Sprintf("%s: %c.%v doesn't return", who, 'a'+byte(w>>40), call))
	}
	if parts == nil {
		return "no thread is in a call"
	}
	return strings.Join(parts, "; ")
}

// An object is a count and what must be true of it.
type object struct {
	c    strategies.Counter
	lock lock

	// dead is set after a call has reported the last drop, and cleared before one
	// begins that brings the count back. So while it is set nobody may hold
	// a reference, and nobody may be told of a last drop.
	dead atomic.Bool
	// lives is how often that call has begun, plus one.
	lives atomic.Int32
	// mode is odd while TryGetLive must fail: from after Kill has returned to
	// before the call that undoes it. It never goes down.
	mode atomic.Uint32

	// body stands for the object's fields in its first life. Holders read it, and
	// who is told of the last drop writes it. Strategies promise that the
	// reads happen before the write; under the race detector this is checked.
	// Of later lives they don't, as TryGet alone orders nothing.
	body int
}

// guarded is run, and an error if it panics where no thread runs.
func (r *run) guarded(s *strategies.Strategy, powers []strategies.Power, p *program.Program) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("when no thread ran, it panicked: %v\n%s", v, debug.Stack())
		}
	}()
	return r.run(s, powers, p)
}

func (r *run) run(s *strategies.Strategy, powers []strategies.Power, p *program.Program) error {
	r.s, r.p = s, p
	r.guard.Reset(p, powers, &s.Promise)
	r.errs = [program.MaxThreads]error{}
	r.ready.Store(0)
	me := &r.doing[setter]
	for o := range p.Objects {
		x := &r.objects[o]
		x.c = s.New()
		x.dead.Store(false)
		x.lives.Store(1)
		x.mode.Store(0)
		x.body = 0
		x.lock = lock{}
		me.begins(1, o, spec.Call{Op: spec.Init})
		x.c.Init()
		if r.guard.Shared(o) {
			me.begins(1, o, spec.Call{Op: spec.SwitchToAtomic})
			x.c.(strategies.Switcher).SwitchToAtomic()
		}
		for range r.guard.Held(o) {
			me.begins(1, o, spec.Call{Op: spec.Get})
			x.c.Get()
		}
	}
	me.ends()
	var wg sync.WaitGroup
	for i := range p.Threads {
		wg.Go(func() { r.errs[i] = r.thread(i) })
	}
	wg.Wait()
	for _, err := range r.errs {
		if err != nil {
			return err
		}
	}
	for o := range p.Objects {
		if err := r.finish(o); err != nil {
			return fmt.Errorf("when all threads had ended, object %c: %w", 'a'+o, err)
		}
	}
	return nil
}

// thread is the body of a goroutine.
func (r *run) thread(i int) (err error) {
	step := 0
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v\n%s", p, debug.Stack())
		}
		if err != nil {
			r.doing[i].ends()
			err = fmt.Errorf("thread %d, step %d: %w", i, step, err)
		}
	}()
	t := r.guard.Thread(i)
	me := &r.doing[i]
	// A program is shorter than the time that it takes to start a goroutine, so
	// they wait for each other. But not for long: there may be fewer CPUs.
	r.ready.Add(1)
	for n := 0; n < 1000 && int(r.ready.Load()) < len(r.p.Threads); n++ {
		if n%100 == 99 {
			runtime.Gosched()
		}
	}
	for _, s := range r.p.Threads[i] {
		step++
		if call, ok := t.Allow(s); ok {
			me.begins(step, int(s.Object), call)
			if err := r.do(t, int(s.Object), call); err != nil {
				return fmt.Errorf("%c.%v: %w", 'a'+s.Object, call, err)
			}
		}
	}
	for o := range r.p.Objects {
		for call, ok := t.Leave(o); ok; call, ok = t.Leave(o) {
			step++
			me.begins(step, o, call)
			if err := r.do(t, o, call); err != nil {
				return fmt.Errorf("%c.%v at its end: %w", 'a'+o, call, err)
			}
		}
	}
	me.ends()
	return nil
}

// do makes a call and returns what is wrong with it, or nil.
func (r *run) do(t *program.Holder, o int, call spec.Call) error {
	x := &r.objects[o]
	held := t.Holds(o)
	if held > 0 {
		if x.dead.Load() {
			return fmt.Errorf("before it, another thread was told that it had dropped the last reference, but this thread holds %d", held)
		}
		if x.lives.Load() == 1 && x.body != 0 {
			return fmt.Errorf("before it, the object was released while this thread holds %d references", held)
		}
	}
	// Nobody can use the count now, or be told of a last drop, before this call
	// takes effect.
	if t.Revives(o, call) {
		x.lives.Add(1)
		x.dead.Store(false)
	}
	mode := x.mode.Load()
	if mode%2 == 1 && (call.Op == spec.ResurrectLive || call.Op == spec.Reinit || call.Op == spec.Init) {
		mode = x.mode.Add(1)
	}
	var a spec.Answer
	switch call.Op {
	case spec.PutAndLock:
		var last bool
		if last = x.c.(strategies.LockPutter).PutAndLock(&x.lock); last {
			if !x.lock.held.Load() {
				return fmt.Errorf("it returned true without the lock")
			}
			x.lock.Unlock()
		}
		a.Result = last
	default:
		if a = spec.Do(x.c, call); a.Panicked != nil {
			return fmt.Errorf("it panicked: %v", a.Panicked)
		}
	}
	if call.Op == spec.Kill || call.Op == spec.KillAndConfirm {
		x.mode.Add(1)
	}
	if err := r.judge(t, o, call, a, mode); err != nil {
		return err
	}
	if program.Last(call, a.Result) {
		if !x.dead.CompareAndSwap(false, true) {
			return fmt.Errorf("it reported the last drop, but another call had before")
		}
		if x.lives.Load() == 1 {
			x.body++
		}
	}
	t.Did(o, call, a.Result)
	if t.Holds(o) > held && x.dead.Load() {
		return fmt.Errorf("it took a reference after the last had been dropped")
	}
	return nil
}

// judge says what is wrong with an answer, from what the thread holds.
func (r *run) judge(t *program.Holder, o int, call spec.Call, a spec.Answer, mode uint32) error {
	x := &r.objects[o]
	held := t.Holds(o)
	exact := r.s.Promise.TryGet == strategies.Exact
	switch call.Op {
	case spec.TryGet, spec.TryGetN:
		if !a.Result && held > 0 && exact {
			return fmt.Errorf("it failed, but its caller holds %d references", held)
		}
	case spec.TryGetLive:
		switch {
		case !a.Result && t.Owns(o) && exact:
			return fmt.Errorf("it failed, but its caller has the owner's reference")
		case a.Result && mode%2 == 1 && x.mode.Load() == mode:
			return fmt.Errorf("it took a reference after Kill had returned")
		}
	case spec.PutIfOne:
		if a.Result && held > 1 {
			return fmt.Errorf("it took the reference for the only one, but its caller holds %d", held)
		}
	case spec.PutUnlessOne:
		if !a.Result && held > 1 {
			return fmt.Errorf("it took the reference for the only one, but its caller holds %d", held)
		}
	case spec.Count:
		if r.s.Promise.Count == strategies.Exact && a.Value < held {
			return fmt.Errorf("it returned %d, but its caller holds %d references", a.Value, held)
		}
	case spec.KillAndConfirm:
		if a.Confirms != 1 {
			return fmt.Errorf("it called confirm %d times", a.Confirms)
		}
	}
	if program.Last(call, a.Result) {
		left := held - 1
		if call.Op == spec.PutN {
			left = held - call.N
		}
		if left > 0 {
			return fmt.Errorf("it reported the last drop, but its caller holds %d more references", left)
		}
	}
	return nil
}

// finish ends what is left of the object's last life, and looks at what is left then.
func (r *run) finish(o int) error {
	x := &r.objects[o]
	me := &r.doing[setter]
	defer me.ends()
	reader, _ := x.c.(strategies.Reader)
	// counts reports whether Count returns n, if it can be asked.
	counts := func(n int64) (value int64, ok bool) {
		if reader == nil || r.s.Promise.Count == strategies.None {
			return n, true
		}
		me.begins(1, o, spec.Call{Op: spec.Count})
		value = reader.Count()
		return value, value == n
	}
	if t := r.guard.Owner(o); t != nil {
		if x.dead.Load() {
			return fmt.Errorf("a drop reported the last, but the owner's reference is left")
		}
		if n, ok := counts(1); !ok {
			return fmt.Errorf("only the owner's reference is left, but Count returns %d", n)
		}
		kill := spec.Call{Op: spec.Kill}
		me.begins(1, o, kill)
		if err := r.do(t, o, kill); err != nil {
			return fmt.Errorf("its owner's Kill: %w", err)
		}
	}
	if !x.dead.Load() {
		return fmt.Errorf("every reference is dropped, but no drop reported the last")
	}
	if n, ok := counts(0); !ok {
		return fmt.Errorf("every reference is dropped, but Count returns %d", n)
	}
	me.begins(1, o, spec.Call{Op: spec.TryGet})
	if x.c.TryGet() {
		return fmt.Errorf("every reference is dropped, but TryGet takes one")
	}
	return nil
}

// A lock is a mutex that knows whether it is held.
type lock struct {
	mu   sync.Mutex
	held atomic.Bool
}

func (l *lock) Lock() {
	l.mu.Lock()
	l.held.Store(true)
}

// Unlock of a lock that isn't held does nothing: that of a sync.Mutex ends the
// program.
func (l *lock) Unlock() {
	if l.held.CompareAndSwap(true, false) {
		l.mu.Unlock()
	}
}

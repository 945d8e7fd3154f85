package explore_test

import (
	"fmt"
	"maps"
	"testing"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/runtime"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// endsOf returns in which ways n threads can end. make makes what they share anew; end
// says how they have ended.
func endsOf(t *testing.T, o explore.Options, values bool, n int, make func() (threads []func(), end func() string)) map[string]bool {
	t.Helper()
	ends := map[string]bool{}
	var bodies []func()
	var end func() string
	c := explore.Case{
		Setup:  func() { bodies, end = make() },
		Finish: func() { ends[end()] = true },
	}
	c.Values = values
	for i := range n {
		c.Threads = append(c.Threads, func() { bodies[i]() })
	}
	o.Executions = 1_000_000
	r, err := explore.Explore(&explore.Scenario{Name: t.Name(), Make: func(explore.Program) explore.Case { return c }}, o)
	if err != nil || r.Failure != nil || !r.Exhaustive {
		t.Fatal(r, err)
	}
	return ends
}

// TestWhoGaveWaySeesEachChange: whoever gives way goes on right after any change of
// memory, before the thread that made it takes another step.
func TestWhoGaveWaySeesEachChange(t *testing.T) {
	type place struct {
		i  atomic.Int64
		u  uint32
		p  atomic.Pointer[int]
		up unsafe.Pointer
		b  atomic.Bool
		v  atomic.Value
		mu sync.Mutex
		c  *channel.Chan[int]
		m  sync.Map
	}
	one := new(int)
	integer := func(x *place) bool { return x.i.Load() != 0 }
	word := func(x *place) bool { return atomic.LoadUint32(&x.u) != 0 }
	pointer := func(x *place) bool { return x.p.Load() != nil }
	for name, c := range map[string]struct {
		change func(x *place)
		there  func(x *place) bool
	}{
		"Integer.Store":          {func(x *place) { x.i.Store(1) }, integer},
		"Integer.Swap":           {func(x *place) { x.i.Swap(1) }, integer},
		"Integer.Add":            {func(x *place) { x.i.Add(1) }, integer},
		"Integer.Or":             {func(x *place) { x.i.Or(1) }, integer},
		"Integer.CompareAndSwap": {func(x *place) { x.i.CompareAndSwap(0, 1) }, integer},
		"Bool.CompareAndSwap":    {func(x *place) { x.b.CompareAndSwap(false, true) }, func(x *place) bool { return x.b.Load() }},
		"StoreUint32":            {func(x *place) { atomic.StoreUint32(&x.u, 1) }, word},
		"SwapUint32":             {func(x *place) { atomic.SwapUint32(&x.u, 1) }, word},
		"AddUint32":              {func(x *place) { atomic.AddUint32(&x.u, 1) }, word},
		"OrUint32":               {func(x *place) { atomic.OrUint32(&x.u, 1) }, word},
		"CompareAndSwapUint32":   {func(x *place) { atomic.CompareAndSwapUint32(&x.u, 0, 1) }, word},
		"StorePointer":           {func(x *place) { atomic.StorePointer(&x.up, unsafe.Pointer(one)) }, func(x *place) bool { return atomic.LoadPointer(&x.up) != nil }},
		"CompareAndSwapPointer":  {func(x *place) { atomic.CompareAndSwapPointer(&x.up, nil, unsafe.Pointer(one)) }, func(x *place) bool { return atomic.LoadPointer(&x.up) != nil }},
		"Pointer.Store":          {func(x *place) { x.p.Store(one) }, pointer},
		"Pointer.Swap":           {func(x *place) { x.p.Swap(one) }, pointer},
		"Pointer.CompareAndSwap": {func(x *place) { x.p.CompareAndSwap(nil, one) }, pointer},
		"Value.Store":            {func(x *place) { x.v.Store(1) }, func(x *place) bool { return x.v.Load() != nil }},
		"Value.CompareAndSwap":   {func(x *place) { x.v.CompareAndSwap(nil, 1) }, func(x *place) bool { return x.v.Load() != nil }},
		"Mutex.Lock":             {func(x *place) { x.mu.Lock() }, func(x *place) bool { return !x.mu.TryLock() }},
		"Chan.Send":              {func(x *place) { x.c.Send(1) }, func(x *place) bool { return channel.Len(x.c) != 0 }},
		"Map.Store":              {func(x *place) { x.m.Store(1, 1) }, func(x *place) bool { _, ok := x.m.Load(1); return ok }},
	} {
		for _, search := range []explore.Search{explore.PlainDFS, explore.DFS} {
			ends := endsOf(t, explore.Options{Search: search, Bound: explore.Unbounded}, false, 2, func() ([]func(), func() string) {
				x := &place{c: channel.Make[int](1)}
				var answer atomic.Int64
				waited, saw := false, int64(0)
				return []func(){
						func() {
							for n := 0; n < 2 && !c.there(x); n++ {
								if name == "Mutex.Lock" {
									x.mu.Unlock()
								}
								waited = true
								runtime.Gosched()
							}
							answer.Store(1)
						},
						func() {
							c.change(x)
							saw = answer.Load()
						},
					}, func() string {
						return fmt.Sprint("waited ", waited, ", answered ", saw)
					}
			})
			if want := "waited true, answered 1"; !ends[want] {
				t.Errorf("%s, %s: it ends in %v, and never in %q", name, search, ends, want)
			}
		}
	}
}

// An announcing lock says that it is being unlocked before it is.
type announcing struct {
	sync.Mutex
	unlocking atomic.Bool
}

func (l *announcing) Unlock() {
	l.unlocking.Store(true)
	l.Mutex.Unlock()
}

// TestCondWaitsBeforeItUnlocks: whoever learns from Unlock that Wait has begun can wake
// the waiter, also without the lock.
func TestCondWaitsBeforeItUnlocks(t *testing.T) {
	for _, search := range []explore.Search{explore.PlainDFS, explore.DFS} {
		endsOf(t, explore.Options{Search: search, Bound: explore.Unbounded}, false, 2, func() ([]func(), func() string) {
			l := new(announcing)
			c := sync.NewCond(l)
			return []func(){
				func() { l.Lock(); c.Wait(); l.Unlock() },
				func() {
					for !l.unlocking.Load() {
						runtime.Gosched()
					}
					c.Signal()
				},
			}, func() string { return "" }
		})
	}
}

// TestTimerMayFireWithASleeper: a timer and a sleeper whose time comes at the same moment
// go on in either order.
func TestTimerMayFireWithASleeper(t *testing.T) {
	for _, search := range []explore.Search{explore.PlainDFS, explore.DFS} {
		ends := endsOf(t, explore.Options{Search: search, Bound: explore.Unbounded}, false, 2, func() ([]func(), func() string) {
			timer := time.NewTimer(time.Second)
			fired, awake, early, woke := false, false, false, ""
			return []func(){
				func() {
					time.Sleep(time.Second)
					awake = true // in the step in which it wakes
					woke = time.Now().Format("05")
				},
				func() {
					got := channel.Receiving(timer.C)
					fired = channel.Poll(got) == 0
					early = !awake // in the step in which it takes the case
				},
			}, func() string { return fmt.Sprint("fired ", fired, ", early ", early, ", awake at ", woke) }
		})
		for _, want := range []string{"fired true, early true, awake at 01", "fired true, early false, awake at 01", "fired false, early true, awake at 01"} {
			if !ends[want] {
				t.Errorf("%s: it ends in %v, and never in %q", search, ends, want)
			}
		}
	}
}

// TestStatesHaveATime: states that differ in nothing but the time are told apart if a
// timer runs or somebody looks at the clock later.
func TestStatesHaveATime(t *testing.T) {
	for name, look := range map[string]func(timer *time.Timer) string{
		"a timer": func(timer *time.Timer) string {
			time.Sleep(time.Second)
			return fmt.Sprint(channel.Poll(channel.Receiving(timer.C)) == 0)
		},
		"the clock": func(*time.Timer) string { return time.Now().Format("05") },
	} {
		ends := func(values bool) map[string]bool {
			return endsOf(t, explore.Options{Search: explore.DFS, Bound: explore.Unbounded}, values, 2, func() ([]func(), func() string) {
				var a, b, c, d, x atomic.Int64
				var other sync.WaitGroup
				all := []*atomic.Int64{&a, &b, &c, &d, &x}
				for _, v := range all {
					v.Store(0)
				}
				other.Add(1)
				var timer *time.Timer
				if name == "a timer" {
					timer = time.NewTimer(1500 * time.Millisecond)
				}
				first, second := "", int64(-1)
				return []func(){
					// The first sleeps unless it and the second take turns, which
					// takes more preemptions than the searches with bounds allow
					// that come before the one without. Then it forgets that, and
					// starts two that meet, so that there is something to decide.
					func() {
						a.Store(1)
						turns := b.Load() == 1
						if turns {
							c.Store(1)
							turns = d.Load() == 1
						}
						if !turns {
							time.Sleep(time.Second)
						}
						other.Wait()
						for _, v := range all {
							v.Store(0)
						}
						explore.Boundary(0)
						explore.Go(func() { x.Store(1); first = look(timer) })
						explore.Go(func() { second = x.Load() })
					},
					func() {
						if a.Load() == 1 {
							b.Store(1)
							if c.Load() == 1 {
								d.Store(1)
							}
						}
						explore.Boundary(0)
						other.Done()
					},
				}, func() string { return fmt.Sprint(first, " ", second) }
			})
		}
		want, got := ends(false), ends(true)
		if len(want) < 4 || !maps.Equal(want, got) {
			t.Errorf("%s: with states it ends in %v, without in %v", name, got, want)
		}
	}
}

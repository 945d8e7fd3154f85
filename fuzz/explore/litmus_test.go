package explore_test

//lint:file-ignore SA2001 critical sections are empty where only the locking is tested

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/runtime"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	vtime "github.com/refbench/refbench/fuzz/explore/time"
)

// A litmus is a body and what must come of it.
type litmus struct {
	name string
	want explore.Kind // "" if it must pass
	says string       // part of the message
	body func()
}

// both starts two threads and waits for them by the group.
func both(f, g func()) {
	var w sync.WaitGroup
	w.Go(f)
	w.Go(g)
	w.Wait()
}

// storeBuffers has each of two threads store, do what comes between, and load what the other one
// stores. It reports whether neither saw the other's store.
func storeBuffers(first, second func()) bool {
	var x, y cpu.Buffered
	var seen [2]int64
	both(func() { x.Store(1); first(); seen[0] = y.Load() }, func() { y.Store(1); second(); seen[1] = x.Load() })
	return seen == [2]int64{}
}

var litmuses = []litmus{
	// sync
	{"mutex excludes", "", "", func() {
		var mu sync.Mutex
		x := 0
		add := func() {
			mu.Lock()
			explore.Read(&x)
			y := x
			explore.Write(&x)
			x = y + 1
			mu.Unlock()
		}
		both(add, add)
		if x != 2 {
			explore.Failf("x is %d", x)
		}
	}},
	{"no mutex, race", explore.Race, "not ordered", func() {
		x := 0
		both(func() { explore.Write(&x) }, func() { explore.Read(&x) })
	}},
	{"two locks in two orders", explore.Deadlock, "waits in lock", func() {
		var a, b sync.Mutex
		both(func() { a.Lock(); b.Lock(); b.Unlock(); a.Unlock() }, func() { b.Lock(); a.Lock(); a.Unlock(); b.Unlock() })
	}},
	{"two locks in one order", "", "", func() {
		var a, b sync.Mutex
		f := func() { a.Lock(); b.Lock(); b.Unlock(); a.Unlock() }
		both(f, f)
	}},
	{"unlock of unlocked", explore.Misuse, "unlock of an unlocked mutex", func() { new(sync.Mutex).Unlock() }},
	{"trylock fails while held", "", "", func() {
		var mu sync.Mutex
		mu.Lock()
		if mu.TryLock() {
			explore.Failf("locked twice")
		}
		mu.Unlock()
		if !mu.TryLock() {
			explore.Failf("free mutex refused")
		}
	}},
	{"trylock may fail", explore.Violation, "busy", func() {
		var mu sync.Mutex
		both(func() { mu.Lock(); mu.Unlock() }, func() {
			if !mu.TryLock() {
				explore.Failf("busy")
			}
			mu.Unlock()
		})
	}},
	{"rwmutex: two readers at a time", explore.Violation, "together", func() {
		var mu sync.RWMutex
		var n atomic.Int64
		read := func() {
			mu.RLock()
			if n.Add(1) == 2 {
				explore.Failf("together")
			}
			n.Add(-1)
			mu.RUnlock()
		}
		both(read, read)
	}},
	{"rwmutex: writer alone", "", "", func() {
		var mu sync.RWMutex
		x := 0
		both(func() { mu.Lock(); explore.Write(&x); x++; mu.Unlock() }, func() { mu.RLock(); explore.Read(&x); _ = x; mu.RUnlock() })
	}},
	{"rwmutex: read lock twice with a writer between", explore.Deadlock, "", func() {
		var mu sync.RWMutex
		both(func() { mu.RLock(); mu.RLock(); mu.RUnlock(); mu.RUnlock() }, func() { mu.Lock(); mu.Unlock() })
	}},
	{"rwmutex: unlock of read lock", explore.Misuse, "isn't locked for writing", func() {
		var mu sync.RWMutex
		mu.RLock()
		mu.Unlock()
	}},
	{"once", "", "", func() {
		var o sync.Once
		x := 0
		f := func() { o.Do(func() { explore.Write(&x); x++ }); explore.Read(&x) }
		both(f, f)
		if x != 1 {
			explore.Failf("done %d times", x)
		}
	}},
	{"oncevalue", "", "", func() {
		n := 0
		get := sync.OnceValue(func() int { n++; return n })
		f := func() {
			if v := get(); v != 1 {
				explore.Failf("value %d", v)
			}
		}
		both(f, f)
	}},
	{"waitgroup orders", "", "", func() {
		var w sync.WaitGroup
		x := 0
		w.Go(func() { explore.Write(&x); x = 1 })
		w.Wait()
		explore.Read(&x)
		if x != 1 {
			explore.Failf("x is %d", x)
		}
	}},
	{"waitgroup below zero", explore.Panic, "negative WaitGroup counter", func() { new(sync.WaitGroup).Done() }},
	{"waitgroup without done", explore.Deadlock, "waits in wait", func() {
		var w sync.WaitGroup
		w.Add(1)
		w.Wait()
	}},
	{"cond", "", "", func() {
		var mu sync.Mutex
		c := sync.NewCond(&mu)
		ready := false
		both(func() {
			mu.Lock()
			for !ready {
				c.Wait()
			}
			mu.Unlock()
		}, func() { mu.Lock(); ready = true; c.Signal(); mu.Unlock() })
	}},
	{"cond: lost wake-up", explore.Deadlock, "waits in wait", func() {
		var mu sync.Mutex
		var ready atomic.Bool
		c := sync.NewCond(&mu)
		both(func() {
			if !ready.Load() { // looks without the lock
				mu.Lock()
				c.Wait()
				mu.Unlock()
			}
		}, func() { ready.Store(true); c.Signal() })
	}},
	{"pool keeps", "", "", func() {
		p := sync.Pool{New: func() any { return new(int) }}
		x := p.Get()
		p.Put(x)
		if p.Get() != x {
			explore.Failf("another object")
		}
	}},
	{"map", "", "", func() {
		var m sync.Map
		n := 0
		f := func() {
			if _, loaded := m.LoadOrStore("k", 1); !loaded {
				n++
			}
		}
		both(f, f)
		if n != 1 {
			explore.Failf("stored %d times", n)
		}
	}},
	{"map: load then store", explore.Violation, "stored 2 times", func() {
		var m sync.Map
		n := 0
		f := func() {
			if _, ok := m.Load("k"); !ok {
				m.Store("k", 1)
				n++
			}
		}
		both(f, f)
		if n != 1 {
			explore.Failf("stored %d times", n)
		}
	}},

	// sync/atomic
	{"store buffering can't be seen", "", "", func() {
		var x, y atomic.Int32
		var a, b int32
		both(func() { x.Store(1); a = y.Load() }, func() { y.Store(1); b = x.Load() })
		if a == 0 && b == 0 {
			explore.Failf("both read 0")
		}
	}},
	{"message passing orders plain memory", "", "", func() {
		var flag atomic.Bool
		x := 0
		both(func() { explore.Write(&x); x = 1; flag.Store(true) }, func() {
			if flag.Load() {
				explore.Read(&x)
			}
		})
	}},
	{"message passing without looking at the flag", explore.Race, "plain", func() {
		var flag atomic.Bool
		x := 0
		both(func() { explore.Write(&x); flag.Store(true) }, func() { flag.Load(); explore.Read(&x) })
	}},
	{"add is atomic", "", "", func() {
		var n int64
		f := func() { atomic.AddInt64(&n, 1) }
		both(f, f)
		if atomic.LoadInt64(&n) != 2 {
			explore.Failf("n is %d", n)
		}
	}},
	{"load and store by address is not", explore.Violation, "n is 1", func() {
		var n uint32
		f := func() { atomic.StoreUint32(&n, atomic.LoadUint32(&n)+1) }
		both(f, f)
		if n != 2 {
			explore.Failf("n is %d", n)
		}
	}},
	{"and, or, swap, cas", "", "", func() {
		var x atomic.Uint32
		x.Store(0b1100)
		if x.And(0b0110) != 0b1100 || x.Or(0b0001) != 0b0100 || x.Swap(7) != 0b0101 || x.CompareAndSwap(1, 2) || !x.CompareAndSwap(7, 8) || x.Load() != 8 {
			explore.Failf("wrong values: %d", x.Load())
		}
		y := uint64(0b1100)
		if atomic.AndUint64(&y, 0b0110) != 0b1100 || atomic.OrUint64(&y, 1) != 0b0100 || atomic.SwapUint64(&y, 7) != 0b0101 || atomic.AddUint64(&y, ^uint64(0)) != 6 || !atomic.CompareAndSwapUint64(&y, 6, 1) || y != 1 {
			explore.Failf("wrong values: %d", y)
		}
	}},
	{"pointers", "", "", func() {
		a, b := new(int), new(int)
		var p atomic.Pointer[int]
		var q unsafe.Pointer
		if p.Load() != nil || p.Swap(a) != nil || p.CompareAndSwap(b, a) || !p.CompareAndSwap(a, b) || p.Load() != b {
			explore.Failf("wrong pointer")
		}
		atomic.StorePointer(&q, unsafe.Pointer(a))
		if !atomic.CompareAndSwapPointer(&q, unsafe.Pointer(a), unsafe.Pointer(b)) || atomic.SwapPointer(&q, nil) != unsafe.Pointer(b) || atomic.LoadPointer(&q) != nil {
			explore.Failf("wrong pointer")
		}
	}},
	{"value", "", "", func() {
		var v atomic.Value
		if v.Load() != nil || v.Swap(1) != nil || !v.CompareAndSwap(1, 2) || v.CompareAndSwap(1, 3) || v.Load() != 2 {
			explore.Failf("wrong value")
		}
	}},
	{"value of two types", explore.Panic, "inconsistently typed", func() {
		var v atomic.Value
		v.Store(1)
		v.Store("x")
	}},

	// runtime
	{"spin with Gosched", "", "", func() {
		var flag atomic.Bool
		both(func() {
			for !flag.Load() {
				runtime.Gosched()
			}
		}, func() { flag.Store(true) })
	}},
	{"spin without Gosched", "", "", func() {
		var flag atomic.Bool
		both(func() {
			for !flag.Load() {
			}
		}, func() { flag.Store(true) })
	}},
	{"spin that counts, then gives up", "", "", func() {
		var flag atomic.Bool
		for n := 0; !flag.Load() && n < 100; n++ {
			runtime.Gosched()
		}
	}},
	{"wait for what nobody does", explore.Livelock, "memory no longer changes", func() {
		var flag atomic.Bool
		for !flag.Load() {
			runtime.Gosched()
		}
	}},
	{"an execution without end", explore.Livelock, "did not end after", func() {
		var n atomic.Int64
		for {
			n.Add(1)
		}
	}},
	{"goexit", explore.Goexit, "runtime.Goexit", func() { runtime.Goexit() }},
	{"panic", explore.Panic, "boom", func() { both(func() { panic("boom") }, func() {}) }},
	{"too many threads", explore.Unsupported, "more than 64 threads at the same time", func() {
		var m sync.Mutex
		m.Lock()
		for range 64 {
			explore.Go(m.Lock)
		}
	}},

	// pin
	{"pins exclude on a CPU", "", "", func() {
		var n [4]int
		f := func() {
			on := cpu.Pin()
			explore.Write(&n[on])
			n[on]++
			cpu.Unpin()
		}
		both(f, f)
	}},
	{"two pins, two CPUs", explore.Violation, "at a time", func() {
		var n atomic.Int64
		f := func() {
			cpu.Pin()
			if n.Add(1) == 2 {
				explore.Failf("at a time")
			}
			n.Add(-1)
			cpu.Unpin()
		}
		both(f, f)
	}},
	{"a pinned thread stays", "", "", func() {
		on := cpu.Pin()
		var n atomic.Int64
		n.Add(1)
		if cpu.Current() != on || cpu.Pin() != on {
			explore.Failf("moved")
		}
		cpu.Unpin()
		cpu.Unpin()
	}},
	{"an unpinned thread moves", explore.Violation, "moved", func() {
		on := cpu.Current()
		if cpu.Current() != on {
			explore.Failf("moved")
		}
	}},
	{"unpin without pin", explore.Misuse, "Unpin without Pin", func() { cpu.Unpin() }},
	{"end while pinned", explore.Misuse, "ended while it was pinned", func() { cpu.Pin() }},

	// store buffers
	{"store buffers", explore.Violation, "neither saw", func() {
		if storeBuffers(func() {}, func() {}) {
			explore.Failf("neither saw the other's store")
		}
	}},
	{"store buffers, a locked instruction in one", explore.Violation, "neither saw", func() {
		var n atomic.Int64
		if storeBuffers(func() { n.Add(1) }, func() {}) {
			explore.Failf("neither saw the other's store")
		}
	}},
	{"store buffers, a locked instruction in both", "", "", func() {
		var n atomic.Int64
		add := func() { n.Add(1) }
		if storeBuffers(add, add) {
			explore.Failf("neither saw the other's store")
		}
	}},
	{"store buffers, a load in both", explore.Violation, "neither saw", func() {
		var n atomic.Int64
		load := func() { n.Load() }
		if storeBuffers(load, load) {
			explore.Failf("neither saw the other's store")
		}
	}},
	{"store buffers, a barrier of all CPUs in one", "", "", func() {
		if storeBuffers(cpu.Barrier, func() {}) {
			explore.Failf("neither saw the other's store")
		}
	}},
	{"stores are seen in their order", "", "", func() {
		var data, flag cpu.Buffered
		both(func() { data.Store(1); flag.Store(1) }, func() {
			if flag.Load() == 1 && data.Load() == 0 {
				explore.Failf("the later store is seen before the earlier one")
			}
		})
	}},
	{"a store that was seen stays seen", "", "", func() {
		var x cpu.Buffered
		var w sync.WaitGroup
		w.Go(func() { x.Store(1); x.Load() })
		for range 2 {
			w.Go(func() {
				if x.Load() == 1 && x.Load() == 0 {
					explore.Failf("a store is seen and then not")
				}
			})
		}
		w.Wait()
	}},
	{"a thread sees its own store", "", "", func() {
		var x cpu.Buffered
		both(func() {
			x.Store(1)
			if x.Load() != 1 {
				explore.Failf("its own store isn't seen")
			}
		}, func() { x.Load() })
	}},
	{"the end of a thread drains", "", "", func() {
		var x cpu.Buffered
		both(func() { x.Store(1) }, func() {})
		if x.Load() != 1 {
			explore.Failf("a store of a thread that has ended isn't seen")
		}
	}},
	{"who sees a store sees what came before", "", "", func() {
		var x cpu.Buffered
		y := 0
		both(func() { explore.Write(&y); y = 1; x.Store(1) }, func() {
			if x.Load() == 1 {
				explore.Read(&y)
			}
		})
	}},
	{"who doesn't see a store yet doesn't", explore.Race, "not ordered", func() {
		var x cpu.Buffered
		y := 0
		both(func() { explore.Write(&y); y = 1; x.Store(1); x.Load() }, func() {
			if x.Load() == 0 {
				explore.Read(&y)
			}
		})
	}},
	{"a loop waits for a buffer to drain", "", "", func() {
		var x, y cpu.Buffered
		both(func() {
			x.Store(1)
			for y.Load() == 0 {
			}
		}, func() {
			for x.Load() == 0 {
			}
			y.Store(1)
		})
	}},

	// time
	{"sleepers wake when the clock says so", "", "", func() {
		f := func() {
			start := vtime.Now()
			vtime.Sleep(2 * vtime.Second)
			if d := vtime.Since(start); d < 2*vtime.Second {
				explore.Failf("woke after %v", d)
			}
		}
		both(f, f)
	}},
	{"poll with sleep", "", "", func() {
		var done atomic.Bool
		both(func() {
			for !done.Load() {
				vtime.Sleep(vtime.Millisecond)
			}
		}, func() { vtime.Sleep(vtime.Hour); done.Store(true) })
	}},
	{"the clock moves by sleep alone", "", "", func() {
		start := vtime.Now()
		vtime.Sleep(time.Hour)
		if d := vtime.Since(start); d != time.Hour {
			explore.Failf("%v", d)
		}
	}},
	{"timer fires", "", "", func() {
		start := vtime.Now()
		if d := vtime.After(time.Second).Receive().Sub(start); d != time.Second {
			explore.Failf("fired after %v", d)
		}
	}},
	{"stopped timer doesn't", "", "", func() {
		var fired atomic.Bool
		t := vtime.AfterFunc(time.Second, func() { fired.Store(true) })
		if t.Stop() {
			vtime.Sleep(2 * time.Second)
			if fired.Load() || t.Stop() {
				explore.Failf("fired")
			}
		}
	}},
	{"a timeout can win", explore.Violation, "timed out", func() {
		var done atomic.Bool
		both(func() { done.Store(true) }, func() {
			vtime.Sleep(time.Second)
			if !done.Load() {
				explore.Failf("timed out")
			}
		})
	}},

	{"a ticker ticks on time, and drops what nobody takes", "", "", func() {
		start := vtime.Now()
		t := vtime.NewTicker(time.Second)
		for i := range 3 {
			if d := t.C.Receive().Sub(start); d != time.Duration(i+1)*time.Second {
				explore.Failf("tick %d after %v", i+1, d)
			}
		}
		vtime.Sleep(2500 * time.Millisecond)
		late, next := t.C.Receive().Sub(start), t.C.Receive().Sub(start)
		if late != 4*time.Second || next != 6*time.Second {
			explore.Failf("ticks after %v and %v", late, next)
		}
	}},
	{"a ticker that nobody stops", "", "", func() {
		t := vtime.NewTicker(time.Second)
		t.C.Receive()
	}},
	{"a ticker keeps nobody from working", "", "", func() {
		t, done := vtime.NewTicker(time.Second), channel.Make[int](0)
		var n atomic.Int64
		both(func() { n.Add(1); n.Add(1); done.Close() }, func() {
			for channel.Select(channel.Receiving(t.C), channel.Receiving(done)) == 0 {
				n.Add(1)
			}
		})
	}},
	{"a ticker hides no deadlock", explore.Deadlock, "waits in receive", func() {
		vtime.NewTicker(time.Second)
		channel.Make[int](0).Receive()
	}},
	{"a timeout can win a select", explore.Violation, "timed out", func() {
		c := channel.Make[int](0)
		explore.Go(func() { channel.Select(channel.To(c).Sending(1), channel.Receiving(vtime.After(time.Hour))) })
		if channel.Select(channel.Receiving(c), channel.Receiving(vtime.After(time.Second))) == 1 {
			explore.Failf("timed out")
		}
	}},
	{"no timeout before a shorter sleep", "", "", func() {
		c := channel.Make[int](1)
		start := vtime.Now()
		explore.Go(func() { vtime.Sleep(time.Second); c.Send(1) })
		channel.Select(channel.Receiving(c), channel.Receiving(vtime.After(2*time.Second)))
		if d := vtime.Since(start); d < time.Second {
			explore.Failf("only %v", d)
		}
	}},
	{"a stopped timer waits for ever", explore.Deadlock, "waits in timer", func() {
		t := vtime.NewTimer(time.Second)
		t.Stop()
		t.C.Receive()
	}},
	{"poll a timer and work meanwhile", "", "", func() {
		t := vtime.NewTimer(time.Second)
		var n atomic.Int64
		for channel.Poll(channel.Receiving(t.C)) < 0 {
			n.Add(1)
		}
	}},

	// channels
	{"channel orders plain memory", "", "", func() {
		c := channel.Make[int](0)
		x := 0
		explore.Go(func() { explore.Write(&x); x = 1; c.Send(7) })
		if c.Receive() != 7 {
			explore.Failf("another value")
		}
		explore.Read(&x)
	}},
	{"unbuffered send waits for the receiver", explore.Deadlock, "waits in send", func() {
		channel.Make[int](0).Send(1)
	}},
	{"buffered send waits when full", explore.Deadlock, "waits in send", func() {
		c := channel.Make[int](1)
		c.Send(1)
		c.Send(2)
	}},
	{"range ends with close", "", "", func() {
		c := channel.Make[int](2)
		explore.Go(func() { c.Send(1); c.Send(2); c.Close() })
		sum := 0
		for v := range c.All() {
			sum += v
		}
		if sum != 3 {
			explore.Failf("sum %d", sum)
		}
	}},
	{"send on closed", explore.Panic, "send on closed channel", func() {
		c := channel.Make[int](1)
		c.Close()
		c.Send(1)
	}},
	{"close wakes an unbuffered sender", explore.Panic, "send on closed channel", func() {
		c := channel.Make[int](0)
		both(func() { c.Send(1) }, func() { c.Close() })
	}},
	{"an unbuffered send orders what comes after it", "", "", func() {
		c := channel.Make[int](0)
		x := 0
		explore.Go(func() { explore.Write(&x); x = 1; c.Receive() })
		c.Send(1)
		explore.Read(&x)
	}},
	{"another receiver's value orders nothing", explore.Race, "not ordered", func() {
		c := channel.Make[int](0)
		x := 0
		explore.Go(func() { explore.Write(&x); c.Send(1); c.Send(2) })
		explore.Go(func() { c.Send(3) })
		c.Receive()
		explore.Read(&x)
		c.Receive()
		c.Receive()
	}},

	// select
	{"select waits for nobody", explore.Deadlock, "T0 waits in select variable 0 of T0", func() {
		a, b := channel.Make[int](0), channel.Make[int](1)
		channel.Select(channel.Receiving(a), channel.Receiving(b))
	}},
	{"select without cases", explore.Deadlock, "T0 waits in select", func() { channel.Select() }},
	{"select on nil channels", explore.Deadlock, "T0 waits in select", func() {
		var c *channel.Chan[int]
		channel.Select(channel.Receiving(c), channel.To(c).Sending(1))
	}},
	{"select orders plain memory", "", "", func() {
		a, b := channel.Make[int](0), channel.Make[int](1)
		x, y := 0, 0
		explore.Go(func() { explore.Write(&x); a.Send(1) })
		explore.Go(func() { explore.Write(&y); b.Send(1) })
		if channel.Select(channel.Receiving(a), channel.Receiving(b)) == 0 {
			explore.Read(&x)
		} else {
			explore.Read(&y)
			a.Receive()
			explore.Read(&x)
		}
	}},
	{"select orders only what it has received", explore.Race, "not ordered", func() {
		a, b := channel.Make[int](1), channel.Make[int](1)
		x := 0
		explore.Go(func() { explore.Write(&x); a.Send(1) })
		explore.Go(func() { b.Send(1) })
		channel.Select(channel.Receiving(a), channel.Receiving(b))
		explore.Read(&x)
	}},
	{"poll orders nothing if it finds nothing", explore.Race, "not ordered", func() {
		a := channel.Make[int](1)
		x := 0
		both(func() { explore.Write(&x); a.Send(1) }, func() {
			channel.Poll(channel.Receiving(a))
			explore.Read(&x)
		})
	}},
	{"poll until something comes", "", "", func() {
		a := channel.Make[int](0)
		both(func() { a.Send(1) }, func() {
			for channel.Poll(channel.Receiving(a)) < 0 {
			}
		})
	}},
	{"poll for what nobody sends", explore.Livelock, "did not end after", func() {
		a, b := channel.Make[int](0), channel.Make[int](1)
		for channel.Poll(channel.Receiving(a), channel.Receiving(b)) < 0 {
		}
	}},
	{"poll of two in turns", "", "", func() {
		a, b := channel.Make[int](0), channel.Make[int](0)
		both(func() { b.Send(1) }, func() {
			for channel.Poll(channel.Receiving(a)) < 0 && channel.Poll(channel.Receiving(a), channel.Receiving(b)) < 0 {
			}
		})
	}},
	{"a second case may be taken", explore.Violation, "second", func() {
		a, b := channel.Make[int](1), channel.Make[int](1)
		a.Send(1)
		b.Send(1)
		if channel.Select(channel.Receiving(a), channel.Receiving(b)) == 1 {
			explore.Failf("second")
		}
	}},
	{"more ways than can be modelled", explore.Unsupported, "a select with 33 cases that can go on", func() {
		c := channel.Make[int](1)
		var cases []channel.Case
		for range 33 {
			cases = append(cases, channel.To(c).Sending(1))
		}
		channel.Select(cases...)
	}},
	{"select in a deferred call of an execution that failed", explore.Violation, "first", func() {
		c := channel.Make[int](1)
		defer func() {
			for channel.Poll(channel.Receiving(c)) < 0 {
			}
		}()
		defer func() {
			for {
				if channel.Select(channel.Receiving(c)) == 1 {
					return
				}
			}
		}()
		explore.Failf("first")
	}},
	{"two orders of two senders", explore.Violation, "second first", func() {
		c := channel.Make[int](2)
		explore.Go(func() { c.Send(1) })
		explore.Go(func() { c.Send(2) })
		if c.Receive() == 2 {
			explore.Failf("second first")
		}
	}},
}

// TestLitmus: every drop-in allows what the original allows, and nothing else.
// What fails is found by each search that can be expected to, with a token that
// replays; what passes passes all.
func TestLitmus(t *testing.T) {
	searches := []explore.Options{
		{Search: explore.Random, Executions: 300},
		{Search: explore.PCT, Executions: 300},
		{Search: explore.DFS, Bound: 2, Executions: 3000},
		{Search: explore.DFS, Bound: explore.Unbounded, Executions: 3000},
		{Executions: 1000},
	}
	for _, l := range litmuses {
		t.Run(strings.ReplaceAll(l.name, " ", "_"), func(t *testing.T) {
			s := &explore.Scenario{Name: l.name, CPUs: 4, MaxPoints: 5000, Make: func(explore.Program) explore.Case {
				return explore.Case{Threads: []func(){l.body}}
			}}
			for _, o := range searches {
				o.Seed = 5
				r, err := explore.Explore(s, o)
				if err != nil {
					t.Fatal(err)
				}
				if l.want == "" {
					if r.Failure != nil {
						t.Errorf("%s: false alarm:\n%s%s", o.Search, r.Failure.Text(), r.Failure.Stack)
					}
					continue
				}
				f := r.Failure
				if f == nil {
					t.Errorf("%s, bound %d: not found in %d executions", o.Search, o.Bound, r.Executions)
					continue
				}
				if f.Kind != l.want || !strings.Contains(f.Message, l.says) {
					t.Errorf("%s: %v, want %s: ... %s", o.Search, f, l.want, l.says)
				}
				if _, err := explore.Replay(f.Token, []*explore.Scenario{s}, explore.Options{}); err != nil {
					t.Errorf("%s: %v", o.Search, err)
				}
			}
		})
	}
}

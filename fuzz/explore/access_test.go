package explore_test

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// accesses are calls of one access each: with what they change of memory, or not.
func accesses() (changing, reading map[string]func()) {
	changing, reading = make(map[string]func()), make(map[string]func())
	integers(changing, reading)

	var b atomic.Bool
	reading["Bool.Load"] = func() { b.Load() }
	changing["Bool.Store"] = func() { b.Store(true) }
	changing["Bool.Swap"] = func() { b.Swap(false) }
	changing["Bool.CompareAndSwap"] = func() { new(atomic.Bool).CompareAndSwap(false, true) }

	var p atomic.Pointer[int]
	reading["Pointer.Load"] = func() { p.Load() }
	changing["Pointer.Store"] = func() { p.Store(new(int)) }
	changing["Pointer.Swap"] = func() { p.Swap(new(int)) }
	changing["Pointer.CompareAndSwap"] = func() { new(atomic.Pointer[int]).CompareAndSwap(nil, new(int)) }
	reading["Pointer.CompareAndSwap in vain"] = func() { p.CompareAndSwap(new(int), nil) }

	var u unsafe.Pointer
	reading["LoadPointer"] = func() { atomic.LoadPointer(&u) }
	changing["StorePointer"] = func() { atomic.StorePointer(&u, unsafe.Pointer(new(int))) }
	changing["SwapPointer"] = func() { atomic.SwapPointer(&u, unsafe.Pointer(new(int))) }
	changing["CompareAndSwapPointer"] = func() {
		if !atomic.CompareAndSwapPointer(&u, u, unsafe.Pointer(new(int))) {
			explore.Failf("it fails")
		}
	}
	reading["CompareAndSwapPointer in vain"] = func() { atomic.CompareAndSwapPointer(&u, unsafe.Pointer(new(int)), nil) }

	var v atomic.Value
	v.Store(1)
	reading["Value.Load"] = func() { v.Load() }
	changing["Value.Store"] = func() { v.Store(1) }
	changing["Value.Swap"] = func() { v.Swap(1) }
	changing["Value.CompareAndSwap"] = func() { v.CompareAndSwap(1, 1) }
	reading["Value.CompareAndSwap in vain"] = func() { v.CompareAndSwap(2, 3) }

	var mu sync.Mutex
	changing["Mutex.Lock"] = func() { mu.Lock() }
	reading["Mutex.TryLock in vain"] = func() { mu.TryLock() }
	changing["Mutex.Unlock"] = func() { mu.Unlock() }
	changing["Mutex.TryLock"] = func() { mu.TryLock() }

	var rw sync.RWMutex
	changing["RWMutex.Lock"] = func() { rw.Lock() }
	reading["RWMutex.TryRLock in vain"] = func() { rw.TryRLock() }
	changing["RWMutex.Unlock"] = func() { rw.Unlock() }
	changing["RWMutex.RLock"] = func() { rw.RLock() }
	reading["RWMutex.TryLock in vain"] = func() { rw.TryLock() }
	changing["RWMutex.RUnlock"] = func() { rw.RUnlock() }
	changing["RWMutex.TryRLock"] = func() { rw.TryRLock() }

	var g sync.WaitGroup
	changing["WaitGroup.Add"] = func() { g.Add(1) }
	changing["WaitGroup.Done"] = func() { g.Done() }
	reading["WaitGroup.Wait"] = func() { g.Wait() }

	var pool sync.Pool
	changing["Pool.Put"] = func() { pool.Put(1) }
	changing["Pool.Get"] = func() { pool.Get() }

	var m sync.Map
	changing["Map.Store"] = func() { m.Store(1, 1) }
	reading["Map.Load"] = func() { m.Load(1) }
	changing["Map.Swap"] = func() { m.Swap(1, 2) }
	changing["Map.LoadOrStore"] = func() { m.LoadOrStore(3, 1) }
	reading["Map.LoadOrStore of what is there"] = func() { m.LoadOrStore(3, 1) }
	changing["Map.LoadAndDelete"] = func() { m.LoadAndDelete(3) }
	changing["Map.CompareAndSwap"] = func() { m.CompareAndSwap(1, 2, 1) }
	reading["Map.CompareAndSwap in vain"] = func() { m.CompareAndSwap(1, 2, 1) }
	changing["Map.CompareAndDelete"] = func() { m.CompareAndDelete(1, 1) }
	changing["Map.Clear"] = func() { m.Clear() }

	var once sync.Once
	changing["Once.Do"] = func() { once.Do(func() {}) }
	reading["Once.Do, again"] = func() { once.Do(func() {}) }

	var w cpu.Word
	changing["Word.Begin"] = func() { w.Begin() }
	changing["Word.Commit"] = func() { w.Commit(1) }
	reading["Word.Commit in vain"] = func() { w.Commit(1) }
	changing["Word.Cut"] = func() { w.Cut() }
	changing["Word.Store"] = func() { w.Store(1) }
	reading["Word.Load"] = func() { w.Load() }

	cond := sync.NewCond(&mu)
	changing["Cond.Signal"] = cond.Signal
	changing["Cond.Broadcast"] = cond.Broadcast

	c := channel.Make[int](1)
	changing["send"] = func() { c.Send(1) }
	reading["len"] = func() { channel.Len(c) }
	changing["receive"] = func() { c.Receive() }
	reading["receive in vain"] = func() { channel.Poll(channel.Receiving(c)) }
	changing["select, send"] = func() { channel.Select(channel.To(c).Sending(1)) }
	reading["send in vain"] = func() { channel.Poll(channel.To(c).Sending(1)) }
	changing["select, receive"] = func() { channel.Select(channel.Receiving(c)) }
	changing["close"] = func() { channel.Close(c) }
	return changing, reading
}

func integers(changing, reading map[string]func()) {
	var x atomic.Int64
	reading["Int64.Load"] = func() { x.Load() }
	changing["Int64.Store"] = func() { x.Store(1) }
	changing["Int64.Swap"] = func() { x.Swap(2) }
	changing["Int64.CompareAndSwap"] = func() { new(atomic.Int64).CompareAndSwap(0, 3) }
	reading["Int64.CompareAndSwap in vain"] = func() { x.CompareAndSwap(-1, 3) }
	changing["Int64.Add"] = func() { x.Add(1) }
	changing["Int64.And"] = func() { x.And(3) }
	changing["Int64.Or"] = func() { x.Or(4) }

	of(changing, reading, "Int32", atomic.LoadInt32, atomic.StoreInt32, atomic.SwapInt32, atomic.CompareAndSwapInt32, atomic.AddInt32, atomic.AndInt32, atomic.OrInt32)
	of(changing, reading, "Int64", atomic.LoadInt64, atomic.StoreInt64, atomic.SwapInt64, atomic.CompareAndSwapInt64, atomic.AddInt64, atomic.AndInt64, atomic.OrInt64)
	of(changing, reading, "Uint32", atomic.LoadUint32, atomic.StoreUint32, atomic.SwapUint32, atomic.CompareAndSwapUint32, atomic.AddUint32, atomic.AndUint32, atomic.OrUint32)
	of(changing, reading, "Uint64", atomic.LoadUint64, atomic.StoreUint64, atomic.SwapUint64, atomic.CompareAndSwapUint64, atomic.AddUint64, atomic.AndUint64, atomic.OrUint64)
	of(changing, reading, "Uintptr", atomic.LoadUintptr, atomic.StoreUintptr, atomic.SwapUintptr, atomic.CompareAndSwapUintptr, atomic.AddUintptr, atomic.AndUintptr, atomic.OrUintptr)
}

// of adds the functions of one type of integers.
func of[T int32 | int64 | uint32 | uint64 | uintptr](changing, reading map[string]func(), name string,
	load func(*T) T, store func(*T, T), swap func(*T, T) T, cas func(*T, T, T) bool, add, and, or func(*T, T) T) {
	var x T
	reading["Load"+name] = func() { load(&x) }
	changing["Store"+name] = func() { store(&x, 1) }
	changing["Swap"+name] = func() { swap(&x, 2) }
	changing["CompareAndSwap"+name] = func() {
		if !cas(&x, x, 3) {
			explore.Failf("it fails")
		}
	}
	reading["CompareAndSwap"+name+" in vain"] = func() { cas(&x, 99, 3) }
	changing["Add"+name] = func() { add(&x, 1) }
	changing["And"+name] = func() { and(&x, 3) }
	changing["Or"+name] = func() { or(&x, 4) }
}

// order is the order in which accesses are called that need each other.
var order = []string{
	"Mutex.Lock", "Mutex.TryLock in vain", "Mutex.Unlock", "Mutex.TryLock",
	"RWMutex.Lock", "RWMutex.TryRLock in vain", "RWMutex.Unlock", "RWMutex.RLock", "RWMutex.TryLock in vain", "RWMutex.RUnlock", "RWMutex.TryRLock",
	"WaitGroup.Add", "WaitGroup.Done", "WaitGroup.Wait", "Pool.Put", "Pool.Get",
	"Map.Store", "Map.Load", "Map.Swap", "Map.LoadOrStore", "Map.LoadOrStore of what is there", "Map.LoadAndDelete", "Map.CompareAndSwap",
	"Map.CompareAndSwap in vain", "Map.CompareAndDelete", "Map.Clear", "Once.Do", "Once.Do, again",
	"Word.Begin", "Word.Commit", "Word.Commit in vain",
	"send", "len", "receive", "receive in vain", "select, send", "send in vain", "select, receive", "close",
}

// TestEachAccessIsAPoint: before each access to what threads share others may run, and
// whoever waits for memory to change is told of each change, and of nothing else.
func TestEachAccessIsAPoint(t *testing.T) {
	for _, o := range []explore.Options{{Search: explore.Random}, {Search: explore.DFS, Bound: explore.Unbounded}} {
		o.Seed, o.Executions = 1, 1
		s := &explore.Scenario{Name: t.Name(), Make: func(explore.Program) explore.Case {
			return explore.Case{Threads: []func(){func() {
				changing, reading := accesses()
				e := engine.Current
				one := func(name string, f func(), changes bool) {
					step, writes := e.Step(), e.Writes
					f()
					if e.Step() == step {
						t.Errorf("%s is no scheduling point", name)
					}
					if changed := e.Writes > writes; changed != changes || e.Writes < writes {
						t.Errorf("%s: %d changes of memory, want some: %v", name, int64(e.Writes-writes), changes)
					}
				}
				for _, name := range order {
					if f := changing[name]; f != nil {
						one(name, f, true)
						delete(changing, name)
						continue
					}
					one(name, reading[name], false)
					delete(reading, name)
				}
				for name, f := range changing {
					one(name, f, true)
				}
				for name, f := range reading {
					one(name, f, false)
				}
			}}}
		}}
		if r, err := explore.Explore(s, o); err != nil || r.Failure != nil {
			t.Fatal(err, r.Failure)
		}
	}
}

// TestOnlyDropsOfAGroupOrder: what a goroutine did before Add(-1) happens before Wait
// returns, and what it did before Add(0) doesn't: as the race detector has it.
func TestOnlyDropsOfAGroupOrder(t *testing.T) {
	for delta, race := range map[int]bool{-1: false, 0: true} {
		s := &explore.Scenario{Name: t.Name(), CPUs: 2, Make: func(explore.Program) explore.Case {
			return explore.Case{Threads: []func(){func() {
				var g sync.WaitGroup
				x := new(int)
				g.Add(-delta)
				done := channel.Make[int](1)
				explore.Go(func() {
					explore.Write(x)
					g.Add(delta)
					done.Send(1)
				})
				for channel.Len(done) == 0 { // no order
				}
				g.Wait()
				explore.Read(x)
			}}}
		}}
		r, err := explore.Explore(s, explore.Options{Seed: 1, Search: explore.Random, Executions: 20})
		if err != nil {
			t.Fatal(err)
		}
		if found := r.Failure != nil && r.Failure.Kind == explore.Race; found != race || r.Failure != nil && !found {
			t.Errorf("Add(%d): found %v, want a race: %v", delta, r.Failure, race)
		}
	}
}

// TestPicturesShowBools: true is drawn as 1.
func TestPicturesShowBools(t *testing.T) {
	s := &explore.Scenario{Name: t.Name(), Make: func(explore.Program) explore.Case {
		return explore.Case{Threads: []func(){func() {
			var b atomic.Bool
			b.Store(true)
			explore.Failf("to be drawn")
		}}}
	}}
	r, err := explore.Explore(s, explore.Options{Seed: 1, Search: explore.Random, Executions: 1})
	if err != nil || r.Failure == nil {
		t.Fatal(err, r)
	}
	if text := r.Failure.Text(); !strings.Contains(text, "0 -> 1") {
		t.Errorf("no 0 -> 1 in\n%s", text)
	}
}

package explore_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/channel"
	xsync "github.com/refbench/refbench/fuzz/explore/sync"
	xatomic "github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// A said is what one goroutine was told by what it called.
type said []string

// of calls f and keeps what it returns, or its panic.
func (s *said) of(call string, f func() string) {
	defer func() {
		if r := recover(); r != nil {
			if strings.Contains(fmt.Sprint(r), "hash of unhashable type") {
				r = "hash of unhashable type" // maps and sync.Map spell it differently
			}
			*s = append(*s, fmt.Sprintf("%s: panic: %v", call, r))
		}
	}()
	*s = append(*s, fmt.Sprintf("%s: %s", call, f()))
}

// sameAsNative runs both forms of a program, the explored one under the scheduler and
// by itself, and compares what they say.
func sameAsNative(t *testing.T, about string, native, explored func(*said)) {
	t.Helper()
	var want said
	native(&want)
	compare := func(how string, got said) {
		t.Helper()
		for i := range max(len(want), len(got)) {
			var w, g string
			if i < len(want) {
				w = want[i]
			}
			if i < len(got) {
				g = got[i]
			}
			if w != g {
				t.Fatalf("%s, %s, call %d: %q, natively %q", about, how, i, g, w)
			}
		}
	}
	var got said
	explore.Run(t, explore.Options{Search: explore.DFS}, func() {
		got = nil
		explored(&got)
	})
	compare("explored", got)
	got = nil
	explored(&got)
	compare("outside of an exploration", got)
}

type integer[T any] interface {
	Load() T
	Store(T)
	Swap(T) T
	CompareAndSwap(old, new T) bool
	Add(T) T
	And(T) T
	Or(T) T
}

// functions are those on addresses, as methods.
type functions[T any] struct {
	v     T
	load  func(*T) T
	store func(*T, T)
	swap  func(*T, T) T
	cas   func(*T, T, T) bool
	add   func(*T, T) T
	and   func(*T, T) T
	or    func(*T, T) T
}

func (f *functions[T]) Load() T                        { return f.load(&f.v) }
func (f *functions[T]) Store(v T)                      { f.store(&f.v, v) }
func (f *functions[T]) Swap(v T) T                     { return f.swap(&f.v, v) }
func (f *functions[T]) CompareAndSwap(old, new T) bool { return f.cas(&f.v, old, new) }
func (f *functions[T]) Add(v T) T                      { return f.add(&f.v, v) }
func (f *functions[T]) And(v T) T                      { return f.and(&f.v, v) }
func (f *functions[T]) Or(v T) T                       { return f.or(&f.v, v) }

func calls[T int32 | int64 | uint32 | uint64 | uintptr](seed uint64, x integer[T]) func(*said) {
	return func(s *said) {
		rng := rand.New(rand.NewPCG(seed, 0))
		edges := []T{0, 1, 2, 3, ^T(0), ^T(0) - 1, ^T(0) >> 1, T(1) << 31}
		x.Store(0)
		for range 300 {
			a, b := edges[rng.IntN(len(edges))], edges[rng.IntN(len(edges))]
			switch rng.IntN(7) {
			case 0:
				s.of("Load", func() string { return fmt.Sprint(x.Load()) })
			case 1:
				s.of("Store", func() string { x.Store(a); return "" })
			case 2:
				s.of("Swap", func() string { return fmt.Sprint(x.Swap(a)) })
			case 3:
				s.of("CompareAndSwap", func() string { return fmt.Sprint(x.CompareAndSwap(a, b)) })
			case 4:
				s.of("Add", func() string { return fmt.Sprint(x.Add(a)) })
			case 5:
				s.of("And", func() string { return fmt.Sprint(x.And(a)) })
			case 6:
				s.of("Or", func() string { return fmt.Sprint(x.Or(a)) })
			}
		}
	}
}

// TestIntegersAsNative: every operation on every integer returns what that of
// sync/atomic does, at the edges of the type as well.
func TestIntegersAsNative(t *testing.T) {
	const seed = 50
	sameAsNative(t, "Int32", calls(seed, new(atomic.Int32)), calls(seed, new(xatomic.Int32)))
	sameAsNative(t, "Int64", calls(seed, new(atomic.Int64)), calls(seed, new(xatomic.Int64)))
	sameAsNative(t, "Uint32", calls(seed, new(atomic.Uint32)), calls(seed, new(xatomic.Uint32)))
	sameAsNative(t, "Uint64", calls(seed, new(atomic.Uint64)), calls(seed, new(xatomic.Uint64)))
	sameAsNative(t, "Uintptr", calls(seed, new(atomic.Uintptr)), calls(seed, new(xatomic.Uintptr)))
	sameAsNative(t, "int32",
		calls(seed, &functions[int32]{0, atomic.LoadInt32, atomic.StoreInt32, atomic.SwapInt32, atomic.CompareAndSwapInt32, atomic.AddInt32, atomic.AndInt32, atomic.OrInt32}),
		calls(seed, &functions[int32]{0, xatomic.LoadInt32, xatomic.StoreInt32, xatomic.SwapInt32, xatomic.CompareAndSwapInt32, xatomic.AddInt32, xatomic.AndInt32, xatomic.OrInt32}))
	sameAsNative(t, "int64",
		calls(seed, &functions[int64]{0, atomic.LoadInt64, atomic.StoreInt64, atomic.SwapInt64, atomic.CompareAndSwapInt64, atomic.AddInt64, atomic.AndInt64, atomic.OrInt64}),
		calls(seed, &functions[int64]{0, xatomic.LoadInt64, xatomic.StoreInt64, xatomic.SwapInt64, xatomic.CompareAndSwapInt64, xatomic.AddInt64, xatomic.AndInt64, xatomic.OrInt64}))
	sameAsNative(t, "uint32",
		calls(seed, &functions[uint32]{0, atomic.LoadUint32, atomic.StoreUint32, atomic.SwapUint32, atomic.CompareAndSwapUint32, atomic.AddUint32, atomic.AndUint32, atomic.OrUint32}),
		calls(seed, &functions[uint32]{0, xatomic.LoadUint32, xatomic.StoreUint32, xatomic.SwapUint32, xatomic.CompareAndSwapUint32, xatomic.AddUint32, xatomic.AndUint32, xatomic.OrUint32}))
	sameAsNative(t, "uint64",
		calls(seed, &functions[uint64]{0, atomic.LoadUint64, atomic.StoreUint64, atomic.SwapUint64, atomic.CompareAndSwapUint64, atomic.AddUint64, atomic.AndUint64, atomic.OrUint64}),
		calls(seed, &functions[uint64]{0, xatomic.LoadUint64, xatomic.StoreUint64, xatomic.SwapUint64, xatomic.CompareAndSwapUint64, xatomic.AddUint64, xatomic.AndUint64, xatomic.OrUint64}))
	sameAsNative(t, "uintptr",
		calls(seed, &functions[uintptr]{0, atomic.LoadUintptr, atomic.StoreUintptr, atomic.SwapUintptr, atomic.CompareAndSwapUintptr, atomic.AddUintptr, atomic.AndUintptr, atomic.OrUintptr}),
		calls(seed, &functions[uintptr]{0, xatomic.LoadUintptr, xatomic.StoreUintptr, xatomic.SwapUintptr, xatomic.CompareAndSwapUintptr, xatomic.AddUintptr, xatomic.AndUintptr, xatomic.OrUintptr}))
}

type valueLike interface {
	Load() any
	Store(any)
	Swap(any) any
	CompareAndSwap(old, new any) bool
}

// TestValuesAsNative: so does Value, which panics as the original does.
func TestValuesAsNative(t *testing.T) {
	things := []any{nil, 1, 2, "a", 1.5, []int{1}}
	calls := func(seed uint64, x valueLike) func(*said) {
		return func(s *said) {
			rng := rand.New(rand.NewPCG(seed, 1))
			for range 12 {
				a, b := things[rng.IntN(len(things))], things[rng.IntN(len(things))]
				switch rng.IntN(5) {
				case 0:
					s.of("Load", func() string { return fmt.Sprint(x.Load()) })
				case 1:
					s.of(fmt.Sprintf("Store(%v)", a), func() string { x.Store(a); return "" })
				case 2:
					s.of(fmt.Sprintf("Swap(%v)", a), func() string { return fmt.Sprint(x.Swap(a)) })
				default:
					s.of(fmt.Sprintf("CompareAndSwap(%v, %v)", a, b), func() string { return fmt.Sprint(x.CompareAndSwap(a, b)) })
				}
			}
		}
	}
	for seed := range uint64(200) {
		about := fmt.Sprintf("seed %d", seed)
		sameAsNative(t, about, calls(seed, new(atomic.Value)), func(s *said) { calls(seed, new(xatomic.Value))(s) })
	}
}

type mapLike interface {
	Load(key any) (any, bool)
	Store(key, value any)
	LoadOrStore(key, value any) (any, bool)
	LoadAndDelete(key any) (any, bool)
	Delete(key any)
	Swap(key, value any) (any, bool)
	CompareAndSwap(key, old, new any) bool
	CompareAndDelete(key, old any) bool
	Range(func(key, value any) bool)
	Clear()
}

// TestMapsAsNative: and Map, whatever the keys and values.
func TestMapsAsNative(t *testing.T) {
	keys := []any{1, 2, "a", nil, []int{1}}
	values := []any{1, 2, nil, "x"} // a comparison that panics leaves the original locked
	calls := func(seed uint64, m mapLike) func(*said) {
		return func(s *said) {
			rng := rand.New(rand.NewPCG(seed, 2))
			for range 25 {
				k := keys[rng.IntN(len(keys)-rng.IntN(2))]
				v, w := values[rng.IntN(len(values))], values[rng.IntN(len(values))]
				two := func(v any, ok bool) string { return fmt.Sprint(v, ok) }
				switch rng.IntN(10) {
				case 0:
					s.of(fmt.Sprintf("Load(%v)", k), func() string { return two(m.Load(k)) })
				case 1:
					s.of(fmt.Sprintf("Store(%v, %v)", k, v), func() string { m.Store(k, v); return "" })
				case 2:
					s.of(fmt.Sprintf("LoadOrStore(%v, %v)", k, v), func() string { return two(m.LoadOrStore(k, v)) })
				case 3:
					s.of(fmt.Sprintf("LoadAndDelete(%v)", k), func() string { return two(m.LoadAndDelete(k)) })
				case 4:
					s.of(fmt.Sprintf("Delete(%v)", k), func() string { m.Delete(k); return "" })
				case 5:
					s.of(fmt.Sprintf("Swap(%v, %v)", k, v), func() string { return two(m.Swap(k, v)) })
				case 6:
					s.of(fmt.Sprintf("CompareAndSwap(%v, %v, %v)", k, v, w), func() string { return fmt.Sprint(m.CompareAndSwap(k, v, w)) })
				case 7:
					s.of(fmt.Sprintf("CompareAndDelete(%v, %v)", k, v), func() string { return fmt.Sprint(m.CompareAndDelete(k, v)) })
				case 8:
					s.of("Range", func() string {
						all := make(map[any]any) // printed in order of the keys
						m.Range(func(k, v any) bool { all[k] = v; return true })
						return fmt.Sprint(all)
					})
				case 9:
					if rng.IntN(4) == 0 {
						s.of("Clear", func() string { m.Clear(); return "" })
					}
				}
			}
		}
	}
	for seed := range uint64(300) {
		about := fmt.Sprintf("seed %d", seed)
		sameAsNative(t, about, calls(seed, new(sync.Map)), func(s *said) { calls(seed, new(xsync.Map))(s) })
	}
}

type doer interface{ Do(func()) }

// TestOnceAsNative: and Once and what is made of it, when the function panics as well.
func TestOnceAsNative(t *testing.T) {
	once := func(o func() doer) func(*said) {
		return func(s *said) {
			for _, panics := range []bool{false, true} {
				x, n := o(), 0
				for range 3 {
					s.of("Do", func() string {
						x.Do(func() {
							n++
							if panics {
								panic("no")
							}
						})
						return fmt.Sprint(n)
					})
				}
			}
		}
	}
	sameAsNative(t, "Once", once(func() doer { return new(sync.Once) }), once(func() doer { return new(xsync.Once) }))

	funcs := func(f func(func()) func(), v func(func() int) func() int, vs func(func() (int, string)) func() (int, string)) func(*said) {
		return func(s *said) {
			for _, p := range []any{nil, "no", fmt.Errorf("wrong")} {
				n := 0
				count := func() int {
					if n++; p != nil {
						panic(p)
					}
					return n
				}
				f, v, vs := f(func() { count() }), v(count), vs(func() (int, string) { return count(), "x" })
				for range 3 {
					s.of("OnceFunc", func() string { f(); return fmt.Sprint(n) })
					s.of("OnceValue", func() string { return fmt.Sprint(v(), n) })
					s.of("OnceValues", func() string { a, b := vs(); return fmt.Sprint(a, b, n) })
				}
			}
			f, v := f(nil), v(nil)
			for range 2 {
				s.of("OnceFunc(nil)", func() string { f(); return "" })
				s.of("OnceValue(nil)", func() string { v(); return "" })
			}
		}
	}
	sameAsNative(t, "OnceFunc",
		funcs(sync.OnceFunc, sync.OnceValue[int], sync.OnceValues[int, string]),
		funcs(xsync.OnceFunc, xsync.OnceValue[int], xsync.OnceValues[int, string]))
}

type lockLike interface {
	Lock()
	Unlock()
	TryLock() bool
}

type rwLockLike interface {
	lockLike
	RLock()
	RUnlock()
	TryRLock() bool
	RLocker() sync.Locker
}

// TestLocksAsNative: and what locks and groups say to one goroutine.
func TestLocksAsNative(t *testing.T) {
	mutex := func(m lockLike) func(*said) {
		return func(s *said) {
			try := func() string { return fmt.Sprint(m.TryLock()) }
			s.of("TryLock", try)
			s.of("TryLock", try)
			m.Unlock()
			m.Lock()
			s.of("TryLock", try)
			m.Unlock()
			s.of("TryLock", try)
			m.Unlock()
		}
	}
	sameAsNative(t, "Mutex", mutex(new(sync.Mutex)), mutex(new(xsync.Mutex)))
	sameAsNative(t, "RWMutex", mutex(new(sync.RWMutex)), mutex(new(xsync.RWMutex)))
	readers := func(m rwLockLike) func(*said) {
		return func(s *said) {
			lock := func() string { return fmt.Sprint(m.TryLock()) }
			rlock := func() string { return fmt.Sprint(m.TryRLock()) }
			m.RLock()
			s.of("TryRLock", rlock)
			s.of("TryLock", lock)
			m.RUnlock()
			s.of("TryLock", lock)
			m.RLocker().Unlock()
			s.of("TryLock", lock)
			s.of("TryRLock", rlock)
			m.Unlock()
			s.of("TryRLock", rlock)
			m.RLocker().Lock()
			s.of("TryLock", lock)
			m.RUnlock()
			m.RUnlock()
		}
	}
	sameAsNative(t, "RWMutex", readers(new(sync.RWMutex)), readers(new(xsync.RWMutex)))

	group := func(g interface {
		Add(int)
		Done()
		Wait()
	}) func(*said) {
		return func(s *said) {
			g.Wait()
			g.Add(2)
			g.Done()
			g.Add(-1)
			g.Wait()
			s.of("Done", func() string { g.Done(); return "" })
			g.Add(1)
			s.of("Add(-3)", func() string { g.Add(-3); return "" })
		}
	}
	sameAsNative(t, "WaitGroup", func(s *said) { group(new(sync.WaitGroup))(s) }, func(s *said) { group(new(xsync.WaitGroup))(s) })

	pool := func(p interface {
		Get() any
		Put(any)
	}) func(*said) {
		return func(s *said) {
			s.of("Get", func() string { return fmt.Sprint(p.Get()) })
			p.Put(nil)
			s.of("Get", func() string { return fmt.Sprint(p.Get()) })
		}
	}
	sameAsNative(t, "Pool", pool(new(sync.Pool)), pool(new(xsync.Pool)))
	sameAsNative(t, "Pool with New", pool(&sync.Pool{New: func() any { return 7 }}), pool(&xsync.Pool{New: func() any { return 7 }}))
}

// TestChannelsPanicAsNative: and what closed and nil channels do that don't block.
func TestChannelsPanicAsNative(t *testing.T) {
	var want, got said
	c := make(chan int, 2)
	c <- 5
	close(c)
	want.of("close", func() string { close(c); return "" })
	want.of("send", func() string { c <- 1; return "" })
	for range 2 {
		want.of("receive", func() string { v, ok := <-c; return fmt.Sprint(v, ok, len(c), cap(c)) })
	}
	var none chan int
	want.of("close nil", func() string { close(none); return "" })
	want.of("nil", func() string { return fmt.Sprint(len(none), cap(none)) })
	size := -1
	want.of("make", func() string { return fmt.Sprint(make(chan int, size)) })
	explore.Run(t, explore.Options{Search: explore.DFS}, func() {
		got = nil
		c := channel.Make[int](2)
		c.Send(5)
		c.Close()
		got.of("close", func() string { c.Close(); return "" })
		got.of("send", func() string { c.Send(1); return "" })
		for range 2 {
			got.of("receive", func() string { v, ok := c.Receive2(); return fmt.Sprint(v, ok, c.Len(), c.Cap()) })
		}
		var none *channel.Chan[int]
		got.of("close nil", func() string { none.Close(); return "" })
		got.of("nil", func() string { return fmt.Sprint(none.Len(), none.Cap()) })
		got.of("make", func() string { return fmt.Sprint(channel.Make[int](size)) })
	})
	if fmt.Sprint(want) != fmt.Sprint(got) {
		t.Errorf("explored:\n%q\nnatively:\n%q", got, want)
	}
}

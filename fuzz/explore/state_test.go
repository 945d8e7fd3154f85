package explore_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// A changer is two threads that change something in one order or the other and then
// forget how. n counts those that have. state says at the end what is there.
type changer func(n *atomic.Int64) (changes [2]func(), state func() string)

// ends returns in which ways it can end, and for each which of two later threads
// can come first.
func (c changer) ends(t *testing.T, values bool) map[string]bool {
	t.Helper()
	ends := make(map[string]bool)
	s := &explore.Scenario{Name: t.Name(), Make: func(explore.Program) explore.Case {
		var n, x atomic.Int64
		var saw int64
		var wrote bool
		var changes [2]func()
		var state func() string
		k := explore.Case{Values: values, Setup: func() {
			n.Store(0)
			x.Store(0)
			saw, wrote = -1, false
			changes, state = c(&n)
		}}
		for i := range changes {
			k.Threads = append(k.Threads, func() {
				changes[i]()
				explore.Boundary(0)
				n.Add(1)
				explore.Boundary(0)
			})
		}
		k.Threads = append(k.Threads, func() {
			if n.Load() == 2 {
				x.Store(1)
				wrote = true
			}
		}, func() {
			if n.Load() == 2 {
				saw = x.Load()
			}
		})
		k.Finish = func() { ends[fmt.Sprint(state(), " ", wrote, saw)] = true }
		return k
	}}
	r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failure != nil || !r.Exhaustive {
		t.Fatalf("values %v: %+v", values, r)
	}
	return ends
}

// TestStatesAreToldApart: states that differ only in what an object holds, which
// object it is, or what a goroutine will do are not taken for one.
func TestStatesAreToldApart(t *testing.T) {
	// flagged returns threads of which the first does one of two things.
	flagged := func(first, second func()) [2]func() {
		flag := new(atomic.Int64)
		flag.Store(0)
		return [2]func(){
			func() {
				if flag.Load() == 0 {
					first()
				} else {
					second()
				}
			},
			func() { flag.Store(1) },
		}
	}
	for _, c := range []struct {
		name string
		make changer
	}{
		{"Value", func(n *atomic.Int64) ([2]func(), func() string) {
			var v atomic.Value
			v.Store("")
			return [2]func(){func() { v.Store("a") }, func() { v.Store("b") }}, func() string { return v.Load().(string) }
		}},
		{"Map", func(n *atomic.Int64) ([2]func(), func() string) {
			var m sync.Map
			m.Store(0, "")
			return [2]func(){func() { m.Store(0, "a") }, func() { m.Store(0, "b") }}, func() string { v, _ := m.Load(0); return v.(string) }
		}},
		{"Pool", func(n *atomic.Int64) ([2]func(), func() string) {
			p := new(sync.Pool)
			p.Get()
			return [2]func(){func() { p.Put("a") }, func() { p.Put("b") }}, func() string { return fmt.Sprint(p.Get(), p.Get()) }
		}},
		{"Chan", func(n *atomic.Int64) ([2]func(), func() string) {
			ch := channel.Make[string](2)
			ch.Send("")
			ch.Receive()
			return [2]func(){func() { ch.Send("a") }, func() { ch.Send("b") }}, func() string { return ch.Receive() + ch.Receive() }
		}},
		{"variables that Setup doesn't touch", func(n *atomic.Int64) ([2]func(), func() string) {
			var x, y atomic.Int64
			return flagged(func() { x.Store(1) }, func() { y.Store(1) }), func() string { return fmt.Sprint(x.Load(), y.Load()) }
		}},
		{"goroutines", func(n *atomic.Int64) ([2]func(), func() string) {
			y := new(atomic.Int64)
			y.Store(0)
			child := func(k int64) func() {
				return func() {
					explore.Go(func() {
						if n.Load() == 2 {
							y.Store(k)
						}
					})
				}
			}
			return flagged(child(1), child(2)), func() string { return fmt.Sprint(y.Load()) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, got := c.make.ends(t, false), c.make.ends(t, true)
			if len(want) < 4 {
				t.Fatalf("it ends in %v: too few ways to tell anything", slices.Sorted(maps.Keys(want)))
			}
			if !maps.Equal(want, got) {
				t.Errorf("with states it ends in %v, without in %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
		})
	}
}

// TestReplaysCountLikeSearches: a search that comes back to a node counts the points
// without a change of memory as it did when it made the node.
func TestReplaysCountLikeSearches(t *testing.T) {
	s := &explore.Scenario{Name: t.Name(), Make: func(explore.Program) explore.Case {
		var many [600]atomic.Int64
		var own, shared atomic.Int64
		return explore.Case{
			Setup: func() {
				for i := range many {
					many[i].Store(0)
				}
				own.Store(0)
				shared.Store(0)
			},
			Threads: []func(){
				func() {
					shared.Load()
					for i := range many {
						if i == 100 {
							own.Store(1)
						}
						many[i].Load()
					}
					shared.Store(1)
				},
				func() { shared.Store(2); many[590].Store(1); shared.Load() },
			},
		}
	}}
	for _, bound := range []int{0, 1, 2, explore.Unbounded} {
		r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: bound, Executions: 20_000})
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure != nil {
			t.Errorf("bound %d, execution %d: %v", bound, r.Failure.Executions, r.Failure)
		}
	}
}

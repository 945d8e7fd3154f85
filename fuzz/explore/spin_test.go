package explore_test

//lint:file-ignore SA2001 critical sections are empty where only the locking is tested

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/runtime"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// TestWaitersLetWhoGaveWayGoOn: a goroutine that gave way goes on when all others only
// wait for it by reading the same again and again.
func TestWaitersLetWhoGaveWayGoOn(t *testing.T) {
	for name, pause := range map[string]func(){
		"Gosched": runtime.Gosched,
		"Sleep":   func() { time.Sleep(time.Second) },
	} {
		for waiters := 1; waiters <= 2; waiters++ {
			s := &explore.Scenario{Name: name, Make: func(explore.Program) explore.Case {
				var flag atomic.Int64
				c := explore.Case{Setup: func() { flag.Store(0) }}
				for range waiters {
					c.Threads = append(c.Threads, func() {
						for flag.Load() == 0 {
						}
					})
				}
				c.Threads = append(c.Threads, func() { pause(); pause(); flag.Store(1) })
				return c
			}}
			for _, o := range []explore.Options{
				{Search: explore.Random, Executions: 200}, {Search: explore.PCT, Executions: 200},
				{Search: explore.DFS, Bound: explore.Unbounded, Executions: 2000}, {Search: explore.Portfolio, Executions: 500},
			} {
				r, err := explore.Explore(s, o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Failure != nil {
					t.Errorf("%s, %d waiters, %s: %v", name, waiters, o.Search, r.Failure)
				}
			}
		}
	}
}

// TestSpinnersAreDeterministic: programs that read much and change little are no
// riddle to a search that comes back to its nodes.
//
//	r  read 100 words    l  read one word 5 times    w  change it
//	g  give way          s  sleep                    m  lock, read, unlock    p  the same pinned
func TestSpinnersAreDeterministic(t *testing.T) {
	seed := uint64(40)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 150 {
		p := make(explore.Program, 2+rng.IntN(2))
		for i := range p {
			var b strings.Builder
			for range 2 + rng.IntN(4) {
				b.WriteByte("rrllwgsmp"[rng.IntN(9)])
			}
			p[i] = b.String()
		}
		s := &explore.Scenario{Name: t.Name(), Program: p, Make: func(p explore.Program) explore.Case {
			var many [100]atomic.Int64
			var x atomic.Int64
			var mu sync.Mutex
			c := explore.Case{Setup: func() {
				for i := range many {
					many[i].Store(0)
				}
				x.Store(0)
				mu.Lock() // touched, so that it has a number
				mu.Unlock()
			}}
			scan := func() {
				for i := range many {
					many[i].Load()
				}
			}
			for _, ops := range p {
				c.Threads = append(c.Threads, func() {
					for _, op := range ops {
						switch op {
						case 'r':
							scan()
						case 'l':
							for range 5 {
								x.Load()
							}
						case 'w':
							x.Add(1)
						case 'g':
							runtime.Gosched()
						case 's':
							time.Sleep(time.Second)
						case 'm':
							mu.Lock()
							x.Load()
							mu.Unlock()
						case 'p':
							cpu.Pin()
							scan()
							cpu.Unpin()
						}
					}
				})
			}
			return c
		}}
		for _, o := range []explore.Options{
			{Search: explore.DFS, Bound: 2, Executions: 300},
			{Search: explore.DFS, Bound: explore.Unbounded, Executions: 300},
			{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: 300},
		} {
			r, err := explore.Explore(s, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure != nil {
				t.Errorf("seed %d, program %v, %s, bound %d, execution %d: %v", seed, p, o.Search, o.Bound, r.Failure.Executions, r.Failure)
			}
		}
	}
}

package explore_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// passes are n threads that each take and drop a reference of one count by
// compare-and-swap, and nothing else.
func passes(n int) *explore.Scenario {
	return &explore.Scenario{Name: "passes", Make: func(explore.Program) explore.Case {
		var refs atomic.Int64
		var dead bool
		put := func() {
			for {
				v := refs.Load()
				if refs.CompareAndSwap(v, v-1) {
					dead = dead || v == 1
					return
				}
			}
		}
		body := func() {
			for {
				v := refs.Load()
				if v == 0 {
					return
				}
				if refs.CompareAndSwap(v, v+1) {
					put()
					return
				}
			}
		}
		c := explore.Case{
			Setup: func() { refs.Store(1); dead = false },
			Finish: func() {
				if put(); !dead {
					explore.Failf("left")
				}
			},
		}
		for range n {
			c.Threads = append(c.Threads, body)
		}
		return c
	}}
}

// BenchmarkWalk: the random walk over four threads of TryGet and Put, at least 340,000
// executions in a second of CPU time.
func BenchmarkWalk(b *testing.B) {
	benchmarkSearch(b, passes(4), explore.Options{Search: explore.Random, NoRaces: true})
}

// buried is a count whose TryGet adds first and takes back if the count was dead: another
// that comes meanwhile sees it alive. Each thread makes so many pairs of private accesses
// before, among which a search must not lose itself.
func buried(private int) *explore.Scenario {
	return &explore.Scenario{Name: "buried", Make: func(explore.Program) explore.Case {
		var refs atomic.Int64
		var dead bool
		alone := func() {
			var own atomic.Int64
			for range private {
				own.Add(1)
				own.Add(-1)
			}
		}
		put := func() {
			if refs.Add(-1) == 0 {
				dead = true
			}
		}
		tryGet := func() {
			alone()
			if refs.Add(1) == 1 {
				refs.Add(-1)
				return
			}
			if dead {
				explore.Failf("used after its end")
			}
			put()
		}
		return explore.Case{
			Setup:   func() { refs.Store(1); dead = false },
			Threads: []func(){func() { alone(); put() }, tryGet, tryGet},
		}
	}}
}

// TestBuriedIsFound: what lies behind many private accesses is found as soon as without
// them, by the searches that are made for it.
func TestBuriedIsFound(t *testing.T) {
	for _, c := range []struct {
		search explore.Search
		most   int // median of 21 seeds
	}{
		{explore.URW, 10}, {explore.POS, 20}, {explore.Portfolio, 30},
	} {
		for _, private := range []int{0, 25} {
			var found []int
			for seed := range uint64(21) {
				r, err := explore.Explore(buried(private), explore.Options{Search: c.search, Seed: seed, Executions: 10_000, NoShrink: true, NoRaces: true})
				if err != nil || r.Failure == nil {
					t.Fatalf("%s, %d pairs, seed %d: %+v, %v", c.search, private, seed, r, err)
				}
				found = append(found, r.Executions)
			}
			slices.Sort(found)
			t.Logf("%s, %d pairs: median %d, p90 %d", c.search, private, found[10], found[18])
			if found[10] > c.most {
				t.Errorf("%s, %d pairs: found after %d executions, median of 21 seeds, want at most %d", c.search, private, found[10], c.most)
			}
		}
	}
}

// TestEachOrderIsAsLikely: of the 30 orders of the five accesses of three threads the
// uniform walk takes each as often as any other, however many private accesses there are
// between them. The random walk doesn't.
func TestEachOrderIsAsLikely(t *testing.T) {
	const each = 400
	for _, c := range []struct {
		search  explore.Search
		uniform bool
	}{{explore.URW, true}, {explore.Random, false}} {
		taken := make(map[string]int)
		s := &explore.Scenario{Name: "orders", Make: func(explore.Program) explore.Case {
			var n atomic.Int64
			var order strings.Builder
			thread := func(name string, accesses, private int) func() {
				return func() {
					var own atomic.Int64
					for range accesses {
						for range private {
							own.Add(1)
						}
						n.Add(1)
						order.WriteString(name)
					}
				}
			}
			return explore.Case{
				Setup:   func() { n.Store(0); order.Reset() },
				Threads: []func(){thread("a", 1, 0), thread("b", 2, 3), thread("c", 2, 9)},
				Finish:  func() { taken[order.String()]++ },
			}
		}}
		if _, err := explore.Explore(s, explore.Options{Search: c.search, Seed: 1, Executions: 30 * each, NoRaces: true}); err != nil {
			t.Fatal(err)
		}
		least, most := each*30, 0
		for _, n := range taken {
			least, most = min(least, n), max(most, n)
		}
		// The standard deviation of each is 20.
		if uniform := len(taken) == 30 && least > each-100 && most < each+100; uniform != c.uniform {
			t.Errorf("%s: %d orders of 30, each %d to %d times, around %d on average; want about the same %v", c.search, len(taken), least, most, each, c.uniform)
		}
	}
}

// TestEveryInterleaving: with nothing left out, depth-first search of two threads of TryGet
// and Put by compare-and-swap makes as many executions as Relacy's full search of the same
// program does.
func TestEveryInterleaving(t *testing.T) {
	r, err := explore.Explore(passes(2), explore.Options{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: -1})
	if err != nil || r.Failure != nil || !r.Exhaustive {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Executions != 762 {
		t.Errorf("%d executions, want 762", r.Executions)
	}
}

// BenchmarkWalkBy: what other searches take for the same.
func BenchmarkWalkBy(b *testing.B) {
	for _, search := range []explore.Search{explore.URW, explore.POS, explore.PCT} {
		b.Run(string(search), func(b *testing.B) {
			benchmarkSearch(b, passes(4), explore.Options{Search: search, NoRaces: true})
		})
	}
}

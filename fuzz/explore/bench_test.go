package explore_test

import (
	"iter"
	"math"
	"runtime"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// fiftyPoints is four threads that pass 50 points together: per thread six pairs
// of Get and Put on one count, and the start. oracles adds what an arena does:
// a look at the object's flag and a checked plain access to it, at points of
// their own.
func fiftyPoints(oracles bool) *explore.Scenario {
	return &explore.Scenario{
		Name: "fifty points", CPUs: 4,
		Make: func(explore.Program) explore.Case {
			var n atomic.Int64
			var flag bool
			var body int
			bad := 0
			run := func() {
				for range 6 {
					n.Add(1)
					if n.Add(-1) <= 0 {
						bad++
					}
				}
			}
			if oracles {
				run = func() {
					for range 4 {
						n.Add(1)
						explore.Look(&flag)
						if flag {
							explore.Failf("used after release")
						}
						explore.Read(&body)
						if n.Add(-1) <= 0 {
							explore.Failf("died")
						}
					}
				}
			}
			return explore.Case{
				Setup:   func() { n.Store(1); flag = false },
				Threads: []func(){run, run, run, run},
				Finish: func() {
					if n.Add(-1) != 0 || bad != 0 {
						explore.Leakf("count is not zero")
					}
				},
			}
		},
	}
}

func benchmarkSearch(b *testing.B, s *explore.Scenario, o explore.Options) {
	o.Executions = b.N
	b.ReportAllocs()
	r, err := explore.Explore(s, o)
	if err != nil {
		b.Fatal(err)
	}
	if r.Failure != nil {
		b.Fatal(r.Failure.Text())
	}
	b.ReportMetric(float64(r.Executions)/b.Elapsed().Seconds(), "executions/s")
	b.ReportMetric(float64(r.Points)/float64(r.Executions), "points/execution")
}

// BenchmarkPCT: at least 1,000,000 executions a second with the count alone and
// 500,000 with every oracle on, on one core.
func BenchmarkPCT(b *testing.B) {
	for _, depth := range []int{2, 3} {
		name := map[int]string{2: "depth=2", 3: "depth=3"}[depth]
		b.Run(name+"/oracles=none", func(b *testing.B) {
			benchmarkSearch(b, fiftyPoints(false), explore.Options{Search: explore.PCT, Depth: depth, NoRaces: true})
		})
		b.Run(name+"/oracles=all", func(b *testing.B) {
			benchmarkSearch(b, fiftyPoints(true), explore.Options{Search: explore.PCT, Depth: depth})
		})
	}
}

func BenchmarkRandom(b *testing.B) {
	benchmarkSearch(b, fiftyPoints(false), explore.Options{Search: explore.Random, NoRaces: true})
}

// BenchmarkPoint: a point that doesn't switch costs at most 20 ns.
func BenchmarkPoint(b *testing.B) {
	for _, races := range []bool{false, true} {
		name := "oracles=none"
		if races {
			name = "oracles=races"
		}
		b.Run(name, func(b *testing.B) {
			var n atomic.Int64
			s := &explore.Scenario{Name: "points", MaxPoints: math.MaxInt, Make: func(explore.Program) explore.Case {
				return explore.Case{Threads: []func(){func() {
					b.ResetTimer()
					for range b.N {
						n.Add(1)
					}
					b.StopTimer()
				}}}
			}}
			if _, err := explore.Explore(s, explore.Options{Search: explore.PCT, Depth: 1, Executions: 1, NoRaces: !races}); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkSwitch: a point that switches costs at most three times a round trip of
// iter.Pull.
func BenchmarkSwitch(b *testing.B) {
	b.Run("point", func(b *testing.B) {
		var n atomic.Int64
		// The walk switches at about half of the points, so two points
		// make one switch.
		s := &explore.Scenario{Name: "switches", MaxPoints: math.MaxInt, Make: func(explore.Program) explore.Case {
			body := func() {
				for range b.N {
					n.Add(1)
				}
			}
			return explore.Case{Threads: []func(){body, body}}
		}}
		b.ResetTimer()
		if _, err := explore.Explore(s, explore.Options{Search: explore.Random, Executions: 1, NoRaces: true}); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("iter.Pull", func(b *testing.B) {
		next, stop := iter.Pull(func(yield func(int) bool) {
			for yield(0) {
			}
		})
		defer stop()
		for range b.N {
			next()
		}
	})
}

// BenchmarkExhaustive: four threads of TryGet and Put on a count by
// compare-and-swap. Plain depth-first search is stopped at 500,000 executions,
// long before it is through.
func BenchmarkExhaustive(b *testing.B) {
	for range b.N {
		s := counted("compare and swap", newCount[allCAS], "t p", "t p", "t p", "t p")
		r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: -1, NoRaces: true})
		if err != nil || !r.Exhaustive {
			b.Fatal(err, r)
		}
		b.ReportMetric(float64(r.Executions), "executions")
		p, err := explore.Explore(s, explore.Options{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: 500_000, NoRaces: true})
		if err != nil || p.Failure != nil {
			b.Fatal(err, p)
		}
		b.ReportMetric(float64(p.Executions), "plain-executions")
	}
}

// TestNoAllocation: an execution allocates nothing once the engine is warm.
func TestNoAllocation(t *testing.T) {
	for _, o := range []explore.Options{
		{Search: explore.Random}, {Search: explore.PCT}, {Search: explore.DFS, Bound: 3},
	} {
		allocated := func(n int) uint64 {
			o.Executions = n
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := explore.Explore(fiftyPoints(true), o); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			return after.Mallocs - before.Mallocs
		}
		allocated(100)
		few, many := allocated(2000), allocated(22_000)
		// The runtime itself allocates now and then.
		if many > few+50 {
			t.Errorf("%s: 20,000 more executions made %d more allocations, want none", o.Search, many-few)
		}
	}
}

// TestReductionFactor: depth-first search of four threads of TryGet and Put needs
// at most a tenth of the executions that plain depth-first search needs.
func TestReductionFactor(t *testing.T) {
	s := counted("compare and swap", newCount[allCAS], "t p", "t p", "t p", "t p")
	r, err := explore.Explore(s, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Exhaustive {
		t.Fatalf("not exhausted in %d executions", r.Executions)
	}
	limit := 10 * r.Executions
	p, err := explore.Explore(s, explore.Options{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: limit, NoRaces: true})
	if err != nil {
		t.Fatal(err)
	}
	if p.Exhaustive {
		t.Errorf("plain depth-first search needs %d executions, with reductions %d: want ten times fewer", p.Executions, r.Executions)
	}
	t.Logf("%d executions with reductions in %.3f s; plain search is not through after %d", r.Executions, r.Seconds, p.Executions)
}

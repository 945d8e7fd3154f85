package explore_test

import (
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

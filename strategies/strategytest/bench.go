package strategytest

import (
	"fmt"
	"testing"

	"github.com/refbench/refbench/strategies"
)

// Benchmark measures pairs of Get or TryGet and Put as sub-benchmarks: on one
// count shared by all goroutines, and on a count for each. It calls through an
// interface, which costs some nanoseconds a pair, and says so in the names; it
// is there to compare a strategy with itself. For one that is fast enough for
// that cost to matter, generate its own loops.
func Benchmark(b *testing.B, s *strategies.Strategy) {
	b.Helper()
	validate(b, s)
	pairs := []struct {
		name string
		run  func(c strategies.Counter)
	}{
		{"getput", func(c strategies.Counter) { c.Get(); c.Put() }},
		{"trygetput", func(c strategies.Counter) {
			if c.TryGet() {
				c.Put()
			}
		}},
	}
	for _, pair := range pairs {
		for _, objects := range []string{"shared", "private"} {
			b.Run(fmt.Sprintf("pair=%s/objects=%s/strategy=%s/dispatch=generic", pair.name, objects, s.Name), func(b *testing.B) {
				b.ReportAllocs()
				shared := newPadded(s)
				b.RunParallel(func(pb *testing.PB) {
					c := shared
					if objects == "private" {
						c = newPadded(s)
					}
					for pb.Next() {
						pair.run(c)
					}
				})
			})
		}
	}
}

// newPadded returns a live count that shares no cache line with another one of
// its kind: what New allocates lies side by side with what it allocated before.
func newPadded(s *strategies.Strategy) strategies.Counter {
	const line = 128
	n := 1 + line/s.Promise.Bytes
	between := make([]strategies.Counter, 2*n)
	for i := range between {
		between[i] = s.New()
	}
	c := between[n]
	c.Init()
	return c
}

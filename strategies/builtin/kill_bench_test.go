package builtin_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
)

// BenchmarkKill measures Kill of counts that detect zero after it, alone and while another
// goroutine takes and drops references to another count of the kind: it is what a barrier, or
// the search for all words, costs. Kill is called through an interface.
func BenchmarkKill(b *testing.B) {
	for _, s := range builtin.All() {
		if s.Promise.Zero != strategies.AfterKill {
			continue
		}
		for _, others := range []string{"none", "one"} {
			b.Run("strategy="+s.Name+"/others="+others, func(b *testing.B) {
				var stop atomic.Bool
				var wg sync.WaitGroup
				if others == "one" {
					c := s.New()
					c.Init()
					wg.Go(func() {
						for !stop.Load() {
							for range 64 {
								c.Get()
								c.Put()
							}
						}
					})
				}
				c := s.New()
				var killing time.Duration
				for b.Loop() {
					c.Init()
					c.Get()
					begin := time.Now()
					c.Kill()
					killing += time.Since(begin)
					c.Put()
				}
				stop.Store(true)
				wg.Wait()
				b.ReportMetric(float64(killing)/float64(b.N), "ns/Kill")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

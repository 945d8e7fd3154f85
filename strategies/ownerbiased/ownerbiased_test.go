package ownerbiased_test

import (
	"sync"
	"testing"

	"github.com/refbench/refbench/strategies/ownerbiased"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, ownerbiased.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, ownerbiased.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, ownerbiased.Strategy) }

// An immortal count never dies, wherever its references are dropped, and whoever was about
// to merge it.
func TestImmortal(t *testing.T) {
	for life := range 500 {
		var c ownerbiased.Count
		c.Init()
		c.Get()
		var wg sync.WaitGroup
		for range 4 {
			c.Get()
			wg.Go(func() {
				for range 3 {
					c.Get()
					if c.Put() || !c.TryGet() || c.Put() {
						t.Errorf("life %d: dead while references are held", life)
					}
				}
				if c.Put() {
					t.Errorf("life %d: a Put is the last, while another reference is held", life)
				}
			})
		}
		c.Immortalize()
		wg.Wait()
		for range 4 {
			if c.Put() || c.Kill() || !c.TryGet() {
				t.Fatalf("life %d: an immortal count dies", life)
			}
		}
	}
}

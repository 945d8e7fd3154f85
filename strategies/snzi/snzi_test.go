package snzi_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/strategies/snzi"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, snzi.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, snzi.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, snzi.Strategy) }

// Where there are so many Ps that nodes are between leaves and root, one drop of each life is
// the last, and nothing is left that would let the next life die too early or never.
func TestTreesOfManyLeaves(t *testing.T) {
	const cpus, workers, lives = 20, 6, 300
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cpus))
	var c snzi.Count
	for life := range lives {
		c.Init()
		var last atomic.Int64
		told := func(is bool) {
			if is {
				last.Add(1)
			}
		}
		var wg sync.WaitGroup
		for range workers {
			c.Get()
			wg.Go(func() {
				for range 20 {
					if c.TryGet() {
						runtime.Gosched()
						told(c.Put())
					}
				}
				told(c.Put())
			})
		}
		told(c.Kill())
		wg.Wait()
		if last.Load() != 1 || c.Count() != 0 || c.TryGet() {
			t.Fatalf("life %d: %d drops were the last, and %d references are left, want 1 and 0", life, last.Load(), c.Count())
		}
	}
}

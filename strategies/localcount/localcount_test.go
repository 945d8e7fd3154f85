package localcount_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/strategies/localcount"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, localcount.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, localcount.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, localcount.Strategy) }

// Kill returns when the last has left, wherever references were taken and dropped, and
// nobody gets in after that.
func TestKillWaitsForAll(t *testing.T) {
	var c localcount.Count
	for life := range 200 {
		c.Init()
		var inside atomic.Int64
		var workers sync.WaitGroup
		begun := make(chan struct{}, 4)
		for range 4 {
			workers.Go(func() {
				handed := make(chan struct{}, 64)
				var droppers sync.WaitGroup
				droppers.Go(func() {
					for range handed {
						inside.Add(-1)
						c.Put()
					}
				})
				for i := 0; c.TryGet(); i++ {
					c.Get()
					inside.Add(1)
					c.Put()
					handed <- struct{}{}
					if i == 0 {
						begun <- struct{}{}
					}
				}
				close(handed)
				droppers.Wait()
			})
		}
		<-begun
		if !c.Kill() {
			t.Fatal("Kill reports false")
		}
		if n := inside.Load(); n != 0 || c.TryGet() || c.Count() != 0 {
			t.Fatalf("life %d: Kill is over: %d are inside, TryGet or Count says that the count lives", life, n)
		}
		workers.Wait()
	}
}

// A drop too many isn't seen before Kill, which doesn't wait for nobody then.
func TestKillSeesADropTooMany(t *testing.T) {
	var c localcount.Count
	c.Init()
	c.Put()
	defer func() {
		if recover() == nil {
			t.Error("Kill doesn't panic")
		}
	}()
	c.Kill()
}

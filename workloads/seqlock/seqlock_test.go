package seqlock_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/workloads/seqlock"
)

// torn lets a writer keep two fields equal under the lock while readers look, and
// returns how many looks found them different. check is the reader's Retry.
func torn(check func(l *seqlock.Lock, seq uint32) bool) (n int64) {
	var l seqlock.Lock
	var a, b atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	var found atomic.Int64
	for range 2 {
		wg.Go(func() {
			for !stop.Load() {
				var x, y int64
				for {
					seq := l.Begin()
					x = a.Load()
					runtime.Gosched()
					y = b.Load()
					if !check(&l, seq) {
						break
					}
				}
				if x != y {
					found.Add(1)
				}
			}
		})
	}
	var writers sync.WaitGroup
	for range 2 { // writers exclude each other
		writers.Go(func() {
			for i := range 20_000 {
				l.Lock()
				v := a.Load() + int64(i)
				a.Store(v)
				b.Store(v)
				l.Unlock()
				if i%16 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	wg.Wait()
	return found.Load()
}

func TestReadersNeverSeeHalfAChange(t *testing.T) {
	if n := torn((*seqlock.Lock).Retry); n > 0 {
		t.Errorf("%d looks saw half a change", n)
	}
}

func TestWithoutRetryReadersSeeHalfAChange(t *testing.T) {
	for range 20 {
		if torn(func(*seqlock.Lock, uint32) bool { return false }) > 0 {
			return
		}
	}
	t.Error("no look saw half a change without Retry either: the test sees nothing")
}

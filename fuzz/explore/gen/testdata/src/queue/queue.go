// Package queue uses everything that the generator changes.
package queue

import (
	"errors"
	"runtime"
	s "sync"
	"time"

	"github.com/refbench/refbench/fuzz/explore/gen/testdata/src/queue/internal/count"
)

// ErrTimeout is what Wait returns.
var ErrTimeout = errors.New("timeout")

type item struct {
	value int
	done  chan struct{}
}

// A Queue adds numbers in goroutines of its own.
type Queue struct {
	mu    s.Mutex
	in    chan item
	total count.Count
	torn  bool
	hooks []chan<- int
}

// New starts workers.
func New(workers int, torn bool) *Queue {
	q := &Queue{in: make(chan item, workers), torn: torn}
	for i := 0; i < workers; i++ {
		go q.work(i, nil, 1<<3)
	}
	return q
}

// work is started with arguments that have no type of their own.
func (q *Queue) work(id int, err error, scale int64) {
	_ = err
	for it := range q.in { // until closed
		q.total.Add(int64(it.value)*scale/8, q.torn)
		if len(q.in) > cap(q.in) {
			panic("more than there is room for")
		}
		it.done <- struct{}{}
	}
}

// Add adds and waits.
func (q *Queue) Add(values ...int) {
	var wg s.WaitGroup
	for _, v := range values {
		wg.Add(1)
		go func() {
			defer wg.Done()
			done := make(chan struct{})
			q.in <- item{v, done}
			<-done
		}()
	}
	wg.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range q.hooks {
		h <- int(q.total.Load())
	}
}

// Close stops the workers.
func (q *Queue) Close() int64 {
	close(q.in)
	if _, ok := <-q.in; ok {
		runtime.Gosched()
	}
	return q.total.Load()
}

// Hook returns a channel of channels for the next sum.
func (q *Queue) Hook() <-chan (<-chan int) {
	c := make(chan int, 1)
	cc := make(chan (<-chan int), uint8(1))
	q.hooks = append(q.hooks, c)
	cc <- c
	return cc
}

// Later calls f after d, with what it is given.
func Later(d time.Duration, f func(...any), args ...any) {
	go f(args...)
	<-time.After(d)
	v := <-(<-New(1, false).Hook())
	_ = v
}

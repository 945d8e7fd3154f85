// Package pool keeps things to be used again.
package pool

import (
	"errors"
	"sync"
	"sync/atomic"
)

// ErrClosed is returned once the pool is closed.
var ErrClosed = errors.New("pool is closed")

// A Pool hands out at most a number of things at a time.
type Pool struct {
	mu     sync.Mutex
	idle   chan int
	closed atomic.Bool
}

// New returns a pool of n things.
func New(n int) *Pool {
	p := &Pool{idle: make(chan int, n)}
	for i := range n {
		p.idle <- i
	}
	return p
}

// Get takes a thing. It waits until there is one.
func (p *Pool) Get() (int, error) {
	x, ok := <-p.idle
	if !ok {
		return 0, ErrClosed
	}
	return x, nil
}

// Put gives a thing back. It may find the pool open, and be late.
func (p *Pool) Put(x int) {
	if p.closed.Load() {
		return
	}
	p.idle <- x
}

// Close closes the pool.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed.Swap(true) {
		close(p.idle)
	}
}

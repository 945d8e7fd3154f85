// Package poller is written as many services are: a goroutine with a ticker that works
// until its context is canceled.
package poller

import (
	"context"
	"sync/atomic"
	"time"
)

// A Poller adds up numbers and publishes the sum now and then.
type Poller struct {
	in     chan int
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	sum    atomic.Int64
	hasty  bool
}

// New starts a Poller. A hasty one ends without publishing what it has.
func New(ctx context.Context, every time.Duration, hasty bool) *Poller {
	p := &Poller{in: make(chan int), done: make(chan struct{}), hasty: hasty}
	p.ctx, p.cancel = context.WithCancel(ctx)
	go p.run(every)
	return p
}

func (p *Poller) run(every time.Duration) {
	defer close(p.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	pending := 0
	publish := func() {
		p.sum.Add(int64(pending))
		pending = 0
	}
	for {
		select {
		case v := <-p.in:
			pending += v
		case <-tick.C:
			publish()
		case <-p.ctx.Done():
			if !p.hasty {
				publish()
			}
			return
		}
	}
}

// Add adds v, unless the Poller is closed or it takes too long.
func (p *Poller) Add(v int, within time.Duration) error {
	ctx, cancel := context.WithTimeout(p.ctx, within)
	defer cancel()
	select {
	case p.in <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the Poller and returns the sum.
func (p *Poller) Close() int {
	p.cancel()
	<-p.done
	return int(p.sum.Load())
}

// Package grpcbuffer makes a strategy of the reference count of gRPC's mem.Buffer
// (google.golang.org/grpc/mem, buffers.go): Ref and Free, a number of 32 bits, and a pool
// that gets the bytes back with the last Free. It has no TryRef, so a weak reference is
// looked up under a lock, which is the adapter's. So is that misuse is refused: gRPC panics,
// but a buffer that was freed is another one's as soon as gRPC's pool hands it out again.
package grpcbuffer

import (
	"math"
	"sync"
	"unsafe"

	"google.golang.org/grpc/mem"

	"github.com/refbench/refbench/strategies"
)

// Strategy is gRPC's buffer under a lock for lookups.
var Strategy = &strategies.Strategy{
	Name: "grpcbuffer",
	Doc:  "mem.Buffer of gRPC, looked up under a lock",
	New:  func() strategies.Counter { return new(Count) },
	Promise: strategies.Promise{
		Limit:       math.MaxInt32,
		Width:       32,
		Overflow:    strategies.Panics,
		Underflow:   strategies.Refuses, // the adapter's
		GetOnZero:   strategies.Refuses, // the adapter's
		Zero:        strategies.Immediate,
		TryGet:      strategies.Exact,
		Count:       strategies.None,
		Progress:    strategies.Blocking,
		Bytes:       int(unsafe.Sizeof(Count{})) + bufferBytes + dataBytes,
		GracePeriod: true, // the last Put unlocks after the count is dead
	},
}

const (
	// dataBytes is more than what gRPC takes for too small to count (1 KiB).
	dataBytes = 2048
	// bufferBytes is what gRPC's own object takes, at most.
	bufferBytes = 128
)

// A Count is a buffer that is counted, and the lock under which all of it is used.
type Count struct {
	mu     sync.Mutex
	buffer mem.Buffer
	data   []byte
	dead   bool
	freed  bool // the pool has got the bytes back
}

// Get is the pool's: gRPC asks for no bytes here.
func (p *pool) Get(int) *[]byte { return &p.data }

// Put gets the bytes of the last reference back.
func (p *pool) Put(*[]byte) { p.freed = true }

// A pool is the count, as mem.BufferPool sees it.
type pool Count

// Init starts a life with the owner's reference.
func (c *Count) Init() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.data == nil {
		c.data = make([]byte, dataBytes)
	}
	c.buffer = mem.NewBuffer(&c.data, (*pool)(c))
	c.freed = false
	c.dead = false
}

// Get takes a reference. Who holds one would need no lock, if nobody ever dropped too many.
func (c *Count) Get() { c.TryGet() }

// TryGet takes a reference unless the count is dead, and reports whether it did.
func (c *Count) TryGet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return false
	}
	c.buffer.Ref()
	return true
}

// Put drops a reference and reports whether it was the last: then the pool has the bytes.
func (c *Count) Put() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return false
	}
	c.buffer.Free()
	if !c.freed {
		return false
	}
	c.dead = true
	return true
}

// Kill drops the owner's reference and reports whether it was the last.
func (c *Count) Kill() bool { return c.Put() }

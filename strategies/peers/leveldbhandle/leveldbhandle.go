// Package leveldbhandle makes a strategy of the handles of goleveldb's cache
// (github.com/syndtr/goleveldb/leveldb/cache). What is counted is a node of the cache: the
// least-recently-used list holds a reference until the node is deleted, which is what Kill
// does, and each handle holds one. A weak reference is the key: Get without a function that
// makes a value finds a node or doesn't.
//
// A handle is an object of its own, where references have none. So the adapter keeps the
// handles that were taken, under a lock of its own, and a drop releases any of them.
package leveldbhandle

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/syndtr/goleveldb/leveldb/cache"

	"github.com/refbench/refbench/strategies"
)

// Strategy is a node of goleveldb's cache.
var Strategy = &strategies.Strategy{
	Name: "leveldbhandle",
	Doc:  "handles of goleveldb's cache, deleted by Kill",
	New:  func() strategies.Counter { return new(Count) },
	Promise: strategies.Promise{
		Limit:    math.MaxInt32,
		Overflow: strategies.Wraps,
		// Nothing is promised of a drop too many, hence no Width: a handle is released once
		// only, and the adapter would take that of another.
		Underflow:   strategies.Wraps,
		GetOnZero:   strategies.Refuses, // nothing is found
		Zero:        strategies.Immediate,
		TryGet:      strategies.Exact,
		Count:       strategies.None,
		Progress:    strategies.Blocking,
		Bytes:       cacheBytes,
		GracePeriod: true, // a release unlocks the cache after the value is gone
	},
}

// cacheBytes is what a cache with one node and a few handles takes, at most.
const cacheBytes = 4096

// A Count is a cache with one key.
type Count struct {
	cache *cache.Cache
	gone  atomic.Bool // the value was released, and nobody was told

	mu      sync.Mutex
	listed  bool // the list holds a reference
	handles []*cache.Handle
}

// A value is what the cache holds: it is told of the last reference.
type value struct{ c *Count }

// Release is called by the cache, once.
func (v *value) Release() { v.c.gone.Store(true) }

// Init starts a life with the owner's reference, which is the list's.
func (c *Count) Init() {
	if c.cache == nil {
		c.cache = cache.NewCache(cache.NewLRU(1))
	}
	c.handles, c.listed = nil, true
	c.cache.Get(0, 0, func() (int, cache.Value) { return 1, &value{c} }).Release()
}

// Get takes a reference.
func (c *Count) Get() { c.TryGet() }

// TryGet takes a reference unless the node is gone, and reports whether it did.
func (c *Count) TryGet() bool {
	h := c.cache.Get(0, 0, nil)
	if h == nil {
		return false
	}
	c.mu.Lock()
	c.handles = append(c.handles, h)
	c.mu.Unlock()
	return true
}

// Put drops a reference and reports whether the value is released. Of two that end at once
// the other one may be told.
func (c *Count) Put() bool { return c.drop(false) }

// Kill deletes the node: the list drops its reference.
func (c *Count) Kill() bool { return c.drop(true) }

// drop drops the owner's reference, or that of a handle; if there is none, the other.
func (c *Count) drop(owner bool) bool {
	c.mu.Lock()
	n := len(c.handles)
	if !c.listed && n == 0 {
		c.mu.Unlock()
		return false
	}
	if c.listed && (owner || n == 0) {
		c.listed = false
		c.mu.Unlock()
		c.cache.Delete(0, 0, nil)
		return c.last()
	}
	h := c.handles[n-1]
	c.handles = c.handles[:n-1]
	c.mu.Unlock()
	h.Release()
	return c.last()
}

func (c *Count) last() bool { return c.gone.Load() && c.gone.CompareAndSwap(true, false) }

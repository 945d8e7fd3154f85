// Package count counts.
package count

import "sync/atomic"

// A Count is a number.
type Count struct{ n atomic.Int64 }

// Add adds d in two steps if torn, or in one.
func (c *Count) Add(d int64, torn bool) {
	if torn {
		c.n.Store(c.n.Load() + d)
		return
	}
	c.n.Add(d)
}

// Load returns the number.
func (c *Count) Load() int64 { return c.n.Load() }

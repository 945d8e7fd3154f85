//go:build !amd64 || race

package pin

import "sync/atomic"

// Plain reports whether words are plain memory, so that Barrier is needed.
const Plain = false

// A Word is an integer that one P writes and anybody reads. The zero Word is 0.
// On 32-bit platforms it relies on atomic.Int64 being aligned to 8 bytes, which
// the compiler guarantees.
type Word struct{ v atomic.Int64 }

// Load returns the value.
func (w *Word) Load() int64 { return w.v.Load() }

// Store sets the value. The caller is pinned to the P that owns the word.
func (w *Word) Store(v int64) { w.v.Store(v) }

//go:build amd64 && !race

package pin

import "sync/atomic"

// Plain reports whether words are plain memory, so that Barrier is needed.
const Plain = true

// A Word is an integer that one P writes and anybody reads. The zero Word is 0.
// It is 8 bytes; amd64 reads and writes it in one piece where it is aligned to
// 8 bytes, and the compiler aligns it so.
type Word struct{ v int64 }

// Load returns the value. It is the same instruction as a plain load, but one
// that the compiler doesn't move out of a loop.
func (w *Word) Load() int64 { return atomic.LoadInt64(&w.v) }

// Store sets the value. The caller is pinned to the P that owns the word.
func (w *Word) Store(v int64) { w.v = v }

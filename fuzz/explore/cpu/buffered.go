package cpu

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// A Buffered is an integer that is stored to plainly, on a machine where such stores wait in a
// buffer before others see them (amd64): a thread's store becomes visible at any time before its
// next step that isn't a load, and [Barrier] makes those of all threads visible. The thread
// itself sees it at once. Stores of one thread become visible in their order. So of
//
//	a.Store(1)     b.Store(1)
//	b.Load()       a.Load()
//
// both loads may find 0.
//
// A buffer has room for one store here, and another thread finds what was there before it once at
// most: each execution is one that the machine can have, but not all of those are tried.
//
// Its zero value is 0.
type Buffered struct{ w engine.Buffered }

// Load returns the value, or what it was before another thread's store.
func (b *Buffered) Load() int64 {
	if e := engine.Current; e != nil {
		return e.LoadBuffered(&b.w)
	}
	return b.w.Value()
}

// Store sets the value.
func (b *Buffered) Store(v int64) {
	if e := engine.Current; e != nil {
		e.StoreBuffered(&b.w, v)
		return
	}
	b.w.Set(v)
}

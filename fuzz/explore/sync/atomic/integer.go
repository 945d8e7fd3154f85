package atomic

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// The integer types.
type (
	Int32   = Integer[int32]
	Int64   = Integer[int64]
	Uint32  = Integer[uint32]
	Uint64  = Integer[uint64]
	Uintptr = Integer[uintptr]
)

// An Integer is an atomic integer. Its zero value is 0.
type Integer[T int32 | int64 | uint32 | uint64 | uintptr] struct {
	v T
	m engine.Meta
}

// Load returns the value.
func (x *Integer[T]) Load() T {
	e := engine.Current
	if e == nil {
		return x.v
	}
	e.Before(engine.OpLoad, &x.m)
	if e.Noting() {
		v := uint64(x.v)
		e.After(&x.m, engine.Access{Kind: engine.OpLoad, Old: v, New: v, Seen: v})
	}
	return x.v
}

// Store sets the value.
func (x *Integer[T]) Store(val T) {
	e := engine.Current
	if e == nil {
		x.v = val
		return
	}
	e.Before(engine.OpStore, &x.m)
	old := x.v
	x.v = val
	e.Writes++
	if e.Noting() {
		e.After(&x.m, engine.Access{Kind: engine.OpStore, Old: uint64(old), New: uint64(val), Wrote: true})
	}
}

// Swap sets the value and returns the old one.
func (x *Integer[T]) Swap(new T) (old T) {
	e := engine.Current
	if e == nil {
		old, x.v = x.v, new
		return old
	}
	e.Before(engine.OpSwap, &x.m)
	return x.update(e, engine.OpSwap, new)
}

// CompareAndSwap sets the value to new if it is old, and reports whether it did.
func (x *Integer[T]) CompareAndSwap(old, new T) (swapped bool) {
	e := engine.Current
	if e == nil {
		if x.v != old {
			return false
		}
		x.v = new
		return true
	}
	e.Before(engine.OpCAS, &x.m)
	if x.v != old {
		if e.Noting() {
			v := uint64(x.v)
			e.After(&x.m, engine.Access{Kind: engine.OpCAS, Old: v, New: v})
		}
		return false
	}
	x.v = new
	e.Writes++
	if e.Noting() {
		e.After(&x.m, engine.Access{Kind: engine.OpCAS, Old: uint64(old), New: uint64(new), Seen: 1, Wrote: true})
	}
	return true
}

// Add adds delta and returns the new value.
func (x *Integer[T]) Add(delta T) (new T) {
	e := engine.Current
	if e == nil {
		x.v += delta
		return x.v
	}
	e.Before(engine.OpAdd, &x.m)
	old := x.v
	new = old + delta
	x.v = new
	e.Writes++
	if e.Noting() {
		e.After(&x.m, engine.Access{Kind: engine.OpAdd, Old: uint64(old), New: uint64(new), Seen: uint64(new), Wrote: true})
	}
	return new
}

// And sets the value to its bitwise AND with mask and returns the old value.
func (x *Integer[T]) And(mask T) (old T) {
	e := engine.Current
	if e == nil {
		old = x.v
		x.v &= mask
		return old
	}
	e.Before(engine.OpAnd, &x.m)
	return x.update(e, engine.OpAnd, x.v&mask)
}

// Or sets the value to its bitwise OR with mask and returns the old value.
func (x *Integer[T]) Or(mask T) (old T) {
	e := engine.Current
	if e == nil {
		old = x.v
		x.v |= mask
		return old
	}
	e.Before(engine.OpOr, &x.m)
	return x.update(e, engine.OpOr, x.v|mask)
}

func (x *Integer[T]) update(e *engine.Engine, k engine.OpKind, new T) (old T) {
	old = x.v
	x.v = new
	e.Writes++
	if e.Noting() {
		e.After(&x.m, engine.Access{Kind: k, Old: uint64(old), New: uint64(new), Seen: uint64(old), Wrote: true})
	}
	return old
}

// A Bool is an atomic boolean. Its zero value is false.
type Bool struct{ x Uint32 }

// Load returns the value.
func (b *Bool) Load() bool { return b.x.Load() != 0 }

// Store sets the value.
func (b *Bool) Store(val bool) { b.x.Store(bit(val)) }

// Swap sets the value and returns the old one.
func (b *Bool) Swap(new bool) (old bool) { return b.x.Swap(bit(new)) != 0 }

// CompareAndSwap sets the value to new if it is old, and reports whether it did.
func (b *Bool) CompareAndSwap(old, new bool) (swapped bool) {
	return b.x.CompareAndSwap(bit(old), bit(new))
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

package atomic

import (
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A Pointer is an atomic pointer of type *T. Its zero value is nil.
type Pointer[T any] struct {
	// As in sync/atomic: mention *T, so that Pointer[T] and Pointer[U] do
	// not convert into each other.
	_ [0]*T
	m engine.Meta
	v *T
}

func id(e *engine.Engine, p unsafe.Pointer) uint64 { return e.PointerID(p) }

// Load returns the pointer.
func (x *Pointer[T]) Load() *T {
	e := engine.Current
	if e == nil {
		return x.v
	}
	e.Before(engine.OpLoad, &x.m)
	if e.Noting() {
		v := id(e, unsafe.Pointer(x.v))
		e.After(&x.m, engine.Access{Pointer: true, Kind: engine.OpLoad, Old: v, New: v, Seen: v})
	}
	return x.v
}

// Store sets the pointer.
func (x *Pointer[T]) Store(val *T) {
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
		e.After(&x.m, engine.Access{Pointer: true, Kind: engine.OpStore, Old: id(e, unsafe.Pointer(old)), New: id(e, unsafe.Pointer(val)), Wrote: true})
	}
}

// Swap sets the pointer and returns the old one.
func (x *Pointer[T]) Swap(new *T) (old *T) {
	e := engine.Current
	if e == nil {
		old, x.v = x.v, new
		return old
	}
	e.Before(engine.OpSwap, &x.m)
	old = x.v
	x.v = new
	e.Writes++
	if e.Noting() {
		o := id(e, unsafe.Pointer(old))
		e.After(&x.m, engine.Access{Pointer: true, Kind: engine.OpSwap, Old: o, New: id(e, unsafe.Pointer(new)), Seen: o, Wrote: true})
	}
	return old
}

// CompareAndSwap sets the pointer to new if it is old, and reports whether it
// did.
func (x *Pointer[T]) CompareAndSwap(old, new *T) (swapped bool) {
	e := engine.Current
	if e == nil {
		if x.v != old {
			return false
		}
		x.v = new
		return true
	}
	e.Before(engine.OpCAS, &x.m)
	was := x.v
	swapped = was == old
	if swapped {
		x.v = new
		e.Writes++
	}
	if e.Noting() {
		a := engine.Access{Pointer: true, Kind: engine.OpCAS, Old: id(e, unsafe.Pointer(was)), New: id(e, unsafe.Pointer(x.v)), Wrote: swapped}
		if swapped {
			a.Seen = 1
		}
		e.After(&x.m, a)
	}
	return swapped
}

// The functions on an unsafe.Pointer.

// LoadPointer returns *addr.
func LoadPointer(addr *unsafe.Pointer) (val unsafe.Pointer) {
	e := engine.Current
	if e == nil {
		return *addr
	}
	e.BeforeAddr(engine.OpLoad, unsafe.Pointer(addr))
	if e.Noting() {
		v := id(e, *addr)
		e.AfterAddr(unsafe.Pointer(addr), engine.Access{Pointer: true, Kind: engine.OpLoad, Old: v, New: v, Seen: v})
	}
	return *addr
}

// StorePointer sets *addr.
func StorePointer(addr *unsafe.Pointer, val unsafe.Pointer) {
	e := engine.Current
	if e == nil {
		*addr = val
		return
	}
	e.BeforeAddr(engine.OpStore, unsafe.Pointer(addr))
	old := *addr
	*addr = val
	e.Writes++
	if e.Noting() {
		e.AfterAddr(unsafe.Pointer(addr), engine.Access{Pointer: true, Kind: engine.OpStore, Old: id(e, old), New: id(e, val), Wrote: true})
	}
}

// SwapPointer sets *addr and returns its old value.
func SwapPointer(addr *unsafe.Pointer, new unsafe.Pointer) (old unsafe.Pointer) {
	e := engine.Current
	if e == nil {
		old, *addr = *addr, new
		return old
	}
	e.BeforeAddr(engine.OpSwap, unsafe.Pointer(addr))
	old = *addr
	*addr = new
	e.Writes++
	if e.Noting() {
		o := id(e, old)
		e.AfterAddr(unsafe.Pointer(addr), engine.Access{Pointer: true, Kind: engine.OpSwap, Old: o, New: id(e, new), Seen: o, Wrote: true})
	}
	return old
}

// CompareAndSwapPointer sets *addr to new if it is old, and reports whether it
// did.
func CompareAndSwapPointer(addr *unsafe.Pointer, old, new unsafe.Pointer) (swapped bool) {
	e := engine.Current
	if e == nil {
		if *addr != old {
			return false
		}
		*addr = new
		return true
	}
	e.BeforeAddr(engine.OpCAS, unsafe.Pointer(addr))
	was := *addr
	swapped = was == old
	if swapped {
		*addr = new
		e.Writes++
	}
	if e.Noting() {
		a := engine.Access{Pointer: true, Kind: engine.OpCAS, Old: id(e, was), New: id(e, *addr), Wrote: swapped}
		if swapped {
			a.Seen = 1
		}
		e.AfterAddr(unsafe.Pointer(addr), a)
	}
	return swapped
}

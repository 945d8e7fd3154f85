package atomic

import (
	"reflect"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A Value is an atomic variable of any one type. Its zero value is nil.
type Value struct {
	v any
	m engine.Meta
	n uint64 // what stands for the value in the state
}

func notNil(op string, new any) {
	if new == nil {
		panic("sync/atomic: " + op + " of nil value into Value")
	}
}

// check is part of the step that stores: another goroutine may have stored the first
// value just before.
func (x *Value) check(op string, new any) {
	if x.v != nil && reflect.TypeOf(x.v) != reflect.TypeOf(new) {
		panic("sync/atomic: " + op + " of inconsistently typed value into Value")
	}
}

func (x *Value) access(k engine.OpKind) *engine.Engine {
	e := engine.Current
	if e != nil {
		e.Before(k, &x.m)
	}
	return e
}

func (x *Value) wrote(e *engine.Engine, k engine.OpKind) {
	if e == nil {
		return
	}
	old := x.n
	x.n = e.Contents(old)
	e.Writes++
	if e.Noting() {
		e.After(&x.m, engine.Access{Kind: k, Old: old, New: x.n, Seen: old, Wrote: true})
	}
}

// Load returns the value, nil before the first Store.
func (x *Value) Load() (val any) {
	if e := x.access(engine.OpLoad); e != nil && e.Noting() {
		e.After(&x.m, engine.Access{Kind: engine.OpLoad, Old: x.n, New: x.n, Seen: x.n})
	}
	return x.v
}

// Store sets the value. It panics if val is nil or has another type than before.
func (x *Value) Store(val any) {
	notNil("store", val)
	e := x.access(engine.OpStore)
	x.check("store", val)
	x.v = val
	x.wrote(e, engine.OpStore)
}

// Swap sets the value and returns the old one.
func (x *Value) Swap(new any) (old any) {
	notNil("swap", new)
	e := x.access(engine.OpSwap)
	x.check("swap", new)
	old, x.v = x.v, new
	x.wrote(e, engine.OpSwap)
	return old
}

// CompareAndSwap sets the value to new if it is old, and reports whether it did.
func (x *Value) CompareAndSwap(old, new any) (swapped bool) {
	notNil("compare and swap", new)
	if old != nil && reflect.TypeOf(old) != reflect.TypeOf(new) {
		panic("sync/atomic: compare and swap of inconsistently typed values")
	}
	e := x.access(engine.OpCAS)
	x.check("compare and swap", new)
	if x.v != old {
		if e != nil && e.Noting() {
			e.After(&x.m, engine.Access{Kind: engine.OpCAS, Old: x.n, New: x.n})
		}
		return false
	}
	x.v = new
	x.wrote(e, engine.OpCAS)
	return true
}

// access on a plain address.
type number interface {
	int32 | int64 | uint32 | uint64 | uintptr
}

func load[T number](addr *T) T {
	e := engine.Current
	if e == nil {
		return *addr
	}
	p := unsafe.Pointer(addr)
	e.BeforeAddr(engine.OpLoad, p)
	if e.Noting() {
		v := uint64(*addr)
		e.AfterAddr(p, engine.Access{Kind: engine.OpLoad, Old: v, New: v, Seen: v})
	}
	return *addr
}

func cas[T number](addr *T, old, new T) bool {
	e := engine.Current
	if e == nil {
		if *addr != old {
			return false
		}
		*addr = new
		return true
	}
	p := unsafe.Pointer(addr)
	e.BeforeAddr(engine.OpCAS, p)
	was := *addr
	a := engine.Access{Kind: engine.OpCAS, Old: uint64(was), New: uint64(was)}
	if was == old {
		*addr = new
		e.Writes++
		a.New, a.Seen, a.Wrote = uint64(new), 1, true
	}
	if e.Noting() {
		e.AfterAddr(p, a)
	}
	return was == old
}

// modify sets *addr to (*addr & and | or) + add and returns its old value.
// Every other operation is of this form, which keeps closures out of it.
func modify[T number](k engine.OpKind, addr *T, and, or, add T) (old T) {
	e := engine.Current
	if e == nil {
		old = *addr
		*addr = (old&and | or) + add
		return old
	}
	p := unsafe.Pointer(addr)
	e.BeforeAddr(k, p)
	old = *addr
	*addr = (old&and | or) + add
	e.Writes++
	if e.Noting() {
		a := engine.Access{Kind: k, Old: uint64(old), New: uint64(*addr), Seen: uint64(old), Wrote: true}
		if k == engine.OpStore {
			a.Seen = 0
		}
		e.AfterAddr(p, a)
	}
	return old
}

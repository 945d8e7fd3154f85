package form

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"github.com/refbench/refbench/fuzz/explore/internal/chance"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// A Range goes over a map in an order that depends on the seed, or in that order backwards,
// which is a choice of the search: so each of two keys comes before the other in some schedule.
type Range[K comparable, V any] struct {
	m    map[K]V
	keys []K
}

// turns are where threads choose how they range over a map. Nobody else sees that.
var turns [engine.MaxThreads]engine.Meta

// Iter begins to range over m. The other results are there to declare variables with.
func Iter[M ~map[K]V, K comparable, V any](m M) (*Range[K, V], K, V) {
	var k K
	var v V
	RM(m)
	r := &Range[K, V]{m: m, keys: make([]K, 0, len(m))}
	for k := range m {
		r.keys = append(r.keys, k)
	}
	if len(r.keys) > 1 {
		sortKeys(r.keys)
		if n := int(chance.Seed() % uint64(len(r.keys))); n > 0 {
			r.keys = append(r.keys[n:len(r.keys):len(r.keys)], r.keys[:n]...)
		}
		if e := engine.Current; e != nil && !e.Aborting() {
			e.Before(engine.OpSignal, &turns[e.Cur().ID])
			if e.Way(2) == 1 {
				slices.Reverse(r.keys)
			}
		}
	}
	return r, k, v
}

// Next takes the next key and value, nil for those that aren't wanted, and reports whether
// there was one. What was deleted meanwhile is left out, and what was added too.
func (r *Range[K, V]) Next(k *K, v *V) bool {
	for len(r.keys) > 0 {
		key := r.keys[0]
		r.keys = r.keys[1:]
		value, ok := RM(r.m)[key]
		if !ok && key == key {
			continue
		}
		if k != nil {
			*k = key
		}
		if v != nil {
			*v = value
		}
		return true
	}
	return false
}

// Key gives a key that a map gets, and whose type has no order of its own, its place among
// others: what a map has got first comes first.
func Key[K any](key K) K {
	if e := engine.Current; e != nil {
		if p := pointerIn(reflect.ValueOf(&key).Elem()); p != nil {
			e.NumberOf(p)
		}
	}
	return key
}

// pointerIn returns the first pointer that a key consists of.
func pointerIn(v reflect.Value) unsafe.Pointer {
	switch v.Kind() {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Chan:
		return v.UnsafePointer()
	case reflect.Interface:
		if !v.IsNil() {
			return pointerIn(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if p := pointerIn(v.Field(i)); p != nil {
				return p
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			if p := pointerIn(v.Index(i)); p != nil {
				return p
			}
		}
	}
	return nil
}

func sortKeys[K comparable](keys []K) {
	switch keys := any(keys).(type) {
	case []string:
		slices.Sort(keys)
		return
	case []int:
		slices.Sort(keys)
		return
	case []uint64:
		slices.Sort(keys)
		return
	}
	slices.SortFunc(keys, func(a, b K) int { return compare(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()) })
}

// compare orders values of one type.
func compare(a, b reflect.Value) int {
	switch a.Kind() {
	case reflect.Bool:
		return cmp.Compare(btoi(a.Bool()), btoi(b.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return cmp.Compare(a.Int(), b.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return cmp.Compare(a.Uint(), b.Uint())
	case reflect.Float32, reflect.Float64:
		return cmp.Compare(a.Float(), b.Float())
	case reflect.Complex64, reflect.Complex128:
		x, y := a.Complex(), b.Complex()
		return cmp.Or(cmp.Compare(real(x), real(y)), cmp.Compare(imag(x), imag(y)))
	case reflect.String:
		return cmp.Compare(a.String(), b.String())
	case reflect.Struct:
		for i := range a.NumField() {
			if c := compare(a.Field(i), b.Field(i)); c != 0 {
				return c
			}
		}
	case reflect.Array:
		for i := range a.Len() {
			if c := compare(a.Index(i), b.Index(i)); c != 0 {
				return c
			}
		}
	case reflect.Pointer, reflect.UnsafePointer, reflect.Chan:
		return cmp.Compare(number(a.UnsafePointer()), number(b.UnsafePointer()))
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return cmp.Compare(btoi(!a.IsNil()), btoi(!b.IsNil()))
		}
		x, y := a.Elem(), b.Elem()
		if x.Type() != y.Type() {
			return cmp.Compare(fmt.Sprint(x.Type()), fmt.Sprint(y.Type()))
		}
		return compare(x, y)
	}
	return 0
}

func number(p unsafe.Pointer) uint64 {
	if e := engine.Current; e != nil && p != nil {
		return 1 + e.NumberOf(p)
	}
	return 0
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

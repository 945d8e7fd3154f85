// Package width has atomic numbers that are narrower than any that sync/atomic has, so that
// a count comes to its limit and round to zero in a few steps. Nothing that is timed uses
// it.
//
// # Protocol
//
// A number is in the upper bits of a word of 32, and the bits below are 0:
//
//	int8, uint8     bits 31..24 the number, 23..0 zero
//	int16, uint16   bits 31..16 the number, 15..0 zero
//
// So one addition to the word adds to the number, wraps as the number does, and carries
// nothing anywhere: each operation is one of sync/atomic, with its order, as it is for a
// number of 32 bits.
package width

import (
	"sync/atomic"
	"unsafe"
)

// A Narrow is a type of numbers.
type Narrow interface{ int8 | int16 | uint8 | uint16 }

// A Number is one that changes atomically. Its methods are those of sync/atomic's types.
type Number[T Narrow] struct {
	word atomic.Uint32
}

// shift is where the number begins in its word.
func shift[T Narrow]() int {
	var n T
	return 32 - 8*int(unsafe.Sizeof(n))
}

func wide[T Narrow](n T) uint32   { return uint32(n) << shift[T]() }
func narrow[T Narrow](w uint32) T { return T(w >> shift[T]()) }

// Load returns the number.
func (x *Number[T]) Load() T { return narrow[T](x.word.Load()) }

// Store sets the number.
func (x *Number[T]) Store(n T) { x.word.Store(wide(n)) }

// Add adds d and returns the sum.
func (x *Number[T]) Add(d T) T { return narrow[T](x.word.Add(wide(d))) }

// Swap sets the number and returns what it was.
func (x *Number[T]) Swap(n T) T { return narrow[T](x.word.Swap(wide(n))) }

// CompareAndSwap sets the number if it is old, and reports whether it did.
func (x *Number[T]) CompareAndSwap(old, new T) bool {
	return x.word.CompareAndSwap(wide(old), wide(new))
}

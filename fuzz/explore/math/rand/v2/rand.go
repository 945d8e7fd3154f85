// Package rand is package math/rand/v2 of the standard library in explored form: what its own
// functions draw is the same in each execution, and depends on the seed of the exploration.
package rand

import (
	"math/rand/v2"

	"github.com/refbench/refbench/fuzz/explore/internal/chance"
)

// The originals.
type (
	ChaCha8 = rand.ChaCha8
	PCG     = rand.PCG
	Rand    = rand.Rand
	Source  = rand.Source
	Zipf    = rand.Zipf
)

// New is the original.
func New(src Source) *Rand { return rand.New(src) }

// NewChaCha8 is the original.
func NewChaCha8(seed [32]byte) *ChaCha8 { return rand.NewChaCha8(seed) }

// NewPCG is the original.
func NewPCG(seed1, seed2 uint64) *PCG { return rand.NewPCG(seed1, seed2) }

// NewZipf is the original.
func NewZipf(r *Rand, s, v float64, imax uint64) *Zipf { return rand.NewZipf(r, s, v, imax) }

var global = rand.New(chance.Source{})

// Shuffle is the original, of this package's numbers.
func Shuffle(n int, swap func(i, j int)) { global.Shuffle(n, swap) }

// N is the original, of this package's numbers.
func N[T interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}](n T) T {
	if n <= 0 {
		panic("invalid argument to N")
	}
	return T(global.Uint64N(uint64(n)))
}

// Int64 is the original, of this package's numbers.
func Int64() int64 { return global.Int64() }

// Uint32 is the original, of this package's numbers.
func Uint32() uint32 { return global.Uint32() }

// Uint64 is the original, of this package's numbers.
func Uint64() uint64 { return global.Uint64() }

// Int32 is the original, of this package's numbers.
func Int32() int32 { return global.Int32() }

// Int is the original, of this package's numbers.
func Int() int { return global.Int() }

// Uint is the original, of this package's numbers.
func Uint() uint { return global.Uint() }

// Int64N is the original, of this package's numbers.
func Int64N(n int64) int64 { return global.Int64N(n) }

// Uint64N is the original, of this package's numbers.
func Uint64N(n uint64) uint64 { return global.Uint64N(n) }

// Int32N is the original, of this package's numbers.
func Int32N(n int32) int32 { return global.Int32N(n) }

// Uint32N is the original, of this package's numbers.
func Uint32N(n uint32) uint32 { return global.Uint32N(n) }

// IntN is the original, of this package's numbers.
func IntN(n int) int { return global.IntN(n) }

// UintN is the original, of this package's numbers.
func UintN(n uint) uint { return global.UintN(n) }

// Float64 is the original, of this package's numbers.
func Float64() float64 { return global.Float64() }

// Float32 is the original, of this package's numbers.
func Float32() float32 { return global.Float32() }

// Perm is the original, of this package's numbers.
func Perm(n int) []int { return global.Perm(n) }

// NormFloat64 is the original, of this package's numbers.
func NormFloat64() float64 { return global.NormFloat64() }

// ExpFloat64 is the original, of this package's numbers.
func ExpFloat64() float64 { return global.ExpFloat64() }

// Package rand is package math/rand of the standard library in explored form: what its own
// functions draw is the same in each execution, and depends on the seed of the exploration.
package rand

import (
	"math/rand"

	"github.com/refbench/refbench/fuzz/explore/internal/chance"
)

// The originals.
type (
	Rand     = rand.Rand
	Source   = rand.Source
	Source64 = rand.Source64
	Zipf     = rand.Zipf
)

// New is the original.
func New(src Source) *Rand { return rand.New(src) }

// NewSource is the original.
func NewSource(seed int64) Source { return rand.NewSource(seed) }

// NewZipf is the original.
func NewZipf(r *Rand, s, v float64, imax uint64) *Zipf { return rand.NewZipf(r, s, v, imax) }

var global = rand.New(chance.Source{})

// Seed does nothing.
func Seed(int64) {}

// Shuffle is the original, of this package's numbers.
func Shuffle(n int, swap func(i, j int)) { global.Shuffle(n, swap) }

// Read is the original, of this package's numbers.
func Read(p []byte) (n int, err error) {
	chance.Read(p)
	return len(p), nil
}

// Int63 is the original, of this package's numbers.
func Int63() int64 { return global.Int63() }

// Uint32 is the original, of this package's numbers.
func Uint32() uint32 { return global.Uint32() }

// Uint64 is the original, of this package's numbers.
func Uint64() uint64 { return global.Uint64() }

// Int31 is the original, of this package's numbers.
func Int31() int32 { return global.Int31() }

// Int is the original, of this package's numbers.
func Int() int { return global.Int() }

// Int63n is the original, of this package's numbers.
func Int63n(n int64) int64 { return global.Int63n(n) }

// Int31n is the original, of this package's numbers.
func Int31n(n int32) int32 { return global.Int31n(n) }

// Intn is the original, of this package's numbers.
func Intn(n int) int { return global.Intn(n) }

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

// Package chance is what explored code takes for chance: numbers that are the same in each
// execution, and others for another seed.
package chance

import (
	"math/rand/v2"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

var (
	seed    uint64
	source  = rand.NewPCG(0, 0)
	ofWhich uint64 // the execution that source draws for
)

// SetSeed sets the seed. It is called before executions begin.
func SetSeed(s uint64) {
	seed = s
	source.Seed(seed, 0)
}

// Seed returns the seed.
func Seed() uint64 { return seed }

// Uint64 draws a number.
func Uint64() uint64 {
	if e := engine.Current; e != nil && e.Generation() != ofWhich {
		ofWhich = e.Generation()
		source.Seed(seed, 0)
	}
	return source.Uint64()
}

// Read fills b.
func Read(b []byte) {
	for i := 0; i < len(b); {
		x := Uint64()
		for range min(8, len(b)-i) {
			b[i] = byte(x)
			x >>= 8
			i++
		}
	}
}

// A Source draws from here.
type Source struct{}

// Uint64 is that of the package.
func (Source) Uint64() uint64 { return Uint64() }

// Int63 is Uint64 without a sign.
func (Source) Int63() int64 { return int64(Uint64() >> 1) }

// Seed does nothing: whoever seeds by the clock would get the same numbers, and others do
// with what they have.
func (Source) Seed(int64) {}

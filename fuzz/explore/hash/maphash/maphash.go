// Package maphash is package hash/maphash of the standard library in explored form: its
// hashes are the same in each execution, and depend on the seed of the exploration.
package maphash

import (
	"encoding/binary"
	"fmt"

	"github.com/refbench/refbench/fuzz/explore/internal/chance"
)

// A Seed decides which hash function it is.
type Seed struct{ s uint64 }

// MakeSeed draws a seed.
func MakeSeed() Seed { return Seed{chance.Uint64() | 1} }

// FNV-1a of 64 bits.
const (
	offset = 14695981039346656037
	prime  = 1099511628211
)

// A Hash hashes what is written to it. Its zero value has a seed of its own.
type Hash struct {
	seed  Seed
	state uint64
}

func (h *Hash) start() {
	if h.seed.s == 0 {
		h.SetSeed(MakeSeed())
	}
}

// Seed returns the seed.
func (h *Hash) Seed() Seed {
	h.start()
	return h.seed
}

// SetSeed begins again with the seed.
func (h *Hash) SetSeed(seed Seed) {
	if seed.s == 0 {
		panic("maphash: use of uninitialized Seed")
	}
	h.seed, h.state = seed, offset^seed.s
}

// Reset begins again.
func (h *Hash) Reset() {
	h.start()
	h.state = offset ^ h.seed.s
}

// Write hashes b too.
func (h *Hash) Write(b []byte) (int, error) {
	h.start()
	for _, c := range b {
		h.state = (h.state ^ uint64(c)) * prime
	}
	return len(b), nil
}

// WriteString hashes s too.
func (h *Hash) WriteString(s string) (int, error) { return h.Write([]byte(s)) }

// WriteByte hashes b too.
func (h *Hash) WriteByte(b byte) error {
	_, err := h.Write([]byte{b})
	return err
}

// Sum64 returns the hash.
func (h *Hash) Sum64() uint64 {
	h.start()
	x := h.state
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

// Sum appends the hash to b.
func (h *Hash) Sum(b []byte) []byte { return binary.BigEndian.AppendUint64(b, h.Sum64()) }

// Size returns how many bytes the hash has.
func (h *Hash) Size() int { return 8 }

// BlockSize returns 128.
func (h *Hash) BlockSize() int { return 128 }

// Bytes hashes b.
func Bytes(seed Seed, b []byte) uint64 {
	var h Hash
	h.SetSeed(seed)
	_, _ = h.Write(b)
	return h.Sum64()
}

// String hashes s.
func String(seed Seed, s string) uint64 { return Bytes(seed, []byte(s)) }

// Comparable hashes v. Pointers hash by what they are, which differs from one execution to
// the next.
func Comparable[T comparable](seed Seed, v T) uint64 {
	var h Hash
	h.SetSeed(seed)
	WriteComparable(&h, v)
	return h.Sum64()
}

// WriteComparable hashes x too.
func WriteComparable[T comparable](h *Hash, x T) { _, _ = fmt.Fprintf(h, "%T %#v", x, x) }

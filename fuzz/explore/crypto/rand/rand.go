// Package rand is package crypto/rand of the standard library in explored form: what it
// draws is the same in each execution, and depends on the seed of the exploration.
package rand

import (
	"io"
	"math/big"

	"github.com/refbench/refbench/fuzz/explore/internal/chance"
)

type reader struct{}

func (reader) Read(b []byte) (int, error) {
	chance.Read(b)
	return len(b), nil
}

// Reader reads what is drawn.
var Reader io.Reader = reader{}

// Read fills b.
func Read(b []byte) (n int, err error) { return io.ReadFull(Reader, b) }

// Int draws a number below max.
func Int(r io.Reader, max *big.Int) (*big.Int, error) {
	if max.Sign() <= 0 {
		panic("crypto/rand: argument to Int is <= 0")
	}
	b := make([]byte, (max.BitLen()+7)/8+8)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	n := new(big.Int).SetBytes(b)
	return n.Mod(n, max), nil
}

// Prime draws a prime number of so many bits.
func Prime(r io.Reader, bits int) (*big.Int, error) {
	b := make([]byte, (bits+7)/8)
	for {
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		n := new(big.Int).SetBytes(b)
		n.Rsh(n, uint(len(b)*8-bits)).SetBit(n, bits-1, 1).SetBit(n, 0, 1)
		if n.ProbablyPrime(20) {
			return n, nil
		}
	}
}

// Text draws 26 letters and digits.
func Text() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	b := make([]byte, 26)
	chance.Read(b)
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b)
}

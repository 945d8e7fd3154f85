package width_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/width"
)

// Every pair of numbers of 8 bits, and every result as Go computes it.
func pairs[T int8 | uint8](t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			a, b := T(a), T(b)
			var x width.Number[T]
			x.Store(a)
			if got := x.Load(); got != a {
				t.Fatalf("Store(%d), Load: %d", a, got)
			}
			if got := x.Add(b); got != a+b || x.Load() != a+b {
				t.Fatalf("%d + %d: Add returned %d and left %d, want %d", a, b, got, x.Load(), a+b)
			}
			if !x.CompareAndSwap(a+b, a+b) {
				t.Fatalf("%d + %d: CompareAndSwap says that it isn't %d", a, b, a+b)
			}
			if got := x.Swap(b); got != a+b || x.Load() != b {
				t.Fatalf("Swap(%d) of %d returned %d and left %d", b, a+b, got, x.Load())
			}
			if ok, want := x.CompareAndSwap(a, a+1), a == b; ok != want || want && x.Load() != a+1 || !want && x.Load() != b {
				t.Fatalf("CompareAndSwap(%d, %d) of %d returned %v and left %d", a, a+1, b, ok, x.Load())
			}
		}
	}
}

func TestNumbersOf8BitsAreGos(t *testing.T) {
	pairs[int8](t)
	pairs[uint8](t)
}

func TestNumbersOf16BitsWrap(t *testing.T) {
	var x width.Number[int16]
	x.Store(1<<15 - 1)
	if n := x.Add(1); n != -1<<15 || x.Load() != -1<<15 {
		t.Errorf("2^15-1 + 1: Add returned %d and left %d", n, x.Load())
	}
	var y width.Number[uint16]
	if n := y.Add(^uint16(0)); n != 1<<16-1 || y.Load() != 1<<16-1 {
		t.Errorf("0 - 1: Add returned %d and left %d", n, y.Load())
	}
}

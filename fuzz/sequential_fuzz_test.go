package fuzz

import (
	"testing"

	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/strategies/builtin"
)

// FuzzSequential: whatever the calls, one after the other, every strategy keeps its
// promise, and strategies differ only where their promises do. Each input is three
// programs: see lockstep.Runner.RunBytes.
func FuzzSequential(f *testing.F) {
	r := lockstep.New(builtin.All(), lockstep.Both)
	f.Fuzz(func(t *testing.T, data []byte) {
		if d := r.RunBytes(data); d != nil {
			t.Fatal(d)
		}
	})
}

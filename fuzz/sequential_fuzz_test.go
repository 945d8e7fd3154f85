package fuzz

import (
	"testing"

	"github.com/refbench/refbench/fuzz/corpus"
	"github.com/refbench/refbench/fuzz/lockstep"
	"github.com/refbench/refbench/strategies/builtin"
)

// FuzzSequential: whatever the calls, one after the other, every strategy keeps its
// promise, and strategies differ only where their promises do. Each input is four
// programs: see lockstep.Runner.RunBytes.
func FuzzSequential(f *testing.F) {
	r := lockstep.New(builtin.All(), lockstep.Both)
	for _, data := range corpus.Builtin("FuzzSequential") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if d := r.RunBytes(data); d != nil {
			t.Fatal(d)
		}
	})
}

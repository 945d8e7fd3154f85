package fuzz

import (
	"testing"

	"github.com/refbench/refbench/fuzz/corpus"
	"github.com/refbench/refbench/fuzz/scenarios"
)

// FuzzExplored runs an op program on every strategy under the deterministic scheduler,
// under 64 schedules each. The input holds the program and how the schedules begin: see
// scenarios.Fuzzer. What it finds it finds again, so a crasher replays; the failure
// names a token for refbench replay and shows the smallest program and schedule that
// go wrong in the same way.
func FuzzExplored(f *testing.F) {
	// The fuzzer is made by the target and used by it alone, because goroutines
	// that wait in it may belong to the thread that made it.
	var z *scenarios.Fuzzer
	for _, data := range corpus.Builtin("FuzzExplored") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if z == nil {
			z = scenarios.Builtin().NewFuzzer()
		}
		if _, err := z.Run(data); err != nil {
			t.Fatal(err)
		}
	})
	if z != nil {
		z.Close()
	}
}

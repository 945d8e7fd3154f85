package fuzz

import (
	"testing"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/stress"
	"github.com/refbench/refbench/strategies/builtin"
)

// FuzzStress: whatever the program, goroutines that use their references rightly find
// every strategy right.
func FuzzStress(f *testing.F) {
	bounds := program.Bounds{Objects: 2, Threads: 4, Steps: 64}
	f.Fuzz(func(t *testing.T, data []byte) {
		var p program.Program
		bounds.Decode(&p, data)
		for _, s := range builtin.All() {
			if err := stress.Run(s, &p, 2); err != nil {
				t.Fatal(err)
			}
		}
	})
}

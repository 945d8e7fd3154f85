package fuzz

import (
	"context"
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
			if r := stress.Run(context.Background(), s, &p, 2, stress.Config{}); r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	})
}

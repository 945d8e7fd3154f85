package spec_test

import (
	"slices"
	"testing"

	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// Every operation of every strategy does at every boundary what its promise says.
func TestStrategiesDoWhatTheirPromisesSay(t *testing.T) {
	for _, s := range builtin.All() {
		sp := spec.Of(s)
		for _, row := range sp.Table() {
			if row.Unpromised == "" {
				if err := sp.TryRow(row, false); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// Numbers of references that don't fit the words that count them are counted all
// the same, or are past the limit.
func TestHugeNumbersDoWhatThePromiseSays(t *testing.T) {
	for _, s := range builtin.All() {
		sp := spec.Of(s)
		for _, row := range sp.Table() {
			for _, n := range []int64{1<<15 - 1, 1 << 15, 1 << 16, 1 << 23, 1<<24 + 1, 1<<31 - 1, 1 << 31, 1<<32 + 5, 1<<62 - 1, 1 << 62, 1<<63 - 1} {
				if row.Call.Op.Power() != spec.GetN.Power() || row.Call.N != 1 {
					continue
				}
				r := sp.NewRunner()
				row.Call.N = n
				again := spec.Call{Op: spec.GetN, N: n}
				for _, c := range slices.Concat(row.Path, []spec.Call{row.Call, again, {Op: spec.Put}}) {
					if r.Unpromised(c) != "" {
						continue
					}
					if _, err := r.Do(c); err != nil {
						t.Error(err)
						break
					}
				}
			}
		}
	}
}

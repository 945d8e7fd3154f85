package spec_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

// One call with its check: what a fuzz target does all day.
func BenchmarkCheck(b *testing.B) {
	for _, s := range builtin.All() {
		b.Run("strategy="+s.Name, func(b *testing.B) {
			sp, x := spec.Of(s), spec.New(s)
			calls := []spec.Call{{Op: spec.Get}, {Op: spec.TryGet}, {Op: spec.GetN, N: 3}, {Op: spec.PutN, N: 3}, {Op: spec.Put}, {Op: spec.Put}, {Op: spec.Count}}
			st := sp.Start(1)
			x.Do(spec.Call{Op: spec.Init})
			b.ReportAllocs()
			for i := range b.N {
				c := calls[i%len(calls)]
				if !sp.Has(c.Op) {
					continue
				}
				var err error
				if st, err = sp.Check(st, c, x.Do(c)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Fuzz targets make millions of checks: none of them may leave garbage.
func TestCheckLeavesNoGarbage(t *testing.T) {
	for _, s := range builtin.All() {
		sp, x := spec.Of(s), spec.New(s)
		st := sp.Start(1)
		x.Do(spec.Call{Op: spec.Init})
		n := testing.AllocsPerRun(100, func() {
			for _, op := range []spec.Op{spec.Get, spec.TryGet, spec.Count, spec.Put, spec.Put} {
				if !sp.Has(op) {
					continue
				}
				c := spec.Call{Op: op}
				var err error
				if st, err = sp.Check(st, c, x.Do(c)); err != nil {
					t.Error(err)
				}
			}
		})
		if n != 0 {
			t.Errorf("%s: five calls and their checks allocate %v times, want 0", s, n)
		}
	}
}

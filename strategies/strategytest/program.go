package strategytest

import (
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/rules"
	"github.com/refbench/refbench/strategies/spec"
)

// Fuzz runs programs of calls on one goroutine, made from fuzzed bytes, and
// compares what they do with the specification that the strategy's promise makes
// (package spec).
func Fuzz(f *testing.F, s *strategies.Strategy) {
	f.Helper()
	if err := strategies.Validate([]*strategies.Strategy{s}); err != nil {
		f.Fatal(err)
	}
	limit := s.Promise.Limit
	for _, calls := range [][]spec.Call{
		// A life and what comes after.
		{{Op: spec.Init}, {Op: spec.Get}, {Op: spec.TryGet}, {Op: spec.Put}, {Op: spec.Put}, {Op: spec.Kill}, {Op: spec.TryGet}, {Op: spec.Put}},
		// Past the limit.
		{{Op: spec.InitAt, N: limit}, {Op: spec.Get}, {Op: spec.Get}, {Op: spec.TryGet}, {Op: spec.Put}, {Op: spec.Put}, {Op: spec.Put}},
		// Below zero, and a next life.
		{{Op: spec.Init}, {Op: spec.Kill}, {Op: spec.Put}, {Op: spec.Put}, {Op: spec.Get}, {Op: spec.Get}, {Op: spec.Init}, {Op: spec.Get}, {Op: spec.Kill}},
		// The optional powers.
		{{Op: spec.Init}, {Op: spec.GetN, N: 8}, {Op: spec.PutN, N: 2}, {Op: spec.Kill}, {Op: spec.PutIfOne}, {Op: spec.PutUnlessOne}, {Op: spec.Resurrect}},
		{{Op: spec.Init}, {Op: spec.SwitchToAtomic}, {Op: spec.Get}, {Op: spec.SwitchToPerCPU}, {Op: spec.KillAndConfirm}, {Op: spec.TryGetLive}, {Op: spec.Put}, {Op: spec.Reinit}},
	} {
		f.Add(rules.EncodeProgram(s, calls))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := rules.CheckProgram(s, data); err != nil {
			t.Fatalf("%v\nprogram %q", err, data)
		}
	})
}

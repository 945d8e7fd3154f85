package linear

import (
	"math/rand/v2"
	"testing"

	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/strategies/spec"
)

const million = 1_000_000

// BenchmarkRecord records a million calls of four clients.
func BenchmarkRecord(b *testing.B) {
	for _, s := range builtin.All() {
		b.Run(s.Name, func(b *testing.B) {
			for b.Loop() {
				recorded(b, s, Config{Ops: million, Seed: 1})
			}
		})
	}
}

// BenchmarkJudgeRecorded judges a million calls of four clients on real threads. How
// many of them met another depends on how free the machine is.
func BenchmarkJudgeRecorded(b *testing.B) {
	for _, s := range builtin.All() {
		b.Run(s.Name, func(b *testing.B) {
			judgeAll(b, spec.Of(s), recorded(b, s, Config{Ops: million, Seed: 1}))
		})
	}
}

// BenchmarkJudgeMeeting judges a million simulated calls of four clients of which
// each goes on at the same time as others, in lives of 250 calls, with no instant to
// cut at for most of them.
func BenchmarkJudgeMeeting(b *testing.B) {
	for name, p := range sortedPromises() {
		if p.Limit < 100 {
			continue // they saturate or refuse at once
		}
		b.Run(name, func(b *testing.B) {
			m := simulation{rng: rand.New(rand.NewPCG(1, 1)), sp: specOf(p), clients: 4, ops: 250, guarded: true, long: true}
			h := &History{Strategy: "simulated", Clock: ClockSteps}
			for n := 0; n < million; n += len(h.Lives[len(h.Lives)-1].Ops) {
				h.Lives = append(h.Lives, m.life())
			}
			judgeAll(b, m.sp, h)
		})
	}
}

func judgeAll(b *testing.B, sp *spec.Spec, h *History) {
	var r Judgment
	for b.Loop() {
		var err error
		if r, err = (&Judge{Spec: sp}).Check(b.Context(), h); err != nil || r.Class != Linearizable {
			b.Fatalf("%s: %s, %v", r.Class, r.Reason, err)
		}
	}
	b.ReportMetric(float64(r.Met)/float64(h.Ops()), "met/op")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(h.Ops()), "ns/call")
}

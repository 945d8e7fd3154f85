package scenarios

import (
	"math/rand/v2"
	"testing"
)

// inputs are random fuzz inputs of the length that fuzzing comes to.
func inputs(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([][]byte, n)
	for i := range all {
		all[i] = make([]byte, 8+r.IntN(56))
		for j := range all[i] {
			all[i][j] = byte(r.Uint32())
		}
	}
	return all
}

// BenchmarkFuzzer: schedules a second, without the fuzz engine.
func BenchmarkFuzzer(b *testing.B) {
	z := Builtin().NewFuzzer()
	defer z.Close()
	ins := inputs(256)
	n := 0
	b.ReportAllocs()
	for i := range b.N {
		schedules, err := z.Run(ins[i%len(ins)])
		if err != nil {
			b.Fatal(err)
		}
		n += schedules
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "schedules/s")
}

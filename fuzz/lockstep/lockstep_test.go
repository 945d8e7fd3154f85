package lockstep

import (
	"math/rand/v2"
	"testing"

	"github.com/refbench/refbench/fuzz/corpus"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies/builtin"
)

func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// Random programs find nothing wrong with what is right.
func TestBuiltinStrategiesKeepTheirPromises(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	r := New(builtin.All(), Both)
	for n := range 10000 {
		p, _ := program.Decode(random(rng, rng.IntN(200)))
		if d := r.Run(&p); d != nil {
			t.Fatalf("seed %d, program %d: %v", seed, n, d)
		}
	}
	t.Logf("%+v", r.Stats())
}

// The inputs are those that fuzzing keeps.
func BenchmarkRunBytes(b *testing.B) {
	r := New(builtin.All(), Both)
	inputs := corpus.Builtin("FuzzSequential")
	for b.Loop() {
		for _, data := range inputs {
			if d := r.RunBytes(data); d != nil {
				b.Fatal(d)
			}
		}
	}
	b.ReportMetric(float64(r.Stats().Calls)/float64(r.Stats().Programs), "calls/program")
}

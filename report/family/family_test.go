package family

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestHolmStepsDown(t *testing.T) {
	for _, tt := range []struct {
		ps    []float64
		tests int
		want  []float64
	}{
		{nil, 0, nil},
		{[]float64{0.03}, 1, []float64{0.03}},
		{[]float64{0.01, 0.04, 0.03}, 3, []float64{0.03, 0.06, 0.06}}, // 3 × 0.01; 2 × 0.03; no less than that
		{[]float64{0.04, 0.01, 0.03, 0.5}, 4, []float64{0.09, 0.04, 0.09, 0.5}},
		{[]float64{0.5, 0.6}, 2, []float64{1, 1}},
		{[]float64{0.01, 0.02}, 6, []float64{0.06, 0.1}}, // four more that aren't different
		{[]float64{0.01, 0.02}, 0, []float64{0.02, 0.02}},
	} {
		got := Holm(tt.ps, tt.tests)
		if len(got) != len(tt.want) {
			t.Fatalf("Holm(%v, %d) is %v, want %v", tt.ps, tt.tests, got, tt.want)
		}
		for i := range got {
			if math.Abs(got[i]-tt.want[i]) > 1e-12 {
				t.Errorf("Holm(%v, %d) is %v, want %v", tt.ps, tt.tests, got, tt.want)
				break
			}
		}
	}
}

// Where nothing differs, a family has a wrong verdict no more often than the level says.
func TestHolmHoldsTheLevelOfTheFamily(t *testing.T) {
	const families, tests, level = 20_000, 12, 0.05
	rng := rand.New(rand.NewPCG(3, 4))
	wrong, alone := 0, 0
	for range families {
		ps := make([]float64, tests)
		for i := range ps {
			ps[i] = rng.Float64()
		}
		some := func(ps []float64) int {
			for _, p := range ps {
				if p <= level {
					return 1
				}
			}
			return 0
		}
		wrong += some(Holm(ps, tests))
		alone += some(ps)
	}
	// Three standard deviations above the level.
	most := families*level + 3*math.Sqrt(families*level*(1-level))
	if float64(wrong) > most {
		t.Errorf("%d of %d families had a wrong verdict, want at most %.0f", wrong, families, most)
	}
	if float64(alone) <= most {
		t.Errorf("without correction only %d of %d families had one: the test shows nothing", alone, families)
	}
}

package paired

import (
	"math"
	"math/rand/v2"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 || a == b }

// The p-values are those of the tables in Hollander, Wolfe and Chicken (A.4), times two.
func TestSignedRankIsExact(t *testing.T) {
	for _, c := range []struct {
		name  string
		diffs []float64
		want  float64
	}{
		{"nothing", nil, 1},
		{"zeros alone", []float64{0, 0}, 1},
		{"one", []float64{3}, 1},
		{"five of one sign", []float64{1, 2, 3, 4, 5}, 2.0 / 32},
		{"the least rank against it", []float64{-1, 2, 3, 4, 5}, 4.0 / 32},
		{"a zero says nothing", []float64{0, 1, 2, 3, 4, 5}, 2.0 / 32},
		{"ties share their ranks", []float64{1, 1, 1, -1}, 10.0 / 16},
		{"in the middle", []float64{1, -2, 3, -4}, 14.0 / 16},
		{"negative alike", []float64{-1, -2, -3, -4, -5}, 2.0 / 32},
	} {
		if got := SignedRank(c.diffs); !near(got, c.want) {
			t.Errorf("%s: p-value of %v is %v, want %v", c.name, c.diffs, got, c.want)
		}
	}
}

func TestHodgesLehmannIsAsNarrowAsTheConfidenceAllows(t *testing.T) {
	// Of 6 differences P(sum = 0) is 1/64, P(sum <= 1) 2/64, P(sum <= 2) 3/64 and
	// P(sum <= 3) 5/64: the bounds are the outermost averages at 95 %, the third from
	// either end at 90 %, and there are none at 99 %.
	diffs := []float64{6, 1, 4, 2, 5, 3}
	if got := HodgesLehmann(diffs, 0.95); got != (Estimate{3.5, 1, 6}) {
		t.Errorf("at 95 %%: %v, want 3.5 in 1 .. 6", got)
	}
	if got := HodgesLehmann(diffs, 0.90); got != (Estimate{3.5, 2, 5}) {
		t.Errorf("at 90 %%: %v, want 3.5 in 2 .. 5", got)
	}
	if got := HodgesLehmann(diffs, 0.99); !math.IsInf(got.Lo, -1) || !math.IsInf(got.Hi, 1) {
		t.Errorf("at 99 %%: %v, want no bounds", got)
	}
	if got := HodgesLehmann(nil, 0.95); !math.IsNaN(got.Center) || !math.IsInf(got.Hi, 1) {
		t.Errorf("of nothing: %v, want nothing", got)
	}
}

// Of intervals around noise of any kind as many miss the truth as they say.
func TestIntervalsHoldTheirConfidence(t *testing.T) {
	const runs = 2000
	r := rand.New(rand.NewPCG(1, 2))
	for name, noise := range map[string]func() float64{
		"normal": r.NormFloat64,
		"two modes": func() float64 { // a process is fast or slow as a whole
			return float64(r.IntN(2)-r.IntN(2))*0.6 + 0.02*r.NormFloat64()
		},
		"heavy tails": func() float64 { return r.NormFloat64() / math.Abs(r.NormFloat64()) },
	} {
		missed, called := 0, 0
		for range runs {
			diffs := make([]float64, 16)
			for i := range diffs {
				diffs[i] = noise()
			}
			if e := HodgesLehmann(diffs, 0.95); e.Lo > 0 || e.Hi < 0 {
				missed++
			}
			if SignedRank(diffs) <= 0.01 {
				called++
			}
		}
		// Five standard deviations of the count.
		if most := runs*0.05 + 5*math.Sqrt(runs*0.05*0.95); float64(missed) > most {
			t.Errorf("%s: %d of %d intervals miss the truth, at 95 %%", name, missed, runs)
		}
		if most := runs*0.01 + 5*math.Sqrt(runs*0.01*0.99); float64(called) > most {
			t.Errorf("%s: %d of %d called different at 0.01", name, called, runs)
		}
	}
}

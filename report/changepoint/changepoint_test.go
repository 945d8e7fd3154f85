package changepoint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// noises are how measurements of one level may differ from date to date.
var noises = map[string]func(*rand.Rand) float64{
	"normal":     func(r *rand.Rand) float64 { return r.NormFloat64() },
	"outliers":   func(r *rand.Rand) float64 { return r.NormFloat64() / math.Max(0.05, r.Float64()) },
	"skewed":     func(r *rand.Rand) float64 { return r.ExpFloat64() },
	"two values": func(r *rand.Rand) float64 { return float64(r.IntN(2)) },
}

// series returns 100 times what the levels are, with noise of a share of it.
func series(r *rand.Rand, noise func(*rand.Rand) float64, share float64, levels ...float64) []float64 {
	out := make([]float64, len(levels))
	for i, l := range levels {
		out[i] = 100 * l * (1 + share*noise(r))
	}
	return out
}

// level returns n times the same.
func level(n int, l float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = l
	}
	return out
}

// A series that doesn't change raises an alarm as seldom as Level says, whatever its noise is
// like, and not never: that would be a test that finds nothing.
func TestFalseAlarmsAreAsRareAsTheLevel(t *testing.T) {
	const tries = 1000
	for name, noise := range noises {
		for _, n := range []int{LeastDates, 30} {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			alarms := 0
			for range tries {
				if len(Find(series(r, noise, 0.01, level(n, 1)...))) > 0 {
					alarms++
				}
			}
			expected := Level * tries
			if most := expected + 3*math.Sqrt(expected); float64(alarms) > most {
				t.Errorf("%s noise, %d dates: %d alarms in %d series without a change, want at most %.0f", name, n, alarms, tries, most)
			}
			if name == "normal" && n == 30 && alarms < 3 {
				t.Errorf("%s noise, %d dates: %d alarms in %d series: the level isn't used", name, n, alarms, tries)
			}
			t.Logf("%s noise, %d dates: %.2f %% of series raise an alarm", name, n, 100*float64(alarms)/tries)
		}
	}
}

// A planted step is found, at its date.
func TestStepIsFoundAtItsDate(t *testing.T) {
	const tries = 100
	for _, tt := range []struct {
		step          float64
		before, after int
		least         float64 // share of series in which it is found at its very date
	}{
		{1.10, 12, 12, 0.95}, {0.90, 12, 12, 0.95}, {1.05, 12, 12, 0.95}, {1.05, 25, 5, 0.95}, {1.10, 5, 5, 0.95}, {0.95, 40, 20, 0.95},
	} {
		r := rand.New(rand.NewPCG(2, 3))
		right := 0
		for range tries {
			got := Find(series(r, noises["normal"], 0.01, append(level(tt.before, 1), level(tt.after, tt.step)...)...))
			for _, c := range got {
				if c.At == tt.before {
					right++
				}
			}
		}
		name := fmt.Sprintf("a step to %.2f after %d of %d dates with noise of 1 %%", tt.step, tt.before, tt.before+tt.after)
		if float64(right) < tt.least*tries {
			t.Errorf("%s is found at its date in %d of %d series", name, right, tries)
		}
		t.Logf("%s: %d of %d", name, right, tries)
	}
}

func TestSeveralStepsAreFoundInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	levels := append(append(level(15, 1), level(15, 1.1)...), level(15, 0.95)...)
	got := Find(series(r, noises["normal"], 0.01, levels...))
	if len(got) != 2 || got[0].At != 15 || got[1].At != 30 {
		t.Errorf("changes %v, want at 15 and 30", got)
	}
}

// One date gone wrong, few dates, equal values: no change.
func TestWhatIsNoChange(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 7))
	spike := level(20, 1)
	spike[9] = 5
	for name, values := range map[string][]float64{
		"none":    nil,
		"spike":   series(r, noises["normal"], 0.01, spike...),
		"too few": append(level(4, 1), level(5, 9)...),
		"equal":   level(50, 7),
	} {
		if got := Find(values); len(got) > 0 {
			t.Errorf("%s: changes %v", name, got)
		}
	}
	if got := Find(append(level(5, 1), level(5, 9)...)); len(got) != 1 || got[0].At != 5 {
		t.Errorf("10 dates: changes %v, want one at 5", got)
	}
}

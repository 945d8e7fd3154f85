package usl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// draw returns samples of a law with noise.
func draw(l Law, noise float64, samples int, rng *rand.Rand, cpus ...int) []Point {
	var ps []Point
	for _, n := range cpus {
		p := Point{CPUs: n}
		for range samples {
			p.Throughput = append(p.Throughput, l.Throughput(float64(n))*math.Exp(noise*rng.NormFloat64()))
		}
		ps = append(ps, p)
	}
	return ps
}

var laws = []Law{
	{80e6, 0.3, 0.01},
	{200e6, 0.01, 0.0001},
	{50e6, 0.05, 0.02},
	{70e6, 1.5, 0.05}, // falls from the first on
	{80e6, 2, 0.1},
	{30e6, 4, 0.001},
	{60e6, 0.001, 0.3},
}

func TestParametersAreRecoveredExactlyWithoutNoise(t *testing.T) {
	for _, l := range laws {
		f, err := New(draw(l, 0, 6, rand.New(rand.NewPCG(1, 1)), 1, 2, 4, 8, 16, 32))
		if err != nil {
			t.Fatal(err)
		}
		for name, of := range map[string][2]float64{"λ": {f.Law.Lambda, l.Lambda}, "σ": {f.Law.Sigma, l.Sigma}, "κ": {f.Law.Kappa, l.Kappa}} {
			if math.Abs(of[0]/of[1]-1) > 1e-3 {
				t.Errorf("%+v: %s is %v, want %v", l, name, of[0], of[1])
			}
		}
		if f.Deviation > 1e-3 {
			t.Errorf("%+v: off by %v, want 0", l, f.Deviation)
		}
	}
}

// Intervals hold the true parameters about as often as they say. Those of a bootstrap over
// ten samples are a little too narrow.
func TestIntervalsHoldTheTrueParameters(t *testing.T) {
	const runs = 60
	rng := rand.New(rand.NewPCG(2, 3))
	for _, l := range laws[:3] {
		held := make(map[string]int)
		for range runs {
			f, err := New(draw(l, 0.05, 10, rng, 1, 2, 3, 4, 8, 12, 16))
			if err != nil {
				t.Fatal(err)
			}
			for name, of := range map[string]struct {
				e     Estimate
				truth float64
			}{"λ": {f.Lambda, l.Lambda}, "σ": {f.Sigma, l.Sigma}, "κ": {f.Kappa, l.Kappa}, "peak": {f.Peak, f.peak(l)}} {
				if of.e.Lo <= of.truth && of.truth <= of.e.Hi {
					held[name]++
				}
				if !(of.e.Lo <= of.e.Value && of.e.Value <= of.e.Hi) {
					t.Errorf("%+v: %s is %+v: the value isn't in its interval", l, name, of.e)
				}
			}
		}
		for _, name := range []string{"λ", "σ", "κ", "peak"} {
			if held[name] < runs*8/10 {
				t.Errorf("%+v: %d of %d intervals hold %s, want at least 80 %%", l, held[name], runs, name)
			}
		}
	}
}

func TestTooFewPointsAreRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, tt := range []struct {
		cpus []int
		ok   bool
	}{
		{nil, false}, {[]int{1, 2}, false}, {[]int{1, 2, 4}, false}, {[]int{1, 2, 4, 8}, true}, {[]int{1, 2, 3, 4}, true},
	} {
		_, err := New(draw(laws[0], 0.01, 6, rng, tt.cpus...))
		if (err == nil) != tt.ok {
			t.Errorf("%v CPUs: error %v, want a fit %v", tt.cpus, err, tt.ok)
		}
	}
	if _, err := New(draw(laws[0], 0.01, 6, rng, 1, 2, 2, 1)); err == nil || err.Error() != "4 CPU counts: want at least 4, one of them above 2" {
		t.Errorf("up to 2 CPUs: %v", err)
	}
}

// Of many points those are taken that a logarithmic axis spreads, with both ends.
func TestManyPointsAreSpread(t *testing.T) {
	sweep := func(n int) (cpus []int) {
		for i := range n {
			cpus = append(cpus, i+1)
		}
		return cpus
	}
	for _, tt := range []struct {
		cpus []int
		want int
	}{
		{sweep(31), 31}, {sweep(32), 32}, {sweep(33), mostPoints}, {sweep(256), mostPoints},
		{append(sweep(31), 1000, 1001, 1002, 1003, 1004), mostPoints},
	} {
		f, err := New(draw(laws[0], 0, 1, rand.New(rand.NewPCG(1, 1)), tt.cpus...))
		if err != nil {
			t.Fatal(err)
		}
		last := tt.cpus[len(tt.cpus)-1]
		if len(f.CPUs) != tt.want || f.CPUs[0] != 1 || f.CPUs[len(f.CPUs)-1] != last || !slices.IsSorted(f.CPUs) || len(slices.Compact(slices.Clone(f.CPUs))) != tt.want {
			t.Errorf("of %d counts up to %d the fit has %v, want %d with both ends", len(tt.cpus), last, f.CPUs, tt.want)
		}
		if len(tt.cpus) == 256 && (f.CPUs[7] > 10 || f.CPUs[24] < 40) {
			t.Errorf("of 256 counts the fit has %v, which isn't spread", f.CPUs)
		}
	}
}

func TestPeak(t *testing.T) {
	for _, tt := range []struct {
		law  Law
		want float64
	}{
		{Law{1, 0.19, 0.01}, 9},
		{Law{1, 1.5, 0.01}, 1},
		{Law{1, 0.5, 2}, 1},
		{Law{1, 0.5, 0}, math.Inf(1)},
	} {
		got := tt.law.Peak()
		if math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%+v: peak at %v, want %v", tt.law, got, tt.want)
		}
		if math.IsInf(got, 1) {
			continue
		}
		for _, n := range []float64{got * 0.99, got * 1.01} {
			if n >= 1 && tt.law.Throughput(n) > tt.law.Throughput(got) {
				t.Errorf("%+v: more at %v than at the peak, %v", tt.law, n, got)
			}
		}
	}
}

// A peak that was measured isn't extrapolated, one beyond is, and where nothing bends
// there is none.
func TestExtrapolatedPeaksAreNamed(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, tt := range []struct {
		law          Law
		extrapolated bool
		none         bool
	}{
		{Law{1e6, 0.1, 0.05}, false, false},   // 4.2
		{Law{1e6, 0.1, 0.001}, true, false},   // 30
		{Law{1e6, 0.1, 0.000001}, true, true}, // 949
	} {
		f, err := New(draw(tt.law, 0.001, 8, rng, 1, 2, 4, 8, 16))
		if err != nil {
			t.Fatal(err)
		}
		if f.Extrapolated() != tt.extrapolated || math.IsInf(f.Peak.Value, 1) != tt.none {
			t.Errorf("%+v, peak at %.1f: fitted %+v, extrapolated %v; want %v, none %v", tt.law, tt.law.Peak(), f.Peak, f.Extrapolated(), tt.extrapolated, tt.none)
		}
	}
}

func TestSamePointsGiveTheSameFit(t *testing.T) {
	ps := draw(laws[0], 0.05, 8, rand.New(rand.NewPCG(9, 9)), 8, 1, 4, 2)
	before := fmt.Sprint(ps)
	a, err := New(ps)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(ps)
	if err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("%+v, then %+v, %v", a, b, err)
	}
	if after := fmt.Sprint(ps); after != before {
		t.Errorf("the points were %s and are %s", before, after)
	}
}

func BenchmarkFit(b *testing.B) {
	ps := draw(laws[0], 0.05, 10, rand.New(rand.NewPCG(9, 9)), 1, 2, 4, 8, 16, 32)
	for b.Loop() {
		if _, err := New(ps); err != nil {
			b.Fatal(err)
		}
	}
}

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/refbench/refbench/report/usl"
)

// scalingLines returns eight samples of a law for each number of CPUs.
func scalingLines(strategy string, l usl.Law, cpus ...int) string {
	rng := rand.New(rand.NewPCG(1, uint64(len(strategy))))
	var b strings.Builder
	for _, n := range cpus {
		var ns []float64
		for range 8 {
			ns = append(ns, 1e9/(l.Throughput(float64(n))*math.Exp(0.003*rng.NormFloat64())))
		}
		b.WriteString(samples(strategy, n, "0 violations", ns...))
	}
	return b.String()
}

// The laws of the tests: one peaks within 16 CPUs, at 7.3, one outside, at 94, one nowhere near.
var (
	peaks = usl.Law{Lambda: 80e6, Sigma: 0.2, Kappa: 0.015}
	later = usl.Law{Lambda: 90e6, Sigma: 0.12, Kappa: 0.0001}
	never = usl.Law{Lambda: 200e6, Sigma: 0.01, Kappa: 1e-9}
)

const sixteen = "cpus: 16\n"

func TestScalingIsAFitEverywhere(t *testing.T) {
	s := readBytes(t, []byte(header+sixteen+scalingLines("a", peaks, 1, 2, 4, 8, 16)+scalingLines("b", later, 1, 2, 4, 8, 16)+scalingLines("c", never, 1, 2, 4, 8, 16)))
	var text, page, doc bytes.Buffer
	for _, err := range []error{Text(&text, s), writePage(&page, s, sections()), JSON(&doc, s)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"fits of the Universal Scalability Law, not measured", "X(N) = λN / (1 + σ(N-1) + κN(N-1))", "extrapolated", "none up to 16"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text says nothing of %q:\n%s", want, text.String())
		}
	}
	for want, times := range map[string]int{
		"Scaling: a fit</h2>": 1, "It is a fit, not a measurement": 1,
		"Dashed: a fit of the Universal Scalability Law to a, b and c, not measured.": 4, // views of the chart
	} {
		if n := strings.Count(page.String(), want); n != times {
			t.Errorf("the page has %q %d times, want %d", want, n, times)
		}
	}
	var back struct {
		Scaling []jsonFit     `json:"scaling"`
		Refused []jsonRefusal `json:"scaling_refused"`
	}
	if err := json.Unmarshal(doc.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Scaling) != 3 || len(back.Refused) != 0 {
		t.Fatalf("JSON has %d fits and %d refusals, want 3 and 0", len(back.Scaling), len(back.Refused))
	}
	for i, want := range []struct {
		name         string
		law          usl.Law
		extrapolated bool
	}{{"a", peaks, false}, {"b", later, true}, {"c", never, true}} {
		f := back.Scaling[i]
		if f.Fit != "usl" || f.Strategy != want.name || f.Workload != "getput" || fmt.Sprint(f.CPUs) != "[1 2 4 8 16]" {
			t.Errorf("fit %d is %+v", i, f)
		}
		if math.Abs(*f.Lambda.Value/want.law.Lambda-1) > 0.05 || math.Abs(*f.Sigma.Value-want.law.Sigma) > 0.05 {
			t.Errorf("%s: λ %g and σ %g, want about %g and %g", want.name, *f.Lambda.Value, *f.Sigma.Value, want.law.Lambda, want.law.Sigma)
		}
		if f.Peak.Extrapolated != want.extrapolated {
			t.Errorf("%s: peak extrapolated: %v, want %v", want.name, f.Peak.Extrapolated, want.extrapolated)
		}
	}
	if p := back.Scaling[2].Peak; p.Value != nil || p.High != nil {
		t.Errorf("a peak nowhere near is %v and its upper end %v, want null", p.Value, p.High)
	}
}

// What is beyond the machine's CPUs, wrong, or measured too seldom isn't fitted; with fewer
// than four counts there is nothing, and one line says why.
func TestCurvesWithTooFewCPUsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string // the refusal, or "" for a fit
	}{
		{"three counts", sixteen + scalingLines("a", peaks, 1, 2, 4), "no fit of the Universal Scalability Law: 3 CPU counts: want at least 4, one of them above 2"},
		{"four counts", sixteen + scalingLines("a", peaks, 1, 2, 4, 8), ""},
		{"beyond the machine", "cpus: 4\n" + scalingLines("a", peaks, 1, 2, 4, 8, 16), "no fit of the Universal Scalability Law: 3 CPU counts: want at least 4, one of them above 2; 2 more beyond the machine's 4 CPUs"},
		{"machine not said", scalingLines("a", peaks, 1, 2, 4, 8), ""},
		{"too few samples", sixteen + scalingLines("a", peaks, 1, 2, 4) + samples("a", 8, "", 10, 11, 12), "no fit of the Universal Scalability Law: 3 CPU counts: want at least 4, one of them above 2; 1 more with too few usable samples"},
		{"violations", sixteen + scalingLines("a", peaks, 1, 2, 4, 8) + samples("a", 8, "1 violations", 10), "no fit of the Universal Scalability Law: 3 CPU counts: want at least 4, one of them above 2; 1 more with violations"},
	} {
		s := readBytes(t, []byte(header+tt.text))
		got := strings.Join(s.scaling().refusals(), "|")
		fits := 0
		if tt.want == "" {
			fits = 1
		}
		if got != tt.want || len(s.scaling().fits) != fits {
			t.Errorf("%s: %d fits, %q; want %q", tt.name, len(s.scaling().fits), got, tt.want)
		}
		var text bytes.Buffer
		if err := Text(&text, s); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(text.String(), "no fit"); tt.want != "" && n != 1 {
			t.Errorf("%s: the text says %d times that there is no fit, want once:\n%s", tt.name, n, text.String())
		}
	}
}

// A fit is dashed, in the plot and in its legend, and a plot without a fit has nothing dashed.
func TestFitsAreDashed(t *testing.T) {
	for _, tt := range []struct {
		cpus []int
		want int // dashed lines: one for each strategy, and the legend's
	}{{[]int{1, 2, 4, 8}, 3}, {[]int{1, 2, 4}, 0}} {
		s := readBytes(t, []byte(header+sixteen+scalingLines("a", peaks, tt.cpus...)+scalingLines("bb", later, tt.cpus...)))
		figure := s.throughputFigure(s.Tables[0])
		svg, err := figure.svg()
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(svg, []byte("stroke-dasharray")); n != tt.want {
			t.Errorf("%v CPUs: %d dashed lines, want %d", tt.cpus, n, tt.want)
		}
		if named := bytes.Contains(svg, []byte(fitName)); named != (tt.want > 0) {
			t.Errorf("%v CPUs: the legend says %q: %v", tt.cpus, fitName, named)
		}
		if c := s.correctnessFigure(s.Tables[0]); c == nil || len(c.fits) > 0 {
			t.Errorf("%v CPUs: the plot of violations is %v, or has fits", tt.cpus, c)
		}
	}
}

// No law is drawn beyond what was measured.
func TestFitsEndWhereMeasurementsDo(t *testing.T) {
	s := readBytes(t, []byte(header+"cpus: 8\n"+scalingLines("a", peaks, 1, 2, 4, 8, 16)))
	fit := s.throughputFigure(s.Tables[0]).fits[0]
	if fit == nil || fmt.Sprint(fit.CPUs) != "[1 2 4 8]" {
		t.Fatalf("the fit is %+v, want one of 1, 2, 4 and 8 CPUs", fit)
	}
}

// Other rows than numbers of CPUs have no law.
func TestOnlyCPUsScale(t *testing.T) {
	text := header + sixteen + scalingLines("a", peaks, 1, 2, 4, 8)
	s, err := ReadFrom("test.txt", strings.NewReader(text), Options{Table: "/cpus", Row: "/workload"})
	if err != nil {
		t.Fatal(err)
	}
	if all := s.scaling(); len(all.fits)+len(all.refused) > 0 {
		t.Errorf("with workloads as rows there are %d fits and %d refusals", len(all.fits), len(all.refused))
	}
}

// Whatever is said of a place beyond what was measured has the word with it.
func TestPeaksBeyondWhatWasMeasuredAreCalledExtrapolated(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		peak usl.Estimate
		want string
	}{
		{usl.Estimate{Value: 4, Lo: 3, Hi: 5}, "4 (3 .. 5)"},
		{usl.Estimate{Value: 4, Lo: 3, Hi: 8}, "4 (3 .. 8)"},
		{usl.Estimate{Value: 7, Lo: 5, Hi: 9}, "7 (5 .. 9), extrapolated beyond 8"},
		{usl.Estimate{Value: 9, Lo: 7, Hi: 12}, "9 (7 .. 12), extrapolated"},
		{usl.Estimate{Value: 9, Lo: 7, Hi: inf}, "9 (7 .. ∞), extrapolated"},
		{usl.Estimate{Value: inf, Lo: 30, Hi: inf}, "none up to 8; extrapolated: (30 .. ∞)"},
		{usl.Estimate{Value: inf, Lo: inf, Hi: inf}, "none up to 8"},
	} {
		f := curveFit{fit: &usl.Fit{CPUs: []int{1, 2, 4, 8}, Peak: tt.peak}}
		if got := f.peak(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.peak, got, tt.want)
		}
	}
}

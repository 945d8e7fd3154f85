package report

import (
	"math"
	"strconv"

	"golang.org/x/perf/benchunit"
	"gonum.org/v1/plot"
)

// cpuTicks labels an axis of CPU counts. A few counts are labelled one by one;
// many by powers of two, and the rest get a tick alone.
func cpuTicks(counts []int) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	if len(counts) <= 9 && spaced(counts) {
		for _, n := range counts {
			ticks = append(ticks, plot.Tick{Value: float64(n), Label: strconv.Itoa(n)})
		}
		return ticks
	}
	lo, hi := counts[0], counts[len(counts)-1]
	for n := 1; n <= hi; n *= 2 {
		if n >= lo {
			ticks = append(ticks, plot.Tick{Value: float64(n), Label: strconv.Itoa(n)})
		}
	}
	if len(ticks) == 0 { // between two powers of two, as 65 to 100
		ticks = append(ticks, plot.Tick{Value: float64(lo), Label: strconv.Itoa(lo)})
	}
	if last := ticks[len(ticks)-1].Value; float64(hi) >= 1.4*last {
		ticks = append(ticks, plot.Tick{Value: float64(hi), Label: strconv.Itoa(hi)})
	}
	return ticks
}

// spaced reports whether labels of neighbours have room on a logarithmic axis.
func spaced(counts []int) bool {
	if len(counts) < 2 {
		return true
	}
	span := math.Log2(float64(counts[len(counts)-1]) / float64(counts[0]))
	for i, n := range counts[1:] {
		if math.Log2(float64(n)/float64(counts[i])) < span/18 {
			return false
		}
	}
	return true
}

// linearTicks returns ticks from zero to at least limit.
func linearTicks(limit float64) (ticks plot.ConstantTicks, end float64) {
	step := math.Pow(10, math.Floor(math.Log10(limit)))
	switch m := limit / step; {
	case m <= 1.5:
		step /= 4
	case m <= 3:
		step /= 2
	case m > 7:
		step *= 2
	}
	n := int(math.Ceil(limit/step - 1e-9))
	scale := benchunit.CommonScale([]float64{step}, benchunit.Decimal)
	for i := 0; i <= n; i++ {
		v := step * float64(i)
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v/scale.Factor, 'g', 6, 64) + scale.Prefix})
	}
	ticks[0].Label = "0"
	return ticks, step * float64(n)
}

// logTicks returns ticks at powers of ten that cover lo to hi, both above zero,
// and the axis' ends.
func logTicks(lo, hi float64, label func(float64) string) (ticks plot.ConstantTicks, from, to float64) {
	a, b := math.Floor(math.Log10(lo)), math.Ceil(math.Log10(hi))
	if a == b {
		b++
	}
	from, to = math.Pow(10, a), math.Pow(10, b)
	every := math.Ceil((b - a) / 8)
	for e := a; e <= b; e++ {
		t := plot.Tick{Value: math.Pow(10, e)}
		if math.Mod(e-a, every) == 0 {
			t.Label = label(t.Value)
		}
		ticks = append(ticks, t)
		if b-a <= 2 && e < b { // few decades: label inside them
			for _, m := range []float64{2, 5} {
				ticks = append(ticks, plot.Tick{Value: m * t.Value, Label: label(m * t.Value)})
			}
		}
	}
	return ticks, from, to
}

// siLabel formats a tick: "50M".
func siLabel(v float64) string {
	if v < 1e-9 || v >= 1e15 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	scale := benchunit.CommonScale([]float64{v}, benchunit.Decimal)
	return strconv.FormatFloat(v/scale.Factor, 'g', 4, 64) + scale.Prefix
}

// plainLabel formats a tick without prefixes: "0.001", "1e-6".
func plainLabel(v float64) string {
	if v >= 0.001 && v < 1e6 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	m, e := mantissa(v)
	return m + "e" + strconv.Itoa(e)
}
